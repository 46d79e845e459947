"""Fixtures of the tests about data."""

import pytest


@pytest.fixture
def place(
    tmp_path,
    monkeypatch,
):
    """An empty project folder with data/; relative paths start there."""
    (tmp_path / "data").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.setenv("MLOPS_NB_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path
