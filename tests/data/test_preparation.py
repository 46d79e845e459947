"""What is told of a window that was made ready."""

import pandas as pd
import pytest
from helpers.project import sales

from mlops_nb.data.contract import infer_contract
from mlops_nb.data.preparation import prepare_window
from mlops_nb.data.settings import DataSettings
from mlops_nb.data.window_rows import WindowRows
from mlops_nb.data.windows import Window

SETTINGS = DataSettings(source="a.csv", target="y", time="day", keys=("id",))
START = pd.Timestamp("2020-01-01")


def tell(
    name,
    rows,
):
    """The reasons that are told of a window with so many rows."""
    window = Window(name, START, START + pd.Timedelta("200D"))
    table = sales(rows)
    agreed = infer_contract(table, SETTINGS)
    data = WindowRows(window, SETTINGS, table, 0, {})
    prepared = prepare_window(data, agreed, {"columns": "auto"}, {})
    return [str(reason) for reason in prepared.summarise()["reasons"]]


def test_a_window_with_too_few_rows_to_judge_by_says_so():
    said = tell("current", 20)
    assert said[0].startswith("Only 20 rows are in this window: too few to judge")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        pytest.param("current", 60, id="enough"),
        pytest.param("train", 20, id="training"),
    ],
)
def test_other_windows_say_nothing(
    name,
    rows,
):
    assert tell(name, rows) == []
