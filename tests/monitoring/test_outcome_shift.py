"""Outcomes that are known are compared with those that the model learned from."""

import numpy as np
import pandas as pd
import pytest
from helpers.saved_model import assess_saved, save_trained

from mlops_nb.core.files import read_json, write_json
from mlops_nb.core.messages import Message, message_to_json, render
from mlops_nb.modeling.training import train_model
from mlops_nb.monitoring.champion_window import read_model_reference
from mlops_nb.publishing.alert_events import was_measured

ESTIMATORS = {
    "binary": "sklearn.linear_model.LogisticRegression",
    "multiclass": "sklearn.linear_model.LogisticRegression",
    "regression": "sklearn.linear_model.Ridge",
}


def draw(
    rows,
    seed,
    task="binary",
    shift=0.0,
):
    """Rows whose outcome x hardly tells; `shift`: of the outcome alone."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    y = pd.Series(0.3 * x + rng.normal(size=rows) + shift)
    if task == "binary":
        y = (y > 0.7).astype(float)
    if task == "multiclass":
        y = pd.Series(np.digitize(y, [-1, 1])).map({0: "low", 1: "mid", 2: "high"})
    return pd.DataFrame({"x": x, "y": y})


def save(
    folder,
    table,
    task,
    time=None,
):
    """Save a model of a table, with what the monitor needs."""
    data = {"target": "y", "task": task, "positive": "1", "time": time}
    fitted = train_model(table, data, estimator=ESTIMATORS[task])
    return save_trained(folder, table, fitted, time)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a model of two classes."""
    folder = tmp_path_factory.mktemp("model")
    save(folder, draw(3000, 0), "binary")
    return folder


def shifts(assessment):
    """What is said of the outcomes."""
    findings = assessment.verdict.findings
    return [found for found in findings if found.quantity == "outcome"]


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        pytest.param(0.4, "The share of y rose from 25.8%", id="more"),
        pytest.param(-0.4, "The share of y fell from 25.8%", id="fewer"),
    ],
)
def test_outcomes_that_are_more_or_less_frequent_are_worth_a_look(
    saved,
    shift,
    said,
):
    (found,) = shifts(assess_saved(saved, draw(1000, 1, shift=shift)))
    assert found.severity == "watch"
    assert str(found.message).startswith(said)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        pytest.param("multiclass", "The classes of y are distributed", id="classes"),
        pytest.param("regression", "The known outcomes (y) are", id="numbers"),
    ],
)
def test_classes_and_numbers_are_compared_too(
    task,
    said,
    tmp_path,
):
    save(tmp_path, draw(3000, 0, task), task)
    assert shifts(assess_saved(tmp_path, draw(1000, 1, task))) == []
    (found,) = shifts(assess_saved(tmp_path, draw(1000, 1, task, shift=0.5)))
    assert str(found.message).startswith(said)


def test_outcomes_of_the_same_distribution_are_no_finding(saved):
    assert shifts(assess_saved(saved, draw(1000, 1))) == []


def test_a_few_early_outcomes_are_not_compared(saved):
    """Those that come in first may be of a kind."""
    rows = draw(1000, 1, shift=1.0)
    early = rows.assign(y=rows.y.where(rows.index < 400))
    assessment = assess_saved(saved, early)
    assert shifts(assessment) == []
    result = {"drift": assessment.table.to_dict("records"), "scored": 1000}
    alert = {"quantity": "outcome", "column": "y"}
    assert not was_measured(result, alert)


def test_a_model_of_an_earlier_version_knows_no_outcomes(
    saved,
    tmp_path,
):
    save(tmp_path, draw(3000, 0), "binary")
    reference = read_json(tmp_path / "reference.json")
    del reference["outcome"]
    write_json(tmp_path / "reference.json", reference)
    assert read_model_reference(tmp_path, "binary").outcomes == ()
    assert read_model_reference(saved, "binary").outcomes == ("y",)


def test_swings_that_are_usual_are_no_finding(tmp_path):
    """In a table with times, limits are learned from how outcomes swing."""
    spans = [draw(500, i, shift=0.3 * (-1) ** i) for i in range(12)]
    table = pd.concat(spans, ignore_index=True)
    table["at"] = pd.date_range("2024-01-01", periods=len(table), freq="h")
    save(tmp_path, table, "binary", "at")
    # rows of one span, as often as chance would never have it
    now = draw(500, 20, shift=0.3).assign(at=table["at"].max())
    assert shifts(assess_saved(tmp_path, now)) == []
    far = draw(500, 20, shift=1.5).assign(at=table["at"].max())
    assert len(shifts(assess_saved(tmp_path, far))) == 1


def test_the_shift_is_told_in_japanese():
    told = {"column": "y", "before": 0.22, "now": 0.31}
    message = message_to_json(Message("monitor.outcome_rose", **told))
    assert "学習時の 22.0% から 31.0% に上がりました" in render(message, "ja")
