"""Every notebook runs: module notebooks with their assertions, guides on what the pipeline made. Stage notebooks: the pipeline, test_jupyterlab.py; quality: test_quality.py."""

import multiprocessing
import os
import sys

import pytest
from helpers.project import ENV, ROOT, sh

MODULES = sorted(
    [*(ROOT / "nbs" / "api").rglob("*.ipynb"), *(ROOT / "nbs" / "examples").glob("*.ipynb")]
)
OTHERS = sorted(
    [
        ROOT / "nbs" / "index.ipynb",
        *(p for p in (ROOT / "nbs" / "guides").glob("*.ipynb") if p.stem != "quality"),
    ]
)
ALONE = (
    "notebooks",
    "capture",
    "scrub",
    "environment",
    "parameters",
    "outputs",
    "stages",
    "fork_server",
    "cluster",
)  # about processes and what they have imported


def nbdev_test(notebook):
    """What `nbdev-test` does with one notebook, in a fork: the libraries are imported once for all of them. Ends with 0 when every cell ran."""
    os.environ.update(ENV | {"PYTHONPATH": str(ROOT)})
    for name in [n for n in sys.modules if n.partition(".")[0] == "mlops_nb"]:
        del sys.modules[name]
    from nbdev.test import test_nb

    os._exit(0 if test_nb(notebook)[0] else 1)


@pytest.mark.parametrize("notebook", MODULES, ids=lambda p: p.stem)
def test_module_notebook(notebook):
    if notebook.stem.partition("_")[2] in ALONE:
        sh("nbdev-test", notebook, "--n-workers", "1", cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
        return
    import matplotlib.pyplot  # noqa: F401

    p = multiprocessing.get_context("fork").Process(target=nbdev_test, args=(notebook,))
    p.start(), p.join(300)
    assert p.exitcode == 0


@pytest.mark.parametrize("notebook", [p.relative_to(ROOT) for p in OTHERS], ids=lambda p: p.stem)
def test_other_notebook(ran, notebook):
    before = sh("git", "status", "--porcelain", cwd=ran).stdout
    sh("nbdev-test", ran / notebook, "--n-workers", "1", cwd=ran, env={"PYTHONPATH": str(ran)})
    assert sh("git", "status", "--porcelain", cwd=ran).stdout == before
