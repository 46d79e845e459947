"""Performance without outcomes: right where it can be, wide where it is unsure, blind where it says so, and with its record."""

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
from mlops_nb.modeling.metrics import METRIC_FUNCTIONS, compute_metrics
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
from mlops_nb.monitoring.performance_figures import describe_performance, performance_plot

TAKEN = Calibration(((0.0, 0.0, 10**9), (1.0, 1.0, 10**9)), 0.5, 0, 0, 0)  # scores at their word


def squeeze(p, k=1.7):
    return p**k / (p**k + (1 - p) ** k)


def counted(score, y, buckets=1000):
    i = np.minimum((score * buckets).astype(int), buckets - 1)
    n = np.bincount(i, minlength=buckets)
    yes = np.bincount(i, y, buckets)
    ok = n > 0
    return np.bincount(i, score, buckets)[ok] / n[ok], yes[ok], (n - yes)[ok]


def exact(score, y):
    at, where = np.unique(score, return_inverse=True)
    yes = np.bincount(where, y)
    return at, yes, np.bincount(where) - yes


def world(rng, n, a=2, b=5):
    p = rng.beta(a, b, n)
    return p, rng.random(n) < p


@pytest.mark.parametrize(
    ("n", "distinct", "threshold"),
    [(5000, None, 0.5), (3000, 13, 0.3), (40, 5, 0.5), (400, 400, 0.02)],
)
def test_realised_agrees_with_sklearn_and_with_evaluate(n, distinct, threshold):
    rng = np.random.default_rng(n)
    s, y = world(rng, n)
    s = squeeze(s) if distinct is None else np.round(s * distinct) / distinct
    got = metrics_from_histogram(*exact(s, y), threshold)
    f = s >= threshold
    want = {
        "auc": skm.roc_auc_score(y, s),
        "log_loss": skm.log_loss(y, np.clip(s, 1e-15, 1 - 1e-15)),
        "brier": skm.brier_score_loss(y, s),
        "accuracy": skm.accuracy_score(y, f),
        "f1": skm.f1_score(y, f),
        "precision": skm.precision_score(y, f),
        "recall": skm.recall_score(y, f),
        "positive": y.mean(),
        "false_alarms": f[~y].mean(),
    }
    assert set(got) == set(want) < set(METRIC_FUNCTIONS["binary"])
    rows = compute_metrics("binary", y, pd.DataFrame({"score": s, "prediction": f.astype(int)}))
    for k, v in want.items():
        assert got[k]["value"] == pytest.approx(v, abs=1e-12), k
        assert [got[k]["low"], got[k]["high"]] == pytest.approx(
            [rows[k].low, rows[k].high], abs=1e-12
        ), k
        assert rows.to_dict()[k].keys() == got[k].keys()


def test_a_thousand_buckets_lose_little():
    rng = np.random.default_rng(1)
    s, y = world(rng, 50_000)
    a = metrics_from_histogram(*exact(s, y), 0.5)
    b = metrics_from_histogram(*counted(s, y), 0.5)
    for k in a:
        assert abs(a[k]["value"] - b[k]["value"]) < 1e-5, k


def test_unbiased_on_calibrated_scores():
    """The mean error over windows of scores taken at their word is within three standard errors of nothing."""
    rng = np.random.default_rng(2)
    errors = []
    for _ in range(60):
        at, yes, no = counted(*world(rng, 2000))
        guess = estimate_from_histogram(at, yes + no, TAKEN, 0.35)
        true = metrics_from_histogram(at, yes, no, 0.35)
        errors.append({k: guess[k]["value"] - true[k]["value"] for k in true})
    e = pd.DataFrame(errors)
    assert (e.mean().abs() < 3 * e.std() / np.sqrt(len(e))).all(), (
        e.mean() / e.std() * np.sqrt(len(e))
    )


def test_intervals_hold_what_comes_true():
    """200 windows of another mix of rows, each with a reference of its own: 95 % intervals hold as often as a binomial allows, and are no wider than they must be."""
    rng = np.random.default_rng(3)
    held = []
    wide = []
    off = []
    for _ in range(200):
        p, y = world(rng, 4000)
        cal = calibrate(*counted(squeeze(p), y))
        p, y = world(rng, 2000, 2.5, 5)
        at, yes, no = counted(squeeze(p), y)
        guess = estimate_from_histogram(at, yes + no, cal, 0.4)
        true = metrics_from_histogram(at, yes, no, 0.4)
        held.append({k: guess[k]["low"] <= v["value"] <= guess[k]["high"] for k, v in true.items()})
        wide.append({k: guess[k]["high"] - guess[k]["low"] for k in true})
        off.append({k: guess[k]["value"] - true[k]["value"] for k in true})
    held, need = pd.DataFrame(held), pd.DataFrame(off).std() * 2 * 1.96 / pd.DataFrame(wide).mean()
    print(held.mean().to_dict(), need.to_dict())
    assert (held.sum() >= binom.ppf(0.001, 200, 0.95)).all(), held.mean()
    assert need.between(0.8, 1.2).all(), need


@pytest.mark.parametrize("bend", [0.5, 1.8])
def test_calibrated_is_better_than_raw(bend):
    """Under- and overconfident scores: calibrated, the estimates come nearer to what comes true."""
    rng = np.random.default_rng(4)
    errors = []
    p, y = world(rng, 20_000)
    cal = calibrate(*counted(squeeze(p, bend), y))
    assert not cal.is_needless
    assert cal.error_after < cal.error_before / 3
    assert "no probabilities" in str(cal.describe())
    for _ in range(20):
        p, y = world(rng, 4000)
        at, yes, no = counted(squeeze(p, bend), y)
        guess = estimate_from_histogram(at, yes + no, cal, 0.3)
        raw = estimate_from_histogram(at, yes + no, TAKEN, 0.3)
        true = metrics_from_histogram(at, yes, no, 0.3)
        errors.append(
            {
                k: (abs(guess[k]["value"] - v["value"]), abs(raw[k]["value"] - v["value"]))
                for k, v in true.items()
            }
        )
    for k in (
        "auc",
        "log_loss",
        "brier",
        "accuracy",
        "positive",
    ):  # precision at one threshold can be right by luck: what is too high and too low may cancel
        ours, theirs = np.mean([e[k] for e in errors], 0)
        assert ours < theirs / 2, (k, ours, theirs)


def test_it_says_when_scores_are_probabilities():
    """No more than 5 in 100 true probabilities are called none, by a binomial; the fitted curve says what they said."""
    rng = np.random.default_rng(5)
    cals = [calibrate(*counted(*world(rng, 3000))) for _ in range(60)]
    assert sum(not c.is_needless for c in cals) <= binom.ppf(0.999, 60, 0.05)
    x = np.linspace(0.05, 0.7, 20)
    assert np.abs(np.mean([c(x) for c in cals], 0) - x).max() < 0.02
    back = Calibration.from_dict(json.loads(to_json(cals[0].to_dict())))
    assert np.allclose(back(x), cals[0](x))
    assert len(to_json(cals[0].to_dict())) < 8000


def test_it_follows_another_mix_of_rows():
    """Covariate shift: riskier rows, the same meaning of a score."""
    rng = np.random.default_rng(6)
    p, y = world(rng, 30_000)
    cal = calibrate(*counted(squeeze(p), y))
    before = metrics_from_histogram(*counted(squeeze(p), y), 0.4)
    p, y = world(rng, 20_000, 5, 4)
    at, yes, no = counted(squeeze(p), y)
    guess = estimate_from_histogram(at, yes + no, cal, 0.4)
    true = metrics_from_histogram(at, yes, no, 0.4)
    for k in ("accuracy", "precision", "log_loss", "f1"):
        assert abs(true[k]["value"] - before[k]["value"]) > 5 * abs(
            true[k]["value"] - guess[k]["value"]
        ), k
        assert guess[k]["low"] <= true[k]["value"] <= guess[k]["high"], k


def test_it_cannot_see_concept_drift():
    """The same rows turn out differently: the estimate does not move. That is what it cannot see, and its words say so; its record shows it afterwards."""
    rng = np.random.default_rng(7)
    p, y = world(rng, 20_000)
    cal = calibrate(*counted(p, y))
    p, _ = world(rng, 10_000)
    at, yes, no = counted(p, rng.random(10_000) < 0.5 * p)
    guess = estimate_from_histogram(at, yes + no, cal, 0.4)
    true = metrics_from_histogram(at, yes, no, 0.4)
    calm = estimate_from_histogram(
        *(lambda a, k, n: (a, k + n))(*counted(*world(rng, 10_000))), cal, 0.4
    )
    assert true["precision"]["high"] < guess["precision"]["low"]
    assert abs(guess["precision"]["value"] - calm["precision"]["value"]) < 0.02
    assert "cannot see" in str(describe_performance([], "auc")["reading"])
    past = tabulate_estimate_errors(
        [
            {
                "window": "2024-01",
                "estimated": {"precision": guess["precision"]["value"]},
                "metrics": {"precision": true["precision"]["value"]},
            }
        ]
    )
    assert past.error.iloc[0] > 0.15


def test_a_rehearsal_stands_in_while_nothing_has_come_true():
    """Rows of a day share their luck: the rehearsal's interval holds what the plain one does not; three windows that came true replace it."""
    rng = np.random.default_rng(12)
    held = []

    def week():
        p = rng.beta(2, 5, (7, 200))
        shock = np.exp(rng.normal(0, 0.8, (7, 1)))
        return counted(
            p.ravel(), (rng.random((7, 200)) < p * shock / (1 - p + p * shock)).ravel(), 200
        )

    weeks = {f"w{i}": week() for i in range(12)}
    at, where = np.unique(np.concatenate([w[0] for w in weeks.values()]), return_inverse=True)
    cal = calibrate(
        at,
        *(np.bincount(where, np.concatenate([w[i] for w in weeks.values()])) for i in (1, 2)),
    )
    practice = cross_validate_estimates(weeks, 0.4)
    assert set(practice.window) == set(weeks)
    assert list(practice) == list(tabulate_estimate_errors([]))
    for _ in range(80):
        at, yes, no = week()
        true = metrics_from_histogram(at, yes, no, 0.4)["positive"]["value"]
        both = [
            estimate_from_histogram(at, yes + no, cal, 0.4, rehearsed=r) for r in (None, practice)
        ]
        held.append([b["positive"]["low"] <= true <= b["positive"]["high"] for b in both])
    plain, with_it = np.sum(held, 0)
    assert plain < binom.ppf(0.001, 80, 0.95) <= with_it, (plain, with_it)
    assert "No track record" in str(both[1].describe_past_errors("auc"))
    assert both[1].past_errors == {}
    past = tabulate_estimate_errors(
        [line(f"2024-0{i}", {"positive": 0.3}, {"positive": 0.3}) for i in (1, 2, 3)]
    )
    assert (
        estimate_from_histogram(at, yes + no, cal, 0.4, past, rehearsed=practice)["positive"]
        == both[0]["positive"]
    )


def test_several_classes_by_their_highest_probability():
    rng = np.random.default_rng(8)
    top = 1 / 3 + 2 / 3 * rng.beta(2, 2, 20_000)
    cal = calibrate(*counted(squeeze(top, 1.4), rng.random(20_000) < top))
    top = 1 / 3 + 2 / 3 * rng.beta(4, 2, 5000)
    at, right, wrong = counted(squeeze(top, 1.4), rng.random(5000) < top)
    got = estimate_from_histogram(at, right + wrong, cal, task="multiclass")
    true = metrics_from_histogram(at, right, wrong, task="multiclass")
    assert set(got.metrics) == set(true) == {"accuracy"}
    assert true["accuracy"]["value"] == pytest.approx(right.sum() / 5000)
    assert got["accuracy"]["low"] < true["accuracy"]["value"] < got["accuracy"]["high"]


def test_errors_of_numbers():
    """The error model follows rows on which errors are larger, holds what comes true about as often as it says, is repeatable and made of types that the safe loader knows."""
    from mlops_nb.modeling.encoding import prepare_features
    from mlops_nb.modeling.persistence import dump_skops, load_skops

    def rows(rng, n, far=2.0):
        d = rng.gamma(far, 3, n)
        return (
            pd.DataFrame(
                {
                    "km": d,
                    "kind": rng.choice(["flat", "house", None], n),
                    "when": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(d, "D"),
                }
            ),
            50 - d,
            50 - d + rng.normal(0, 1 + 0.3 * d),
        )

    rng = np.random.default_rng(9)
    X, pred, y = rows(rng, 6000)
    y[::50] = np.nan
    m = fit_error_model(X, y, pred)
    assert m.reference_rows == 5880
    assert m.estimate(X, pred).to_dict() == fit_error_model(X, y, pred).estimate(X, pred).to_dict()
    held = []
    for _ in range(60):
        X2, p2, y2 = rows(rng, 1500, 2.5)
        e = p2 - y2
        got = m.estimate(X2, p2)
        held.append(
            [
                got["mae"]["low"] <= abs(e).mean() <= got["mae"]["high"],
                got["rmse"]["low"] <= np.sqrt((e**2).mean()) <= got["rmse"]["high"],
            ]
        )
    assert (np.sum(held, 0) >= binom.ppf(0.001, 60, 0.95)).all(), np.mean(held, 0)
    near = abs(pred - y)[~np.isnan(y)].mean()
    assert abs(got["mae"]["value"] - abs(e).mean()) < abs(near - abs(e).mean())
    assert got["mae"]["value"] > near
    for p in m.pipelines:
        assert np.array_equal(
            load_skops(dump_skops(p)).predict(
                prepare_features(X2.assign(**{"prediction of": p2}), m.columns)
            ),
            p.predict(prepare_features(X2.assign(**{"prediction of": p2}), m.columns)),
        )


def line(window, estimated=None, metrics=None, **more):
    return {
        "window": window,
        "champion": "v1",
        "rows": 100,
        "labelled": 100,
        "estimated": estimated,
        "metrics": metrics or {},
    } | more


def test_the_record():
    """First estimate against last reading, of the same model, of windows whose outcomes are known; earlier windows only."""
    lines = [
        line("2024-01", {"auc": 0.7, "f1": None}, {}, labelled=0),
        line("2024-02", {"auc": 0.72}, {"auc": 0.7}),
        line("2024-01", {"auc": 0.9}, {"auc": 0.71, "f1": 0.4}),
        line("2024-03", {"auc": 0.7}, {"auc": 0.5}, labelled=20),
        line("2024-04", None, {"auc": 0.6}),
        line("2024-05", {"auc": 0.7}, {"auc": 0.69}, champion="v2"),
        {"window": "2023-12", "metrics": {"auc": 0.7}},
        line("2024-06", {"auc": True}, {"auc": float("nan")}),
    ]
    got = tabulate_estimate_errors(lines)
    assert got[["window", "estimated", "realised"]].values.tolist() == [
        ["2024-01", 0.7, 0.71],
        ["2024-02", 0.72, 0.7],
        ["2024-05", 0.7, 0.69],
    ]
    assert tabulate_estimate_errors(lines, "2024-02").window.tolist() == ["2024-01"]
    past = summarise_estimate_errors(got)["auc"]
    assert past["n"] == 3
    assert past["bias"] == pytest.approx(0.02 / 3)
    assert past["off"] == pytest.approx(0.04 / 3)
    assert past["most"] == pytest.approx(0.02)
    assert (
        str(describe_estimate_errors({"auc": past}, "auc"))
        == "In the last 3 periods the estimate of AUC was off by 0.0133 on average, at most 0.02"
    )
    assert "only period" in str(
        describe_estimate_errors(
            summarise_estimate_errors(tabulate_estimate_errors(lines, "2024-02")), "auc"
        )
    )
    assert "No track record yet" in str(describe_estimate_errors({}, "auc"))
    assert tabulate_estimate_errors([]).empty
    assert (
        summarise_estimate_errors(None)
        == summarise_estimate_errors(tabulate_estimate_errors([]))
        == {}
    )


def test_the_record_widens_the_interval_from_three_windows_on():
    rng = np.random.default_rng(10)
    at, yes, no = counted(*world(rng, 5000))

    def past(*errors):
        return tabulate_estimate_errors(
            [line(f"2024-{i + 1:02}", {"auc": 0.7 + e}, {"auc": 0.7}) for i, e in enumerate(errors)]
        )

    none, two, three = (
        estimate_from_histogram(at, yes + no, TAKEN, 0.4, p)
        for p in (None, past(0.1, 0.1), past(0.05, 0.06, 0.07))
    )
    assert none["auc"] == two["auc"]
    assert none["f1"] == three["f1"]
    assert str(none.describe_past_errors("auc")).startswith("No track record")
    half = 4.302653 * 0.01 * np.sqrt(1 + 1 / 3)  # Student's t with two degrees of freedom
    assert three["auc"]["low"] == pytest.approx(three["auc"]["value"] - 0.06 - half, abs=1e-6)
    assert three["auc"]["high"] == none["auc"]["high"]
    assert estimate_from_histogram(at, yes + no, TAKEN, 0.4, past(0.9, -0.9, 0.9, -0.9))["auc"] | {
        "value": 0
    } == {
        "value": 0,
        "low": 0,
        "high": 1,
    }
    assert json.loads(to_json(three.to_dict()))["past"]["auc"]["n"] == 3
    assert "past error" in three._repr_markdown_()


@pytest.mark.parametrize(
    ("call", "said_"),
    [
        (lambda: calibrate([-0.2, 1.4], [1, 1], [1, 1]), "scores from 0 to 1"),
        (lambda: estimate_from_histogram([0.2, np.nan], [1, 1], TAKEN), "scores from 0 to 1"),
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
)
def test_wrong_input_is_named(call, said_):
    with pytest.raises(UserError, match=said_):
        call()


@pytest.mark.filterwarnings("error")
def test_little_input_is_answered():
    """Nothing, one row, one bucket, nothing flagged, scores at the very ends: a value or None with a reason, never a warning."""
    two = calibrate([0.2, 0.8], [1, 1], [1, 1])
    for cal in (TAKEN, two, calibrate([0.5], [1], [1]), calibrate([0.0, 1.0], [0, 500], [500, 0])):
        none = estimate_from_histogram([], [], cal)
        assert none.rows == 0
        assert all(
            v["value"] is None and v["reason"]["key"] == "evaluate.no_rows"
            for v in none.metrics.values()
        )
        one = estimate_from_histogram([0.7], [1], cal)
        assert one.rows == 1
        assert one["auc"]["value"] is None
        assert (
            0 <= one["accuracy"]["low"] <= one["accuracy"]["value"] <= one["accuracy"]["high"] <= 1
        )
        assert (
            estimate_from_histogram([0.1, 0.2], [5, 5], cal, 0.9)["precision"]["reason"]["key"]
            == "evaluate.none_flagged"
        )
        ends = estimate_from_histogram([0.0, 1.0], [500, 500], cal)
        assert all(
            v["value"] is None or np.isfinite([v["value"], v["low"], v["high"]]).all()
            for v in ends.metrics.values()
        )
        json.dumps(ends.to_dict(), allow_nan=False)
        assert all(x._repr_markdown_() for x in (none, one, cal))
    single = metrics_from_histogram([0.4], [1], [0])
    assert single["auc"]["value"] is None
    assert single["recall"]["value"] == 0
    assert single["precision"]["value"] is None
    assert metrics_from_histogram([], [], [])["auc"]["reason"]["key"] == "evaluate.no_rows"


def test_the_same_again():
    at, yes, no = counted(*world(np.random.default_rng(11), 3000))
    cal = calibrate(at, yes, no)
    assert cal == calibrate(at, yes, no)
    assert (
        estimate_from_histogram(at, yes + no, cal).to_dict()
        == estimate_from_histogram(at, yes + no, cal).to_dict()
    )


def test_the_figure_shows_both_and_escapes():
    from mlops_nb.core.plotting import figure_to_svg

    def both(v, known):
        return {
            "estimated": {"value": v, "low": v - 0.02, "high": v + 0.02},
            "realised": {"value": v, "low": None, "high": None} if known else None,
        }

    rows = [{"window": f"2024-{i:02}", **both(0.7 + i / 100, i < 11)} for i in range(1, 13)]
    text = figure_to_svg(performance_plot(rows, "auc", 0.75))
    words = describe_performance(rows, "auc")
    assert all(x in text for x in ("realised", "estimated", "limit", "2024-12"))
    assert text.count(">2024-") <= 5
    assert "2024-12" in str(words["title"])
    assert "estimated" in str(words["title"])
    assert "Over 10 periods" in str(words["alt"])
    odd = figure_to_svg(performance_plot([{"window": "<b>&", "realised": None}], "auc"))
    assert "<b>" not in odd
    assert "Nothing is known" in str(describe_performance([], "auc")["title"])
    assert figure_to_svg(performance_plot([], "auc"))
    for key, said_ in words.items():
        from mlops_nb.core.messages import render

        assert render(said_.json(), "ja") != str(said_), key


def test_the_import_is_light():
    code = "import mlops_nb.monitoring.performance, sys; print([m for m in ('sklearn', 'scipy', 'matplotlib', 'skops', 'IPython') if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
