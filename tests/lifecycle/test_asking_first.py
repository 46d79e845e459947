"""What would stop a command is asked before anything is done, and told in words."""

import os
import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, run, run_cli

CONFLICT = "<<<<<<< HEAD\n{0}=======\n{0}>>>>>>> side\n"
WHY = ("--why", "summer")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    top = tmp_path_factory.mktemp("toy") / "project"
    return miniature.make_project(top, table=True)


@pytest.fixture
def top(source, tmp_path):
    return shutil.copytree(source, tmp_path / "project", symlinks=True)


def mark_conflict(
    top,
    path,
):
    """Leave the marks of a merge around all that a file holds."""
    file = top / path
    file.write_text(CONFLICT.format(file.read_text()))


def commit_of(
    top,
    path,
    text,
    message,
):
    (top / path).write_text(text)
    git(top, "add", path)
    git(top, "commit", "-qm", message)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("params.yaml", id="parameters"),
        pytest.param("dvc.lock", id="the record"),
        pytest.param("dvc.yaml", id="the pipeline"),
        pytest.param("data/shop.csv.dvc", id="the note of a table"),
        pytest.param("make.py", id="code"),
        pytest.param("data/decisions.jsonl", id="decisions"),
    ],
)
def test_no_mark_of_a_conflict_is_committed(top, path):
    mark_conflict(top, path)
    head = git(top, "rev-parse", "HEAD")
    got = run_cli(top, "commit")
    assert got.returncode == 1, got.stdout
    assert path in got.stderr
    assert git(top, "rev-parse", "HEAD") == head
    assert git(top, "diff", "--cached", "--name-only") == ""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("params.yaml", id="parameters"),
        pytest.param("dvc.lock", id="the record"),
        pytest.param("dvc.yaml", id="the pipeline"),
    ],
)
def test_a_run_names_the_file_in_conflict(top, path):
    mark_conflict(top, path)
    got = run_cli(top, "repro")
    assert got.returncode == 1, got.stdout
    assert f"expected: {path} as one of two branches has it" in got.stderr


def conflict_by_stash(top):
    """Let `git stash pop` leave two versions of params.yaml, and no operation in progress."""
    text = (top / "params.yaml").read_text()
    (top / "params.yaml").write_text(f"{text}mine: {{}}\n")
    git(top, "stash")
    commit_of(top, "params.yaml", f"{text}yours: {{}}\n", "yours")
    assert run(top, "git", "stash", "pop").returncode


def test_what_a_stash_has_left_in_conflict_is_not_committed(top):
    conflict_by_stash(top)
    got = run_cli(top, "commit")
    assert got.returncode == 1, got.stdout
    assert "params.yaml" in got.stderr


def test_a_conflict_settled_for_git_alone_is_not_committed(top):
    conflict_by_stash(top)
    git(top, "add", "params.yaml")
    got = run_cli(top, "commit")
    assert got.returncode == 1, got.stdout
    assert "conflict at line" in got.stderr


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(conflict_by_stash, id="a stash"),
        pytest.param(lambda top: mark_conflict(top, "dvc.lock"), id="the record"),
        pytest.param(lambda top: mark_conflict(top, "data/shop.csv.dvc"), id="a note"),
    ],
)
def test_undo_goes_back_from_a_conflict_and_keeps_it(top, spoil):
    spoil(top)
    got = run_cli(top, "undo", "--yes")
    assert got.returncode == 0, got.stderr
    assert git(top, "status", "--porcelain") == ""
    assert "<<<<<<<" in git(top, "stash", "show", "-p")


def test_a_failing_hook_leaves_the_index_as_it_was(top):
    hook = top / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
    hook.chmod(0o755)
    (top / "n.txt").write_text("7\n")
    got = run_cli(top, "commit")
    assert got.returncode == 1
    assert "not on a Friday" in got.stderr
    assert git(top, "diff", "--cached", "--name-only") == ""
    assert list((top / ".git").glob("index.*")) == []


def test_commit_without_a_branch_says_so(top):
    git(top, "checkout", "-q", "--detach")
    (top / "n.txt").write_text("7\n")
    got = run_cli(top, "commit")
    assert got.returncode == 1
    assert "detached" in got.stderr


def test_commit_names_the_table_whose_rows_are_not_recorded(top):
    with (top / "data" / "shop.csv").open("a") as table:
        table.write("20,2013-05-01,blue\n")
    (top / "n.txt").write_text("7\n")
    got = run_cli(top, "commit")
    assert got.returncode == 1
    assert "dvc add data/shop.csv" in got.stderr


def merge_without_conflict(top):
    git(top, "switch", "-qc", "side")
    commit_of(top, "side.txt", "side\n", "side")
    git(top, "switch", "-q", "main")
    commit_of(top, "main.txt", "main\n", "main")
    git(top, "merge", "-q", "--no-commit", "side")
    return "MERGE_HEAD"


def bisect(top):
    git(top, "bisect", "start", "HEAD", "HEAD~2")
    return "BISECT_LOG"


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(merge_without_conflict, id="merge"),
        pytest.param(bisect, id="bisect"),
    ],
)
def test_retrain_leaves_what_git_is_at_alone(top, begin):
    state = top / ".git" / begin(top)
    before = state.read_text()
    got = run_cli(top, "retrain", "--periods", "2")
    assert got.returncode == 1, got.stdout
    assert "is not finished" in got.stderr
    assert state.read_text() == before


def test_an_experiment_of_retrain_is_one_of_dvc(top):
    got = run_cli(top, "retrain", "--periods", "2")
    assert got.returncode == 0, got.stderr
    listed = miniature.output_of(top, *miniature.MLOPS_NB, "dvc", "exp", "list", "-A")
    assert "challenger-" in listed
    assert list((top / ".mlops").glob("change*")) == []


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("promote", *WHY), id="promote"),
        pytest.param(("rollback", *WHY), id="rollback"),
    ],
)
def test_a_run_that_is_not_committed_is_told_with_its_command(
    top,
    command,
):
    with (top / "dvc.lock").open("a") as lock:
        lock.write("# another run\n")
    got = run_cli(top, *command)
    assert got.returncode
    assert "M dvc.lock" in got.stderr
    assert "`mlops-nb commit` makes the run the record" in got.stderr
    assert "`mlops-nb undo`" in got.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_missing_right_is_told(top):
    (top / ".mlops").mkdir(exist_ok=True)
    (top / ".mlops").chmod(0o500)
    got = run_cli(top, "decide", "drift.x", "--dismiss", *WHY)
    (top / ".mlops").chmod(0o700)
    assert got.returncode == 1
    assert "right to read and write" in got.stderr
