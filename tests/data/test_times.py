"""Times in every form end as naive UTC, or are refused."""

import datetime

import pandas as pd
import pytest
from helpers.project import sales
from helpers.tables import TABLE, events, refused

from mlops_nb.cli.inference import infer_project
from mlops_nb.core.errors import UserError
from mlops_nb.data.times import to_naive_utc
from mlops_nb.data.windows import read_windows


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(TABLE.day.dt.tz_localize("Asia/Tokyo"), id="aware"),
        pytest.param(TABLE.day.astype("datetime64[ms]"), id="milliseconds"),
        pytest.param(TABLE.day.dt.date, id="date"),
    ],
)
def test_times_are_microseconds_without_a_zone(
    place,
    day,
):
    TABLE.assign(day=day).to_parquet("data/in.parquet")
    assert str(events(source="data/in.parquet").day.dtype) == "datetime64[us]"


def test_an_offset_is_converted(place):
    aware = TABLE.assign(day=TABLE.day.dt.tz_localize("Asia/Tokyo"))
    aware.to_parquet("data/aware.parquet")
    aware.assign(day=aware.day.astype(str)).to_csv("data/aware.csv", index=False)
    for source in ("data/aware.csv", "data/aware.parquet"):
        first = events(source=source).day.min()
        assert str(first) == "2020-01-01 03:00:00"  # 12:00 in Tokyo


def test_numbers_are_no_times(place):
    TABLE.assign(day=range(20200101, 20200341)).to_csv("data/number.csv", index=False)
    refused("numbers such as", source="data/number.csv")


@pytest.mark.parametrize(
    ("period", "start", "end", "after"),
    [
        pytest.param("M", "2020", "2020", "2021-01-01", id="a year of months"),
        pytest.param("D", "2020-01", "2020-02", "2020-03-01", id="months of days"),
        pytest.param("W", "2020-01-06", "2020-01-13", "2020-01-20", id="weeks"),
        pytest.param(
            "M", datetime.date(2020, 1, 1), 2021, "2022-01-01", id="as YAML reads them"
        ),
    ],
)
def test_a_window_ends_after_its_last_period(
    period,
    start,
    end,
    after,
):
    later = {"start": "2022", "end": "2022"}
    windows = {"train": {"start": start, "end": end}, "current": later}
    data = {"source": "a.csv", "target": "y", "time": "day", "period": period}
    train = read_windows({"data": data, "windows": windows})["train"]
    assert str(train.end)[:10] == after


@pytest.mark.parametrize(
    "form",
    [
        "%d.%m.%y",
        "%d/%m/%y",
        "%d-%m-%y",
        "%d.%m.%y %H:%M",
        "%d/%m/%Y, %H:%M",
        "%m/%d/%y",
        "%m/%d/%Y %I:%M %p",
        "%d-%b-%y",
        "%a %d. %m. %Y",
    ],
)
def test_a_column_of_days_has_one_order(form):
    days = pd.Series(pd.date_range("2024-01-01", "2024-06-30", periods=600).floor("D"))
    assert (to_naive_utc(days.dt.strftime(form), "when") == days).all()


@pytest.mark.parametrize(
    "days",
    [
        pytest.param(["01/02/24", "03/04/24"], id="both below thirteen"),
        pytest.param(["13/01/24", "01/13/24"], id="both orders"),
        pytest.param(["13.01.2024", "01.13.2024"], id="both orders with dots"),
        pytest.param(["24/03/30", "24/03/31"], id="perhaps the year first"),
        pytest.param(["31.03.24"], id="one day"),
    ],
)
def test_days_whose_order_is_not_clear_are_refused(days):
    with pytest.raises(UserError, match="told apart"):
        to_naive_utc(pd.Series(days), "when")


SALES = sales(600).drop(columns="id")


def infer(*forms):
    """Infer a project from days written in these forms, a column each."""
    written = {f"when{i}": SALES.day.dt.strftime(form) for i, form in enumerate(forms)}
    return infer_project(SALES.assign(day=range(600), **written), "y")[0]


@pytest.mark.parametrize(
    "form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%d.%m.%y", "%d-%b-%Y"]
)
def test_dates_in_other_forms_are_the_time(form):
    inferred = infer(form)
    assert inferred.time == "when0"
    assert inferred.windows["current"] == {"start": "2020-04", "end": "2020-04"}


def test_dates_that_may_be_the_time_are_named():
    both = infer("%d/%m/%Y", "%Y-%m-%d")
    assert both.time is None
    assert both.exclude["when0"] == "looks like dates: name it with --time when0"
    assert "when1" in both.exclude
    days = [
        f"{i % 12 + 1:02}/{i % 11 + 1:02}/2020" for i in range(600)
    ]  # none after the twelfth
    unclear = infer_project(SALES.assign(day=days), "y")[0]
    assert unclear.time is None
    assert "looks like dates, which cannot be read" in unclear.exclude["day"]
