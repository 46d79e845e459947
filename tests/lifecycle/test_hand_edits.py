"""What somebody edited by hand is kept before a run or an undo takes its place, and named."""

import shutil

import pytest
from helpers.miniature import git, run_cli

NOTE = "a note of mine"


def kept(top):
    """Return the copies that a command has made."""
    return [path for path in (top / ".mlops" / "kept").rglob("*") if path.is_file()]


def set_param(
    top,
    old,
    new,
):
    """Edit params.yaml."""
    text = (top / "params.yaml").read_text()
    assert old in text
    (top / "params.yaml").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("repro",), id="repro"),
        pytest.param(("undo", "--yes"), id="undo"),
    ],
)
def test_an_edited_output_is_kept_and_named(top, command):
    (top / "data/candidate/notes.txt").write_text(NOTE)
    got = run_cli(top, *command)
    assert got.returncode == 0, got.stderr
    assert "edited by hand, copies kept in .mlops/kept/" in got.stderr
    assert "data/candidate" in got.stderr
    assert not (top / "data/candidate/notes.txt").exists()
    assert NOTE in [path.read_text() for path in kept(top) if path.name == "notes.txt"]


def test_what_a_run_made_needs_no_copy(top):
    (top / "n.txt").write_text("7\n")
    assert run_cli(top, "repro").returncode == 0
    got = run_cli(top, "undo", "--yes")
    assert got.returncode == 0, got.stderr
    assert kept(top) == []


def test_undo_sees_an_edited_output_without_a_cache(top):
    shutil.rmtree(top / ".dvc" / "cache" / "files")
    (top / "reports/evaluate.json").write_text("{}")
    got = run_cli(top, "undo", "--yes")
    assert got.returncode == 0, got.stderr
    assert "made again by a run: reports/evaluate.json" in got.stdout + got.stderr
    assert (top / "reports/evaluate.json").read_text() != "{}"


def test_a_run_that_did_not_end_is_no_record(top):
    (top / "make.py").write_text("raise SystemExit('broken')\n")
    set_param(top, "end: '2013-03'", "end: '2013-02'")
    assert run_cli(top, "repro").returncode
    got = run_cli(top, "commit")
    assert got.returncode == 1
    assert "train with another windows.train" in got.stderr
    assert "`mlops-nb repro`, then commit" in got.stderr


def test_the_message_of_a_run_tells_no_password(top):
    address = "postgresql://bob:s3cr3tPW@localhost/db"
    set_param(top, "source: shop.csv", f"source: '{address}'")
    got = run_cli(top, "commit")
    assert got.returncode == 0, got.stderr
    assert "s3cr3tPW" not in got.stdout + git(top, "log", "-1", "--format=%B")
