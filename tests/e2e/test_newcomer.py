"""What newcomers stumbled over: each ends in the right result, or in words that help."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.project import ENV, ROOT, change, run_mlops_nb, run_shell, sales

from mlops_nb.cli.inference import infer_project
from mlops_nb.cli.project_table import read_table
from mlops_nb.core.errors import UserError
from mlops_nb.data.contract import infer_contract
from mlops_nb.data.contract_check import check_contract
from mlops_nb.data.settings import DataSettings
from mlops_nb.data.sources import read_table_file
from mlops_nb.data.target import extract_target
from mlops_nb.data.times import to_naive_utc


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
    pq.write_table(
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["price", "price"]),
        tmp_path / "in.parquet",
    )
    with pytest.raises(UserError, match="price twice"):
        read_table_file(str(tmp_path / "in.parquet"))


def test_separators(table):
    plain = table("day,price,note\n2020-01-01,1.5,a;b\n2020-01-02,2.0,c\n")
    for text in (
        "day;price;note\n2020-01-01;1,5;x\n2020-01-02;2;c\n",
        "day\tprice\tnote\n2020-01-01\t1.5\ta;b\n2020-01-02\t2.0\tc\n",
    ):
        got = table(text)
        assert list(got) == list(plain)
        assert got.price.tolist() == [1.5, 2.0]
    assert table("codes;y\n1,2,3;0\n4,5;1\n").codes.tolist() == [
        "1,2,3",
        "4,5",
    ]  # not numbers


def test_decimal_commas_with_an_odd_cell(project):
    """The window with the odd cell has it as text, and says so; the other has numbers. A new project leaves the column out and names the cell."""
    d = sales(600)
    top = project(d, csv={"sep": ";", "decimal": ","})

    def ingested(w):
        return (top / "data" / "raw" / w / "events.parquet").read_bytes()

    run_mlops_nb("ingest", "train", cwd=top)
    before = ingested("train")
    csv = top / "data" / "in.csv"
    lines = csv.read_text().splitlines()
    lines[-1] = re.sub(r";-?\d+,\d+;", ";9,5 kg;", lines[-1])
    csv.write_text("\n".join(lines) + "\n")
    (
        run_mlops_nb("ingest", "train", cwd=top),
        run_mlops_nb("ingest", "current", cwd=top),
        run_mlops_nb("run", "preprocess", "current", cwd=top),
    )
    assert ingested("train") == before
    got = {
        v["check"]: v
        for v in json.loads((top / "reports" / "preprocess-current.json").read_text())[
            "results"
        ]["contract"]["violations"]
    }
    assert (got["type"]["column"], got["type"]["count"], got["type"]["examples"]) == (
        "price",
        1,
        ["9,5 kg"],
    )
    lines[9] = re.sub(r";-?\d+,\d+;", ";9,5 kg;", lines[9])
    csv.write_text("\n".join(lines) + "\n")
    frame, _ = read_table(csv)
    assert infer_project(frame, "y")[0].exclude == {
        "price": "numbers, but for 1 cells such as '9,5 kg': mend these at the source"
    }


def test_a_bad_time_of_a_label_concerns_its_row_alone(project):
    """With `data.as_of`, a label whose time cannot be read counts as not known; the page of its window says so, the other is as before."""
    d = sales(600).assign(told=lambda d: (d.day + pd.Timedelta(days=3)).astype(str))
    top = project(d, label_known="told", as_of="2020-04-20")

    def ingested(w):
        return top / "data" / "raw" / w / "events.parquet"

    run_mlops_nb("ingest", "train", cwd=top)
    before = ingested("train").read_bytes()
    d.loc[500, "told"] = "2020-04-3x"
    d.to_csv(top / "data" / "in.csv", index=False)
    run_mlops_nb("ingest", "train", cwd=top)
    assert ingested("train").read_bytes() == before
    said = run_mlops_nb("ingest", "current", cwd=top).stdout
    assert (
        "1 rows whose told cannot be read, such as 2020-04-3x: their label counts as not known"
        in said
    )
    rows = pd.read_parquet(ingested("current")).set_index("id")
    assert pd.isna(rows.y[500])
    assert rows.y[499] == d.y[499]
    assert rows.y[501] == d.y[501]
    assert pd.isna(rows.y.iloc[-1])
    run_mlops_nb("run", "preprocess", "current", cwd=top)
    assert (
        "1 row (1.1%) counts as not labelled: when its label became known, told, cannot be read: 2020-04-3x"
        in (top / "reports" / "preprocess-current.html").read_text()
    )
    d.assign(told="soon").to_csv(top / "data" / "in.csv", index=False)
    assert (
        "times in column told"
        in run_mlops_nb("ingest", "train", cwd=top, check=False).stderr
    )


def test_more_periods_than_there_are(small):
    """What a person asks for is refused, with the first period of the data, and nothing has run; what `loop:` asks for begins where the data do."""
    got = run_mlops_nb("retrain", "--periods", "99", cwd=small, check=False)
    assert got.returncode
    assert "the first with data is 2020-01" in got.stderr
    assert "a start at 2012-01" in got.stderr
    assert "--periods 3 or less" in got.stderr
    assert (
        "the first with data is 2020-01"
        in run_mlops_nb(
            "retrain", "--until", "2020-01", "--periods", "2", cwd=small, check=False
        ).stderr
    )
    code = "from mlops_nb.core.config import read_params as params; from mlops_nb.lifecycle.challengers import clip_to_available as grounded, choose_training_window as training_window; p = params(); print(grounded(p, training_window(p, periods=99), False))"
    assert (
        "{'start': '2020-01', 'end': '2020-03'}"
        in run_shell(sys.executable, "-c", code, cwd=small).stdout
    )
    assert not run_shell("git", "for-each-ref", "refs/exps", cwd=small).stdout


def test_offsets_are_told(project):
    d = sales(600)
    top = project(
        d.assign(day=d.day.dt.tz_localize("Asia/Tokyo").astype(str)), noun="orders"
    )
    said = run_mlops_nb("ingest", "train", cwd=top).stdout
    moved = re.search(
        r"(\d+) times in the column day with an offset, converted to UTC \((\d+) fall on another day",
        said,
    )
    assert moved
    assert 0 < int(moved[2]) < int(moved[1])
    run_mlops_nb("run", "preprocess", "train", cwd=top)
    page = re.sub(
        r"<[^>]+>", "", (top / "reports" / "preprocess-train.html").read_text()
    )
    assert (
        f"{int(moved[1]):,} times in the column day carried an offset: they were converted to UTC, and {int(moved[2]):,} fall on another day by that"
        in page
    )


def test_by_hand_the_command_line_is_to_be_mended(small):
    got = run_mlops_nb(
        "run", "monitor", "-p", "drift_max=never", cwd=small, check=False
    )
    assert got.returncode
    assert "after `-p drift_max=`" in got.stderr
    assert "params.yaml" not in got.stderr
    change(small, monitor={"drift_max": "never"})
    assert (
        "in params.yaml"
        in run_mlops_nb("run", "monitor", cwd=small, check=False).stderr
    )


def test_pages(small):
    """Class names, words for metrics, no powers of ten, and what an empty history means; in Japanese as well."""

    def page(name):
        return (small / "reports" / f"{name}.html").read_text()

    assert re.search(r">not</text>.*>y</text>", page("evaluate"), re.S)
    assert ">log loss</td>" in page("evaluate")
    assert ">better than the baseline</td>" in page("evaluate")
    assert not re.search(
        r"\d[eE][-+]\d",
        re.sub(
            r"<(style|pre)\b.*?</\1>",
            "",
            page("evaluate") + page("monitor"),
            flags=re.S,
        ),
    )
    assert "No earlier period has been closed" in page("monitor")
    assert "First run" not in page("monitor") + page("train")
    (small / "settings.ini").write_text(
        (small / "settings.ini").read_text().replace("language = en", "language = ja")
    )
    run_mlops_nb("report", cwd=small)
    for english in (
        "log loss",
        "log_loss",
        "average precision",
        "not worse",
        ">none<",
        ">since<",
        ">candidate",
        "as delivered",
    ):
        assert english not in re.sub(
            r"<(style|pre)\b.*?</\1>",
            "",
            page("evaluate")
            + page("monitor")
            + page("preprocess-train")
            + page("features"),
            flags=re.S,
        ), english


def test_paired_gains(small):
    """Two experiments on the same rows: a dot and an interval each, and their paired difference, as `evaluate` computes it."""
    code = """
import json
from mlops_nb.lifecycle.run_record import Run; from mlops_nb.publishing.comparison import compare_runs as compare
both = compare("workspace", "HEAD"); got = both.gains()
print(json.dumps(got.to_dict("records")), len(both.plot().axes[0].collections))
"""
    got = run_shell(sys.executable, "-c", code, cwd=small).stdout
    gains = json.loads(got[: got.rindex("]") + 1])
    assert [g["over"] for g in gains] in (["HEAD"], ["workspace"])
    assert gains[0]["gain"] == gains[0]["low"] == gains[0]["high"] == 0
    assert int(got[got.rindex("]") + 1 :]) >= 1  # the interval is drawn


def test_a_moved_checkout_is_set_right(tmp_path):
    old = tmp_path / "old"
    new = tmp_path / "new"
    old.mkdir()
    for f in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / f, old / f)
    run_shell(sys.executable, "-m", "venv", old / ".venv", cwd=old)
    for ok in ("python", "run", "dev"):
        (old / ".venv" / f"{ok}.ok").touch()
    old.rename(new)
    with pytest.raises(OSError):
        subprocess.run([new / ".venv" / "bin" / "pip", "--version"])
    env = {k: v for k, v in ENV.items() if k != "PYTHONPATH"}
    assert (
        f"was at {old}"
        in subprocess.run(
            ["make", "moved"],
            cwd=new,
            env=env,
            capture_output=True,
            text=True,
        ).stdout
    )
    assert (
        str(new)
        in subprocess.run(
            [new / ".venv" / "bin" / "pip", "--version"],
            env=env,
            capture_output=True,
            text=True,
        ).stdout
    )
    assert (
        subprocess.run(
            ["make", "-s", "moved"],
            cwd=new,
            env=env,
            capture_output=True,
            text=True,
        ).stdout
        == ""
    )


def test_dvc_without_the_environment(
    small,
    tmp_path,
):
    """Another python is first on the path: the stage goes on in .venv; without one it says what to do."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(
        f'#!/bin/sh\nexec {sys.executable} -S "$@"\n'
    )  # a Python without any package
    (tmp_path / "bin" / "python").chmod(0o755)
    env = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}/usr/bin:/bin",
        "MLOPS_NB_SERVER": "",
        "PYTHONPATH": "",
    }

    def run():
        return run_shell(
            sys.executable,
            "-m",
            "dvc",
            "repro",
            "-f",
            "-s",
            "champion",
            cwd=small,
            env=env,
            check=False,
        )

    got = run()
    assert got.returncode
    assert "source .venv/bin/activate" in got.stdout + got.stderr
    (small / ".venv" / "bin").mkdir(parents=True)
    (small / ".venv" / "bin" / "python").write_text(
        f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    )
    (small / ".venv" / "bin" / "python").chmod(0o755)
    assert run().returncode == 0
    assert (small / "data" / "champion" / "model.skops").exists()


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
        ["01/02/24", "03/04/24"],
        ["13/01/24", "01/13/24"],
        ["13.01.2024", "01.13.2024"],
        ["24/03/30", "24/03/31"],
        ["31.03.24"],
    ],
)
def test_days_whose_order_is_not_clear_are_refused(days):
    with pytest.raises(UserError, match="told apart"):
        to_naive_utc(pd.Series(days), "when")


def test_a_mistyped_cell_concerns_its_window_alone(project):
    """The training window comes out byte by byte as without it; the current one has a finding that names it, and nothing is scored."""
    d = sales(600)
    top = project(d)

    def ingested(w):
        return (top / "data" / "raw" / w / "events.parquet").read_bytes()

    run_mlops_nb("ingest", "train", cwd=top)
    before = ingested("train")
    typed = d.assign(
        day=d.day.astype(str), price=d.price.astype(str).where(d.price.notna())
    )
    typed.loc[598, "price"], typed.loc[599, "day"] = "12,5", "2020-04-31"
    typed.to_csv(top / "data" / "in.csv", index=False)
    said = run_mlops_nb("ingest", "train", cwd=top).stdout
    assert "1 rows of the source whose day cannot be read, such as 2020-04-31" in said
    assert ingested("train") == before
    (
        run_mlops_nb("ingest", "current", cwd=top),
        run_mlops_nb("run", "preprocess", "current", cwd=top),
    )
    got = {
        v["check"]: v
        for v in json.loads((top / "reports" / "preprocess-current.json").read_text())[
            "results"
        ]["contract"]["violations"]
    }
    assert (got["type"]["count"], got["type"]["examples"], got["type"]["severity"]) == (
        1,
        ["12,5"],
        "act",
    )
    assert (
        got["unread"]["count"],
        got["unread"]["examples"],
        got["unread"]["severity"],
    ) == (
        1,
        ["2020-04-31"],
        "watch",
    )
    assert (
        '"key": "preprocess.converted"'
        not in (top / "reports" / "preprocess-current.ipynb").read_text()
    )
    typed.assign(day="soon").to_csv(top / "data" / "in.csv", index=False)
    assert (
        "that are none, such as ['soon'"
        in run_mlops_nb("ingest", "train", cwd=top, check=False).stderr
    )


def test_dates_in_other_forms_are_the_time_or_are_named():
    d = sales(600).drop(columns="id")

    def guessed(*forms):
        return infer_project(
            d.assign(
                day=range(600),
                **{f"when{i}": d.day.dt.strftime(f) for i, f in enumerate(forms)},
            ),
            "y",
        )[0]

    for form in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%d.%m.%y", "%d-%b-%Y"):
        assert (guessed(form).time, guessed(form).windows["current"]) == (
            "when0",
            {"start": "2020-04", "end": "2020-04"},
        ), form
    both = guessed("%d/%m/%Y", "%Y-%m-%d")
    assert both.time is None
    assert both.exclude["when0"] == "looks like dates: name it with --time when0"
    assert "when1" in both.exclude
    unclear = infer_project(
        d.assign(day=[f"{i % 12 + 1:02}/{i % 11 + 1:02}/2020" for i in range(600)]), "y"
    )[0]  # no day after the twelfth
    assert unclear.time is None
    assert unclear.exclude["day"] == "looks like dates: name it with --time day"


def test_files_that_are_no_utf8(tmp_path):
    d = sales(60).assign(note="é")
    d.to_csv(tmp_path / "wide.csv", index=False, encoding="utf-16")
    with pytest.raises(UserError, match="(?s)UTF-16.*data.encoding: utf-16.*UTF-8"):
        read_table_file(str(tmp_path / "wide.csv"))
    got, encoding = read_table(tmp_path / "wide.csv")
    assert encoding == "utf-16"
    assert list(got) == list(d)
    assert got.note[0] == "é"
    for content in (bytes(range(256)) * 99, b"PK\3\4\0\0,\x14\n" * 99):
        (tmp_path / "binary.csv").write_bytes(content)
        with pytest.raises(UserError, match="which is no text") as e:
            read_table(tmp_path / "binary.csv")
        assert "params.yaml" not in str(e.value)


def test_infinite_targets_are_named():
    d, spec = (
        sales(60).assign(y=lambda d: d.id + 0.5),
        DataSettings(
            source="a.csv",
            target="y",
            task="regression",
            time="day",
            keys=("id",),
        ),
    )
    bad = d.assign(y=d.y.where(d.id > 1, float("inf")))
    assert extract_target(bad, spec).isna().sum() == 2
    with pytest.raises(UserError, match="target y has 2 infinite values"):
        check_contract(
            bad, infer_contract(d, spec), spec, is_training=True
        ).raise_if_broken()


def test_how_scoring_went_is_monitored_and_never_learned_from(project):
    """Latency is a monitored quantity like any other; outcomes that lack are estimated, and the history holds both."""
    d = sales()
    slow = d.day >= "2020-04-01"
    d["latency_ms"] = (d.price.fillna(10) * 7).round() + 500 * slow
    d.loc[d.index[slow][100:], "y"] = None
    top = project(d, quantities=["latency_ms"])
    change(top, evaluate={"groups": []})
    run_mlops_nb("repro", cwd=top)
    got = json.loads((top / "reports" / "monitor.json").read_text())["results"]
    drifted = {r["column"]: r for r in got["drift"]}
    assert (
        "latency_ms"
        not in json.loads((top / "data" / "candidate" / "manifest.json").read_text())[
            "columns"
        ]
    )
    assert drifted["latency_ms"]["drift"] == "watch"
    assert drifted["latency_ms"]["above"] > 0.9
    assert "drift.latency_ms" in {f["id"] for f in got["findings"]}
    assert got["labelled"] == 100 < got["rows"]
    assert (
        0
        < got["expected"]["auc"]["low"]
        <= got["expected"]["auc"]["value"]
        <= got["expected"]["auc"]["high"]
        <= 1
    )
    assert "lead to expect" in (top / "reports" / "monitor.html").read_text()
