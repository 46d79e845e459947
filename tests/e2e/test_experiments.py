"""Line 11: experiments name the changed parameter, both values of each metric, and the difference."""

import csv
import io
import json

import pytest
from helpers.project import run_mlops_nb, run_shell


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory,
    small_once,
):
    """The small project with one experiment."""
    import shutil

    top = tmp_path_factory.mktemp("exp") / "project"
    shutil.copytree(small_once, top, symlinks=True)
    run_shell(
        "dvc", "exp", "run", "-n", "longer", "-S", "train.params.max_iter=300", cwd=top
    )
    return top


def test_exp_show(lab):
    rows = list(
        csv.DictReader(
            io.StringIO(run_shell("dvc", "exp", "show", "--csv", cwd=lab).stdout)
        )
    )
    by = {r["Experiment"] or r["rev"]: r for r in rows}
    assert by["longer"]["train.params.max_iter"] == "300"
    auc = next(c for c in rows[0] if c.endswith("evaluate.json:auc"))
    assert float(by["longer"][auc]) > 0.5
    assert float(by["main"][auc]) > 0.5
    assert by["longer"][auc] != by["main"][auc]


def test_metrics_diff(lab):
    got = json.loads(
        run_shell("dvc", "metrics", "diff", "main", "longer", "--json", cwd=lab).stdout
    )
    auc = got.get("diff", got)["reports/metrics/evaluate.json"]["auc"]
    assert auc["diff"] == pytest.approx(auc["new"] - auc["old"])
    assert auc["new"] != auc["old"]
    got = json.loads(
        run_shell("dvc", "params", "diff", "main", "longer", "--json", cwd=lab).stdout
    )
    params = got.get("diff", got)["params.yaml"]
    assert params["train.params.max_iter"]["new"] == 300


def test_plots_diff(
    lab,
    tmp_path,
):
    run_shell(
        "dvc", "plots", "diff", "main", "longer", "-o", tmp_path / "plots", cwd=lab
    )
    page = (tmp_path / "plots" / "index.html").read_text()
    assert "longer" in page
    assert "main" in page
    assert "importance" in page


def test_compare(lab):
    said = run_mlops_nb("compare", "main", "longer", cwd=lab).stdout
    page = (
        lab / ".mlops" / "scratch" / "compare" / "reports" / "compare.html"
    ).read_text()
    assert "page:" in said
    assert all(
        w in page
        for w in (
            "train.params.max_iter",
            "300",
            "ranked by AUC",
            "training data",
            "HistGradientBoosting",
        )
    )
    result = json.loads(
        (
            lab / ".mlops" / "scratch" / "compare" / "reports" / "compare.json"
        ).read_text()
    )["results"]
    assert set(result["metrics"]) == {"main", "longer"}
    assert result["params"]["longer"]["train.params.max_iter"] == "300"
    assert (
        "a commit, tag, branch or experiment"
        in (r := run_mlops_nb("compare", "main", "nosuch", cwd=lab, check=False)).stdout
        + r.stderr
    )
    assert r.returncode


def test_queue(lab):
    before = run_shell("git", "status", "--porcelain", cwd=lab).stdout
    run_shell(
        "dvc",
        "exp",
        "run",
        "--queue",
        "-n",
        "queued",
        "-S",
        "train.params.max_iter=20",
        cwd=lab,
    )
    run_shell("dvc", "exp", "run", "--run-all", cwd=lab)
    rows = {
        r["Experiment"]: r
        for r in csv.DictReader(
            io.StringIO(run_shell("dvc", "exp", "show", "--csv", cwd=lab).stdout)
        )
    }
    assert rows["queued"]["train.params.max_iter"] == "20"
    assert run_shell("git", "status", "--porcelain", cwd=lab).stdout == before
