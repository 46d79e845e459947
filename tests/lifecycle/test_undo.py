"""`mlops-nb undo` says so, and ends otherwise than with 0, where it could not bring all back."""

import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

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
