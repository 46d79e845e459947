"""The state, the action and whether something waits are the same wherever they are told."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.alert_project import AlertProject, auc_drop, drift

from mlops_nb.core.files import read_json, read_json_lines
from mlops_nb.core.messages import VERDICT_LEVELS, render
from mlops_nb.core.standing import Standing, standing_of_report
from mlops_nb.lifecycle.readings import build_reading, read_standing
from mlops_nb.publishing.alerts import collect_events
from mlops_nb.publishing.metrics_export import export_prometheus
from mlops_nb.publishing.start_page import summarize_run
from mlops_nb.reporting.project_pages import write_report_pages

NOTE = drift("size", severity="ok")
FALL = auc_drop()
SHIFT = drift()
BOTH = (FALL.id, SHIFT.id)
FINDINGS_IN_WORDS = {
    "drift.price": "the shift of price",
    "quality.drop.auc": "the change for the worse in AUC",
}
LOST = {"id": FALL.id, "severity": "act", "value": 0.65, "limit": 0.684}
REFUSED = {"verdict": {"level": "watch"}, "results": {"gate": {"passed": False}}}
APRIL = {"start": "2013-04-01", "end": "2013-04-30"}
ADA = {"at": "2013-05-01T00:00:00Z", "who": "Ada <ada@example.com>", "why": "a sale"}


@dataclass(frozen=True)
class Scenario:
    """What was found, decided and lost, and the level and what waits that follow."""

    level: str
    waiting: tuple = ()
    found: tuple = ()
    decided: tuple = ()
    lost: tuple = ()


SCENARIOS = {"nothing found": Scenario("ok")}
SCENARIOS["note only"] = Scenario("ok", (), (NOTE,))
SCENARIOS["watch with effect"] = Scenario("watch", (SHIFT.id,), (SHIFT, NOTE))
SCENARIOS["act"] = Scenario("act", BOTH, (FALL, SHIFT))
SCENARIOS["dismissed"] = Scenario("ok", (), (SHIFT,), (("dismiss", SHIFT.id),))
SCENARIOS["one dismissed"] = Scenario(
    "act", (FALL.id,), (FALL, SHIFT), (("dismiss", SHIFT.id),)
)
SCENARIOS["retraining decided"] = Scenario("act", (), (FALL,), (("retrain", FALL.id),))
SCENARIOS["outcomes lack"] = Scenario("act", (FALL.id,), lost=(LOST,))
SCENARIOS["lost and dismissed"] = Scenario(
    "ok", lost=(LOST,), decided=(("dismiss", FALL.id),)
)


def write_window(
    project,
    scenario,
):
    """Write what a window has, as the stages do; its candidate has failed the gate."""
    reports = project.top / "reports"
    project.monitored(*scenario.found, metrics={} if scenario.lost else None)
    report = read_json(reports / "monitor.json") | {"period": APRIL}
    carried = [finding | {"from": "2013-03"} for finding in scenario.lost]
    report["results"] |= {"window": "2013-04", "carried": carried, "course": {}}
    results = {"monitor": report, "evaluate": REFUSED}
    for name, result in results.items():
        (reports / f"{name}.json").write_text(json.dumps(result))
        (reports / f"{name}.ipynb").write_text(json.dumps({"cells": []}))
    for action, finding in scenario.decided:
        said = {"action": action, "finding": finding, "window": "2013-04"}
        project.add_line("decisions.jsonl", id=action, **said, **ADA)
    if scenario.lost:
        march = {"window": "2013-03", "findings": scenario.lost}
        project.add_line("history.jsonl", **march)


@dataclass(frozen=True)
class Told:
    """A project in which a scenario has happened."""

    top: Path
    scenario: Scenario

    @property
    def standing(self) -> Standing:
        """How production stands, as `status` asks."""
        return read_standing(self.top)

    @property
    def report(self) -> dict:
        """What the monitor wrote."""
        return read_json(self.top / "reports" / "monitor.json")

    @property
    def decisions(self) -> list[dict]:
        """What was decided."""
        return read_json_lines(self.top / "data" / "decisions.jsonl")

    def first_screen(self, name: str) -> str:
        """Return what a page shows before its details."""
        write_report_pages(self.top)
        page = (self.top / "reports" / f"{name}.html").read_text()
        return page.partition('<section class="hero"')[2].partition("</section>")[0]


@pytest.fixture(params=SCENARIOS)
def told(
    request,
    tmp_path,
    monkeypatch,
):
    """A project for each scenario."""
    project = AlertProject(tmp_path / "project")
    monkeypatch.setenv("MLOPS_NB_ROOT", str(project.top))
    scenario = SCENARIOS[request.param]
    write_window(project, scenario)
    return Told(project.top, scenario)


def text_of(screen) -> str:
    """Return the words of a first screen, in which terms are links to what they mean."""
    return re.sub("<[^>]*>", "", screen)


def ids_of(findings) -> tuple[str, ...]:
    """Return the ids of findings."""
    return tuple(finding["id"] for finding in findings)


def test_the_state_is_that_of_the_scenario(told):
    assert told.standing.level == told.scenario.level
    assert ids_of(told.standing.waiting) == told.scenario.waiting


def test_the_record_has_the_same_level(told):
    assert build_reading(told.top)["level"] == told.scenario.level


def test_the_report_alone_tells_the_same(told):
    of_report = standing_of_report(told.report, told.decisions)
    assert of_report.level == told.standing.level
    assert ids_of(of_report.waiting) == ids_of(told.standing.waiting)
    assert of_report.action == told.standing.action


def test_the_site_tells_the_same(told):
    site = summarize_run({"monitor": told.report}, "en", told.decisions)
    assert site["level"] == told.standing.level
    assert site["todo"] == [render(told.standing.action.json())]
    assert len(site["waiting"]) == len(told.scenario.waiting)


def test_the_metrics_tell_the_same(told):
    level = VERDICT_LEVELS.index(told.standing.level)
    gauge = f'mlops_nb_verdict{{model="v1.0.0",window="2013-04"}} {level}'
    assert gauge in export_prometheus(told.top)


@pytest.mark.parametrize("name", ["index", "monitor"], ids=["index", "monitor"])
def test_the_first_screen_tells_the_same(
    told,
    name,
):
    """That the candidate has failed its gate changes nothing about production."""
    screen = told.first_screen(name)
    assert f'class="verdict {told.standing.level}"' in screen
    assert render(told.standing.action.json()) in text_of(screen)
    assert "Judged on data to 30 April 2013" in screen


def test_an_alert_is_of_what_waits(told):
    """What the window before has left was announced in that window."""
    news = {event.finding["id"] for event in collect_events(told.top, {})}
    of_window = [each for each in told.standing.waiting if "from" not in each]
    assert news == {*ids_of(of_window)}


def test_what_is_not_green_waits_or_was_decided(told):
    """No yellow without effect, and no green above what waits."""
    standing = told.standing
    actions = {decision["action"] for _, decision in standing.answered}
    is_open = bool(standing.waiting or actions - {"dismiss"})
    assert (standing.level != "ok") == is_open
    assert (standing.action.key != "monitor.todo_nothing") == is_open


def test_a_decision_is_shown_with_its_reason(told):
    screen = text_of(told.first_screen("index"))
    for _, finding in told.scenario.decided:
        assert FINDINGS_IN_WORDS[finding] in screen
        assert "Ada" in screen
        assert "a sale" in screen
