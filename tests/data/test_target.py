"""The target as the model learns it."""

import pytest
from helpers.project import sales

from mlops_nb.core.errors import UserError
from mlops_nb.data.contract import infer_contract
from mlops_nb.data.contract_check import check_contract
from mlops_nb.data.settings import DataSettings
from mlops_nb.data.target import extract_target


def test_infinite_targets_are_named():
    settings = DataSettings(
        source="a.csv",
        target="y",
        task="regression",
        time="day",
        keys=("id",),
    )
    good = sales(60)
    good["y"] = good.id + 0.5
    bad = good.assign(y=good.y.where(good.id > 1, float("inf")))
    assert extract_target(bad, settings).isna().sum() == 2
    report = check_contract(
        bad, infer_contract(good, settings), settings, is_training=True
    )
    with pytest.raises(UserError, match="target y has 2 infinite values"):
        report.raise_if_broken()
