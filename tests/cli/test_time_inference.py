"""The time of a table is seen in whatever form it is written, or it is asked about."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.cli.inference import infer_project
from mlops_nb.cli.new_project import plan_project
from mlops_nb.cli.time_inference import find_time
from mlops_nb.cli.window_inference import FEWEST_CURRENT, infer_windows
from mlops_nb.core.errors import UserError
from mlops_nb.data.settings import read_data_settings
from mlops_nb.data.sources import load_tables
from mlops_nb.data.times import to_naive_utc
from mlops_nb.data.windows import read_windows

ROWS = 600
RNG = np.random.default_rng(0)
DAYS = pd.Series(pd.date_range("2016-01-01", "2020-12-31", periods=ROWS).floor("D"))
MONTHS = DAYS.dt.to_period("M").dt.start_time
QUARTERS = DAYS.dt.to_period("Q").dt.start_time
YEARS = DAYS.dt.to_period("Y").dt.start_time
TABLE = pd.DataFrame({"x": RNG.normal(size=ROWS), "y": RNG.integers(0, 2, ROWS)})


def seconds(times):
    """Whole seconds since 1970."""
    return (times - pd.Timestamp(0)) // pd.Timedelta("1s")


def infer(
    frame,
    target="y",
    time=None,
):
    """What is inferred of a table."""
    return infer_project(frame, target, time)[0]


def require_seen(
    name,
    written,
    times,
):
    """A column is taken as the time, and read as these times."""
    found = infer(TABLE.assign(**{name: written}))
    assert found.time == name
    assert found.keys == ()
    assert (to_naive_utc(written, name) == times).all()


@pytest.mark.parametrize(
    "form",
    [
        "%Y%m%d",
        "%b %d %Y",
        "%d %B %Y",
        "%B %d, %Y",
        "%A, %d %b %Y",
        "%a %b %d %H:%M:%S %Y",
        "%G-W%V-%u",
        "%Y年%m月%d日",
    ],
)
def test_days_in_texts_are_seen(form):
    require_seen("d", DAYS.dt.strftime(form), DAYS)


@pytest.mark.parametrize(
    "form", ["%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%y", "%Y年%m月"]
)
def test_months_in_texts_are_seen(form):
    require_seen("d", DAYS.dt.strftime(form), MONTHS)


@pytest.mark.parametrize("form", ["%YQ%q", "%Y-Q%q", "Q%q %Y"])
def test_quarters_in_texts_are_seen(form):
    require_seen("d", DAYS.dt.to_period("Q").dt.strftime(form), QUARTERS)


@pytest.mark.parametrize(
    ("name", "numbers", "times"),
    [
        pytest.param("d", DAYS.dt.strftime("%Y%m%d").astype(int), DAYS, id="20200105"),
        pytest.param("d", DAYS.dt.strftime("%Y%m").astype(int), MONTHS, id="202001"),
        pytest.param("YEAR", DAYS.dt.year, YEARS, id="YEAR"),
        pytest.param("year", DAYS.dt.year.astype(float), YEARS, id="2020.0"),
        pytest.param("created_at", seconds(DAYS), DAYS, id="seconds"),
        pytest.param("timestamp", 1000 * seconds(DAYS), DAYS, id="milliseconds"),
        pytest.param("ts", 10**6 * seconds(DAYS), DAYS, id="microseconds"),
        pytest.param(
            "time", DAYS.dt.year + (DAYS.dt.month - 1) / 12, MONTHS, id="1959.083"
        ),
    ],
)
def test_times_in_numbers_are_seen(
    name,
    numbers,
    times,
):
    require_seen(name, numbers, times)


def write_parts(forms):
    """The table with columns that hold parts of its days: {column: form}."""
    parts = {}
    for name, form in forms.items():
        texts = DAYS.dt.to_period("D").dt.strftime(form)
        parts[name] = pd.to_numeric(texts) if texts.str.isdigit().all() else texts
    return TABLE.assign(**parts)


def read_training(found):
    """The rows of in.csv as the pipeline reads them by what was inferred."""
    data = found.to_data_section("./in.csv", "utf-8")
    params = {"data": data, "windows": found.windows}
    window = read_windows(params)["train"]
    return load_tables(read_data_settings(params), window)["events"]


@pytest.mark.parametrize(
    ("columns", "days"),
    [
        pytest.param(
            {"year": "%Y", "month": "%m", "day": "%d"}, DAYS, id="year month day"
        ),
        pytest.param({"Year": "%Y", "Month": "%B"}, MONTHS, id="month by name"),
        pytest.param({"YEAR": "%Y", "QTR": "Q%q"}, QUARTERS, id="year and quarter"),
        pytest.param(
            {
                "arrival_date_year": "%Y",
                "arrival_date_month": "%b",
                "arrival_date_day_of_month": "%d",
            },
            DAYS,
            id="with a beginning in common",
        ),
        pytest.param({"yr": "%Y", "mo": "%m", "dy": "1"}, MONTHS, id="no day"),
    ],
)
def test_columns_that_together_are_a_time_are_seen(
    columns,
    days,
    tmp_path,
    monkeypatch,
):
    """They are, when the source is read by what params.yaml says of it, too."""
    frame = write_parts(columns)
    found = infer(frame)
    assert found.time == "date"
    assert found.windows["current"]["end"].startswith("2020")
    assert next(iter(columns)) in found.exclude
    monkeypatch.setenv("MLOPS_NB_ROOT", str(tmp_path))
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    frame.to_csv(tmp_path / "in.csv", index=False)
    assert (read_training(found)["date"] == days).all()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("zip", RNG.integers(10000, 99999, ROWS), id="zip"),
        pytest.param("price", RNG.integers(1900, 2100, ROWS), id="prices like years"),
        pytest.param("model_year", RNG.integers(1990, 2020, ROWS), id="of a car"),
        pytest.param("phone", RNG.integers(10**9, 2 * 10**9, ROWS), id="phone"),
        pytest.param("grams", RNG.integers(10**7, 3 * 10**7, ROWS), id="eight digits"),
        pytest.param("day", RNG.integers(1, 32, ROWS), id="a day alone"),
        pytest.param(
            "note", RNG.choice(["5 of May", "Q", "march on"], ROWS), id="words"
        ),
    ],
)
def test_other_columns_are_no_times(
    name,
    values,
):
    found = infer(TABLE.assign(**{name: values}))
    assert found.time is None
    assert found.notes == ()


def test_a_date_comes_before_the_year_of_something():
    found = infer(TABLE.assign(year=DAYS.dt.year, day=DAYS.dt.strftime("%Y-%m-%d")))
    assert found.time == "day"


def test_few_years_are_asked_about():
    found = infer(TABLE.assign(year=RNG.choice([1999, 2008], ROWS)))
    assert found.time is None
    assert "--time year" in found.notes[0]


def test_two_dates_in_numbers_are_asked_about():
    days = DAYS.dt.strftime("%Y%m%d").astype(int)
    later = (DAYS + pd.Timedelta("2D")).dt.strftime("%Y%m%d").astype(int)
    found = infer(TABLE.assign(ordered=days, shipped=later))
    assert found.time is None
    assert "`ordered` may be a time (days such as 20160101)" in found.notes[0]


@pytest.mark.parametrize(
    ("columns", "time"),
    [
        pytest.param({"model_year": DAYS.dt.year}, "model_year", id="years"),
        pytest.param({"unix": seconds(DAYS)}, "unix", id="seconds"),
        pytest.param(
            {"b": DAYS.dt.year, "a": DAYS.dt.month}, "b+a", id="several columns"
        ),
        pytest.param(
            {"day": DAYS, "second": DAYS.dt.strftime("%d %b %Y")},
            "second",
            id="one of two",
        ),
    ],
)
def test_a_named_time_is_taken(
    columns,
    time,
):
    found = infer(TABLE.assign(**columns), time=time)
    assert found.time == ("date" if "+" in time else time)


def test_a_named_time_that_is_none_is_refused():
    with pytest.raises(UserError, match="numbers such as"):
        infer(TABLE, time="x")


WALK = RNG.normal(size=ROWS).cumsum()
STATES = np.repeat(RNG.choice(["yes", "no"], ROWS // 6), 6)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        pytest.param(TABLE.assign(y=WALK), "neighbouring rows are alike", id="a walk"),
        pytest.param(TABLE.assign(y=STATES), "neighbouring rows", id="states"),
        pytest.param(
            TABLE.assign(trend=range(ROWS)), "order of `trend`", id="a counter"
        ),
    ],
)
def test_a_series_is_not_split_at_random_without_a_word(
    frame,
    said,
):
    found = infer(frame)
    assert found.time is None
    assert said in found.notes[-1]
    assert "--time" in found.notes[-1]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(TABLE.assign(y=RNG.normal(size=ROWS)), id="independent rows"),
        pytest.param(TABLE.assign(y=np.sort(WALK)), id="sorted by the target"),
        pytest.param(
            TABLE.assign(y=np.repeat(["no", "yes"], ROWS // 2)), id="by class"
        ),
    ],
)
def test_rows_in_no_order_are_not_warned_about(frame):
    assert infer(frame).notes == ()


def times(
    start,
    end,
    freq,
):
    """Times from a day to another."""
    return pd.Series(pd.date_range(start, end, freq=freq))


@pytest.mark.parametrize(
    ("when", "period"),
    [
        pytest.param(times("1950", "2020", "YS"), "Y", id="a row a year"),
        pytest.param(times("1950", "2020", "YE"), "Y", id="at the end of a year"),
        pytest.param(times("1950", "2020", "QS"), "Q", id="a row a quarter"),
        pytest.param(times("1950", "2020", "MS"), "M", id="a row a month"),
        pytest.param(times("2019", "2020-06-30", "D"), "M", id="a row a day"),
        pytest.param(times("2019-01-01", "2019-01-31", "h"), "W", id="a month"),
        pytest.param(times("2000", "2020", "97D"), "Y", id="a few rows a year"),
    ],
)
def test_periods_suit_the_rows(
    when,
    period,
):
    assert infer_windows(when).period == period


def test_windows_of_years_are_read_back():
    found = infer(TABLE.assign(YEAR=DAYS.dt.year))
    assert found.period == "Y"
    params = {"data": found.to_data_section("a.csv", ""), "windows": found.windows}
    current = read_windows(params)["current"]
    assert str(current.start.date()) == "2020-01-01"
    assert str(current.end.date()) == "2021-01-01"


@pytest.mark.parametrize(
    "when",
    [
        pytest.param(times("2000", "2020", "20D"), id="rare events"),
        pytest.param(times("1950", "2020", "QS"), id="quarters"),
        pytest.param(times("2019", "2020-06-30", "6h"), id="every six hours"),
    ],
)
def test_the_current_window_can_be_judged(when):
    """It has a stated minimum of rows, and nothing is said."""
    found = infer_windows(when)
    current = pd.Period(found.windows["current"]["start"], found.period)
    assert (when >= current.start_time).sum() >= FEWEST_CURRENT
    assert found.notes == ()


def test_too_few_rows_to_judge_by_are_told():
    """Of rows that are few, half of the periods at most are judged."""
    found = infer_windows(times("2000", "2010", "YS"))
    assert "the current window has only 3 rows" in found.notes[0]


@pytest.mark.parametrize(
    ("end", "last"),
    [
        pytest.param("2020-04-30", "2020-04", id="until the end"),
        pytest.param("2020-04-20", "2020-03", id="until the twentieth"),
        pytest.param("2020-04-02", "2020-03", id="two days"),
    ],
)
def test_a_period_that_is_not_over_is_not_current(
    end,
    last,
):
    found = infer_windows(times("2019-07-01", f"{end} 23:00", "h"))
    assert found.windows["current"]["end"] == last
    said = [note for note in found.notes if "not complete" in note]
    assert bool(said) == (last != "2020-04")


def test_a_weekend_at_the_end_of_a_month_is_no_gap():
    workdays = times("2019-01-01", "2020-05-29", "B")  # the 30th is a Saturday
    assert infer_windows(workdays).windows["current"]["end"] == "2020-05"


@pytest.mark.parametrize(
    ("year", "month"),
    [
        pytest.param("Yr Sold", "Mo Sold", id="blank"),
        pytest.param("YrSold", "MoSold", id="capital"),
        pytest.param("year.s", "month.s", id="point"),
    ],
)
def test_parts_are_seen_before_a_common_end(
    year,
    month,
):
    parts = {year: DAYS.dt.year, month: DAYS.dt.month}
    assert infer(TABLE.assign(**parts)).time_parts == {"year": year, "month": month}


def test_old_years_are_a_time_and_no_key():
    years = pd.Series(range(1510, 1560), name="year")
    found = infer(TABLE.head(50).assign(year=years))
    assert found.time == "year"
    assert found.keys == ()


@pytest.mark.parametrize(
    ("name", "is_asked"),
    [
        pytest.param("yearacc", True, id="of an accident"),
        pytest.param("fiscal_year_end", True, id="of the books"),
        pytest.param("birth_year", False, id="of birth"),
        pytest.param("yearBuilt", False, id="of a house"),
    ],
)
def test_years_of_another_name_are_asked_about(
    name,
    is_asked,
):
    years = RNG.permutation(DAYS.dt.year.to_numpy())
    notes = infer(TABLE.assign(**{name: years})).notes
    said = f"`{name}` may be a time (years 2016 to 2020): name it with --time {name}"
    assert (said in notes) == is_asked


def test_a_counted_day_is_an_order():
    notes = infer(TABLE.assign(pan_day=range(ROWS))).notes
    assert "in the order of `pan_day`" in notes[0]


@pytest.mark.parametrize(
    "slip",
    [
        pytest.param("2023-02-30", id="no such day"),
        pytest.param("TBD", id="a word"),
        pytest.param("0000-00-00", id="zeros"),
    ],
)
def test_a_few_cells_that_are_no_dates_leave_the_column_the_time(slip):
    written = DAYS.dt.strftime("%Y-%m-%d")
    written.iloc[[5, 300]] = slip
    made = infer(TABLE.assign(date=written))
    assert made.time == "date"
    assert made.notes[0] == (
        f"2 rows have no readable `date` and no window: {slip!r} in row 6 is the first"
    )


def test_dates_of_which_more_are_unreadable_are_the_time_if_named():
    written = DAYS.dt.strftime("%Y-%m-%d")
    written.iloc[:30] = "2023-02-30"
    frame = TABLE.assign(date=written)
    advice = infer(frame).exclude["date"]
    assert advice == "looks like dates: name it with --time date"
    assert infer(frame, time="date").time == "date"


def test_nobody_is_told_to_name_dates_that_are_refused():
    written = DAYS.dt.strftime("%Y-%m-%d")
    written.iloc[:100] = "2023-02-30"
    why = infer(TABLE.assign(date=written)).exclude["date"]
    assert "--time" not in why
    assert "that are none, such as ['2023-02-30'" in why


ELSEWHERE = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre "
    "octubre noviembre diciembre",
    "de": "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre "
    "ottobre novembre dicembre",
}


@pytest.mark.parametrize(
    ("language", "form"),
    [
        pytest.param("fr", "{day} {month} {year}", id="French"),
        pytest.param("es", "{day:02} de {month} de {year}", id="Spanish"),
        pytest.param("de", "{day}. {month} {year}", id="German"),
        pytest.param("it", "{day} {month} {year}", id="Italian"),
    ],
)
def test_months_in_other_languages_are_seen(
    language,
    form,
):
    names = ELSEWHERE[language].split()
    written = DAYS.map(
        lambda day: form.format(day=day.day, month=names[day.month - 1], year=day.year)
    )
    require_seen("d", written, DAYS)


def test_days_of_a_year_are_seen():
    require_seen("d", DAYS.dt.strftime("%Y-%j"), DAYS)


def test_times_that_are_not_taken_are_told():
    seasons = [f"{1900 + i % 90}/{i % 90 + 1:02}" for i in range(ROWS)]
    notes = infer(TABLE.assign(season=seasons)).notes
    assert "`season` looks like times that cannot be read" in notes[0]
    both = infer(TABLE.assign(begin=DAYS, end=DAYS)).notes
    assert "`begin`, `end` hold times" in both[0]


def test_an_offset_that_moves_days_is_told():
    written = DAYS.dt.strftime("%Y-%m-%dT00:30:00+02:00")
    notes = infer(TABLE.assign(at=written)).notes
    assert "taken to UTC: 600 of 600 fall on another day by that" in notes[-1]


def test_short_dates_are_told_by_the_order_of_the_rows():
    firsts = DAYS.where(DAYS.dt.day <= 12).ffill()
    require_seen("d", firsts.dt.strftime("%d/%m/%y"), firsts)
    require_seen("d", firsts.dt.strftime("%m/%d/%y"), firsts)


def test_files_named_by_months_are_told(tmp_path):
    folder = tmp_path / "loans"
    folder.mkdir()
    for month in (1, 2, 3):
        TABLE.to_csv(folder / f"loans_2023-{month:02}.csv", index=False)
    plan = plan_project(tmp_path / "made", folder, "y")
    assert "3 files are named by months, such as loans_2023-01.csv" in str(plan.made)


SECONDS = pd.Series(pd.date_range("2023-01-01", periods=300)).astype("datetime64[s]")


@pytest.mark.parametrize("factor", [1, 1000, 10**6], ids=["s", "ms", "us"])
@pytest.mark.parametrize("name", ["day", "date", "OrderDay", "closed_on", "unixtime"])
def test_an_epoch_is_seen_by_its_name(
    name,
    factor,
):
    frame = pd.DataFrame({name: SECONDS.astype("int64") * factor, "y": range(300)})
    assert find_time(frame, "y").column == name


@pytest.mark.parametrize("name", ["x", "value", "field_7"])
def test_an_epoch_of_another_name_is_doubted(name):
    frame = pd.DataFrame({name: SECONDS.astype("int64"), "y": range(300)})
    found = find_time(frame, "y")
    assert found.column is None
    assert found.doubts[name].startswith("seconds since 1970, from 2023-01-01 to 2023")


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        pytest.param("user_id", SECONDS.astype("int64"), id="a key"),
        pytest.param("sales", range(10**9, 10**9 + 300), id="a short span"),
        pytest.param("sales", range(10**8, 10**10, 33 * 10**6), id="a long span"),
    ],
)
def test_other_long_numbers_are_no_times(
    name,
    numbers,
):
    frame = pd.DataFrame({name: [*numbers][:300], "y": range(300)})
    assert find_time(frame, "y").doubts == {}


def test_dates_that_cannot_be_read_are_told():
    written = [
        "31/31/2023" if i % 9 == 0 else f"{i % 28 + 1}/05/2023" for i in range(90)
    ]
    found = find_time(pd.DataFrame({"when": written, "y": range(90)}), "y")
    assert found.unreadable == {"when": "10 of 90 cannot be read, such as '31/31/2023'"}
