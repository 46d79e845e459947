"""A table of many columns, the same on every machine: the input of `bench_wide.py`."""

from pathlib import Path

import numpy as np
import pandas as pd

TARGET = "left"
TIME = "day"
SEED = 0
SHARE_OF_NAMES = 0.05  # of the columns
SHARE_OF_CONSTANTS = 0.02
SHARE_OF_TEXTS = 0.01  # that differ in every row
SHARE_WITH_MISSING = 0.2
FIRST_DAY = "2024-01-01"
N_DAYS = 360


def _make_names(
    random: np.random.Generator,
    n_rows: int,
    number: int,
) -> np.ndarray:
    """Draw names: two to forty different ones, the first the most frequent."""
    n_names = 2 + number * 7 % 39
    weights = 1 / np.arange(1, n_names + 1)
    names = np.array([f"name {i}" for i in range(n_names)])
    return random.choice(names, n_rows, p=weights / weights.sum())


def _make_numbers(
    random: np.random.Generator,
    n_rows: int,
    number: int,
) -> np.ndarray:
    """Draw numbers: normal ones, skewed ones, counts, by turns."""
    if number % 4 == 1:
        return random.lognormal(0, 1, n_rows).round(3)
    if number % 4 == 2:
        return random.poisson(3 + number % 50, n_rows)
    return random.normal(number % 7, 1 + number % 3, n_rows).round(4)


def _make_column(
    random: np.random.Generator,
    n_rows: int,
    number: int,
    n_columns: int,
) -> tuple[str, np.ndarray]:
    """Draw the column of this number: its name and its values."""
    place = number / n_columns
    texts_from = 1 - SHARE_OF_TEXTS
    constants_from = texts_from - SHARE_OF_CONSTANTS
    names_from = constants_from - SHARE_OF_NAMES
    if place >= texts_from:
        drawn = random.integers(0, 2**60, n_rows)
        return f"text_{number}", np.array([f"t{value:x}" for value in drawn])
    if place >= constants_from:
        return f"constant_{number}", np.full(n_rows, number)
    if place >= names_from:
        return f"name_{number}", _make_names(random, n_rows, number)
    return f"x_{number}", _make_numbers(random, n_rows, number)


def _draw_target(
    random: np.random.Generator,
    columns: dict[str, np.ndarray],
) -> np.ndarray:
    """Draw the target: it depends on four columns, and on chance."""
    strong = [columns[name] for name in ("x_0", "x_3", "x_4", "x_7")]
    scaled = [(values - values.mean()) / values.std() for values in strong]
    logit = scaled[0] - scaled[1] + 0.5 * scaled[2] * scaled[3] - 1
    chance = 1 / (1 + np.exp(-logit))
    return (random.random(len(logit)) < chance).astype(int)


def make_wide(
    n_rows: int,
    n_columns: int,
    dated: bool = True,
    seed: int = SEED,
) -> pd.DataFrame:
    """Make a table: numbers, names, constants, texts, cells missing, a binary target.

    Args:
        n_rows: How many rows.
        n_columns: How many columns, target and day among them.
        dated: Whether there is a day of each row, by which the rows are ordered.
        seed: Of the values; other seeds draw other rows of the same world.
    """
    random = np.random.default_rng(seed)
    n_others = n_columns - 1 - dated
    drawn = [_make_column(random, n_rows, i, n_others) for i in range(n_others)]
    columns = dict(drawn)
    columns[TARGET] = _draw_target(random, columns)
    frame = pd.DataFrame(columns)
    n_with_missing = int(SHARE_WITH_MISSING * n_others)
    for i in range(10, 10 + n_with_missing):
        is_missing = random.random(n_rows) < 0.01 * (1 + i % 20)
        frame.iloc[is_missing, i] = None
    if dated:
        day = np.sort(random.integers(0, N_DAYS, n_rows))
        days = pd.Timestamp(FIRST_DAY) + pd.to_timedelta(day, unit="D")
        frame.insert(0, TIME, days)
    return frame


def write_wide(
    path: Path,
    *arguments,
    **options,
) -> Path:
    """Write such a table as CSV or Parquet."""
    frame = make_wide(*arguments, **options)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path
