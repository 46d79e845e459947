"""Data that only the checkout has is never written over: a table of DVC's, an edited output.

On the miniature project.
"""

import json
import os
import shutil
import sys
import time

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

from mlops_nb.core.files import file_digest
from mlops_nb.lifecycle.transaction import complete_transaction
from mlops_nb.pipeline import data_records
from mlops_nb.pipeline.data_cache import keep_lost_objects
from mlops_nb.pipeline.data_records import (
    DataRecord,
    WorkspaceDigests,
    read_data_records,
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two versions have been in production, a third waits; DVC keeps a table and a folder."""
    top = miniature.make_project(tmp_path_factory.mktemp("source") / "project")
    (top / "data" / "shop.csv").write_text("day,sales\n1,10\n")
    (top / "data" / "images").mkdir()
    (top / "data" / "images" / "a.png").write_text("a")
    miniature.output_of(
        top, sys.executable, "-m", "dvc", "add", "-q", "data/shop.csv", "data/images"
    )
    miniature.output_of(top, "git", "add", "-A")
    miniature.output_of(top, "git", "commit", "-qm", "A table and a folder")
    return top


@pytest.fixture
def top(
    source,
    tmp_path,
):
    return shutil.copytree(source, tmp_path / "project", symlinks=True)


def branch(top):
    return git(top, "rev-parse", "HEAD"), git(top, "tag")


def append(
    path,
    text="2,12\n",
):
    with path.open("a") as file:
        file.write(text)


COMMANDS = {
    "promote": ("promote", "--why", "better"),
    "rollback": ("rollback", "--why", "worse"),
    "retrain": ("retrain", "--periods", "2"),
    "decide": ("decide", "drift.x", "--dismiss", "--why", "summer"),
}


@pytest.mark.parametrize("command", COMMANDS, ids=COMMANDS)
def test_a_row_appended_to_a_table_of_dvc_stays(
    top,
    command,
):
    append(top / "data" / "shop.csv")
    before = branch(top)
    got = run_cli(top, *COMMANDS[command])
    assert got.returncode == 1
    assert "data/shop.csv differs from what data/shop.csv.dvc records" in got.stderr
    assert "dvc add data/shop.csv && git commit" in got.stderr
    assert "dvc checkout --force data/shop.csv" in got.stderr
    assert branch(top) == before
    assert (top / "data" / "shop.csv").read_text() == "day,sales\n1,10\n2,12\n"


def test_both_cures_work(top):
    append(top / "data" / "shop.csv")
    append(top / "data" / "images" / "a.png")
    assert run_cli(top, *COMMANDS["rollback"]).returncode == 1
    miniature.output_of(top, sys.executable, "-m", "dvc", "add", "data/shop.csv")
    git(top, "commit", "-qam", "New data")
    miniature.output_of(
        top, sys.executable, "-m", "dvc", "checkout", "--force", "data/images"
    )
    got = run_cli(top, *COMMANDS["rollback"])
    assert got.returncode == 0, got.stderr
    assert (top / "data" / "shop.csv").read_text().endswith("2,12\n")
    assert (top / "data" / "images" / "a.png").read_text() == "a"


def test_a_folder_of_dvc_names_the_file(top):
    (top / "data" / "images" / "b.png").write_text("b")
    got = run_cli(top, *COMMANDS["rollback"])
    assert got.returncode == 1
    assert "data/images (b.png) differs" in got.stderr
    assert (top / "data" / "images" / "b.png").read_text() == "b"


def test_what_dvcignore_names_is_no_change(top):
    (top / ".dvcignore").write_text("*.bak\n")
    git(top, "commit", "-qam", "Ignored")
    (top / "data" / "images" / "b.bak").write_text("b")
    (top / "data" / "champion" / "b.bak").write_text("b")
    got = run_cli(top, *COMMANDS["rollback"])
    assert got.returncode == 0, got.stderr
    assert (top / "data" / "champion" / "model.skops").read_text() == "model 1"


def test_an_output_edited_by_hand_is_refused_by_name(top):
    (top / "data" / "candidate" / "model.skops").write_text("mine")
    got = run_cli(top, *COMMANDS["rollback"])
    assert got.returncode == 1
    assert (
        "data/candidate (model.skops) differs from what dvc.lock records" in got.stderr
    )
    assert (top / "data" / "candidate" / "model.skops").read_text() == "mine"


def test_missing_and_stale_outputs_are_no_obstacle(top):
    """Outputs of another commit, as after `git pull`; missing ones, whole and in part."""
    git(top, "checkout", "-q", "HEAD~2")
    miniature.output_of(top, sys.executable, "-m", "dvc", "checkout", "-q")
    git(top, "switch", "-q", "main")
    shutil.rmtree(top / "data" / "champion")
    (top / "data" / "candidate" / "manifest.json").unlink()
    got = run_cli(top, *COMMANDS["rollback"])
    assert got.returncode == 0, got.stderr
    assert (top / "data" / "champion" / "model.skops").read_text() == "model 1"


def test_a_table_of_an_earlier_commit_is_left_alone_by_name(top):
    old = (top / "data" / "shop.csv").read_text()
    append(top / "data" / "shop.csv")
    miniature.output_of(top, sys.executable, "-m", "dvc", "add", "-q", "data/shop.csv")
    git(top, "commit", "-qam", "A row")
    (top / "data" / "shop.csv").chmod(0o644)
    (top / "data" / "shop.csv").write_text(old)
    got = run_cli(top, *COMMANDS["rollback"])
    assert got.returncode == 0, got.stderr
    assert (
        "other than this commit records, left as they are: data/shop.csv" in got.stderr
    )
    assert (top / "data" / "shop.csv").read_text() == old


def test_advance_takes_rows_in(top):
    append(top / "data" / "shop.csv")
    got = run_cli(top, "advance", "2013-05")
    assert got.returncode == 0, got.stderr
    assert "new rows taken in: data/shop.csv" in got.stdout
    assert (top / "data" / "shop.csv").read_text().endswith("2,12\n")
    assert file_digest(top / "data" / "shop.csv") in git(
        top, "show", "HEAD:data/shop.csv.dvc"
    )


def test_advance_takes_nothing_in_while_an_output_is_edited(top):
    append(top / "data" / "shop.csv")
    (top / "data" / "candidate" / "model.skops").write_text("mine")
    before = branch(top)
    got = run_cli(top, "advance", "2013-05")
    assert got.returncode == 1
    assert "data/candidate" in got.stderr
    assert branch(top) == before


def test_the_only_copy_of_what_is_replaced_goes_into_the_cache(top):
    shutil.rmtree(top / ".dvc" / "cache")
    md5 = file_digest(top / "data" / "champion")
    after = dict(read_data_records(top))
    after["data/champion"] = DataRecord("data/champion", "0" * 32 + ".dir", "dvc.lock")
    keep_lost_objects(top, "HEAD", after)
    held = top / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    assert file_digest(held) == md5.removesuffix(".dir")
    assert not (
        top
        / ".dvc"
        / "cache"
        / "files"
        / "md5"
        / (other := file_digest(top / "data" / "shop.csv"))[:2]
        / other[2:]
    ).exists()
    shutil.rmtree(top / "data" / "champion")
    miniature.output_of(
        top, sys.executable, "-m", "dvc", "checkout", "-q", "data/champion"
    )
    assert file_digest(top / "data" / "champion") == md5


@pytest.fixture
def interrupted(top):
    """A rollback that was killed right after its commit point: the files have not moved yet."""
    before = shutil.copytree(top, top.parent / "before", symlinks=True)
    assert run_cli(top, *COMMANDS["rollback"]).returncode == 0
    old = git(before, "rev-parse", "HEAD")
    new = git(top, "rev-parse", "HEAD")
    git(before, "fetch", "-q", "--tags", str(top), "HEAD")
    git(before, "update-ref", "refs/heads/main", new)
    shutil.copytree(
        top / ".dvc" / "cache",
        before / ".dvc" / "cache",
        dirs_exist_ok=True,
        copy_function=lambda old, new: os.path.exists(new) or shutil.copy2(old, new),
    )
    (before / ".mlops" / "change.json").write_text(
        json.dumps({"old": old, "new": new, "message": "Roll back"})
    )
    return before


def test_an_interrupted_change_is_finished(interrupted):
    assert complete_transaction(interrupted).message == "Roll back"
    assert (interrupted / "data" / "champion" / "model.skops").read_text() == "model 1"
    assert not git(interrupted, "status", "--porcelain")
    assert miniature.visible_state(interrupted)


def test_an_interrupted_change_writes_over_nothing(
    interrupted,
    capsys,
):
    """What was edited between the kill and the next command stays, and is named."""
    append(interrupted / "data" / "shop.csv")
    (interrupted / "data" / "champion" / "model.skops").write_text("mine")
    complete_transaction(interrupted)
    assert "edited meanwhile, left alone: data/champion" in capsys.readouterr().err
    assert (interrupted / "data" / "shop.csv").read_text().endswith("2,12\n")
    assert (interrupted / "data" / "champion" / "model.skops").read_text() == "mine"


def test_a_checkout_that_was_killed_half_way_is_finished(interrupted):
    """A folder with files of the old record, of the new one, and one that DVC was just bringing."""
    champion = interrupted / "data" / "champion"
    (champion / "manifest.json").unlink()
    (champion / ".abcdefghijklmnopqrst_-.tmp").write_text("half")
    complete_transaction(interrupted)
    assert (champion / "model.skops").read_text() == "model 1"
    assert sorted(file.name for file in champion.iterdir()) == [
        "manifest.json",
        "model.skops",
    ]


def start(
    top,
    what,
):
    """Bring git into the middle of something."""
    git(top, "switch", "-q", "-c", "other", "HEAD~1")
    (top / "n.txt").write_text("from the other branch\n")
    git(top, "commit", "-qam", "Other")
    git(top, "switch", "-q", "main")
    (top / "n.txt").write_text("from main\n")
    git(top, "commit", "-qam", "Main")
    if what == "bisect":
        git(top, "bisect", "start", "HEAD", "HEAD~2")
        return
    if what == "revert":
        (top / "n.txt").write_text("later\n")
        git(top, "commit", "-qam", "Later")
    target = {
        "merge": "other",
        "rebase": "other",
        "cherry-pick": "other",
        "revert": "HEAD~1",
    }[what]
    miniature.run(top, "git", what, target)


@pytest.mark.parametrize("what", ["merge", "rebase", "cherry-pick", "revert", "bisect"])
def test_an_operation_of_git_in_progress_is_refused(
    top,
    what,
):
    start(top, what)
    before = branch(top), git(top, "status", "--porcelain")
    got = run_cli(top, *COMMANDS["rollback"])
    assert got.returncode == 1
    assert f"a {what} that is not finished" in got.stderr
    assert f"git {what}" in got.stderr
    assert (branch(top), git(top, "status", "--porcelain")) == before


def test_a_merge_without_conflicts_is_refused_too(top):
    git(top, "switch", "-q", "-c", "other")
    git(top, "commit", "-q", "--allow-empty", "-m", "Other")
    git(top, "switch", "-q", "main")
    git(top, "merge", "-q", "--no-commit", "--no-ff", "other")
    assert not git(top, "status", "--porcelain")
    got = run_cli(top, *COMMANDS["rollback"])
    assert "a merge that is not finished" in got.stderr
    assert (top / ".git" / "MERGE_HEAD").exists()


def test_an_interrupted_change_waits_for_the_end_of_a_merge(interrupted):
    (interrupted / ".git" / "MERGE_HEAD").write_text(
        git(interrupted, "rev-parse", "HEAD") + "\n"
    )
    with pytest.raises(Exception, match="a merge that is not finished"):
        complete_transaction(interrupted)
    assert (interrupted / ".git" / "MERGE_HEAD").exists()
    assert (interrupted / ".mlops" / "change.json").exists()


def test_a_digest_is_remembered_until_the_file_changes(
    top,
    monkeypatch,
):
    """By size, times and inode: setting the time of the last change back does not help."""
    table = top / "data" / "shop.csv"
    record = read_data_records(top)["data/shop.csv"]
    late = os.stat(table).st_ctime_ns + 10_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: late)
    first = WorkspaceDigests(top)
    was = first.files(record)
    first.remember()
    monkeypatch.setattr(data_records, "file_digest", lambda path: "read again")
    assert WorkspaceDigests(top).files(record) == was
    about = table.stat()
    table.write_text(table.read_text().replace("10", "11"))
    os.utime(table, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert WorkspaceDigests(top).files(record) == {"": "read again"}


def test_a_broken_record_is_named(top):
    (top / "data" / "shop.csv.dvc").write_text("outs: [\n")
    with pytest.raises(Exception, match=r"data/shop\.csv\.dvc"):
        read_data_records(top)
