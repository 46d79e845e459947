"""The quick way to a score is `Model.predict`'s answer, or `Model.predict` answers itself."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from mlops_nb.core.errors import UserError
from mlops_nb.modeling.persistence import load_model, save_model
from mlops_nb.modeling.training import train_model
from mlops_nb.serving import fast_estimator
from mlops_nb.serving.fast_model import (
    MOST_DIFFERENCE,
    quicken_model,
)
from mlops_nb.serving.flat_forest import flatten_forest

TABLES = {
    "binary": load_breast_cancer,
    "multiclass": load_wine,
    "regression": load_diabetes,
}
ESTIMATORS = ("booster", "auto")


def public_table(
    task,
    n_rows=1000,
):
    """Return a public table with gaps, and with a column of text and one of times added."""
    random = np.random.default_rng(0)
    X, y = TABLES[task](return_X_y=True)
    names = [f"x{i}" for i in range(X.shape[1])]
    table = pd.DataFrame(X, columns=names)
    table = table.mask(random.random(X.shape) < 0.1)
    table["kind"] = pd.cut(X[:, 0], 15, labels=[*"abcdefghijklmno"]).astype(str)
    table["few"] = np.where(random.random(len(X)) < 0.3, None, "much")
    start = pd.Timestamp("2011-01-01")
    table["at"] = start + pd.to_timedelta(np.arange(len(X)) * 29.0, "h")
    labels = [f"class {label}" for label in y] if task == "multiclass" else y
    table["y"] = labels
    return table.sample(n_rows, replace=True, random_state=0).sort_values("at")


def hard_rows(table):
    """Return rows of a table with what a request may hold: gaps, new names, absurd numbers."""
    rows = table.drop(columns="y").to_dict("records")
    odd = [None, float("nan"), float("inf"), -float("inf"), -0.0, 0, 1e300, -1e99, True]
    random = np.random.default_rng(1)
    names = [name for name in table if name.startswith("x")]
    for row in rows:
        row[str(random.choice(names))] = odd[random.integers(len(odd))]
        if random.random() < 0.2:
            row["kind"] = ["never seen", None, ""][random.integers(3)]
        if random.random() < 0.2:
            row["at"] = [None, "2031-12-31T23:00:00Z"][random.integers(2)]
    return rows


@pytest.fixture(scope="module", params=TABLES)
def task(request):
    """Return one of the tasks."""
    return request.param


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request, task):
    """Return training's result for a public table."""
    data = {"target": "y", "task": task, "time": "at"}
    return train_model(public_table(task), data, estimator=request.param)


@pytest.fixture(scope="module")
def fast(fitted):
    """Return the quick model of it."""
    return quicken_model(fitted.model)


def expected_values(
    model,
    rows,
):
    """Return the scores of `Model.predict`."""
    scored = model.predict(pd.DataFrame(rows))
    if model.task == "multiclass":
        return scored[[f"score_{name}" for name in model.classes]].to_numpy()
    return scored["score"].to_numpy()


def test_a_proven_model_is_served_quickly(fast):
    assert fast.reason == ""


def test_the_proof_saw_no_difference_that_counts(fast):
    assert fast.difference <= MOST_DIFFERENCE


def test_a_thousand_hard_rows_at_once(fast, task):
    rows = hard_rows(public_table(task))
    found = fast.predict_rows(rows).values
    np.testing.assert_allclose(found, expected_values(fast.model, rows), 1e-12)


def test_rows_of_trees_are_equal_to_the_last_bit(fast, task):
    rows = hard_rows(public_table(task))
    if hasattr(fast.model.pipeline[-1], "members_"):
        pytest.skip("the order of a matrix product is the processor's")
    found = fast.predict_rows(rows).values
    assert np.array_equal(found, expected_values(fast.model, rows))


def test_rows_one_by_one(fast, task):
    rows = hard_rows(public_table(task))[:40]
    together = expected_values(fast.model, rows)
    alone = [fast.predict_rows([row]).values[0] for row in rows]
    np.testing.assert_allclose(alone, together, 1e-12)


def test_the_prediction_is_that_of_the_model(fast, task):
    rows = hard_rows(public_table(task))[:200]
    predicted = fast.model.predict(pd.DataFrame(rows))["prediction"]
    found = fast.predict_rows(rows).predictions()
    if task == "regression":
        np.testing.assert_allclose(found, predicted, 1e-12)
    else:
        assert found == predicted.tolist()


def test_no_rows_are_no_scores(fast):
    assert len(fast.predict_rows([]).values) == 0


def test_a_row_that_lacks_a_column_is_refused(fast):
    row = hard_rows(public_table(fast.model.task))[0]
    del row["x2"]
    with pytest.raises(UserError, match="x2"):
        fast.predict_rows([row])


def test_a_saved_model_comes_back_quick(fitted, tmp_path):
    loaded = load_model(save_model(tmp_path, fitted))
    assert quicken_model(loaded).reason == ""


def spoil_threshold(forest):
    """Move one threshold by the smallest step."""
    thresholds = forest.questions[-1].thresholds
    thresholds[0] = float(np.nextafter(thresholds[0], np.inf))
    return forest


def spoil_leaf(forest):
    """Move one answer of one tree by the smallest step."""
    forest.values[7] = np.nextafter(forest.values[7], np.inf)
    return forest


def spoil_missing(forest):
    """Send what is missing the other way in one tree."""
    question = forest.questions[0]
    row = forest.table[question.missing]
    other = forest.table[question.start]
    tree = int(np.flatnonzero(row != other)[0])
    row[tree] = other[tree]
    return forest


def spoil_order(forest):
    """Begin the sum with another number."""
    return replace(forest, baseline=forest.baseline + 1e-9)


@pytest.mark.parametrize(
    "spoil",
    [spoil_threshold, spoil_leaf, spoil_missing, spoil_order],
    ids=["threshold", "leaf", "missing", "baseline"],
)
def test_a_forest_that_is_off_is_not_served(fitted, monkeypatch, spoil, caplog):
    def spoilt(booster):
        return spoil(flatten_forest(booster))

    boosters = str(fitted.model.pipeline[-1])
    if "HistGradientBoosting" not in boosters:
        pytest.skip("a blend without trees")
    monkeypatch.setattr(fast_estimator, "flatten_forest", spoilt)
    fallen_back = quicken_model(fitted.model)
    assert fallen_back.reason in caplog.text
    assert fallen_back.reason
    rows = hard_rows(public_table(fitted.model.task))[:50]
    found = fallen_back.predict_rows(rows).values
    assert np.array_equal(found, expected_values(fitted.model, rows))
