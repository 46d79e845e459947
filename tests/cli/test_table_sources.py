"""Every source and every type of value works, or is refused in words by `mlops-nb new`.

What works is read by the first stage as `new` has seen it; no secret of an address is shown.
"""

import sqlite3
from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow
import pytest
from helpers.project import ENV, read_yaml
from pyarrow import parquet

from mlops_nb.cli.new_project import create_project, plan_project
from mlops_nb.core.errors import UserError
from mlops_nb.data.ingest import select_window_rows
from mlops_nb.data.settings import read_data_settings
from mlops_nb.data.snapshots import refresh_snapshot
from mlops_nb.data.sources import load_tables
from mlops_nb.data.windows import read_windows

ROWS = 240
DAYS = pd.date_range("2024-01-01", periods=ROWS, freq="12h")
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "id": range(ROWS),
        "day": DAYS,
        "x": RNG.normal(size=ROWS).round(3),
        "plan": RNG.choice(["a", "b", "c"], ROWS),
        "y": RNG.integers(0, 2, ROWS),
    }
)
CSV = TABLE.to_csv(index=False)
BYTES_OF_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
FAR = datetime(9999, 12, 31)
DAY = datetime(2020, 1, 5)
MICROSECONDS = pyarrow.timestamp("us")
HOUR = timedelta(hours=1)


@pytest.fixture
def place(
    tmp_path,
    monkeypatch,
):
    """An empty folder to work in."""
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_excel(
    path,
    **sheets,
):
    """Write tables as the sheets of an Excel file."""
    with pd.ExcelWriter(path) as book:
        for name, sheet in sheets.items():
            sheet.to_excel(book, sheet_name=name, index=False)


def write_database(frame=TABLE):
    """Write a table into an SQLite file, its times as text."""
    texts = frame.assign(day=frame["day"].astype(str))
    with sqlite3.connect("shop.db") as database:
        texts.to_sql("orders", database, index=False)
    database.close()


def write_months(
    folder,
    suffix=".csv",
):
    """Write a file for each month into a folder."""
    folder.mkdir()
    for month, rows in TABLE.groupby(TABLE["day"].dt.to_period("M")):
        write = rows.to_csv if suffix == ".csv" else rows.to_parquet
        write(folder / f"{month}{suffix}", index=False)


LINES = {"orient": "records", "date_format": "iso"}
TEXTS = {
    "t.csv.gz": {},
    "t.csv.zip": {},
    "t.tsv": {"sep": "\t"},
    "utf16.csv": {"encoding": "utf-16"},
    "bom.csv": {"encoding": "utf-8-sig"},
}
TYPED = {
    "t.parquet": TABLE.to_parquet,
    "index.parquet": TABLE.set_index("day").to_parquet,
    "t.feather": TABLE.to_feather,
}
JSON = {
    "t.jsonl": lambda path: TABLE.to_json(path, lines=True, **LINES),
    "t.json": lambda path: TABLE.to_json(path, **LINES),
}
SHEETS = {
    "t.xlsx": {"Orders": TABLE, "Empty": pd.DataFrame()},
    "book.xlsx": {"Old": TABLE.head(), "New": TABLE},
}


def write_source(
    name,
    folder,
):
    """Write the table as a source of this name."""
    if name in TEXTS:
        TABLE.to_csv(folder / name, index=False, **TEXTS[name])
    elif name in TYPED | JSON:
        (TYPED | JSON)[name](folder / name)
    elif name in SHEETS:
        write_excel(folder / name, **SHEETS[name])
    elif name.endswith("shop.db"):
        write_database()
    else:
        write_months(folder / "months", ".csv" if "csv" in name else ".parquet")


def require_read(
    top,
    section,
    monkeypatch,
):
    """Require that the first stage reads the table."""
    monkeypatch.setenv("MLOPS_NB_ROOT", str(top))
    params = read_yaml(top)
    settings = read_data_settings(params)
    window = read_windows(params)["train"]
    tables = select_window_rows(load_tables(settings, window), settings, window)
    rows = tables["events"]
    expected = TABLE[TABLE["day"] < "2024-04-01"]
    assert section["time"] == "day"
    assert rows["x"].tolist() == expected["x"].tolist()
    assert rows["day"].tolist() == expected["day"].tolist()


def make_from(
    place,
    name,
    options,
    monkeypatch,
):
    """Make a project from a table that the first stage reads as `new` did; return its settings."""
    write_source(name, place)
    made = create_project(place / "shop", name, "y", **options)
    section = read_yaml(made.path)["data"]
    assert (made.path / f"{made.tracked}.dvc").exists()
    require_read(made.path, section, monkeypatch)
    return section


@pytest.mark.parametrize(
    ("name", "options", "stated"),
    [
        pytest.param("t.csv.gz", {}, {}, id="csv.gz"),
        pytest.param("t.csv.zip", {}, {}, id="csv.zip"),
        pytest.param("t.tsv", {}, {}, id="tsv"),
        pytest.param("utf16.csv", {}, {"encoding": "utf-16"}, id="UTF-16"),
        pytest.param("bom.csv", {}, {}, id="BOM"),
        pytest.param("t.parquet", {}, {}, id="parquet"),
        pytest.param("index.parquet", {}, {"keep_index": True}, id="a pandas index"),
        pytest.param("t.feather", {}, {}, id="feather"),
        pytest.param("t.xlsx", {}, {"sheet": "Orders"}, id="Excel"),
        pytest.param("book.xlsx", {"sheet": "New"}, {"sheet": "New"}, id="Excel sheet"),
        pytest.param("t.jsonl", {}, {}, id="JSON lines"),
        pytest.param("t.json", {}, {}, id="JSON array"),
    ],
)
def test_a_file_is_read_by_the_first_stage_as_it_was_by_new(
    place,
    monkeypatch,
    name,
    options,
    stated,
):
    section = make_from(place, name, options, monkeypatch)
    assert {key: section[key] for key in stated} == stated


@pytest.mark.parametrize(
    ("name", "options", "stated"),
    [
        pytest.param("months/*.csv", {}, {"depends": "data/months"}, id="a pattern"),
        pytest.param("months", {}, {"source": "data/months/*.parquet"}, id="a folder"),
        pytest.param("shop.db", {"query": "select * from orders"}, {}, id="SQLite"),
        pytest.param(
            "sqlite:///shop.db",
            {"query": "select *, strftime('%H:%M', day) as clock from orders"},
            {"source": "data/shop.parquet"},
            id="a colon in a query",
        ),
    ],
)
def test_files_and_answers_are_read_by_the_first_stage_as_they_were_by_new(
    place,
    monkeypatch,
    name,
    options,
    stated,
):
    section = make_from(place, name, options, monkeypatch)
    assert {key: section[key] for key in stated} == stated


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("t.csv", b"", "an empty file", id="empty"),
        pytest.param("t.csv", b"a,b,y\n", "rows: 0", id="header only"),
        pytest.param("t.csv", b"y\n" + b"1\n0\n" * 50, "columns: 1", id="one column"),
        pytest.param("t.csv", b"x,x,y\n1,2,0\n" * 30, "x twice", id="one name twice"),
        pytest.param("t.csv", b"PAR1" + bytes(99), "Parquet file", id="a wrong name"),
        pytest.param("t.csv", b"\x1f\x8b" + bytes(99), "gzip", id="gzip without .gz"),
        pytest.param("t.pkl", b"\x80\x04\x95" + bytes(99), "runs code", id="pickle"),
        pytest.param("t.xls", BYTES_OF_OLD_EXCEL, "save it as .xlsx", id="old Excel"),
        pytest.param("t.xlsx", BYTES_OF_OLD_EXCEL, "without a password", id="password"),
        pytest.param("t.json", b'{"rows": [{"y": 1}]}', "one object, with", id="JSON"),
        pytest.param("t.jsonl", b'{"y": 1}\n{"y":\n', "in line 2", id="a broken line"),
        pytest.param("t.jsonl", b"1\n2\n", "1 in place 1", id="no objects"),
        pytest.param("t.parquet", b"PAR1" + bytes(99), "readable table", id="cut off"),
        pytest.param("t.db", b"no database", "not a database", id="no SQLite"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(
    place,
    name,
    content,
    words,
):
    (place / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        plan_project("shop", name, "y")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        pytest.param("book.xlsx", {}, "Old, New", id="several sheets"),
        pytest.param("book.xlsx", {"sheet": "new"}, 'mean "New"', id="no such sheet"),
        pytest.param("t.tsv", {"sheet": "A"}, "leave --sheet out", id="sheet of text"),
        pytest.param(
            "t.tsv",
            {"query": "select 1"},
            "if --data is an SQLite file",
            id="no database",
        ),
        pytest.param("shop.db", {}, "select * from orders", id="no query"),
        pytest.param("shop.db", {"query": "selec"}, "syntax error", id="a wrong query"),
        pytest.param("shop.db", {"query": "delete from orders"}, "SELECT", id="delete"),
        pytest.param(
            "shop.db", {"query": "select *, y from orders"}, "y twice", id="y twice"
        ),
    ],
)
def test_what_does_not_fit_a_source_is_refused_in_words(
    place,
    name,
    options,
    words,
):
    write_source(name, place)
    with pytest.raises(UserError) as caught:
        plan_project("shop", name, "y", **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param("none.csv", "no file none.csv", id="no file"),
        pytest.param("*.csv", "files that match", id="nothing matches"),
        pytest.param("none.db", "no file", id="no SQLite file"),
        pytest.param("s3://bucket/a.parquet", "on this machine", id="on the web"),
    ],
)
def test_what_is_not_there_is_refused_in_words(
    place,
    data,
    words,
):
    with pytest.raises(UserError) as caught:
        plan_project("shop", data, "y")
    assert words in str(caught.value)


def test_files_that_are_no_parts_of_one_table_are_refused(place):
    write_months(place / "months")
    pd.DataFrame({"q": [1], "r": [2]}).to_csv("months/other.csv", index=False)
    with pytest.raises(UserError, match=r"q, r in other\.csv"):
        plan_project("shop", "months", "y")
    TABLE.to_parquet("months/2024-05.parquet")
    with pytest.raises(UserError, match=r"\.csv, \.parquet"):
        plan_project("shop", "months", "y")


def test_a_column_that_not_all_files_have_is_told(place):
    write_months(place / "months")
    first = pd.read_csv("months/2024-02.csv").drop(columns="plan")
    first.to_csv("months/2024-02.csv", index=False)
    notes = plan_project("shop", "months/*.csv", "y").made.guess.notes
    assert "2024-02.csv has no plan: missing there" in notes


SECRET = "hun/ter2@x"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(f"postgresql://ada:{SECRET}@db/shop", id="password"),
        pytest.param(f"postgresql://db/shop?token={SECRET}", id="token"),
        pytest.param(f"duckdb:///md:shop?motherduck_token={SECRET}", id="prefix"),
        pytest.param(f"mssql:///?odbc_connect=UID%3Da%3BPWD%3D{SECRET}", id="inside"),
        pytest.param(f"https://ada:{SECRET}@example.com/a.csv", id="web"),
        pytest.param(f"https://example.com/a.csv?sig={SECRET}", id="signature"),
    ],
)
@pytest.mark.parametrize("query", [None, "select 1"])
def test_a_secret_in_clear_is_refused_and_not_shown(
    place,
    address,
    query,
):
    with pytest.raises(UserError) as caught:
        plan_project("shop", address, "y", query=query)
    assert "hun" not in str(caught.value)
    assert "ter2" not in str(caught.value)


def test_a_secret_in_a_variable_is_never_written_or_shown(
    place,
    monkeypatch,
):
    write_database()
    address = "sqlite:///${SHOP_FILE}"
    with pytest.raises(UserError, match="SHOP_FILE"):
        plan_project("shop", address, "y", query="select * from orders")
    monkeypatch.setenv("SHOP_FILE", f"{place}/shop.db")
    made = create_project("shop", address, "y", query="select * from orders")
    assert read_yaml(made.path)["data"]["snapshot"]["database"] == address
    holding = [file for file in made.path.rglob("*.yaml") if file.is_file()]
    assert not [file for file in holding if f"{place}/shop.db" in file.read_text()]
    with pytest.raises(UserError) as caught:
        plan_project("other", address, "y", query=f"select '{place}/shop.db' from no")
    assert f"{place}/shop.db" not in str(caught.value)


def test_a_database_is_asked_again_by_refresh(
    place,
    monkeypatch,
):
    write_database()
    made = create_project("shop", "shop.db", "y", query="select * from orders")
    monkeypatch.setenv("MLOPS_NB_ROOT", str(made.path))
    settings = read_data_settings(read_yaml(made.path))
    assert settings.snapshot.database == "sqlite:///../shop.db"
    with sqlite3.connect("shop.db") as database:
        database.execute("insert into orders select * from orders where id < 60")
    database.close()
    file = made.path / settings.source
    asked = refresh_snapshot(file, settings.snapshot, made.path)
    assert asked == (240, 300)
    changed = settings.snapshot.model_copy(update={"query": "select * from orders o"})
    params = made.path / "params.yaml"
    text = params.read_text().replace(settings.snapshot.query, changed.query)
    params.write_text(text)
    asked_by_params = read_data_settings(read_yaml(made.path))
    window = read_windows(read_yaml(made.path))["train"]
    with pytest.raises(UserError, match="mlops-nb refresh"):
        load_tables(asked_by_params, window)


def repeat(*values):
    """Values, each as often as the others."""
    return [values[i % len(values)] for i in range(ROWS)]


def typed(
    values,
    kind=None,
):
    """An Arrow array of values, each as often as the others."""
    return pyarrow.array(repeat(*values), kind)


ALIKE = "read as texts"
PARTS = "read as their JSON"
BIG = 2**60 + 1
UUIDS = [UUID(int=7).bytes, UUID(int=8).bytes]


def plan_typed(column):
    """Plan a project of a table with a column of these values."""
    table = pyarrow.Table.from_pandas(TABLE, preserve_index=False)
    parquet.write_table(table.append_column("c", column), "t.parquet")
    return plan_project("shop", "t.parquet", "y", time="day")


def told(plan):
    """What a plan says of its columns."""
    guess = plan.made.guess
    return "; ".join([*guess.notes, *guess.exclude.values()])


@pytest.mark.parametrize(
    ("column", "first", "words"),
    [
        pytest.param(typed(UUIDS, pyarrow.uuid()), str(UUID(int=7)), ALIKE, id="UUID"),
        pytest.param(typed([b"oak", b"elm"]), "oak", "spell texts", id="bytes of text"),
        pytest.param(typed(["u", "v"]).dictionary_encode(), "u", "", id="categories"),
    ],
)
def test_values_that_are_names_are_texts(
    place,
    column,
    first,
    words,
):
    plan = plan_typed(column)
    assert plan.frame["c"][0] == first
    assert words in told(plan)


@pytest.mark.parametrize(
    ("column", "first", "words"),
    [
        pytest.param(typed([[1, 2], []]), "[1, 2]", PARTS, id="list"),
        pytest.param(typed([{"a": 1}, {"a": 2}]), '{"a": 1}', PARTS, id="struct"),
        pytest.param(
            typed([[("k", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
            '[["k", 1]]',
            PARTS,
            id="map",
        ),
        pytest.param(typed([b"\xff", b"\xfe"]), "ff", "hexadecimal", id="bytes"),
    ],
)
def test_values_with_parts_are_their_json_and_left_out(
    place,
    column,
    first,
    words,
):
    plan = plan_typed(column)
    assert plan.frame["c"][0] == first
    assert words in told(plan)
    assert "c" in plan.made.guess.exclude


@pytest.mark.parametrize(
    ("column", "first", "words"),
    [
        pytest.param(typed([Decimal("1.50"), Decimal("2.25")]), 1.5, "", id="decimal"),
        pytest.param(typed([Decimal(3), None]), 3.0, "", id="whole decimal"),
        pytest.param(typed([Decimal(10) ** 30, Decimal(1)]), 1e30, "", id="decimal256"),
        pytest.param(typed([BIG, BIG + 1]), BIG, "", id="int64 beyond 2**53"),
        pytest.param(
            typed([2**63, 2**63 + 1], pyarrow.uint64()), 2**63, "", id="uint64"
        ),
        pytest.param(typed([1.5, float("inf")]), 1.5, "read as missing", id="infinite"),
        pytest.param(
            typed([np.float16(1.5), np.float16(2)], pyarrow.float16()),
            1.5,
            "",
            id="half",
        ),
        pytest.param(typed([3, 4]).dictionary_encode(), 3, "", id="whole categories"),
    ],
)
def test_numbers_of_any_width_are_numbers(
    place,
    column,
    first,
    words,
):
    plan = plan_typed(column)
    assert plan.frame["c"][0] == first
    assert words in told(plan)


@pytest.mark.parametrize(
    ("column", "first", "words"),
    [
        pytest.param(typed([DAY.date(), FAR.date()]), DAY, "", id="date"),
        pytest.param(typed([DAY, FAR], MICROSECONDS), DAY, "", id="far time"),
        pytest.param(typed([time(1, 2), time(3, 4)]), time(1, 2), "", id="time of day"),
        pytest.param(typed([HOUR, HOUR]), HOUR, "", id="duration"),
        pytest.param(typed([True, None]), True, "", id="truth values"),
    ],
)
def test_times_and_truth_values_stay(
    place,
    column,
    first,
    words,
):
    plan = plan_typed(column)
    assert plan.frame["c"][0] == first
    assert words in told(plan)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param([{"a": 1}, {"a": 2}], id="parts"),
        pytest.param([b"\xff", b"\xfe"], id="bytes"),
        pytest.param([DAY, FAR], id="times"),
        pytest.param([HOUR, 2 * HOUR], id="durations"),
        pytest.param([time(1, 2), time(3, 4)], id="times of day"),
    ],
)
def test_a_target_that_is_no_single_value_is_refused(
    place,
    target,
):
    TABLE.assign(y=repeat(*target)).to_parquet("t.parquet")
    with pytest.raises(UserError, match="one number, text or truth value"):
        plan_project("shop", "t.parquet", "y")


def test_a_column_of_several_types_is_text(place):
    mixed = TABLE.assign(day=TABLE["day"].astype(str), c=repeat(1, "k2", 3))
    mixed.to_json("t.jsonl", orient="records", lines=True)
    plan = plan_project("shop", "t.jsonl", "y")
    assert plan.frame["c"][:3].tolist() == ["1", "k2", "3"]
    assert "c: values of several types (int, str), read as texts" in (
        plan.made.guess.notes
    )


def test_a_key_of_json_beside_a_missing_one_has_all_its_digits(place):
    keys = [BIG + i if i else None for i in range(ROWS)]
    lines = [f'{{"k": {key or "null"}, "y": {key % 2 if key else 0}}}' for key in keys]
    (place / "t.jsonl").write_text("\n".join(lines))
    frame = plan_project("shop", "t.jsonl", "y").frame
    assert frame["k"].dropna().tolist() == keys[1:]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(range(ROWS, 2 * ROWS), id="numbers"),
        pytest.param(repeat(1, 2, 3), id="repeated"),
        pytest.param(repeat("u", "v"), id="texts"),
        pytest.param(repeat(1.0, None), id="blank"),
    ],
)
def test_a_column_called_row_is_a_column(
    place,
    values,
):
    TABLE.drop(columns="id").assign(row=values).to_parquet("t.parquet")
    plan = plan_project("shop", "t.parquet", "y")
    assert plan.made.guess.keys in (("row",), ("row_number",))
    assert plan.frame["row"].isna().any() == (None in [*values])


def test_a_column_called_as_that_of_the_model_is_left_out(place):
    TABLE.rename(columns={"x": "score"}).to_parquet("t.parquet")
    guess = plan_project("shop", "t.parquet", "y").made.guess
    assert "rename it" in guess.exclude["score"]


@pytest.mark.parametrize(
    ("index", "name"),
    [
        pytest.param(pd.Index(range(5, 5 + ROWS)), None, id="rows once"),
        pytest.param(pd.Index(DAYS), "index", id="times"),
        pytest.param(pd.Index(range(ROWS), name="x"), "x_index", id="a name twice"),
    ],
)
def test_an_index_of_pandas_is_a_column_where_it_says_something(
    place,
    index,
    name,
):
    TABLE.set_index(index).to_parquet("t.parquet")
    frame = plan_project("shop", "t.parquet", "y").frame
    assert {*frame} == {*TABLE, *([name] if name else [])}


def test_rows_of_a_time_that_stands_for_none_are_in_no_window(place):
    far = TABLE["day"].where(TABLE["id"] % 9 != 7, pd.Timestamp(FAR).as_unit("us"))
    TABLE.assign(day=far).to_parquet("t.parquet")
    guess = plan_project("shop", "t.parquet", "y").made.guess
    assert guess.windows["current"] == {"start": "2024-04", "end": "2024-04"}
    assert any("26 rows dated in 2900 or later" in note for note in guess.notes)


def write_long_keys(form):
    """Write a table with keys of 17 digits beside blanks, and return what `new` is told."""
    keys = pd.array([None, *(BIG + i for i in range(1, ROWS))], "Int64")
    table = TABLE.assign(k=keys)
    if form == "csv":
        table.to_csv("t.csv", index=False)
    elif form == "blanks":
        texts = table["k"].astype("str").fillna(" ")
        table.assign(k=texts).to_csv("t.csv", index=False)
    elif form == "parquet":
        arrow = pyarrow.Table.from_pandas(table, preserve_index=False)
        parquet.write_table(arrow.replace_schema_metadata(None), "t.parquet")
    elif form == "files":
        table[: ROWS // 2].to_csv("t0.csv", index=False)
        table[ROWS // 2 :].to_csv("t1.csv", index=False)
    return table["k"]


@pytest.mark.parametrize(
    ("form", "source"),
    [
        pytest.param("csv", "t.csv", id="CSV"),
        pytest.param("blanks", "t.csv", id="cells of blanks"),
        pytest.param("parquet", "t.parquet", id="Parquet of others"),
        pytest.param("files", "t?.csv", id="several files"),
    ],
)
def test_long_numbers_beside_blanks_keep_all_digits(
    place,
    form,
    source,
):
    keys = write_long_keys(form)
    plan = plan_project("shop", source, "y", time="day")
    assert [*plan.frame["k"].dropna()] == [*keys.dropna()]
    assert "names" in plan.made.guess.exclude["k"]
    assert f"{BIG + 1:,} to" in plan.made.guess.columns["k"].values


def test_a_target_of_truth_values_is_told_with_those_that_are_true(place):
    TABLE.assign(y=repeat(True, False, False, False)).to_parquet("t.parquet")
    why = plan_project("shop", "t.parquet", "y").made.guess.evidence["positive"]
    n_true = ROWS // 4
    assert why == f"the labels are false and true, of which {n_true} in {ROWS} are true"


def test_a_key_of_bytes_is_a_key_and_no_feature_that_is_left_out(place):
    keys = [UUID(int=2**90 * (1 + i) + i).bytes for i in range(ROWS - 1)]
    TABLE.drop(columns="id").assign(k=[UUID(int=5).bytes, *keys]).to_parquet(
        "t.parquet"
    )
    guess = plan_project("shop", "t.parquet", "y", time="day").made.guess
    assert guess.keys == ("k",)
    assert "k" not in guess.exclude
    assert "k" not in guess.cells
    assert "k: bytes, read as their hexadecimal digits" in guess.notes


def test_bytes_are_not_said_to_have_parts(place):
    assert "make columns" not in told(plan_typed(typed([b"\xff", b"\xfe"])))


def test_a_column_of_numbers_some_of_them_texts_is_of_numbers(place):
    numbers = [str(i) if i % 2 else i + 0.5 for i in range(ROWS)]
    TABLE.assign(c=pd.Series(numbers, dtype=object)).to_json(
        "t.json", orient="records", date_format="iso"
    )
    frame = plan_project("shop", "t.json", "y", time="day").frame
    assert frame["c"].tolist() == [float(number) for number in numbers]
