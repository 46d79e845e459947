"""The page of decisions begins with what is open, and says how long a dismissal holds."""

import json

import pytest

from mlops_nb.publishing.list_pages import describe_decision, write_decisions
from mlops_nb.publishing.site import Site
from mlops_nb.reporting.start_page import render_decisions

DISMISSED = {
    "id": "d1",
    "at": "2013-05-01T00:00:00Z",
    "who": "Ada <ada@example.com>",
    "why": "a sale",
    "action": "dismiss",
    "finding": "drift.price",
    "window": "2013-04",
}
OPEN = {"waiting": ["The shift of size"], "todo": ["Check the source of size"]}


@pytest.fixture(params=["en", "ja"])
def page(
    request,
    tmp_path,
):
    """The page of a project in which a finding was dismissed and another one waits."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "decisions.jsonl").write_text(json.dumps(DISMISSED) + "\n")
    site = Site.open(tmp_path / "site", {"title": "Shop", "lang": request.param})
    write_decisions(site, tmp_path, OPEN)
    return (tmp_path / "site" / "decisions.html").read_text()


def test_what_is_open_comes_first(page):
    assert page.index("Check the source of size") < page.index('id="d-d1"')
    assert page.index("The shift of size") < page.index('id="d-d1"')


def test_what_is_open_is_no_decision_that_was_made(page):
    assert "2 decisions" not in page
    assert "決定 2 件" not in page


@pytest.mark.parametrize(
    ("term", "said"),
    [
        pytest.param({}, "Dismissed the shift of price in April 2013", id="window"),
        pytest.param(
            {"until": "2013-08-31"},
            "Dismissed the shift of price in April 2013, until 31 August 2013",
            id="until",
        ),
        pytest.param(
            {"months": [12, 1]},
            "Dismissed the shift of price in April 2013, each year in December and January",
            id="season",
        ),
    ],
)
def test_a_dismissal_says_how_long_it_holds(
    term,
    said,
):
    assert describe_decision(DISMISSED | term, "en") == said


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        pytest.param(
            "en", "dismiss: the shift of price, until 31 August 2013", id="en"
        ),
        pytest.param("ja", "却下：price の分布の変化（2013年8月31日まで）", id="ja"),
    ],
)
def test_the_start_page_of_reports_says_so_in_words(
    lang,
    said,
):
    page = render_decisions([DISMISSED | {"until": "2013-08-31"}], lang)
    assert said in page
