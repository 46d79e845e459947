"""Rows that models learn from and rows that judge them, and how far off a model is.

Both sides of the comparison use this, so nothing of the project is imported.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from model_tables import FACTS, seed_of

LATEST_SHARE = 0.15  # of the rows judges where a table has times
LEAST_EARLY_SHARE = 0.6  # of the rows must be left to learn from
RANDOM_SHARE = 0.25  # judges where it has none
RAREST_LEARNED = 4  # rows of a class among those that are learned from
LEAST_SHARE = 1e-15  # of a class; its logarithm is finite


def latest_rows(
    times: np.ndarray,
    share: float = LATEST_SHARE,
) -> np.ndarray:
    """Say of each row, in the order of times, whether it judges; equal times stay together."""
    n_rows = len(times)
    middle = int(n_rows * (1 - share))
    cut = int(np.searchsorted(times, times[middle]))
    if cut < n_rows * LEAST_EARLY_SHARE:
        cut = int(np.searchsorted(times, times[middle], "right"))
    return np.arange(n_rows) >= cut


def random_rows(
    n_rows: int,
    seed: list[int],
    share: float = RANDOM_SHARE,
) -> np.ndarray:
    """Say of each row whether it judges, by chance."""
    order = np.random.default_rng(seed).permutation(n_rows)
    return order >= round(n_rows * (1 - share))


@dataclass(frozen=True)
class Table:
    """A table, parted into rows to learn from and rows that judge.

    Attributes:
        facts: name, task, time and sizes, as `model_tables.describe` gives them.
        early: rows to learn from, the target as `y`.
        late: rows that judge.
        seed: of whatever is random.
    """

    facts: dict
    early: pd.DataFrame
    late: pd.DataFrame
    seed: int = 0

    @property
    def task(self) -> str:
        """What is learned: binary, multiclass or regression."""
        return self.facts["task"]

    @property
    def time(self) -> str | None:
        """The column of time, where there is one."""
        return self.facts["time"]

    @cached_property
    def n_classes(self) -> int:
        """How many classes there are to learn."""
        return int(self.early["y"].max()) + 1


def part_rows(
    facts: dict,
    frame: pd.DataFrame,
    judges: np.ndarray,
    seed: int = 0,
) -> Table:
    """Part a table; a class with hardly a row to learn from goes, as nobody could know it."""
    if facts["task"] != "regression":
        learned = frame["y"][~judges].value_counts()
        kept = frame["y"].isin(learned[learned >= RAREST_LEARNED].index)
        frame = frame[kept]
        judges = judges[kept]
        frame = frame.assign(y=pd.factorize(frame["y"], sort=True)[0])
    early = frame[~judges].reset_index(drop=True)
    late = frame[judges].reset_index(drop=True)
    return Table(facts, early, late, seed)


def load_table(
    folder: Path,
    facts: dict,
    seed: int,
) -> Table:
    """Read a table and part it: by its times, or without them by a seed."""
    frame = pd.read_parquet(folder / f"{facts['name']}.parquet")
    if facts["time"]:
        judges = latest_rows(frame[facts["time"]].to_numpy())
    else:
        judges = random_rows(len(frame), [seed, seed_of(facts["name"])])
    return part_rows(facts, frame, judges, seed)


def list_facts(folder: Path) -> list[dict]:
    """Return what each table of a folder is."""
    return json.loads((folder / FACTS).read_text())


def log_loss(
    outcome: np.ndarray,
    shares: np.ndarray,
) -> float:
    """Return the mean negative logarithm of the probability that the true class was given."""
    normalised = shares / shares.sum(axis=1, keepdims=True)
    of_outcome = normalised[np.arange(len(outcome)), outcome.astype(int)]
    return float(-np.log(np.clip(of_outcome, LEAST_SHARE, 1)).mean())


def losses(
    table: Table,
    predicted: np.ndarray,
) -> dict[str, float]:
    """Return how far predictions are off: the loss that counts first.

    Args:
        table: its late rows are those that were predicted.
        predicted: numbers, or probabilities of the classes, a column each.
    """
    outcome = table.late["y"].to_numpy()
    if table.task == "regression":
        errors = outcome - predicted
        rmse = float(np.sqrt((errors**2).mean()))
        return {"mae": float(np.abs(errors).mean()), "rmse": rmse}
    accuracy = float((predicted.argmax(1) == outcome).mean())
    return {"log_loss": log_loss(outcome, predicted), "accuracy": accuracy}
