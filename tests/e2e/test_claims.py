"""Lines 8 and 9 in a small project: what reruns, what only renders, what comes back."""

import re
import sys

import pytest
from helpers.notebooks import edit_cell, stages_run
from helpers.project import change, run_mlops_nb, run_shell, sales


def test_prose_reruns_no_notebook(small):
    """A sentence of a stage notebook shows on the page; only `code` and `report` run."""
    edit_cell(
        small / "nbs" / "stages" / "monitor.ipynb",
        "Is the model still good?",
        "Is it still any good, one wonders?",
    )
    said = run_mlops_nb("repro", cwd=small).stderr
    assert stages_run(said) == ["code", "report"], said
    assert "one wonders" in (small / "reports" / "monitor.html").read_text()


def test_template_and_language_rerun_no_notebook(small):
    """The page template and the language of the reports are rendering, not results."""
    ini = (small / "settings.ini").read_text()
    (small / "settings.ini").write_text(ini.replace("language = en", "language = ja"))
    template = small / "mlops_nb" / "reporting" / "templates" / "page.html"
    edited = template.read_text().replace(
        "<!doctype html>", "<!doctype html><!-- edited -->", 1
    )
    template.write_text(edited)
    said = run_mlops_nb("repro", cwd=small).stderr
    assert stages_run(said) == ["code", "report"], said
    page = (small / "reports" / "monitor.html").read_text()
    assert "edited" in page
    assert 'lang="ja"' in page
    assert "件" in page


def test_a_sentence_reruns_no_notebook(small):
    """Who fixes a word in a locale file sees it on the page; only `code` and `report` run."""
    before = (small / "reports" / "monitor.ipynb").read_bytes()
    words = small / "mlops_nb" / "core" / "locales" / "en.json"
    sentence = "Predictions: this period vs. training"
    words.write_text(
        words.read_text().replace(sentence, "What the model says, then and now")
    )
    said = run_mlops_nb("repro", cwd=small).stderr
    assert stages_run(said) == ["code", "report"], said
    assert "then and now" in (small / "reports" / "monitor.html").read_text()
    assert (small / "reports" / "monitor.ipynb").read_bytes() == before


def test_formatting_and_comments_rerun_nothing(small):
    edit_cell(
        small / "nbs" / "stages" / "train.ipynb",
        "fitted = train_model(",
        "# a comment\nfitted = train_model( ",
    )
    said = run_mlops_nb("repro", cwd=small).stderr
    assert set(stages_run(said)) <= {"code", "report"}, said


def test_a_module_edit_reruns_what_uses_it_and_says_which_function(small):
    notebook = next((small / "nbs" / "api" / "monitoring").glob("*_findings.ipynb"))
    module = small / "mlops_nb" / "monitoring" / "findings.py"
    old = re.search(r"MAX_VERDICT_REASONS = \d+", module.read_text())[0]
    edit_cell(notebook, old, "MAX_VERDICT_REASONS = 4")
    module.write_text(module.read_text().replace(old, "MAX_VERDICT_REASONS = 4"))
    said = run_mlops_nb("repro", cwd=small).stderr
    assert stages_run(said)[:2] == ["code", "monitor"], said
    assert "train" not in stages_run(said), said
    assert "monitoring/findings.py: top level changed → monitor will rerun" in said, (
        said
    )


def test_forgotten_export_names_the_notebook(small):
    path = next((small / "nbs" / "api" / "monitoring").glob("*_findings.ipynb"))
    edit_cell(path, "MAX_VERDICT_REASONS = 5", "MAX_VERDICT_REASONS = 3")
    got = run_mlops_nb("repro", cwd=small, check=False)
    assert got.returncode
    assert path.name in got.stdout + got.stderr
    assert "export" in got.stdout + got.stderr


def test_locked_version_reruns_what_imports_it(small):
    lock = small / "requirements.lock"
    lock.write_text(
        re.sub(r"(?m)^scikit-learn==.*$", "scikit-learn==0.0.1", lock.read_text())
    )
    said = run_shell("dvc", "repro", "code", "--single-item", cwd=small).stdout
    status = run_shell("dvc", "status", cwd=small).stdout
    assert "data/code/train.json" in status, said + status
    assert "data/code/ingest.json" not in status, said + status


def test_deleted_outputs_come_back_from_the_cache(small):
    """What the message after a failure promises."""
    (small / "reports" / "monitor.html").unlink()
    run_shell("dvc", "checkout", cwd=small)
    assert (small / "reports" / "monitor.html").exists()


def test_failing_cell(small):
    """A page with the error first, non-zero exit, earlier outputs in the cache."""
    edit_cell(
        small / "nbs" / "stages" / "monitor.ipynb",
        "thresholds = Thresholds(",
        "1 / 0\nthresholds = Thresholds(",
    )
    got = run_mlops_nb("repro", cwd=small, check=False)
    said = got.stdout + got.stderr
    assert got.returncode, said
    assert "ZeroDivisionError" in said
    assert "mlops-nb undo" in said
    page = (small / ".mlops" / "failed" / "monitor.html").read_text()
    assert page.index("ZeroDivisionError") < page.index("<h2")
    assert "1 / 0" in page
    run_shell("git", "checkout", "-q", ".", cwd=small)
    run_shell("dvc", "checkout", cwd=small)
    assert "nothing to do" in run_mlops_nb("repro", cwd=small).stdout


def test_script_in_values_shows_as_text(project):
    bad = "<script>alert(1)</script>"
    evil = {"a": bad, "b": "<img src=x onerror=alert(1)>", "c": "c"}
    orders = sales(800)
    shop = orders.pop("shop").map(evil)
    top = project(orders.assign(**{f"shop {bad}": shop}), noun=bad)
    change(
        top,
        train={"params": {"max_iter": 20}},
        evaluate={"groups": [f"shop {bad}"], "checks": {}, "min_n": 20},
    )
    run_mlops_nb("repro", cwd=top)
    for page in (top / "reports").glob("*.html"):
        text = page.read_text()
        assert "<script" not in text, page.name
        assert "<img src=x" not in text, page.name
    assert "&lt;script&gt;" in (top / "reports" / "evaluate.html").read_text()


def test_both_engines_give_equal_notebooks(small):
    """The in-process engine and a kernel leave the same bytes."""
    run_mlops_nb("run", "monitor", cwd=small)
    ours = (small / "reports" / "monitor.ipynb").read_bytes()
    run_mlops_nb("run", "monitor", "--engine", "nbclient", cwd=small)
    assert (small / "reports" / "monitor.ipynb").read_bytes() == ours


def test_plain_papermill_works(
    small,
    tmp_path,
):
    run_shell(
        sys.executable,
        "-m",
        "papermill",
        "nbs/stages/train.ipynb",
        tmp_path / "out.ipynb",
        cwd=small,
    )
    assert (small / ".mlops" / "scratch").exists()


@pytest.mark.parametrize("stage", ["train"])
def test_by_hand_leaves_the_pipeline_alone(
    small,
    stage,
):
    before = (small / "reports" / "train.json").read_bytes()
    said = run_mlops_nb("run", stage, "-p", "sample=500", cwd=small).stdout
    assert "scratch" in said
    assert (small / "reports" / "train.json").read_bytes() == before
    assert run_shell("git", "status", "--porcelain", cwd=small).stdout == ""
