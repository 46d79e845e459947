"""A remote that is named from the checkout's folder is the same one for a change that is prepared.

What `--push` pushes is made in a scratch clone elsewhere; so is what DVC fetches and pushes.
"""

import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, output_of, run_cli

NOWHERE = "/nowhere/at/all.git"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A miniature project."""
    return miniature.make_project(tmp_path_factory.mktemp("made") / "project")


@pytest.fixture
def top(
    made,
    tmp_path,
):
    """A copy of it, beside a bare repository `o.git` that is empty."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", tmp_path / "o.git")
    return shutil.copytree(made, tmp_path / "project", symlinks=True)


def add_url(top):
    git(top, "remote", "add", "origin", "../o.git")


def add_push_url(top):
    git(top, "remote", "add", "origin", NOWHERE)
    git(top, "remote", "set-url", "--push", "origin", "../o.git")


def add_instead_of(top):
    git(top, "config", "url.../.insteadOf", "ours:")
    git(top, "remote", "add", "origin", "ours:o.git")


def add_push_instead_of(top):
    git(top, "config", "url.../.pushInsteadOf", "ours:")
    git(top, "remote", "add", "origin", "ours:o.git")


def add_file_url(top):
    git(top, "remote", "add", "origin", f"file://{top}/../o.git")


def add_push_remote(top):
    git(top, "remote", "add", "origin", NOWHERE)
    git(top, "remote", "add", "mine", "./../o.git")
    git(top, "config", "branch.main.pushRemote", "mine")


@pytest.mark.parametrize(
    "add",
    [
        pytest.param(add_url, id="url"),
        pytest.param(add_push_url, id="pushurl"),
        pytest.param(add_instead_of, id="insteadOf"),
        pytest.param(add_push_instead_of, id="pushInsteadOf"),
        pytest.param(add_file_url, id="file"),
        pytest.param(add_push_remote, id="pushRemote"),
    ],
)
def test_a_promotion_is_pushed_to_a_relative_remote(
    top,
    add,
):
    add(top)
    done = run_cli(top, "promote", "--why", "w", "--push")
    assert done.returncode == 0, done.stderr
    origin = top.parent / "o.git"
    assert git(origin, "rev-parse", "main") == git(top, "rev-parse", "HEAD")
    assert "toy@v1.2.0" in git(origin, "tag").split()


def test_the_users_own_settings_may_make_an_address_relative(
    top,
    monkeypatch,
):
    own = top.parent / "gitconfig"
    ada = "[user]\n\tname = ada\n\temail = ada@example.com\n"
    own.write_text(ada + '[url "../"]\n\tinsteadOf = ours:\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    git(top, "remote", "add", "origin", "ours:o.git")
    done = run_cli(top, "promote", "--why", "w", "--push")
    assert done.returncode == 0, done.stderr
    assert "toy@v1.2.0" in git(top.parent / "o.git", "tag").split()


@pytest.mark.parametrize(
    "place", [pytest.param((), id="config"), pytest.param(("--local",), id="local")]
)
def test_the_bytes_go_to_a_relative_remote_of_dvc(
    top,
    place,
):
    add_url(top)
    command = ("dvc", "remote", "add", "-q", *place, "-d", "store", "../store")
    output_of(top, *miniature.MLOPS_NB, *command)
    git(top, "commit", "-q", "--allow-empty", "-am", "remote")
    output_of(top, *miniature.MLOPS_NB, "dvc", "push", "-q", "-A")
    miniature.commit_candidate(top, 4, "candidate 4")
    done = run_cli(top, "promote", "--why", "w", "--push")
    assert done.returncode == 0, done.stderr
    stored = [file for file in (top.parent / "store").rglob("*") if file.is_file()]
    contents = [file.read_bytes() for file in stored]
    assert b"model 4 again" in contents or b"model 4" in contents


def test_a_branch_that_follows_an_address_is_told_how_to_name_it(top):
    git(top, "config", "branch.main.remote", "../o.git")
    git(top, "config", "branch.main.merge", "refs/heads/main")
    done = run_cli(top, "promote", "--why", "w", "--push")
    assert done.returncode == 1
    cure = "git remote add origin ../o.git && git config branch.main.remote origin"
    assert cure in done.stderr
