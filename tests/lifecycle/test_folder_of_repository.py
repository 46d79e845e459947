"""A project that is a folder of a bigger git repository, and a git that refuses to look."""

import re
import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, output_of, run, run_cli

from mlops_nb.lifecycle.registry import recorded_md5

FOLDER = "models/toy"
READERS = {
    "status": ("status",),
    "history": ("history",),
    "history of a version": ("history", "v1.0.0"),
    "card": ("card",),
    "repro": ("repro",),
}
MOVERS = {
    "promote": (("promote", "--why", "third"), "Promote toy v1.2.0 to prod"),
    "rollback": (("rollback", "--why", "worse"), "Roll back toy to v1.0.0"),
    "retrain": (("retrain", "--periods", "2"), "Challenger"),
    "advance": (("advance",), "open 2013-05"),
    "decide": (
        ("decide", "drift.x", "--dismiss", "--why", "summer"),
        "Dismiss drift.x",
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project told again as a folder of a bigger repository."""
    folder = tmp_path_factory.mktemp("nested")
    plain = miniature.make_project(folder / "plain", table=True, card=True)
    miniature.nest_project(plain, folder / "bigger", FOLDER)
    shutil.rmtree(plain)
    return folder / "bigger"


@pytest.fixture
def project(made, tmp_path):
    """A copy of it; beside it lies a file that somebody has changed."""
    repository = shutil.copytree(made, tmp_path / "bigger", symlinks=True)
    (repository / "README.md").write_text("many models, and notes\n")
    return repository / FOLDER


@pytest.mark.parametrize("command", READERS.values(), ids=READERS)
def test_a_command_that_reads_finds_the_record(
    project,
    command,
):
    done = run_cli(project, *command)
    assert done.returncode == 0, done.stderr
    assert "no record yet" not in done.stdout


def test_a_run_is_compared_with_the_record_of_the_folder(project):
    assert "4 of 4 outputs identical" in run_cli(project, "repro").stdout


def test_a_run_that_differs_names_what_was_changed_as_the_folder_has_it(project):
    (project / "n.txt").write_text("4\n")
    assert "after a change of n.txt\n" in run_cli(project, "repro").stdout


@pytest.mark.parametrize(("command", "message"), MOVERS.values(), ids=MOVERS)
def test_a_command_that_moves_the_branch_changes_the_folder_alone(
    project,
    command,
    message,
):
    before = git(project, "rev-parse", "HEAD")
    done = run_cli(project, *command)
    assert done.returncode == 0, done.stderr
    assert message in git(project, "log", "-1", "--format=%s")
    changed = git(project, "diff", "--name-only", before, "HEAD").splitlines()
    assert changed
    assert all(path.startswith(FOLDER) for path in changed)
    # what somebody has changed beside the project is still there, and nothing else is
    assert git(project, "status", "--porcelain") == "M README.md"
    assert "up to date" in output_of(project, *miniature.MLOPS_NB, "dvc", "status")


def test_a_champion_whose_bytes_are_gone_is_trained_again_in_its_folder(project):
    md5 = recorded_md5("toy@v1.0.0", "data/candidate", project)
    (project / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]).unlink()
    command = ("rollback", "--to", "v1.0.0", "--rebuild", "--why", "lost")
    done = run_cli(project, *command)
    assert done.returncode == 0, done.stderr
    assert "version: v1.0.0" in (project / "params.yaml").read_text()
    champion = project / "data" / "champion" / "model.skops"
    assert champion.exists()


def test_a_champion_is_fetched_from_its_commit_and_a_remote(
    project,
    tmp_path,
):
    store = ("remote", "add", "-q", "-d", "store", tmp_path / "store")
    output_of(project, *miniature.MLOPS_NB, "dvc", *store)
    output_of(project, *miniature.MLOPS_NB, "dvc", "push", "-q", "--all-commits")
    shutil.rmtree(project / ".dvc" / "cache")
    shutil.rmtree(project / "data" / "champion")
    done = run(project, *miniature.MLOPS_NB, "champion")
    assert re.search("from (commit|the DVC remote)", done.stdout), done.stderr


def test_a_run_is_committed_and_another_undone(project):
    (project / "n.txt").write_text("4\n")
    assert run_cli(project, "repro").returncode == 0
    assert run_cli(project, "commit").returncode == 0
    committed = git(project, "rev-parse", "HEAD")
    (project / "n.txt").write_text("5\n")
    assert run_cli(project, "repro").returncode == 0
    assert run_cli(project, "undo", "--yes").returncode == 0
    assert (project / "n.txt").read_text() == "4\n"
    assert git(project, "rev-parse", "HEAD") == committed
    assert git(project, "status", "--porcelain") == "M README.md"


def test_the_site_lists_the_runs_of_the_folder(
    project,
    tmp_path,
):
    done = run_cli(project, "publish", "--to", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    versions = (tmp_path / "site" / "versions.html").read_text()
    assert "v1.1.0" in versions


def test_the_commands_of_a_version_fetch_what_they_name(
    project,
    tmp_path,
):
    told = run_cli(project, "history", "v1.0.0").stdout
    (fetch,) = (line for line in told.splitlines() if line.startswith("model "))
    command = fetch[fetch.index("dvc get") :].split()
    output_of(project, *miniature.MLOPS_NB, *command, "-o", tmp_path / "model")
    assert (tmp_path / "model" / "manifest.json").exists()


REFUSED = ("status", "publish", "card", "commit", "undo")


@pytest.mark.parametrize("command", REFUSED, ids=REFUSED)
def test_a_git_that_refuses_is_told_as_that(
    project,
    command,
):
    # as where the folder belongs to another user
    done = run(
        project, *miniature.MLOPS_NB, command, GIT_TEST_ASSUME_DIFFERENT_OWNER="1"
    )
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "safe.directory" in said
    assert "Traceback" not in said
    assert "no record yet" not in said


def test_a_run_goes_on_where_git_refuses_and_says_so(project):
    done = run(
        project, *miniature.MLOPS_NB, "repro", GIT_TEST_ASSUME_DIFFERENT_OWNER="1"
    )
    assert done.returncode == 0, done.stderr
    assert "not compared with a record, as git refuses" in done.stdout
    assert "safe.directory" in done.stdout
