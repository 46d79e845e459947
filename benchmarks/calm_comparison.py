"""The peers' answers summed up: false alarms, faults detected, months of the year."""

from collections.abc import Callable
from itertools import chain

from calm_alarms import share
from calm_setup import FAULTS, LABELLED_FAULTS

HALF_OF_THE_COLUMNS = 20
SHOWN_COLUMNS = 4


def names_a_column(window: dict) -> bool:
    """Say whether at least one column drifts."""
    return bool(window["columns"])


def names_half(window: dict) -> bool:
    """Say whether at least half of the columns drift, by the peer's own count if it has one."""
    return window.get("dataset", len(window["columns"]) >= HALF_OF_THE_COLUMNS)


def names_a_metric(window: dict) -> bool:
    """Say whether a metric has an alert."""
    return bool(window.get("metrics"))


ALARMS: dict[str, Callable[[dict], bool]] = {
    "at least one column": names_a_column,
    "at least half of the columns": names_half,
    "a metric": names_a_metric,
}


def share_alarms(
    peer: str,
    calm: list[list[dict]],
) -> dict:
    """Return the share of calm windows with each kind of alarm; only NannyML has metrics."""
    kinds = [kind for kind in ALARMS if peer == "nannyml" or kind != "a metric"]
    if not calm:
        return {}
    shares = {}
    for kind in kinds:
        raises_alarm = ALARMS[kind]
        shares[kind] = share([list(map(raises_alarm, windows)) for windows in calm])
    return shares


def columns_a_window(calm: list[list[dict]]) -> float:
    """Return how many columns drift in a calm window on average."""
    windows = list(chain.from_iterable(calm))
    return sum(len(window["columns"]) for window in windows) / max(len(windows), 1)


def is_named(
    fault: str,
    window: dict,
    sound: dict,
) -> bool:
    """Say whether a column or metric of a fault is named that was not without the fault."""
    wanted = {*FAULTS[fault]}
    if fault in LABELLED_FAULTS:
        wanted.add("roc_auc")
    new: set[str] = set()
    for kind in ("columns", "metrics"):
        new |= {*window.get(kind, [])} - {*sound.get(kind, [])}
    return not wanted.isdisjoint(new)


def count_faults(jobs: list[dict]) -> dict:
    """Count by fault and share of the rows in how many windows it was named, and of how many."""
    counts: dict = {}
    for windows in jobs:
        for name, window in windows.items():
            if name == "as it is":
                continue
            fault, part = name.split("|")
            count = counts.setdefault(fault, {}).setdefault(part, [0, 0])
            count[0] += is_named(fault, window, windows["as it is"])
            count[1] += 1
    return counts


def sum_up_month(window: dict) -> dict:
    """Return how many columns drift in a month, the first of them, and what else is said."""
    return {
        "columns": len(window["columns"]),
        "which": window["columns"][:SHOWN_COLUMNS],
        "dataset": window.get("dataset"),
        "metrics": window.get("metrics"),
    }


def sum_up_peer(
    peer: str,
    jobs: dict[str, dict],
) -> dict:
    """Return a peer's shares of false alarms, faults detected, and months of the year."""
    calm = [list(jobs[job].values()) for job in jobs if job.startswith("calm")]
    faulty = [jobs[job] for job in jobs if job.startswith("faults")]
    months = jobs["year"].items()
    return {
        "calm": share_alarms(peer, calm),
        "columns a window": columns_a_window(calm),
        "faults": count_faults(faulty),
        "year": {month: sum_up_month(window) for month, window in months},
    }
