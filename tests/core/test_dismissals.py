"""A dismissal holds for its window, until a date or for the season, and not for what is worse."""

import pytest

from mlops_nb.core.dismissals import Dismissal, find_dismissal
from mlops_nb.core.messages import render
from mlops_nb.core.standing import judge_standing

JUNE = "2013-06"
JULY = "2013-07"
NEXT_JUNE = "2014-06"
NEXT_JULY = "2014-07"
SUMMER = "2014-06–2014-08"
WEEK = "2013-07-29/2013-08-04"
SEEN = {"severity": "watch", "value": 0.15, "limit": 0.1}
FINDING = {"id": "drift.price", **SEEN}


def dismissal(**more):
    """Return the decision that the drift of the price is dismissed in June 2013."""
    told = {"finding": "drift.price", "window": "2013-06", "why": "a sale"}
    return (
        {"action": "dismiss", "who": "Ada", "at": "2013-07-01T08:00:00Z"} | told | more
    )


@pytest.mark.parametrize(
    ("term", "window", "covered"),
    [
        pytest.param({}, JUNE, True, id="its own window"),
        pytest.param({}, JULY, False, id="not the next"),
        pytest.param({"until": "2013-07-31"}, JULY, True, id="until its end"),
        pytest.param({"until": "2013-07-01"}, JULY, True, id="until its first day"),
        pytest.param({"until": "2013-06-30"}, JULY, False, id="until the day before"),
        pytest.param(
            {"until": "2013-07-31"}, WEEK, True, id="a week that begins by then"
        ),
        pytest.param({"until": "2013-07-31"}, NEXT_JUNE, False, id="a year later"),
        pytest.param({"months": [6]}, NEXT_JUNE, True, id="the season a year later"),
        pytest.param({"months": [6]}, NEXT_JULY, False, id="another month"),
        pytest.param({"months": [6]}, SUMMER, False, id="more than the season"),
        pytest.param({"months": [6, 7, 8]}, SUMMER, True, id="all of the season"),
        pytest.param({"months": [6]}, JUNE, True, id="the season in its window"),
    ],
)
def test_how_long_it_holds(
    term,
    window,
    covered,
):
    """For its own window always, for others as said."""
    assert Dismissal(dismissal(**term)).covers(window) is covered


def test_of_data_without_time_it_holds_for_its_window():
    """A window that is a share of the rows has no dates."""
    said = dismissal(window="share 0.25")
    assert Dismissal(said).covers("share 0.25")
    assert not Dismissal(said).covers("share 0.3")


@pytest.mark.parametrize(
    ("now", "state"),
    [
        pytest.param({}, "holds", id="the same"),
        pytest.param({"value": 0.18}, "holds", id="a little more"),
        pytest.param({"value": 0.05, "severity": "ok"}, "holds", id="better"),
        pytest.param({"value": 0.21}, "worse", id="twice as far"),
        pytest.param({"severity": "act"}, "worse", id="to act on"),
        pytest.param({"value": None}, "holds", id="not measured"),
    ],
)
def test_what_is_worse_than_what_was_dismissed_waits_again(
    now,
    state,
):
    """Whoever dismissed it has not seen this."""
    said = [dismissal(until="2013-12-31", **SEEN)]
    assert find_dismissal(said, FINDING | now, JULY).state == state


def test_an_older_line_does_not_say_how_bad_it_was():
    """It holds for its window, as it did."""
    soared = FINDING | {"value": 9.0, "severity": "act"}
    assert find_dismissal([dismissal()], soared, JUNE).holds
    assert find_dismissal([dismissal()], soared, JULY).state == "over"


def test_a_decision_of_later_ends_it():
    """After a retraining the finding is of another model."""
    said = [dismissal(until="2013-12-31", **SEEN)]
    said.append(dismissal(action="retrain", window="2013-07"))
    assert find_dismissal(said, FINDING, JULY).state == "over"
    said.append(dismissal(window="2013-07", why="known", **SEEN))
    found = find_dismissal(said, FINDING, JULY)
    assert found.holds
    assert found.dismissal.entry["why"] == "known"


def test_a_dismissal_of_one_window_does_not_end_a_lasting_one():
    """The one until December goes on after somebody has dismissed July alone."""
    said = [dismissal(until="2013-12-31", **SEEN)]
    said.append(dismissal(window="2013-07", **SEEN))
    august = "2013-08"
    found = find_dismissal(said, FINDING, august)
    assert found.holds
    assert found.dismissal.until == "2013-12-31"


def test_other_findings_and_other_lines_do_not_count():
    """A promotion has no finding at all."""
    others = [{"action": "promote", "why": "better"}, dismissal(finding="drift.size")]
    assert find_dismissal(others, FINDING, JUNE) is None


@pytest.mark.parametrize(
    ("term", "language", "words"),
    [
        pytest.param({}, "en", "for June 2013", id="window"),
        pytest.param({"until": "2013-08-31"}, "en", "until 31 August 2013", id="date"),
        pytest.param(
            {"months": [11, 12]}, "en", "in November and December", id="season"
        ),
        pytest.param(
            {"months": [11, 12]}, "ja", "毎年11月と 12月", id="Japanese season"
        ),
        pytest.param(
            {"until": "2013-08-31"}, "ja", "2013年8月31日まで", id="Japanese date"
        ),
    ],
)
def test_it_is_told_with_its_reason(
    term,
    language,
    words,
):
    """Until when, why, by whom, in the language of the page."""
    found = find_dismissal([dismissal(**term)], FINDING, JUNE)
    told = render(found.message().json(), language)
    assert words in told
    assert "a sale" in told
    assert "Ada" in told


def test_what_is_dismissed_for_longer_waits_for_nobody():
    """The state of production is as good as without it, and says why."""
    standing = judge_standing([FINDING], JULY, [dismissal(until="2013-07-31", **SEEN)])
    assert standing.level == "ok"
    assert standing.waiting == ()
    assert "Dismissed until 31 July 2013 by Ada" in str(standing.reasons()[0])


@pytest.mark.parametrize(
    ("term", "found", "said"),
    [
        pytest.param(
            {}, FINDING, "The shift of price is back; it was dismissed", id="over"
        ),
        pytest.param(
            {"until": "2013-12-31", **SEEN},
            FINDING | {"value": 0.9},
            "The shift of price is worse than when it was dismissed until 31 December 2013",
            id="worse",
        ),
    ],
)
def test_what_is_back_waits_and_shows_the_reason_of_then(
    term,
    found,
    said,
):
    """Nobody has to remember who said what a year ago."""
    standing = judge_standing([found], JULY, [dismissal(**term)])
    assert standing.waiting == (found,)
    assert standing.level == "watch"
    assert said in str(standing.reasons()[0])
    assert "a sale" in str(standing.decisions()[0])
