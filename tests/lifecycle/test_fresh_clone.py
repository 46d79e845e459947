"""A clone with git and a DVC remote is at work in one command, and no run fools anybody."""

import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

ALL_OUTPUTS = "4 of 4 outputs identical to the record in commit"
MOST_LINES = 15


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A project with a table, whose git and DVC remotes have everything."""
    folder = tmp_path_factory.mktemp("shared")
    top = miniature.make_project(folder / "project", table=True)
    miniature.share_project(top, folder / "origin.git", folder / "store")
    return folder


@pytest.fixture
def clone(shared, tmp_path):
    """A fresh clone: names of everything, bytes of nothing."""
    top = shared / f"clone-{tmp_path.name}"  # the DVC remote lies beside it
    git(tmp_path, "clone", "-q", shared / "origin.git", top)
    return top


@pytest.fixture
def project(shared, tmp_path):
    """A copy of the project where it was made, without a DVC remote."""
    top = shutil.copytree(shared / "project", tmp_path / "project", symlinks=True)
    git(top, "reset", "-q", "--hard", "HEAD~1")
    return top


def objects_of(
    top,
    path,
):
    """The files in DVC's cache that hold a part of an output."""
    contents = (top / path / "model.skops").read_bytes()
    cache = top / ".dvc" / "cache" / "files"
    return [
        file
        for file in cache.rglob("*")
        if file.is_file() and file.read_bytes() == contents
    ]


def test_a_run_in_a_fresh_clone_brings_what_the_record_names(clone):
    done = run_cli(clone, "repro")
    assert done.returncode == 0, done.stderr
    assert ALL_OUTPUTS in done.stdout
    assert (clone / "data/candidate/model.skops").read_text() == "model 3"
    assert (clone / "data/champion/model.skops").read_text() == "model 2"
    assert (clone / "data/shop.csv").exists()
    assert not git(clone, "status", "--porcelain")
    assert len((done.stdout + done.stderr).splitlines()) <= MOST_LINES


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param(("status",), "v1.1.0", id="status"),
        pytest.param(("rollback", "--why", "w"), "v1.0.0 is back", id="rollback"),
        pytest.param(("promote", "--why", "w"), "v1.2.0 is in prod", id="promote"),
        pytest.param(("advance", "2013-05"), "2013-05: watch", id="advance"),
        pytest.param(("alert",), "drift.x", id="alert"),
        pytest.param(("retrain", "--periods", "2"), "gate passed", id="retrain"),
    ],
)
def test_a_command_fetches_what_it_needs_and_answers_first(
    clone,
    command,
    answer,
):
    done = run_cli(clone, *command)
    assert done.returncode == 0, done.stderr
    assert answer in done.stdout
    assert "fetched as recorded" in done.stderr.splitlines()[0]
    assert "done," not in done.stdout + done.stderr


def test_without_a_remote_a_clone_computes(clone):
    (clone / ".dvc" / "config").write_text("")
    git(clone, "commit", "-qam", "no remote")
    (clone / "data/shop.csv.dvc").unlink()
    git(clone, "commit", "-qam", "no table")
    (clone / "params.yaml").write_text(
        "\n".join(
            "champion: {version: null, commit: null, md5: null}"
            if line.startswith("champion")
            else line
            for line in (clone / "params.yaml").read_text().splitlines()
        )
    )
    done = run_cli(clone, "repro")
    assert done.returncode == 0, done.stderr
    assert (clone / "data/candidate/model.skops").read_text() == "model 3"
    assert "different: data/champion" in done.stdout


def test_outputs_that_do_not_lie_there_are_not_counted(clone):
    done = run_cli(clone, "repro")
    assert ALL_OUTPUTS in done.stdout
    shutil.rmtree(clone / "data" / "champion")
    done = run_cli(clone, "repro", "--single-item", "--dry", "train")
    assert "3 of 4 outputs identical" in done.stdout
    assert "not in the folder as recorded: data/champion" in done.stdout


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda file: file.unlink(), id="missing"),
        pytest.param(
            lambda file: (file.chmod(0o644), file.write_text("rotten")), id="corrupt"
        ),
    ],
)
def test_a_run_loses_no_candidate_whose_object_is_lost(
    project,
    harm,
):
    [lost] = objects_of(project, "data/candidate")
    harm(lost)
    (project / "n.txt").write_text("4\n")
    done = run_cli(project, "repro")
    assert done.returncode == 0, done.stderr
    assert lost.read_text() == "model 3"
    undone = run_cli(project, "undo", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert (project / "data/candidate/model.skops").read_text() == "model 3"


def test_a_rebuild_names_the_table_that_is_gone(project):
    for file in (project / ".dvc" / "cache" / "files").rglob("*"):
        if file.is_file():
            file.unlink()
    (project / "data" / "shop.csv").unlink()
    done = run_cli(project, "rollback", "--rebuild", "--why", "lost")
    assert done.returncode == 1
    assert "the table data/shop.csv" in done.stderr
    assert "no command can make it" in done.stderr
    assert done.stderr.count("expected: ") == 1


def test_an_experiment_is_undone_without_loss_and_committed(project):
    (project / "n.txt").write_text("4\n")
    done = run_cli(project, "repro")
    assert "after a change of n.txt" in done.stdout
    assert "not committed: `mlops-nb commit`" in done.stdout
    assert len((done.stdout + done.stderr).splitlines()) <= MOST_LINES
    assert run_cli(project, "undo", "--yes").returncode == 0
    assert (project / "data/candidate/model.skops").read_text() == "model 3"
    git(project, "stash", "pop")
    assert run_cli(project, "repro").returncode == 0
    assert run_cli(project, "commit").returncode == 0
    assert not git(project, "status", "--porcelain")


def test_details_are_shown_where_they_are_asked_for(project):
    done = run_cli(project, "promote", "-v", "--why", "better")
    assert done.stdout.startswith("v1.2.0 is in prod")
    assert "Running stage 'champion'" in done.stderr


def test_no_recipe_of_the_guides_can_lose_an_output():
    top = miniature.TEMPLATE.parents[2]
    places = [top / "README.md", *sorted((top / "nbs").glob("*/*.ipynb"))]
    texts = [place.read_text("utf-8") for place in places]
    assert not [text for text in texts if "git checkout . &&" in text]
