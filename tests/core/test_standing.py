"""What is to be done names what it is about, and what waits is told in words."""

import pytest

from mlops_nb.core.messages import message_to_json, render
from mlops_nb.core.standing import choose_actions, judge_standing


def found(
    finding_id,
    severity="watch",
    **more,
):
    """Return a finding."""
    return {"id": finding_id, "severity": severity, **more}


NAMES = ["price", "size", "age", "kind", "floor"]


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        pytest.param(
            [found("drift.price")], "Check the source of price; dismiss", id="one"
        ),
        pytest.param(
            [found(f"drift.{name}") for name in NAMES[:3]],
            "Check the source of price, size and age; dismiss",
            id="three",
        ),
        pytest.param(
            [found(f"drift.{name}") for name in NAMES[:4]],
            "Check the source of price, size, age and 1 more column; dismiss",
            id="four",
        ),
        pytest.param(
            [found("outcome.late", quantity="outcome", column="late")],
            "Check whether outcomes are still recorded the same way",
            id="outcome",
        ),
        pytest.param(
            [found(f"new.{name}", "act", column=name) for name in NAMES],
            "changed at the source of price, size, age and 2 more columns: retrain",
            id="act",
        ),
        pytest.param(
            [found("drift.price"), found("missing.price")],
            "Check the source of price; dismiss",
            id="twice the same",
        ),
        pytest.param(
            [found("contract.missing.price", "act")], "Have price fixed", id="contract"
        ),
        pytest.param(
            [found("contract.rows.", "act", quantity="contract", column="")],
            "Have the source fixed",
            id="contract of all rows",
        ),
        pytest.param([found("failed.score", "act")], "Have the source", id="failed"),
        pytest.param([found("drift.score")], "which inputs moved", id="score"),
        pytest.param([found("promotion.d97d")], "candidate d97d", id="candidate"),
    ],
)
def test_the_action_names_what_it_is_about(
    findings,
    said,
):
    (action,) = choose_actions(findings)
    assert said in str(action)


def test_japanese_names_the_columns_too():
    (action,) = choose_actions([found(f"drift.{name}") for name in NAMES])
    said = render(action.json(), "ja")
    assert said.startswith("Price、size、age ほか 2 列のデータソースを確認してください")


def test_each_thing_is_to_be_done_once():
    findings = [
        found("quality.drop.auc", "act"),
        found("drift.price"),
        found("new.age"),
    ]
    keys = [action.key for action in choose_actions(findings)]
    assert keys == ["monitor.todo_quality", "monitor.todo_drift"]


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        pytest.param(found("drift.price"), "The shift of price", id="id"),
        pytest.param(
            found("drift.price", say={"key": "", "values": {"text": "price moved"}}),
            "price moved",
            id="monitor's words",
        ),
        pytest.param(
            found("promotion.d97d"),
            "Challenger d97d passed the release checks",
            id="candidate",
        ),
    ],
)
def test_what_waits_is_told_in_words(
    finding,
    said,
):
    (question,) = judge_standing([finding], "2013-04", []).questions()
    assert render(message_to_json(question)).startswith(said)


@pytest.mark.parametrize(
    ("findings", "quality", "said"),
    [
        pytest.param(
            [found("drift.price", "act"), found("outcome.late")],
            "held",
            "inputs shifted; quality did not fall",
            id="the worst alone",
        ),
        pytest.param(
            [found("drift.price"), found("drift.score")],
            "within",
            "inputs shifted and predictions shifted; quality is within its limits",
            id="two causes",
        ),
        pytest.param(
            [found("quality.drop.auc", "act"), found("drift.price", "act")],
            "held",
            "quality fell and inputs shifted",
            id="quality fell",
        ),
        pytest.param(
            [found("estimate.drop.auc", "act")],
            "unknown",
            "quality probably fell",
            id="estimated",
        ),
        pytest.param(
            [found("contract.missing.price", "act")],
            "unknown",
            "data break the contract; quality is not known yet",
            id="contract",
        ),
        pytest.param([], "held", "quality did not fall", id="nothing found"),
    ],
)
def test_the_state_says_why_in_a_few_words(
    findings,
    quality,
    said,
):
    """Act now says what kind of thing was found, and that quality did not fall if it did not."""
    standing = judge_standing(findings, "2013-04", [], quality)
    assert str(standing.state) == said


def test_what_was_dismissed_is_no_cause():
    decision = {"finding": "drift.price", "window": "2013-04", "action": "dismiss"}
    standing = judge_standing([found("drift.price")], "2013-04", [decision], "held")
    assert str(standing.state) == "quality did not fall"


def test_japanese_says_why_too():
    standing = judge_standing([found("drift.price", "act")], "2013-04", [], "held")
    assert (
        render(standing.state.json(), "ja")
        == "入力データの変化。品質は低下していません"
    )
