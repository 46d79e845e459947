"""The project is not about flights: three other tables go from params.yaml to reports.

Not a line of code changes.
"""

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
from helpers.project import (
    change,
    read_manifest,
    read_metrics,
    read_results,
    run_mlops_nb,
)
from sklearn.datasets import load_wine

STAGES = ["preprocess-train", "preprocess-current", "train", "evaluate", "monitor"]
PAGES = ["index", *STAGES, "features"]
ODD = (
    "Traceback",
    "could not be shown",
    "表示できませんでした",
    "flight",
    "carrier",
    "origin",
    "nan ",
)
# a sentence without its words
BARE_KEY = re.compile(
    r"\b(core|data|schema|preprocess|train|evaluate|monitor|report)\.[a-z_]+ \{"
)


def configure(
    top,
    **settings,
):
    """Set keys of settings.ini."""
    path = top / "settings.ini"
    text = path.read_text("utf-8")
    for key, value in settings.items():
        text = re.sub(rf"(?m)^{key} =.*$", f"{key} = {value}", text)
    path.write_text(text, "utf-8")


def run(
    project,
    frame,
    leak_ok=(),
    **data,
):
    """A project of this table, run from params.yaml to its pages."""
    top = project(frame, schema=False, **data)
    change(
        top,
        train={"params": {}, "estimator": "auto"},
        evaluate={"groups": [], "checks": {}, "min_n": 50},
    )
    configure(
        top,
        title="A table",
        owner="Somebody",
        contact="somebody@example.com",
    )
    run_mlops_nb("schema", "--force", cwd=top)
    path = top / "data" / "schema.yaml"
    path.write_text(
        path.read_text("utf-8").replace(
            "leak_ok: []", f"leak_ok: {json.dumps(list(leak_ok))}"
        ),
        "utf-8",
    )
    done = run_mlops_nb("repro", cwd=top)
    assert "Traceback" not in done.stdout + done.stderr
    return top


def words_of(page):
    """What a reader sees of a page, code cells left out."""
    page = re.sub(r"(?s)<(style|script|pre)\b.*?</\1>", " ", page)
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def read_page(
    top,
    name,
):
    """A page as its reader sees it, after what must hold for any table."""
    page = (top / "reports" / f"{name}.html").read_text("utf-8")
    assert len(page) < 1e6
    # what a term means in general is no word on this table
    seen = words_of(re.sub(r'(?s)<dl class="terms">.*?</dl>', "", page))
    assert [words for words in ODD if words in seen] == []
    assert not BARE_KEY.search(seen)
    return seen


def check_numbers(
    top,
    stage,
):
    """Check the numbers of a stage: a verdict, a headline, and a few metrics."""
    result = json.loads((top / "reports" / f"{stage}.json").read_text("utf-8"))
    assert result["verdict"]["level"] in ("ok", "watch", "act")
    assert result["headline"]["key"]
    numbers = read_metrics(top, stage)
    assert 0 < len(numbers) <= 15
    for number in numbers.values():
        assert isinstance(number, (int, float, type(None)))


def read(top):
    """Every page as its reader sees it, after what must hold for any table."""
    seen = {name: read_page(top, name) for name in PAGES}
    for stage in STAGES:
        check_numbers(top, stage)
    return seen


def drawn(
    top,
    name,
):
    """All text inside the figures of a page."""
    page = (top / "reports" / f"{name}.html").read_text("utf-8")
    figures = "".join(re.findall(r"(?s)<svg.*?</svg>", page))
    texts = re.findall(r"(?s)<text[^>]*>(.*?)</text>", figures)
    return " ".join(html.unescape(text) for text in texts)


def make_readings(rows=1500):
    """What meters of two sites read every second hour."""
    rng = np.random.default_rng(0)
    time = pd.date_range("2020-01-01", periods=rows, freq="2h")
    swing = 10 + 8 * np.sin(np.arange(rows) / 84)
    readings = pd.DataFrame({"meter": range(rows), "hour_start": time})
    readings["temperature"] = (swing + rng.normal(0, 2, rows)).round(2)
    readings["hour"] = time.hour
    readings["weekday"] = time.day_name()
    readings["site"] = rng.choice(["north", "south"], rows)
    load = 200 - 5 * readings.temperature
    load += 30 * readings.hour.between(8, 18) + 20 * (readings.site == "north")
    readings["load"] = (load + rng.normal(0, 8, rows)).round(1)
    return readings


WORDS_OF_CLASSES = re.compile(
    r"(?i)flagged|false alarm|precision|recall|probab(?!ility of a difference)|AUC|confusion"
)


def test_regression_with_time(project):
    top = run(
        project,
        make_readings(),
        target="load",
        task="regression",
        time="hour_start",
        keys=["meter"],
        noun="readings",
    )
    seen = read(top)
    assert [name for name in seen if WORDS_OF_CLASSES.search(seen[name])] == []
    for words in ("readings", "off by", "2020"):
        assert words in seen["index"]
    assert {"mae", "rmse", "r2"} <= set(read_metrics(top, "evaluate"))
    assert "temperature" in drawn(top, "evaluate")
    evaluated = read_results(top, "evaluate")
    assert evaluated["metrics"]["candidate"]["r2"]["value"] > 0.8
    assert evaluated["gate"]
    check_smaller_errors(top)


def check_smaller_errors(top):
    """Errors shrank, which is no finding; the prediction is one column of the drift."""
    monitored = read_results(top, "monitor")
    quantities = [finding["quantity"] for finding in monitored["findings"]]
    assert "quality" not in quantities
    columns = [row["column"] for row in monitored["drift"]]
    assert columns.count("prediction") + columns.count("score") == 1


@pytest.fixture
def wines(project):
    """A project about 178 wines of three kinds, without time, that has run."""
    table = load_wine(as_frame=True).frame
    table["target"] = table.target.map({0: "barolo", 1: "grignolino", 2: "barbera"})
    return run(
        project,
        table,
        [name for name in table if name != "target"],
        target="target",
        task="multiclass",
        time=None,
        keys=[],
        noun="wines",
    )


WORDS_OF_TIME_AND_ALARMS = re.compile(r"(?i)flagged|false alarm|day by day|later wines")


def test_multiclass_without_time(wines):
    seen = read(wines)
    assert "no time column" in seen["index"]
    assert "random sample" in seen["preprocess-train"]
    odd = [name for name in seen if WORDS_OF_TIME_AND_ALARMS.search(seen[name])]
    assert odd == []
    assert "predicted correctly" in seen["index"]
    assert "wines" in seen["evaluate"]
    kinds = {"barolo", "grignolino", "barbera"}
    assert kinds <= set(re.findall(r"\w+", drawn(wines, "evaluate")))
    check_split(wines)
    check_row_numbers(wines)
    assert read_metrics(wines, "evaluate")["accuracy"] > 0.8


def check_split(top):
    """Every wine is in one of the windows."""
    folder = top / "data" / "features"
    train = pd.read_parquet(folder / "train.parquet")
    current = pd.read_parquet(folder / "current.parquet")
    assert len(train) + len(current) == 178
    assert not set(train.row) & set(current.row)


def check_row_numbers(top):
    """The number of a row, its key, is nothing to learn from."""
    manifest = read_manifest(top)
    assert "row" not in manifest["features"]
    assert "row" not in [column["name"] for column in manifest["columns"]]


def make_visits(rows=1200):
    """Visits of customers, in Japanese, with gaps."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", "2020-04-30", periods=rows)
    visits = pd.DataFrame({"顧客番号": [f"客{i:05d}" for i in range(rows)]})
    visits["来店日"] = days.strftime("%Y-%m-%d %H:%M")
    visits["店舗"] = rng.choice(["渋谷", "新宿", "池袋"], rows)
    visits["年齢"] = rng.integers(18, 80, rows)
    visits["会員ランク"] = rng.choice(["金", "銀", "銅"], rows)
    liking = visits.年齢 / 20 + (visits.店舗 == "渋谷") * 1.5
    returned = liking + rng.normal(0, 1, rows) > 3
    visits["再来店"] = np.where(returned, "はい", "いいえ")
    visits.loc[::9, "年齢"] = None
    visits.loc[::13, "店舗"] = None
    visits.loc[::4, "会員ランク"] = None
    return visits


@pytest.fixture
def visits(project):
    """A project about these visits that has run."""
    return run(
        project,
        make_visits(),
        csv={"encoding": "cp932"},
        target="再来店",
        positive="はい",
        time="来店日",
        keys=["顧客番号"],
        encoding="cp932",
        noun="来店客",
    )


ENGLISH = (
    "What to do",
    "First run",
    "Is the model still good",
    "when trained",
    "rows per day",
    "average target",
)


def check_in_english(top):
    """Names of columns and values are in Japanese, the words around them in English."""
    seen = read(top)
    assert "来店客" in seen["index"]
    assert "Training" in seen["train"]
    figures = drawn(top, "evaluate") + drawn(top, "monitor")
    for word in ("年齢", "店舗", "渋谷"):
        assert word in figures
    contract = (top / "data" / "schema.yaml").read_text("utf-8")
    assert "会員ランク" in contract
    assert "渋谷" in contract
    assert read_metrics(top, "evaluate")["auc"] > 0.75


def check_in_japanese(top):
    """The words around them are in Japanese as well."""
    seen = read(top)
    assert 'lang="ja"' in (top / "reports" / "index.html").read_text("utf-8")
    assert "学習" in seen["train"]
    assert "評価" in seen["evaluate"]
    assert "監視" in seen["monitor"]
    assert "2020年4月1日" in seen["index"]
    everything = " ".join(seen.values())
    assert [words for words in ENGLISH if words in everything] == []


def test_japanese_headed_csv(visits):
    check_in_english(visits)
    configure(visits, language="ja", title="再来店の予測")
    # the language is chosen when a page is rendered: no notebook runs
    run_mlops_nb("report", cwd=visits)
    check_in_japanese(visits)
