"""Scores stay finite, whatever comes in."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.modeling.persistence import load_model

ODD = pd.DataFrame(
    {
        "price": [np.inf, -np.inf, 1e308, -1e308, 5e-324, np.nan, 0.0, None],
        "shop": ["a", "b", None, "never seen", "", "a" * 10_000, "☃", np.nan],
    }
)


@pytest.fixture(scope="module")
def model(small_once):
    """Return a model of prices and shops."""
    return load_model(small_once / "data" / "candidate")


def test_scores_stay_finite(model):
    """Infinite, huge, tiny, missing, never seen: the model answers with a share."""
    assert set(model.columns) == set(ODD)
    scores = model.predict(ODD).score
    assert np.isfinite(scores).all()
    assert scores.between(0, 1).all()


def test_scores_of_the_baseline_stay_finite(model):
    scores = model.baseline.predict(ODD).score
    assert np.isfinite(scores).all()
    assert scores.between(0, 1).all()
