"""What measures models on public tables: the list, the splits, the ratios."""

import model_splits as splits
import model_summary as summary
import model_tables as tables
import numpy as np
import pandas as pd
import pytest

FACTS = {"name": "made", "task": "binary", "time": None}


def make_lines(**losses):
    """Return the lines of a table by model; peers that are not named are far behind."""
    known = dict.fromkeys((*summary.PEERS, *summary.OURS, "clock"), 9.0) | losses
    return {name: {"mae": loss, "cpu": 1.0} for name, loss in known.items()}


def make_table(name, rows, **losses):
    """Return what is measured on a table of a regression without time."""
    facts = {"name": name, "task": "regression", "time": None, "rows": rows}
    return summary.describe_table(facts, [make_lines(**losses)])


NAMES = list(tables.list_tables())


@pytest.mark.parametrize("name", NAMES, ids=NAMES)
def test_the_list_says_what_a_table_is(name):
    entry = tables.list_tables()[name]
    assert {"source", "task", "target"} <= entry.keys()


def test_rows_of_one_time_stay_together():
    times = np.repeat(np.arange(10), 10)
    judges = splits.latest_rows(times)
    assert judges.sum() == 20


def test_the_latest_rows_judge():
    judges = splits.latest_rows(np.arange(100))
    assert judges.argmax() == 85


def test_one_time_too_long_to_learn_without_leaves_the_rows_after_it():
    times = np.r_[np.zeros(20), np.ones(70), np.full(10, 2)]
    judges = splits.latest_rows(times)
    assert judges.sum() == 10


def test_a_seed_draws_the_same_rows():
    first = splits.random_rows(100, [0, 1])
    assert (first == splits.random_rows(100, [0, 1])).all()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([1, 1], id="another seed"),
        pytest.param([0, 2], id="another table"),
    ],
)
def test_another_seed_draws_other_rows(other):
    first = splits.random_rows(100, [0, 1])
    assert (first != splits.random_rows(100, other)).any()


def test_the_first_seed_does_not_undo_the_shuffle_of_the_table():
    shuffled = np.random.default_rng(7).permutation(100)
    judges = splits.random_rows(100, [0, 7])
    assert shuffled[judges].min() < 50


def test_classes_that_nobody_could_learn_are_left_out():
    frame = pd.DataFrame({"x": range(12), "y": [0] * 5 + [1] * 5 + [2, 2]})
    judges = np.arange(12) >= 11
    table = splits.part_rows(FACTS, frame, judges)
    assert table.n_classes == 2


def test_the_log_loss_is_that_of_the_true_class():
    shares = np.array([[0.5, 0.5], [0.25, 0.75]])
    loss = splits.log_loss(np.array([0, 1]), shares)
    assert loss == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2)


def test_a_ratio_is_to_the_best_peer():
    table = make_table("a", 10, auto=3.0, linear=2.0)
    assert table["ratios"]["auto"] == 1.5


def test_the_booster_is_no_peer():
    table = make_table("a", 10, auto=3.0, booster=1.0, linear=2.0)
    assert table["ratios"]["auto"] == 1.5


def test_small_tables_do_not_count_as_long():
    made = [make_table("small", 10, auto=3.0), make_table("long", 1000, auto=9.0)]
    assert summary.summarise(made)["auto"]["worst_without_time"]["table"] == "long"


def test_the_share_of_close_tables():
    made = [
        make_table("a", 10, auto=2.0, linear=2.0),
        make_table("b", 10, auto=2.1, linear=2.0),
    ]
    assert summary.summarise(made)["auto"]["close"] == 0.5
