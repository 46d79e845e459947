"""`advance` is several changes: one that fails says which of them have happened before it."""

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

ADVANCE = ("advance", "2013-05", "--policy", "auto")
FAILING = "        sys.exit('the sensor is gone')\n"


@pytest.fixture
def top(tmp_path):
    """A project in which a challenger is due with the next window."""
    top = miniature.make_project(tmp_path / "project")
    with (top / "params.yaml").open("a") as params:
        params.write("loop: {every: 1}\n")
    (top / "reports" / "metrics").mkdir()
    (top / "reports" / "metrics" / "evaluate.json").write_text("{}\n")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "a loop")
    return top


def is_moved(top) -> bool:
    """Say whether the window has moved."""
    return "current: {start: '2013-05'" in git(top, "show", "HEAD:params.yaml")


def test_a_challenger_that_fails_after_the_window_moved_says_so(top):
    stage = (top / "make.py").read_text()
    line = '    write("data/candidate/model.skops"'
    assert line in stage
    spoilt = stage.replace(line, f"    if not is_first:\n{FAILING}{line}")
    (top / "make.py").write_text(spoilt)
    git(top, "commit", "-qam", "a sensor")
    done = run_cli(top, *ADVANCE)
    assert done.returncode == 1
    assert is_moved(top)
    assert "nothing was changed" not in done.stderr
    assert "nothing else was changed" in done.stderr
    assert "done already: the window is 2013-05" in done.stderr


def test_a_hook_that_refuses_the_challenger_is_told_beside_what_is_done(top):
    hook = top / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ngrep -q "^Close" "$1" || { echo no >&2; exit 1; }\n')
    hook.chmod(0o755)
    done = run_cli(top, *ADVANCE)
    assert done.returncode == 1
    assert is_moved(top)
    assert "done already: the window is 2013-05" in done.stderr
