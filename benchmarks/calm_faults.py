"""Faults put into windows in which nothing else is wrong."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from calm_handover import hand_over
from calm_monitor import (
    CUSTOMARY_WATCH,
    CalmReference,
    compare,
    judge,
    learn_reference,
    learn_thresholds_once,
    watched_metrics,
)
from calm_setup import (
    FAULT_WINDOWS,
    FAULTS,
    FEATURE_FAULTS,
    LABELLED_FAULTS,
    SCORES,
    SEED,
    SHARES,
)
from calm_windows import draw_window, split_year
from calm_year import champion, read_year

from mlops_nb.data.profile import Profile, profile_table

FIRST_SEED = 100  # so that other splits are drawn than for false alarms
SEVERITIES = ("ok", "watch", "act")
ACT = SEVERITIES.index("act")
Columns = dict[str, pd.Series]


# ---- putting a fault into the last rows of a window ----


def in_kilometres(rows: pd.DataFrame) -> Columns:
    """Give the distance in kilometres rather than miles."""
    return {"distance": rows["distance"] * 1.609}


def in_metres_per_second(rows: pd.DataFrame) -> Columns:
    """Give the wind in metres a second rather than miles an hour."""
    return {"wind": rows["wind"] * 0.447}


def swapped(rows: pd.DataFrame) -> Columns:
    """Swap two columns of the same kind."""
    first, second = FAULTS["two columns swapped"]
    return {first: rows[second], second: rows[first]}


def renamed(rows: pd.DataFrame) -> Columns:
    """Give a carrier another name."""
    return {"carrier": rows["carrier"].astype(object).replace({"UA": "UAL"})}


def stuck(rows: pd.DataFrame) -> Columns:
    """Repeat the first humidity."""
    humidity = float(rows["humidity"].iloc[0])
    return {"humidity": pd.Series(humidity, index=rows.index)}


def lost(rows: pd.DataFrame) -> Columns:
    """Lose all values of a column."""
    return {"late_carrier_slot": pd.Series(np.nan, index=rows.index)}


CHANGES: dict[str, Callable[[pd.DataFrame], Columns]] = {
    "distance in km": in_kilometres,
    "wind in m/s": in_metres_per_second,
    "two columns swapped": swapped,
    "a carrier renamed": renamed,
    "sensor stuck": stuck,
    "values missing": lost,
}


def replace_end(
    values: pd.Series,
    end: pd.Series,
) -> pd.Series:
    """Put other values at the end of a column; they may be of no known category."""
    is_category = isinstance(values.dtype, pd.CategoricalDtype)
    kept = values.iloc[: len(values) - len(end)]
    return pd.concat([kept.astype(object if is_category else float), end])


def change_features(
    window: pd.DataFrame,
    fault: str,
    n_rows: int,
) -> pd.DataFrame:
    """Change features in the last rows of a window, and score these anew."""
    changed = window.copy()
    start = len(window) - n_rows
    for column, values in CHANGES[fault](window.iloc[start:]).items():
        changed[column] = replace_end(changed[column], values)
    scored = champion().predict(changed.iloc[start:])
    for column in SCORES:
        kept = changed[column].iloc[:start]
        changed[column] = pd.concat([kept, scored[column]])
    return changed


def make_more_late(
    window: pd.DataFrame,
    n_rows: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw the last rows anew, so that every second of them is late."""
    known = window["late"].notna().to_numpy()
    late = window["late"].eq(1).fillna(False).to_numpy(dtype=bool)
    punctual = known & ~late
    weight = np.where(late, 0.5 / late.sum(), 0.5 / punctual.sum())
    weight = np.where(known, weight, 0)
    drawn = rng.choice(len(window), n_rows, p=weight / weight.sum())
    kept = window.iloc[: len(window) - n_rows]
    return pd.concat([kept, window.iloc[drawn]], ignore_index=True)


def invert_labels(
    window: pd.DataFrame,
    n_rows: int,
) -> pd.DataFrame:
    """Invert the labels of one carrier in the last rows."""
    inverted = window["carrier"].eq("UA").to_numpy(dtype=bool, copy=True)
    inverted[: len(window) - n_rows] = False
    return window.assign(late=window["late"].where(~inverted, 1 - window["late"]))


def put_fault(
    window: pd.DataFrame,
    fault: str,
    part: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return a window with a fault in the last part of its rows."""
    n_rows = math.ceil(part * len(window))
    if fault in FEATURE_FAULTS:
        return change_features(window, fault, n_rows)
    if fault == "more are late":
        return make_more_late(window, n_rows, rng)
    return invert_labels(window, n_rows)


# ---- whether it is reported ----


@dataclass(frozen=True)
class SoundWindow:
    """A window without a fault, and what the monitor says of it."""

    rows: pd.DataFrame
    features: Profile
    drift: pd.DataFrame
    unlabelled: dict[str, int]  # severity by finding
    labelled: dict[str, int]


def severities(
    reference: CalmReference,
    drift: pd.DataFrame,
    labelled_rows: pd.DataFrame | None = None,
) -> dict[str, int]:
    """Return how severe each finding is, from 0 to 2; of metrics only where rows are given."""
    if labelled_rows is None:
        verdict = judge(drift)
    else:
        verdict = judge(drift, watched_metrics(labelled_rows), reference.metrics)
    return {found.id: SEVERITIES.index(found.severity) for found in verdict.findings}


def look_at(
    reference: CalmReference,
    window: pd.DataFrame,
) -> SoundWindow:
    """Let the monitor judge a window without a fault."""
    features = profile_table(window[read_year().features])
    drift = compare(reference, features, profile_table(window[SCORES]))
    return SoundWindow(
        window,
        features,
        drift,
        severities(reference, drift),
        severities(reference, drift, window),
    )


def measure_faulty(
    reference: CalmReference,
    sound: SoundWindow,
    faulty: pd.DataFrame,
    fault: str,
) -> pd.DataFrame:
    """Return the monitor's table of a window with a fault; only what it changes is profiled."""
    if fault == "one carrier's labels inverted":
        return sound.drift
    columns = FAULTS[fault]
    if fault == "more are late":
        columns = read_year().features
    changed = profile_table(faulty[columns])
    profile = Profile(changed.rows, {**sound.features.columns, **changed.columns})
    return compare(reference, profile, profile_table(faulty[SCORES]))


def crosses_customary(
    before: pd.DataFrame,
    after: pd.DataFrame,
    columns: list[str],
) -> bool:
    """Say whether the PSI of one of some columns is above .1 and was not before."""
    psi_before = before.set_index("column")["psi"]
    psi_after = after.set_index("column")["psi"]
    return any(
        psi_after.get(column, 0) >= CUSTOMARY_WATCH > psi_before.get(column, 0)
        for column in columns
    )


def report(
    reference: CalmReference,
    sound: SoundWindow,
    faulty: pd.DataFrame,
    fault: str,
) -> dict[str, bool]:
    """Say whether a fault was reported: by its column, at all, at act, by customary limits."""
    drift = measure_faulty(reference, sound, faulty, fault)
    if fault in LABELLED_FAULTS:
        before = sound.labelled
        found = severities(reference, drift, faulty)
    else:
        before = sound.unlabelled
        found = severities(reference, drift)
    new = {
        name: severity
        for name, severity in found.items()
        if severity > before.get(name, 0)
    }
    subjects = {name.rpartition(".")[2] for name in new}
    return {
        "named": not subjects.isdisjoint(FAULTS[fault]),
        "any": bool(new),
        "act": ACT in new.values(),
        "customary": crosses_customary(sound.drift, drift, FAULTS[fault]),
    }


def faulty_windows(
    window: pd.DataFrame,
    seed: list[int],
) -> Iterator[tuple[str, float, pd.DataFrame]]:
    """Yield each fault, each share of the rows, and the window that has it."""
    for i, fault in enumerate(FAULTS):
        for part in SHARES:
            rng = np.random.default_rng([*seed, i])
            yield fault, part, put_fault(window, fault, part, rng)


def watch_split(number: int) -> list[dict]:
    """Return for each window, fault and share whether and how it was reported.

    The first window goes to the peers, too.
    """
    learn_thresholds_once()
    job = f"faults-{number}"
    split = split_year("days shuffled", FIRST_SEED + number)
    reference = learn_reference(split.reference_days)
    hand_over(job, "reference", reference.rows)
    reports = []
    for i in range(FAULT_WINDOWS):
        sound = look_at(reference, draw_window(split).reset_index(drop=True))
        if i == 0:
            hand_over(job, "as it is", sound.rows)
        for fault, part, faulty in faulty_windows(sound.rows, [SEED, number, i]):
            said = report(reference, sound, faulty, fault)
            reports.append({"fault": fault, "share": part, **said})
            if i == 0:
                hand_over(job, f"{fault}|{part}", faulty)
    return reports


def sum_up(reports: list[dict]) -> dict:
    """Count by fault and share in how many windows it was named, at act, reported at all."""
    table: dict = {}
    kinds = ("named", "act", "any", "customary")
    for one in reports:
        by_share = table.setdefault(one["fault"], {})
        empty = {**dict.fromkeys(kinds, 0), "of": 0}
        cell = by_share.setdefault(str(one["share"]), empty)
        for kind in kinds:
            cell[kind] += bool(one[kind])
        cell["of"] += 1
    return table
