"""The statistics against scipy on raw values, and against what Evidently 0.7.23 and NannyML 0.13.1 print where their definitions are ours (`mlops-nb`'s own differ in bins elsewhere)."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from mlops_nb.data.column_profile import profile_numbers, profile_text_counts
from mlops_nb.data.profile import profile_table
from mlops_nb.monitoring.binning import align_columns, bin_counts, to_shares
from mlops_nb.monitoring.column_comparison import compare_columns, compare_profiles
from mlops_nb.monitoring.value_distances import ks_p_value


def sample(seed=7):
    r = np.random.default_rng(seed)
    ref = {"x": r.normal(0, 1, 2000)}
    cur = {"x": r.normal(0.3, 1.2, 1000)}
    ref["c"], cur["c"] = (
        r.choice(list("abcd"), 2000, p=[0.4, 0.3, 0.2, 0.1]),
        r.choice(list("abcd"), 1000, p=[0.3, 0.3, 0.2, 0.2]),
    )
    ref["d"], cur["d"] = (
        r.choice(list("abcd"), 2000, p=[0.4, 0.3, 0.2, 0.1]),
        r.choice(list("abde"), 1000, p=[0.4, 0.3, 0.2, 0.1]),
    )
    ref["k"], cur["k"] = r.binomial(6, 0.3, 2000), r.binomial(6, 0.4, 1000)
    ref["m"], cur["m"] = ref["x"].copy(), cur["x"].copy()
    ref["m"][r.random(2000) < 0.05], cur["m"][r.random(1000) < 0.15] = np.nan, np.nan
    ref["z"], cur["z"] = r.exponential(1, 12000), r.exponential(1.1, 3000)
    return ref, cur


REF, CUR = sample()
NUMBER = {
    c: (profile_numbers(REF[c].astype(float)), profile_numbers(CUR[c].astype(float)))
    for c in "xkmz"
}
TEXT = {
    c: tuple(
        profile_text_counts(*np.unique(v[c].astype(str), return_counts=True)) for v in (REF, CUR)
    )
    for c in "cdk"
}
PSI = {
    "c": 0.11051527607718885,
    "k": 0.24906540210827482,
}  # Evidently; natural logarithm, empty shares as .0001
JS = {
    "c": 0.14018719107935085,
    "d": 0.40577386605398186,
    "k": 0.20843266190223245,
}  # NannyML; base 2
HELLINGER = {"c": 0.11712031815340193, "d": 0.40243816333810767, "k": 0.1749459033451605}  # both
TV = {"c": 0.12299999999999997, "d": 0.22199999999999998, "k": 0.18799999999999997}  # Evidently
CHI2 = {
    "c": (75.99927724980716, 2.2126725210306383e-16),
    "d": (467.9403474082711, 5.741923053416489e-100),
    "k": (158.10726314985453, 1.4901976547585211e-31),
}  # NannyML
L_INFINITY = {"c": 0.119, "d": 0.1905, "k": 0.09999999999999998}  # NannyML
KS = {"x": 0.1525, "k": 0.188, "m": 0.14590525508247026}  # NannyML, exact below 10,000 rows
WASSERSTEIN = {
    "x": 0.33756046950948126,
    "k": 0.5675000000000001,
    "m": 0.30275525116645063,
}  # NannyML
SCALED = {
    "x": 0.34282446627214286,
    "k": 0.5054348691131739,
    "m": 0.3059873907860282,
    "z": 0.08307772485087982,
}  # Evidently; by the standard deviation with n, ours with n − 1


@pytest.mark.parametrize("column", "cdk")
def test_categories_are_what_the_peers_say(column):
    a, b = TEXT[column]
    got = compare_columns(a, b)
    for name, want in (
        ("js", JS),
        ("hellinger", HELLINGER),
        ("tv", TV),
        ("l_infinity", L_INFINITY),
    ):
        assert got[name] == pytest.approx(want[column], rel=1e-9), name
    assert (got["chi2"], got["chi2_p"]) == pytest.approx(CHI2[column], rel=1e-9)
    if column in PSI:
        assert got["psi"] == pytest.approx(PSI[column], rel=1e-9)
    assert got["js"] * math.sqrt(math.log(2)) == pytest.approx(
        {"c": 0.11671349235835879, "d": 0.3378289032705286, "k": 0.17353157378257691}[column],
        rel=1e-9,
    ), "Evidently's base is e"


@pytest.mark.parametrize("column", "xkmz")
def test_numbers_are_scipy_s_up_to_the_stated_bound(column):
    a, b = NUMBER[column]
    x = align_columns(a, b)
    got = compare_columns(a, b)
    u, v = (w[np.isfinite(w)] for w in (REF[column].astype(float), CUR[column].astype(float)))
    exact = max(a.dropped_bits, b.dropped_bits) == 0
    largest = 1e-12 if exact else max(to_shares(x.reference).max(), to_shares(x.current).max())
    wide = 1e-9 if exact else np.diff(np.r_[x.values, x.values[-1]]).max()
    assert abs(got["ks"] - stats.ks_2samp(u, v).statistic) <= largest
    assert abs(got["wasserstein"] - stats.wasserstein_distance(u, v)) <= wide
    if column in KS:
        assert abs(got["ks"] - KS[column]) <= largest
        assert abs(got["wasserstein"] - WASSERSTEIN[column]) <= wide
    assert got["wasserstein_std"] == pytest.approx(
        SCALED[column], rel=0.02 if not exact else 1e-3
    ), "n − 1 in place of n, and buckets"
    scipy = stats.ks_2samp(u, v, method="asymp")
    assert ks_p_value(scipy.statistic, len(u), len(v)) == pytest.approx(
        scipy.pvalue, rel=0.25, abs=1e-12
    )
    p, q = bin_counts(x)
    assert got["js"] == pytest.approx(jensenshannon(p, q, base=2), rel=1e-12)
    assert got["chi2"] == pytest.approx(
        stats.chi2_contingency(np.array([p, q])[:, p + q > 0], correction=False).statistic,
        rel=1e-12,
    )


def test_few_numbers_are_exact():
    a, b = NUMBER["k"]
    got = compare_columns(a, b)
    assert got["psi"] == pytest.approx(PSI["k"], rel=1e-9)
    assert got["hellinger"] == pytest.approx(HELLINGER["k"], rel=1e-9)
    assert got["ks"] == pytest.approx(KS["k"], abs=1e-12)
    assert got["wasserstein"] == pytest.approx(WASSERSTEIN["k"], abs=1e-12)


def test_moments_ranges_and_missing():
    ref, cur = (
        pd.DataFrame({"m": v["m"], "c": np.resize(v["c"], len(v["m"]))}) for v in (REF, CUR)
    )
    t = compare_profiles(profile_table(ref), profile_table(cur)).set_index("column").loc["m"]
    assert (t.missing_ref, t.missing, t["mean"]) == pytest.approx(
        (ref.m.isna().mean(), cur.m.isna().mean(), cur.m.mean())
    )
    assert t.above == pytest.approx((cur.m > ref.m.max()).sum() / cur.m.notna().sum(), abs=0.003)
    assert t.q50 == pytest.approx(cur.m.median(), abs=0.02)
    assert t.missing_chance == pytest.approx(
        stats.chi2_contingency(
            [[ref.m.notna().sum(), ref.m.isna().sum()], [cur.m.notna().sum(), cur.m.isna().sum()]],
            correction=False,
        ).pvalue,
        rel=1e-6,
    )


def test_hostile_columns_have_a_stated_result():
    empty, one, text, inf = (
        profile_numbers(np.zeros(0)),
        profile_numbers(np.array([3.0])),
        profile_text_counts(["a"], [5]),
        profile_numbers(np.array([np.inf, -np.inf, 1])),
    )
    many = profile_text_counts([f"k{i}" for i in range(50_000)], [1] * 50_000)
    for a in (empty, one, text, inf, many):
        for b in (empty, one, text, inf, many):
            got = compare_columns(a, b)
            assert not a.count or not b.count or (got["psi"] >= 0 and 0 <= got["js"] <= 1), (
                "a number where both have values"
            )
            assert (a.count and b.count) or (math.isnan(got["js"]) and got["chance"] == 1), (
                "and none, never zero, where one has none"
            )
    assert compare_columns(text, one)["js"] == compare_columns(one, text)["js"] == 1
    assert compare_columns(many, many)["psi"] == 0
    assert math.isnan(compare_columns(many, profile_text_counts(["new"], [9]))["new"])
