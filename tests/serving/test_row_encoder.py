"""Rows are encoded as the fitted encoder does it, to the last bit."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.modeling.encoding import prepare_features
from mlops_nb.modeling.training import train_model
from mlops_nb.serving.row_encoder import RowEncoder


def draw_days(n_rows=900):
    """Draw two years of hours with a text of many and one of few values, and gaps."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"size": random.normal(size=n_rows)})
    table["shop"] = random.choice([*"abcdefghijklmnop", None], n_rows)
    table["kind"] = random.choice(["x", "y"], n_rows)
    hours = pd.to_timedelta(np.arange(n_rows) * 20, "h")
    table["at"] = pd.Timestamp("2011-01-01") + hours
    table.loc[::7, "size"] = np.nan
    size = table["size"].fillna(1)
    return table.assign(y=size + (table["shop"] == "a") + np.arange(n_rows) / 400)


def as_encoded(
    model,
    rows,
):
    """Return rows as the quick encoder and as the fitted one encode them."""
    prepared = prepare_features(pd.DataFrame(rows), model.inputs)
    expected = model.pipeline[0].transform(prepared)
    return RowEncoder(model.pipeline[0], model.inputs).encode(rows), expected


@pytest.fixture(scope="module", params=["ordinal", "target", "auto"])
def model(request):
    """Return a blend whose texts are encoded in some way."""
    data = {"target": "y", "task": "regression", "time": "at"}
    settings = {"estimator": "auto", "encoding": request.param}
    return train_model(draw_days(), data, **settings).model


TEXTS = (
    {"shop": "a", "kind": "x"},
    {"shop": None, "kind": ""},
    {"shop": "?", "kind": "?"},
)


@pytest.mark.parametrize("texts", TEXTS, ids=["known", "missing", "unseen"])
def test_texts(model, texts):
    found, expected = as_encoded(model, [{"size": 0.5, "at": "2012-03-04", **texts}])
    assert found.tobytes() == expected.tobytes()


SIZES = {"gap": None, "negative zero": -0.0, "absurd": -1e99, "infinite": float("inf")}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_numbers(model, size):
    row = {"size": size, "at": "2012-03-04", "shop": "a", "kind": "y"}
    found, expected = as_encoded(model, [row])
    np.testing.assert_array_equal(found, expected)


def test_every_hour_of_years_with_and_without_a_leap_day(model):
    times = pd.date_range("1999-12-30", "2001-01-03", freq="53min").floor("s")
    spread = pd.date_range("1834-01-01", "2105-12-31", periods=3000).floor("s")
    rows = []
    for time in [*times[::7], *spread, None]:
        written = time and time.isoformat()
        rows.append({"size": 0.0, "at": written, "shop": "b", "kind": "x"})
    found, expected = as_encoded(model, rows)
    np.testing.assert_array_equal(found, expected)


def test_a_time_of_long_ago(model):
    row = {"size": 0.0, "at": "1702-03-01T05:11:13", "shop": "b", "kind": "x"}
    found, expected = as_encoded(model, [row])
    np.testing.assert_array_equal(found, expected)
