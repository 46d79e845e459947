"""Drift that the predictions do not follow is noted, and waits for no decision."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.messages import Message
from mlops_nb.data.profile import profile_table
from mlops_nb.monitoring.drift import measure_drift
from mlops_nb.monitoring.drift_notes import DriftEffects, note_drift_without_effect
from mlops_nb.monitoring.exhibits import column_exhibits, drift_exhibits
from mlops_nb.monitoring.findings import Finding
from mlops_nb.monitoring.monitor import monitor
from mlops_nb.monitoring.monitored_window import ModelReference, MonitoredWindow
from mlops_nb.monitoring.reference import build_reference
from mlops_nb.monitoring.stage_result import stage_results


def draw(
    rows,
    seed,
):
    """Rows of which a model follows x alone."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "x": rng.normal(size=rows),
            "noise": rng.normal(size=rows),
            "code": rng.choice(["a", "b", "c"], rows),
        }
    )
    return table.assign(score=1 / (1 + np.exp(-table.x)))


THEN = draw(6000, 0)
FEATURES = ["x", "noise", "code"]
REFERENCE = ModelReference(
    "",
    {
        "features": build_reference(THEN[FEATURES], score=THEN.score),
        "scores": build_reference(THEN[["score"]], score=THEN.score),
    },
    scores=("score",),
)


def assess(rows):
    """The assessment of some rows."""
    profiles = {
        "features": profile_table(rows[FEATURES]),
        "scores": profile_table(rows[["score"]]),
    }
    window = MonitoredWindow("April", len(rows), len(rows), 0, profiles)
    return monitor(REFERENCE, window)


NOW = draw(2000, 1)
IS_FIFTH = NOW.index % 5 == 0
FAULTS = {"other unit": NOW.assign(noise=NOW.noise * 10)}
FAULTS["shifted"] = NOW.assign(noise=NOW.noise + 1)
FAULTS["stuck"] = NOW.assign(noise=NOW.noise.mask(IS_FIFTH, 0.0))
FAULTS["missing"] = NOW.assign(noise=NOW.noise.mask(IS_FIFTH))
FAULTS["gone"] = NOW.assign(noise=np.nan)
FAULTS["new names"] = NOW.assign(code=NOW.code.mask(IS_FIFTH, "z"))
FAULTS["one name"] = NOW.assign(code="a")


@pytest.fixture(params=FAULTS)
def unfollowed(request):
    """A window in which a column has moved that the predictions do not follow."""
    return FAULTS[request.param]


def test_what_the_predictions_do_not_follow_is_noted(unfollowed):
    assessment = assess(unfollowed)
    assert assessment.level == "ok"
    assert [found.is_note for found in assessment.verdict.findings if found.column]
    assert "there is nothing to decide" in str(assessment.verdict.reasons[0])


def test_a_note_waits_for_no_decision(unfollowed):
    """What the record of a window keeps is what is beyond a limit."""
    findings = stage_results(assess(unfollowed))["findings"]
    assert {found["severity"] for found in findings} == {"ok"}


def test_the_table_of_findings_counts_what_it_shows(unfollowed):
    verdict = assess(unfollowed).verdict
    shown = verdict._repr_markdown_().count("\n") - 1
    assert sum(verdict.table_title().values.values()) == shown
    assert "| note |" in verdict._repr_markdown_().replace("  ", "")


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(NOW.assign(x=NOW.x * 3), id="wider, with the same mean"),
        pytest.param(NOW.assign(x=NOW.x.mask(IS_FIFTH, 0.0)), id="stuck"),
        pytest.param(NOW.assign(x=NOW.x + 0.3), id="shifted"),
        pytest.param(NOW.assign(x=NOW.x.mask(IS_FIFTH)), id="missing"),
    ],
)
def test_what_the_predictions_follow_is_a_finding(rows):
    assessment = assess(rows)
    assert assessment.level != "ok"


def test_a_column_of_another_kind_is_no_note():
    assert assess(NOW.assign(noise="x")).level == "act"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(("quality", "auc"), id="quality"),
        pytest.param(("estimate", "auc"), id="estimated quality"),
        pytest.param(("drift", "score"), id="score"),
    ],
)
def test_nothing_is_noted_where_the_predictions_are_a_finding(other):
    """Then the drift may be its cause, whatever the score said of the column before."""
    quantity, column = other
    about = Message.text("x")
    worse = Finding("worse", quantity, column, 1.0, 0.5, "watch", about)
    moved = Finding("drift.noise", "drift", "noise", 1.0, 0.5, "watch", about)
    profiles = {"features": profile_table(FAULTS["gone"][FEATURES])}
    window = MonitoredWindow("April", 2000, 2000, 0, profiles)
    table = measure_drift(REFERENCE.main, profiles["features"])
    effects = DriftEffects(REFERENCE, window, table)
    findings = (moved, worse)
    assert note_drift_without_effect(findings, effects) == findings
    assert note_drift_without_effect([moved], effects)[0].is_note


def test_columns_that_stay_are_within_their_usual_range():
    """A share that chance explains has moved all the same: "0 of 3 have moved" is not said."""
    few = assess(draw(60, 3))
    assert str(drift_exhibits(few)[0].title) == (
        "All 3 columns are within their usual range"
    )
    assert str(column_exhibits(few)[0].title).endswith("is within its usual range")


def test_a_column_that_moved_is_counted_though_it_is_only_noted():
    title = drift_exhibits(assess(FAULTS["shifted"]))[0].title
    assert str(title) == "1 of 3 columns has moved"
