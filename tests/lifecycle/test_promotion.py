"""What can go wrong with a deployment: a team that is faster, a lost cache, a kill.

On the miniature project, with real git and DVC.
"""

import shutil
import sys

import killing
import pytest
from helpers import miniature
from helpers.miniature import git, run_cli
from helpers.notebooks import stages_run
from kill_cases import interrupt_promotion

from mlops_nb.lifecycle.journal import record_decision
from mlops_nb.lifecycle.obstacles import is_approved


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """v1.0.0 and v1.1.0 have been in production, a third candidate waits."""
    return miniature.make_project(tmp_path_factory.mktemp("toy") / "project")


def serving(top):
    return (top / "data" / "champion" / "model.skops").read_text()


def test_the_second_of_two_is_told(
    toy,
    tmp_path,
):
    """Ada and Bob start from the same commit; Ada's promotion is pushed first."""
    origin = tmp_path / "origin.git"
    miniature.output_of(tmp_path, "git", "clone", "-q", "--bare", toy, origin)
    ada, bob = (
        shutil.copytree(toy, tmp_path / who, symlinks=True) for who in ("ada", "bob")
    )
    for top in (ada, bob):
        git(top, "remote", "add", "origin", str(origin))
    assert run_cli(ada, "promote", "--why", "better", "--push").returncode == 0
    assert git(origin, "rev-parse", "main") == git(ada, "rev-parse", "HEAD")
    assert "toy@v1.2.0" in git(origin, "tag")
    before = (
        miniature.visible_state(bob),
        git(origin, "rev-parse", "main"),
        git(origin, "tag"),
    )
    got = run_cli(bob, "rollback", "--why", "worse", "--push")
    assert got.returncode
    assert "somebody else was first" in got.stderr
    assert "git pull" in got.stderr
    assert (
        miniature.visible_state(bob),
        git(origin, "rev-parse", "main"),
        git(origin, "tag"),
    ) == before


def test_a_second_pair_of_eyes(
    toy,
    tmp_path,
):
    """With four_eyes the author's own approval is none; another's is."""
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    (top / "settings.ini").write_text("[governance]\nfour_eyes = yes\n")
    git(top, "commit", "-qam", "Four eyes")
    before = miniature.visible_state(top)
    md5 = next(
        x.split()[1]
        for x in (top / "dvc.lock")
        .read_text()
        .split("path: data/candidate")[1]
        .splitlines()
        if "md5: " in x
    )
    said = run_cli(top, "promote", "--why", "better")
    assert said.returncode
    assert "nobody other than its author has approved" in said.stderr
    assert f"git tag -a approve-{md5[:8]}" in said.stderr
    git(top, "tag", "-a", f"approve-{md5[:8]}", "-m", "by myself")
    assert run_cli(top, "promote", "--why", "better").returncode
    git(top, "tag", "-d", f"approve-{md5[:8]}")
    assert miniature.visible_state(top) == before
    miniature.run(
        top,
        "git",
        "tag",
        "-a",
        f"approve-{md5[:8]}",
        "-m",
        "seen",
        GIT_COMMITTER_NAME="bo",
        GIT_COMMITTER_EMAIL="bo@example.com",
    )
    assert is_approved(top, md5)  # what promote asks


def test_rollback_from_git_and_the_remote_alone(
    toy,
    tmp_path,
):
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    store = tmp_path / "store"
    miniature.output_of(
        top, sys.executable, "-m", "dvc", "remote", "add", "-d", "store", str(store)
    )
    git(top, "commit", "-qam", "A remote")
    for version in (
        "toy@v1.0.0",
        "HEAD",
    ):  # a promotion pushes by itself; these were made before there was a remote
        git(top, "checkout", "-q", version, "--", "dvc.lock")
        miniature.output_of(top, sys.executable, "-m", "dvc", "push", "-q")
    (top / "n.txt").write_text(
        "broken"
    )  # training would make something else today: a model of yesterday does not mind
    git(top, "commit", "-qam", "Another training")
    fresh = tmp_path / "fresh"
    miniature.output_of(tmp_path, "git", "clone", "-q", top, fresh)
    assert not (fresh / ".dvc" / "cache").exists()
    assert not (fresh / "data" / "champion").exists()
    got = run_cli(fresh, "rollback", "--to", "v1.0.0", "--why", "worse")
    assert got.returncode == 0, got.stdout + got.stderr
    assert "v1.0.0 is back in production" in got.stdout
    assert serving(fresh) == "model 1"
    assert "champion" in stages_run(got.stderr)
    assert "train" not in stages_run(got.stderr)


def test_lost_bytes_are_built_again_or_refused(
    toy,
    tmp_path,
):
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    shutil.rmtree(top / ".dvc" / "cache")
    miniature.output_of(
        top, sys.executable, "-m", "dvc", "commit", "-q", "-f"
    )  # what lies in the folder is cached again; v1.0.0 is lost
    before = miniature.visible_state(top)
    got = run_cli(top, "rollback", "--to", "v1.0.0", "--why", "worse")
    assert got.returncode
    assert "--rebuild" in got.stdout + got.stderr
    assert miniature.visible_state(top) == before
    got = run_cli(top, "rollback", "--to", "v1.0.0", "--rebuild", "--why", "worse")
    assert got.returncode == 0, got.stdout + got.stderr
    assert serving(top) == "model 1"
    assert miniature.visible_state(top)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        pytest.param("promote", 90, id="promote"),
        pytest.param("publish", -30, id="publish"),
    ],
)
def test_killed_anywhere(
    toy,
    name,
    first,
):
    """Killed at some of the points that `python benchmarks/killing.py` tries all of.

    The state is old or new, and running the command again finishes the job.
    """
    outcome = killing.try_commands(
        stride=1000,
        first=first,
        names=(name,),
        source=toy,
    )[name]
    assert outcome.killed == 1
    assert not outcome.complaints


def test_killed_three_times_in_a_row(toy):
    outcome = killing.try_commands(
        names=("decide",),
        source=toy,
        in_a_row=3,
        chains=1,
    )["decide"]
    assert outcome.killed
    assert not outcome.complaints


def test_an_interrupted_promotion_is_told_as_that(
    toy,
    tmp_path,
):
    """The branch has moved, the files have not: that is no contradiction to be decided on."""
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    interrupt_promotion(top)
    said = run_cli(top, "status").stdout
    assert "interrupted: Promote the candidate to prod: better" in said
    assert "contradiction" not in said
    found = run_cli(top, "doctor")
    assert found.returncode == 1
    assert "rollback" not in found.stdout
    assert "finished" in run_cli(top, "promote", "--why", "better").stdout
    assert serving(top) == "model 3"
    assert "interrupted" not in run_cli(top, "status").stdout


def test_records_of_two_branches_unite(
    toy,
    tmp_path,
):
    """Decisions made on two branches are both there after a merge, without a conflict."""
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    (top / ".gitattributes").write_text("data/*.jsonl merge=union\n")
    git(top, "add", "-A"), git(top, "commit", "-qm", "Union")
    for branch, why in (("one", "a"), ("two", "b")):
        git(top, "switch", "-q", "-c", branch, "main")
        record_decision(top, "dismiss", why)
        git(top, "commit", "-qam", why)
    git(top, "merge", "-q", "--no-edit", "one")
    lines = (top / "data" / "decisions.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 4
    assert {'"why": "a"', '"why": "b"'} <= {
        x for y in lines for x in ('"why": "a"', '"why": "b"') if x in y
    }


def test_a_version_taken_back_stays_back(
    toy,
    tmp_path,
):
    """The same rollback again, after a timeout say, changes nothing, whatever was dismissed since.

    Another one does not bring the bad version back unasked.
    """
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    assert "v1.0.0 is back" in run_cli(top, "rollback", "--why", "worse").stdout
    assert "nothing to do" in run_cli(top, "rollback", "--why", "worse").stdout
    dismissal = ("decide", "drift.x", "--dismiss", "--why", "summer")
    assert run_cli(top, *dismissal).returncode == 0
    before = miniature.visible_state(top)
    assert "nothing to do" in run_cli(top, "rollback", "--why", "worse").stdout
    got = run_cli(top, "rollback", "--why", "still worse")
    assert got.returncode
    assert "not taken back since" in got.stderr
    assert "mlops-nb rollback --to v1.1.0" in got.stderr
    assert miniature.visible_state(top) == before


def go_back_to(
    top,
    subject,
    tags,
):
    """Let a project be as it was after a commit, with the tags of that time."""
    git(top, "reset", "-q", "--hard", f":/{subject}")
    for tag in set(git(top, "tag").split()) - set(tags):
        git(top, "tag", "-d", tag)
    run_cli(top, "dvc", "checkout", "-q")


@pytest.mark.parametrize(
    ("subject", "tags", "found"),
    [
        pytest.param(
            "Promote toy v1.0.0",
            ("toy@v1.0.0", "toy#prod#1"),
            "v1.0.0 is the only version, there is nothing to go back to",
            id="one version",
        ),
        pytest.param(
            "candidate 1",
            (),
            "no version is in production, there is nothing to go back to",
            id="no version",
        ),
    ],
)
def test_nothing_to_go_back_to_is_told(
    toy,
    tmp_path,
    subject,
    tags,
    found,
):
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    go_back_to(top, subject, tags)
    got = run_cli(top, "rollback", "--why", "worse")
    assert got.returncode
    assert found in got.stderr
    assert "--to VERSION" not in got.stderr


def test_the_history_tells_decisions_and_alerts(
    toy,
    tmp_path,
):
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    assert run_cli(top, "rollback", "--why", "worse").returncode == 0
    (top / ".mlops" / "alerts.jsonl").write_text(
        '{"id": "a", "message": "m", "at": "2026-01-01T00:00:00Z", "finding": "drift.x", '
        '"event": "appeared", "sent": ["mail"], "waiting": []}\n'
    )
    said = run_cli(top, "history").stdout
    assert "promote to prod" in said
    assert "rollback" in said
    assert "alert: drift.x appeared  sent mail" in said


@pytest.mark.parametrize(
    "wrong",
    [
        ("advance", "foo"),
        ("retrain", "--until", "foo"),
        ("advance", "--as-of", "yesterday"),
    ],
    ids=["advance", "retrain --until", "advance --as-of"],
)
def test_a_period_or_date_that_is_none_is_told(
    toy,
    wrong,
):
    got = run_cli(toy, *wrong)
    assert got.returncode == 1
    assert "expected" in got.stderr


def test_a_table_that_grows_is_taken_in(
    toy,
    tmp_path,
):
    top = shutil.copytree(toy, tmp_path / "project", symlinks=True)
    (top / "data" / "t.csv").write_text("a\n1\n")
    miniature.output_of(top, sys.executable, "-m", "dvc", "add", "-q", "data/t.csv")
    git(top, "add", "-A"), git(top, "commit", "-qm", "table")
    (top / "data" / "t.csv").write_text("a\n1\n2\n")
    assert not git(top, "status", "--porcelain")  # git cannot see it
    said = miniature.output_of(
        top,
        sys.executable,
        "-c",
        "from mlops_nb.core.project import project_root\n"
        "from mlops_nb.lifecycle.late_labels import commit_new_rows\n"
        "print(*commit_new_rows(project_root()), commit_new_rows(project_root()))",
    ).strip()
    assert said == "data/t.csv []"
    assert git(top, "log", "-1", "--format=%s") == "New rows: data/t.csv"
    assert "up to date" in miniature.output_of(
        top, sys.executable, "-m", "dvc", "status"
    )
