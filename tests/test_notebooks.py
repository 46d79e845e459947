"""Every notebook runs: module notebooks with their assertions, stage notebooks and guides on what the pipeline made."""
import pytest
from conftest import ROOT, sh

MODULES = sorted([*(ROOT / "nbs" / "api").glob("*.ipynb"), *(ROOT / "nbs" / "examples").glob("*.ipynb")])
OTHERS = sorted([*(ROOT / "nbs" / "stages").glob("*.ipynb"), *(ROOT / "nbs" / "guides").glob("*.ipynb"), ROOT / "nbs" / "index.ipynb"])


@pytest.mark.parametrize("notebook", MODULES, ids=lambda p: p.stem)
def test_module_notebook(notebook):
    sh("nbdev-test", notebook, "--n-workers", "1", cwd=ROOT, env={"PYTHONPATH": str(ROOT)})


@pytest.mark.xdist_group("ran")
@pytest.mark.parametrize("notebook", [p.relative_to(ROOT) for p in OTHERS], ids=lambda p: p.stem)
def test_other_notebook(ran, notebook):
    before = sh("git", "status", "--porcelain", cwd=ran).stdout
    sh("nbdev-test", ran / notebook, "--n-workers", "1", cwd=ran, env={"PYTHONPATH": str(ran)})
    assert sh("git", "status", "--porcelain", cwd=ran).stdout == before
