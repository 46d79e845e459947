"""What a killed `mlops-nb new` and `doctor` leave; other commands are in test_promotion.py."""

import shutil
from pathlib import Path

import killing
import pytest
from helpers.miniature import run_cli
from kill_cases import CASES, make_table_inside
from kill_run import run_killed

from mlops_nb.lifecycle.checkout_checks import check_disk

STAGE = "nbs/stages/compare.ipynb"  # one of the first files that are written
BEFORE_THE_END = 30  # points: some files are written, the last one is not


@pytest.mark.parametrize("name", ["new", "new-inside"])
def test_a_killed_new_is_finished_by_the_next(
    tmp_path,
    name,
):
    """In a folder that it makes, and in one that has the table already."""
    empty = tmp_path / "empty"
    empty.mkdir()
    outcome = killing.try_commands(
        stride=1000,
        first=-BEFORE_THE_END,
        names=(name,),
        source=empty,
    )[name]
    assert outcome.killed == 1
    assert not outcome.complaints


@pytest.fixture
def begun(tmp_path):
    """A folder with a table, in which a killed `mlops-nb new` has begun a project."""
    top = tmp_path / "shop"
    top.mkdir()
    make_table_inside(top)
    argv = CASES["new-inside"].argv
    whole = shutil.copytree(top, tmp_path / "whole")
    assert run_killed(whole, argv, tmp_path / "n", 0).returncode == 0
    points = int((tmp_path / "n").read_text())
    killed = run_killed(top, argv, tmp_path / "n", points - BEFORE_THE_END)
    assert killed.returncode == -9
    return top


def test_half_a_project_is_no_project_and_what_was_written_in_it_since_stays(begun):
    written = begun / "churn" / STAGE
    assert written.exists()
    assert not (begun / "churn" / "dvc.yaml").exists()
    written.write_text("mine")
    refused = run_cli(begun, *CASES["new-inside"].argv)
    assert refused.returncode == 1
    assert f"got: churn with {STAGE}\n" in refused.stderr
    assert written.read_text() == "mine"
    written.unlink()
    assert run_cli(begun, *CASES["new-inside"].argv).returncode == 0


def test_doctor_tries_the_disk_by_a_file_without_a_name(
    tmp_path,
    monkeypatch,
):
    """A kill at any moment leaves nothing: there is no file that would have to be removed."""
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    assert [*check_disk(tmp_path)] == []
    assert [*(tmp_path / ".mlops").iterdir()] == []
