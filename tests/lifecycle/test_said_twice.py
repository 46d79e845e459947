"""What is said without a reason, for a second time, or of a revision that nobody knows.

On the miniature project, with real git and DVC.
"""

import pytest
from helpers.miniature import git, run_cli

DISMISS = ("decide", "drift.x", "--dismiss")
WITH_REASON = {
    "promote": ("promote",),
    "rollback": ("rollback",),
    "retrain": ("retrain", "--promote"),
    "dismiss": DISMISS,
    "decide --retrain": ("decide", "drift.x", "--retrain"),
    "decide --rollback": ("decide", "drift.x", "--rollback"),
}


@pytest.mark.parametrize("why", ["", "  "], ids=["empty", "blanks"])
@pytest.mark.parametrize("command", WITH_REASON.values(), ids=WITH_REASON)
def test_an_empty_reason_is_refused(source, command, why):
    before = git(source, "rev-parse", "HEAD")
    done = run_cli(source, *command, "--why", why)
    assert done.returncode == 1
    assert "expected: a reason in words after --why" in done.stderr
    assert done.stdout == ""
    assert git(source, "rev-parse", "HEAD") == before


def test_an_empty_reason_is_refused_where_there_is_nothing_to_do(top):
    assert run_cli(top, "promote", "--why", "better").returncode == 0
    done = run_cli(top, "promote", "--why", " ")
    assert done.returncode == 1
    assert "nothing to do" not in done.stdout


@pytest.mark.parametrize("again", ["a holiday", "another reason"])
def test_a_finding_is_dismissed_once(top, again):
    assert run_cli(top, *DISMISS, "--why", "a holiday").returncode == 0
    head = git(top, "rev-parse", "HEAD")
    done = run_cli(top, *DISMISS, "--why", again)
    assert done.returncode == 0, done.stderr
    assert "decided already, nothing was written: dismissed: a holiday" in done.stdout
    assert git(top, "rev-parse", "HEAD") == head


def test_a_finding_rolls_back_once(top):
    command = WITH_REASON["decide --rollback"]
    assert run_cli(top, *command, "--why", "returns rose").returncode == 0
    head = git(top, "rev-parse", "HEAD")
    done = run_cli(top, *command, "--why", "again")
    assert done.returncode == 0, done.stderr
    assert "decided already: rolled back" in done.stdout
    assert git(top, "rev-parse", "HEAD") == head


def test_a_finding_is_answered_by_the_same_challenger_once(top):
    command = (*WITH_REASON["decide --retrain"], "--why", "it drifts")
    for _ in range(2):
        assert run_cli(top, *command).returncode == 0
    lines = (top / "data/decisions.jsonl").read_text().splitlines()
    assert len([line for line in lines if '"action": "retrain"' in line]) == 1


@pytest.mark.parametrize(
    ("rev", "hint"),
    [
        pytest.param("nosuch", "", id="nothing like it"),
        pytest.param("HEAD~70", "", id="before the first commit"),
        pytest.param("v1.0.0", 'Did you mean "toy@v1.0.0"?', id="a version"),
        pytest.param("mian", 'Did you mean "main"?', id="misspelt"),
    ],
)
def test_a_revision_that_nobody_knows_is_told_as_that(source, rev, hint):
    done = run_cli(source, "compare", "HEAD", rev)
    assert done.returncode == 1
    assert "error in `compare`" in done.stderr
    assert "expected: a commit, tag, branch or experiment" in done.stderr
    assert (
        f"got: {rev}, which git does not know.{' ' * bool(hint)}{hint}\n" in done.stderr
    )
