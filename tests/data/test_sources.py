"""Any source: files in any encoding, addresses, databases, functions."""

import pandas as pd
import pyarrow
import pytest
from helpers.project import sales
from helpers.tables import TABLE, events, refused, select_tables
from pyarrow import parquet

from mlops_nb.cli.project_source import TableSource, find_source
from mlops_nb.cli.project_table import read_table
from mlops_nb.core.errors import UserError
from mlops_nb.data.sources import read_table_file


@pytest.fixture
def table(tmp_path):
    """A function that reads a text as a CSV file of this name."""

    def read(
        text,
        name="in.csv",
    ):
        (tmp_path / name).write_text(text)
        return read_table_file(str(tmp_path / name))

    return read


def test_files(place):
    TABLE[:100].to_csv("data/a.csv", index=False)
    TABLE[100:].to_csv("data/b.csv", index=False)
    TABLE.to_parquet("data/c.parquet")
    TABLE.to_csv("data/d.tsv", sep="\t", index=False)
    TABLE.to_csv("data/e.csv.gz", index=False)
    whole = events(source="data/c.parquet")
    assert len(whole) == 182
    assert str(whole.day.max()) == "2020-03-31 12:00:00"
    assert str(whole.day.dtype) == "datetime64[us]"
    for source in ("data/[ab].csv", "data/d.tsv", "data/e.csv.gz"):
        pd.testing.assert_frame_equal(events(source=source), whole)
    assert len(events("current", source="data/c.parquet")) == 58
    assert len(events("current", source="data/c.parquet", lookback="10D")) == 58 + 20
    elsewhere = "data/code/source.json"
    refused(
        "data.depends", "data/c.parquet", source="data/c.parquet", depends=elsewhere
    )


def test_encodings(place):
    japanese = TABLE.rename(columns={"x": "価格"}).assign(店="渋谷")
    for name, encoding in (("bom", "utf-8-sig"), ("plain", "utf-8"), ("sjis", "cp932")):
        japanese.to_csv(f"data/{name}.csv", index=False, encoding=encoding)
    whole = events(source="data/plain.csv")
    assert list(whole) == ["id", "day", "y", "価格", "店"]
    pd.testing.assert_frame_equal(events(source="data/bom.csv"), whole)
    pd.testing.assert_frame_equal(
        events(source="data/sjis.csv", encoding="cp932"), whole
    )
    refused("utf-8", "cp932", source="data/sjis.csv")
    refused("sjiss", source="data/sjis.csv", encoding="sjiss")


def test_files_that_are_no_utf8(tmp_path):
    noted = sales(60).assign(note="é")
    noted.to_csv(tmp_path / "wide.csv", index=False, encoding="utf-16")
    with pytest.raises(UserError, match=r"(?s)UTF-16.*data.encoding: utf-16.*UTF-8"):
        read_table_file(str(tmp_path / "wide.csv"))
    read = read_table(TableSource((tmp_path / "wide.csv",)))
    assert read.encoding == "utf-16"
    assert list(read.frame) == list(noted)
    assert read.frame.note[0] == "é"
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 99)
    with pytest.raises(UserError, match="which is no text") as caught:
        read_table(TableSource((tmp_path / "binary.csv",)))
    assert "params.yaml" not in str(caught.value)
    (tmp_path / "binary.csv").write_bytes(b"PK\3\4\0\0,\x14\n" * 99)
    with pytest.raises(UserError, match="a zip archive, as Excel writes it"):
        find_source(tmp_path / "binary.csv", tmp_path / "project")


def test_columns_of_one_name_are_refused(
    table,
    tmp_path,
):
    with pytest.raises(UserError, match="price twice"):
        table("day,price,price\n2020-01-01,1,2\n")
    assert list(table("day,price,price.1\n2020-01-01,1,2\n")) == [
        "day",
        "price",
        "price.1",
    ]
    columns = [pyarrow.array([1]), pyarrow.array([2])]
    twice = pyarrow.Table.from_arrays(columns, names=["price", "price"])
    parquet.write_table(twice, tmp_path / "in.parquet")
    with pytest.raises(UserError, match="price twice"):
        read_table_file(str(tmp_path / "in.parquet"))


def test_separators(table):
    plain = table("day,price,note\n2020-01-01,1.5,a;b\n2020-01-02,2.0,c\n")
    for text in (
        "day;price;note\n2020-01-01;1,5;x\n2020-01-02;2;c\n",
        "day\tprice\tnote\n2020-01-01\t1.5\ta;b\n2020-01-02\t2.0\tc\n",
    ):
        read = table(text)
        assert list(read) == list(plain)
        assert read.price.tolist() == [1.5, 2.0]
    assert table("codes;y\n1,2,3;0\n4,5;1\n").codes.tolist() == [
        "1,2,3",
        "4,5",
    ]  # not numbers


def test_urls(place):
    import fsspec

    with fsspec.open("memory://tables/x.csv", "w") as file:
        TABLE.to_csv(file, index=False)
    TABLE.to_parquet("data/x.parquet")
    for source in ("memory://tables/x.csv", "memory://tables/*.csv"):
        assert len(events(source=source, as_of="2020-12-31")) == 182
    february = events(source=f"file://{place}/data/x.parquet", as_of="2020-02-10")
    assert str(february.day.max()) == "2020-02-10 00:00:00"
    refused("data.as_of", source="memory://tables/x.csv")
    refused("nosuch://x/y.csv", source="nosuch://x/y.csv", as_of="2020-12-31")
    refused("none.csv", source="memory://tables/none.csv", as_of="2020-12-31")


DATABASE = {"source": "sqlite:///data/x.db", "as_of": "2020-12-31"}


@pytest.fixture
def database(place):
    """An SQLite file with the table, its times written in three ways."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite:///data/x.db")
    day = TABLE.day
    TABLE.to_sql("times", engine, index=False)
    TABLE.assign(day=day.dt.strftime("%Y-%m-%d")).to_sql("days", engine, index=False)
    TABLE.assign(day=day.dt.strftime("%Y-%m-%dT%H:%M")).to_sql(
        "iso", engine, index=False
    )
    return place


@pytest.mark.parametrize("table", ["times", "days", "iso"])
def test_sqlite_keeps_times_as_text_and_no_first_day_is_lost(
    database,
    table,
):
    bounds = "day >= :start and day < :end and day <= :as_of"
    read = events(**DATABASE, query=f"select * from {table} where {bounds}")
    assert len(read) == 182
    assert str(read.day.min()) == "2020-01-01 00:00:00"


def test_database(
    database,
    monkeypatch,
):
    everything = "select * from times"
    assert len(events(**DATABASE | {"as_of": "2020-02-01"}, query=everything)) == 63
    monkeypatch.setenv("DB_FILE", "data/x.db")
    by_name = DATABASE | {"source": "sqlite:///${DB_FILE}"}
    assert len(events(**by_name, query=everything)) == 182
    refused("data.as_of", source="sqlite:///data/x.db", query=everything)
    refused("data.query", **DATABASE)
    refused("syntax error", **DATABASE, query="selec")
    refused("no such table", **DATABASE, query="select * from absent")
    refused("y twice", **DATABASE, query="select *, y from times")
    absent = DATABASE | {"source": "sqlite:///data/none.db"}
    refused("data/none.db", **absent, query="select 1")
    assert not (database / "data" / "none.db").exists()


SOURCE = """import pandas as pd
def load(w): return pd.read_csv('data/in.csv')
def broken(w): return 1 / 0
def number(w): return 3
VISITS = pd.DataFrame({'known_at': pd.to_datetime(['2020-01-05', '2020-03-01'])})
def history(w): return {'events': load(w), 'visits': VISITS}
"""


def test_function(
    place,
    monkeypatch,
):
    monkeypatch.syspath_prepend(place)
    (place / "my_source.py").write_text(SOURCE)
    TABLE.to_csv("data/in.csv", index=False)
    assert len(events(source="my_source:load")) == 182
    refused("ZeroDivisionError", "my_source.py, line 3", source="my_source:broken")
    refused("a DataFrame", "int", source="my_source:number")
    tables = select_tables(source="my_source:history", as_of="2020-02-01")
    assert len(tables["visits"]) == 1  # the second was not known by then
