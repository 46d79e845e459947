"""`mlops-nb doctor` after a plain `make run`: what only developers need is not called missing."""

import importlib.metadata

import pytest
from helpers.project import ROOT, run_shell

from mlops_nb.lifecycle.checkout_checks import check_environment, check_hooks
from mlops_nb.pipeline.locked_versions import canonical_distribution
from mlops_nb.pipeline.required_distributions import required_distributions


@pytest.fixture
def installed(monkeypatch):
    """A function that lets only some distributions be installed."""
    everything = list(importlib.metadata.distributions())

    def only(names):
        def version(name):
            if canonical_distribution(name) in names:
                return "1"
            raise importlib.metadata.PackageNotFoundError(name)

        there = [
            each
            for each in everything
            if canonical_distribution(each.metadata["Name"] or "") in names
        ]
        monkeypatch.setattr(importlib.metadata, "distributions", lambda: there)
        monkeypatch.setattr(importlib.metadata, "version", version)

    return only


def lacking(top):
    """Return what is said to lack."""
    said = [symptom.what for symptom in check_environment(top)]
    return [what for what in said if what.startswith("not installed")]


def test_after_a_plain_run_nothing_lacks(installed):
    installed(required_distributions(["mlops_nb[flights]"]))
    assert lacking(ROOT) == []


def test_what_a_run_needs_is_missed(installed):
    installed(required_distributions(["mlops_nb[flights]"]) - {"scikit-learn"})
    assert lacking(ROOT) == ["not installed: scikit-learn"]


def test_a_developer_misses_what_developers_need(installed):
    installed(required_distributions(["mlops_nb[dev]"]) - {"hypothesis"})
    assert lacking(ROOT) == ["not installed: hypothesis"]


def hints_at_hooks(top):
    """Say whether the checks before a commit are told to be lacking."""
    return any("pre-commit" in str(symptom) for symptom in check_hooks(top))


def test_hooks_are_hinted_at_where_they_can_be_installed(
    tmp_path,
    monkeypatch,
):
    run_shell("git", "init", "-q", cwd=tmp_path)
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert not hints_at_hooks(tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert hints_at_hooks(tmp_path)
