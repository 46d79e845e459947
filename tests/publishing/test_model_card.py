"""The model card: filled from the record of the run, with what people say of it."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.project import change, run_mlops_nb, run_shell

from mlops_nb.core.errors import UserError
from mlops_nb.lifecycle.journal import append_entry
from mlops_nb.lifecycle.obstacles import promotion_obstacles
from mlops_nb.lifecycle.registry import recorded_md5
from mlops_nb.lifecycle.statements import write_answers
from mlops_nb.modeling.importance import compute_importance
from mlops_nb.modeling.persistence import load_model
from mlops_nb.modeling.training import train_model
from mlops_nb.publishing.card_page import render_model_card
from mlops_nb.publishing.card_record import build_model_card
from mlops_nb.publishing.card_results import idle_features
from mlops_nb.publishing.model_card import card_to_dict, card_to_markdown

RATES = ("flagged", "recall", "false_alarms", "precision", "calibration_error")


@pytest.fixture
def there(
    small,
    monkeypatch,
):
    """Return the small project, as the one that the functions work in."""
    monkeypatch.setenv("MLOPS_NB_ROOT", str(small))
    return small


@pytest.fixture(scope="module")
def judged(
    small_once,
    tmp_path_factory,
):
    """Return a small project whose groups are compared and whose gate fails, committed."""
    top = tmp_path_factory.mktemp("judged") / "project"
    shutil.copytree(small_once, top, symlinks=True)
    change(top, evaluate={"groups": ["shop"], "checks": {"minimum": {"auc": 0.999}}})
    run_mlops_nb("repro", "evaluate", cwd=top)
    run_shell("git", "commit", "-qam", "judged", cwd=top)
    return top


@pytest.fixture(scope="module")
def judged_card(judged):
    """Return its card, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_NB_ROOT", str(judged))
        return build_model_card("HEAD")


@pytest.fixture(scope="module")
def plain_card(small_once):
    """Return the card of a small project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_NB_ROOT", str(small_once))
        return build_model_card("HEAD")


def test_numbers_are_those_of_the_run(
    plain_card,
    small_once,
):
    results = json.loads((small_once / "reports" / "evaluate.json").read_text())[
        "results"
    ]
    assert plain_card.metrics["candidate"] == results["metrics"]["candidate"]
    assert next(iter(plain_card.metrics)) == "candidate"
    assert plain_card.slices == results["slices"]
    assert plain_card.importance == results["importance"]
    assert plain_card.gate == results["gate"]


def test_identity_and_data_are_those_of_the_commit(
    plain_card,
    small_once,
):
    commit = run_shell("git", "rev-parse", "HEAD", cwd=small_once).stdout.strip()
    raw = recorded_md5("HEAD", "data/raw/train", small_once)
    assert plain_card.identity["model"] == recorded_md5(
        "HEAD", "data/candidate", small_once
    )
    assert plain_card.identity["commit"] == commit
    assert [(row["window"], row["period"]) for row in plain_card.data] == [
        ("train", "2020-01-01 to 2020-03-31"),
        ("current", "2020-04-01 to 2020-04-30"),
    ]
    assert raw
    assert plain_card.data[0]["data"] == raw[:12]


def test_features_and_examples(plain_card):
    scores = [example.score for example in plain_card.examples]
    assert [row["feature"] for row in plain_card.features] == ["price", "shop"]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)


def test_what_people_have_said(plain_card):
    personal = {"column": "id", "why": "its name suggests an ID", "answer": "accepted"}
    assert plain_card.personal == [personal]
    assert plain_card.missing == ()
    assert "No groups are defined" in render_model_card(plain_card)
    assert "Not yet approved" in card_to_markdown(plain_card)


def test_the_card_begins_with_its_use_and_ends_with_digests(plain_card):
    page = render_model_card(plain_card)
    asked = ("Intended use", "Out-of-scope uses", "Limits", "Who decides")
    asked += ("Quality on 743 unseen rows", "Data", "Inputs: 2 features")
    places = [page.index(f"<h2>{heading}") for heading in asked]
    details = page.index('<details class="fold team">')
    assert places == sorted(places)
    assert places[-1] < details
    for digest in (plain_card.identity["model"], plain_card.data[0]["data"]):
        assert digest in page[details:]
        assert digest not in page[:details]


def test_the_card_says_who_decides(plain_card):
    page = render_model_card(plain_card)
    assert "Operations analytics is responsible for this model" in page
    assert "somebody who did not work on the model" not in page
    watched = replace(plain_card, config=plain_card.config | {"four_eyes": True})
    assert "somebody who did not work on the model" in render_model_card(watched)


def test_as_json(plain_card):
    card = json.loads(json.dumps(card_to_dict(plain_card), default=str))
    auc = card["metrics"]["candidate"]["auc"]
    assert card["owner"] == "Operations analytics"
    assert auc["low"] < auc["value"]
    assert {"said", "blanks", "idle"} <= card.keys()


def approve(
    top,
    md5: str,
) -> None:
    """Approve a candidate by a tag, as Grace."""
    grace = {"GIT_COMMITTER_NAME": "Grace", "GIT_COMMITTER_EMAIL": "g@example.com"}
    tag = f"approve-{md5[:8]}"
    run_shell("git", "tag", "-a", tag, "-m", "Read it, <b>fine</b>", cwd=top, env=grace)


def note_promotion(
    top,
    who: str,
    md5: str,
) -> None:
    """Note that somebody has promoted a model."""
    entry = {"at": "2099-05-01T08:00:00Z", "who": who, "why": "better", "md5": md5}
    append_entry(
        top / "data" / "decisions.jsonl", entry | {"action": "promote", "to": "prod"}
    )


def test_of_a_version_with_who_approved_it(there):
    md5 = recorded_md5("HEAD", "data/candidate", there)
    run_shell("git", "tag", "-a", "flights@v1.0.0", "-m", "flights v1.0.0", cwd=there)
    approve(there, md5)
    note_promotion(there, "Ada", md5)
    note_promotion(there, "Eve", "another")
    write_answers(there, limits="Said later")  # not in the version's commit
    card = build_model_card("v1.0.0")
    page = render_model_card(card)
    assert [(entry["what"], entry["who"]) for entry in card.approvals] == [
        ("approve", "Grace"),
        ("promote", "Ada"),
    ]
    assert card.version == "v1.0.0"
    assert "one winter quarter" in card.answers.limits
    assert "mlops-nb rollback --to v1.0.0 --why …" in str(card.rollback)
    assert "Model card: flights v1.0.0" in page
    assert "<b>fine" not in page


def test_a_version_that_is_not_there_is_named(there):
    run_shell("git", "tag", "-a", "flights@v1.0.0", "-m", "flights v1.0.0", cwd=there)
    with pytest.raises(UserError, match=r"v1\.0\.0"):
        build_model_card("v7.0.0")


def test_rates_of_groups_are_those_of_their_rows(
    judged,
    judged_card,
):
    rows = pd.read_parquet(judged / "data" / "features" / "current.parquet")
    model = load_model(judged / "data" / "candidate")
    outcomes = model.target_values(rows)
    predictions = model.predict(rows).prediction
    for group in judged_card.groups["groups"]:
        inside = (rows["shop"].astype(str) == group["level"]).to_numpy()
        flagged = predictions[inside] == 1
        late = outcomes[inside] == 1
        assert group["n"] == inside.sum()
        assert np.isclose(group["flagged"], flagged.mean())
        assert np.isclose(group["recall"], flagged[late].mean())
        assert np.isclose(group["false_alarms"], flagged[~late].mean())


@pytest.mark.parametrize("rate", RATES, ids=RATES)
def test_groups_are_compared_with_intervals(
    judged_card,
    rate,
):
    assert len(judged_card.groups["groups"]) == 3
    for group in judged_card.groups["groups"]:
        low, high = (group[f"{rate} {end}"] for end in ("low", "high"))
        assert low <= group[rate] <= high
        assert low < high


def test_gaps_between_groups_are_on_the_page(judged_card):
    page = render_model_card(judged_card)
    assert {"flagged", "calibration_error"} <= {
        gap["rate"] for gap in judged_card.groups["gaps"]
    }
    assert "calibration error" in page
    assert "four-fifths" in page


def test_a_failed_gate_stands_in_the_way(
    judged,
    judged_card,
):
    (obstacle,) = promotion_obstacles(judged)
    assert not judged_card.gate["passed"]
    assert "✗" in card_to_markdown(judged_card)
    assert obstacle.what.startswith("the gate failed: ")
    assert "minimum auc" in obstacle.what
    assert "another candidate" in obstacle.remedy


def test_features_that_do_not_help_are_named(judged_card):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"x": rng.normal(size=500), "same": 1.0})
    rows["y"] = (rows.x > 0).astype(int)
    contract = {"target": "y", "task": "binary", "time": None, "keys": []}
    estimator = "sklearn.linear_model.LogisticRegression"
    model = train_model(rows, contract, estimator=estimator).model
    importance = compute_importance(model, rows, 2).to_dict("records")
    card = replace(judged_card, importance=importance)
    assert idle_features(importance) == ["same"]
    assert "on the rows tried: same" in card_to_markdown(card)
