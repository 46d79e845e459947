"""The real year: April to December against January to March, as the pipeline does."""

import pandas as pd
from calm_handover import hand_over
from calm_monitor import (
    CUSTOMARY_ACT,
    CUSTOMARY_WATCH,
    CalmReference,
    compare_window,
    customary_level,
    judge,
    learn_thresholds_once,
    watched_metrics,
)
from calm_setup import SCORES
from calm_year import HELD_OUT, METRICS, read_year

from mlops_nb.core.files import read_json
from mlops_nb.monitoring.findings import Verdict
from mlops_nb.monitoring.reference import build_reference
from mlops_nb.monitoring.score_response import measure_score_response

TIME = "sched_dep"
LAST_TRAINED_MONTH = 3
LAST_MONTH = 12


def reference_of_training() -> CalmReference:
    """Return what the monitor keeps of the months the model was trained on."""
    year = read_year()
    predicted = pd.read_parquet(HELD_OUT)
    month = year.flights[TIME].dt.month
    trained_on = year.flights[month <= LAST_TRAINED_MONTH]
    held_out = trained_on.loc[predicted.index]
    times = held_out[TIME].reset_index(drop=True)
    response = measure_score_response(held_out[year.features], predicted["score"])
    features = build_reference(
        trained_on[year.features], trained_on[TIME].reset_index(drop=True)
    )
    # Rows held back have the scores of the fit that has not seen them.
    scores = predicted[SCORES].reindex(trained_on.index).fillna(trained_on[SCORES])
    return CalmReference(
        features=features.with_response(response),
        scores=build_reference(predicted[SCORES], times, predicted["score"]),
        metrics=read_json(METRICS),
        rows=trained_on.assign(**scores, time=trained_on[TIME]),
    )


def findings_at(
    verdict: Verdict,
    severity: str,
) -> list[str]:
    """Return the findings of a severity."""
    return [found.id for found in verdict.findings if found.severity == severity]


def quality_findings(verdict: Verdict) -> dict[str, str]:
    """Return the severity of each finding about a metric that is beyond its limit."""
    return {
        found.id: found.severity
        for found in verdict.findings
        if found.quantity == "quality" and found.severity != "ok"
    }


def say_of_drift(drift: pd.DataFrame) -> dict:
    """Return the level by drift alone, and the findings at act and at watch."""
    verdict = judge(drift)
    return {
        "drift": verdict.level,
        "act": findings_at(verdict, "act"),
        "watch": findings_at(verdict, "watch"),
    }


def say_by_custom(drift: pd.DataFrame) -> dict:
    """Return the level by the customary limits, and how many columns are beyond them."""
    return {
        "customary": customary_level(drift),
        "customary_act": int((drift["psi"] >= CUSTOMARY_ACT).sum()),
        "customary_watch": int((drift["psi"] >= CUSTOMARY_WATCH).sum()),
    }


def judge_month(
    reference: CalmReference,
    name: str,
    rows: pd.DataFrame,
) -> dict:
    """Return what is said of a month without and with labels, and its AUC."""
    drift = compare_window(reference, rows)
    metrics = watched_metrics(rows)
    labelled = judge(drift, metrics, reference.metrics)
    said_with_labels = {
        "labelled": labelled.level,
        "quality": quality_findings(labelled),
    }
    return (
        {"month": name, "auc": metrics["auc"]}
        | say_of_drift(drift)
        | said_with_labels
        | say_by_custom(drift)
    )


def real_year() -> list[dict]:
    """Return what is said of each month, after the AUC when trained."""
    learn_thresholds_once()
    flights = read_year().flights
    reference = reference_of_training()
    hand_over("year", "reference", reference.rows)
    said = [{"month": "trained", "auc": reference.metrics["auc"]}]
    for month in range(LAST_TRAINED_MONTH + 1, LAST_MONTH + 1):
        name = f"2013-{month:02}"
        rows = flights[flights[TIME].dt.month == month]
        said.append(judge_month(reference, name, rows))
        hand_over("year", name, rows.assign(time=rows[TIME]))
    return said
