"""A table is read as it comes: CSV of any make, times, keys; and in little memory."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.monitored_tables import draw_orders, monitor_orders, monitor_tables

from mlops_nb.core.errors import UserError
from mlops_nb.data.profile_stream import profile_file

MEASURE_PEAK = """
import resource, sys
from mlops_nb.monitoring.column_roles import ColumnRoles
from mlops_nb.monitoring.monitor import monitor
monitor(sys.argv[1], sys.argv[1], ColumnRoles("p", "bought"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def measure_peak_memory(file):
    """Return the megabytes that a process needs at most to monitor a file."""
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE_PEAK, file],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(ran.stdout)


def test_a_large_csv_needs_little_memory(tmp_path):
    """Thirty times the rows, and hardly more memory."""
    peaks = []
    for times in (1, 30):
        file = tmp_path / f"{times}.csv"
        pd.concat([draw_orders(20_000)] * times).to_csv(file, index=False)
        peaks.append(measure_peak_memory(file))
    assert peaks[1] < peaks[0] + 200


@pytest.mark.parametrize(
    ("separator", "decimal"),
    [
        pytest.param(";", ",", id="semicolon and decimal comma"),
        pytest.param(";", ".", id="semicolon"),
        pytest.param("\t", ",", id="tab and decimal comma"),
        pytest.param("|", ".", id="bar"),
    ],
)
def test_csv_of_any_separator_is_read(
    tmp_path,
    separator,
    decimal,
):
    orders = draw_orders(3000)
    plain = tmp_path / "plain.csv"
    other = tmp_path / "other.csv"
    orders.to_csv(plain, index=False)
    orders.to_csv(
        other,
        index=False,
        sep=separator,
        decimal=decimal,
    )
    expected = profile_file(plain).columns["fare"].to_dict()
    assert profile_file(other).columns["fare"].to_dict() == expected


def draw_late_fraction():
    """Draw megabytes of whole numbers, with a fraction after them."""
    numbers = np.arange(1_500_000)
    table = pd.DataFrame({"n": numbers, "big": 2**60 + numbers, "empty": ""})
    table["n"] = table.n.astype(float).astype(str).str.removesuffix(".0")
    table.loc[1_400_000, "n"] = "0.5"
    return table


def test_fractions_after_whole_numbers_are_read(tmp_path):
    file = tmp_path / "late.csv"
    draw_late_fraction().to_csv(file, index=False)
    columns = profile_file(file).columns
    assert columns["n"].count == 1_500_000
    assert columns["big"].count == 1_500_000
    assert columns["empty"].kind == "none"
    assert columns["n"].maximum == 1_499_999


def test_text_after_numbers_is_told_by_column_and_row(tmp_path):
    file = tmp_path / "late.csv"
    table = draw_late_fraction()
    table.loc[1_400_000, "n"] = "about 3"
    table.to_csv(file, index=False)
    said = (
        r"one type per column: n has numeric values in its first rows\n"
        r" +got: invalid value 'about 3' in row 1,400,00\d"
    )
    with pytest.raises(UserError, match=said):
        profile_file(file)


def test_line_ends_in_quotes_belong_to_the_value(tmp_path):
    file = tmp_path / "quoted.csv"
    file.write_text('"a\nb",c\n"x\ny",1\n"z",2\n')
    profile = profile_file(file)
    assert [*profile.columns] == ["a\nb", "c"]
    assert profile.columns["a\nb"].bucket_keys.tolist() == ["x\ny", "z"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a,b,a\n1,2,3\n", "a twice", id="a name twice"),
        pytest.param("a,b\n", "rows in the reference", id="no rows"),
        pytest.param("", "an empty file", id="empty"),
        pytest.param("a,b\n1,2\n3\n", "got: 1 in line 3", id="a short line"),
        pytest.param("a\n\xff\n", "in UTF-8", id="another encoding"),
    ],
)
def test_files_that_cannot_be_read_are_told_in_words(
    tmp_path,
    text,
    words,
):
    file = tmp_path / "broken.csv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=words):
        monitor_tables(file, draw_orders(3000))


def test_words_are_no_times():
    days = ["2024-01-01 00:00+09:00"] * 300 + ["2024-01-02"] * 300
    orders = draw_orders(600).assign(day=days)
    with pytest.raises(UserError, match="times in day"):
        monitor_tables(orders.assign(day="never"), orders, time="day")


def test_keys_that_find_nothing_are_shown():
    orders = draw_orders(8000)
    keys = [f"k{i}" for i in range(8000)]
    late = pd.DataFrame({"id": keys, "bought": orders.bought})
    keyed = orders.drop(columns="bought").assign(id=range(8000))
    with pytest.raises(UserError, match="such as 0, 1 in the rows, and k0, k1"):
        monitor_orders(keyed, keyed, outcomes=late, key="id")
