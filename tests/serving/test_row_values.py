"""What a row holds is read as `prepare_features` reads it."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.modeling.encoding import normalize_labels, prepare_features
from mlops_nb.serving.row_values import RowReader, number_texts

NUMBERS = {
    "float": 0.1,
    "int": 7,
    "bool": True,
    "none": None,
    "nan": float("nan"),
    "negative zero": -0.0,
    "infinite": float("inf"),
    "too large": 1e101,
    "inexact int": 2**53 + 1,
    "long int": 3**60,
    "numpy": np.float32(0.1),
}
ODD_NUMBERS = {
    "text": " 2.5 ",
    "text of infinity": "inf",
    "empty": "",
    "decimal": Decimal("1.10"),
    "unknown to pandas": pd.NA,
}
TIMES = {
    "day": "2013-04-01",
    "minute": "2013-04-01T06:30",
    "second": "2013-04-01 06:30:01",
    "in UTC": "2013-04-01T06:30:01Z",
    "elsewhere": "2013-04-01T06:30:01+09:00",
    "part of a second": "2013-04-01T06:30:01.123456",
    "before 1970": "1931-04-01T06:30:01",
    "datetime": datetime(2013, 4, 1, 6, 30),
    "datetime in UTC": datetime(2013, 4, 1, 6, 30, tzinfo=UTC),
    "timestamp": pd.Timestamp("2013-04-01 06:30:01.123456789"),
    "none": None,
    "not a time": pd.NaT,
}
TEXTS = {
    "text": "a",
    "empty": "",
    "none": None,
    "nan": float("nan"),
    "int": 7,
    "whole float": 7.0,
    "float": 7.25,
    "bool": True,
    "list": [1],
    "not a time": pd.NaT,
}


def read_one(
    value,
    kind,
):
    return RowReader({"x": kind}, {"x": []}).read([{"x": value}])


@pytest.mark.parametrize(
    "value", [*NUMBERS.values(), *ODD_NUMBERS.values()], ids=[*NUMBERS, *ODD_NUMBERS]
)
def test_a_number(value):
    expected = prepare_features(pd.DataFrame({"x": [value]}), {"x": "number"})
    assert repr(read_one(value, "number")) == repr(expected.to_numpy())


@pytest.mark.parametrize("value", TIMES.values(), ids=TIMES)
def test_a_time(value):
    expected = prepare_features(pd.DataFrame({"x": [value]}), {"x": "time"})
    np.testing.assert_array_equal(read_one(value, "time"), expected.to_numpy())


@pytest.mark.parametrize("value", TEXTS.values(), ids=TEXTS)
def test_a_text(value):
    (label,) = normalize_labels([value])
    known = [] if pd.isna(label) else [label]
    found = RowReader({"x": "text"}, {"x": known}).read([{"x": value}])
    assert found[0, 0] == 0


def test_a_text_that_was_never_seen():
    found = RowReader({"x": "text"}, {"x": ["a", "b"]}).read([{"x": "c"}])
    assert found[0, 0] == len(number_texts(["a", "b"]))


def test_a_number_of_four_hundred_digits_is_missing():
    assert np.isnan(read_one(10**400, "number")).all()


@pytest.mark.parametrize("kind", ["number", "time"])
def test_words_where_training_had_none_are_refused(kind):
    with pytest.raises(UserError, match="'x'"):
        read_one("many", kind)


def test_a_column_that_is_lacking_is_refused_with_the_number_of_the_row():
    reader = RowReader({"x": "number"}, {})
    with pytest.raises(UserError, match="row 2"):
        reader.read([{"x": 1}, {"y": 1}])
