"""Bins in which two samples of one distribution differ by chance alone."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.data.profile import profile_table
from mlops_nb.monitoring.binning import align_columns, bin_counts
from mlops_nb.monitoring.significance import homogeneity_p_value


@pytest.mark.parametrize(
    ("n_names", "rows"),
    [
        pytest.param(30, 130, id="few rows a name"),
        pytest.param(142, 426, id="more names than bins"),
    ],
)
def test_names_that_are_frequent_by_chance_are_no_drift(
    n_names,
    rows,
):
    """The order of names must not say which of the two samples has more of them."""
    chances = []
    for seed in range(100):
        draw = np.random.default_rng(seed)
        drawn = [
            pd.DataFrame({"name": draw.integers(0, n_names, size).astype(str)})
            for size in (3 * rows, rows)
        ]
        before, now = (profile_table(frame).columns["name"] for frame in drawn)
        chances.append(homogeneity_p_value(*bin_counts(align_columns(before, now)), 5))
    assert np.mean(np.array(chances) < 0.05) < 0.12
    assert min(chances) > 1e-4


@pytest.mark.parametrize(
    "frequent",
    [
        pytest.param(0, id="all unlike"),
        pytest.param(40, id="a few frequent ones"),
        pytest.param(100, id="half frequent"),
    ],
)
def test_names_of_single_rows_are_no_drift(frequent):
    random = np.random.default_rng(frequent)
    names = [f"row {i}" for i in range(200 - frequent)]
    names += list(random.choice(["A", "B", "C"], frequent))
    p_values = []
    for _ in range(200):
        drawn = pd.DataFrame({"name": random.permutation(names)})
        parts = (drawn[:150], drawn[150:])
        before, now = (profile_table(part).columns["name"] for part in parts)
        counts = bin_counts(align_columns(before, now))
        p_values.append(homogeneity_p_value(*counts, 5))
    assert np.mean(np.array(p_values) < 0.05) <= 0.08
