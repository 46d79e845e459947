"""Two or three columns that together name a row."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from mlops_nb.cli.doubts import Answers
from mlops_nb.cli.inference import infer_project

RNG = np.random.default_rng(0)


def with_measures(named):
    """Add measures and a target to what names the rows."""
    frame = pd.DataFrame(named)
    n = len(frame)
    return frame.assign(
        visits=RNG.poisson(4, n),
        spent=RNG.gamma(2, 9, n).round(2),
        y=RNG.integers(0, 2, n),
    )


def make_panel(
    names,
    months=12,
):
    """A row for each of some names and each month, with measures."""
    first = pd.period_range("2022-01", periods=months, freq="M").astype(str)
    named = {"name": np.repeat(names, months), "month": np.tile(first, len(names))}
    return with_measures(named)


def make_lines(orders=100):
    """The lines of orders, of which some have more than others."""
    lines = RNG.integers(1, 6, orders)
    ids = RNG.permutation(9000)[:orders]
    numbers = [np.arange(1, n_lines + 1) for n_lines in lines]
    named = {"order_id": np.repeat(ids, lines), "line_no": np.concatenate(numbers)}
    return with_measures(named)


SHOPS = [f"shop {i}" for i in range(12)]
PANEL = make_panel(SHOPS)
YEARS = PANEL.month.str[:4].astype(int)
MONTHS = PANEL.month.str[5:].astype(int)
WEEKS = pd.date_range("2024-01-01", periods=10, freq="7D").astype(str)
STOCK = pd.DataFrame(
    [*product("abc", range(10), WEEKS)], columns=["shop", "item", "week"]
)
STOCK["sold"] = RNG.poisson(30, 300)


@pytest.mark.parametrize(
    ("frame", "target", "keys"),
    [
        pytest.param(PANEL, "y", ("name", "month"), id="text and month"),
        pytest.param(
            make_panel(range(400, 500), 8), "y", ("name", "month"), id="number"
        ),
        pytest.param(
            PANEL.assign(month=pd.to_datetime(PANEL.month)),
            "y",
            ("name", "month"),
            id="times",
        ),
        pytest.param(
            PANEL.drop(columns="month").assign(year=YEARS, month=MONTHS),
            "y",
            ("name", "year", "month"),
            id="a time in parts",
        ),
        pytest.param(make_lines(), "y", ("order_id", "line_no"), id="lines of orders"),
        pytest.param(STOCK, "sold", ("shop", "item", "week"), id="three"),
        pytest.param(
            PANEL.sample(frac=1, random_state=0), "y", ("name", "month"), id="shuffled"
        ),
        pytest.param(
            PANEL.sample(100, random_state=0), "y", ("name", "month"), id="with holes"
        ),
    ],
)
def test_columns_that_together_name_a_row_are_the_key(
    frame,
    target,
    keys,
):
    found, _ = infer_project(frame.reset_index(drop=True), target)
    assert found.keys == keys
    assert "together name a row" in " ".join(found.notes)
    assert "+".join(keys) in [doubt.inferred for doubt in found.doubts]


def test_an_answer_stands_over_them():
    found, _ = infer_project(PANEL, "y", answers=Answers({"keys": "none"}, "Ada"))
    assert found.keys == ()
    assert "together name a row" not in " ".join(found.notes)


ROWS = 400
GROUPS = RNG.integers(0, 6, ROWS)
DAYS = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS), "h"))


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(
            {"group_id": GROUPS, "height": RNG.normal(size=ROWS)}, id="a float"
        ),
        pytest.param(
            {"group_id": GROUPS, "steps": RNG.permutation(ROWS)}, id="a count"
        ),
        pytest.param({"group_id": GROUPS, "at": DAYS.astype(str)}, id="a moment"),
        pytest.param(
            {"group_id": GROUPS, "day": DAYS.dt.strftime("%Y-%m-%d")}, id="twice"
        ),
    ],
)
def test_what_differs_together_by_chance_is_no_key(columns):
    frame = pd.DataFrame(columns | {"y": RNG.integers(0, 2, ROWS)})
    assert infer_project(frame, "y")[0].keys == ()


def test_one_column_that_names_a_row_is_the_key_alone():
    frame = PANEL.assign(row_id=np.arange(len(PANEL)))
    assert infer_project(frame, "y")[0].keys == ("row_id",)


def test_a_target_is_no_part_of_the_key():
    panel = PANEL.rename(columns={"name": "who"})
    assert infer_project(panel, "who")[0].keys == ()


@pytest.mark.parametrize(
    ("name", "is_feature"),
    [
        pytest.param("customer_id", False, id="called like a key"),
        pytest.param("country", True, id="not called like one"),
    ],
)
def test_a_customer_of_few_rows_is_no_feature_but_a_country_is(
    name,
    is_feature,
):
    """What is called like a key tells one from another; what is not may tell of the target."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            name: np.repeat(np.arange(300), 5),
            "visit_no": np.tile(np.arange(5), 300),
            "x": draw.normal(size=1500),
            "y": draw.random(1500) < 0.4,
        }
    )
    found, _ = infer_project(frame, "y")
    assert found.keys == (name, "visit_no")
    assert (name in found.shared_keys) is is_feature
