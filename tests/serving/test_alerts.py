"""Alertmanager's webhook: taken or refused whole, each alert once, and what it starts."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.project import ROOT

from mlops_nb.core.alert_log import ALERTS_FILE, read_firing_alerts
from mlops_nb.core.data_sections import ServingSection
from mlops_nb.core.files import read_json_lines
from mlops_nb.core.locks import hold_lock
from mlops_nb.serving.alert_request import (
    AlertPlace,
    choose_alert_place,
    read_alerts_of,
    take_alerts,
)
from mlops_nb.serving.application import Application
from mlops_nb.serving.http_request import ServingLimits
from mlops_nb.serving.model_service import load_service
from mlops_nb.serving.request_error import RequestError

SHIFTED = {
    "status": "firing",
    "labels": {"alertname": "ModelInputsShifted", "column": "wind", "severity": "act"},
    "annotations": {"summary": "wind has shifted since training."},
    "startsAt": "2026-11-28T10:00:00.123456789+01:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example/graph",
    "fingerprint": "86ab2d3d4ef1c2aa",
}
RESOLVED = {"status": "resolved", "endsAt": "2026-11-28T11:00:00Z"}
AGAIN = {"startsAt": "2026-11-29T10:00:00Z"}
PATIENCE = 60


def webhook(*changes):
    """Return a body with an alert for each change of the first."""
    alerts = [SHIFTED | change for change in changes]
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts})


def take(
    place,
    *changes,
):
    """Return what is answered to a webhook."""
    return json.loads(take_alerts(webhook(*changes).encode(), place).body)


@pytest.fixture
def place(tmp_path):
    """A folder that is not there yet."""
    return AlertPlace(tmp_path / "mlops" / "serving")


def test_an_alert_is_written_down(place):
    take(place, {})
    [line] = read_json_lines(place.folder / ALERTS_FILE)
    received = line.pop("received")
    assert received.endswith("Z")
    assert line == {
        "fingerprint": "86ab2d3d4ef1c2aa",
        "starts_at": "2026-11-28T09:00:00.123456Z",
        "status": "firing",
        "name": "ModelInputsShifted",
        "labels": SHIFTED["labels"],
        "summary": "wind has shifted since training.",
    }


def test_a_repeat_is_no_second_line(place):
    take(place, {}, {})
    assert take(place, {}) == {"accepted": 1, "new": 0, "advance": False}
    assert len(read_json_lines(place.folder / ALERTS_FILE)) == 1


def test_requests_at_once_write_one_line(place):
    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda _: take(place, {}), range(16)))
    assert sum(each["new"] for each in said) == 1
    assert len(read_json_lines(place.folder / ALERTS_FILE)) == 1


STORIES = {
    "it fires": ([{}], 1),
    "it ended": ([{}, RESOLVED], 0),
    "it began again": ([{}, RESOLVED, AGAIN], 1),
    "two columns": ([{}, {"fingerprint": "b0"}], 2),
    "the end came first": ([RESOLVED, {}], 0),
}


@pytest.mark.parametrize(("changes", "count"), STORIES.values(), ids=STORIES)
def test_what_fires_is_what_has_not_ended(
    place,
    changes,
    count,
):
    for change in changes:
        take(place, change)
    assert len(read_firing_alerts(place.folder)) == count


def test_what_is_printed_moves_no_cursor(place):
    take(place, {"labels": {"alertname": "a\x1b[2J\nb"}})
    assert str(read_firing_alerts(place.folder)[0]).isprintable()


NO_WEBHOOK = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "another version": b'{"version": "5", "alerts": []}',
    "a version that is a number": b'{"version": 4, "alerts": []}',
    "no alerts": b'{"version": "4"}',
    "alerts that are none": b'{"version": "4", "alerts": 7}',
}


@pytest.mark.parametrize("body", NO_WEBHOOK.values(), ids=NO_WEBHOOK)
def test_what_is_no_webhook_is_refused(body):
    with pytest.raises(RequestError, match="version 4") as caught:
        read_alerts_of(body)
    assert caught.value.status == 400


MANY_LABELS = {str(i): "" for i in range(65)}
ODD_ALERTS = {
    "no fingerprint": {"fingerprint": None},
    "a path": {"fingerprint": "../../a"},
    "no zone": {"startsAt": "2026-11-28T10:00:00"},
    "before all": {"startsAt": "0001-01-01T00:00:00+05:00"},
    "another status": {"status": "maybe"},
    "a number": {"labels": {"alertname": 7}},
    "a long label": {"labels": {"alertname": "a" * 2001}},
    "many labels": {"labels": MANY_LABELS},
}


@pytest.mark.parametrize("change", ODD_ALERTS.values(), ids=ODD_ALERTS)
def test_an_odd_alert_is_refused(change):
    with pytest.raises(RequestError, match=r"alerts\.0") as caught:
        read_alerts_of(webhook(change).encode())
    assert caught.value.status == 422


def test_there_is_a_most_of_alerts():
    assert len(read_alerts_of(webhook(*[{}] * 1000).encode())) == 1000
    with pytest.raises(RequestError, match="1000") as caught:
        read_alerts_of(webhook(*[{}] * 1001).encode())
    assert caught.value.status == 422


def test_one_broken_alert_refuses_all(place):
    with pytest.raises(RequestError, match=r"alerts\.1"):
        take(place, {}, {"status": "maybe"})
    assert not place.folder.exists()


def test_a_file_that_somebody_has_edited_is_left_alone(place):
    place.folder.mkdir(parents=True)
    (place.folder / ALERTS_FILE).write_text('{"mine": 1}\n')
    with pytest.raises(RequestError) as caught:
        take(place, {})
    assert caught.value.status == 503
    assert (place.folder / ALERTS_FILE).read_text() == '{"mine": 1}\n'


def test_where_nothing_is_taken_it_is_said():
    with pytest.raises(RequestError, match="no project"):
        take(None, {})


@pytest.fixture
def project(
    tmp_path,
    monkeypatch,
):
    """The folder of a project in which nothing can be advanced."""
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.setenv("MLOPS_NB_ROOT", str(tmp_path))
    return tmp_path


def test_by_default_an_alert_is_noted_in_the_project(project):
    place = choose_alert_place(ServingSection())
    assert place == AlertPlace(project / ".mlops/serving")


def test_an_alert_may_start_advance(project):
    place = choose_alert_place(ServingSection(on_alert="advance"))
    assert take(place, {})["advance"]
    with hold_lock(place.folder / "advance.lock", limit=PATIENCE):
        assert "advance" in (place.folder / "advance.log").read_text()


SLOW_START = """
import pathlib, time
while not pathlib.Path("go").exists():
    time.sleep(.05)
"""


def test_advance_never_runs_twice_at_once(
    project,
    monkeypatch,
):
    (project / "sitecustomize.py").write_text(SLOW_START)
    monkeypatch.setenv("PYTHONPATH", f"{project}:{ROOT}")
    place = choose_alert_place(ServingSection(on_alert="advance"))
    assert take(place, {})["advance"]
    assert not take(place, AGAIN)["advance"]
    (project / "go").touch()
    with hold_lock(place.folder / "advance.lock", limit=PATIENCE):
        pass
    assert take(place, {"fingerprint": "b0"})["advance"]
    with hold_lock(place.folder / "advance.lock", limit=PATIENCE):
        assert (place.folder / "advance.log").read_text().count("error in") == 2


QUIET = {"a repeat": {}, "an end": RESOLVED}


@pytest.mark.parametrize("change", QUIET.values(), ids=QUIET)
def test_what_is_no_news_starts_nothing(
    project,
    change,
):
    noting = choose_alert_place(ServingSection())
    take(noting, {})
    place = choose_alert_place(ServingSection(on_alert="advance"))
    assert not take(place, change)["advance"]


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="on_alert"):
        ServingSection(on_alert="rm -rf")


TOKEN = "a-token-of-the-server"


def ask(
    application,
    **headers,
):
    """Return the status of a webhook that an application was sent."""
    body = webhook({}).encode()
    told = [(name.encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/alerts", "headers": told}
    sent = []

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        sent.append(message)

    with ThreadPoolExecutor(1) as threads:
        answering = application(scope, receive, send)
        threads.submit(asyncio.run, answering).result()
    return sent[0]["status"]


def test_the_token_is_asked_for(
    served_model,
    tmp_path,
):
    environ = {"MLOPS_NB_SERVE_ALERTS": str(tmp_path)}
    application = Application("flights", token=TOKEN)
    application.put(load_service(served_model, "flights", environ, ServingLimits()))
    assert ask(application) == 401
    assert not (tmp_path / ALERTS_FILE).exists()
    assert ask(application, authorization=f"Bearer {TOKEN}") == 200
    assert len(read_firing_alerts(tmp_path)) == 1
