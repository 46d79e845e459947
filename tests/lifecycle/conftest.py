"""A miniature project, made once for a file of tests, and a copy of it for each test."""

import shutil

import pytest
from helpers import miniature
from helpers.project import ENV


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return the project that copies are made of; nobody changes it."""
    return miniature.make_project(tmp_path_factory.mktemp("toy") / "project")


@pytest.fixture(autouse=True)
def warm_in_this_process(monkeypatch):
    """Let DVC fork from the warm server, too, where a function is called that needs it."""
    if "MLOPS_NB_SERVER" in ENV:
        monkeypatch.setenv("MLOPS_NB_SERVER", ENV["MLOPS_NB_SERVER"])


@pytest.fixture
def top(source, tmp_path):
    """Return a copy of the project, to do anything with."""
    return shutil.copytree(source, tmp_path / "project", symlinks=True)
