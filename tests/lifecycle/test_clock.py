"""The order is that in which things were written, also where a clock was set back.

On the miniature project, with real git and DVC.
"""

import json
import shutil

import pytest
from helpers.miniature import git, run_cli

DECISIONS = "data/decisions.jsonl"


@pytest.fixture
def top(source, tmp_path):
    """The two promotions were made while the clock was four years ahead."""
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    change_decisions(top, lambda entry: entry | {"at": "2031-01-01T08:00:00Z"})
    git(top, "commit", "-q", "-am", "As a clock had it")
    return top


def change_decisions(top, change):
    lines = (top / DECISIONS).read_text().splitlines()
    changed = [json.dumps(change(json.loads(line))) for line in lines]
    (top / DECISIONS).write_text("\n".join([*changed, ""]))


def actions(text):
    """Return what each line of `history` tells, without its time."""
    return [line.split("  ")[1] for line in text.splitlines() if line[:2] == "20"]


def test_decisions_stay_in_the_order_in_which_they_were_written(top):
    assert run_cli(top, "rollback", "--why", "returns rose").returncode == 0
    told = run_cli(top, "history").stdout
    assert actions(told) == ["promote to prod", "promote to prod", "rollback"]
    assert "the time goes back at 20" in told
    assert "a clock was set back" in told


def test_the_last_decision_is_the_last_that_was_written(top):
    for command in ("rollback", "promote"):
        assert run_cli(top, command, "--why", "as it was").returncode == 0
    told = run_cli(top, "status").stdout
    last = json.loads((top / DECISIONS).read_text().splitlines()[-1])["at"]
    assert f"v1.2.0 since {last}" in told
    assert "contradiction" not in told
    assert run_cli(top, "doctor").returncode == 0


def test_readings_stand_where_they_were_committed(top):
    """A reading of the wrong clock comes before a decision that the right one dates earlier."""
    reading = {"id": "1", "window": "2013-03", "level": "ok", "findings": []}
    late = reading | {"closed": "2031-01-02T08:00:00Z"}
    (top / "data/history.jsonl").write_text(json.dumps(late) + "\n")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "Closed")
    assert run_cli(top, "rollback", "--why", "returns rose").returncode == 0
    told = actions(run_cli(top, "history").stdout)
    assert told[2:] == ["2013-03 read: ok", "rollback"]


def test_a_clock_that_runs_makes_no_note(source):
    told = run_cli(source, "history").stdout
    assert actions(told) == ["promote to prod", "promote to prod"]
    assert "the time goes back" not in told
