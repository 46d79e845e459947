"""Line 2: any source, any shape. What is read, what DVC reruns, and what very wide, very small and wrong tables come to."""

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
    p = {
        "data": {"target": "y", "task": "binary", "time": "day", "keys": ["id"], "depends": "data"}
        | settings,
        "windows": windows,
    }
    s = read_data_settings(p)
    w = read_windows(p)[window]
    return select_window_rows(load_tables(s, w), s, w)["events"]


def refused(*words, **settings):
    with pytest.raises(UserError) as e:
        events(**settings)
    for w in words:
        assert w in str(e.value), str(e.value)


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
    ja = TABLE.rename(columns={"x": "価格"}).assign(店="渋谷")
    for name, encoding in (("bom", "utf-8-sig"), ("plain", "utf-8"), ("sjis", "cp932")):
        ja.to_csv(f"data/{name}.csv", index=False, encoding=encoding)
    whole = events(source="data/plain.csv")
    assert list(whole) == ["id", "day", "y", "価格", "店"]
    pd.testing.assert_frame_equal(events(source="data/bom.csv"), whole)
    pd.testing.assert_frame_equal(events(source="data/sjis.csv", encoding="cp932"), whole)
    refused("utf-8", "cp932", source="data/sjis.csv")
    refused("sjiss", source="data/sjis.csv", encoding="sjiss")


def test_urls(place):
    import fsspec

    with fsspec.open("memory://tables/x.csv", "w") as f:
        TABLE.to_csv(f, index=False)
    TABLE.to_parquet("data/x.parquet")
    assert (
        len(events(source="memory://tables/x.csv", as_of="2020-12-31"))
        == len(events(source="memory://tables/*.csv", as_of="2020-12-31"))
        == 182
    )
    assert (
        str(events(source=f"file://{place}/data/x.parquet", as_of="2020-02-10").day.max())
        == "2020-02-10 00:00:00"
    )
    refused("data.as_of", source="memory://tables/x.csv")
    refused("nosuch://x/y.csv", source="nosuch://x/y.csv", as_of="2020-12-31")
    refused("none.csv", source="memory://tables/none.csv", as_of="2020-12-31")


def test_database(place, monkeypatch):
    sa = pytest.importorskip("sqlalchemy")
    db = sa.create_engine("sqlite:///data/x.db")
    TABLE.to_sql("times", db, index=False)
    TABLE.assign(day=TABLE.day.dt.strftime("%Y-%m-%d")).to_sql("days", db, index=False)
    TABLE.assign(day=TABLE.day.dt.strftime("%Y-%m-%dT%H:%M")).to_sql("iso", db, index=False)
    ask = {"source": "sqlite:///data/x.db", "as_of": "2020-12-31"}
    for table in ("times", "days", "iso"):  # SQLite keeps times as text: no first day may be lost
        got = events(
            **ask,
            query=f"select * from {table} where day >= :start and day < :end and day <= :as_of",
        )
        assert len(got) == 182 and str(got.day.min()) == "2020-01-01 00:00:00", table
    assert len(events(**ask | {"as_of": "2020-02-01"}, query="select * from times")) == 63
    monkeypatch.setenv("DB_FILE", "data/x.db")
    assert (
        len(events(**ask | {"source": "sqlite:///${DB_FILE}"}, query="select * from times")) == 182
    )
    refused("data.as_of", source="sqlite:///data/x.db", query="select * from times")
    refused("data.query", **ask)
    refused("syntax error", **ask, query="selec")
    refused("no such table", **ask, query="select * from absent")
    refused("y twice", **ask, query="select *, y from times")
    refused("data/none.db", **ask | {"source": "sqlite:///data/none.db"}, query="select 1")
    assert not (place / "data" / "none.db").exists()


def test_function(place, monkeypatch):
    monkeypatch.syspath_prepend(place)
    (place / "my_source.py").write_text(
        "import pandas as pd\ndef load(w): return pd.read_csv('data/in.csv')\ndef broken(w): return 1 / 0\ndef number(w): return 3\n"
        "def history(w): return {'events': load(w), 'visits': pd.DataFrame({'known_at': pd.to_datetime(['2020-01-05', '2020-03-01'])})}\n"
    )
    TABLE.to_csv("data/in.csv", index=False)
    assert len(events(source="my_source:load")) == 182
    refused("ZeroDivisionError", "my_source.py, line 3", source="my_source:broken")
    refused("a DataFrame", "int", source="my_source:number")
    p = {
        "data": {
            "source": "my_source:history",
            "target": "y",
            "time": "day",
            "as_of": "2020-02-01",
        },
        "windows": WINDOWS,
    }
    s = read_data_settings(p)
    w = read_windows(p)["train"]
    assert (
        len(select_window_rows(load_tables(s, w), s, w)["visits"]) == 1
    )  # the second was not known by then


def test_times(place):
    for name, day in {
        "aware": TABLE.day.dt.tz_localize("Asia/Tokyo"),
        "ms": TABLE.day.astype("datetime64[ms]"),
        "date": TABLE.day.dt.date,
    }.items():
        TABLE.assign(day=day).to_parquet(f"data/{name}.parquet")
        assert str(events(source=f"data/{name}.parquet").day.dtype) == "datetime64[us]"
    TABLE.assign(day=TABLE.day.dt.tz_localize("Asia/Tokyo").astype(str)).to_csv(
        "data/aware.csv", index=False
    )
    assert (
        str(events(source="data/aware.csv").day.min())
        == str(events(source="data/aware.parquet").day.min())
        == "2020-01-01 03:00:00"
    )  # 12:00 in Tokyo
    TABLE.assign(day=range(20200101, 20200341)).to_csv("data/number.csv", index=False)
    refused("numbers such as", source="data/number.csv")
    assert [
        str(
            read_windows(
                {
                    "data": {"source": "a.csv", "target": "y", "time": "day", "period": p},
                    "windows": {
                        "train": {"start": a, "end": b},
                        "current": {"start": "2022", "end": "2022"},
                    },
                }
            )["train"].end
        )[:10]
        for p, a, b in (
            ("M", "2020", "2020"),
            ("D", "2020-01", "2020-02"),
            ("W", "2020-01-06", "2020-01-13"),
            ("M", datetime.date(2020, 1, 1), 2021),
        )
    ] == ["2021-01-01", "2020-03-01", "2020-01-20", "2022-01-01"]


def test_labels_known_later_are_blank(place):
    TABLE.assign(known=TABLE.day + pd.Timedelta("20D")).to_csv("data/in.csv", index=False)
    got = events(source="data/in.csv", label_known="known", as_of="2020-03-15")
    assert str(got.day.max()) == "2020-03-15 00:00:00"
    assert str(got[got.y.notna()].day.max()) == "2020-02-24 00:00:00"


def test_without_time_the_split_is_seeded(place):
    TABLE.to_csv("data/in.csv", index=False)

    def ids(window, **kw):
        return events(window, SHARES, source="data/in.csv", time=None, **kw).id.tolist()

    train = ids("train")
    current = ids("current")
    assert sorted(train + current) == list(range(240))
    assert len(train) == 168
    assert train == ids("train") != ids("train", seed=1)
    refused(
        "at most 1",
        source="data/in.csv",
        time=None,
        windows={"train": {"share": 0.7}, "current": {"share": 0.5}},
    )


def test_settings(place):
    TABLE.to_csv("data/in.csv", index=False)
    ok = {"source": "data/in.csv"}
    assert list(events(**ok, keys=None)) == ["row", "id", "day", "y", "x"]
    for words, bad in (
        (["data.lookback"], {"lookback": "28 dayz"}),
        (["str for data.source"], {"source": ["a.csv"]}),
        (["single value"], {"positive": ["yes"]}),
        (["neither key nor time"], {"keys": ["y"]}),
        (["score"], {"target": "score"}),
        (["times in data.as_of"], {"as_of": "soon"}),
        (["pattern"], {"source": "data/"}),
    ):
        refused(*words, **ok | bad)


def _ran(out):
    return set(re.findall(r"Running stage '(\S+)'", out))


def test_dvc_follows_the_source(small):
    assert "nothing to do" in nb("repro", cwd=small).stdout
    path = small / "data" / "in.csv"
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([*lines[:-1], lines[-1].replace(lines[-1].split(",")[3], "11.5")]) + "\n"
    )  # one price in April
    got = _ran(nb("repro", "preprocess", cwd=small).stdout)
    assert {
        "ingest@train",
        "ingest@current",
        "preprocess@current",
    } <= got
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
    d = pd.read_csv(small / "data" / "in.csv")
    april = d.index[d.day >= "2020-04"]
    d.loc[april[:40], "id"] = 7  # a key forty times
    d.to_csv(small / "data" / "in.csv", index=False)
    got = nb("repro", cwd=small)
    assert "Traceback" not in got.stdout + got.stderr
    assert len(pd.read_parquet(small / "data" / "predictions" / "current.parquet")) == 0
    monitor, evaluate = (
        json.loads((small / "reports" / f"{n}.json").read_text()) for n in ("monitor", "evaluate")
    )
    assert monitor["verdict"]["level"] == "act"
    assert monitor["verdict"]["reasons"][0]["key"] == "schema.unique"
    assert evaluate["results"]["rows"] == 0
    assert evaluate["verdict"]["level"] != "ok"
    page = (small / "reports" / "monitor.html").read_text("utf-8")
    assert "Act now" in page
    assert "could not be shown" not in page
    sh("git", "checkout", "-q", ".", cwd=small)


def test_columns_that_are_never_features(project):
    d = sales(400).drop(columns="id")
    top = project(
        d.assign(known=pd.to_datetime(d.day) + pd.Timedelta("1D")),
        keys=None,
        label_known="known",
        as_of="2020-12-31",
    )
    nb("ingest", "train", cwd=top), nb("run", "preprocess", "train", cwd=top)
    assert list(pd.read_parquet(top / "data" / "features" / "train.parquet")) == [
        "row",
        "day",
        "shop",
        "price",
        "y",
    ]


def test_ten_rows(project):
    top = project(sales(10))
    got = nb("repro", cwd=top, check=False)
    said = got.stdout + got.stderr
    assert got.returncode
    assert "Traceback" not in said
    assert "at least 20 rows" in said


def test_a_thousand_columns(project):
    n = 400
    rng = np.random.default_rng(0)
    d = pd.DataFrame(rng.normal(size=(n, 990)).round(3)).add_prefix("c")
    d = pd.concat(
        [
            pd.DataFrame(
                {
                    "id": range(n),
                    "day": pd.date_range("2020-01-01", "2020-04-30", periods=n).floor("min"),
                }
            ),
            d,
            pd.DataFrame(rng.choice(list("abcd"), (n, 7))).add_prefix("t"),
        ],
        axis=1,
    )
    d["y"] = (d.c0 + d.c1 + rng.normal(0, 0.5, n) > 0).astype(int)
    top = project(d, schema=False)
    change(top, train={"params": {"max_iter": 30}}, evaluate={"groups": [], "checks": {}})
    nb("schema", "--force", cwd=top)
    got = nb("repro", cwd=top)
    assert "Traceback" not in got.stdout + got.stderr
    for page in (top / "reports").glob("*.html"):
        assert page.stat().st_size < 2e6, page.name
    best = json.loads((top / "reports" / "evaluate.json").read_text())["results"]["importance"]
    assert {best[0]["feature"], best[1]["feature"]} == {"c0", "c1"}
    assert len(best) <= 100
