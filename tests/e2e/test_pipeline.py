"""The main job from a fresh clone, on the full data."""

import json
import re

from helpers.project import run_mlops_nb, run_shell


def test_run_is_identical_to_the_record(ran):
    """Line 9: a fresh clone reproduces every output, pages included, and stays clean."""
    said = (ran / ".mlops" / "ran.log").read_text()
    counts = re.search(
        r"(\d+) of (\d+) outputs identical to the record in commit [0-9a-f]{7}", said
    )
    assert counts, said[-3000:]
    assert counts[1] == counts[2], said[-3000:]
    assert run_shell("git", "status", "--porcelain", cwd=ran).stdout == ""
    assert "computed here as no DVC remote is set" in said
    assert len(said.splitlines()) <= 15


def test_second_run_does_nothing(ran):
    said = run_mlops_nb("repro", cwd=ran).stdout
    assert "nothing to do" in said
    assert (
        "up to date"
        in run_shell("dvc", "repro", cwd=ran).stdout
        + run_shell("dvc", "status", cwd=ran).stdout
    )
    assert run_shell("git", "status", "--porcelain", cwd=ran).stdout == ""


def test_pages_and_results_are_there(ran):
    for name in (
        "index",
        "features",
        "preprocess-train",
        "preprocess-current",
        "train",
        "evaluate",
        "monitor",
    ):
        page = (ran / "reports" / f"{name}.html").read_text()
        assert page.lower().startswith("<!doctype html>")
        assert len(page) < 1_000_000
    result = json.loads((ran / "reports" / "evaluate.json").read_text())
    assert result["results"]
    assert result["verdict"]["level"] in ("ok", "watch", "act")
