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

    def __init__(self, task):
        self.task = task

    def target_values(self, rows):
        return rows["y"].to_numpy()

    def predict(self, rows):
        if self.task == "regression":
            return pd.DataFrame({"score": rows["score"], "prediction": rows["score"]})
        if self.task == "multiclass":
            return self.name_classes(rows)
        flagged = (rows["score"] >= 0.5).astype(int)
        return pd.DataFrame({"score": rows["score"], "prediction": flagged})

    def name_classes(self, rows):
        scores = rows.filter(regex="^score_")
        named = scores.idxmax(axis=1).str.removeprefix("score_")
        return scores.assign(prediction=named)


class _GivenRun:
    """A run whose current window is given."""

    def __init__(
        self,
        rows,
        keys=("id",),
        task="binary",
        **more,
    ):
        data = {"source": "toy.csv", "target": "y", "keys": [*keys]}
        self.params = {"data": data | more}
        self.rows = rows
        self.task = task

    def model(self):
        return _GivenModel(self.task)

    def data(self):
        return self.rows

    def details(self, stage):
        return {}


class _NeedyModel(_GivenModel):
    """A model that needs a feature."""

    def predict(self, rows):
        if "feature" not in rows:
            raise UserError(expected="feature", found="no such column", remedy="none")
        return super().predict(rows)


class _NeedyRun(_GivenRun):
    """A run whose model needs a feature."""

    def model(self):
        return _NeedyModel(self.task)


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


def compared(
    runs,
    metric="auc",
    rows_of=None,
):
    """Return what the page of a comparison says first, and what it doubts."""
    ranking = rank_runs(runs, metric, rows_of)
    nothing = pd.DataFrame()
    in_order = {name: runs[name] for name in ranking.names}
    comparison = RunComparison(
        f"evaluate.{metric}", nothing, nothing, nothing, in_order, ranking
    )
    doubts = [str(doubt) for doubt in find_doubts(comparison)]
    return ranking, str(tell_best(comparison)), doubts


def test_two_identical_runs_are_a_tie():
    """Neither was ever better: nothing is crowned."""
    runs = {"HEAD": _GivenRun(scored(1)), "workspace": _GivenRun(scored(1))}
    ranking, said, doubts = compared(runs)
    assert not ranking.is_decided
    assert said == (
        "Tie between HEAD and workspace: their AUC is the same on the same 1,000 rows"
    )
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
            "more than a tenth of their labels differ",
            id="other labels",
        ),
        pytest.param(
            _GivenRun(scored(1).assign(z=lambda rows: rows["y"]), target="z"),
            "is the target",
            id="another target",
        ),
        pytest.param(
            _GivenRun(scored(1), positive=0),
            "is the target",
            id="another value is yes",
        ),
        pytest.param(
            _GivenRun(scored(1), task="regression"),
            "different tasks",
            id="another task",
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


def amounts(
    noise,
    shift=0.0,
):
    """Return rows of a regression whose prediction is off by as much."""
    y = np.arange(N_ROWS) % 50 * 1.0
    errors = np.random.default_rng(3).normal(size=N_ROWS) * noise
    return pd.DataFrame({"id": np.arange(N_ROWS), "y": y, "score": y + errors + shift})


def kinds(share_right):
    """Return rows of three classes, of which as many are scored right."""
    names = np.array(["bill", "fault", "move"])
    right = np.arange(N_ROWS) % 3
    is_right = np.random.default_rng(4).random(N_ROWS) < share_right
    told = np.where(is_right, right, (right + 1) % 3)
    scores = np.full((N_ROWS, 3), 0.2)
    scores[np.arange(N_ROWS), told] = 0.6
    rows = pd.DataFrame({"id": np.arange(N_ROWS), "y": names[right]})
    return rows.join(pd.DataFrame(scores, columns=[f"score_{name}" for name in names]))


@pytest.mark.parametrize(
    ("task", "metric", "worse", "better"),
    [
        pytest.param("regression", "mae", amounts(3), amounts(1), id="regression"),
        pytest.param("multiclass", "log_loss", kinds(0.6), kinds(0.9), id="classes"),
    ],
)
def test_any_task_is_compared_on_the_same_rows(
    task,
    metric,
    worse,
    better,
):
    """Where less is better, a gain is still positive."""
    runs = {"old": _GivenRun(worse, task=task), "new": _GivenRun(better, task=task)}
    ranking, said, _ = compared(runs, metric)
    assert ranking.names == ("new", "old")
    assert ranking.pairs[0].main["low"] > 0
    assert said.startswith("new is better than old")
    twins = {"a": _GivenRun(better, task=task), "b": _GivenRun(better, task=task)}
    ranking, said, _ = compared(twins, metric)
    assert ranking.names_by("tie") == ["b"]
    assert said.startswith("Tie")


def test_windows_without_a_common_row_are_told_and_one_of_them_can_be_asked_for():
    """The versions of two windows answer the rows of the newer."""
    april = _GivenRun(scored(3))
    may = _GivenRun(scored(0.5).assign(id=lambda rows: rows["id"] + 5000))
    ranking, said, _ = compared({"v1": april, "v2": may})
    assert ranking.names_by("unknown") == ["v2"]
    assert "no row in common" in said
    ranking, said, _ = compared({"v1": april, "v2": may}, rows_of=may)
    assert ranking.names_by("unknown") == []
    assert "1,000 rows" in said


def test_a_model_that_needs_a_column_that_the_rows_lack_is_told():
    """What one run has made as a feature the other does not have."""
    bare = _GivenRun(scored(1))
    rich = _NeedyRun(scored(1).assign(feature=1.0))
    ranking, said, _ = compared({"bare": bare, "rich": rich}, rows_of=bare)
    assert ranking.names_by("unknown") == ["rich"]
    assert "lack a column" in said


def test_three_runs_of_which_two_tie_and_one_is_worse():
    """The tie is named, and what is worse is not hidden behind it."""
    close = scored(0.5)
    close["score"] += np.random.default_rng(9).normal(size=N_ROWS) * 1e-3
    runs = {"worse": _GivenRun(scored(3)), "a": _GivenRun(scored(0.5))}
    ranking, said, _ = compared(runs | {"b": _GivenRun(close)})
    first, second, last = ranking.names
    assert {first, second} == {"a", "b"}
    assert last == "worse"
    assert ranking.names_by("better") == ["worse"]
    assert f"lead over {second} may be chance" in said


def test_a_tie_names_what_is_worse():
    """The order of the rows is the same, the scores are below the threshold."""
    squeezed = scored(1)
    squeezed["score"] = 0.4 + 0.01 * squeezed["score"]
    runs = {"few trees": _GivenRun(scored(1)), "many": _GivenRun(squeezed)}
    for pair in (runs, dict(reversed(runs.items()))):
        ranking, said, told = compared(pair)
        assert said.startswith("Tie between")
        assert len(ranking.names_by("tie")) == 1
        assert "many is significantly worse than few trees on recall" in told
