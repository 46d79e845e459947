"""A project that version 0.1.0 made, frozen as data, goes on with this version."""

import json
import zipfile
from pathlib import Path

import pytest
from helpers.project import ROOT, run_mlops_nb, run_shell

from mlops_nb import __version__

FROZEN = ROOT / "tests" / "data" / "project-0.1.0.zip"
AUC_OF_0_1_0 = 0.8465862557  # what version 0.1.0 wrote to reports/metrics/evaluate.json


@pytest.fixture
def project(tmp_path):
    """Return the frozen project as a repository; its zip has no history."""
    with zipfile.ZipFile(FROZEN) as archive:
        archive.extractall(tmp_path)
    run_shell("git", "init", "-q", "-b", "main", cwd=tmp_path)
    commit(tmp_path)
    return tmp_path


def commit(top):
    """Commit everything."""
    run_shell("git", "add", "-A", cwd=top)
    run_shell("git", "commit", "-qm", "State", cwd=top)


def changed(top):
    """Return the paths that git calls changed."""
    return {
        line[3:]
        for line in run_shell(
            "git", "status", "--porcelain", cwd=top
        ).stdout.splitlines()
    }


def edit(
    top,
    path,
    old,
    new,
):
    """Edit a file of the project, as its user would."""
    text = (top / path).read_text()
    assert old in text
    (top / path).write_text(text.replace(old, new, 1))


def files_of(top):
    """Return what every file that git knows holds."""
    names = run_shell(
        "git", "ls-files", "-co", "--exclude-standard", cwd=top
    ).stdout.splitlines()
    return {name: (top / name).read_bytes() for name in names if (top / name).exists()}


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["run", "train"], id="stage"),
        pytest.param(["code"], id="first stage of a run"),
    ],
)
def test_an_old_project_says_what_to_do(
    project,
    command,
):
    """An old stage notebook ends in words, not in an import error."""
    got = run_mlops_nb(*command, cwd=project, check=False)
    assert got.returncode == 1
    assert "this project was made by version 0.1.0" in got.stderr
    assert "run `mlops-nb upgrade`" in got.stderr
    assert "Traceback" not in got.stderr


def test_a_project_goes_on_with_the_same_quality(project):
    """After an upgrade the pipeline runs, the model is as good as before, and the tests pass."""
    said = run_mlops_nb("upgrade", cwd=project).stdout
    assert f"upgraded from version 0.1.0 to {__version__}" in said
    assert "left as it is" not in said
    assert "remains:" not in said
    commit(project)
    assert "Traceback" not in run_mlops_nb("repro", cwd=project).stdout
    metrics = json.loads(
        (project / "reports" / "metrics" / "evaluate.json").read_text()
    )
    assert metrics["auc"] == pytest.approx(AUC_OF_0_1_0, abs=1e-9)
    assert (
        "2 passed"
        in run_shell(
            "python", "-m", "pytest", "-p", "no:cacheprovider", cwd=project
        ).stdout
    )


def test_what_is_the_users_stays(project):
    """Data, settings, contract, history and pages about the project are not looked at."""
    before = files_of(project)
    run_mlops_nb("upgrade", cwd=project)
    after = files_of(project)
    own = {name for name in before if name.startswith("data/")}
    own |= {
        "params.yaml",
        "settings.ini",
        "README.md",
        "nbs/index.ipynb",
        "shop/__init__.py",
    }
    assert {name: after[name] for name in own} == {name: before[name] for name in own}
    assert set(before) - set(after) == {"vendor/mlops_nb-0.1.0-py3-none-any.whl"}
    assert set(after) - set(before) == {
        f"vendor/mlops_nb-{__version__}-py3-none-any.whl"
    }


def test_an_edited_file_is_shown_and_kept(project):
    """What was changed in a stage notebook is told, and the new one put beside."""
    path = "nbs/stages/train.ipynb"
    edit(project, path, "valid_share: float = 0.25", "valid_share: float = 0.5")
    edit(project, "Makefile", "## run the tests", "## run my tests")
    commit(project)
    mine = (project / path).read_bytes()
    said = run_mlops_nb("upgrade", cwd=project).stdout
    assert f"left as it is, since it was edited: {path}" in said
    assert "+valid_share: float = 0.5" in said
    assert "-valid_share: float = 0.25" in said
    assert (project / path).read_bytes() == mine
    beside = project / ".mlops" / f"new-{__version__}" / path
    assert beside.read_bytes() == (ROOT / path).read_bytes()
    # The Makefile is the same in both versions: an edit of it is nobody's business.
    assert "Makefile" not in said


def test_imports_of_own_code_are_rewritten(project):
    """Code that was added to the project finds the moved names; what has none is told."""
    extra = (
        "from mlops_nb import data\nfrom mlops_nb.core import params, call, oops\n\n\n"
    )
    extra += "def windows():\n    return data.windows(params())\n"
    (project / "shop" / "extra.py").write_text(extra)
    commit(project)
    said = run_mlops_nb("upgrade", cwd=project).stdout
    text = (project / "shop" / "extra.py").read_text()
    assert "from mlops_nb.data.windows import read_windows" in text
    assert "from mlops_nb.core.config import read_params as params" in text
    assert "return read_windows(params())" in text
    assert "remains: shop/extra.py: mlops_nb.core.oops has no successor" in said
    assert (
        "from mlops_nb.data.history import History"
        in (project / "shop" / "features.py").read_text()
    )


def test_the_lock_keeps_what_the_user_has_changed(project):
    """A line that was changed or added stays, new dependencies come."""
    edit(project, "requirements.lock", "lark==1.3.1\n", "lark==1.3.0\nmine==1.0\n")
    commit(project)
    run_mlops_nb("upgrade", cwd=project)
    lines = (project / "requirements.lock").read_text().splitlines()
    assert {"lark==1.3.0", "mine==1.0", f"mlops_nb=={__version__}"} <= set(lines)
    assert [line for line in lines if line.startswith("nh3==")]
    assert lines == sorted(lines, key=str.lower)


def test_a_second_upgrade_does_nothing(project):
    """An upgraded project is left alone."""
    run_mlops_nb("upgrade", cwd=project)
    before = files_of(project)
    assert "nothing to do" in run_mlops_nb("upgrade", cwd=project).stdout
    assert files_of(project) == before


def test_what_is_not_committed_is_in_the_way(project):
    """Nothing is mixed with changes of the user."""
    edit(project, "params.yaml", "seed: 0", "seed: 1")
    got = run_mlops_nb("upgrade", cwd=project, check=False)
    assert got.returncode == 1
    assert "everything is committed" in got.stderr
    assert changed(project) == {"params.yaml"}


def test_a_killed_upgrade_is_finished_by_the_next(
    project,
    monkeypatch,
):
    """What lay ready is put into its places; nothing is half."""
    from mlops_nb.cli import upgrade

    monkeypatch.setattr(upgrade, "finish_upgrade", lambda top: False)
    upgrade.upgrade_project(project)
    assert changed(project) == set()
    monkeypatch.undo()
    assert (
        "finished the interrupted upgrade"
        in run_mlops_nb("upgrade", cwd=project).stdout
    )
    assert "nbs/stages/train.ipynb" in changed(project)
    assert not (project / ".mlops" / "upgrade").exists()


def test_this_repository_is_no_project_to_upgrade():
    """The checkout itself is what projects are copied from."""
    got = run_mlops_nb("upgrade", cwd=ROOT, check=False)
    assert got.returncode == 1
    assert "a project made by `mlops-nb new`" in got.stderr
    assert Path(FROZEN).exists()
