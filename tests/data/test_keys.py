"""A key names a row: it passes through no float, and a blank is none."""

import numpy as np
import pandas as pd
import pytest
from helpers.tables import TABLE, events, refused

from mlops_nb.core.errors import UserError
from mlops_nb.data.columns import column_as_names

FIRST = 20240101000000001  # of 240 such ids, floats tell 61 apart


def write_with_keys(
    keys,
    suffix=".csv",
):
    """Write the table with other keys; return the name of the file."""
    table = TABLE.assign(id=keys)
    name = f"data/in{suffix}"
    if suffix == ".csv":
        table.to_csv(name, index=False)
    else:
        table.to_parquet(name)
    return name


def draw_long_keys(blanks=0):
    keys = pd.Series(FIRST + np.arange(240), dtype="Int64")
    keys[:blanks] = pd.NA
    return keys


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("blanks", [0, 1, 7])
def test_long_keys_are_exact_beside_a_blank(
    place,
    suffix,
    blanks,
):
    selected = events(source=write_with_keys(draw_long_keys(blanks), suffix))
    assert selected.id.tolist() == [
        FIRST + i for i in range(blanks, len(selected) + blanks)
    ]
    assert pd.api.types.is_integer_dtype(selected.id)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_small_keys_beside_a_blank_stay_whole(
    place,
    suffix,
):
    keys = pd.Series(range(240), dtype=float)
    keys[3] = np.nan
    selected = events(source=write_with_keys(keys, suffix))
    assert 3 not in selected.id.tolist()
    if suffix == ".parquet":
        assert selected.id.dtype == "int64"


def test_a_key_in_several_files_is_one_kind(place):
    with_blank = TABLE.assign(id=draw_long_keys(1))
    with_blank.iloc[:100].to_csv("data/in-1.csv", index=False)
    with_blank.iloc[100:].to_csv("data/in-2.csv", index=False)
    selected = events(source="data/in-*.csv")
    assert selected.id.dtype == "int64"
    assert selected.id.is_unique


def test_leading_zeros_stay(place):
    keys = [f"{i:05d}" for i in range(240)]
    selected = events(source=write_with_keys(keys))
    assert selected.id.tolist() == keys[: len(selected)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_text_among_numbers_leaves_the_others_as_they_are(
    place,
    suffix,
):
    keys = [*map(str, range(239)), "K1A0B1"]
    selected = events(source=write_with_keys(keys, suffix))
    assert selected.id.tolist() == sorted(keys[: len(selected)], key=int)


@pytest.mark.parametrize("key", ["NA", "null", "nan"])
def test_a_key_may_look_like_a_missing_value(
    place,
    key,
):
    keys = [f"k{i:03d}" for i in range(240)]
    keys[5] = key
    assert key in events(source=write_with_keys(keys)).id.tolist()


def test_a_key_that_is_written_as_floats_is_one_of_numbers(place):
    keys = np.arange(240) / 2
    selected = events(source=write_with_keys(keys))
    assert selected.id.tolist() == list(keys[: len(selected)])


def test_a_blank_text_is_no_key(place):
    keys = [f"k{i:03d}" for i in range(240)]
    keys[5] = "  "
    selected = events(source=write_with_keys(keys, ".parquet"))
    assert len(selected) == len(events(source=write_with_keys(range(240)))) - 1


def test_many_blank_keys_are_refused(place):
    refused("a key (id) in each row", source=write_with_keys(draw_long_keys(60)))


@pytest.mark.parametrize(
    ("stored", "names"),
    [
        pytest.param(pd.Series([7, FIRST]), ["7", str(FIRST)], id="integers"),
        pytest.param(
            pd.Series([7, None], dtype="Int64"), ["7", None], id="with a blank"
        ),
        pytest.param(pd.Series([7.0, None]), ["7", None], id="floats"),
        pytest.param(pd.Series([7.5], dtype="float32"), ["7.5"], id="fractions"),
        pytest.param(pd.Series(["007", " 7 ", ""]), ["007", "7", None], id="text"),
        pytest.param(pd.Series(["7.0", "1e+03"]), ["7", "1000"], id="written floats"),
        pytest.param(pd.Series(["12e5", "1.10"]), ["12e5", "1.10"], id="no floats"),
        pytest.param(pd.Series([b"ab"], dtype=object), ["ab"], id="bytes"),
    ],
)
def test_names_do_not_depend_on_how_they_are_stored(
    stored,
    names,
):
    assert [*column_as_names(stored)] == names


def test_floats_that_stand_for_several_names_are_refused():
    with pytest.raises(UserError, match="stand for several numbers"):
        column_as_names(pd.Series([float(FIRST)]))
