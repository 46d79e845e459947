"""The start page leads with the worst."""

import re

import pytest
from helpers.report_sample import CONFIG

from mlops_nb.core.standing import Standing
from mlops_nb.reporting.start_page import render_start_page


def test_index_leads_with_the_worst(plain):
    result = plain[1]
    calm = {
        **result,
        "verdict": {"level": "ok", "reasons": []},
        "headline": {"key": "", "values": {"text": "All well in training."}},
    }
    page = render_start_page(
        {"train": calm, "monitor": result, "preprocess-train": calm}, CONFIG
    )
    assert re.search(r"<h1[^>]*>Of 100 flights", page)
    assert page.count('class="card"') == 2
    assert "All well in training." in page
    assert 'href="preprocess-train.html"' in page
    assert (
        "Evaluation stopped early"
        in re.search(
            r"<h1.*?</h1>",
            render_start_page({"monitor": result, "evaluate": None}, CONFIG),
        )[0]
    )
    assert "make run" in render_start_page({}, CONFIG)


SHIFTED = Standing("act", ({"id": "drift.price", "severity": "act"},), quality="held")
COURSE = {
    "metric": "precision",
    "trained": 0.45,
    "windows": [
        {"window": "2013-03", "realised": {"value": 0.44}},
        {"window": "2013-04", "realised": {"value": 0.46}},
    ],
}
IN_PRODUCTION = {"standing": SHIFTED, "live_since": "2026-11-28"}


@pytest.fixture
def monitored(plain):
    """Give a result of the monitor with the numbers of a window."""
    numbers = {"course": COURSE, "rows": 1000, "labelled": 900}
    return plain[1] | {"results": numbers, "model": "v1.0.0 (a8e0921d)"}


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("Act now", id="state"),
        pytest.param("inputs shifted; quality did not fall", id="why"),
        pytest.param("v1.0.0, in production since 28 November 2026", id="since"),
        pytest.param("data of 1–30 April 2013", id="data"),
        pytest.param("Judged on data to 30 April 2013", id="as of"),
        pytest.param("Find out what changed at the source of price", id="action"),
        pytest.param("Responsible: Operations analytics", id="who"),
        pytest.param("46.0% in April 2013; 45.0% when trained", id="course"),
    ],
)
def test_ten_seconds_are_enough(
    monitored,
    said,
):
    """How it is, why, what to do, who does it, and which date is whose."""
    page = render_start_page({"monitor": monitored}, CONFIG | IN_PRODUCTION)
    words = re.sub("<[^>]*>", "", page[page.index("<main") :])
    assert said in words


def test_the_index_leaves_reasons_to_the_page(monitored):
    """What the state sums up, and the page tells, is not told three times."""
    page = render_start_page({"monitor": monitored}, CONFIG | IN_PRODUCTION)
    assert "Newark ranks worse" not in page


def test_a_headline_stands_once(monitored):
    """The candidate in production has the headline of the monitor."""
    results = {"monitor": monitored, "evaluate": monitored}
    page = render_start_page(results, CONFIG | IN_PRODUCTION)
    assert page.count("Of 100 flights flagged") == 1


def test_nobody_is_named_where_no_owner_is_set(monitored):
    """Managers cannot mend it: `mlops-nb doctor` tells those who can."""
    nobody = CONFIG | IN_PRODUCTION | {"owner": "", "contact": ""}
    page = render_start_page({"monitor": monitored}, nobody)
    assert "Responsible" not in page


def test_the_line_when_trained_is_labelled_in_the_reader_s_language(monitored):
    japanese = CONFIG | IN_PRODUCTION | {"lang": "ja"}
    page = render_start_page({"monitor": monitored}, japanese)
    assert ">学習時<" in page
