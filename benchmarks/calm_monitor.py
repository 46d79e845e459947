"""The monitor as its stage calls it, and the customary limits beside it."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from calm_setup import QUALITY, SCORES
from calm_year import champion, read_year

from mlops_nb.core.config import read_params
from mlops_nb.data.profile import Profile, profile_table
from mlops_nb.modeling.measurement import ModelMetrics, compute_metrics
from mlops_nb.monitoring import thresholds as thresholds_module
from mlops_nb.monitoring.drift import measure_drift
from mlops_nb.monitoring.findings import Verdict, judge_findings
from mlops_nb.monitoring.learned_thresholds import learn_thresholds
from mlops_nb.monitoring.reference import Reference, build_reference
from mlops_nb.monitoring.rules import collect_findings
from mlops_nb.monitoring.score_response import measure_score_response

FIRST_NOON = np.datetime64("2001-01-01T12", "us")
CUSTOMARY_WATCH = 0.1  # of PSI
CUSTOMARY_ACT = 0.25
NO_THRESHOLDS = ("sample", "metrics", "engine")


@dataclass(frozen=True)
class CalmReference:
    """What the monitor keeps of a reference, and the rows it was made of."""

    features: Reference
    scores: Reference
    metrics: dict
    rows: pd.DataFrame


def monitor_settings() -> dict:
    """Return the monitor's parameters in params.yaml, which are its defaults."""
    section = read_params()["monitor"]
    return {name: value for name, value in section.items() if name not in NO_THRESHOLDS}


def count_rows(reference: Reference) -> int:
    """Count the rows of all spans of a reference."""
    return sum(span.rows for span in reference.spans)


@functools.lru_cache(maxsize=8)
def learn_for_spans(
    reference: Reference,
    spans: int,
) -> pd.DataFrame:
    """Learn the thresholds of windows that are as long as some spans."""
    window_rows = round(spans * count_rows(reference) / len(reference.spans))
    return learn_thresholds(reference, window_rows)


def learn_by_spans(
    reference: Reference,
    window_rows: int,
) -> pd.DataFrame:
    """Learn thresholds as `learn_thresholds`, once for all windows of about the same length."""
    spans = round(window_rows * len(reference.spans) / count_rows(reference))
    return learn_for_spans(reference, max(1, spans)).copy()


def learn_thresholds_once() -> None:
    """Have the thresholds of a reference learned once in this process.

    They depend on a window's rows through the number of spans only.
    """
    thresholds_module.learn_thresholds = learn_by_spans


def measure_labelled(frame: pd.DataFrame) -> ModelMetrics:
    """Measure the model on the rows whose outcome is known."""
    known = frame[frame["late"].notna()]
    return compute_metrics("binary", champion().target_values(known), known[SCORES])


def watched_metrics(frame: pd.DataFrame) -> dict:
    """Return the metrics of the labelled rows, those that are watched."""
    measured = measure_labelled(frame)
    return {
        name: metric | {"n": measured.rows}
        for name, metric in measured.to_dict().items()
        if name in QUALITY
    }


def consecutive_times(days: np.ndarray) -> pd.Series:
    """Return times for the rows of some days, as if these followed each other."""
    rows_of_day = read_year().rows_of_day
    lengths = [len(rows_of_day[day]) for day in days]
    elapsed = np.repeat(np.arange(len(days)), lengths).astype("timedelta64[D]")
    return pd.Series(FIRST_NOON + elapsed)


def learn_reference(days: np.ndarray) -> CalmReference:
    """Learn what the monitor keeps of a reference made of these days."""
    year = read_year()
    rows = year.rows_of(days).reset_index(drop=True)
    times = consecutive_times(days)
    inputs = rows[year.features]
    response = measure_score_response(inputs, rows["score"])
    return CalmReference(
        features=build_reference(inputs, times).with_response(response),
        scores=build_reference(rows[SCORES], times, rows["score"]),
        metrics=measure_labelled(rows).to_dict(),
        rows=rows.assign(time=times),
    )


def compare(
    reference: CalmReference,
    features: Profile,
    scores: Profile,
) -> pd.DataFrame:
    """Return the monitor's table of a window's profiles, worst first."""
    parts = [
        measure_drift(reference.scores, scores, monitor_settings()),
        measure_drift(reference.features, features, monitor_settings()),
    ]
    return pd.concat(parts, ignore_index=True)


def compare_window(
    reference: CalmReference,
    window: pd.DataFrame,
) -> pd.DataFrame:
    """Return the monitor's table of a window, worst first."""
    features = profile_table(window[read_year().features])
    return compare(reference, features, profile_table(window[SCORES]))


def judge(
    drift: pd.DataFrame,
    metrics: dict | None = None,
    metrics_before: dict | None = None,
) -> Verdict:
    """Judge a window by its drift and, where labels are known, by its metrics."""
    findings = collect_findings(
        drift,
        monitor_settings(),
        metrics,
        metrics_before,
        scores=SCORES,
    )
    return judge_findings(findings)


def customary_level(drift: pd.DataFrame) -> str:
    """Say what the customary limits .1 and .25 of PSI say of a table."""
    if (drift["psi"] >= CUSTOMARY_ACT).any():
        return "act"
    if (drift["psi"] >= CUSTOMARY_WATCH).any():
        return "watch"
    return "ok"
