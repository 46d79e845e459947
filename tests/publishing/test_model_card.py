"""The model card: filled from the run, blanks that block, groups, reasons, personal columns."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from helpers.browser import ARGS, CHROMIUM
from helpers.project import change, nb, sh

from mlops_nb.core.errors import UserError
from mlops_nb.lifecycle.journal import append_entry
from mlops_nb.lifecycle.obstacles import promotion_obstacles
from mlops_nb.lifecycle.registry import recorded_md5
from mlops_nb.lifecycle.statements import (
    CARD_FILE,
    REQUIRED_ANSWERS,
    CardAnswers,
    missing_answers_of_project,
    read_answers,
    write_answers,
)
from mlops_nb.modeling.explanations import explain_prediction
from mlops_nb.modeling.persistence import load_model
from mlops_nb.modeling.training import train_model
from mlops_nb.publishing.model_card import ModelCard, build_model_card


@pytest.fixture
def there(small, monkeypatch):
    """The small project, as the one that the functions work in."""
    monkeypatch.setenv("MLOPS_NB_ROOT", str(small))
    return small


@pytest.fixture(scope="module")
def judged_card(judged):
    """Its card, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_NB_ROOT", str(judged))
        return build_model_card("HEAD")


@pytest.fixture(scope="module")
def judged(small_once, tmp_path_factory):
    """A small project whose groups are compared and whose gate fails, committed."""
    top = tmp_path_factory.mktemp("judged") / "project"
    shutil.copytree(small_once, top, symlinks=True)
    change(top, evaluate={"groups": ["shop"], "checks": {"minimum": {"auc": 0.999}}})
    nb("repro", "evaluate", cwd=top)
    sh("git", "commit", "-qam", "judged", cwd=top)
    return top


def test_a_card_says_what_the_run_says(there):
    got = build_model_card("HEAD")
    r = json.loads((there / "reports" / "evaluate.json").read_text())["results"]
    assert got.metrics["candidate"] == r["metrics"]["candidate"]
    assert next(iter(got.metrics)) == "candidate"
    assert got.slices == r["slices"]
    assert got.importance == r["importance"]
    assert got.gate == r["gate"]
    assert got.identity["model"] == recorded_md5("HEAD", "data/candidate", there)
    assert got.identity["commit"] == sh("git", "rev-parse", "HEAD", cwd=there).stdout.strip()
    assert [(d["window"], d["period"]) for d in got.data] == [
        ("train", "2020-01-01 to 2020-03-31"),
        ("current", "2020-04-01 to 2020-04-30"),
    ]
    assert got.data[0]["data"] == recorded_md5("HEAD", "data/raw/train", there)[:12] != ""
    assert [f["feature"] for f in got.features] == ["price", "shop"]
    assert len(got.examples) == 3
    assert [e.score for e in got.examples] == sorted((e.score for e in got.examples), reverse=True)
    assert got.personal == [{"column": "id", "why": "is called like an id", "answer": "accepted"}]
    assert got.blanks == ()
    j = json.loads(json.dumps(got.json(), default=str))
    assert j["owner"] == "Operations analytics"
    assert j["metrics"]["candidate"]["auc"]["low"] < j["metrics"]["candidate"]["auc"]["value"]
    assert "No groups are named" in got.html()
    assert "Nobody has approved" in got._repr_markdown_()


def test_of_a_version_with_who_approved_it(there):
    md5 = recorded_md5("HEAD", "data/candidate", there)
    sh("git", "tag", "-a", "flights@v1.0.0", "-m", "flights v1.0.0", cwd=there)
    sh(
        "git",
        "tag",
        "-a",
        f"approve-{md5[:8]}",
        "-m",
        "Read it, <b>fine</b>",
        cwd=there,
        env={"GIT_COMMITTER_NAME": "Grace", "GIT_COMMITTER_EMAIL": "g@example.com"},
    )
    append_entry(
        there / "data" / "decisions.jsonl",
        {
            "at": "2099-05-01T08:00:00Z",
            "who": "Ada",
            "action": "promote",
            "to": "prod",
            "md5": md5,
            "why": "better",
        },
    )
    append_entry(
        there / "data" / "decisions.jsonl",
        {
            "at": "2099-05-02T08:00:00Z",
            "who": "Eve",
            "action": "promote",
            "to": "prod",
            "md5": "another",
            "why": "no",
        },
    )
    write_answers(there, limits="Said later")  # not in the version's commit
    got = build_model_card("v1.0.0")
    assert [(a["what"], a["who"]) for a in got.approvals] == [
        ("approve", "Grace"),
        ("promote prod", "Ada"),
    ]
    assert got.version == "v1.0.0"
    assert "one winter quarter" in got.said.limits
    assert "mlops-nb rollback --to v1.0.0 --why …" in str(got.rollback)
    assert "Model card: flights v1.0.0" in got.html()
    assert "<b>fine" not in got.html()
    with pytest.raises(UserError, match="v1.0.0"):
        build_model_card("v7.0.0")


@pytest.mark.parametrize("key", REQUIRED_ANSWERS)
def test_each_required_answer_blocks_while_blank(there, key):
    write_answers(there, **{key: "  "})
    assert missing_answers_of_project(there) == [key]
    found = {obstacle.kind: obstacle for obstacle in promotion_obstacles(there)}
    assert key in found["answers"].what
    assert "card.ipynb" in found["answers"].remedy
    write_answers(there, **{key: "answered"})
    assert missing_answers_of_project(there) == []
    assert "answers" not in {obstacle.kind for obstacle in promotion_obstacles(there)}


def test_personal_columns_must_be_answered(there):
    """By name from the contract; by value where the data are; dropped only when no feature."""
    write_answers(there, personal_data={"accepted": []})
    assert missing_answers_of_project(there) == ["personal_data: id"]
    path = there / "data" / "raw" / "train" / "events.parquet"
    pd.read_parquet(path).assign(
        reach=lambda d: "a" + d.id.astype(str) + "@example.com"
    ).to_parquet(path)
    assert missing_answers_of_project(there) == ["personal_data: id", "personal_data: reach"]
    write_answers(there, personal_data={"accepted": ["id"], "dropped": ["reach"]})
    assert missing_answers_of_project(there) == [
        "personal_data: reach is said to be dropped, but is a feature"
    ]
    change(there, features={"modules": [], "columns": "auto", "exclude": ["reach"]})
    assert missing_answers_of_project(there) == []
    (there / CARD_FILE).unlink()
    assert missing_answers_of_project(there)[:5] == list(REQUIRED_ANSWERS)


def test_answers_keep_comments_and_bytes(there):
    path = there / CARD_FILE
    before = path.read_bytes()
    told = read_answers(there)
    write_answers(there, limits=told.limits, personal_data={"accepted": ["id"]})
    assert path.read_bytes() == before
    write_answers(there, ethics="New")
    assert b"# Columns that look like names" in path.read_bytes()
    assert read_answers(there).ethics == "New"
    assert read_answers(there).limits == told.limits
    with pytest.raises(UserError, match="Did you mean"):
        write_answers(there, licens="CC0")
    assert read_answers(there).ethics == "New"


def test_groups_are_compared_with_intervals(judged, judged_card):
    got = judged_card
    d = pd.read_parquet(judged / "data" / "features" / "current.parquet")
    m = load_model(judged / "data" / "candidate")
    pred, y = m.predict(d), m.target_values(d)
    for row in got.groups["groups"]:
        at = (d["shop"].astype(str) == row["level"]).to_numpy()
        flagged = pred.prediction[at] == 1
        hit = y[at] == 1
        assert row["n"] == at.sum()
        assert np.isclose(row["flagged"], flagged.mean())
        assert np.isclose(row["recall"], flagged[hit].mean())
        assert np.isclose(row["false_alarms"], flagged[~hit].mean())
        for rate in ("flagged", "recall", "false_alarms", "precision", "calibration_error"):
            assert row[f"{rate} low"] <= row[rate] <= row[f"{rate} high"]
            assert row[f"{rate} low"] < row[f"{rate} high"]
    page = got.html()
    assert len(got.groups["groups"]) == 3
    assert {"flagged", "calibration_error"} <= {g["rate"] for g in got.groups["gaps"]}
    assert "calibration error" in page
    assert "four-fifths" in page


def test_a_failed_gate_stands_in_the_way(judged, judged_card):
    assert not judged_card.gate["passed"]
    assert "✗" in judged_card._repr_markdown_()
    (obstacle,) = promotion_obstacles(judged)
    assert obstacle.what.startswith("the gate failed: ")
    assert "minimum auc" in obstacle.what
    assert "another candidate" in obstacle.remedy


def table(n=500):
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {"x": rng.normal(size=n), "kind": rng.choice(["a", "b"], n), "same": 1.0}
    ), rng


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
def test_reasons_find_what_moved_the_score(task):
    d, rng = table()
    s = 3 * d.x + (d.kind == "a") + rng.normal(0, 0.3, len(d))
    d["y"] = (
        s
        if task == "regression"
        else (s > 0).astype(int)
        if task == "binary"
        else np.where(s > 2, "high", np.where(s > -1, "mid", "low"))
    )
    m = train_model(
        d,
        {"target": "y", "task": task, "time": None, "keys": []},
        estimator="sklearn.linear_model."
        + ("Ridge" if task == "regression" else "LogisticRegression"),
    ).model
    row = d.iloc[[int(d.x.argmax())]]
    why = explain_prediction(m, row, d, top=3)
    assert next(r["feature"] for r in why.rows) == "x"
    assert why.rows[0]["change"] > 0
    assert abs(why.rows[-1]["change"]) < 1e-12
    without = m.predict(row.assign(x=d.x.median()))[why.of].iloc[0]
    assert np.isclose(why.score, m.predict(row)[why.of].iloc[0])
    assert np.isclose(why.rows[0]["change"], why.score - without)
    assert explain_prediction(m, row.assign(x=np.nan), d).rows
    assert why == explain_prediction(m, row, d)


def test_shap_is_an_extra_with_a_name(monkeypatch):
    import sys

    d, _rng = table()
    d["y"] = (d.x > 0).astype(int)
    m = train_model(
        d,
        {"target": "y", "task": "binary", "time": None, "keys": []},
        estimator="sklearn.linear_model.LogisticRegression",
    ).model
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(UserError, match=r"mlops_nb\[shap\]"):
        explain_prediction(m, d.head(1), d, method="shap")


@pytest.mark.parametrize(
    "estimator",
    [
        "auto",
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.ensemble.ExtraTreesRegressor",
        "sklearn.neighbors.KNeighborsClassifier",
        "native",
    ],
)
def test_shap_adds_up_or_is_refused(estimator):
    """Changes and base are the model's own output; what SHAP cannot take apart, or would get wrong, is refused in words."""
    pytest.importorskip("shap")
    d, rng = table()
    s = 3 * d.x + (d.kind == "a") + rng.normal(0, 0.3, len(d))
    regression = "Regressor" in estimator
    d["y"] = s if regression else (s > 0).astype(int)
    if "Neighbors" not in estimator:
        d.loc[::7, "x"] = None
    if estimator == "native":
        d["kind"] = rng.choice([*"abcdefghij"], len(d))
        d["y"] = (d.kind.isin([*"bdgi"]) ^ (rng.random(len(d)) < 0.1)).astype(int)
    more = (
        {"params": {"categorical_features": [0]}}
        if estimator == "native"
        else {"params": {"n_estimators": 20}}
        if "ensemble" in estimator
        else {"encoding": "ordinal"}
        if "Neighbors" in estimator
        else {}
    )
    m = train_model(
        d,
        {"target": "y", "task": "regression" if regression else "binary", "time": None, "keys": []},
        estimator="auto" if estimator == "native" else estimator,
        **more,
    ).model
    if "Neighbors" in estimator or estimator == "native":
        with pytest.raises(
            UserError, match="add up" if estimator == "native" else "a model of trees"
        ):
            [explain_prediction(m, d.iloc[[i]], d, top=99, method="shap") for i in range(40)]
        return
    for i in (0, 1, 7, int(d.x.argmax())):
        why = explain_prediction(m, d.iloc[[i]], d, top=99, method="shap")
        total = why.base + sum(r["change"] for r in why.rows)
        assert len(why.rows) == len(m.columns)
        assert abs((1 / (1 + np.exp(-total)) if estimator == "auto" else total) - why.score) < 1e-6
        assert "base" in why._repr_markdown_()
    assert why.rows[0]["feature"] == "x"
    assert why.rows[0]["change"] > 0


def test_features_that_do_not_help_are_named(judged_card):
    from mlops_nb.modeling.importance import compute_importance

    d, _rng = table()
    d["y"] = (d.x > 0).astype(int)
    m = train_model(
        d,
        {"target": "y", "task": "binary", "time": None, "keys": []},
        estimator="sklearn.linear_model.LogisticRegression",
    ).model
    got = ModelCard(
        **{**vars(judged_card), "importance": compute_importance(m, d, 2).to_dict("records")}
    )
    assert "same" in got.idle
    assert "x" not in got.idle
    assert "on the rows tried: " in got._repr_markdown_()


@pytest.mark.skipif(not CHROMIUM, reason="no chromium here")
def test_the_page_fits_a_phone_asks_nobody_and_obeys_no_data(judged_card, tmp_path):
    api = pytest.importorskip("playwright.sync_api")
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)> " + "W" * 90
    got = ModelCard(
        **{
            **vars(judged_card),
            "said": CardAnswers(intended_use=bad, limits=bad),
            "blanks": ("ethics", bad),
        }
    )
    path = tmp_path / "card.html"
    path.write_text(got.html())
    with api.sync_playwright() as p:
        b = p.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        for width in (380, 1400):
            page = b.new_page(viewport={"width": width, "height": 800})
            asked = []
            (
                page.on("request", lambda r: asked.append(r.url)),
                page.on("dialog", lambda d: (asked.append(d.message), d.dismiss())),
            )
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert [u for u in asked if not u.startswith(("file:", "data:"))] == []
            assert "more information needed" in page.inner_text("main")
            assert "<script>alert(1)" in page.inner_text("main")
            assert page.locator("main svg").count() >= 2
        b.close()
