"""Faults put into a fifth of the rows of any table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

PART = 0.2  # of the rows have the fault
LEAST_CODES = 20  # more different whole numbers than this are codes …
MOST_CODES = 1_000
LEAST_ROWS_OF_CODE = 10  # … where each has so many rows on average
KEY = "row"
TARGET = "y"
SEVERITIES = ("ok", "note", "watch", "act")
SCORES = (
    "score",
    "prediction",
    "quality",
)  # what a finding about the model begins with


@dataclass(frozen=True)
class Fault:
    """A fault, and the columns that it is in.

    Attributes:
        name: of the kind.
        columns: by one of which, or by the score, it must be reported.
        rows: the current window with it.
    """

    name: str
    columns: tuple[str, ...]
    rows: pd.DataFrame


@dataclass(frozen=True)
class Window:
    """A window in which nothing is wrong, and what faults need to know of it.

    Attributes:
        rows: key, features and target.
        numbers: columns of numbers, the one that moves the score most first.
        texts: columns of names.
        codes: columns of whole numbers that are codes.
        hit: which rows get a fault.
        task: what is learned.
    """

    rows: pd.DataFrame
    numbers: list[str]
    texts: list[str]
    codes: list[str]
    hit: np.ndarray
    task: str
    random: np.random.Generator

    def replace(
        self,
        name: str,
        fault: str,
        values: pd.Series | np.ndarray,
        where: np.ndarray | None = None,
    ) -> Fault:
        """Return the window with other values of a column, in the rows that are hit."""
        hit = self.hit if where is None else where
        column = self.rows[name].to_numpy(dtype=object)
        changed = pd.Series(np.where(hit, values, column), self.rows.index)
        faulty = self.rows.assign(**{name: changed.infer_objects()})
        return Fault(fault, (name,), faulty)


def are_codes(values: pd.Series) -> bool:
    """Say whether whole numbers repeat as codes do."""
    distinct = values.nunique()
    if not LEAST_CODES < distinct <= MOST_CODES:
        return False
    known = values.dropna()
    is_whole = bool((known % 1 == 0).all())
    return is_whole and len(known) / distinct >= LEAST_ROWS_OF_CODE


def look_at(
    train: pd.DataFrame,
    current: pd.DataFrame,
    task: str,
    weight: Callable[[str], float],
    random: np.random.Generator,
) -> Window:
    """Sort the columns of a window by what faults they can have.

    Args:
        train: the rows that were learned from.
        current: those that are judged.
        task: what is learned.
        weight: of a column, how much it moves the score.
        random: what chance decides by.
    """
    features = train.drop(columns=[KEY, TARGET])
    numbers = [
        name
        for name in features.select_dtypes("number")
        if features[name].nunique() > 2
    ]
    numbers.sort(key=weight, reverse=True)
    texts = list(features.select_dtypes(["object", "string"]))
    codes = [name for name in numbers if are_codes(features[name])]
    chosen = random.permutation(len(current)) < round(PART * len(current))
    return Window(current, numbers, texts, codes, chosen, task, random)


# ---- each kind of fault ----


def tenfold(
    window: Window,
    name: str,
    fault: str,
) -> Fault:
    """Give a number in a unit a tenth as large."""
    return window.replace(name, fault, window.rows[name] * 10)


def top_tenfold(window: Window) -> Fault:
    """Give the number that moves the score most in another unit."""
    return tenfold(window, window.numbers[0], "unit ×10, top number")


def any_tenfold(window: Window) -> Fault:
    """Give a number drawn by chance in another unit."""
    name = str(window.random.choice(window.numbers))
    return tenfold(window, name, "unit ×10, any number")


def swapped(window: Window) -> Fault:
    """Swap the number that moves the score most with another."""
    first = window.numbers[0]
    second = str(window.random.choice(window.numbers[1:]))
    one = window.replace(first, "", window.rows[second]).rows[first]
    other = window.replace(second, "", window.rows[first]).rows[second]
    rows = window.rows.assign(**{first: one, second: other})
    return Fault("swapped columns", (first, second), rows)


def renamed(window: Window) -> Fault:
    """Give the most frequent name of a column another one."""
    name = str(window.random.choice(window.texts))
    values = window.rows[name].astype(object)
    most_frequent = values.mode().iloc[0]
    other = values.where(values != most_frequent, f"{most_frequent} (new)")
    return window.replace(name, "category renamed", other)


def stuck(window: Window) -> Fault:
    """Repeat one value of the number that moves the score most."""
    name = window.numbers[0]
    known = window.rows[name].dropna()
    repeated = np.full(len(window.rows), known.iloc[0])
    return window.replace(name, "stuck sensor", repeated)


def lost(window: Window) -> Fault:
    """Lose the values of a column drawn by chance."""
    name = str(window.random.choice([*window.numbers, *window.texts]))
    return window.replace(name, "missing", np.full(len(window.rows), None))


def other_outcomes(window: Window) -> Fault:
    """Draw the rows that are hit anew among those of one class, or of the upper half."""
    outcome = window.rows[TARGET]
    likely = outcome == outcome.max()
    if window.task == "regression":
        likely = outcome > outcome.median()
    count = int(window.hit.sum())
    drawn = window.random.choice(np.flatnonzero(likely), count)
    kept = window.rows[~window.hit]
    added = window.rows.iloc[drawn].assign(
        **{KEY: window.rows[KEY][window.hit].to_numpy()}
    )
    return Fault("label shift", (TARGET,), pd.concat([kept, added], ignore_index=True))


def merged(
    window: Window,
    fault: str,
    where: np.ndarray,
) -> Fault:
    """Give every second code the number of the one before."""
    name = str(window.random.choice(window.codes))
    values = window.rows[name]
    known = np.sort(values.dropna().unique())
    position = np.searchsorted(known, values)
    before = known[np.clip(position - position % 2, 0, len(known) - 1)]
    return window.replace(name, fault, np.where(values.isna(), values, before), where)


def merged_all(window: Window) -> Fault:
    """Merge codes in all rows."""
    return merged(window, "codes merged, all rows", np.ones(len(window.rows), bool))


def merged_part(window: Window) -> Fault:
    """Merge codes in the rows that are hit."""
    return merged(window, "codes merged", window.hit)


def faulty_windows(window: Window) -> Iterator[Fault]:
    """Yield each fault that a window can have."""
    makers: list[Callable[[Window], Fault]] = [other_outcomes]
    if window.numbers:
        makers += [top_tenfold, any_tenfold, stuck]
    if len(window.numbers) > 1:
        makers.append(swapped)
    if window.texts:
        makers.append(renamed)
    if window.numbers or window.texts:
        makers.append(lost)
    if window.codes:
        makers += [merged_all, merged_part]
    for make in makers:
        yield make(window)


# ---- whether it is reported ----


def severities(findings: list[dict]) -> dict[str, int]:
    """Return how severe each finding is, as a position in `SEVERITIES`."""
    return {found["id"]: SEVERITIES.index(found["severity"]) for found in findings}


def is_about(
    finding: str,
    fault: Fault,
) -> bool:
    """Say whether a finding names a column of the fault, or the model's answers."""
    kind, _, subject = finding.partition(".")
    if kind in SCORES:
        return True
    # contract.range.x, drift.x: names of columns may have points
    named = {subject, subject.partition(".")[2]}
    is_score = any(name.startswith(SCORES) for name in named)
    return is_score or not named.isdisjoint(fault.columns)


def report(
    fault: Fault,
    before: list[dict],
    after: list[dict],
) -> dict[str, bool]:
    """Say whether a fault raises a finding that was not there: a note, at least watch, act."""
    known = severities(before)
    new = [
        SEVERITIES[severity]
        for name, severity in severities(after).items()
        if severity > known.get(name, 0) and is_about(name, fault)
    ]
    return {
        "told": bool(new),
        "found": "watch" in new or "act" in new,
        "act": "act" in new,
    }
