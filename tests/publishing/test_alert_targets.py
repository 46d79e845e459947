"""Targets are environment variables, and need the extra."""

import sys

from helpers.alert_project import FAST, auc_drop, drift
from helpers.receivers import hook_address, titles

from mlops_nb.publishing.alerts import announce_findings


def test_without_a_target_nothing_is_kept_for_one(here):
    here.monitored(drift())
    assert announce_findings(**FAST).waiting == 0


def test_targets_that_come_and_go(
    here,
    hook,
    monkeypatch,
):
    monkeypatch.setenv("A_OLD", hook_address(1))
    here.monitored(drift())
    announce_findings(**FAST)
    here.settings("A_OLD")
    here.monitored(drift(), auc_drop())
    announce_findings(**FAST)
    here.settings("")
    assert announce_findings(**FAST).waiting == 1
    here.settings("A_HOOK")
    assert announce_findings(**FAST).delivered == 1
    assert titles(hook) == ["new finding, quality.drop.auc (act)"]


def test_without_the_extra_it_says_which(
    here,
    monkeypatch,
):
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv("A_HOOK", hook_address(1))
    here.settings("A_HOOK")
    here.monitored(drift())
    got = announce_findings(**FAST)
    assert "pip install 'mlops_nb[alerts]'" in got.failed[0][1]
    assert got.waiting == 1
    assert "A\\_HOOK" in got._repr_markdown_()
