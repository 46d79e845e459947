"""Rates, bins and codes: what is a finding where nothing else has changed, and what is none."""

import numpy as np
import pandas as pd
import pytest
from helpers.monitored_tables import finding_ids, monitor_tables
from scipy import stats

from mlops_nb.data.contract import DataContract, infer_contract
from mlops_nb.data.contract_check import check_contract
from mlops_nb.data.profile import profile_table
from mlops_nb.data.rate_test import rate_p_value
from mlops_nb.data.settings import DataSettings
from mlops_nb.monitoring.binning import RECORDED_RULES
from mlops_nb.monitoring.column_comparison import compare_profiles
from mlops_nb.monitoring.drift import measure_drift
from mlops_nb.monitoring.reference import Reference, build_reference, split_into_spans


def drift_of(before, after, **values):
    """Return the row of a column `x` in the table of drift."""
    reference = build_reference(pd.DataFrame({"x": before}))
    now = profile_table(pd.DataFrame({"x": after}))
    return measure_drift(reference, now, **values).iloc[0]


@pytest.mark.parametrize(
    ("count", "rows", "before", "rows_before"),
    [
        pytest.param(1, 4899, 0, 14697, id="one odd value"),
        pytest.param(9, 4899, 0, 14697, id="nine"),
        pytest.param(120, 500, 300, 2000, id="many"),
        pytest.param(500, 500, 0, 2000, id="all"),
        pytest.param(60_000, 1_000_000, 170_000, 3_000_000, id="millions"),
    ],
)
def test_a_rate_is_tested_as_scipy_does(
    count,
    rows,
    before,
    rows_before,
):
    urn = stats.hypergeom(rows + rows_before, count + before, rows)
    ours = rate_p_value(count, rows, before, rows_before)
    assert ours == pytest.approx(urn.sf(count - 1), rel=1e-5, abs=1e-300)


def test_random_rates_are_tested_as_scipy_does():
    rng = np.random.default_rng(0)
    for _ in range(300):
        rows, rows_before = rng.integers(1, 3000, 2)
        count = rng.integers(0, rows + 1)
        before = rng.integers(0, rows_before + 1)
        urn = stats.hypergeom(rows + rows_before, count + before, rows)
        ours = rate_p_value(int(count), int(rows), int(before), int(rows_before))
        assert ours == pytest.approx(urn.sf(count - 1), rel=1e-6, abs=1e-300)


def test_missing_values_are_tested_either_way():
    before = np.where(np.arange(900) < 90, np.nan, 1.0)
    after = np.where(np.arange(300) < 60, np.nan, 1.0)
    row = compare_profiles(
        profile_table(pd.DataFrame({"x": before})),
        profile_table(pd.DataFrame({"x": after})),
    ).iloc[0]
    urn = stats.hypergeom(1200, 150, 300)
    assert row.missing_chance == pytest.approx(2 * urn.sf(59), rel=1e-6)


@pytest.mark.parametrize(
    ("counts", "psi", "share"),
    [
        pytest.param([10, 10, 130, 10], 3.8474, 0.75, id="swapped"),
        pytest.param([130, 10, 10, 10], 0.0, 0.0, id="the same"),
    ],
)
def test_codes_are_judged_as_names_too(
    counts,
    psi,
    share,
):
    before = np.repeat(np.arange(80), np.tile([130, 10, 10, 10], 20))
    row = drift_of(before, np.repeat(np.arange(80), np.tile(counts, 20)))
    assert row.psi == pytest.approx(psi, abs=1e-4)
    assert row.tv == pytest.approx(share)
    assert (row.chance < 1e-300) == (psi > 0)
    assert (row.drift != "ok") == (psi > 0)


def test_nine_hundred_codes_are_judged_as_names():
    codes = np.repeat(np.arange(900), np.tile([25, 5], 450))
    swapped = np.repeat(np.arange(900), np.tile([5, 25], 450))
    assert drift_of(codes, swapped).drift != "ok"
    assert drift_of(codes, codes).drift == "ok"


@pytest.mark.parametrize(
    "mangle",
    [
        pytest.param(lambda x: x.astype(np.float32).astype(float), id="32 bits"),
        pytest.param(lambda x: (x + 0.1 + 0.2) - 0.3, id="summed"),
        pytest.param(lambda x: x * 1.1 / 1.1, id="scaled"),
    ],
)
def test_the_last_digits_are_no_drift(mangle):
    rng = np.random.default_rng(0)
    for values in (
        rng.choice([0.1, 0.2, 0.3, 0.4], 2000),
        rng.normal(0, 5, 2000).round(1),
    ):
        row = drift_of(values, mangle(values))
        assert row.psi == 0
        assert row.severity == "ok"


def test_fewer_zeros_are_drift():
    rest = np.random.default_rng(0).normal(5, 1, 1000)
    before = np.where(np.arange(1000) < 960, 0, rest)
    after = np.where(np.arange(1000) < 500, 0, rest)
    assert drift_of(before, after).drift != "ok"


@pytest.mark.parametrize(
    ("far", "severity"),
    [
        pytest.param(5.0, "ok", id="beyond the range"),
        pytest.param(1000.0, "watch", id="many ranges away"),
    ],
)
def test_one_odd_value_says_nothing_unless_it_is_wildly_odd(
    far,
    severity,
):
    before = np.random.default_rng(0).uniform(0, 1, 14697)
    after = np.random.default_rng(1).uniform(0, 1, 4899)
    after[7] = far
    row = drift_of(before, after)
    assert row.severity == severity
    assert row.range_grade == severity


def test_a_fall_of_missing_values_is_watched():
    values = np.random.default_rng(0).normal(size=2000)
    half = np.where(np.arange(2000) % 2, np.nan, values)
    assert drift_of(half, values).filled_grade == "watch"
    assert drift_of(np.full(2000, np.nan), values).filled_grade == "watch"
    assert drift_of(half, half).severity == "ok"


def test_filled_and_outlying_columns_are_told():
    rng = np.random.default_rng(0)
    before = pd.DataFrame({"x": rng.normal(size=3000), "y": np.nan})
    after = pd.DataFrame({"x": rng.normal(size=1000), "y": 1.0})
    after.loc[:30, "x"] = 60.0
    found = finding_ids(monitor_tables(before, after))
    assert "filled.y" in found
    assert {"range.x", "drift.x"} & found


def test_spans_of_rows_without_time_are_drawn():
    spans = split_into_spans(None, 1200)
    assert sorted(np.concatenate(spans)) == [*range(1200)]
    assert min(np.ptp(span) for span in spans) > 1000
    again = split_into_spans(None, 1200)
    assert all((one == two).all() for one, two in zip(spans, again, strict=True))


def test_a_reference_of_an_earlier_version_is_judged_by_its_rules():
    frame = pd.DataFrame(
        {"x": np.repeat(np.arange(80), np.tile([130, 10, 10, 10], 20))}
    )
    saved = build_reference(frame).to_dict()
    del saved["rules"], saved["in_time"]
    old = Reference.from_dict(saved)
    swapped = np.repeat(np.arange(80), np.tile([10, 10, 130, 10], 20))
    now = profile_table(pd.DataFrame({"x": swapped}))
    row = measure_drift(old, now).iloc[0]
    assert old.rules == RECORDED_RULES
    assert row.source == "learned"
    assert row.drift == "ok"


def test_new_names_of_an_earlier_version_have_their_room():
    names = np.repeat([f"k{i}" for i in range(40)], 50)
    saved = build_reference(pd.DataFrame({"x": names})).to_dict()
    del saved["rules"]
    few = np.where(np.arange(2000) < 12, "new", names)
    many = np.where(np.arange(2000) < 40, "new", names)
    grades = [
        measure_drift(
            Reference.from_dict(saved), profile_table(pd.DataFrame({"x": now}))
        )
        for now in (few, many)
    ]
    assert [table.new_grade[0] for table in grades] == ["ok", "watch"]


def infer_fares(
    rows=14697,
):
    """Return fares, and the contract that is inferred of them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": range(rows), "fare": rng.uniform(0, 1, rows)})
    frame["route"] = rng.choice(["A", "B"], rows)
    frame["late"] = rng.integers(0, 2, rows)
    settings = DataSettings(source="a.csv", target="late", keys=("id",))
    return frame, infer_contract(frame, settings), settings


@pytest.mark.parametrize(
    ("odd", "found"),
    [
        pytest.param(1, set(), id="one"),
        pytest.param(60, {"range", "allowed", "missing"}, id="sixty"),
    ],
)
def test_a_guessed_limit_leaves_room_for_chance(
    odd,
    found,
    tmp_path,
):
    frame, contract, settings = infer_fares()
    contract = DataContract.read(contract.write(tmp_path / "schema.yaml"))
    later = frame.head(4899).copy()
    later.loc[: odd - 1, "fare"] = 7.0
    later.loc[: odd - 1, "route"] = "Z"
    later.loc[later.index[-odd:], "route"] = None
    report = check_contract(later, contract, settings)
    assert {each.check for each in report.violations} == found


def test_a_confirmed_limit_stays_hard():
    frame, contract, settings = infer_fares()
    rule = contract.columns["fare"].stated() | {"inferred": False}
    fare = type(contract.columns["fare"])(**rule)
    agreed = DataContract(contract.columns | {"fare": fare})
    later = frame.head(4899).copy()
    later.loc[0, "fare"] = 7.0
    assert check_contract(later, agreed, settings).level == "act"


@pytest.mark.parametrize(
    ("shares", "severity"),
    [
        pytest.param([5, 1], "ok", id="the same"),
        pytest.param([1, 5], "watch", id="swapped"),
    ],
)
def test_whole_numbers_that_no_float_holds_are_names(
    shares,
    severity,
):
    codes = 2**60 + 3 * np.arange(40)
    before = pd.DataFrame({"code": np.repeat(codes, np.tile([50, 10], 20)), "x": 1.5})
    after = pd.DataFrame({"code": np.repeat(codes, 10 * np.tile(shares, 20)), "x": 1.5})
    table = monitor_tables(before, after).table.set_index("column")
    assert table.severity["code"] == severity
    assert table.severity["x"] == "ok"


def test_a_model_s_answers_are_judged_by_their_mean_too():
    rng = np.random.default_rng(0)
    reference = build_reference(pd.DataFrame({"score": rng.normal(0, 1, 6000)}))
    now = profile_table(pd.DataFrame({"score": rng.normal(0.08, 1, 2000)}))
    alone = measure_drift(reference, now).iloc[0]
    as_score = measure_drift(reference, now, scores=["score"]).iloc[0]
    assert as_score.chance < alone.chance


def test_many_codes_of_a_reference_with_time_are_judged_as_numbers():
    """Spans do not tell 300 codes apart, so that nothing is known of them as names."""
    codes = np.random.default_rng(0).integers(0, 300, 12_000)
    days = pd.Series(pd.date_range("2024-01-01", periods=12_000, freq="h"))
    reference = build_reference(pd.DataFrame({"code": codes}), days)
    pairs = np.where(codes < 150, codes // 2 * 2, codes)
    row = measure_drift(reference, profile_table(pd.DataFrame({"code": pairs}))).iloc[0]
    assert reference.profile.columns["code"].is_discrete
    assert row.source == "learned"
    assert row.psi < 0.01
    assert row.drift == "ok"


def test_numbers_that_the_model_has_never_seen_are_no_small_matter():
    """Its response to usual values says nothing of what it makes of others."""
    draw = np.random.default_rng(0)
    usual = pd.DataFrame({"temp": draw.normal(20, 3, 2000)})
    flat = pd.Series(draw.normal(size=2000))
    reference = build_reference(usual, score=flat)
    now = profile_table(usual * 1.8 + 32)
    row = measure_drift(reference, now).iloc[0].to_dict()
    assert row["severity"] == "act"
    assert row["matters"]
