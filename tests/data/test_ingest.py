"""Any source, any shape.

What is read, what DVC reruns, and what very wide, very small and wrong tables come to.
"""

import datetime
import json
import re

import numpy as np
import pandas as pd
import pytest
from helpers.project import change, nb, sales, sh

from mlops_nb.core.errors import UserError
from mlops_nb.data.ingest import select_window_rows
from mlops_nb.data.settings import read_data_settings
from mlops_nb.data.sources import load_tables
from mlops_nb.data.windows import read_windows

WINDOWS = {
    "train": {"start": "2020-01", "end": "2020-03"},
    "current": {"start": "2020-04", "end": "2020-04"},
}
SHARES = {"train": {"share": 0.7}, "current": {"share": 0.3}}
TABLE = pd.DataFrame(
    {
        "id": range(240),
        "day": pd.date_range("2020-01-01", periods=240, freq="12h"),
        "y": np.arange(240) % 2,
        "x": 1.5,
    }
)  # 1 January to 29 April


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty project folder with data/; relative paths start there."""
    (tmp_path / "data").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.setenv("MLOPS_NB_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(window="train", windows=WINDOWS, **settings):
    """The events that `ingest` would write."""
    data = {"target": "y", "task": "binary", "time": "day", "keys": ["id"], "depends": "data"}
    return selected({"data": data | settings, "windows": windows}, window)["events"]


def selected(parameters, name):
    """Return the tables that `ingest` would write for a window."""
    settings = read_data_settings(parameters)
    window = read_windows(parameters)[name]
    return select_window_rows(load_tables(settings, window), settings, window)


def refused(*words, **settings):
    with pytest.raises(UserError) as caught:
        events(**settings)
    for word in words:
        assert word in str(caught.value), str(caught.value)


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
    refused(
        "data.depends", "data/c.parquet", source="data/c.parquet", depends="data/code/source.json"
    )


def test_encodings(place):
    japanese = TABLE.rename(columns={"x": "価格"}).assign(店="渋谷")
    for name, encoding in (("bom", "utf-8-sig"), ("plain", "utf-8"), ("sjis", "cp932")):
        japanese.to_csv(f"data/{name}.csv", index=False, encoding=encoding)
    whole = events(source="data/plain.csv")
    assert list(whole) == ["id", "day", "y", "価格", "店"]
    pd.testing.assert_frame_equal(events(source="data/bom.csv"), whole)
    pd.testing.assert_frame_equal(events(source="data/sjis.csv", encoding="cp932"), whole)
    refused("utf-8", "cp932", source="data/sjis.csv")
    refused("sjiss", source="data/sjis.csv", encoding="sjiss")


def test_urls(place):
    import fsspec

    with fsspec.open("memory://tables/x.csv", "w") as file:
        TABLE.to_csv(file, index=False)
    TABLE.to_parquet("data/x.parquet")
    assert len(events(source="memory://tables/x.csv", as_of="2020-12-31")) == 182
    assert len(events(source="memory://tables/*.csv", as_of="2020-12-31")) == 182
    got = events(source=f"file://{place}/data/x.parquet", as_of="2020-02-10")
    assert str(got.day.max()) == "2020-02-10 00:00:00"
    refused("data.as_of", source="memory://tables/x.csv")
    refused("nosuch://x/y.csv", source="nosuch://x/y.csv", as_of="2020-12-31")
    refused("none.csv", source="memory://tables/none.csv", as_of="2020-12-31")


DATABASE = "sqlite:///data/x.db"
ASK = {"source": DATABASE, "as_of": "2020-12-31"}
ALL_TIMES = "select * from times"


@pytest.fixture
def database(place):
    """A database with the table three times: its times as they are, as days and as ISO texts."""
    engine = pytest.importorskip("sqlalchemy").create_engine(DATABASE)
    TABLE.to_sql("times", engine, index=False)
    TABLE.assign(day=TABLE.day.dt.strftime("%Y-%m-%d")).to_sql("days", engine, index=False)
    TABLE.assign(day=TABLE.day.dt.strftime("%Y-%m-%dT%H:%M")).to_sql("iso", engine, index=False)
    return place


@pytest.mark.parametrize("table", ["times", "days", "iso"])
def test_database_loses_no_first_day(database, table):
    """SQLite keeps times as text."""
    query = f"select * from {table} where day >= :start and day < :end and day <= :as_of"
    got = events(**ASK, query=query)
    assert len(got) == 182
    assert str(got.day.min()) == "2020-01-01 00:00:00"


def test_database(database, monkeypatch):
    assert len(events(source=DATABASE, as_of="2020-02-01", query=ALL_TIMES)) == 63
    monkeypatch.setenv("DB_FILE", "data/x.db")
    got = events(source="sqlite:///${DB_FILE}", as_of="2020-12-31", query=ALL_TIMES)
    assert len(got) == 182


def test_database_refuses_in_words(database):
    refused("data.as_of", source=DATABASE, query=ALL_TIMES)
    refused("data.query", **ASK)
    refused("syntax error", **ASK, query="selec")
    refused("no such table", **ASK, query="select * from absent")
    refused("y twice", **ASK, query="select *, y from times")
    absent = {"source": "sqlite:///data/none.db"}
    refused("data/none.db", **ASK | absent, query="select 1")
    assert not (database / "data" / "none.db").exists()


SOURCE_MODULE = """\
import pandas as pd
def load(w): return pd.read_csv('data/in.csv')
def broken(w): return 1 / 0
def number(w): return 3
def history(w):
    known_at = pd.to_datetime(['2020-01-05', '2020-03-01'])
    return {'events': load(w), 'visits': pd.DataFrame({'known_at': known_at})}
"""


def test_function(place, monkeypatch):
    monkeypatch.syspath_prepend(place)
    (place / "my_source.py").write_text(SOURCE_MODULE)
    TABLE.to_csv("data/in.csv", index=False)
    assert len(events(source="my_source:load")) == 182
    refused("ZeroDivisionError", "my_source.py, line 3", source="my_source:broken")
    refused("a DataFrame", "int", source="my_source:number")
    data = {"source": "my_source:history", "target": "y", "time": "day", "as_of": "2020-02-01"}
    visits = selected({"data": data, "windows": WINDOWS}, "train")["visits"]
    assert len(visits) == 1  # the second was not known by then


TOKYO_DAYS = TABLE.day.dt.tz_localize("Asia/Tokyo")
DAYS = {
    "aware": TOKYO_DAYS,
    "ms": TABLE.day.astype("datetime64[ms]"),
    "date": TABLE.day.dt.date,
}


@pytest.mark.parametrize("name", DAYS, ids=str)
def test_types_of_times(place, name):
    TABLE.assign(day=DAYS[name]).to_parquet(f"data/{name}.parquet")
    assert str(events(source=f"data/{name}.parquet").day.dtype) == "datetime64[us]"


def test_times(place):
    TABLE.assign(day=TOKYO_DAYS).to_parquet("data/aware.parquet")
    TABLE.assign(day=TOKYO_DAYS.astype(str)).to_csv("data/aware.csv", index=False)
    noon_in_tokyo = "2020-01-01 03:00:00"
    assert str(events(source="data/aware.csv").day.min()) == noon_in_tokyo
    assert str(events(source="data/aware.parquet").day.min()) == noon_in_tokyo
    TABLE.assign(day=range(20200101, 20200341)).to_csv("data/number.csv", index=False)
    refused("numbers such as", source="data/number.csv")


PERIODS = {
    "years": ("M", "2020", "2020", "2021-01-01"),
    "months in days": ("D", "2020-01", "2020-02", "2020-03-01"),
    "weeks": ("W", "2020-01-06", "2020-01-13", "2020-01-20"),
    "no texts": ("M", datetime.date(2020, 1, 1), 2021, "2022-01-01"),
}


@pytest.mark.parametrize(("period", "start", "end", "expected"), PERIODS.values(), ids=PERIODS)
def test_a_window_includes_its_last_period(period, start, end, expected):
    data = {"source": "a.csv", "target": "y", "time": "day", "period": period}
    windows = {
        "train": {"start": start, "end": end},
        "current": {"start": "2022", "end": "2022"},
    }
    train = read_windows({"data": data, "windows": windows})["train"]
    assert str(train.end)[:10] == expected


def test_labels_known_later_are_blank(place):
    TABLE.assign(known=TABLE.day + pd.Timedelta("20D")).to_csv("data/in.csv", index=False)
    got = events(source="data/in.csv", label_known="known", as_of="2020-03-15")
    assert str(got.day.max()) == "2020-03-15 00:00:00"
    assert str(got[got.y.notna()].day.max()) == "2020-02-24 00:00:00"


def test_without_time_the_split_is_seeded(place):
    TABLE.to_csv("data/in.csv", index=False)

    def ids(window, **more):
        return events(window, SHARES, source="data/in.csv", time=None, **more).id.tolist()

    train = ids("train")
    current = ids("current")
    assert sorted(train + current) == list(range(240))
    assert len(train) == 168
    assert train == ids("train")
    assert train != ids("train", seed=1)
    refused(
        "at most 1",
        source="data/in.csv",
        time=None,
        windows={"train": {"share": 0.7}, "current": {"share": 0.5}},
    )


BAD_SETTINGS = {
    "data.lookback": {"lookback": "28 dayz"},
    "str for data.source": {"source": ["a.csv"]},
    "single value": {"positive": ["yes"]},
    "neither key nor time": {"keys": ["y"]},
    "score": {"target": "score"},
    "times in data.as_of": {"as_of": "soon"},
    "pattern": {"source": "data/"},
}


def test_settings(place):
    TABLE.to_csv("data/in.csv", index=False)
    assert list(events(source="data/in.csv", keys=None)) == ["row", "id", "day", "y", "x"]
    for words, bad in BAD_SETTINGS.items():
        refused(words, **{"source": "data/in.csv"} | bad)


def _ran(out):
    return set(re.findall(r"Running stage '(\S+)'", out))


def change_last_price(path):
    """Change one price in April."""
    lines = path.read_text().splitlines()
    price = lines[-1].split(",")[3]
    lines[-1] = lines[-1].replace(price, "11.5")
    path.write_text("\n".join(lines) + "\n")


def test_dvc_follows_the_source(small):
    assert "nothing to do" in nb("repro", cwd=small).stdout
    change_last_price(small / "data" / "in.csv")
    got = _ran(nb("repro", "preprocess", cwd=small).stdout)
    assert {"ingest@train", "ingest@current", "preprocess@current"} <= got
    assert "preprocess@train" not in got
    before = len(pd.read_parquet(small / "data" / "raw" / "current" / "events.parquet"))
    change(
        small,
        data={
            "source": "data/in.csv",
            "depends": "data/in.csv",
            "target": "y",
            "task": "binary",
            "time": "day",
            "keys": ["id"],
            "as_of": "2020-04-15",
        },
    )
    got = _ran(nb("repro", "ingest", cwd=small).stdout)
    assert {"ingest@train", "ingest@current"} <= got
    assert len(pd.read_parquet(small / "data" / "raw" / "current" / "events.parquet")) < before


def test_broken_current_window_still_gives_pages(small):
    rows = pd.read_csv(small / "data" / "in.csv")
    april = rows.index[rows.day >= "2020-04"]
    rows.loc[april[:40], "id"] = 7  # a key forty times
    rows.to_csv(small / "data" / "in.csv", index=False)
    got = nb("repro", cwd=small)
    assert "Traceback" not in got.stdout + got.stderr
    assert len(pd.read_parquet(small / "data" / "predictions" / "current.parquet")) == 0
    monitor = json.loads((small / "reports" / "monitor.json").read_text())
    evaluate = json.loads((small / "reports" / "evaluate.json").read_text())
    assert monitor["verdict"]["level"] == "act"
    assert monitor["verdict"]["reasons"][0]["key"] == "schema.unique"
    assert evaluate["results"]["rows"] == 0
    assert evaluate["verdict"]["level"] != "ok"
    page = (small / "reports" / "monitor.html").read_text("utf-8")
    assert "Act now" in page
    assert "could not be shown" not in page
    sh("git", "checkout", "-q", ".", cwd=small)


def test_columns_that_are_never_features(project):
    rows = sales(400).drop(columns="id")
    rows["known"] = pd.to_datetime(rows.day) + pd.Timedelta("1D")
    top = project(rows, keys=None, label_known="known", as_of="2020-12-31")
    nb("ingest", "train", cwd=top)
    nb("run", "preprocess", "train", cwd=top)
    features = pd.read_parquet(top / "data" / "features" / "train.parquet")
    assert list(features) == ["row", "day", "shop", "price", "y"]


def test_ten_rows(project):
    top = project(sales(10))
    got = nb("repro", cwd=top, check=False)
    said = got.stdout + got.stderr
    assert got.returncode
    assert "Traceback" not in said
    assert "at least 20 rows" in said


def wide_table():
    """Return a table of a thousand columns, of which two matter."""
    n = 400
    rng = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", "2020-04-30", periods=n).floor("min")
    keys = pd.DataFrame({"id": range(n), "day": days})
    numbers = pd.DataFrame(rng.normal(size=(n, 990)).round(3)).add_prefix("c")
    texts = pd.DataFrame(rng.choice(list("abcd"), (n, 7))).add_prefix("t")
    table = pd.concat([keys, numbers, texts], axis=1)
    table["y"] = (table.c0 + table.c1 + rng.normal(0, 0.5, n) > 0).astype(int)
    return table


def test_a_thousand_columns(project):
    top = project(wide_table(), schema=False)
    change(top, train={"params": {"max_iter": 30}}, evaluate={"groups": [], "checks": {}})
    nb("schema", "--force", cwd=top)
    got = nb("repro", cwd=top)
    assert "Traceback" not in got.stdout + got.stderr
    for page in (top / "reports").glob("*.html"):
        assert page.stat().st_size < 2e6, page.name
    best = json.loads((top / "reports" / "evaluate.json").read_text())["results"]["importance"]
    assert {best[0]["feature"], best[1]["feature"]} == {"c0", "c1"}
    assert len(best) <= 100
