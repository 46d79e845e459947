"""`mlops-nb decide --dismiss` for longer than a window, on the miniature project."""

import json

import pytest
from helpers.miniature import git, run_cli

DISMISS = ("decide", "drift.x", "--dismiss", "--why", "summer sale")


def open_window(
    top,
    window,
):
    """Make a window the current one, and commit that."""
    params = top / "params.yaml"
    head, _, rest = params.read_text().partition("current: {")
    _, _, tail = rest.partition("}")
    period = f"start: '{window}', end: '{window}'"
    params.write_text(f"{head}current: {{{period}}}{tail}")
    git(top, "commit", "-qam", f"Open {window}")


def last_decision(top):
    """Return the last line of the record."""
    lines = (top / "data" / "decisions.jsonl").read_text().splitlines()
    return json.loads(lines[-1])


def status_of(top):
    """Return what `status` says."""
    done = run_cli(top, "status")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("option", "recorded", "said"),
    [
        pytest.param(
            ("--until", "2013-06-30"),
            {"until": "2013-06-30"},
            "until 30 June 2013",
            id="date",
        ),
        pytest.param(
            ("--until", "2013Q2"),
            {"until": "2013-06-30"},
            "until 30 June 2013",
            id="quarter",
        ),
        pytest.param(("--season",), {"months": [4]}, "each year in April", id="season"),
    ],
)
def test_a_dismissal_lasts(top, option, recorded, said):
    done = run_cli(top, *DISMISS, *option)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    seen = {"severity": "watch", "value": 0.2, "limit": 0.1}
    assert last_decision(top).items() >= (recorded | seen).items()
    assert git(top, "status", "--porcelain") == ""
    told = status_of(top)
    assert f"Dismissed {said} by " in told
    assert "summer sale" in told
    assert "nothing waits for a decision" in told


def test_it_holds_in_the_next_window_and_waits_with_its_reason_when_it_is_over(top):
    assert run_cli(top, *DISMISS, "--until", "2013-05").returncode == 0
    open_window(top, "2013-05")
    assert "nothing waits for a decision" in status_of(top)
    open_window(top, "2013-06")
    told = status_of(top)
    assert "drift.x: watch, since" in told
    assert "The shift of x is back; it was dismissed until 31 May 2013 by " in told


def test_the_same_is_not_written_twice_and_a_longer_one_is(top):
    assert run_cli(top, *DISMISS, "--until", "2013-06").returncode == 0
    head = git(top, "rev-parse", "HEAD")
    for option in ((), ("--until", "2013-06-30")):
        done = run_cli(top, *DISMISS, *option)
        assert "decided already, nothing was written" in done.stdout
        assert "until 30 June 2013" in done.stdout
    assert git(top, "rev-parse", "HEAD") == head
    assert run_cli(top, *DISMISS, "--until", "2013-12").returncode == 0
    assert last_decision(top)["until"] == "2013-12-31"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        pytest.param((*DISMISS, "--until", "soon"), "a date or a period", id="no date"),
        pytest.param((*DISMISS, "--until", ""), "nothing", id="empty"),
        pytest.param((*DISMISS, "--until", "2013-02-30"), "28 days", id="no such day"),
        pytest.param((*DISMISS, "--until", "2013-13"), "month 13", id="no such month"),
        pytest.param(
            (*DISMISS, "--until", "2013-04-30"), "after 2013-04-30", id="not later"
        ),
        pytest.param(
            (*DISMISS, "--until", "2014", "--season"), "one of --until", id="both"
        ),
        pytest.param(
            ("decide", "drift.x", "--rollback", "--why", "bad", "--season"),
            "beside --dismiss",
            id="no dismissal",
        ),
    ],
)
def test_what_cannot_last_is_refused_in_words(source, command, why):
    head = git(source, "rev-parse", "HEAD")
    done = run_cli(source, *command)
    assert done.returncode == 1
    assert why in done.stderr
    assert git(source, "rev-parse", "HEAD") == head
    assert git(source, "status", "--porcelain") == ""
