"""Line 2: the project is not about flights. Three other tables go from params.yaml to reports, and not a line of code changes."""

import html
import json
import re

import numpy as np
import pandas as pd
from helpers.project import change, run_mlops_nb

NAMES = [
    "index",
    "preprocess-train",
    "preprocess-current",
    "train",
    "evaluate",
    "monitor",
    "features",
]


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
        top, train={"params": {}}, evaluate={"groups": [], "checks": {}, "min_n": 50}
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
    got = run_mlops_nb("repro", cwd=top)
    assert "Traceback" not in got.stdout + got.stderr
    return top


def words_of(page):
    """What a reader sees of a page, code cells left out."""
    page = re.sub(r"(?s)<(style|script|pre)\b.*?</\1>", " ", page)
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def read(top):
    """Every page as its reader sees it, after what must hold for any table."""
    seen = {}
    for name in NAMES:
        page = (top / "reports" / f"{name}.html").read_text("utf-8")
        assert len(page) < 1e6, name
        seen[name] = words_of(page)
        for odd in (
            "Traceback",
            "could not be shown",
            "表示できませんでした",
            "flight",
            "carrier",
            "origin",
            "nan ",
        ):
            assert odd not in seen[name], (name, odd)
        raw = re.search(
            r"\b(core|data|schema|preprocess|train|evaluate|monitor|report)\.[a-z_]+ \{",
            seen[name],
        )
        assert not raw, (name, raw)  # a sentence without its words
    for name in (
        "preprocess-train",
        "preprocess-current",
        "train",
        "evaluate",
        "monitor",
    ):
        result = json.loads((top / "reports" / f"{name}.json").read_text("utf-8"))
        assert result["verdict"]["level"] in ("ok", "watch", "act")
        assert result["headline"]["key"]
        numbers = json.loads(
            (top / "reports" / "metrics" / f"{name}.json").read_text("utf-8")
        )
        assert 0 < len(numbers) <= 15 and all(
            isinstance(v, (int, float, type(None))) for v in numbers.values()
        ), name
    return seen


def drawn(
    top,
    name,
):
    """All text inside the figures of a page."""
    page = (top / "reports" / f"{name}.html").read_text("utf-8")
    return " ".join(
        html.unescape(t)
        for s in re.findall(r"(?s)<svg.*?</svg>", page)
        for t in re.findall(r"(?s)<text[^>]*>(.*?)</text>", s)
    )


def test_regression_with_time(project):
    n = 1500
    rng = np.random.default_rng(0)
    time = pd.date_range("2020-01-01", periods=n, freq="2h")
    d = pd.DataFrame(
        {
            "meter": range(n),
            "hour_start": time,
            "temperature": (
                10 + 8 * np.sin(np.arange(n) / 84) + rng.normal(0, 2, n)
            ).round(2),
            "hour": time.hour,
            "weekday": time.day_name(),
            "site": rng.choice(["north", "south"], n),
        }
    )
    d["load"] = (
        200
        - 5 * d.temperature
        + 30 * d.hour.between(8, 18)
        + 20 * (d.site == "north")
        + rng.normal(0, 8, n)
    ).round(1)
    top = run(
        project,
        d,
        target="load",
        task="regression",
        time="hour_start",
        keys=["meter"],
        noun="readings",
    )
    seen = read(top)
    for page in seen.values():
        assert not re.search(
            r"flagged|false alarm|precision|recall|probab|AUC|confusion",
            page,
            re.IGNORECASE,
        )
    assert "readings" in seen["index"]
    assert "off by" in seen["index"]
    assert "2020" in seen["index"]
    assert {"mae", "rmse", "r2"} <= set(
        json.loads((top / "reports" / "metrics" / "evaluate.json").read_text())
    )
    assert "temperature" in drawn(top, "evaluate")
    result = json.loads((top / "reports" / "evaluate.json").read_text())["results"]
    assert result["metrics"]["candidate"]["r2"]["value"] > 0.8
    assert result["gate"]
    drift = json.loads((top / "reports" / "monitor.json").read_text())["results"]
    assert not [
        f for f in drift["findings"] if f["quantity"] == "quality"
    ]  # errors shrank: better is no finding
    assert [r["column"] for r in drift["drift"]].count("prediction") + [
        r["column"] for r in drift["drift"]
    ].count("score") == 1


def test_multiclass_without_time(project):
    from sklearn.datasets import load_wine

    d = load_wine(as_frame=True).frame
    d["target"] = d.target.map({0: "barolo", 1: "grignolino", 2: "barbera"})
    top = run(
        project,
        d,
        [c for c in d if c != "target"],
        target="target",
        task="multiclass",
        time=None,
        keys=[],
        noun="wines",
    )
    seen = read(top)
    assert "no time column" in seen["index"]
    assert "random share" in seen["preprocess-train"]
    for page in seen.values():
        assert not re.search(
            r"flagged|false alarm|day by day|later wines", page, re.IGNORECASE
        )
    assert "predicted right" in seen["index"]
    assert "wines" in seen["evaluate"]
    assert {"barolo", "grignolino", "barbera"} <= set(
        re.findall(r"\w+", drawn(top, "evaluate"))
    )
    train, current = (
        pd.read_parquet(top / "data" / "features" / f"{w}.parquet")
        for w in ("train", "current")
    )
    assert len(train) + len(current) == len(d)
    assert not set(train.row) & set(current.row)
    assert (
        "row"
        not in json.loads((top / "data" / "candidate" / "manifest.json").read_text())[
            "features"
        ]
    )
    assert "row" not in [
        c["name"]
        for c in json.loads((top / "data" / "candidate" / "manifest.json").read_text())[
            "columns"
        ]
    ]
    assert (
        json.loads((top / "reports" / "metrics" / "evaluate.json").read_text())[
            "accuracy"
        ]
        > 0.8
    )


def test_japanese_headed_csv(project):
    n = 1200
    rng = np.random.default_rng(0)
    d = pd.DataFrame(
        {
            "顧客番号": [f"客{i:05d}" for i in range(n)],
            "来店日": pd.date_range("2020-01-01", "2020-04-30", periods=n).strftime(
                "%Y-%m-%d %H:%M"
            ),
            "店舗": rng.choice(["渋谷", "新宿", "池袋"], n),
            "年齢": rng.integers(18, 80, n),
            "会員ランク": rng.choice(["金", "銀", "銅"], n),
        }
    )
    d["再来店"] = np.where(
        d.年齢 / 20 + (d.店舗 == "渋谷") * 1.5 + rng.normal(0, 1, n) > 3,
        "はい",
        "いいえ",
    )
    d.loc[::9, "年齢"] = None
    d.loc[::13, "店舗"] = None
    d.loc[::4, "会員ランク"] = None
    top = run(
        project,
        d,
        csv={"encoding": "cp932"},
        target="再来店",
        positive="はい",
        time="来店日",
        keys=["顧客番号"],
        encoding="cp932",
        noun="来店客",
    )
    seen = read(top)
    assert "来店客" in seen["index"]
    assert "Training" in seen["train"]
    figures = drawn(top, "evaluate") + drawn(top, "monitor")
    for word in ("年齢", "店舗", "渋谷"):
        assert word in figures, word
    contract = (top / "data" / "schema.yaml").read_text("utf-8")
    assert "会員ランク" in contract
    assert "渋谷" in contract
    assert (
        json.loads((top / "reports" / "metrics" / "evaluate.json").read_text())["auc"]
        > 0.75
    )
    configure(top, language="ja", title="再来店の予測")
    run_mlops_nb(
        "report", cwd=top
    )  # the language is chosen when a page is rendered: no notebook runs
    seen = read(top)
    assert 'lang="ja"' in (top / "reports" / "index.html").read_text("utf-8")
    assert "学習" in seen["train"]
    assert "評価" in seen["evaluate"]
    assert "監視" in seen["monitor"]
    assert "2020年4月1日" in seen["index"]
    for english in (
        "What to do",
        "First run",
        "Is it still good",
        "when trained",
        "rows per day",
        "average target",
    ):
        assert english not in " ".join(seen.values()), english
