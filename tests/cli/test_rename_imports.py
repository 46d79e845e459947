"""Old imports of a project's own code, rewritten by a table."""

import importlib
import zipfile

import pytest
from helpers.project import ROOT

from mlops_nb.cli.rename_imports import read_renamed_names, rename_imports
from mlops_nb.cli.template_versions import digest_project, read_template_digests

TABLE = read_renamed_names("0.1.0")


@pytest.mark.parametrize("place", sorted(set(TABLE.values())), ids=str)
def test_every_new_place_is_there(place):
    """The table names what this version has."""
    module, _, name = place.rpartition(".")
    assert hasattr(importlib.import_module(f"mlops_nb.{module}"), name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            "from mlops_nb.core import params\n",
            "from mlops_nb.core.config import read_params as params\n",
            id="a name that changed",
        ),
        pytest.param(
            "from mlops_nb.features import History as H, features\n",
            "from mlops_nb.data.history import History as H\n"
            "from mlops_nb.data.features import features\n",
            id="names that parted",
        ),
        pytest.param(
            "from mlops_nb import schema as s\nx = s.infer(s.Schema)\n",
            "from mlops_nb.data.contract import infer_contract\n"
            "from mlops_nb.data.contract import DataContract\n"
            "x = infer_contract(DataContract)\n",
            id="a module",
        ),
        pytest.param(
            "def f():\n    from mlops_nb.core import root, inp\n",
            "def f():\n    from mlops_nb.core.project import project_root as root\n"
            "    from mlops_nb.core.project import input_path as inp\n",
            id="inside a function",
        ),
        pytest.param(
            "é = 1; from mlops_nb.core import to_json  # now\n",
            "é = 1; from mlops_nb.core.files import to_json  # now\n",
            id="not at the start of a line",
        ),
    ],
)
def test_imports_are_rewritten(
    old,
    new,
):
    """The code below an import stays as it is, or gets the new name."""
    assert rename_imports(old, TABLE).text == new


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            "from mlops_nb.data.windows import Window\n", id="of this version"
        ),
        pytest.param("from mlops_nb import __version__\n", id="the version"),
        pytest.param("from core import params\n", id="another package"),
        pytest.param("from .core import params\n", id="its own module"),
        pytest.param("%%time\nfrom mlops_nb.core import params\n", id="no Python"),
        pytest.param("import pandas as pd\n", id="nothing of ours"),
    ],
)
def test_other_imports_stay(code):
    """What is not an old import is left as it is."""
    assert rename_imports(code, TABLE).text == code


def test_what_has_no_successor_is_told():
    """A person has to look at it."""
    code = rename_imports("from mlops_nb import data\ndata.nothing()\n", TABLE)
    assert code.unknown == ["mlops_nb.data.nothing"]
    assert code.text == "from mlops_nb import data\ndata.nothing()\n"


def test_the_digests_are_those_of_the_frozen_project(tmp_path):
    """What is known of version 0.1.0 is what it wrote."""
    with zipfile.ZipFile(ROOT / "tests" / "data" / "project-0.1.0.zip") as archive:
        archive.extractall(tmp_path)
        files = archive.namelist()
    assert digest_project(tmp_path, "shop", files) == read_template_digests()["0.1.0"]
