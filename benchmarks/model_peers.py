"""The peers: what somebody would fit to a table without this project.

It runs in an environment of its own: `python model_peers.py TABLES RESULTS SEED NAME …` appends a
line of JSON for each table and peer that is not there yet.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from model_splits import Table, list_facts, load_table, losses
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

MOST_CATEGORIES = 254  # that HistGradientBoosting takes as categories
MOST_NAMES = 50  # of a column that become columns of a linear model
PENALTIES = np.logspace(-3, 4, 15)
ONE_DAY = pd.Timedelta("1D")
CALENDAR = ("year", "month", "day", "dayofweek", "hour", "dayofyear")


# ---- columns ----


def days_since_1970(values: pd.Series) -> pd.Series:
    """Return times as numbers."""
    return (values - pd.Timestamp(0)) / ONE_DAY


def time_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns that hold times."""
    return list(frame.select_dtypes("datetime"))


def text_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns that hold texts."""
    return list(frame.select_dtypes(["object", "string"]))


def number_times(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose times are numbers."""
    numbers = {name: days_since_1970(frame[name]) for name in time_columns(frame)}
    return frame.assign(**numbers)


def part_times(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose times are numbers, with the parts of the calendar beside them."""
    parts = {}
    for name in time_columns(frame):
        for part in CALENDAR:
            parts[f"{name} {part}"] = getattr(frame[name].dt, part).astype(float)
    return number_times(frame).assign(**parts)


def code_texts(
    early: pd.DataFrame,
    late: pd.DataFrame,
    most: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both with texts as categories; columns of more than so many become codes."""
    early = early.copy()
    late = late.copy()
    for name in text_columns(early):
        known = np.sort(early[name].dropna().unique())
        for frame in (early, late):
            coded = pd.Categorical(frame[name], categories=known)
            if len(known) > most:
                coded = np.where(coded.codes < 0, np.nan, coded.codes)
            frame[name] = coded
    return early, late


# ---- models ----


def pick(
    table: Table,
    for_numbers: Any,
    for_classes: Any,
) -> Any:
    """Return what a task asks for."""
    return for_numbers if table.task == "regression" else for_classes


def predict(
    table: Table,
    model: Any,
    early: pd.DataFrame,
    late: pd.DataFrame,
) -> np.ndarray:
    """Fit to the early rows; return numbers, or probabilities, of the late ones."""
    model.fit(early, table.early["y"].to_numpy())
    if table.task == "regression":
        return model.predict(late)
    return model.predict_proba(late)


def features(table: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both parts without the target."""
    return table.early.drop(columns="y"), table.late.drop(columns="y")


def boost_histograms(
    table: Table,
    early: pd.DataFrame,
    late: pd.DataFrame,
) -> np.ndarray:
    """HistGradientBoosting with its defaults, texts as categories."""
    coded = code_texts(early, late, MOST_CATEGORIES)
    make = pick(table, HistGradientBoostingRegressor, HistGradientBoostingClassifier)
    return predict(table, make(random_state=table.seed), *coded)


def plain_booster(table: Table) -> np.ndarray:
    """HistGradientBoosting, times as numbers."""
    early, late = features(table)
    return boost_histograms(table, number_times(early), number_times(late))


def calendar_booster(table: Table) -> np.ndarray:
    """HistGradientBoosting with the parts of the calendar."""
    early, late = features(table)
    return boost_histograms(table, part_times(early), part_times(late))


def lightgbm(table: Table) -> np.ndarray:
    """LightGBM with its defaults, texts as categories, the parts of the calendar."""
    import lightgbm

    early, late = features(table)
    early, late = code_texts(part_times(early), part_times(late), np.inf)
    numbers = {
        name: f"column {i}" for i, name in enumerate(early)
    }  # it forbids some names
    make = pick(table, lightgbm.LGBMRegressor, lightgbm.LGBMClassifier)
    model = make(random_state=table.seed, verbosity=-1, n_jobs=1)
    return predict(
        table, model, early.rename(columns=numbers), late.rename(columns=numbers)
    )


def linear(table: Table) -> np.ndarray:
    """Ridge or logistic regression: scaled numbers, one column a name, calendar parts."""
    early, late = features(table)
    for_numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
    )
    for_texts = OneHotEncoder(
        max_categories=MOST_NAMES,
        handle_unknown="infrequent_if_exist",
    )
    columns = ColumnTransformer(
        [
            ("numbers", for_numbers, make_column_selector(dtype_include="number")),
            ("texts", for_texts, text_columns),
        ]
    )
    logistic = LogisticRegression(max_iter=1000)
    model = make_pipeline(columns, pick(table, RidgeCV(alphas=PENALTIES), logistic))
    return predict(table, model, part_times(early), part_times(late))


def skrub_pipeline(table: Table) -> np.ndarray:
    """What skrub proposes for any table."""
    import skrub

    np.random.seed(table.seed)  # it draws from there
    model = skrub.tabular_pipeline(pick(table, "regressor", "classifier"))
    return predict(table, model, *features(table))


def constant(table: Table) -> np.ndarray:
    """The mean, or the shares of the classes."""
    outcome = table.early["y"].to_numpy()
    if table.task == "regression":
        return np.full(len(table.late), outcome.mean())
    shares = np.bincount(outcome, minlength=table.n_classes) / len(outcome)
    return np.tile(shares, (len(table.late), 1))


PEERS: dict[str, Callable[[Table], np.ndarray]] = {
    "hgb": plain_booster,
    "hgb_calendar": calendar_booster,
    "lightgbm": lightgbm,
    "linear": linear,
    "skrub": skrub_pipeline,
    "constant": constant,
}


# ---- measuring ----


def measure(
    table: Table,
    fit: Callable[[Table], np.ndarray],
) -> dict[str, float]:
    """Return the losses of a model, and the CPU seconds of fitting and predicting."""
    begun = time.process_time()
    predicted = fit(table)
    seconds = time.process_time() - begun
    return losses(table, predicted) | {"cpu": round(seconds, 3)}


def warm_up(fits: dict[str, Callable]) -> None:
    """Fit each model once to little, so that no import is counted."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=60), "y": np.arange(60) % 2})
    facts = {"name": "warm-up", "task": "binary", "time": None}
    for fit in fits.values():
        fit(Table(facts, frame, frame))


def done_before(results: Path) -> set[tuple]:
    """Return what the lines of a file already tell: table, seed and model."""
    if not results.exists():
        return set()
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    return {(line["table"], line["seed"], line["model"]) for line in lines}


def run_models(
    fits: dict[str, Callable],
    tables: Path,
    results: Path,
    seed: int,
    names: list[str],
) -> None:
    """Measure models on tables; append a line for each that is not there yet."""
    warnings.simplefilter("ignore")
    done = done_before(results)
    warm_up(fits)
    for facts in list_facts(tables):
        name = facts["name"]
        missing = [model for model in fits if (name, seed, model) not in done]
        if name not in names or not missing:
            continue
        table = load_table(tables, facts, seed)
        for model in missing:
            line = {"table": name, "seed": seed, "model": model}
            line |= measure(table, fits[model])
            with results.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(f"{name} {model} {line['cpu']:.1f} CPU s", flush=True)


if __name__ == "__main__":
    tables_folder, results_file, chosen_seed, *chosen = sys.argv[1:]
    run_models(PEERS, Path(tables_folder), Path(results_file), int(chosen_seed), chosen)
