"""A table of half days, and what `ingest` makes of it by the settings of a test."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.data.ingest import select_window_rows
from mlops_nb.data.settings import read_data_settings
from mlops_nb.data.sources import load_tables
from mlops_nb.data.windows import read_windows

WINDOWS = {
    "train": {"start": "2020-01", "end": "2020-03"},
    "current": {"start": "2020-04", "end": "2020-04"},
}
DATA = {
    "target": "y",
    "task": "binary",
    "time": "day",
    "keys": ["id"],
    "depends": "data",
}
DAYS = pd.date_range("2020-01-01", periods=240, freq="12h")  # 1 January to 29 April
TABLE = pd.DataFrame({"id": range(240), "day": DAYS, "y": np.arange(240) % 2, "x": 1.5})


def select_tables(
    window="train",
    windows=WINDOWS,
    **settings,
):
    """Return the tables that `ingest` would write for a window."""
    params = {"data": DATA | settings, "windows": windows}
    chosen = read_data_settings(params)
    bounds = read_windows(params)[window]
    return select_window_rows(load_tables(chosen, bounds), chosen, bounds)


def events(
    window="train",
    windows=WINDOWS,
    **settings,
):
    """Return the events that `ingest` would write for a window."""
    return select_tables(window, windows, **settings)["events"]


def refused(
    *words,
    **settings,
):
    """Require an error that has all of these words."""
    with pytest.raises(UserError) as caught:
        events(**settings)
    for word in words:
        assert word in str(caught.value), str(caught.value)
