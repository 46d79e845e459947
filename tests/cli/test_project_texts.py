"""The texts that the package keeps for new projects are in step with the repository's files."""

import configparser
from pathlib import Path

import pytest
from helpers.project import ROOT, fresh_clone, read_yaml, run_mlops_nb, sales
from helpers.shipped import SHIPPED
from ruamel.yaml import YAML

from mlops_nb.cli.template import PACKAGE_FOLDER, render_makefile, render_pipeline

TEXTS = PACKAGE_FOLDER / "cli" / "project_files"
OWN_TARGETS = ("bench", "bench-monitor", "calm", "style")


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


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project made in a checkout that somebody works with: new forms, a pin, a remote."""
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
    sales(400).to_csv(folder / "in.csv", index=False)
    command = ("new", folder / "shop", "--data", folder / "in.csv", "--target", "y")
    run_mlops_nb(*command, cwd=checkout)
    return folder / "shop"


def test_a_new_project_has_nothing_of_the_working_copy(made):
    assert read_yaml(made)["champion"] == dict.fromkeys(("version", "commit", "md5"))
    assert "# What `mlops-nb advance` may do" in (made / "params.yaml").read_text()
    assert "train" in read_yaml(made, "dvc.yaml")["stages"]
    assert "remote" not in (made / ".dvc" / "config").read_text()


def test_a_new_project_has_its_own_title(made):
    assert read_ini(made / "settings.ini")["report"]["title"] == "shop: y"
