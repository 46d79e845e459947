"""What an evaluation shows, for every task, with and without known outcomes."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.modeling.comparison import compare_models
from mlops_nb.modeling.encoding import MODEL_TASKS
from mlops_nb.modeling.evaluation import (
    Contenders,
    candidate_headline,
    cost_records,
    evaluation_exhibits,
    fit_exhibit,
    importance_of_features,
    rates_of_groups,
    rows_to_judge,
    select_labelled,
)
from mlops_nb.modeling.gate import apply_gate, evaluation_verdict
from mlops_nb.modeling.training import train_model

EXHIBITS = {"binary": 3, "multiclass": 1, "regression": 1}
COSTS = {"miss": 5, "false_alarm": 1}


def make_rows(task: str) -> pd.DataFrame:
    """Return rows whose outcome follows `x`."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"x": rng.normal(size=400), "group": rng.choice(["a", "b"], 400)}
    )
    score = rows.x + rng.normal(size=400)
    outcomes = {
        "binary": (score > 0).astype(float),
        "multiclass": np.where(score > 1, "high", np.where(score > -1, "mid", "low")),
        "regression": score,
    }
    return rows.assign(y=outcomes[task])


@pytest.fixture(
    scope="module",
    params=MODEL_TASKS,
    ids=MODEL_TASKS,
)
def judged(request):
    """Return contenders of a task, and rows."""
    rows = make_rows(request.param)
    contract = {"target": "y", "task": request.param}
    candidate = train_model(rows, contract, params={"max_iter": 10}).model
    return Contenders(candidate), rows


def test_what_is_shown_depends_on_the_task(judged):
    contenders, rows = judged
    labelled = select_labelled(contenders.candidate, rows, contenders.predict(rows))
    assert len(evaluation_exhibits(labelled)) == EXHIBITS[labelled.task]
    assert fit_exhibit(labelled.task, labelled.outcome, labelled.of_candidate).is_figure


def test_rows_without_outcome_are_left_out(judged):
    contenders, rows = judged
    some = rows.assign(y=rows.y.where(rows.index % 4 > 0))
    labelled = select_labelled(contenders.candidate, some, contenders.predict(some))
    assert len(labelled) == 300
    assert {len(table) for table in labelled.predictions.values()} == {300}


def test_without_known_outcomes_nothing_is_shown(judged):
    contenders, rows = judged
    columns = [*contenders.candidate.columns, "y"]
    nobody = rows_to_judge(rows, "act", columns)
    labelled = select_labelled(contenders.candidate, nobody, contenders.predict(nobody))
    assert len(labelled) == 0
    assert evaluation_exhibits(labelled) == []
    assert cost_records(labelled, COSTS) is None
    assert rates_of_groups(labelled, ["group"], 50) is None
    assert len(importance_of_features(contenders.candidate, labelled)) == 0


def test_a_kept_contract_leaves_the_rows_as_they_are(judged):
    _, rows = judged
    assert rows_to_judge(rows, "watch", ["x"]) is rows


def test_a_candidate_that_is_the_champion_has_no_shadow(judged):
    contenders, rows = judged
    assert contenders.shadow(contenders.predict(rows)) is None
    assert list(contenders.predict(rows)) == ["candidate", "baseline"]


@pytest.fixture(scope="module")
def two_models():
    """Return a candidate, another model in production, and the rows that judge them.

    The outcome follows the distance of `x` from 0, which a line cannot tell: it is clear that the
    candidate is better than its baseline.
    """
    rows = make_rows("binary")
    noise = np.random.default_rng(1).normal(size=len(rows))
    rows["y"] = (rows.x.abs() + 0.2 * noise > 0.7).astype(float)
    section = {"target": "y", "task": "binary", "positive": 1, "keys": []}
    candidate = train_model(rows, section, "booster").model
    champion = train_model(rows[["group", "y"]], section, "booster").model
    return Contenders(candidate, champion), rows


def asked_of_people(
    contenders,
    rows,
):
    """Return what an evaluation asks people to do."""
    predictions = contenders.predict(rows)
    outcomes = contenders.candidate.target_values(rows)
    compared = compare_models("binary", outcomes, predictions)
    _, _, todo = evaluation_verdict(
        compared, apply_gate(compared, {"calibration": None})
    )
    return [message.key for message in todo]


def headline_of(
    contenders,
    rows,
):
    """Return the first sentence of an evaluation."""
    predictions = contenders.predict(rows)
    outcomes = contenders.candidate.target_values(rows)
    compared = compare_models("binary", outcomes, predictions)
    trained = compared.candidate.to_dict()
    return str(candidate_headline(compared, trained, "rows", "y"))


def test_a_headline_says_which_model_it_is_about(two_models):
    contenders, rows = two_models
    said = headline_of(contenders, rows)
    assert said.startswith("Candidate, not in production: Of 100 rows flagged, ")
    assert "better than the model in production (" in said
    assert "when trained" not in said


def test_a_candidate_that_answers_as_the_champion_is_about_as_good(two_models):
    contenders, rows = two_models
    same = Contenders(contenders.candidate, contenders.candidate)
    assert "about as good as the model in production" in headline_of(same, rows)


def test_a_worse_candidate_is_called_worse(two_models):
    contenders, rows = two_models
    turned = Contenders(contenders.champion, contenders.candidate)
    assert "worse than the model in production" in headline_of(turned, rows)


def test_a_model_in_production_is_held_against_its_training(two_models):
    contenders, rows = two_models
    said = headline_of(Contenders(contenders.candidate), rows)
    assert said.startswith("Of 100 rows flagged, ")
    assert "about as when trained" in said


def test_a_better_candidate_waits_for_a_decision(two_models):
    contenders, rows = two_models
    assert asked_of_people(contenders, rows) == ["evaluate.todo_promote"]


def test_a_candidate_that_is_not_clearly_better_is_not_recommended(two_models):
    contenders, rows = two_models
    same = Contenders(contenders.candidate, contenders.candidate)
    assert asked_of_people(same, rows) == ["evaluate.todo_keep"]


def test_what_is_in_production_already_waits_for_none(two_models):
    contenders, rows = two_models
    assert asked_of_people(Contenders(contenders.candidate), rows) == []
