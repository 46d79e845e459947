"""A miniature project, made once for a file of tests, and a copy of it for each test."""

import shutil

import pytest
from helpers import miniature


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return the project that copies are made of; nobody changes it."""
    return miniature.make_project(tmp_path_factory.mktemp("toy") / "project")


@pytest.fixture
def top(source, tmp_path):
    """Return a copy of the project, to do anything with."""
    return shutil.copytree(source, tmp_path / "project", symlinks=True)
