"""A hook or a file that stops a change half-way: what is done, what is left, what finishes it.

On the miniature project, with real git and DVC.
"""

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

WHY = ("--why", "returns rose")
ROLLBACK = ("rollback", *WHY)
CHANGES = {  # a command: what is in production before and after it
    "rollback": (ROLLBACK, "v1.1.0", "v1.0.0"),
    "decide --rollback": (
        ("decide", "drift.x", "--rollback", *WHY),
        "v1.1.0",
        "v1.0.0",
    ),
    "promote": (("promote", *WHY), "v1.1.0", "v1.2.0"),
}
# Another program holds git's index just when the branch has moved.
LOCK_INDEX = """
case "$PWD" in */change-*) exit 0;; esac
[ "$1" = committed ] && grep -q refs/heads/main || exit 0
touch .git/index.lock
"""


def write_hook(
    top,
    name,
    script,
):
    hook = top / ".git" / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
    return hook


@pytest.mark.parametrize(
    "name",
    ["post-checkout", "post-commit", "post-merge", "post-index-change", "post-rewrite"],
)
def test_a_hook_that_fails_afterwards_stops_nothing(top, name):
    write_hook(top, name, "echo the team is told >&2; exit 1")
    done = run_cli(top, *ROLLBACK)
    assert done.returncode == 0, done.stderr
    assert "v1.0.0 is back in production" in done.stdout
    assert miniature.visible_state(top)
    if name == "post-checkout":
        assert "post-checkout failed after the files had come" in done.stderr
        assert "the team is told" in done.stderr


def test_a_retraining_asks_no_hook_of_the_checkout_for_its_own_clone(top):
    write_hook(top, "post-checkout", "exit 1")
    done = run_cli(top, "retrain", "--periods", "2", "--promote", *WHY)
    assert done.returncode == 0, done.stderr
    assert "v1.2.0 is in production" in done.stdout


@pytest.mark.parametrize("refs", ["refs/heads/main", "refs/tags"])
def test_a_hook_that_forbids_the_move_leaves_all_as_it_was(top, refs):
    before = miniature.visible_state(top)
    rule = f'[ "$1" = prepared ] && grep -q {refs} && {{ echo rule 7 >&2; exit 1; }}'
    write_hook(top, "reference-transaction", f"{rule}\nexit 0")
    done = run_cli(top, *ROLLBACK)
    assert done.returncode == 1
    for part in (
        "the hook reference-transaction",
        "rule 7",
        "fix what the hook names",
    ):
        assert part in done.stderr
    assert miniature.visible_state(top) == before
    assert "interrupted" not in run_cli(top, "status").stdout


def test_a_move_that_only_the_remote_has_made_is_told(top, tmp_path):
    miniature.share_project(top, tmp_path / "origin.git")
    hook = write_hook(
        top,
        "reference-transaction",
        '[ "$1" = prepared ] && [ -e .git/shut ] && grep -q refs/heads/main && exit 1\nexit 0',
    )
    write_hook(top, "pre-push", f"touch {top}/.git/shut")
    done = run_cli(top, *ROLLBACK, "--push")
    assert done.returncode == 1
    assert "the remote has the change already" in done.stderr
    hook.unlink()
    git(top, "pull", "-q", "--tags")
    assert run_cli(top, *ROLLBACK).returncode == 0
    assert (top / "data/champion/model.skops").read_text() == "model 1"
    assert miniature.visible_state(top)


@pytest.mark.parametrize(("command", "before", "after"), CHANGES.values(), ids=CHANGES)
def test_a_change_that_is_left_half_way_says_so_and_is_finished(
    top,
    command,
    before,
    after,
):
    hook = write_hook(top, "reference-transaction", LOCK_INDEX)
    stopped = run_cli(top, *command)
    assert stopped.returncode == 1
    head = git(top, "rev-parse", "--short=7", "HEAD")
    parts = (
        "the checkout's files to follow its branch",
        "index.lock",
        f"is done: commit {head} and its tags are on the branch",
        "the same command again finishes that",
    )
    assert [part for part in parts if part not in stopped.stderr] == []
    assert "interrupted: " in run_cli(top, "status").stdout
    hook.unlink()
    (top / ".git/index.lock").unlink()
    finished = run_cli(top, *command)
    assert finished.returncode == 0, finished.stderr
    told = ("finished: the interrupted", f"before: {before} ", f"after:  {after} ")
    assert [part for part in told if part not in finished.stdout] == []
    assert git(top, "rev-parse", "--short=7", "HEAD") == head
    assert miniature.visible_state(top)


def test_another_command_says_what_it_finishes_first(top):
    hook = write_hook(top, "reference-transaction", LOCK_INDEX)
    assert run_cli(top, *ROLLBACK).returncode == 1
    hook.unlink()
    (top / ".git/index.lock").unlink()
    done = run_cli(top, "promote", *WHY)
    assert "finished first: Roll back to v1.0.0: returns rose" in done.stderr
    assert "before: v1.0.0 " in done.stdout
    assert "after:  v1.2.0 " in done.stdout
