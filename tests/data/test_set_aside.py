"""The few rows that alone break the contract are set aside by name, and the rest is used."""

import pandas as pd
import pytest

from mlops_nb.data.column_rule import ColumnRule
from mlops_nb.data.contract import DataContract
from mlops_nb.data.set_aside import set_rows_aside
from mlops_nb.data.settings import DataSettings

SETTINGS = DataSettings(source="a.csv", target="y", keys=("id",))
CONTRACT = DataContract(
    {
        "id": ColumnRule("integer", unique=True, max_missing=0.0),
        "price": ColumnRule("number", min=0),
        "shop": ColumnRule("text", allowed=["a", "b"]),
        "seats": ColumnRule("integer", max=9),
    }
)


def orders(rows=100):
    """Return rows that keep the contract."""
    columns = {"id": range(rows), "price": 1.5, "shop": "a", "seats": 2}
    return pd.DataFrame(columns)


def with_cell(
    column,
    value,
):
    """Return such rows with another value in the row 7, as a CSV file would bring them."""
    table = orders()
    table[column] = table[column].astype(object)
    table.loc[7, column] = value
    if isinstance(value, str):
        table[column] = table[column].astype("str")
    return table.infer_objects()


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        pytest.param("price", "12,5", "7 (price: 12,5)", id="text among numbers"),
        pytest.param("price", -3.0, "7 (price: -3.0)", id="below the least"),
        pytest.param("price", float("inf"), "7 (price: inf)", id="infinite"),
        pytest.param("shop", "z", "7 (shop: z)", id="not allowed"),
        pytest.param("seats", "two", "7 (seats: two)", id="text among whole numbers"),
        pytest.param("seats", 2.5, "7 (seats: 2.5)", id="not whole"),
        pytest.param("id", None, "nan (id: nan)", id="no key"),
    ],
)
def test_a_bad_cell_costs_its_row_alone(
    column,
    value,
    named,
):
    rest, report = set_rows_aside(with_cell(column, value), CONTRACT, SETTINGS)
    assert report.named == (named,)
    assert report.level == "watch"
    assert sorted(rest.index) == [i for i in range(100) if i != 7]
    assert pd.api.types.is_numeric_dtype(rest.price)


def test_rows_of_one_key_are_set_aside_together():
    _, report = set_rows_aside(with_cell("id", 3), CONTRACT, SETTINGS)
    assert report.set_aside == 2


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(orders().drop(columns="price"), id="a column is gone"),
        pytest.param(orders().assign(price="much"), id="all values are wrong"),
        pytest.param(orders().assign(seats=[99] * 11 + [2] * 89), id="many rows"),
    ],
)
def test_a_window_that_is_wrong_as_a_whole_is_not_mended(table):
    rest, report = set_rows_aside(table, CONTRACT, SETTINGS)
    assert report.level == "act"
    assert report.set_aside == 0
    assert len(rest) == len(table)


def test_rows_that_keep_the_contract_are_as_they_were():
    table = orders()
    rest, report = set_rows_aside(table, CONTRACT, SETTINGS)
    assert rest is table
    assert "set_aside" not in report.to_dict()
