"""Profiles: whatever a column holds and however a table is cut, its parts add up to the whole."""

import itertools
import json
import math
from functools import reduce

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings, strategies

from mlops_nb.core.errors import UserError
from mlops_nb.data.buckets import MAX_BUCKETS, floats_to_keys, keys_to_floats
from mlops_nb.data.column_profile import ColumnProfile, profile_numbers
from mlops_nb.data.profile import Profile, exact_counts, merge_profiles, profile_table
from mlops_nb.data.profile_stream import profile_file

ODD_NUMBERS = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1e300]
ANY = strategies.one_of(
    strategies.floats(),
    strategies.floats(-5, 5),
    strategies.integers(-3, 3).map(float),
    strategies.sampled_from(ODD_NUMBERS),
)
TEXT = strategies.one_of(
    strategies.none(),
    strategies.text(max_size=3),
    strategies.sampled_from(["a", "b", "<b>", "a\nb", '"']),
)
TIMES = strategies.datetimes(
    pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01"), allow_imaginary=False
).map(pd.Timestamp)
KINDS = {
    "number": ANY,
    "text": TEXT,
    "boolean": strategies.one_of(strategies.none(), strategies.booleans()),
    "constant": strategies.just(7.0),
    "gone": strategies.none(),
    "date": strategies.one_of(strategies.none(), TIMES),
}
DTYPES = {
    "number": float,
    "text": object,
    "boolean": "boolean",
    "constant": float,
    "gone": object,
    "date": "datetime64[us]",
}


def drawn_column(
    draw,
    kind,
    length,
):
    """Return a column of one kind."""
    values = draw(strategies.lists(KINDS[kind], min_size=length, max_size=length))
    return pd.Series(values, dtype=DTYPES[kind])


@strategies.composite
def parts(draw):
    """A table of every kind of column, cut anywhere (empty parts as well), and an order."""
    n = draw(strategies.integers(0, 60))
    table = pd.DataFrame({kind: drawn_column(draw, kind, n) for kind in KINDS})
    inner = draw(strategies.lists(strategies.integers(0, n), max_size=4))
    cuts = [0, *sorted(inner), n]
    cut = [table.iloc[start:end] for start, end in itertools.pairwise(cuts)]
    return table, cut, draw(strategies.permutations(range(len(cut))))


def merge_before(
    merged,
    part,
):
    """Merge with the new part first."""
    return merge_profiles(part, merged)


@settings(max_examples=60, deadline=None)
@given(parts())
def test_parts_add_up(got):
    table, cut, order = got
    whole = profile_table(table)
    profiles = [profile_table(cut[i]) for i in order]
    assert reduce(merge_profiles, profiles) == whole
    assert reduce(merge_before, profiles) == whole
    back = Profile.from_dict(json.loads(json.dumps(whole.to_dict())))
    assert back == whole
    assert back + back == whole + whole


@settings(max_examples=60, deadline=None)
@given(parts())
def test_counts_are_those_of_the_table(got):
    table = got[0]
    for name, column in profile_table(table).columns.items():
        assert column.count + column.missing == len(table), name
        assert column.count - column.infinite_count == column.bucket_counts.sum(), name
        assert column.missing == table[name].isna().sum(), name
        assert (column.bucket_counts > 0).all(), name


@settings(max_examples=60, deadline=None)
@given(parts())
def test_few_numbers_are_kept(got):
    table = got[0]
    column = profile_table(table).columns["number"]
    finite = table.number[np.isfinite(table.number)]
    kept = column.bucket_values.repeat(column.bucket_counts)
    assert sorted(kept) == sorted(finite + 0.0)
    if len(finite):
        assert (column.minimum, column.maximum) == (finite.min(), finite.max())


SMOOTH_SHAPES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(0, 5, n),
    "narrow": lambda rng, n: 1013 + rng.random(n),
}


def both_ends(
    rng,
    size,
):
    """Return numbers of either sign whose logarithms are spread widely."""
    return rng.choice([-1, 1], size) * rng.lognormal(0, 9, size)


UNEVEN_SHAPES = {
    "outlier": lambda rng, n: np.r_[rng.random(n - 1), 1e200],
    "steps": lambda rng, n: np.round(rng.normal(0, 300, n), 1),
    "both ends": both_ends,
}
COARSE_SHAPES = SMOOTH_SHAPES | UNEVEN_SHAPES


def coarse_values(
    seed,
    shape,
):
    """Return more distinct values than a profile has buckets."""
    return COARSE_SHAPES[shape](np.random.default_rng(seed), 6000)


SEEDS = strategies.integers(0, 2**32)
SHAPES = strategies.sampled_from([*COARSE_SHAPES])


@settings(max_examples=25, deadline=None)
@given(SEEDS, SHAPES, strategies.integers(1, 9))
def test_coarse_numbers_add_up(
    seed,
    shape,
    pieces,
):
    """Beyond 1,024 distinct values resolution is lost, and the whole is still the same.

    Parts see fewer values and keep more of it.
    """
    values = coarse_values(seed, shape)
    whole = profile_numbers(values)
    cut = np.array_split(values, pieces)
    profiles = [Profile(len(part), {"v": profile_numbers(part)}) for part in cut]
    assert reduce(merge_profiles, profiles) == Profile(len(values), {"v": whole})
    assert len(whole.bucket_keys) <= MAX_BUCKETS
    assert whole.bucket_counts.sum() == len(values)
    assert len(profile_numbers(values, dropped_bits=0).bucket_keys) < 2 * MAX_BUCKETS


@settings(max_examples=25, deadline=None)
@given(SEEDS, SHAPES)
def test_coarse_buckets_hold_their_numbers(
    seed,
    shape,
):
    values = coarse_values(seed, shape)
    whole = profile_numbers(values)
    low = keys_to_floats(whole.bucket_keys << whole.dropped_bits)
    high = keys_to_floats((whole.bucket_keys + 1 << whole.dropped_bits) - 1)
    buckets = np.searchsorted(high, values)
    assert (np.searchsorted(low, values, side="right") - 1 == buckets).all()
    assert np.array_equal(np.bincount(buckets, minlength=len(low)), whole.bucket_counts)
    assert abs(whole.quantile(0.5) - np.median(values)) <= (high - low).max()


def test_a_hundred_thousand_categories():
    names = pd.DataFrame({"id": [f"customer {i}" for i in range(100_000)]})
    whole = profile_table(names)
    assert (
        reduce(merge_profiles, [profile_table(names[i::7]) for i in range(7)]) == whole
    )
    assert len(whole.columns["id"].bucket_keys) <= MAX_BUCKETS
    assert len(json.dumps(whole.to_dict())) < 30_000
    few = merge_profiles(profile_table(names[:900]), profile_table(names[900:1000]))
    assert few.columns["id"].bucket_keys[0] == "customer 0", (
        "names are kept while there are few"
    )


def test_the_order_of_keys_is_that_of_numbers():
    positive = np.logspace(-300, 300, 999)
    values = np.r_[-positive[::-1], -5e-324, 0, 5e-324, positive]
    assert (np.diff(floats_to_keys(values)) > 0).all()
    assert (keys_to_floats(floats_to_keys(values)) == values).all()
    assert floats_to_keys(np.array([-0.0]))[0] == floats_to_keys(np.array([0.0]))[0]


def typed_table():
    """Return a table with a column of every type that Arrow and pandas share."""
    rng = np.random.default_rng(0)
    n = 3000
    minutes = pd.date_range("2024-01-01", periods=n, freq="min")
    table = pd.DataFrame({"f": rng.normal(size=n), "i": rng.integers(-9, 9, n)})
    table["b"] = rng.random(n) < 0.5
    table["s"] = rng.choice(["x", "ü", '"\n'], n)
    table["t"] = minutes
    table["z"] = minutes.tz_localize("Asia/Tokyo")
    table.loc[::7, ["f", "s"]] = None
    table["c"] = table.s.astype("category")
    table["e"] = None
    return table


def test_arrow_and_pandas_say_the_same(tmp_path):
    table = typed_table()
    whole = profile_table(table)
    path = tmp_path / "t.parquet"
    arrow = pyarrow.Table.from_pandas(table, preserve_index=False)
    pyarrow.parquet.write_table(arrow, path, row_group_size=700)
    assert profile_table(arrow) == whole
    assert profile_file(path, batch_rows=64) == whole
    assert profile_file(path, ["f"]).columns.keys() == {"f"}
    apart = whole.columns["t"].minimum - whole.columns["z"].minimum
    assert apart == 9 * 3600, "one moment, whatever the zone"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.parquet", None, "no file"),
        ("odd.parquet", b"PAR1 no", "readable Parquet"),
        (
            "a.csv",
            b"x,y\n1,2\n" + b"3,4\n" * 2_000_000 + b"oops,5\n",
            "one type per column",
        ),
        ("b.csv", b"", "an empty file"),
    ],
    ids=["absent", "cut off", "another type below", "empty"],
)
def test_bad_files_are_told_in_words(
    tmp_path,
    name,
    content,
    words,
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        profile_file(tmp_path / name)


def test_bad_profiles_are_told_in_words(tmp_path):
    for bad, words in (
        ({"version": 1}, "version 2"),
        ([], "version 2"),
        ({"version": 2}, "version 2"),
    ):
        with pytest.raises(UserError, match=words):
            Profile.from_dict(bad)
    with pytest.raises(UserError, match="one type of values in a"):
        profile_table(pd.DataFrame({"a": [1.0]})) + profile_table(
            pd.DataFrame({"a": ["x"]})
        )
    with pytest.raises(UserError, match=r"did you mean|`aa`"):
        profile_table(pd.DataFrame({"a": [1.0]}), ["aa"])
    assert exact_counts(profile_table(pd.DataFrame())) == {"rows": 0}
    assert ColumnProfile("none").quantile(0.5) != ColumnProfile("none").quantile(0.5)
