"""A label is what it was however yes and no are stored; what cannot be one is refused."""

import pytest
from helpers.monitored_tables import draw_orders, monitor_orders, monitor_tables

from mlops_nb.core.errors import UserError


def store_answers(
    orders,
    negative,
    positive,
):
    """Return orders whose answers are stored as these two values."""
    stored = {0.0: negative, 1.0: positive}
    return orders.assign(bought=orders.bought.map(stored))


def measure_auc(
    reference,
    current,
    **roles,
):
    """Return the realised AUC of orders."""
    got = monitor_orders(reference, current, **roles)
    return got.windows[-1]["realised"]["auc"]["value"]


@pytest.fixture(scope="module")
def reference():
    return draw_orders(8000)


@pytest.fixture(scope="module")
def current():
    return draw_orders(seed=1)


@pytest.mark.parametrize(
    ("stored_then", "stored_now", "positive"),
    [
        pytest.param(("no", "yes"), ("no", "yes"), "yes", id="words"),
        pytest.param((0, 1), (0.0, 1.0), "1", id="whole numbers"),
        pytest.param((False, True), ("False", "True"), "true", id="truth as text"),
        pytest.param((1, 2), (1, 2), 2, id="codes"),
    ],
)
def test_a_label_is_the_same_however_it_is_stored(
    reference,
    current,
    stored_then,
    stored_now,
    positive,
):
    stored = measure_auc(
        store_answers(reference, *stored_then),
        store_answers(current, *stored_now),
        positive=positive,
    )
    assert stored == measure_auc(reference, current)


@pytest.mark.parametrize(
    "codes",
    [
        pytest.param((-1, 1), id="signs"),
        pytest.param((1, 2), id="codes"),
    ],
)
def test_codes_need_a_value_that_counts_as_yes(
    reference,
    current,
    codes,
):
    then = store_answers(reference, *codes)
    now = store_answers(current, *codes)
    with pytest.raises(UserError, match="0 and 1, or --positive"):
        monitor_orders(then, now)


def test_classes_need_a_value_that_counts_as_yes(
    reference,
    current,
):
    with pytest.raises(UserError, match="0 and 1, or --positive"):
        monitor_orders(reference.assign(bought=reference.stops), current)


def test_a_value_that_the_reference_lacks_cannot_count_as_yes(
    reference,
    current,
):
    words = store_answers(reference, "no", "yes")
    with pytest.raises(UserError, match="a value of bought for --positive: no, yes"):
        monitor_orders(words, current, positive="yep")


def test_answers_that_the_reference_never_had_are_no_answers(
    reference,
    current,
):
    got = monitor_orders(
        store_answers(reference, "no", "yes"),
        store_answers(current, "nope", "yep"),
        positive="yes",
    )
    assert got.windows[-1]["realised"] == {}
    assert any("absent from the reference" in str(note) for note in got.notes)


@pytest.mark.parametrize("positive", ["yes", "Yes", "YES "])
def test_spellings_of_an_answer_are_one(
    reference,
    current,
    positive,
):
    """Told, and measured as if they were written alike."""
    words = store_answers(reference, "no", "yes")
    alike = monitor_orders(words, store_answers(current, "no", "yes"), positive="yes")
    varied = store_answers(current, "No", "Yes")
    varied.loc[::3, "bought"] = varied.loc[::3, "bought"].str.upper() + " "
    got = monitor_orders(words, varied, positive=positive)
    assert got.windows[-1]["realised"] == alike.windows[-1]["realised"]
    assert got.level == alike.level
    assert "YES" in next(
        str(note) for note in got.notes if "several spellings" in str(note)
    )


def test_a_blank_is_no_answer(
    reference,
    current,
):
    blank = store_answers(current, "no", "yes")
    blank.loc[::3, "bought"] = ""
    words = store_answers(reference, "no", "yes")
    got = monitor_orders(words, blank, positive="yes")
    assert got.windows[-1]["labelled"] == len(current) - len(current[::3])


@pytest.mark.parametrize("score", ["route", "bought"])
def test_a_score_is_a_number_apart_from_the_label(
    reference,
    current,
    score,
):
    with pytest.raises(UserError, match="score"):
        monitor_tables(reference, current, score, "bought")
