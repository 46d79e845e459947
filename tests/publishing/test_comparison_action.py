"""A comparison says what could be done, and what the lead of the best run means."""

from dataclasses import dataclass

import pandas as pd
import pytest

from mlops_nb.core.messages import render
from mlops_nb.publishing.comparison import RunComparison
from mlops_nb.publishing.comparison_report import suggest_action, tell_gain_in_words
from mlops_nb.publishing.paired_comparison import PairedGains, RunRanking


@dataclass(frozen=True)
class OtherRun:
    """A run of whose evaluation nothing more is here than how its release checks went."""

    passed: bool = True

    def details(self, stage):
        """Return what the evaluation left."""
        return {"gate": {"passed": self.passed}}


def compare(
    low,
    passed=True,
):
    """Compare two runs, the first of which gains .012 in AUC and perhaps more than chance."""
    gains = pd.DataFrame(
        [
            {"metric": "auc", "gain": 0.012, "low": low, "high": 0.02},
            {"metric": "precision", "gain": 0.03, "low": 0.01, "high": 0.05},
            {"metric": "recall", "gain": -0.02, "low": -0.03, "high": -0.01},
        ]
    )
    pair = PairedGains("v1.0.0", "auc", gains)
    ranking = RunRanking(("spring", "v1.0.0"), "auc", (pair,))
    runs = {"spring": OtherRun(passed), "v1.0.0": OtherRun()}
    nothing = pd.DataFrame()
    return RunComparison("evaluate.auc", nothing, nothing, nothing, runs, ranking)


def test_a_better_run_asks_for_a_decision():
    (action,) = suggest_action(compare(0.004))
    assert (
        str(action) == "Decide whether to promote spring: it is better on the same rows"
    )


@pytest.mark.parametrize(
    "comparison",
    [
        pytest.param(compare(-0.004), id="tie"),
        pytest.param(compare(0.004, passed=False), id="release checks failed"),
    ],
)
def test_nothing_is_suggested_without_a_reason(comparison):
    assert suggest_action(comparison) == []


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        pytest.param("en", "spring puts 1.2 more in the right order", id="pairs"),
        pytest.param("en", "+3 are right compared with v1.0.0", id="flags"),
        pytest.param("en", "it flags −2", id="found"),
        pytest.param("ja", "1.2 組多く正しい順に並べます", id="Japanese"),
    ],
)
def test_a_gain_in_auc_is_told_in_words(
    lang,
    said,
):
    told = [render(each.json(), lang) for each in tell_gain_in_words(compare(0.004))]
    assert said in "\n".join(told)


def test_a_tie_has_no_gain_to_tell():
    assert tell_gain_in_words(compare(-0.004)) == []
