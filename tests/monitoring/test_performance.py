"""Performance without outcomes.

Right where it can be, wide where it is unsure, blind where it says so, and with its record.
"""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.project import ROOT
from scipy.stats import binom
from sklearn import metrics as skm

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import to_json
from mlops_nb.core.messages import render
from mlops_nb.core.plotting import figure_to_svg
from mlops_nb.modeling.encoding import prepare_features
from mlops_nb.modeling.measurement import compute_metrics
from mlops_nb.modeling.metrics import TASK_METRICS
from mlops_nb.modeling.persistence import dump_skops, load_skops
from mlops_nb.monitoring.calibration import Calibration, calibrate
from mlops_nb.monitoring.error_model import fit_error_model
from mlops_nb.monitoring.estimate_errors import (
    describe_estimate_errors,
    summarise_estimate_errors,
    tabulate_estimate_errors,
)
from mlops_nb.monitoring.histogram_metrics import metrics_from_histogram
from mlops_nb.monitoring.performance_estimate import (
    cross_validate_estimates,
    estimate_from_histogram,
)
from mlops_nb.monitoring.performance_figures import (
    describe_performance,
    performance_plot,
)

TAKEN = Calibration(
    ((0.0, 0.0, 10**9), (1.0, 1.0, 10**9)), 0.5, 0, 0, 0
)  # scores at their word


def squeeze(
    score,
    power=1.7,
):
    """Return scores that are no probabilities: too near to 0 and 1, or too far from them."""
    return score**power / (score**power + (1 - score) ** power)


def counted(
    score,
    outcome,
    buckets=1000,
):
    """Return mean score, outcomes that came true and others of every bucket that has rows."""
    where = np.minimum((score * buckets).astype(int), buckets - 1)
    rows = np.bincount(where, minlength=buckets)
    yes = np.bincount(where, outcome, buckets)
    filled = rows > 0
    means = np.bincount(where, score, buckets)[filled] / rows[filled]
    return means, yes[filled], (rows - yes)[filled]


def exact(
    score,
    outcome,
):
    """Return every score, with the outcomes that came true and the others."""
    scores, where = np.unique(score, return_inverse=True)
    yes = np.bincount(where, outcome)
    return scores, yes, np.bincount(where) - yes


def world(
    rng,
    rows,
    alpha=2,
    beta=5,
):
    """Return probabilities and what came true of them."""
    chance = rng.beta(alpha, beta, rows)
    return chance, rng.random(rows) < chance


def squeezed_world(
    rng,
    rows,
    alpha=2,
    beta=5,
):
    """Return a world whose scores are no probabilities, counted."""
    chance, outcome = world(rng, rows, alpha, beta)
    return counted(squeeze(chance), outcome)


def estimate_and_truth(
    counts,
    calibration,
    threshold,
):
    """Return the metrics as they are estimated, and as they came true."""
    scores, yes, others = counts
    guess = estimate_from_histogram(scores, yes + others, calibration, threshold)
    return guess, metrics_from_histogram(scores, yes, others, threshold)


def errors_of(
    guess,
    true,
):
    """Return by how much every metric was estimated too high."""
    return {name: guess[name]["value"] - row["value"] for name, row in true.items()}


def is_held(
    guess,
    true,
    name,
):
    """Say whether what came true lies in the interval."""
    return guess[name]["low"] <= true[name]["value"] <= guess[name]["high"]


def width(
    guess,
    name,
):
    """Return the width of an interval."""
    return guess[name]["high"] - guess[name]["low"]


def sklearn_metrics(
    outcome,
    score,
    flagged,
):
    """Return what scikit-learn says of scores and flags."""
    inside = np.clip(score, 1e-15, 1 - 1e-15)
    by_score = {
        "auc": skm.roc_auc_score(outcome, score),
        "log_loss": skm.log_loss(outcome, inside),
        "brier": skm.brier_score_loss(outcome, score),
    }
    by_flag = {
        "accuracy": skm.accuracy_score(outcome, flagged),
        "f1": skm.f1_score(outcome, flagged),
        "precision": skm.precision_score(outcome, flagged),
        "recall": skm.recall_score(outcome, flagged),
    }
    rates = {"positive": outcome.mean(), "false_alarms": flagged[~outcome].mean()}
    return by_score | by_flag | rates


def rounded_world(
    size,
    distinct,
):
    """Return scores of so many distinct values, and what came true."""
    score, outcome = world(np.random.default_rng(size), size)
    if distinct is None:
        return squeeze(score), outcome
    return np.round(score * distinct) / distinct, outcome


def interval(row):
    """Return the ends of a metric's interval."""
    return [row["low"], row["high"]]


@pytest.mark.parametrize(
    ("size", "distinct", "threshold"),
    [(5000, None, 0.5), (3000, 13, 0.3), (40, 5, 0.5), (400, 400, 0.02)],
    ids=["many", "thirteen scores", "few rows", "low threshold"],
)
def test_realised_agrees_with_sklearn_and_with_evaluate(
    size,
    distinct,
    threshold,
):
    score, outcome = rounded_world(size, distinct)
    got = metrics_from_histogram(*exact(score, outcome), threshold)
    flagged = score >= threshold
    want = sklearn_metrics(outcome, score, flagged)
    assert set(got) == set(want) < set(TASK_METRICS["binary"])
    predictions = pd.DataFrame({"score": score, "prediction": flagged.astype(int)})
    rows = compute_metrics("binary", outcome, predictions)
    for name, value in want.items():
        assert got[name]["value"] == pytest.approx(value, abs=1e-12), name
        assert interval(got[name]) == pytest.approx(
            interval(rows.to_dict()[name]), abs=1e-12
        ), name
        assert rows.to_dict()[name].keys() == got[name].keys()


def test_a_thousand_buckets_lose_little():
    rng = np.random.default_rng(1)
    score, outcome = world(rng, 50_000)
    fine = metrics_from_histogram(*exact(score, outcome), 0.5)
    coarse = metrics_from_histogram(*counted(score, outcome), 0.5)
    for name in fine:
        assert abs(fine[name]["value"] - coarse[name]["value"]) < 1e-5, name


def test_unbiased_on_calibrated_scores():
    """The mean error over windows is within three standard errors of nothing.

    The scores are taken at their word.
    """
    rng = np.random.default_rng(2)
    errors = []
    for _ in range(60):
        counts = counted(*world(rng, 2000))
        errors.append(errors_of(*estimate_and_truth(counts, TAKEN, 0.35)))
    found = pd.DataFrame(errors)
    bias = found.mean() / found.std() * np.sqrt(len(found))
    assert (bias.abs() < 3).all(), bias


def test_intervals_hold_what_comes_true():
    """200 windows of another mix of rows, each with a reference of its own.

    95 % intervals hold as often as a binomial allows, and are no wider than they must be.
    """
    rng = np.random.default_rng(3)
    held = []
    wide = []
    off = []
    for _ in range(200):
        calibration = calibrate(*squeezed_world(rng, 4000))
        counts = squeezed_world(rng, 2000, 2.5, 5)
        guess, true = estimate_and_truth(counts, calibration, 0.4)
        held.append({name: is_held(guess, true, name) for name in true})
        wide.append({name: width(guess, name) for name in true})
        off.append(errors_of(guess, true))
    hits = pd.DataFrame(held)
    need = pd.DataFrame(off).std() * 2 * 1.96 / pd.DataFrame(wide).mean()
    print(hits.mean().to_dict(), need.to_dict())
    assert (hits.sum() >= binom.ppf(0.001, 200, 0.95)).all(), hits.mean()
    assert need.between(0.8, 1.2).all(), need


def bent_errors(
    rng,
    calibration,
    bend,
):
    """Return how far calibrated and raw scores are off in one window, per metric."""
    chance, outcome = world(rng, 4000)
    counts = counted(squeeze(chance, bend), outcome)
    guess, true = estimate_and_truth(counts, calibration, 0.3)
    raw, _ = estimate_and_truth(counts, TAKEN, 0.3)
    ours = pd.Series(errors_of(guess, true))
    theirs = pd.Series(errors_of(raw, true))
    return pd.DataFrame({"ours": ours.abs(), "theirs": theirs.abs()})


@pytest.mark.parametrize("bend", [0.5, 1.8])
def test_calibrated_is_better_than_raw(bend):
    """Under- and overconfident scores: calibrated, the estimates come nearer to what comes true.

    Precision at one threshold can be right by luck: what is too high and too low may cancel.
    """
    rng = np.random.default_rng(4)
    chance, outcome = world(rng, 20_000)
    calibration = calibrate(*counted(squeeze(chance, bend), outcome))
    assert not calibration.is_needless
    assert calibration.error_after < calibration.error_before / 3
    assert "not probabilities" in str(calibration.describe())
    windows = [bent_errors(rng, calibration, bend) for _ in range(20)]
    mean = sum(windows) / len(windows)
    for name in ("auc", "log_loss", "brier", "accuracy", "positive"):
        ours = mean.ours[name]
        theirs = mean.theirs[name]
        assert ours < theirs / 2, (name, ours, theirs)


def test_it_says_when_scores_are_probabilities():
    """No more than 5 in 100 true probabilities are called none, by a binomial.

    The fitted curve says what they said.
    """
    rng = np.random.default_rng(5)
    fitted = [calibrate(*counted(*world(rng, 3000))) for _ in range(60)]
    doubted = sum(not curve.is_needless for curve in fitted)
    assert doubted <= binom.ppf(0.999, 60, 0.05)
    x = np.linspace(0.05, 0.7, 20)
    mean = np.mean([curve(x) for curve in fitted], 0)
    assert np.abs(mean - x).max() < 0.02
    text = to_json(fitted[0].to_dict())
    back = Calibration.from_dict(json.loads(text))
    assert np.allclose(back(x), fitted[0](x))
    assert len(text) < 8000


def test_it_follows_another_mix_of_rows():
    """Covariate shift: riskier rows, the same meaning of a score."""
    rng = np.random.default_rng(6)
    reference = squeezed_world(rng, 30_000)
    calibration = calibrate(*reference)
    before = metrics_from_histogram(*reference, 0.4)
    guess, true = estimate_and_truth(
        squeezed_world(rng, 20_000, 5, 4), calibration, 0.4
    )
    for name in ("accuracy", "precision", "log_loss", "f1"):
        moved = abs(true[name]["value"] - before[name]["value"])
        off = abs(true[name]["value"] - guess[name]["value"])
        assert moved > 5 * off, name
        assert is_held(guess, true, name), name


def test_it_cannot_see_concept_drift():
    """The same rows turn out differently: the estimate does not move.

    That is what it cannot see, and its words say so; its record shows it afterwards.
    """
    rng = np.random.default_rng(7)
    calibration = calibrate(*counted(*world(rng, 20_000)))
    chance, _ = world(rng, 10_000)
    drifted = counted(chance, rng.random(10_000) < 0.5 * chance)
    guess, true = estimate_and_truth(drifted, calibration, 0.4)
    calm, _ = estimate_and_truth(counted(*world(rng, 10_000)), calibration, 0.4)
    guessed = guess["precision"]["value"]
    assert true["precision"]["high"] < guess["precision"]["low"]
    assert abs(guessed - calm["precision"]["value"]) < 0.02
    assert "cannot detect concept drift" in str(
        describe_performance([], "auc")["reading"]
    )
    realised = {"precision": true["precision"]["value"]}
    record = {
        "window": "2024-01",
        "estimated": {"precision": guessed},
        "metrics": realised,
    }
    past = tabulate_estimate_errors([record])
    assert past.error.iloc[0] > 0.15


def shocked_week(rng):
    """Return a week whose rows of a day share their luck, counted."""
    chance = rng.beta(2, 5, (7, 200))
    shock = np.exp(rng.normal(0, 0.8, (7, 1)))
    shifted = chance * shock / (1 - chance + chance * shock)
    came_true = rng.random((7, 200)) < shifted
    return counted(chance.ravel(), came_true.ravel(), 200)


def calibrate_weeks(weeks):
    """Return the calibration on all rows of some weeks."""
    scores = np.concatenate([week[0] for week in weeks])
    yes = np.concatenate([week[1] for week in weeks])
    others = np.concatenate([week[2] for week in weeks])
    distinct, where = np.unique(scores, return_inverse=True)
    return calibrate(distinct, np.bincount(where, yes), np.bincount(where, others))


@pytest.fixture
def rehearsed():
    """A generator, twelve weeks of it, their calibration and what they rehearse."""
    rng = np.random.default_rng(12)
    weeks = {f"w{i}": shocked_week(rng) for i in range(12)}
    return (
        rng,
        weeks,
        calibrate_weeks(weeks.values()),
        cross_validate_estimates(weeks, 0.4),
    )


def test_a_rehearsal_has_the_form_of_a_record(rehearsed):
    _, weeks, _, practice = rehearsed
    assert set(practice.window) == set(weeks)
    assert list(practice) == list(tabulate_estimate_errors([]))


def test_a_rehearsal_stands_in_while_nothing_has_come_true(rehearsed):
    """Rows of a day share their luck: the rehearsal's interval holds what the plain does not."""
    rng, _, calibration, practice = rehearsed
    held = []
    for _ in range(80):
        scores, yes, others = shocked_week(rng)
        true = metrics_from_histogram(scores, yes, others, 0.4)
        args = (scores, yes + others, calibration, 0.4)
        plain = estimate_from_histogram(*args)
        wider = estimate_from_histogram(*args, rehearsed=practice)
        held.append([is_held(guess, true, "positive") for guess in (plain, wider)])
    without, with_it = np.sum(held, 0)
    assert without < binom.ppf(0.001, 80, 0.95) <= with_it, (without, with_it)
    assert "No track record" in str(wider.describe_past_errors("auc"))
    assert wider.past_errors == {}


def test_three_windows_that_came_true_replace_the_rehearsal(rehearsed):
    rng, _, calibration, practice = rehearsed
    scores, yes, others = shocked_week(rng)
    same = {"positive": 0.3}
    past = tabulate_estimate_errors([line(f"2024-0{i}", same, same) for i in (1, 2, 3)])
    args = (scores, yes + others, calibration, 0.4)
    got = estimate_from_histogram(*args, past, rehearsed=practice)
    assert got["positive"] == estimate_from_histogram(*args)["positive"]


def test_several_classes_by_their_highest_probability():
    rng = np.random.default_rng(8)
    top = 1 / 3 + 2 / 3 * rng.beta(2, 2, 20_000)
    cal = calibrate(*counted(squeeze(top, 1.4), rng.random(20_000) < top))
    top = 1 / 3 + 2 / 3 * rng.beta(4, 2, 5000)
    scores, right, wrong = counted(squeeze(top, 1.4), rng.random(5000) < top)
    got = estimate_from_histogram(scores, right + wrong, cal, task="multiclass")
    true = metrics_from_histogram(scores, right, wrong, task="multiclass")
    assert set(got.metrics) == set(true) == {"accuracy"}
    assert true["accuracy"]["value"] == pytest.approx(right.sum() / 5000)
    assert got["accuracy"]["low"] < true["accuracy"]["value"] < got["accuracy"]["high"]


def distant_rows(
    rng,
    rows,
    far=2.0,
):
    """Return features, predictions and outcomes; errors are larger far away."""
    distance = rng.gamma(far, 3, rows)
    kinds = rng.choice(["flat", "house", None], rows)
    when = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(distance, "D")
    features = pd.DataFrame({"km": distance, "kind": kinds, "when": when})
    outcome = 50 - distance + rng.normal(0, 1 + 0.3 * distance)
    return features, 50 - distance, outcome


def mean_errors(
    prediction,
    outcome,
):
    """Return the mean absolute error and the root of the mean squared one."""
    error = prediction - outcome
    values = {"mae": abs(error).mean(), "rmse": np.sqrt((error**2).mean())}
    return {name: {"value": value} for name, value in values.items()}


@pytest.fixture(scope="module")
def reference_rows():
    """Features, predictions and outcomes of which every fiftieth is unknown."""
    features, prediction, outcome = distant_rows(np.random.default_rng(9), 6000)
    outcome[::50] = np.nan
    return features, prediction, outcome


@pytest.fixture(scope="module")
def error_model(reference_rows):
    features, prediction, outcome = reference_rows
    return fit_error_model(features, outcome, prediction)


def test_an_error_model_is_repeatable(
    reference_rows,
    error_model,
):
    features, prediction, outcome = reference_rows
    assert error_model.reference_rows == 5880
    again = fit_error_model(features, outcome, prediction)
    first = error_model.estimate(features, prediction).to_dict()
    assert first == again.estimate(features, prediction).to_dict()


def test_errors_of_numbers(
    reference_rows,
    error_model,
):
    """The error model follows rows on which errors are larger.

    It holds what comes true about as often as it says.
    """
    rng = np.random.default_rng(90)
    held = []
    for _ in range(60):
        features, prediction, outcome = distant_rows(rng, 1500, 2.5)
        true = mean_errors(prediction, outcome)
        got = error_model.estimate(features, prediction)
        held.append([is_held(got, true, name) for name in ("mae", "rmse")])
    assert (np.sum(held, 0) >= binom.ppf(0.001, 60, 0.95)).all(), np.mean(held, 0)
    near = np.nanmean(abs(reference_rows[1] - reference_rows[2]))
    estimated = got["mae"]["value"]
    realised = true["mae"]["value"]
    assert abs(estimated - realised) < abs(near - realised)
    assert estimated > near


def test_an_error_model_is_made_of_types_that_the_safe_loader_knows(error_model):
    features, prediction, _ = distant_rows(np.random.default_rng(91), 1500, 2.5)
    rows = features.assign(**{"prediction of": prediction})
    encoded = prepare_features(rows, error_model.columns)
    for pipeline in error_model.pipelines:
        loaded = load_skops(dump_skops(pipeline))
        assert np.array_equal(loaded.predict(encoded), pipeline.predict(encoded))


def line(
    window,
    estimated=None,
    metrics=None,
    **more,
):
    return {
        "window": window,
        "champion": "v1",
        "rows": 100,
        "labelled": 100,
        "estimated": estimated,
        "metrics": metrics or {},
    } | more


COMPLETE_LINES = [
    line("2024-01", {"auc": 0.7, "f1": None}, {}, labelled=0),
    line("2024-02", {"auc": 0.72}, {"auc": 0.7}),
    line("2024-01", {"auc": 0.9}, {"auc": 0.71, "f1": 0.4}),
]
OTHER_LINES = [
    line("2024-03", {"auc": 0.7}, {"auc": 0.5}, labelled=20),
    line("2024-04", None, {"auc": 0.6}),
    line("2024-05", {"auc": 0.7}, {"auc": 0.69}, champion="v2"),
    {"window": "2023-12", "metrics": {"auc": 0.7}},
    line("2024-06", {"auc": True}, {"auc": float("nan")}),
]
LINES = COMPLETE_LINES + OTHER_LINES


def test_the_record():
    """First estimate against last reading, of the same model and of earlier windows only.

    The outcomes of the windows have to be known.
    """
    got = tabulate_estimate_errors(LINES)
    assert got[["window", "estimated", "realised"]].values.tolist() == [
        ["2024-01", 0.7, 0.71],
        ["2024-02", 0.72, 0.7],
        ["2024-05", 0.7, 0.69],
    ]
    assert tabulate_estimate_errors(LINES, "2024-02").window.tolist() == ["2024-01"]


def test_the_record_in_words():
    past = summarise_estimate_errors(tabulate_estimate_errors(LINES))["auc"]
    assert past["n"] == 3
    assert past["bias"] == pytest.approx(0.02 / 3)
    assert past["off"] == pytest.approx(0.04 / 3)
    assert past["most"] == pytest.approx(0.02)
    assert (
        str(describe_estimate_errors({"auc": past}, "auc"))
        == "In the last 3 periods the estimate of AUC was off by 0.0133 on average, 0.02 at most"
    )
    one = summarise_estimate_errors(tabulate_estimate_errors(LINES, "2024-02"))
    assert "only period" in str(describe_estimate_errors(one, "auc"))
    assert "No track record yet" in str(describe_estimate_errors({}, "auc"))


def test_the_record_of_nothing():
    empty = tabulate_estimate_errors([])
    assert empty.empty
    assert summarise_estimate_errors(None) == {}
    assert summarise_estimate_errors(empty) == {}


def record_of(*errors):
    """Return the record of windows in which the estimate was off by so much."""
    lines = []
    for month, error in enumerate(errors, 1):
        lines.append(line(f"2024-{month:02}", {"auc": 0.7 + error}, {"auc": 0.7}))
    return tabulate_estimate_errors(lines)


def test_the_record_widens_the_interval_from_three_windows_on():
    rng = np.random.default_rng(10)
    scores, yes, others = counted(*world(rng, 5000))
    args = (scores, yes + others, TAKEN, 0.4)
    none = estimate_from_histogram(*args, None)
    two = estimate_from_histogram(*args, record_of(0.1, 0.1))
    three = estimate_from_histogram(*args, record_of(0.05, 0.06, 0.07))
    assert none["auc"] == two["auc"]
    assert none["f1"] == three["f1"]
    assert str(none.describe_past_errors("auc")).startswith("No track record")
    half = (
        4.302653 * 0.01 * np.sqrt(1 + 1 / 3)
    )  # Student's t with two degrees of freedom
    assert three["auc"]["low"] == pytest.approx(
        three["auc"]["value"] - 0.06 - half, abs=1e-6
    )
    assert three["auc"]["high"] == none["auc"]["high"]
    assert json.loads(to_json(three.to_dict()))["past"]["auc"]["n"] == 3
    assert "past error" in three._repr_markdown_()


def test_the_widest_interval_is_from_0_to_1():
    scores, yes, others = counted(*world(np.random.default_rng(10), 5000))
    args = (scores, yes + others, TAKEN, 0.4)
    wild = estimate_from_histogram(*args, record_of(0.9, -0.9, 0.9, -0.9))["auc"]
    assert wild | {"value": 0} == {"value": 0, "low": 0, "high": 1}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: calibrate([-0.2, 1.4], [1, 1], [1, 1]), "scores from 0 to 1"),
        (
            lambda: estimate_from_histogram([0.2, np.nan], [1, 1], TAKEN),
            "scores from 0 to 1",
        ),
        (lambda: estimate_from_histogram([0.9, 0.1], [1, 1], TAKEN), "ascending"),
        (lambda: estimate_from_histogram([0.1, 0.1], [1, 1], TAKEN), "ascending"),
        (lambda: estimate_from_histogram([0.1], [1, 1], TAKEN), "as many counts"),
        (lambda: estimate_from_histogram([0.1], [-1], TAKEN), "whole numbers"),
        (lambda: estimate_from_histogram([0.1], [np.nan], TAKEN), "whole numbers"),
        (lambda: calibrate([0.1, 0.9], [3, 4], [0, 0]), "both outcomes"),
        (lambda: calibrate([], [], []), "both outcomes"),
        (
            lambda: fit_error_model(pd.DataFrame({"a": [1.0]}), [1.0], [2.0]),
            "at least 60 reference rows",
        ),
    ],
    ids=[
        "scores beyond 0 and 1",
        "a score that is none",
        "descending",
        "twice",
        "too many counts",
        "a negative count",
        "a count that is none",
        "one outcome",
        "nothing",
        "one row",
    ],
)
def test_wrong_input_is_named(
    call,
    said,
):
    with pytest.raises(UserError, match=said):
        call()


CALIBRATIONS = {
    "taken": TAKEN,
    "two": calibrate([0.2, 0.8], [1, 1], [1, 1]),
    "one": calibrate([0.5], [1], [1]),
    "ends": calibrate([0.0, 1.0], [0, 500], [500, 0]),
}
each_calibration = pytest.mark.parametrize(
    "calibration", CALIBRATIONS.values(), ids=CALIBRATIONS
)


@pytest.mark.filterwarnings("error")
@each_calibration
def test_nothing_is_answered(calibration):
    """None with a reason, never a warning."""
    none = estimate_from_histogram([], [], calibration)
    assert none.rows == 0
    for row in none.metrics.values():
        assert row["value"] is None
        assert row["reason"]["key"] == "evaluate.no_rows"
    assert none._repr_markdown_()
    assert calibration._repr_markdown_()


@pytest.mark.filterwarnings("error")
@each_calibration
def test_one_row_is_answered(calibration):
    one = estimate_from_histogram([0.7], [1], calibration)
    accuracy = one["accuracy"]
    assert one.rows == 1
    assert one["auc"]["value"] is None
    assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    assert one._repr_markdown_()


@pytest.mark.filterwarnings("error")
@each_calibration
def test_nothing_flagged_is_answered(calibration):
    got = estimate_from_histogram([0.1, 0.2], [5, 5], calibration, 0.9)
    assert got["precision"]["reason"]["key"] == "evaluate.none_flagged"


@pytest.mark.filterwarnings("error")
@each_calibration
def test_scores_at_the_very_ends_are_answered(calibration):
    ends = estimate_from_histogram([0.0, 1.0], [500, 500], calibration)
    for name, row in ends.metrics.items():
        if row["value"] is not None:
            assert np.isfinite([row["value"], row["low"], row["high"]]).all(), name
    json.dumps(ends.to_dict(), allow_nan=False)


@pytest.mark.filterwarnings("error")
def test_little_input_is_answered():
    """One bucket: a value or None with a reason, never a warning."""
    single = metrics_from_histogram([0.4], [1], [0])
    assert single["auc"]["value"] is None
    assert single["recall"]["value"] == 0
    assert single["precision"]["value"] is None
    assert (
        metrics_from_histogram([], [], [])["auc"]["reason"]["key"] == "evaluate.no_rows"
    )


def test_the_same_again():
    scores, yes, others = counted(*world(np.random.default_rng(11), 3000))
    calibration = calibrate(scores, yes, others)
    assert calibration == calibrate(scores, yes, others)
    first = estimate_from_histogram(scores, yes + others, calibration)
    second = estimate_from_histogram(scores, yes + others, calibration)
    assert first.to_dict() == second.to_dict()


def month_of(number):
    """Return a row of the figure; what the last two months came to is not known."""
    value = 0.7 + number / 100
    estimated = {"value": value, "low": value - 0.02, "high": value + 0.02}
    realised = {"value": value, "low": None, "high": None}
    return {
        "window": f"2024-{number:02}",
        "estimated": estimated,
        "realised": realised if number < 11 else None,
    }


MONTHS = [month_of(number) for number in range(1, 13)]


def test_the_figure_shows_both():
    text = figure_to_svg(performance_plot(MONTHS, "auc", 0.75))
    for word in ("realised", "estimated", "limit", "2024-12"):
        assert word in text, word
    assert text.count(">2024-") <= 5


def test_the_figure_in_words():
    words = describe_performance(MONTHS, "auc")
    assert "December 2024" in str(words["title"])
    assert "estimated" in str(words["title"])
    assert "Over 10 periods" in str(words["alt"])
    for key, said in words.items():
        assert render(said.json(), "ja") != str(said), key


def test_the_figure_escapes():
    odd = figure_to_svg(performance_plot([{"window": "<b>&", "realised": None}], "auc"))
    assert "<b>" not in odd
    assert "No value for" in str(describe_performance([], "auc")["title"])
    assert figure_to_svg(performance_plot([], "auc"))


def test_the_import_is_light():
    heavy = ("sklearn", "scipy", "matplotlib", "skops", "IPython")
    code = (
        "import mlops_nb.monitoring.performance, sys; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
