"""What a column is does not depend on the file that holds it."""

import numpy as np
import pandas as pd
import pytest
from helpers.monitored_tables import draw_orders, finding_ids, monitor_tables

from mlops_nb.core.errors import UserError


def write(
    table,
    file,
    **options,
):
    """Write a table as the name of the file says."""
    if file.suffix == ".xlsx":
        pytest.importorskip("openpyxl")
        table.to_excel(file, index=False)
    elif file.suffix == ".csv":
        table.to_csv(file, **{"index": False, **options})
    else:
        table.to_parquet(file)
    return file


def draw_days(
    first,
    rows=600,
    form=None,
):
    """Return as many days as rows, from the first on, written in a form."""
    days = pd.date_range(first, periods=rows, freq="3h")
    return days if form is None else days.strftime(form)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(None, id="times"),
        pytest.param("%Y-%m-%d", id="ISO"),
        pytest.param("%Y-%m-%dT%H:%M:%S", id="ISO with clock"),
        pytest.param("%d.%m.%Y", id="days first"),
        pytest.param("%m/%d/%Y", id="months first"),
        pytest.param("%d/%m/%y", id="short years"),
        pytest.param("%d %B %Y", id="names of months"),
        pytest.param("%b %d, %Y", id="months before days"),
        pytest.param("%Y%m%d", id="eight digits"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_date_that_nobody_named_is_not_judged(
    tmp_path,
    form,
    suffix,
):
    then = draw_orders(600).assign(day=draw_days("2024-01-01", form=form))
    now = draw_orders(600, seed=1).assign(day=draw_days("2024-06-01", form=form))
    got = monitor_tables(
        write(then, tmp_path / f"then{suffix}"),
        write(now, tmp_path / f"now{suffix}"),
        score="p",
        label="bought",
    )
    assert not {name for name in finding_ids(got) if name.endswith(".day")}
    assert got.level == "ok"
    assert any("day holds times" in str(note) for note in got.notes)


def test_a_date_that_is_gone_is_found():
    then = draw_orders(600).assign(day=draw_days("2024-01-01"))
    now = draw_orders(600, seed=1).assign(day=None)
    got = monitor_tables(then, now, score="p")
    assert "missing.day" in finding_ids(got)


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(
            lambda orders: orders.sample(frac=1, random_state=0), id="shuffled"
        ),
        pytest.param(
            lambda orders: orders.set_axis(
                pd.MultiIndex.from_product([range(20), range(40)])
            ),
            id="two levels",
        ),
        pytest.param(
            lambda orders: orders.set_index(orders.fare.rename("route of")),
            id="named",
        ),
    ],
)
@pytest.mark.parametrize("first_is_parquet", [True, False])
def test_an_index_in_parquet_is_no_column(
    tmp_path,
    index,
    first_is_parquet,
):
    stored = write(index(draw_orders(800)), tmp_path / "a.parquet")
    plain = write(draw_orders(800, seed=1), tmp_path / "b.csv")
    tables = [stored, plain] if first_is_parquet else [plain, stored]
    got = monitor_tables(*tables, score="p", columns=("fare", "stops", "route"))
    assert got.level == "ok"
    watched = monitor_tables(*tables, score="p")
    assert not any("index" in column for column in watched.table.column)


def test_a_named_index_in_parquet_may_be_the_key(tmp_path):
    orders = draw_orders(800)
    ids = pd.Index(2**60 + np.arange(800), name="id")
    rows = write(orders.drop(columns="bought").set_axis(ids), tmp_path / "rows.parquet")
    labels = orders[["bought"]].assign(id=ids)
    got = monitor_tables(rows, rows, "p", "bought", key="id", outcomes=labels)
    assert got.windows[-1]["labelled"] == 800


def test_an_index_in_csv_is_no_column(tmp_path):
    then = write(draw_orders(800), tmp_path / "a.csv", index=True)
    later = draw_orders(800, seed=1).set_axis(range(10_000, 10_800))
    got = monitor_tables(then, write(later, tmp_path / "b.csv", index=True), score="p")
    assert got.level == "ok"
    assert "" not in {*got.table.column}


def test_excel_says_the_same_as_csv(tmp_path):
    levels = []
    for suffix in (".csv", ".xlsx"):
        then = write(draw_orders(1500), tmp_path / f"then{suffix}")
        now = write(draw_orders(500, seed=2, fare=40), tmp_path / f"now{suffix}")
        got = monitor_tables(then, now, score="p", label="bought")
        levels.append((got.level, sorted(finding_ids(got))))
    assert levels[0] == levels[1]
    assert levels[0][0] == "act"


def test_keys_in_excel_are_exact(tmp_path):
    orders = draw_orders(400)
    ids = [f"{i:04d}" for i in range(400)]
    keyed = orders.drop(columns="bought").assign(id=ids)
    labels = orders[["bought"]].assign(id=ids)
    labels.loc[400] = [1.0, None]
    got = monitor_tables(
        write(keyed, tmp_path / "rows.csv"),
        write(keyed, tmp_path / "now.xlsx"),
        "p",
        "bought",
        key="id",
        outcomes=write(labels, tmp_path / "labels.xlsx"),
    )
    assert got.windows[-1]["labelled"] == 400


def test_an_excel_file_that_is_none_is_told(tmp_path):
    pytest.importorskip("openpyxl")
    (tmp_path / "a.xlsx").write_text("no sheet")
    with pytest.raises(UserError, match="readable Excel file"):
        monitor_tables(tmp_path / "a.xlsx", draw_orders(100))


def draw_codes(counts):
    """Return eighty codes, each group of four as often as said."""
    return pd.DataFrame({"code": np.repeat(np.arange(80), np.tile(counts, 20))})


def test_named_categories_are_compared_by_name():
    then = draw_codes([130, 10, 10, 10]).sample(frac=1, random_state=0)
    now = draw_codes([10, 10, 130, 10]).sample(frac=1, random_state=1)
    got = monitor_tables(then, now, categorical=("code",))
    (row,) = got.table.to_dict("records")
    assert row["kind"] == "text"
    assert row["tv"] == pytest.approx(0.75)
    assert row["psi"] > 3
    assert row["chi2_p"] < 1e-300


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_categories_are_the_same_however_they_are_stored(
    tmp_path,
    suffix,
):
    orders = draw_orders(3000)
    as_float = orders.assign(stops=orders.stops.astype(float))
    now = write(as_float, tmp_path / f"now{suffix}")
    got = monitor_tables(orders, now, categorical=("stops",))
    (row,) = got.table[got.table.column == "stops"].to_dict("records")
    assert row["psi"] == pytest.approx(0)
    assert row["new"] == 0


def test_categories_that_are_not_there_are_told():
    with pytest.raises(UserError, match="--categorical"):
        monitor_tables(draw_orders(500), draw_orders(500), categorical=("stop",))


def shuffle(table):
    return table.sample(frac=1, random_state=0, ignore_index=True)


def row_of(
    assessment,
    column,
):
    """Return the line of a column in the table of drift."""
    (row,) = assessment.table[assessment.table.column == column].to_dict("records")
    return row


def test_codes_are_compared_one_by_one():
    then = shuffle(draw_codes([130, 10, 10, 10]))
    now = shuffle(draw_codes([10, 10, 130, 10]))
    got = row_of(monitor_tables(then, now), "code")
    assert got["kind"] == "number"
    assert got["psi"] == pytest.approx(3.8474, abs=1e-4)
    assert got["tv"] == pytest.approx(0.75)
    assert got["chi2_p"] < 1e-300
    assert got["chance"] < 1e-300


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_codes_that_did_not_move_stay_calm(seed):
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.ones(80))
    then, now = (pd.DataFrame({"code": rng.choice(80, 4000, p=share)}) for _ in "ab")
    assert monitor_tables(then, now).level == "ok"


@pytest.mark.parametrize(
    ("narrow", "suffix"),
    [
        pytest.param("float32", None, id="DataFrame"),
        pytest.param("float32", ".parquet", id="Parquet"),
        pytest.param("float16", ".parquet", id="half as wide"),
        pytest.param("float32", ".csv", id="CSV"),
    ],
)
def test_floats_of_any_width_are_the_same_numbers(
    tmp_path,
    narrow,
    suffix,
):
    rng = np.random.default_rng(0)
    rates = pd.DataFrame({"rate": rng.choice([0.1, 0.2, 0.3, 0.4], 2000)})
    current = rates.astype(narrow)
    if suffix:
        current = write(current, tmp_path / f"now{suffix}")
    assert row_of(monitor_tables(rates, current), "rate")["psi"] == pytest.approx(0)


def draw_zips(codes):
    """Draw zip codes of 1,191 rows."""
    rng = np.random.default_rng(0)
    return pd.DataFrame({"zip": rng.choice(codes, 1191), "x": rng.normal(size=1191)})


@pytest.mark.parametrize(
    "codes",
    [
        pytest.param(["02139", "10001", "94105"], id="leading zeros"),
        pytest.param(["12139", "10001", "94105"], id="none"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_one_code_with_letters_changes_no_other(
    tmp_path,
    codes,
    is_first,
):
    plain = draw_zips(codes)
    mixed = plain.copy()
    mixed.loc[700, "zip"] = "K1A0B1"
    tables = [
        write(plain, tmp_path / "plain.csv"),
        write(mixed, tmp_path / "mixed.csv"),
    ]
    got = monitor_tables(*(tables if is_first else tables[::-1]))
    row = row_of(got, "zip")
    assert row["psi"] < 0.01
    assert row["new"] == pytest.approx(1 / 1191 if is_first else 0)
    assert got.level == "ok"


def test_a_late_word_among_numbers_is_told(tmp_path):
    """It comes after the rows by which the types of a CSV file are told."""
    rng = np.random.default_rng(0)
    fares = pd.DataFrame({"fare": rng.normal(20, 3, 600_000).round(9).astype(str)})
    then = write(fares, tmp_path / "then.csv")
    fares.loc[599_000, "fare"] = "about 20"
    got = monitor_tables(then, write(fares, tmp_path / "now.csv"))
    assert row_of(got, "fare")["kind_now"] == "number"
    assert row_of(got, "fare")["psi"] < 0.01
    assert got.level == "ok"


def test_numbers_that_are_stored_as_text_are_numbers(tmp_path):
    orders = draw_orders(3000)
    as_text = orders.assign(fare=orders.fare.astype(str))
    got = monitor_tables(orders, write(as_text, tmp_path / "now.parquet"), score="p")
    assert row_of(got, "fare")["psi"] == pytest.approx(0)
    assert got.level == "ok"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"c": 1}, id="a dictionary"),
        pytest.param([1, 2], id="a list"),
        pytest.param(b"ab", id="bytes"),
        pytest.param(np.datetime64("9999-12-31", "us"), id="a time far away"),
    ],
)
@pytest.mark.parametrize("is_file", [True, False])
def test_odd_values_have_a_stated_result(
    tmp_path,
    value,
    is_file,
):
    table = draw_orders(600)
    table["odd"] = pd.Series([value] * 600, table.index)
    current = write(table, tmp_path / "odd.parquet") if is_file else table
    assert monitor_tables(current, current, score="p").level == "ok"
