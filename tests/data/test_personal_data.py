"""Columns that look personal: by name, and by what is in them."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.data.personal_data import find_personal_columns

ROWS = range(100)
PEOPLE = pd.DataFrame({"customer_id": ROWS, "CustomerName": "x"})
PEOPLE["reach"] = [f"a{i}@example.com" for i in ROWS]
PEOPLE["desk"] = [f"+44 20 7946 {i:04d}" for i in ROWS]
PEOPLE["who"] = [f"Ada {chr(65 + i % 26)}{'abcdef'[i % 6]}" for i in ROWS]
PEOPLE["plane"] = [f"N{i + 1000}QX" for i in ROWS]
PEOPLE["city"] = ["New York", "Boston"] * 50
PEOPLE["day"] = [f"2026-01-{i % 28 + 1:02d}" for i in ROWS]
PEOPLE["電話番号"] = "1"
PEOPLE["price"] = np.linspace(0, 1, 100)
PEOPLE["names_seen"] = 1
PEOPLE["paid"] = [0, 1] * 50


def test_columns_that_look_personal():
    assert [found["column"] for found in find_personal_columns(PEOPLE)] == [
        "customer_id",
        "CustomerName",
        "reach",
        "desk",
        "who",
        "plane",
        "電話番号",
        "names_seen",
    ]


def test_words_count_not_letters():
    harmless = pd.DataFrame(
        {"valid": [1.5], "mailing": ["a"], "idle": ["b"], "covid": [1]}
    )
    assert find_personal_columns(harmless) == []


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        pytest.param("customer_id", "name", id="name"),
        pytest.param("reach", "texts", id="texts"),
        pytest.param("serial", "numbers", id="numbers"),
    ],
)
def test_a_finding_says_what_looks_personal(
    column,
    kind,
):
    table = PEOPLE.assign(serial=ROWS)
    kinds = {found["column"]: found["kind"] for found in find_personal_columns(table)}
    assert kinds[column] == kind
