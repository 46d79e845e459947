"""`mlops-nb commit` takes what lies in the folder and what is staged, whatever both are."""

import os
import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, output_of, run_cli


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A project as its last commit has it."""
    return miniature.make_project(tmp_path_factory.mktemp("commit") / "project")


@pytest.fixture
def project(source, tmp_path):
    """A copy of it."""
    shutil.copytree(source, tmp_path / "project", symlinks=True)
    git(tmp_path / "project", "update-index", "--refresh")
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("commands", "committed", "left"),
    [
        pytest.param("git rm -q make.py", "D\tmake.py", "", id="removed"),
        pytest.param(
            "git rm -q --cached make.py",
            "D\tmake.py",
            "?? make.py",
            id="out of the index, kept",
        ),
        pytest.param(
            "git mv make.py build.py; echo '# more' >> build.py",
            "A\tbuild.py\nD\tmake.py",
            "",
            id="renamed",
        ),
        pytest.param(
            "git rm -q --cached n.txt; echo n.txt >> .gitignore; echo 9 > n.txt",
            "M\t.gitignore\nD\tn.txt",
            "",
            id="out of the index, ignored",
        ),
        pytest.param(
            "echo 1 > meant.txt; git add -N meant.txt",
            "A\tmeant.txt",
            "",
            id="meant to be added",
        ),
    ],
)
def test_what_is_staged_is_committed(project, commands, committed, left):
    output_of(project, "bash", "-c", commands)
    done = run_cli(project, "commit")
    assert done.returncode == 0, done.stderr
    shown = git(project, "show", "--name-status", "--no-renames", "--format=")
    assert shown == committed
    assert git(project, "status", "--porcelain") == left


def test_a_new_file_that_is_gone_again_is_nothing_to_commit(project):
    (project / "new.txt").write_text("1\n")
    git(project, "add", "new.txt")
    (project / "new.txt").unlink()
    done = run_cli(project, "commit")
    assert done.returncode == 0, done.stderr
    assert "nothing to commit" in done.stdout


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(project):
    (project / "n.txt").unlink()
    os.mkfifo(project / "n.txt")
    done = run_cli(project, "commit")
    assert done.returncode == 1
    assert "n.txt" in done.stderr
