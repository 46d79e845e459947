"""Two runs are compared on the rows that both have, and a tie is called one."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.publishing.comparison import RunComparison
from mlops_nb.publishing.comparison_report import find_doubts, tell_best
from mlops_nb.publishing.paired_comparison import rank_runs

N_ROWS = 1000


class _GivenModel:
    """A model whose answers are a column of the rows."""

    task = "binary"

    def target_values(self, rows):
        return rows["y"].to_numpy(float)

    def predict(self, rows):
        flagged = (rows["score"] >= 0.5).astype(int)
        return pd.DataFrame({"score": rows["score"], "prediction": flagged})


class _GivenRun:
    """A run whose current window is given."""

    def __init__(
        self,
        rows,
        keys=("id",),
    ):
        data = {"source": "toy.csv", "target": "y", "keys": [*keys]}
        self.params = {"data": data}
        self.rows = rows

    def model(self):
        return _GivenModel()

    def data(self):
        return self.rows

    def details(self, stage):
        return {}


class _LostRun(_GivenRun):
    """A run whose model is nowhere to be had."""

    def model(self):
        raise UserError(expected="a model", found="none", remedy="dvc pull")


def scored(
    noise,
    seed=0,
):
    """Return rows whose score follows the label, the more noise the less."""
    draw = np.random.default_rng(1)
    y = (draw.random(N_ROWS) < 0.3).astype(float)
    errors = np.random.default_rng(seed + 2).normal(size=N_ROWS) * noise
    score = 1 / (1 + np.exp(-(2 * y - 1 + errors)))
    return pd.DataFrame({"id": np.arange(N_ROWS), "y": y, "score": score})


def compared(runs):
    """Return what the page of a comparison says first, and what it doubts."""
    ranking = rank_runs(runs, "auc")
    nothing = pd.DataFrame()
    in_order = {name: runs[name] for name in ranking.names}
    comparison = RunComparison(
        "evaluate.auc", nothing, nothing, nothing, in_order, ranking
    )
    doubts = [str(doubt) for doubt in find_doubts(comparison)]
    return ranking, str(tell_best(comparison)), doubts


def test_two_identical_runs_are_a_tie():
    """Neither was ever better: nothing is crowned."""
    runs = {"HEAD": _GivenRun(scored(1)), "workspace": _GivenRun(scored(1))}
    ranking, said, doubts = compared(runs)
    assert not ranking.is_decided
    assert said.startswith("Tie between HEAD and workspace")
    assert "1,000 rows" in said
    assert doubts == []


def test_a_lead_within_chance_is_a_tie():
    """What leads by less than its interval is not best."""
    close = scored(1)
    close["score"] += np.random.default_rng(9).normal(size=N_ROWS) * 1e-3
    ranking, said, _ = compared({"one": _GivenRun(scored(1)), "two": _GivenRun(close)})
    assert ranking.names_by("tie") == [ranking.names[1]]
    assert "Tie between" in said


def test_what_is_better_beyond_chance_comes_first():
    """The order of the runs' own windows does not decide."""
    runs = {"worse": _GivenRun(scored(3)), "better": _GivenRun(scored(0.5))}
    ranking, said, _ = compared(runs)
    assert ranking.names == ("better", "worse")
    assert said.startswith("better is better than worse: ahead by 0.")


def test_a_new_feature_is_judged_on_the_same_rows():
    """Another feature file holds the same rows: they are matched by their key."""
    more = scored(0.5).assign(feature=1.0)
    shuffled = more.sample(frac=1, random_state=0)
    runs = {"HEAD": _GivenRun(scored(3)), "workspace": _GivenRun(shuffled)}
    ranking, said, doubts = compared(runs)
    assert len(ranking.pairs[0].matched.keys) == N_ROWS
    assert said.startswith("workspace is better than HEAD")
    assert [doubt for doubt in doubts if "excluded" in doubt] == []


def test_rows_of_one_run_only_and_corrected_labels_are_left_out_and_told():
    """Only what both know with the same label is compared."""
    late = scored(1).iloc[100:]
    late.loc[late["id"] < 110, "y"] = 1 - late["y"]
    runs = {"HEAD": _GivenRun(scored(1)), "workspace": _GivenRun(late)}
    ranking, _, doubts = compared(runs)
    matched = ranking.pairs[0].matched
    assert (len(matched.keys), matched.only_one, matched.other_label) == (890, 100, 10)
    assert any("100 rows found in only one" in doubt for doubt in doubts)
    assert any("10 rows have a different label" in doubt for doubt in doubts)


def test_a_key_that_comes_twice_names_no_row():
    """It could be matched with the wrong row."""
    twice = pd.concat([scored(1), scored(1).head(5)])
    ranking, _, _ = compared({"HEAD": _GivenRun(scored(1)), "twice": _GivenRun(twice)})
    assert len(ranking.pairs[0].matched.keys) == N_ROWS - 5


def test_several_keys_name_a_row_together():
    """A shop and a day, neither of which is a key alone."""
    rows = scored(1)
    rows["shop"] = rows["id"] % 10
    rows["day"] = rows["id"] // 10
    keys = ("shop", "day")
    runs = {"a": _GivenRun(rows, keys), "b": _GivenRun(rows.iloc[::-1], keys)}
    ranking, said, _ = compared(runs)
    assert len(ranking.pairs[0].matched.keys) == N_ROWS
    assert said.startswith("Tie between")


@pytest.mark.parametrize(
    ("other", "why"),
    [
        pytest.param(_LostRun(scored(1)), "not here", id="outputs lost"),
        pytest.param(
            _GivenRun(scored(1).assign(id=lambda rows: rows["id"] + 5000)),
            "no row in common",
            id="other rows",
        ),
        pytest.param(
            _GivenRun(scored(1).assign(no=1), ("id", "no")),
            "different keys",
            id="other keys",
        ),
        pytest.param(
            _GivenRun(scored(1).assign(y=lambda rows: 1 - rows["y"])),
            "no row in common",
            id="other labels",
        ),
    ],
)
def test_what_cannot_be_compared_is_not_ranked(
    other,
    why,
):
    """No run is crowned where the rows cannot say so."""
    ranking, said, doubts = compared({"HEAD": _GivenRun(scored(1)), "other": other})
    assert ranking.names_by("unknown") == ["other"]
    assert said.startswith("Cannot tell whether HEAD is better than other")
    assert why in said
    assert any(why in doubt for doubt in doubts)


def test_rows_that_only_a_number_names_are_matched_while_all_labels_agree():
    """A row that went moves all numbers after it, which the labels betray."""
    numbered = scored(1).rename(columns={"id": "row"})
    first = _GivenRun(numbered, ("row",))
    longer = _GivenRun(numbered.iloc[:900], ("row",))
    assert rank_runs({"a": first, "b": longer}, "auc").names_by("tie") == ["b"]
    moved = numbered.iloc[1:].assign(row=np.arange(N_ROWS - 1))
    _, said, _ = compared({"a": first, "b": _GivenRun(moved, ("row",))})
    assert "the row numbers in the source have changed" in said


def test_what_is_worse_is_named_beside_what_is_better():
    """A model may order rows better and give worse probabilities."""
    sharper = scored(0.5)
    sharper["score"] = 0.49 + 0.01 * sharper["score"]
    runs = {"HEAD": _GivenRun(scored(1.5)), "workspace": _GivenRun(sharper)}
    _, said, doubts = compared(runs)
    assert said.startswith("workspace is better than HEAD: ahead by")
    assert "workspace is significantly worse than HEAD on recall" in doubts


def test_of_three_runs_the_first_is_best_only_if_no_tie_is_left():
    """A lead over one says nothing of the other."""
    good = _GivenRun(scored(0.5))
    bad = _GivenRun(scored(3))
    _, said, _ = compared({"bad": bad, "good": good, "twin": good})
    assert said.startswith("good ranks first of 3 runs, but its lead")
    _, said, _ = compared({"bad": bad, "worst": _GivenRun(scored(9)), "good": good})
    assert said.startswith("good is the best of 3 runs: ahead of the next by 0.")
