"""Reasons for a prediction: what moved the score, found by another way, too."""

import sys

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.modeling.encoding import prepare_features
from mlops_nb.modeling.explanations import explain_prediction
from mlops_nb.modeling.training import train_model

LINEAR = {
    "binary": "sklearn.linear_model.LogisticRegression",
    "multiclass": "sklearn.linear_model.LogisticRegression",
    "regression": "sklearn.linear_model.Ridge",
}
TASKS = tuple(LINEAR)


def make_rows():
    """Return rows in which `x` decides, `kind` matters a little and `same` not at all; a score."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {"x": rng.normal(size=500), "kind": rng.choice(["a", "b"], 500)}
    )
    rows["same"] = 1.0
    score = 3 * rows.x + (rows.kind == "a") + rng.normal(0, 0.3, 500)
    return rows, score, rng


def outcome_of(
    score,
    task: str,
):
    """Return an outcome of a task that follows a score."""
    if task == "regression":
        return score
    if task == "binary":
        return (score > 0).astype(int)
    return np.where(score > 2, "high", np.where(score > -1, "mid", "low"))


def fit(
    rows,
    task: str,
    estimator: str,
    **more,
):
    """Train a model of the column `y`."""
    contract = {"target": "y", "task": task, "time": None, "keys": []}
    return train_model(rows, contract, estimator=estimator, **more).model


@pytest.fixture(
    scope="module",
    params=TASKS,
    ids=TASKS,
)
def linear(request):
    """Return a linear model of a task, and its rows."""
    rows, score, _ = make_rows()
    rows["y"] = outcome_of(score, request.param)
    return fit(rows, request.param, LINEAR[request.param]), rows


def test_reasons_find_what_moved_the_score(linear):
    model, rows = linear
    row = rows.iloc[[int(rows.x.argmax())]]
    reasons = explain_prediction(model, row, rows, top=3)
    without = model.predict(row.assign(x=rows.x.median()))[reasons.output].iloc[0]
    assert reasons.rows[0]["feature"] == "x"
    assert reasons.rows[0]["change"] > 0
    assert abs(reasons.rows[-1]["change"]) < 1e-12
    assert np.isclose(reasons.score, model.predict(row)[reasons.output].iloc[0])
    assert np.isclose(reasons.rows[0]["change"], reasons.score - without)


def test_reasons_are_the_same_again(linear):
    model, rows = linear
    row = rows.iloc[[int(rows.x.argmax())]]
    assert explain_prediction(model, row, rows) == explain_prediction(model, row, rows)


def test_a_missing_value_has_reasons(linear):
    model, rows = linear
    row = rows.iloc[[int(rows.x.argmax())]].assign(x=np.nan)
    assert explain_prediction(model, row, rows).rows


@pytest.fixture(scope="module")
def stormy():
    """Return a model of flights, flights, and one in a storm."""
    rng = np.random.default_rng(0)
    flights = pd.DataFrame(
        {"wind": rng.gamma(3, 4, 600), "carrier": rng.choice(["UA", "DL"], 600)}
    )
    flights["noise"] = rng.normal(size=600)
    strain = flights.wind + 8 * (flights.carrier == "UA") + rng.normal(0, 2, 600)
    flights["y"] = (strain > 16).astype(int)
    model = fit(flights, "binary", "auto", params={"max_iter": 40})
    return (
        model,
        flights,
        flights.iloc[[0]].assign(
            wind=40.0,
            carrier="DL",
            noise=0.0,
        ),
    )


def test_reasons_of_trees(stormy):
    model, flights, storm = stormy
    reasons = explain_prediction(model, storm, flights)
    calm = model.predict(storm.assign(wind=flights.wind.median())).score.iloc[0]
    assert reasons.rows[0]["feature"] == "wind"
    assert reasons.rows[0]["change"] > 0.3
    assert reasons.score == model.predict(storm).score.iloc[0]
    assert np.isclose(reasons.score - calm, reasons.rows[0]["change"])  # by another way


def test_one_row_at_a_time(stormy):
    model, flights, _ = stormy
    with pytest.raises(UserError, match="one row"):
        explain_prediction(model, flights.head(2), flights)


def test_an_unknown_method_is_named(stormy):
    model, flights, storm = stormy
    with pytest.raises(UserError, match="Did you mean"):
        explain_prediction(model, storm, flights, 3, "sharp")


def test_shap_is_an_extra_with_a_name(monkeypatch):
    rows, score, _ = make_rows()
    rows["y"] = outcome_of(score, "binary")
    model = fit(rows, "binary", LINEAR["binary"])
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(UserError, match=r"mlops_nb\[shap\]"):
        explain_prediction(model, rows.head(1), rows, method="shap")


def with_gaps(rows):
    """Return rows in which every seventh `x` is missing."""
    rows.loc[::7, "x"] = None
    return rows


def score_of_changes(
    reasons,
    is_log_odds: bool,
) -> float:
    """Return the score that base and changes add up to."""
    total = reasons.base + sum(reason["change"] for reason in reasons.rows)
    return 1 / (1 + np.exp(-total)) if is_log_odds else total


def fit_with_gaps(
    task,
    estimator,
    more,
):
    """Return a model of rows with gaps, and the rows; skips where SHAP is not there."""
    pytest.importorskip("shap")
    rows, score, _ = make_rows()
    rows["y"] = outcome_of(score, task)
    return fit(with_gaps(rows), task, estimator, **more), rows


FOREST = "sklearn.ensemble.RandomForestClassifier"
EXTRA_TREES = "sklearn.ensemble.ExtraTreesRegressor"
LOG_ODDS = {"binary": ("auto", "booster")}  # whose SHAP values are not shares
TWENTY_TREES = {"params": {"n_estimators": 20}}
ONLY_BOOSTER = {"params": {"members": ["booster"]}}


@pytest.mark.parametrize(
    ("task", "estimator", "more"),
    [
        pytest.param("binary", "booster", {}, id="booster"),
        pytest.param("binary", "auto", {}, id="blend"),
        pytest.param("binary", "auto", ONLY_BOOSTER, id="blend of trees"),
        pytest.param("regression", "auto", {}, id="blend of numbers"),
        pytest.param("binary", FOREST, TWENTY_TREES, id="random forest"),
        pytest.param("regression", EXTRA_TREES, TWENTY_TREES, id="extra trees"),
        pytest.param("multiclass", FOREST, TWENTY_TREES, id="forest of classes"),
    ],
)
def test_shap_adds_up(
    task,
    estimator,
    more,
):
    """Changes and base are the model's own output."""
    model, rows = fit_with_gaps(task, estimator, more)
    for i in (0, 1, 7, int(rows.x.argmax())):
        reasons = explain_prediction(model, rows.iloc[[i]], rows, top=99, method="shap")
        assert len(reasons.rows) == len(model.columns)
        total = score_of_changes(reasons, estimator in LOG_ODDS.get(task, ()))
        assert abs(total - reasons.score) < 1e-6
    assert "base" in reasons._repr_markdown_()
    assert reasons.rows[0]["feature"] == "x"
    assert reasons.rows[0]["change"] > 0


def margin_of(
    model,
    row,
    output: str,
) -> float:
    """Return what a model of several classes says for one of them before the softmax."""
    prepared = prepare_features(row, model.inputs)
    margins = model.pipeline.decision_function(prepared)[0]
    return margins[model.classes.index(output.removeprefix("score_"))]


SEVERAL = ("auto", "booster")


@pytest.mark.parametrize(
    "estimator",
    SEVERAL,
    ids=SEVERAL,
)
def test_shap_adds_up_for_the_likeliest_of_several_classes(estimator):
    model, rows = fit_with_gaps("multiclass", estimator, {})
    for i in (0, 1, 7, int(rows.x.argmin()), int(rows.x.argmax())):
        row = rows.iloc[[i]]
        reasons = explain_prediction(model, row, rows, top=99, method="shap")
        margin = margin_of(model, row, reasons.output)
        assert abs(score_of_changes(reasons, False) - margin) < 1e-6


def test_shap_of_a_task_of_several_classes_wants_three():
    _, rows = fit_with_gaps("binary", "auto", {})
    rows["y"] = np.where(rows["y"] == 1, "high", "low")
    model = fit(rows, "multiclass", "auto")
    with pytest.raises(UserError, match="three classes"):
        explain_prediction(model, rows.head(1), rows, method="shap")


def explain_many(
    model,
    rows,
):
    """Explain forty rows by SHAP."""
    for i in range(40):
        explain_prediction(model, rows.iloc[[i]], rows, top=99, method="shap")


def test_shap_refuses_what_it_cannot_take_apart():
    pytest.importorskip("shap")
    rows, score, _ = make_rows()
    rows["y"] = outcome_of(score, "binary")
    model = fit(
        rows, "binary", "sklearn.neighbors.KNeighborsClassifier", encoding="ordinal"
    )
    with pytest.raises(UserError, match="a model of trees"):
        explain_many(model, rows)


def test_shap_refuses_what_it_would_get_wrong():
    """Splits on sets of categories, which SHAP reads as thresholds."""
    pytest.importorskip("shap")
    rows, _, rng = make_rows()
    rows = with_gaps(rows)
    rows["kind"] = rng.choice([*"abcdefghij"], len(rows))
    rows["y"] = (rows.kind.isin([*"bdgi"]) ^ (rng.random(len(rows)) < 0.1)).astype(int)
    model = fit(rows, "binary", "booster", params={"categorical_features": [0]})
    with pytest.raises(UserError, match="add up"):
        explain_many(model, rows)


def test_shap_of_a_blend_adds_up_with_times_and_many_texts():
    pytest.importorskip("shap")
    rows, score, rng = make_rows()
    rows["at"] = pd.date_range("2020-01-01", periods=len(rows), freq="37h")
    rows["place"] = rng.choice([f"p{i}" for i in range(60)], len(rows))
    rows["y"] = score + np.arange(len(rows)) / 100
    contract = {"target": "y", "task": "regression", "time": "at", "keys": []}
    model = train_model(with_gaps(rows), contract).model
    for i in (0, 7, 499):
        reasons = explain_prediction(model, rows.iloc[[i]], rows, top=99, method="shap")
        assert abs(score_of_changes(reasons, False) - reasons.score) < 1e-6
    told = {reason["feature"]: reason["value"] for reason in reasons.rows}
    assert told["at"] == str(rows["at"].iloc[499])
