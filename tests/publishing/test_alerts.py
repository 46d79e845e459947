"""Findings are announced once each, at a real mail server and a real HTTP receiver."""

import pytest
from helpers.alert_project import FAST, auc_drop, drift, events
from helpers.receivers import titles

from mlops_nb.core.messages import Message
from mlops_nb.monitoring.findings import Finding
from mlops_nb.publishing.alerts import announce_findings
from mlops_nb.publishing.outbox import ALERT_LOG_PATH, read_alert_log

WHAT = (
    "The distribution of price has shifted since training (PSI 0.15; alert limit 0.1). On its own"
    " this shifts the mean prediction by +0.030"
)
WHAT_TO_DO = "mlops-nb decide drift.price --dismiss|--retrain|--rollback --why"


@pytest.fixture
def told(
    here,
    mail,
    hook,
):
    """Return a project with two targets, in which price drifts for the second month."""
    here.settings("A_MAIL, A_HOOK")
    here.add_line("history.jsonl", window="2013-02", findings=[])
    here.add_line("history.jsonl", window="2013-03", findings=[{"id": "drift.price"}])
    here.monitored(drift())
    return here


def test_a_finding_that_appears_is_delivered_to_every_target(
    told,
    mail,
    hook,
):
    got = announce_findings(**FAST)
    assert events(got) == [("appeared", "drift.price")]
    assert got.delivered == 2
    assert got.waiting == 0
    assert got.failed == ()
    assert mail.users == ["me"]
    assert mail.got[0]["to"] == "b@example.com"
    assert mail.got[0]["subject"] == "Late flights: new finding, drift.price (watch)"
    assert hook.got[0]["type"] == "warning"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(WHAT, id="what"),
        pytest.param("Severity: watch; value 0.15, limit 0.1", id="how bad"),
        pytest.param("Since: March 2013; now April 2013", id="since when"),
        pytest.param(WHAT_TO_DO, id="what to do"),
        pytest.param("https://example.com/flights/monitor.html", id="where to look"),
    ],
)
def test_mail_and_post_say(
    told,
    mail,
    hook,
    text,
):
    announce_findings(**FAST)
    assert text in mail.got[0].get_body(("plain",)).get_content().replace("\r", "")
    assert text in hook.got[0]["message"]


def test_the_same_and_a_little_more_is_no_news(told):
    announce_findings(**FAST)
    assert events(announce_findings(**FAST)) == []
    told.monitored(drift(value=0.19))
    assert events(announce_findings(**FAST)) == []


def test_appears_worsens_clears_once_each(
    told,
    mail,
    hook,
    capfd,
):
    announce_findings(**FAST)
    told.monitored(drift(value=0.19))
    announce_findings(
        **FAST
    )  # says nothing: what it compares with stays what was announced
    told.open("2013-05")
    told.monitored(drift(value=0.21))  # twice as far from the limit
    assert events(announce_findings(**FAST)) == [("worsened", "drift.price")]
    told.monitored(drift(value=0.21, severity="act"))
    assert events(announce_findings(**FAST)) == [("worsened", "drift.price")]
    assert hook.got[-1]["type"] == "failure"
    assert "Since: March 2013; now May 2013" in hook.got[-1]["message"]
    told.monitored()
    assert events(announce_findings(**FAST)) == [("cleared", "drift.price")]
    assert "Since: March 2013; resolved in May 2013" in hook.got[-1]["message"]
    assert hook.got[-1]["type"] == "success"
    assert events(announce_findings(**FAST)) == []
    everything_was_told_in_order(mail, hook)
    assert capfd.readouterr() == ("", "")


def everything_was_told_in_order(
    mail,
    hook,
):
    """Both targets got the four events, and the log has them."""
    want = [
        "new finding, drift.price (watch)",
        "worse, drift.price (watch)",
        "worse, drift.price (act)",
        "resolved, drift.price (act)",
    ]
    assert titles(hook) == want
    assert [message["subject"].partition(": ")[2] for message in mail.got] == want
    log = read_alert_log()
    assert [(entry["event"], entry["window"]) for entry in log] == [
        ("appeared", "2013-04"),
        ("worsened", "2013-05"),
        ("worsened", "2013-05"),
        ("cleared", "2013-05"),
    ]
    assert [entry["delivered"] for entry in log] == [True] * 4
    assert [sorted(entry["sent"]) for entry in log] == [["A_HOOK", "A_MAIL"]] * 4


def test_absent_because_nobody_looked_is_not_cleared(here):
    here.monitored(auc_drop(), drift())
    assert len(announce_findings().events) == 2
    here.monitored(metrics={}, scored=0)
    assert events(announce_findings()) == []
    here.monitored(metrics={"auc": {"value": None}})
    assert events(announce_findings()) == [("cleared", "drift.price")]


def test_a_drop_is_not_cleared_while_another_finding_speaks_of_the_metric(here):
    here.monitored(auc_drop())
    announce_findings()
    said = Message("monitor.floor")
    here.monitored(
        Finding("quality.floor.auc", "quality", "auc", 0.5, 0.6, "act", said)
    )
    assert events(announce_findings()) == [("appeared", "quality.floor.auc")]
    here.monitored()
    assert sorted(events(announce_findings())) == [
        ("cleared", "quality.drop.auc"),
        ("cleared", "quality.floor.auc"),
    ]


@pytest.fixture
def dismissed(
    here,
    hook,
):
    """Return a project in which price and size were announced, price and new.shop dismissed."""
    here.settings("A_HOOK")
    here.monitored(drift(), drift("size"))
    announce_findings(**FAST)
    here.decided("dismiss", "drift.price", "2013-04")
    here.decided("dismiss", "new.shop", "2013-04")
    new = Finding(
        "new.shop", "new", "shop", 0.2, 0.01, "watch", Message.text("a new shop")
    )
    here.monitored(drift(value=0.9, severity="act"), drift("size"), new)
    return here


def test_a_decision_closes(dismissed):
    got = announce_findings(**FAST)
    assert events(got) == [("closed", "drift.price")]
    assert got.delivered == 0
    assert events(announce_findings(**FAST)) == []
    assert read_alert_log()[-1]["event"] == "closed"
    assert read_alert_log()[-1]["delivered"] is None


def test_a_decision_is_about_one_window(dismissed):
    announce_findings(**FAST)
    dismissed.open("2013-05")
    assert events(announce_findings(**FAST)) == [
        ("appeared", "drift.price"),
        ("appeared", "new.shop"),
    ]


def test_what_was_decided_is_closed_and_the_rest_cleared(dismissed):
    announce_findings(**FAST)
    dismissed.open("2013-05")
    announce_findings(**FAST)
    dismissed.decided("retrain", "drift.size", "2013-05", day="2013-06-01")
    dismissed.open("2013-06")
    dismissed.monitored()
    assert sorted(events(announce_findings(**FAST))) == [
        ("cleared", "drift.price"),
        ("cleared", "new.shop"),
        ("closed", "drift.size"),
    ]


def test_unwritable_log_and_metrics_do_not_stop_the_run(here):
    here.settings("", prometheus="dvc.yaml/metrics.prom")
    here.monitored(drift())
    (here.top / ".mlops").mkdir()
    (here.top / ALERT_LOG_PATH).write_text("{broken\n")
    got = announce_findings(**FAST)
    assert [name for name, _ in got.failed] == ["prometheus", "the log"]
    (here.top / ALERT_LOG_PATH).unlink()
    here.settings("")
    assert announce_findings(**FAST).failed == ()
    assert [entry["finding"] for entry in read_alert_log()] == ["drift.price"]


@pytest.fixture
def lasting(
    here,
    hook,
):
    """Return a project in which the drift of the price is dismissed until the end of May."""
    here.settings("A_HOOK")
    here.monitored(drift())
    seen = {"severity": "watch", "value": 0.15, "limit": 0.1, "until": "2013-05-31"}
    here.decided("dismiss", "drift.price", "2013-04", **seen)
    return here


def test_what_is_dismissed_for_longer_is_not_announced(lasting):
    for window in ("2013-04", "2013-05"):
        lasting.open(window)
        assert events(announce_findings(**FAST)) == []


def test_an_ended_dismissal_stands_in_the_alert(
    lasting,
    hook,
):
    lasting.open("2013-06")
    assert events(announce_findings(**FAST)) == [("appeared", "drift.price")]
    said = hook.got[0]["message"]
    assert "it was dismissed until 31 May 2013 by – on 1 May 2013 – known" in said


def test_what_is_worse_than_when_it_was_dismissed_is_announced_once(
    lasting,
    hook,
):
    lasting.open("2013-05")
    lasting.monitored(drift(value=0.9, severity="act"))
    assert events(announce_findings(**FAST)) == [("appeared", "drift.price")]
    assert "worse than when it was dismissed" in hook.got[0]["message"]
    assert events(announce_findings(**FAST)) == []
    lasting.monitored(drift())
    assert events(announce_findings(**FAST)) == [("closed", "drift.price")]
