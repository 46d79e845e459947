"""Projects that earlier versions made, frozen as data, go on with this version."""

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.project import ROOT, read_metrics, run_mlops_nb, run_shell

from mlops_nb import __version__

FROZEN = ROOT / "tests" / "data" / "project-0.1.0.zip"
AUC_OF_0_1_0 = 0.8465862557  # what version 0.1.0 wrote to reports/metrics/evaluate.json


def unpack(
    top,
    frozen=FROZEN,
):
    """Make a frozen project a repository: with the history that its zip has, or with one commit."""
    with zipfile.ZipFile(frozen) as archive:
        archive.extractall(top)
    run_shell("git", "init", "-q", "-b", "main", cwd=top)
    history = top / "history.bundle"
    if history.exists():
        run_shell("git", "fetch", "-q", "--tags", history, "main", cwd=top)
        run_shell("git", "reset", "-q", "--hard", "FETCH_HEAD", cwd=top)
        history.unlink()
    else:
        commit(top)
    return top


@pytest.fixture
def project(tmp_path):
    """Return the frozen project."""
    return unpack(tmp_path)


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


@dataclass(frozen=True)
class Upgraded:
    """A project after its upgrade, which tests leave as it is."""

    top: Path
    said: str
    before: dict[str, bytes]
    after: dict[str, bytes]


def upgrade(top):
    """Upgrade a project; return it with what the command said and did."""
    before = files_of(top)
    said = run_mlops_nb("upgrade", cwd=top).stdout
    return Upgraded(top, said, before, files_of(top))


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory):
    """Return the frozen project after an upgrade."""
    return upgrade(unpack(tmp_path_factory.mktemp("upgraded")))


@pytest.fixture
def copy_of_upgraded(
    upgraded,
    tmp_path,
):
    """Return a copy of the upgraded project, to do anything with."""
    return shutil.copytree(upgraded.top, tmp_path / "copy", symlinks=True)


def test_an_upgrade_of_an_unchanged_project_leaves_nothing_to_do(upgraded):
    assert f"upgraded from version 0.1.0 to {__version__}" in upgraded.said
    assert "left as it is" not in upgraded.said
    assert "remains:" not in upgraded.said


@pytest.mark.parametrize(
    ("version", "package"),
    [
        pytest.param("0.2.0", "v02shop", id="0.2.0"),
        pytest.param("0.3.0", "v03shop", id="0.3.0"),
        pytest.param("0.4.0", "v04shop", id="0.4.0"),
    ],
)
def test_a_project_of_a_version_between_is_upgraded_too(
    tmp_path,
    version,
    package,
):
    """They had their names where they are, so their users' code stays as it is."""
    frozen = FROZEN.with_name(f"project-{version}.zip")
    second = upgrade(unpack(tmp_path, frozen))
    assert f"upgraded from version {version} to {__version__}" in second.said
    assert "left as it is" not in second.said
    assert "remains:" not in second.said
    features = f"{package}/features.py"
    assert second.after[features] == second.before[features]


def test_a_model_in_production_is_judged_by_the_rules_of_then(tmp_path):
    """Its page says so; the candidate that is trained beside it brings those of today."""
    top = upgrade(unpack(tmp_path, FROZEN.with_name("project-0.4.0.zip"))).top
    commit(top)
    with zipfile.ZipFile(FROZEN.with_name("project-0.3.0.zip")) as archive:
        archive.extract("data/shop.csv", top)
    run_shell("python", "-m", "dvc", "add", "-q", "data/shop.csv", cwd=top)
    commit(top)
    run_mlops_nb("repro", cwd=top)
    page = (top / "reports" / "monitor.html").read_text("utf-8")
    assert "An earlier version of the software saved this model" in page
    assert not (top / "data" / "champion" / "shadow.skops").exists()
    assert (top / "data" / "candidate" / "shadow.skops").exists()


def test_a_project_goes_on_with_the_same_quality(copy_of_upgraded):
    """After an upgrade the pipeline runs, the model is as good as before, and the tests pass."""
    top = copy_of_upgraded
    edit(top, "params.yaml", "estimator: auto", "estimator: booster")
    commit(top)
    assert "Traceback" not in run_mlops_nb("repro", cwd=top).stdout
    auc = read_metrics(top, "evaluate")["auc"]
    assert auc == pytest.approx(AUC_OF_0_1_0, abs=1e-9)
    pytest_of_project = ("python", "-m", "pytest", "-p", "no:cacheprovider")
    assert "2 passed" in run_shell(*pytest_of_project, cwd=top).stdout


def test_what_is_the_users_stays(upgraded):
    """Data, settings, contract, history and pages about the project are not looked at."""
    before = upgraded.before
    after = upgraded.after
    own = {name for name in before if name.startswith("data/")}
    own |= {
        "params.yaml",
        "settings.ini",
        "README.md",
        "nbs/index.ipynb",
        "shop/__init__.py",
    }
    assert {name: after[name] for name in own} == {name: before[name] for name in own}
    wheel = "vendor/mlops_nb-{}-py3-none-any.whl"
    assert set(before) - set(after) == {wheel.format("0.1.0")}
    new = {wheel.format(__version__), ".jupyter/moved.py"}
    assert set(after) - set(before) == new


TRAIN = "nbs/stages/train.ipynb"
EXTRA = """from mlops_nb import data
from mlops_nb.core import params, call, oops


def windows():
    return data.windows(params())
"""


@pytest.fixture(scope="module")
def upgraded_with_edits(tmp_path_factory):
    """Return a project whose user had changed a notebook, the Makefile, the lock and its code."""
    top = unpack(tmp_path_factory.mktemp("edited"))
    edit(top, TRAIN, "valid_share: float = 0.25", "valid_share: float = 0.5")
    edit(top, "Makefile", "## run the tests", "## run my tests")
    (top / "shop" / "extra.py").write_text(EXTRA)
    edit(top, "requirements.lock", "lark==1.3.1\n", "lark==1.3.0\nmine==1.0\n")
    commit(top)
    return upgrade(top)


def test_an_edited_file_is_shown_and_kept(upgraded_with_edits):
    """What was changed in a stage notebook is told, and the new one put beside."""
    upgraded = upgraded_with_edits
    assert f"left as it is, since it was edited: {TRAIN}" in upgraded.said
    assert "+valid_share: float = 0.5" in upgraded.said
    assert "-valid_share: float = 0.25" in upgraded.said
    assert upgraded.after[TRAIN] == upgraded.before[TRAIN]
    beside = upgraded.top / ".mlops" / f"new-{__version__}" / TRAIN
    assert beside.read_bytes() == (ROOT / TRAIN).read_bytes()
    assert "left as it is, since it was edited: Makefile" in upgraded.said
    assert upgraded.after["Makefile"] == upgraded.before["Makefile"]


def test_imports_of_own_code_are_rewritten(upgraded_with_edits):
    """Code that was added to the project finds the moved names; what has none is told."""
    package = upgraded_with_edits.top / "shop"
    text = (package / "extra.py").read_text()
    assert "from mlops_nb.data.windows import read_windows" in text
    assert "from mlops_nb.core.config import read_params as params" in text
    assert "return read_windows(params())" in text
    remains = "remains: shop/extra.py: mlops_nb.core.oops has no successor"
    assert remains in upgraded_with_edits.said
    features = (package / "features.py").read_text()
    assert "from mlops_nb.data.history import History" in features


def test_the_lock_keeps_what_the_user_has_changed(upgraded_with_edits):
    """A line that was changed or added stays, new dependencies come."""
    lines = upgraded_with_edits.after["requirements.lock"].decode().splitlines()
    assert {"lark==1.3.0", "mine==1.0", f"mlops_nb=={__version__}"} <= set(lines)
    assert [line for line in lines if line.startswith("nh3==")]
    assert lines == sorted(lines, key=str.lower)


def test_a_second_upgrade_does_nothing(copy_of_upgraded):
    """An upgraded project is left alone."""
    again = upgrade(copy_of_upgraded)
    assert "nothing to do" in again.said
    assert again.after == again.before


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
