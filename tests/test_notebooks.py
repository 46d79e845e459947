"""Every notebook runs.

Module notebooks with their assertions, guides on what the pipeline made. Stage notebooks run in
the pipeline and in tests/browser/test_jupyterlab.py, the guide of quality in
tests/e2e/test_quality.py.
"""

import importlib
import multiprocessing
import os
import sys

import pytest
from helpers.project import ENV, ROOT, run_shell

NOTEBOOKS = ROOT / "nbs"
MODULES = sorted(
    [*NOTEBOOKS.glob("api/**/*.ipynb"), *NOTEBOOKS.glob("examples/*.ipynb")]
)
GUIDES = sorted(
    path for path in NOTEBOOKS.glob("guides/*.ipynb") if path.stem != "quality"
)
# these are about processes and what they have imported: each gets a process of its own
ALONE = (
    "capture",
    "cell_execution",
    "cluster",
    "cluster_tasks",
    "compute_engine",
    "dask_client",
    "environment",
    "fork_host",
    "fork_server",
    "forked_command",
    "notebooks",
    "outputs",
    "parameters",
    "process_group",
    "processes",
    "reproduce",
    "run_lock",
    "scrub",
    "stage_lock",
    "stage_run",
    "stages",
    "staging",
    "worker_versions",
)
# imported once, before the forks
LIBRARIES = (
    "matplotlib.pyplot",
    "nbdev.test",
    "pandas",
    "pandera.pandas",
    "papermill",
    "sklearn.ensemble",
    "skops.io",
)


def notebook_id(path):
    """The path of a notebook below nbs, so that `-k AREA` finds the notebooks of an area."""
    return path.relative_to(NOTEBOOKS).with_suffix("").as_posix()


def run_in_fork(notebook):
    """Do what `nbdev-test` does with one notebook; ends with 0 when every cell ran."""
    os.environ.update(ENV | {"PYTHONPATH": str(ROOT)})
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlops_nb"]:
        del sys.modules[name]
    from nbdev.test import test_nb

    succeeded, _ = test_nb(notebook)
    os._exit(0 if succeeded else 1)


@pytest.mark.parametrize("notebook", MODULES, ids=notebook_id)
def test_module_notebook(notebook):
    if notebook.stem.partition("_")[2] in ALONE:
        run_shell(
            "nbdev-test",
            notebook,
            "--n-workers",
            "1",
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        return
    for name in LIBRARIES:
        importlib.import_module(name)
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=run_in_fork, args=(notebook,))
    process.start()
    process.join(300)
    assert process.exitcode == 0


@pytest.mark.parametrize(
    "notebook", [NOTEBOOKS / "index.ipynb", *GUIDES], ids=notebook_id
)
def test_guide(
    ran,
    notebook,
):
    before = run_shell("git", "status", "--porcelain", cwd=ran).stdout
    copy = ran / notebook.relative_to(ROOT)
    run_shell(
        "nbdev-test", copy, "--n-workers", "1", cwd=ran, env={"PYTHONPATH": str(ran)}
    )
    assert run_shell("git", "status", "--porcelain", cwd=ran).stdout == before
