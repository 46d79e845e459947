"""Every flight of 2013 with features and scores: the input of all measurements of calm."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from calm_setup import HOME, SCORES

from mlops_nb.core.config import read_params
from mlops_nb.core.files import write_json
from mlops_nb.data.feature_table import build_features
from mlops_nb.data.ingest import select_window_rows
from mlops_nb.data.settings import DataSettings, read_data_settings
from mlops_nb.data.sources import load_tables
from mlops_nb.data.windows import Window, read_windows
from mlops_nb.modeling.measurement import compute_metrics
from mlops_nb.modeling.model import Model
from mlops_nb.modeling.persistence import load_model, save_model
from mlops_nb.modeling.training import TrainingResult, train_model

YEAR = HOME / "year.parquet"
MODEL = HOME / "model"
HELD_OUT = HOME / "valid.parquet"
METRICS = HOME / "metrics.json"
TRAINED_BEFORE = "2013-04"
TRAINING_SETTINGS = (
    "estimator",
    "params",
    "encoding",
    "valid_share",
    "threshold",
    "value",
    "seed",
)


@dataclass(frozen=True)
class Year:
    """All flights, the names of their features, and the rows of each day."""

    flights: pd.DataFrame
    features: list[str]
    rows_of_day: list[np.ndarray]

    def rows_of(self, days: np.ndarray) -> pd.DataFrame:
        """Return the flights of some days, in the order of these."""
        positions = np.concatenate([self.rows_of_day[day] for day in days])
        return self.flights.iloc[positions]


def whole_year(parameters: dict) -> Window:
    """Return the window of all of 2013."""
    windows = {
        "train": {"start": "2012-11", "end": "2012-12"},
        "current": {"start": "2013-01", "end": "2013-12"},
    }
    return read_windows(parameters | {"windows": windows})["current"]


def build_year(
    parameters: dict,
    settings: DataSettings,
) -> pd.DataFrame:
    """Return every flight with keys, time, target and features."""
    window = whole_year(parameters)
    tables = select_window_rows(load_tables(settings, window), settings, window)
    events = tables.pop("events")
    inside = events[window.contains(events[settings.time])]
    features = build_features(
        inside,
        tables,
        settings.time,
        parameters["features"],
        settings.target,
        settings.keys,
    )
    kept = [*settings.keys, settings.time, settings.target]
    new = [column for column in features if column not in kept]
    return pd.concat([inside[kept], features[new]], axis=1).reset_index(drop=True)


def train_on_first_months(
    frame: pd.DataFrame,
    parameters: dict,
    settings: DataSettings,
) -> TrainingResult:
    """Train on January to March, as the pipeline does."""
    data = parameters["data"] | {"keys": list(settings.keys)}
    chosen = {name: parameters["train"][name] for name in TRAINING_SETTINGS}
    return train_model(frame[frame[settings.time] < TRAINED_BEFORE], data, **chosen)


def make_year() -> None:
    """Write the year, and model, held-out predictions and metrics of January to March."""
    parameters = read_params()
    settings = read_data_settings(parameters)
    frame = build_year(parameters, settings)
    fitted = train_on_first_months(frame, parameters, settings)
    held_out = fitted.validation_predictions
    metrics = compute_metrics(fitted.model.task, held_out["y"].to_numpy(), held_out)
    save_model(MODEL, fitted)
    write_json(METRICS, metrics.to_dict())
    held_out.drop(columns="y").to_parquet(HELD_OUT)
    # Renamed at the end: whoever finds the year finds everything.
    unfinished = YEAR.with_suffix(".tmp")
    frame.assign(**fitted.model.predict(frame)).to_parquet(unfinished)
    unfinished.replace(YEAR)


@functools.cache
def read_year() -> Year:
    """Read the year, once for each process."""
    flights = pd.read_parquet(YEAR)
    settings = read_data_settings(read_params())
    no_features = (*settings.keys, settings.time, settings.target, *SCORES)
    features = [column for column in flights if column not in no_features]
    day_of_row = flights[settings.time].dt.day_of_year.to_numpy() - 1
    rows_of_day = [np.flatnonzero(day_of_row == day) for day in range(365)]
    return Year(flights, features, rows_of_day)


@functools.cache
def champion() -> Model:
    """Load the model of January to March, once for each process."""
    return load_model(MODEL)
