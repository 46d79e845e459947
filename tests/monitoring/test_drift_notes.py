"""Drift that the predictions do not follow is noted, and waits for no decision."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.saved_model import assess_saved, save_trained

from mlops_nb.core.messages import Message
from mlops_nb.modeling.training import train_model
from mlops_nb.monitoring.drift_notes import note_drift_without_effect
from mlops_nb.monitoring.exhibits import column_exhibits, drift_exhibits
from mlops_nb.monitoring.findings import Finding
from mlops_nb.monitoring.monitor import monitor
from mlops_nb.monitoring.stage_result import stage_results

DATA = {"target": "y", "task": "binary", "positive": "1"}
LOGISTIC = {"estimator": "sklearn.linear_model.LogisticRegression"}


def draw(
    rows,
    seed,
):
    """Rows whose outcome follows x alone."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.normal(size=rows), "noise": rng.normal(size=rows)})
    table["code"] = rng.choice(["a", "b", "c"], rows)
    is_yes = table.x + 0.5 * rng.normal(size=rows) > 0
    return table.assign(y=is_yes.astype(float))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a model of such rows."""
    table = draw(6000, 0)
    fitted = train_model(table, DATA, **LOGISTIC)
    return save_trained(tmp_path_factory.mktemp("model"), table, fitted)


NOW = draw(2000, 1).assign(y=np.nan)
IS_FIFTH = NOW.index % 5 == 0
FAULTS = {"other unit": NOW.assign(noise=NOW.noise * 1.5)}
FAULTS["shifted"] = NOW.assign(noise=NOW.noise + 0.5)
FAULTS["stuck"] = NOW.assign(noise=NOW.noise.mask(IS_FIFTH, 0.0))
FAULTS["missing"] = NOW.assign(noise=NOW.noise.mask(IS_FIFTH))
FAULTS["gone"] = NOW.assign(noise=np.nan)
FAULTS["new names"] = NOW.assign(code=NOW.code.mask(IS_FIFTH, "z"))
FAULTS["one name"] = NOW.assign(code="a")


@pytest.fixture(params=FAULTS)
def unfollowed(
    request,
    saved,
):
    """What is said of a column that has moved and that the predictions do not follow."""
    return assess_saved(saved, FAULTS[request.param])


def test_what_the_predictions_do_not_follow_is_noted(unfollowed):
    assert unfollowed.level == "ok"
    assert [found.is_note for found in unfollowed.verdict.findings if found.column]
    assert "there is nothing to decide" in str(unfollowed.verdict.reasons[0])


def test_a_note_waits_for_no_decision(unfollowed):
    """What the record of a window keeps is what is beyond a limit."""
    severities = {each["severity"] for each in stage_results(unfollowed)["findings"]}
    assert severities == {"ok"}


def test_the_table_of_findings_counts_what_it_shows(unfollowed):
    verdict = unfollowed.verdict
    shown = verdict._repr_markdown_().count("\n") - 1
    assert sum(verdict.table_title().values.values()) == shown
    assert "| note |" in verdict._repr_markdown_()


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(NOW.assign(x=NOW.x * 3), id="wider, with the same mean"),
        pytest.param(NOW.assign(x=NOW.x.mask(IS_FIFTH, 0.0)), id="stuck"),
        pytest.param(NOW.assign(x=NOW.x + 0.3), id="shifted"),
        pytest.param(NOW.assign(x=NOW.x.mask(IS_FIFTH)), id="missing"),
        pytest.param(NOW.assign(x=np.nan), id="gone"),
    ],
)
def test_what_the_predictions_follow_is_a_finding(
    rows,
    saved,
):
    assert assess_saved(saved, rows).level != "ok"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(("quality", "auc"), id="quality"),
        pytest.param(("estimate", "auc"), id="estimated quality"),
        pytest.param(("drift", "score"), id="score"),
    ],
)
def test_nothing_is_noted_where_the_predictions_are_a_finding(
    other,
    saved,
):
    """Then the drift may be its cause, whatever the model says of the column."""
    quantity, column = other
    about = Message.text("x")
    worse = Finding("worse", quantity, column, 1.0, 0.5, "watch", about)
    moved = Finding("drift.noise", "drift", "noise", 1.0, 0.5, "watch", about)
    seen = assess_saved(saved, FAULTS["shifted"])
    asked = (seen.model, seen.measured, seen.table)
    assert note_drift_without_effect([moved, worse], *asked) == (moved, worse)
    assert note_drift_without_effect([moved], *asked)[0].is_note


@pytest.mark.parametrize(
    ("moved", "is_note"),
    [
        pytest.param(0.05, True, id="few rows"),
        pytest.param(0.2, False, id="many rows"),
        pytest.param(np.nan, False, id="no values to compare"),
    ],
)
def test_what_moves_answers_by_next_to_nothing_is_noted(
    moved,
    is_note,
    saved,
):
    """Answers move by .3 standard deviations where all rows have other values of the column."""
    seen = assess_saved(saved, FAULTS["shifted"])
    window = replace(seen.measured, dependence=depend_alike)
    table = seen.table.assign(tv=moved)
    about = Message.text("x")
    drift = Finding("drift.noise", "drift", "noise", 1.0, 0.5, "watch", about)
    (found,) = note_drift_without_effect([drift], seen.model, window, table)
    assert found.is_note == is_note


def depend_alike(
    name,
    usual,
):
    """Stand in for the dependence of a model that takes all columns alike."""
    return 0.3


def test_two_tables_alone_note_nothing():
    """Without the model nobody knows what it would answer."""
    columns = ["x", "noise", "code"]
    seen = monitor(draw(6000, 0)[columns], FAULTS["shifted"][columns])
    assert seen.level == "watch"


def test_columns_that_stay_are_within_their_usual_range(saved):
    """A share that chance explains has moved all the same: "0 of 3 have moved" is not said."""
    few = assess_saved(saved, draw(60, 3))
    title = str(drift_exhibits(few)[0].title)
    assert title == "All 3 columns are within their usual range"
    assert str(column_exhibits(few)[0].title).endswith("is within its usual range")


def test_a_column_that_moved_is_counted_though_it_is_only_noted(saved):
    seen = assess_saved(saved, FAULTS["shifted"])
    assert str(drift_exhibits(seen)[0].title) == "1 of 3 columns has shifted"
