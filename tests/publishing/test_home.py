"""The first page of the site in every state that a project may be in: sentences, no empty table."""

import re

import pytest

from mlops_nb.lifecycle.run_history import PastRun
from mlops_nb.publishing.development_page import write_development_page
from mlops_nb.publishing.live_model import LiveModel
from mlops_nb.publishing.site import Site
from mlops_nb.publishing.site_history import SiteHistory
from mlops_nb.publishing.start_page import write_start_page

OUTPUTS = {"reports/monitor.html": "1" * 32}
RUN = PastRun("1e9a" * 10, "2013-05-01 08:00", "Run", OUTPUTS)
LATER = PastRun("4f2c" * 10, "2013-06-01 08:00", "Later", OUTPUTS)
SUMMARY = {"name": "monitor", "model": "", "level": "ok", "headline": "Fine"} | {
    "period": "April 2013",
    "reasons": [],
    "changed": [],
    "todo": [],
}
MOVE = {"action": "promote", "version": "v1.1.0", "at": "2013-05-02T08:00:00Z"} | {
    "who": "Ada <ada@example.com>",
    "why": "better in April",
}
BACK = MOVE | {"action": "rollback", "version": "v1.0.0", "why": "worse than before"}
JUDGED = {"value": 0.765, "low": 0.758, "high": 0.771}
LIVE = LiveModel("v1.1.0", MOVE, "auc", JUDGED, 1000, "To warn passengers.")
TEXTS_OF_PEOPLE = ("Operations", "Flights", "Fine", "better in April")
TEXTS_OF_PEOPLE += ("worse than before", "To warn passengers", "April 2013")


def reading(
    window,
    auc,
):
    """Return a line of data/history.jsonl."""
    return {"window": window, "level": "ok", "metrics": {"auc": auc}}


PERIODS = [reading("2013-03", 0.75), reading("2013-04", 0.76), reading("2013-03", 0.74)]


def known(
    runs=(RUN,),
    shown=(RUN,),
    **more,
):
    """Return the history of a project."""
    summaries = {run.id: SUMMARY for run in shown}
    return SiteHistory("binary", list(runs), summaries, **more)


def write_home(
    top,
    history,
    lang="en",
    card=True,
):
    """Write the first page; return it without its style."""
    config = {"title": "Flights", "owner": "Operations", "lang": lang}
    site = Site.open(top / "site", config)
    if card and history.live:
        site.put_text(f"cards/{history.live.version}.html", "A card")
    write_start_page(site, history)
    return (top / "site/index.html").read_text().partition("</style>")[2]


STATES = {
    "nothing in production": known(),
    "promoted": known(live=LIVE),
    "a rollback": known(live=LiveModel("v1.0.0", BACK)),
    "pinned by hand": known(live=LiveModel("v1.0.0")),
    "its evaluation is lost": known(live=LiveModel("v1.0.0", MOVE)),
}
STATES |= {
    "records contradict each other": known(is_unsure=True),
    "one period": known(readings=PERIODS[:1]),
    "two periods, one read again": known(readings=PERIODS),
    "a period without outcomes": known(readings=[reading("2013-03", None)]),
    "a shallow clone": known(is_shallow=True),
}
STATES |= {
    "the newest results are lost": known(runs=(RUN, LATER)),
    "all results are lost": known(shown=()),
    "no run": known(runs=(), shown=()),
}
SENTENCES = {
    "Nothing is in production yet": "nothing in production",
    "Operations decides whether it goes": "nothing in production",
    "No period has been closed yet": "nothing in production",
    "No decision has been recorded yet": "nothing in production",
    "Not measured yet. Operations can": "nothing in production",
    "v1.1.0, in production since 2 May 2013": "promoted",
    "Ada promoted it: “better in April”": "promoted",
    "on 1,000 unseen rows": "promoted",
    "To warn passengers.": "promoted",
    "Ada rolled back to it: “worse than before”": "a rollback",
}
SENTENCES |= {
    "since when is not on record": "pinned by hand",
    "is not kept here. Operations can bring it back": "its evaluation is lost",
    "It is not certain which model is in production": "records contradict each other",
    "so far, March 2013: ": "one period",
    "0.76 in April 2013, 0.74 in March 2013": "two periods, one read again",
    "its outcomes are not known yet": "a period without outcomes",
    "Only the newest part of the history": "a shallow clone",
    "newest results, of 1 June 2013, are not kept": "the newest results are lost",
    "No result is kept here": "all results are lost",
    "There is no result yet": "no run",
}


@pytest.mark.parametrize("sentence", SENTENCES, ids=SENTENCES)
def test_each_state_has_its_sentence(
    tmp_path,
    sentence,
):
    assert sentence in write_home(tmp_path, STATES[SENTENCES[sentence]])


@pytest.mark.parametrize("state", STATES, ids=STATES)
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_no_table_is_empty_and_no_command_is_told(
    tmp_path,
    state,
    lang,
):
    page = write_home(tmp_path, STATES[state], lang)
    for table in re.findall(r"(?s)<table.*?</table>", page):
        assert table.count("<tr>") > 1
    assert re.findall(r"\b(?:dvc|mlops-nb|make|git) [a-z]|`", page) == []


@pytest.mark.parametrize("state", STATES, ids=STATES)
def test_no_sentence_lacks_its_japanese(
    tmp_path,
    state,
):
    page = write_home(tmp_path, STATES[state], "ja").partition('id="main">')[2]
    said = re.sub(r"<[^>]+>", " ", page)
    ours = re.sub("|".join(TEXTS_OF_PEOPLE), "", said)
    assert re.findall(r"[A-Za-z]{4,}", ours) == []


def test_a_card_that_is_lost_is_no_link(tmp_path):
    page = write_home(tmp_path, known(live=LIVE), card=False)
    assert "cards/v1.1.0.html" not in page
    assert "The model card of v1.1.0 cannot be shown" in page


def test_runs_without_a_web_address_of_the_repository(tmp_path):
    site = Site.open(tmp_path / "site", {"title": "Flights", "lang": "en"})
    write_development_page(site, known())
    page = (tmp_path / "site/development.html").read_text()
    assert "commits are not linked" in page


def test_without_an_owner_the_team_is_to_be_asked(tmp_path):
    site = Site.open(tmp_path / "site", {"title": "Flights", "lang": "en"})
    write_start_page(site, known())
    page = (tmp_path / "site/index.html").read_text()
    assert "The team that owns this model decides" in page
