"""Profiles: whatever a column holds and however a table is cut, its parts add up to the whole."""

import itertools
import json
import math
from functools import reduce

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_nb.core.errors import UserError
from mlops_nb.data.buckets import MAX_BUCKETS, floats_to_keys, keys_to_floats
from mlops_nb.data.column_profile import ColumnProfile, profile_numbers
from mlops_nb.data.profile import Profile, exact_counts, merge_profiles, profile_table
from mlops_nb.data.profile_stream import profile_file

ANY = st.one_of(
    st.floats(),
    st.floats(-5, 5),
    st.integers(-3, 3).map(float),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1e300]),
)
TEXT = st.one_of(st.none(), st.text(max_size=3), st.sampled_from(["a", "b", "<b>", "a\nb", '"']))
KINDS = {
    "number": ANY,
    "text": TEXT,
    "boolean": st.one_of(st.none(), st.booleans()),
    "constant": st.just(7.0),
    "gone": st.none(),
    "date": st.one_of(
        st.none(),
        st.datetimes(
            pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01"), allow_imaginary=False
        ).map(lambda t: pd.Timestamp(t)),
    ),
}
DTYPES = {
    "number": float,
    "text": object,
    "boolean": "boolean",
    "constant": float,
    "gone": object,
    "date": "datetime64[us]",
}


@st.composite
def parts(draw):
    """A table of every kind of column, cut anywhere (empty parts as well), and an order."""
    n = draw(st.integers(0, 60))
    table = pd.DataFrame(
        {
            k: pd.Series(draw(st.lists(v, min_size=n, max_size=n)), dtype=DTYPES[k])
            for k, v in KINDS.items()
        }
    )
    cuts = [0, *sorted(draw(st.lists(st.integers(0, n), max_size=4))), n]
    return (
        table,
        [table.iloc[a:b] for a, b in itertools.pairwise(cuts)],
        draw(st.permutations(range(len(cuts) - 1))),
    )


@settings(max_examples=60, deadline=None)
@given(parts())
def test_parts_add_up(got):
    table, cut, order = got
    whole = profile_table(table)
    assert (
        reduce(merge_profiles, [profile_table(cut[i]) for i in order])
        == whole
        == reduce(lambda b, a: merge_profiles(a, b), [profile_table(cut[i]) for i in order])
    )
    back = Profile.from_dict(json.loads(json.dumps(whole.to_dict())))
    assert back == whole
    assert back + back == whole + whole
    for name, c in whole.columns.items():
        assert (
            c.count + c.missing == len(table)
            and c.count - c.infinite_count == c.bucket_counts.sum()
            and c.missing == table[name].isna().sum()
            and (c.bucket_counts > 0).all()
        ), name
    v = table.number[np.isfinite(table.number)]
    assert sorted(
        whole.columns["number"].bucket_values.repeat(whole.columns["number"].bucket_counts)
    ) == sorted(v + 0.0)
    assert not len(v) or (whole.columns["number"].minimum, whole.columns["number"].maximum) == (
        v.min(),
        v.max(),
    )


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["normal", "lognormal", "narrow", "outlier", "steps", "both ends"]),
    st.integers(1, 9),
)
def test_coarse_numbers_add_up(seed, shape, pieces):
    """Beyond 1,024 distinct values, where resolution is lost: parts see fewer values and keep more of it, and the whole is still the same."""
    r = np.random.default_rng(seed)
    n = 6000
    v = {
        "normal": r.normal(size=n),
        "lognormal": r.lognormal(0, 5, n),
        "narrow": 1013 + r.random(n),
        "outlier": np.r_[r.random(n - 1), 1e200],
        "steps": np.round(r.normal(0, 300, n), 1),
        "both ends": r.choice([-1, 1], n) * r.lognormal(0, 9, n),
    }[shape]
    whole = profile_numbers(v)
    cut = np.array_split(v, pieces)
    got = reduce(merge_profiles, [Profile(len(x), {"v": profile_numbers(x)}) for x in cut])
    assert got == Profile(n, {"v": whole})
    assert len(whole.bucket_keys) <= MAX_BUCKETS
    assert whole.bucket_counts.sum() == n
    low = keys_to_floats(whole.bucket_keys << whole.dropped_bits)
    high = keys_to_floats((whole.bucket_keys + 1 << whole.dropped_bits) - 1)
    assert (np.searchsorted(low, v, side="right") - 1 == np.searchsorted(high, v)).all()
    assert np.array_equal(
        np.bincount(np.searchsorted(high, v), minlength=len(low)), whole.bucket_counts
    )
    assert len(profile_numbers(v, dropped_bits=0).bucket_keys) < 2 * MAX_BUCKETS
    assert abs(whole.quantile(0.5) - np.median(v)) <= (high - low).max()


def test_a_hundred_thousand_categories():
    names = pd.DataFrame({"id": [f"customer {i}" for i in range(100_000)]})
    whole = profile_table(names)
    assert reduce(merge_profiles, [profile_table(names[i::7]) for i in range(7)]) == whole
    assert len(whole.columns["id"].bucket_keys) <= MAX_BUCKETS
    assert len(json.dumps(whole.to_dict())) < 30_000
    assert (
        merge_profiles(profile_table(names[:900]), profile_table(names[900:1000]))
        .columns["id"]
        .bucket_keys[0]
        == "customer 0"
    ), "names are kept while there are few"


def test_the_order_of_keys_is_that_of_numbers():
    v = np.r_[-np.logspace(-300, 300, 999)[::-1], -5e-324, 0, 5e-324, np.logspace(-300, 300, 999)]
    assert (np.diff(floats_to_keys(v)) > 0).all()
    assert (keys_to_floats(floats_to_keys(v)) == v).all()
    assert floats_to_keys(np.array([-0.0]))[0] == floats_to_keys(np.array([0.0]))[0]


def test_arrow_and_pandas_say_the_same(tmp_path):
    r = np.random.default_rng(0)
    n = 3000
    t = pd.DataFrame(
        {
            "f": r.normal(size=n),
            "i": r.integers(-9, 9, n),
            "b": r.random(n) < 0.5,
            "s": r.choice(["x", "ü", '"\n'], n),
            "t": pd.date_range("2024-01-01", periods=n, freq="min"),
            "z": pd.date_range("2024-01-01", periods=n, freq="min", tz="Asia/Tokyo"),
        }
    )
    t.loc[::7, ["f", "s"]] = None
    t["c"] = t.s.astype("category")
    t["e"] = None
    whole = profile_table(t)
    pq.write_table(
        pa.Table.from_pandas(t, preserve_index=False), tmp_path / "t.parquet", row_group_size=700
    )
    assert (
        profile_table(pa.Table.from_pandas(t, preserve_index=False))
        == whole
        == profile_file(tmp_path / "t.parquet", batch_rows=64)
    )
    assert profile_file(tmp_path / "t.parquet", ["f"]).columns.keys() == {"f"}
    assert whole.columns["t"].minimum - whole.columns["z"].minimum == 9 * 3600, (
        "one moment, whatever the zone"
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.parquet", None, "no file"),
        ("odd.parquet", b"PAR1 no", "readable Parquet"),
        ("a.csv", b"x,y\n1,2\n" + b"3,4\n" * 2_000_000 + b"oops,5\n", "one type per column"),
        ("b.csv", b"", "readable"),
    ],
)
def test_bad_files_are_told_in_words(tmp_path, name, content, words):
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
        profile_table(pd.DataFrame({"a": [1.0]})) + profile_table(pd.DataFrame({"a": ["x"]}))
    with pytest.raises(UserError, match="did you mean|`aa`"):
        profile_table(pd.DataFrame({"a": [1.0]}), ["aa"])
    assert exact_counts(profile_table(pd.DataFrame())) == {"rows": 0}
    assert ColumnProfile("none").quantile(0.5) != ColumnProfile("none").quantile(0.5)
