"""The texts that the package keeps for new projects are in step with the repository's files."""

import configparser
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
from helpers.project import (
    ROOT,
    fresh_clone,
    read_yaml,
    run_mlops_nb,
    run_shell,
    sales,
)
from helpers.shipped import SHIPPED
from ruamel.yaml import YAML

from mlops_nb.cli import template
from mlops_nb.cli.template import (
    PACKAGE_FOLDER,
    render_makefile,
    render_pipeline,
    render_pyproject,
)

TEXTS = PACKAGE_FOLDER / "cli" / "project_files"
TRIED = (
    "nbs/stages/train.ipynb",
    "nbs/guides/explore.ipynb",
    "nbs/guides/operate.ipynb",
    ".jupyter/strip.py",
    ".dvcignore",
    "data/.gitignore",
    "requirements.lock",
)
OWN_TARGETS = (
    "bench-models",
    "bench",
    "bench-monitor",
    "calm",
    "pictures",
    "serve-test",
    "style",
)


def keys(path: Path) -> set[str]:
    """The keys of a file of parameters, each below its section."""
    text = path.read_text("utf-8").replace("⟦", "# ")
    params = YAML(typ="safe").load(text)
    found = set(params)
    for name, section in params.items():
        found |= {f"{name}.{key}" for key in section or ()}
    return found


def test_parameters_have_the_keys_of_the_repository():
    of_data = ("data.", "windows.", "features.")
    expected = {
        key for key in keys(SHIPPED / "params.yaml") if not key.startswith(of_data)
    }
    # the smallest group is filled in
    assert expected - keys(TEXTS / "params.yaml.txt") <= {"evaluate.min_n"}


def read_ini(path: Path) -> configparser.ConfigParser:
    """Read a file of settings, whatever its values."""
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(path, "utf-8")
    return ini


def test_settings_have_the_names_of_the_repository():
    expected = read_ini(SHIPPED / "settings.ini")
    written = read_ini(TEXTS / "settings.ini.txt")
    for section in expected.sections():
        assert [*written[section]] == [*expected[section]]


def test_the_pipeline_has_the_stages_of_the_repository():
    expected = read_yaml(ROOT, "dvc.yaml")
    written = YAML(typ="safe").load(render_pipeline("mlops_nb", "late"))
    expected.pop("artifacts")
    written.pop("artifacts")
    assert written == expected


def test_the_makefile_has_the_targets_of_the_repository():
    def targets(text):
        lines = (line for line in text.splitlines() if "## " in line)
        return [line.partition(":")[0] for line in lines if not line.startswith("\t")]

    expected = targets((ROOT / "Makefile").read_text("utf-8"))
    own = [name for name in expected if name not in OWN_TARGETS]
    assert targets(render_makefile()) == own


def test_an_export_leaves_the_file_alone_by_which_packages_are_installed():
    project = tomllib.loads(render_pyproject("shop"))
    assert project["tool"]["nbdev"]["update_pyproject"] is False


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project made in a checkout that somebody works with: new forms, a pin, a remote, a trial.

    What the command said beside its answer is in `said.txt` beside the project.
    """
    folder = tmp_path_factory.mktemp("worked_in")
    checkout = fresh_clone(folder / "checkout")
    params = read_yaml(checkout)
    params["champion"] = {"version": "v1.0.0", "commit": "a" * 40, "md5": "b.dir"}
    with (checkout / "params.yaml").open("w") as file:
        YAML(typ="safe").dump(
            params, file
        )  # as DVC writes it: no comment, another form
    (checkout / "settings.ini").write_text("[report]\ntitle = mine\n")
    (checkout / "dvc.yaml").write_text("stages: {}\n")
    (checkout / "Makefile").write_text("all:\n\techo\n")
    (checkout / ".dvc" / "config").write_text("['remote \"mine\"']\n    url = s3://x\n")
    _leave_trials(checkout)
    sales(400).to_csv(folder / "in.csv", index=False)
    command = ("new", folder / "shop", "--data", folder / "in.csv", "--target", "y")
    said = run_mlops_nb(*command, cwd=checkout).stderr
    (folder / "said.txt").write_text(said)
    return folder / "shop"


def _leave_trials(checkout: Path) -> None:
    """Change files that a new project takes over, and a module, without committing them."""
    for path in TRIED:
        with (checkout / path).open("a") as file:
            file.write("\n# TRIAL\n")
    (checkout / "nbs" / "stages" / "trial.ipynb").write_text("{}")
    lines = (checkout / ".gitignore").read_bytes().replace(b"\n", b"\r\n")
    (checkout / ".gitignore").write_bytes(lines)
    with (checkout / "mlops_nb" / "core" / "mapping.py").open("a") as file:
        file.write("# TRIAL\n")
    checkpoint = checkout / "mlops_nb" / "core" / ".ipynb_checkpoints" / "mapping.py"
    checkpoint.parent.mkdir()
    checkpoint.write_text("# TRIAL\n")
    (checkout / ".git" / "info" / "exclude").write_text("ignored.py\n.ipynb_*\n")
    (checkout / "mlops_nb" / "core" / "ignored.py").write_text("# TRIAL\n")


def test_a_new_project_has_nothing_of_the_working_copy(made):
    assert read_yaml(made)["champion"] == dict.fromkeys(("version", "commit", "md5"))
    assert "# What `mlops-nb advance` may do" in (made / "params.yaml").read_text()
    assert "train" in read_yaml(made, "dvc.yaml")["stages"]
    assert "remote" not in (made / ".dvc" / "config").read_text()


def test_a_new_project_has_its_own_title(made):
    assert read_ini(made / "settings.ini")["report"]["title"] == "shop: y"


def test_a_new_project_has_no_trial(made):
    for path in (*TRIED, ".gitignore"):
        content = (made / path).read_bytes()
        assert b"TRIAL" not in content, path
        assert b"\r" not in content, path
    assert not (made / "nbs" / "stages" / "trial.ipynb").exists()


def test_the_template_in_the_vendored_wheel_has_no_trial(made):
    (wheel,) = (made / "vendor").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if "checkpoint" in name]
        template = [name for name in archive.namelist() if "/template/" in name]
        tried = [name for name in template if b"TRIAL" in archive.read(name)]
    assert "mlops_nb/template/nbs/stages/train.ipynb" in template
    assert "mlops_nb/template/nbs/stages/trial.ipynb" not in template
    assert tried == []


def test_what_is_not_committed_is_said_in_a_line_each(made):
    lines = (made.parent / "said.txt").read_text().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("taken as the last commit of mlops_nb has them")
    assert ".dvcignore" in lines[0]
    modules = "mlops_nb/core/ignored.py, mlops_nb/core/mapping.py"
    assert lines[1].endswith(f"not committed: {modules}")


@pytest.mark.parametrize(
    "is_repository", [pytest.param(True, id="git"), pytest.param(False, id="no git")]
)
def test_the_template_of_files_without_a_commit_is_what_lies_there(
    tmp_path,
    monkeypatch,
    is_repository,
):
    package = tmp_path / "mlops_nb"
    package.mkdir()
    (package / "__init__.py").write_text("")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "dvc.yaml").write_text("# mine\n")
    if is_repository:
        run_shell("git", "init", "-q", cwd=tmp_path)
    monkeypatch.setattr(template, "PACKAGE_FOLDER", package)
    assert template.read_template_files()["dvc.yaml"] == b"# mine\n"
    assert template.describe_uncommitted_template() == ""


def test_a_checkout_in_a_folder_of_a_repository_has_a_last_commit_too(
    tmp_path,
    monkeypatch,
):
    package = tmp_path / "libs" / "ours" / "mlops_nb"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    shutil.copy(ROOT / "pyproject.toml", package.parent)
    (package.parent / "dvc.yaml").write_text("# committed\n")
    run_shell("git", "init", "-q", cwd=tmp_path)
    run_shell("git", "add", "-A", cwd=tmp_path)
    run_shell("git", "commit", "-qm", "all", cwd=tmp_path)
    (package.parent / "dvc.yaml").write_text("# mine\n")
    monkeypatch.setattr(template, "PACKAGE_FOLDER", package)
    assert template.read_template_files()["dvc.yaml"] == b"# committed\n"
    assert template.describe_uncommitted_template().endswith("committed: dvc.yaml")
