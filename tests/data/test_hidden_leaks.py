"""What is no feature as it is, and gives the target away all the same."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.data.hidden_leaks import describe_fill, find_hidden_leaks
from mlops_nb.data.leakage import find_strong_features
from mlops_nb.data.settings import DataSettings

ROWS = 600
RNG = np.random.default_rng(0)
CHURNED = RNG.random(ROWS) < 0.3
SIGNED = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS), "D"))
DAYS = RNG.integers(1, 90, ROWS)
ENDED = SIGNED + pd.to_timedelta(DAYS, "D")
LONG_AFTER = SIGNED + pd.Timedelta(days=999)


def find(
    frame,
    target,
    task="binary",
    time=None,
):
    """Return {column: how much it tells} of all columns but the target."""
    settings = DataSettings(source="a.csv", target=target, task=task, time=time)
    names = [name for name in frame if name not in (target, time)]
    dates = [name for name in frame if name not in (target, "note")]
    found = find_hidden_leaks(frame, names, dates, settings)
    return {leak.column: leak.measures[0] for leak in found}


@pytest.mark.parametrize(
    ("written", "how"),
    [
        pytest.param(ENDED.where(CHURNED), "filled in", id="filled where it happened"),
        pytest.param(ENDED.mask(CHURNED), "filled in", id="filled where it did not"),
        pytest.param(ENDED.where(CHURNED, LONG_AFTER), "its time", id="far where not"),
        pytest.param(
            ENDED.where(CHURNED, pd.Timestamp("9999-12-31")), "its time", id="9999"
        ),
        pytest.param(
            ENDED.where(CHURNED, pd.Timestamp("1900-01-01")), "its time", id="1900"
        ),
    ],
)
@pytest.mark.parametrize("form", ["times", "texts", "offset"])
def test_a_date_that_is_known_afterwards_leaks(
    written,
    how,
    form,
):
    """Whether the file has it as times or as texts."""
    if form == "texts":
        written = written.dt.strftime("%d.%m.%Y")
    if form == "offset":
        written = written.dt.tz_localize("Europe/Berlin")
    frame = pd.DataFrame({"signed": SIGNED, "ended": written, "churned": CHURNED})
    assert how in find(frame, "churned", time="signed")["ended"]


@pytest.mark.parametrize("unit", [1, 24, 1 / 30.4], ids=["days", "hours", "months"])
@pytest.mark.parametrize("time", [None, "start"], ids=["no time", "a time"])
def test_the_end_of_what_is_measured_leaks(
    unit,
    time,
):
    frame = pd.DataFrame({"start": SIGNED, "end": ENDED, "length": DAYS * unit})
    found = find(frame, "length", "regression", time)
    assert found == {"end": "as `end` less `start`: |ρ| 1.000"}


def test_the_time_of_the_rows_is_never_suspected():
    frame = pd.DataFrame({"start": SIGNED, "end": ENDED, "length": DAYS})
    found = find(frame, "length", "regression", time="end")
    assert [*found] == ["start"]


def test_a_date_that_tells_late_from_early_leaks():
    """Two dates tell whether something was late, though neither does alone."""
    due = SIGNED + pd.Timedelta(days=40)
    frame = pd.DataFrame({"due": due, "came": ENDED, "late": DAYS > 40})
    assert [*find(frame, "late")] == ["came"]


def test_what_is_written_where_it_happened_leaks():
    """A free text in no row the same, a code of what was refunded."""
    note = pd.Series([f"asked for more of {i}" for i in range(ROWS)]).where(CHURNED)
    assert [*find(pd.DataFrame({"note": note, "churned": CHURNED}), "churned")]


def test_dates_that_tell_nothing_are_no_leaks():
    gaps = ENDED.where(RNG.random(ROWS) < 0.3)
    frame = pd.DataFrame({"signed": SIGNED, "seen": gaps, "churned": CHURNED})
    assert find(frame, "churned") == {}


def test_what_cannot_be_read_is_left_alone():
    frame = pd.DataFrame({"signed": np.arange(ROWS), "churned": CHURNED})
    assert find(frame, "churned") == {}


@pytest.mark.parametrize("other", [np.nan, "never"], ids=["blank", "a word"])
def test_texts_that_differ_are_told_from_their_absence(other):
    """Each date is another one, so that none of them has been seen before."""
    when = ENDED.astype(str).where(CHURNED, other)
    frame = pd.DataFrame({"when": when, "churned": CHURNED.astype(int)})
    settings = DataSettings(source="a.csv", target="churned")
    found = find_strong_features(frame, settings)
    assert [leak.is_leak for leak in found] == [True]


STATUS = pd.Series(RNG.choice(["open", "won", "lost", "held"], ROWS), name="status")
PAID = pd.Series(np.where(CHURNED, RNG.gamma(2, 900, ROWS), 0), name="paid")


@pytest.mark.parametrize(
    ("column", "target", "said"),
    [
        pytest.param(
            ENDED.where(STATUS.isin(["won", "lost"])),
            STATUS,
            "`status` is lost, won",
            id="two of four",
        ),
        pytest.param(ENDED.where(PAID > 0), PAID, "`paid` is not 0", id="not zero"),
        pytest.param(ENDED.where(PAID == 0), PAID, "`paid` is 0", id="zero"),
        pytest.param(ENDED.where(SIGNED.dt.day > 9), STATUS, "", id="by chance"),
        pytest.param(ENDED, STATUS, "", id="no gaps"),
        pytest.param(ENDED.where(PAID > 900), PAID, "", id="not its usual value"),
    ],
)
def test_where_a_column_is_filled_in_is_told(
    column,
    target,
    said,
):
    assert describe_fill(column, target) == said
