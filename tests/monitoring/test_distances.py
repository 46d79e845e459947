"""The statistics against scipy on raw values, and against two peers.

The peers are Evidently 0.7.23 and NannyML 0.13.1: what they print where their definitions are ours
(`mlops-nb`'s own differ in bins elsewhere).
"""

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
    """Return a reference and a current table; the draws keep their order, the peers saw them."""
    rng = np.random.default_rng(seed)
    ref = {"x": rng.normal(0, 1, 2000)}
    cur = {"x": rng.normal(0.3, 1.2, 1000)}
    ref["c"] = rng.choice(list("abcd"), 2000, p=[0.4, 0.3, 0.2, 0.1])
    cur["c"] = rng.choice(list("abcd"), 1000, p=[0.3, 0.3, 0.2, 0.2])
    ref["d"] = rng.choice(list("abcd"), 2000, p=[0.4, 0.3, 0.2, 0.1])
    cur["d"] = rng.choice(list("abde"), 1000, p=[0.4, 0.3, 0.2, 0.1])
    ref["k"] = rng.binomial(6, 0.3, 2000)
    cur["k"] = rng.binomial(6, 0.4, 1000)
    ref["m"] = with_gaps(ref["x"], 0.05, rng)
    cur["m"] = with_gaps(cur["x"], 0.15, rng)
    ref["z"] = rng.exponential(1, 12000)
    cur["z"] = rng.exponential(1.1, 3000)
    return ref, cur


def with_gaps(
    values,
    share,
    rng,
):
    """Return a copy in which about a share of the values is missing."""
    return np.where(rng.random(len(values)) < share, np.nan, values)


def number_profiles(column):
    """Return the profiles of a column as numbers, before and now."""
    return [profile_numbers(table[column].astype(float)) for table in (REF, CUR)]


def text_profiles(column):
    """Return the profiles of a column as categories, before and now."""
    counts = [
        np.unique(table[column].astype(str), return_counts=True) for table in (REF, CUR)
    ]
    return [profile_text_counts(*pair) for pair in counts]


REF, CUR = sample()
NUMBER = {column: number_profiles(column) for column in "xkmz"}
TEXT = {column: text_profiles(column) for column in "cdk"}
PSI = {
    "c": 0.11051527607718885,
    "k": 0.24906540210827482,
}  # Evidently; natural logarithm, empty shares as .0001
JENSEN_SHANNON = {
    "c": 0.14018719107935085,
    "d": 0.40577386605398186,
    "k": 0.20843266190223245,
}  # NannyML; base 2
HELLINGER = {
    "c": 0.11712031815340193,
    "d": 0.40243816333810767,
    "k": 0.1749459033451605,
}  # both
TOTAL_VARIATION = {
    "c": 0.12299999999999997,
    "d": 0.22199999999999998,
    "k": 0.18799999999999997,
}  # Evidently
CHI2 = {
    "c": (75.99927724980716, 2.2126725210306383e-16),
    "d": (467.9403474082711, 5.741923053416489e-100),
    "k": (158.10726314985453, 1.4901976547585211e-31),
}  # NannyML
L_INFINITY = {"c": 0.119, "d": 0.1905, "k": 0.09999999999999998}  # NannyML
KOLMOGOROV_SMIRNOV = {
    "x": 0.1525,
    "k": 0.188,
    "m": 0.14590525508247026,
}  # NannyML, exact below 10,000 rows
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


JENSEN_SHANNON_BASE_E = {
    "c": 0.11671349235835879,
    "d": 0.3378289032705286,
    "k": 0.17353157378257691,
}  # Evidently
PEERS = {
    "js": JENSEN_SHANNON,
    "hellinger": HELLINGER,
    "tv": TOTAL_VARIATION,
    "l_infinity": L_INFINITY,
}


@pytest.mark.parametrize("column", list("cdk"), ids=str)
def test_categories_are_what_the_peers_say(column):
    got = compare_columns(*TEXT[column])
    for name, want in PEERS.items():
        assert got[name] == pytest.approx(want[column], rel=1e-9), name
    assert (got["chi2"], got["chi2_p"]) == pytest.approx(CHI2[column], rel=1e-9)
    if column in PSI:
        assert got["psi"] == pytest.approx(PSI[column], rel=1e-9)
    in_base_e = got["js"] * math.sqrt(math.log(2))
    want = pytest.approx(JENSEN_SHANNON_BASE_E[column], rel=1e-9)
    assert in_base_e == want, "Evidently's base is e"


def finite_values(column):
    """Return the values of a column that are numbers, before and now."""
    tables = [table[column].astype(float) for table in (REF, CUR)]
    return [values[np.isfinite(values)] for values in tables]


def is_exact(column):
    """Say whether the profiles of a column have lost no resolution."""
    return all(profile.dropped_bits == 0 for profile in NUMBER[column])


def largest_share(aligned):
    """Return the largest share that one bucket has, before or now."""
    return max(to_shares(aligned.reference).max(), to_shares(aligned.current).max())


def widest_bucket(aligned):
    """Return the largest step between the values of neighbouring buckets."""
    return np.diff(np.r_[aligned.values, aligned.values[-1]]).max()


@pytest.mark.parametrize("column", list("xkmz"), ids=str)
def test_numbers_are_scipy_s_up_to_the_stated_bound(column):
    reference, current = NUMBER[column]
    aligned = align_columns(reference, current)
    got = compare_columns(reference, current)
    before, now = finite_values(column)
    exact = is_exact(column)
    largest = 1e-12 if exact else largest_share(aligned)
    wide = 1e-9 if exact else widest_bucket(aligned)
    assert abs(got["ks"] - stats.ks_2samp(before, now).statistic) <= largest
    assert abs(got["wasserstein"] - stats.wasserstein_distance(before, now)) <= wide
    if column in KOLMOGOROV_SMIRNOV:
        assert abs(got["ks"] - KOLMOGOROV_SMIRNOV[column]) <= largest
        assert abs(got["wasserstein"] - WASSERSTEIN[column]) <= wide


@pytest.mark.parametrize("column", list("xkmz"), ids=str)
def test_scaled_distances_are_the_peers(column):
    got = compare_columns(*NUMBER[column])
    bound = 1e-3 if is_exact(column) else 0.02
    want = pytest.approx(SCALED[column], rel=bound)
    assert got["wasserstein_std"] == want, "n − 1 in place of n, and buckets"


@pytest.mark.parametrize("column", list("xkmz"), ids=str)
def test_chances_of_numbers_are_scipy_s(column):
    before, now = finite_values(column)
    scipy = stats.ks_2samp(before, now, method="asymp")
    chance = ks_p_value(scipy.statistic, len(before), len(now))
    assert chance == pytest.approx(scipy.pvalue, rel=0.25, abs=1e-12)


@pytest.mark.parametrize("column", list("xkmz"), ids=str)
def test_binned_distances_are_scipy_s(column):
    reference, current = NUMBER[column]
    got = compare_columns(reference, current)
    p, q = bin_counts(align_columns(reference, current))
    assert got["js"] == pytest.approx(jensenshannon(p, q, base=2), rel=1e-12)
    filled = np.array([p, q])[:, p + q > 0]
    chi2 = stats.chi2_contingency(filled, correction=False).statistic
    assert got["chi2"] == pytest.approx(chi2, rel=1e-12)


def test_few_numbers_are_exact():
    got = compare_columns(*NUMBER["k"])
    assert got["psi"] == pytest.approx(PSI["k"], rel=1e-9)
    assert got["hellinger"] == pytest.approx(HELLINGER["k"], rel=1e-9)
    assert got["ks"] == pytest.approx(KOLMOGOROV_SMIRNOV["k"], abs=1e-12)
    assert got["wasserstein"] == pytest.approx(WASSERSTEIN["k"], abs=1e-12)


def gaps_table(table):
    """Return the column with missing values and one of categories, repeated to its length."""
    return pd.DataFrame({"m": table["m"], "c": np.resize(table["c"], len(table["m"]))})


def test_moments_ranges_and_missing():
    ref = gaps_table(REF)
    cur = gaps_table(CUR)
    rows = compare_profiles(profile_table(ref), profile_table(cur)).set_index("column")
    row = rows.loc["m"]
    told = (row.missing_ref, row.missing, row["mean"])
    assert told == pytest.approx(
        (ref.m.isna().mean(), cur.m.isna().mean(), cur.m.mean())
    )
    above = (cur.m > ref.m.max()).sum() / cur.m.notna().sum()
    assert row.above == pytest.approx(above, abs=0.003)
    assert row.q50 == pytest.approx(cur.m.median(), abs=0.02)
    counts = [[table.m.notna().sum(), table.m.isna().sum()] for table in (ref, cur)]
    chance = stats.chi2_contingency(counts, correction=False).pvalue
    assert row.missing_chance == pytest.approx(chance, rel=1e-6)


MANY_NAMES = [f"k{i}" for i in range(50_000)]
INFINITE = np.array([np.inf, -np.inf, 1])
HOSTILE = {
    "empty": profile_numbers(np.zeros(0)),
    "one": profile_numbers(np.array([3.0])),
    "text": profile_text_counts(["a"], [5]),
    "infinite": profile_numbers(INFINITE),
    "many": profile_text_counts(MANY_NAMES, [1] * len(MANY_NAMES)),
}


@pytest.mark.parametrize("current", HOSTILE, ids=str)
@pytest.mark.parametrize("reference", HOSTILE, ids=str)
def test_hostile_pairs_have_a_stated_result(
    reference,
    current,
):
    got = compare_columns(HOSTILE[reference], HOSTILE[current])
    if HOSTILE[reference].count and HOSTILE[current].count:
        assert got["psi"] >= 0, "a number where both have values"
        assert 0 <= got["js"] <= 1, "a number where both have values"
    else:
        assert math.isnan(got["js"]), "and none, never zero, where one has none"
        assert got["chance"] == 1, "and none, never zero, where one has none"


def test_hostile_columns_have_a_stated_result():
    text = HOSTILE["text"]
    one = HOSTILE["one"]
    many = HOSTILE["many"]
    assert compare_columns(text, one)["js"] == compare_columns(one, text)["js"] == 1
    assert compare_columns(many, many)["psi"] == 0
    assert math.isnan(compare_columns(many, profile_text_counts(["new"], [9]))["new"])
