"""`mlops-nb undo` brings all back, or says beforehand or at its end why it could not."""

import os
import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, run, run_cli

from mlops_nb.core.errors import UserError
from mlops_nb.lifecycle.undo import prepare_undo, undo_run

FAILING = "import sys\nsys.exit('the disk of the sensor is gone')\n"


@pytest.fixture
def project(tmp_path):
    """A project whose last commit has a model that nothing holds, and cannot make it again."""
    top = miniature.make_project(tmp_path / "project")
    (top / "make.py").write_text(FAILING)
    git(top, "commit", "-qam", "a sensor")
    shutil.rmtree(top / ".dvc" / "cache" / "files")
    shutil.rmtree(top / "data" / "candidate")
    (top / "params.yaml").write_text((top / "params.yaml").read_text() + "# a trial\n")
    return top


def test_an_output_that_cannot_be_made_again_is_no_success(project):
    done = run_cli(project, "undo", "--yes")
    assert done.returncode == 1
    assert "to make again what lay nowhere: data/candidate" in done.stderr
    assert "the disk of the sensor is gone" in done.stderr
    assert "the files are back at" in done.stderr
    assert "git stash pop" in done.stderr
    assert "# a trial" not in (project / "params.yaml").read_text()


def test_what_could_be_brought_is_a_success(project):
    git(project, "revert", "--no-edit", "HEAD")
    done = run_cli(project, "undo", "--yes")
    assert done.returncode == 0, done.stderr
    assert "back at" in done.stdout
    assert (project / "data" / "candidate" / "model.skops").read_text() == "model 3"


@pytest.fixture
def whole(tmp_path):
    """A project with a table, as its last commit has it."""
    return miniature.make_project(tmp_path / "project", table=True)


def test_a_merge_that_is_resolved_and_not_committed_is_a_refusal(whole):
    git(whole, "switch", "-qc", "side", "HEAD~1")
    (whole / "n.txt").write_text("9\n")
    git(whole, "commit", "-qam", "nine")
    git(whole, "switch", "-q", "main")
    run(whole, "git", "merge", "-q", "side")
    git(whole, "checkout", "--ours", "n.txt")
    git(whole, "add", "n.txt")
    for options in ((), ("--yes",)):
        done = run_cli(whole, "undo", *options)
        assert done.returncode == 1
        assert "a merge that is not finished" in done.stderr
        assert not done.stdout
    assert (whole / ".git" / "MERGE_HEAD").exists()


def test_before_the_first_commit_there_is_nothing_to_go_back_to(whole):
    shutil.rmtree(whole / ".git")
    git(whole, "init", "-q", "-b", "main")
    done = run_cli(whole, "undo", "--yes")
    assert done.returncode == 1
    assert "none yet: nothing is recorded" in done.stderr
    assert run_cli(whole, "commit").returncode == 0
    assert "nothing to undo" in run_cli(whole, "undo", "--yes").stdout


def test_a_file_out_of_the_index_and_a_new_one_come_back_as_told(whole):
    git(whole, "rm", "-q", "--cached", "n.txt")
    (whole / "n.txt").write_text("9\n")
    (whole / "new.txt").write_text("new\n")
    git(whole, "add", "new.txt")
    before = git(whole, "status", "--porcelain")
    done = run_cli(whole, "undo", "--yes")
    assert done.returncode == 0, done.stderr
    assert git(whole, "status", "--porcelain") == ""
    assert "`git stash pop --index && mlops-nb repro`" in done.stdout
    git(whole, "stash", "pop", "-q", "--index")
    assert git(whole, "status", "--porcelain") == before
    assert (whole / "n.txt").read_text() == "9\n"


def test_a_table_that_is_nowhere_is_refused_before_any_plan(whole):
    shutil.rmtree(whole / ".dvc" / "cache" / "files")
    with (whole / "data" / "shop.csv").open("a") as table:
        table.write("21,2013-01-01,red\n")
    done = run_cli(whole, "undo")
    assert done.returncode == 1
    assert not done.stdout
    assert "data/shop.csv" in done.stderr


def test_rows_that_nothing_records_are_refused_before_any_plan(whole):
    with (whole / "data" / "shop.csv").open("a") as table:
        table.write("21,2013-01-01,red\n")
    (whole / "n.txt").write_text("9\n")
    done = run_cli(whole, "undo")
    assert done.returncode == 1
    assert not done.stdout
    assert "differs from what data/shop.csv.dvc records" in done.stderr
    assert (whole / "n.txt").read_text() == "9\n"


def test_a_file_that_git_cannot_keep_is_refused_before_any_plan(whole):
    (whole / "n.txt").unlink()
    os.mkfifo(whole / "n.txt")
    done = run_cli(whole, "undo")
    assert done.returncode == 1
    assert not done.stdout
    assert "every file is as it was" in done.stderr


def test_a_table_that_a_remote_has_is_in_the_plan_as_what_comes(whole, tmp_path):
    table = whole / "data" / "shop.csv"
    earlier = table.read_text()
    table.write_text(f"{earlier}21,2013-01-01,red\n")
    run_cli(whole, "dvc", "add", "-q", "data/shop.csv")
    git(whole, "commit", "-qam", "a row")
    miniature.share_project(whole, tmp_path / "origin", tmp_path / "store")
    shutil.rmtree(whole / ".dvc" / "cache" / "files")
    table.write_text(earlier)
    done = run_cli(whole, "undo", "--yes")
    assert done.returncode == 0, done.stderr
    assert "lost" not in done.stdout
    assert "from the cache: data/shop.csv" in done.stdout
    assert table.read_text().endswith("21,2013-01-01,red\n")


def test_a_plan_is_followed_as_it_was_agreed_to(whole, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_ROOT", str(whole))
    (whole / "n.txt").write_text("9\n")
    agreed = prepare_undo(whole)
    (whole / "make.py").write_text("# another\n")
    with pytest.raises(UserError, match="something has changed in it since"):
        undo_run(whole, agreed)
    assert (whole / "n.txt").read_text() == "9\n"
