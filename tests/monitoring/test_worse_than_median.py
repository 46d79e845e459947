"""A model that is worse than always giving the same answer does not stand under a green OK."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.standing import judge_standing
from mlops_nb.monitoring.column_roles import ColumnRoles
from mlops_nb.monitoring.findings import judge_findings
from mlops_nb.monitoring.monitor import monitor
from mlops_nb.monitoring.rules import collect_findings, find_worse_than_constant


def judge(
    value,
    median,
    rows=500,
):
    """Judge a window whose predictions are off by so much ± 5 %, and the median by so much."""
    error = {"value": value, "low": 0.95 * value, "high": 1.05 * value, "n": rows}
    metrics = {"mae": error | {"yardstick": median}}
    others = find_worse_than_constant(metrics)
    return judge_findings(collect_findings(metrics=metrics, others=others))


@pytest.mark.parametrize(
    ("value", "median", "rows", "level"),
    [
        pytest.param(3.4, 3.1, 500, "watch", id="worse"),
        pytest.param(2.9, 3.1, 500, "ok", id="better"),
        pytest.param(3.2, 3.1, 500, "ok", id="worse by chance"),
        pytest.param(3.4, 0.0, 500, "watch", id="mostly zero"),
        pytest.param(3.4, 3.1, 20, "ok", id="few rows"),
        pytest.param(3.4, None, 500, "ok", id="unknown"),
    ],
)
def test_the_level_of_a_model_beside_the_median(
    value,
    median,
    rows,
    level,
):
    assert judge(value, median, rows).level == level


def test_the_first_reason_says_so():
    said = str(judge(3.4, 3.1).reasons[0])
    assert said.startswith("The model is worse than always predicting the median")


def test_production_waits_for_a_decision():
    findings = [found.to_dict() for found in judge(3.4, 3.1).findings]
    standing = judge_standing(findings, "2013-04", [])
    assert standing.level == "watch"
    assert [found["id"] for found in standing.waiting] == ["quality.median.mae"]


@pytest.mark.parametrize(
    ("value", "level"),
    [
        pytest.param(0.50, "watch", id="worse"),
        pytest.param(0.58, "ok", id="worse by chance"),
        pytest.param(0.75, "ok", id="better"),
    ],
)
def test_several_classes_are_held_against_the_most_frequent_one(
    value,
    level,
):
    accuracy = {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 500}
    metrics = {"accuracy": accuracy | {"yardstick": 0.6}}
    others = find_worse_than_constant(metrics)
    assert (
        judge_findings(collect_findings(metrics=metrics, others=others)).level == level
    )


def test_a_table_of_several_classes_has_that_yardstick():
    """Without scores, as `mlops-nb monitor --predicted` reads it."""
    label = np.where(np.arange(300) % 3 == 0, "elm", "beech")
    before = pd.DataFrame({"size": np.arange(300) % 7, "tree": label, "said": label})
    now = before.assign(said=np.where(np.arange(300) % 2 == 0, "elm", "beech"))
    roles = ColumnRoles(label="tree", predicted="said")
    found = {each.id for each in monitor(before, now, roles).verdict.findings}
    assert "quality.commonest.accuracy" in found
