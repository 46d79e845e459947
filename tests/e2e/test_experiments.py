"""Experiments name the changed parameter, both values of each metric, and the difference."""

import csv
import io
import json
import re
import shutil

import pytest
from helpers.project import run_mlops_nb, run_shell


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory,
    small_once,
):
    """The small project with one experiment."""
    top = tmp_path_factory.mktemp("exp") / "project"
    shutil.copytree(small_once, top, symlinks=True)
    run_shell(
        "dvc", "exp", "run", "-n", "longer", "-S", "train.params.max_iter=300", cwd=top
    )
    return top


def read_tracked_files(top):
    """The bytes of what git knows, by path.

    Git's own status would not do: DVC takes a changed file away and brings it back, and if both
    happen within a second and the size is the same, git believes its index and calls it unchanged.
    """
    paths = run_shell("git", "ls-files", "-z", cwd=top).stdout.split("\0")
    return {path: (top / path).read_bytes() for path in paths if path}


def read_page(path):
    """Return a page without the places where a long name may be broken."""
    return re.sub("<wbr ?/?>", "", path.read_text())


def show_experiments(top):
    """What `dvc exp show` prints, a row each, by the name of the experiment or commit."""
    printed = run_shell("dvc", "exp", "show", "--csv", cwd=top).stdout
    rows = csv.DictReader(io.StringIO(printed))
    return {row["Experiment"] or row["rev"]: row for row in rows}


def test_exp_show(lab):
    rows = show_experiments(lab)
    assert rows["longer"]["train.params.max_iter"] == "300"
    auc = next(name for name in rows["main"] if name.endswith("evaluate.json:auc"))
    assert float(rows["longer"][auc]) > 0.5
    assert float(rows["main"][auc]) > 0.5
    assert rows["longer"][auc] != rows["main"][auc]


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


COMPARED = (
    "train.params.max_iter",
    "300",
    "ranked by AUC",
    "training data",
    "HistGradientBoosting",
)


def test_compare(lab):
    said = run_mlops_nb("compare", "main", "longer", cwd=lab).stdout
    reports = lab / ".mlops" / "scratch" / "compare" / "reports"
    page = read_page(reports / "compare.html")
    assert "page:" in said
    assert [words for words in COMPARED if words not in page] == []
    result = json.loads((reports / "compare.json").read_text())["results"]
    assert set(result["metrics"]) == {"main", "longer"}
    assert result["params"]["longer"]["train.params.max_iter"] == "300"


def test_compare_with_what_is_not_there(lab):
    refused = run_mlops_nb("compare", "main", "nosuch", cwd=lab, check=False)
    assert "a commit, tag, branch or experiment" in refused.stdout + refused.stderr
    assert refused.returncode


def test_queue(lab):
    before = read_tracked_files(lab)
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
    rows = show_experiments(lab)
    assert rows["queued"]["train.params.max_iter"] == "20"
    assert read_tracked_files(lab) == before


def test_all_that_was_tried_in_one_table(lab):
    """The experiment stands beside the last commit, with what was changed and what it gains."""
    table = run_mlops_nb("exps", cwd=lab).stdout
    lines = {line.split()[0]: line for line in table.splitlines()[1:]}
    assert {"HEAD", "longer"} <= set(lines)
    assert "train.params.max_iter: 300" in lines["longer"]
    assert "experiment" in lines["longer"]
    assert "tie" not in lines["HEAD"]
    assert " to " in lines["longer"]


def test_all_that_was_tried_on_a_page_of_the_site(
    lab,
    tmp_path,
):
    """The page has what the terminal says, without what lies in the folder."""
    run_mlops_nb("publish", "--to", tmp_path / "site", cwd=lab)
    page = read_page(tmp_path / "site" / "experiments.html")
    for said in ("longer", "train.params.max_iter: 300", "HEAD (", 'href="runs/'):
        assert said in page
    assert ">workspace<" not in page
    again = run_mlops_nb("publish", "--to", tmp_path / "site", cwd=lab).stdout
    assert " 0 written" in again


@pytest.fixture
def clean_lab(
    lab,
    tmp_path,
):
    """A copy of the project, as the last commit has it: `dvc exp run` leaves its own result."""
    top = tmp_path / "project"
    shutil.copytree(lab, top, symlinks=True)
    run_mlops_nb("undo", "--yes", cwd=top)
    return top


def test_an_experiment_comes_into_the_folder_and_goes_again(clean_lab):
    """`--apply` brings files and outputs, `undo` takes both back."""
    top = clean_lab
    before = (top / "params.yaml").read_text()
    said = run_mlops_nb("exps", "--apply", "longer", cwd=top).stdout
    assert "longer (" in said
    assert "max_iter: 300" in (top / "params.yaml").read_text()
    assert "nothing to do" in run_mlops_nb("repro", cwd=top).stdout
    refused = run_mlops_nb("exps", "--apply", "longer", cwd=top, check=False)
    assert "everything is committed" in refused.stderr
    run_mlops_nb("undo", "--yes", cwd=top)
    assert (top / "params.yaml").read_text() == before
    assert run_shell("git", "status", "--porcelain", cwd=top).stdout == ""


def test_an_experiment_that_the_branch_has_overtaken_is_not_applied(clean_lab):
    """Its files would take back what was committed since."""
    top = clean_lab
    params = top / "params.yaml"
    params.write_text(params.read_text() + "# a note\n")
    run_shell("git", "commit", "-qam", "Note", cwd=top)
    refused = run_mlops_nb("exps", "--apply", "longer", cwd=top, check=False)
    assert refused.returncode == 1
    assert "changes of the branch since then in params.yaml" in refused.stderr
    unknown = run_mlops_nb("exps", "--apply", "longest", cwd=top, check=False)
    assert 'Did you mean "longer"?' in unknown.stderr
    assert run_shell("git", "status", "--porcelain", cwd=top).stdout == ""
