"""What newcomers stumbled over: each ends in the right result, or in words that help."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from helpers.project import (
    ENV,
    ROOT,
    change,
    read_manifest,
    read_results,
    run_mlops_nb,
    run_shell,
    sales,
)

from mlops_nb.cli.inference import infer_project
from mlops_nb.cli.project_source import TableSource
from mlops_nb.cli.project_table import read_table


def read_ingested(
    top,
    window,
):
    """The bytes that `ingest` has written for a window."""
    return (top / "data" / "raw" / window / "events.parquet").read_bytes()


def read_violations(top):
    """How the current window violates the contract, by the name of the check."""
    contract = read_results(top, "preprocess-current")["contract"]
    return {violation["check"]: violation for violation in contract["violations"]}


def prepare_current(top):
    """Ingest and preprocess the current window."""
    run_mlops_nb("ingest", "current", cwd=top)
    run_mlops_nb("run", "preprocess", "current", cwd=top)


def spoil_price(line):
    """Write a unit behind the price of a line."""
    return re.sub(r";-?\d+,\d+;", ";9,5 kg;", line)


def test_decimal_commas_with_an_odd_cell(project):
    """The window with the odd cell has it as text, and says so; the other has numbers.

    A new project leaves the column out and names the cell.
    """
    top = project(sales(600), csv={"sep": ";", "decimal": ","})
    run_mlops_nb("ingest", "train", cwd=top)
    before = read_ingested(top, "train")
    csv = top / "data" / "in.csv"
    lines = csv.read_text().splitlines()
    lines[-1] = spoil_price(lines[-1])
    csv.write_text("\n".join(lines) + "\n")
    run_mlops_nb("ingest", "train", cwd=top)
    prepare_current(top)
    assert read_ingested(top, "train") == before
    odd = read_violations(top)["type"]
    assert odd["column"] == "price"
    assert odd["count"] == 1
    assert odd["examples"] == ["9,5 kg"]
    lines[9] = spoil_price(lines[9])
    csv.write_text("\n".join(lines) + "\n")
    frame = read_table(TableSource((csv,))).frame
    assert infer_project(frame, "y")[0].exclude == {
        "price": "numbers, but for 1 cell such as '9,5 kg': fix these at the source"
    }


def told_sales():
    """600 sales; when an outcome became known is a text, three days later."""
    orders = sales(600)
    told = orders.day + pd.Timedelta(days=3)
    return orders.assign(told=told.astype(str))


def test_a_bad_time_of_a_label_concerns_its_row_alone(project):
    """With `data.as_of`, a label whose time cannot be read counts as not known.

    The page of its window says so, the other is as before.
    """
    orders = told_sales()
    top = project(orders, label_known="told", as_of="2020-04-20")
    run_mlops_nb("ingest", "train", cwd=top)
    before = read_ingested(top, "train")
    orders.loc[500, "told"] = "2020-04-3x"
    orders.to_csv(top / "data" / "in.csv", index=False)
    run_mlops_nb("ingest", "train", cwd=top)
    assert read_ingested(top, "train") == before
    said = run_mlops_nb("ingest", "current", cwd=top).stdout
    unreadable = "1 row with an unreadable told, such as 2020-04-3x"
    assert f"{unreadable}: label counted as not known" in said
    path = top / "data" / "raw" / "current" / "events.parquet"
    outcome = pd.read_parquet(path).set_index("id").y
    assert pd.isna(outcome[500])
    assert outcome[499] == orders.y[499]
    assert outcome[501] == orders.y[501]
    assert pd.isna(outcome.iloc[-1])
    run_mlops_nb("run", "preprocess", "current", cwd=top)
    page = (top / "reports" / "preprocess-current.html").read_text()
    sentence = (
        "1 row (1.1%) counts as unlabelled, because the time when its label became known, told, "
        "cannot be read: 2020-04-3x"
    )
    assert sentence in page


def test_without_any_time_of_a_label_the_column_is_named(project):
    """Where no time can be read, the command fails and says which column it is."""
    top = project(told_sales(), label_known="told", as_of="2020-04-20")
    told_sales().assign(told="soon").to_csv(top / "data" / "in.csv", index=False)
    refused = run_mlops_nb("ingest", "train", cwd=top, check=False)
    assert "times in column told" in refused.stderr


CLIP = """
from mlops_nb.core.config import read_params
from mlops_nb.lifecycle.challengers import clip_to_available, choose_training_window

params = read_params()
print(clip_to_available(params, choose_training_window(params, periods=99), False))
"""


def test_more_periods_than_there_are(small):
    """What a person asks for is refused, with the first period of the data.

    Nothing has run; what `loop:` asks for begins where the data do.
    """
    asked = ("retrain", "--periods", "99")
    refused = run_mlops_nb(*asked, cwd=small, check=False)
    assert refused.returncode
    assert "the first with data is 2020-01" in refused.stderr
    assert "a start at 2012-01" in refused.stderr
    assert "--periods 3 or less" in refused.stderr
    asked = ("retrain", "--until", "2020-01", "--periods", "2")
    refused = run_mlops_nb(*asked, cwd=small, check=False)
    assert "the first with data is 2020-01" in refused.stderr
    clipped = run_shell(sys.executable, "-c", CLIP, cwd=small).stdout
    assert "{'start': '2020-01', 'end': '2020-03'}" in clipped
    assert not run_shell("git", "for-each-ref", "refs/exps", cwd=small).stdout


def test_offsets_are_told(project):
    orders = sales(600)
    local = orders.day.dt.tz_localize("Asia/Tokyo").astype(str)
    top = project(orders.assign(day=local), noun="orders")
    said = run_mlops_nb("ingest", "train", cwd=top).stdout
    told = re.search(
        r"(\d+) times in column day with an offset, "
        r"converted to UTC \(moved to another day: (\d+)",
        said,
    )
    assert told
    converted = int(told[1])
    moved = int(told[2])
    assert 0 < moved < converted
    run_mlops_nb("run", "preprocess", "train", cwd=top)
    page = (top / "reports" / "preprocess-train.html").read_text()
    sentence = (
        f"{converted:,} times in column day had a UTC offset and were converted to UTC, "
        f"which moved {moved:,} to another day"
    )
    assert sentence in re.sub(r"<[^>]+>", "", page)


def test_by_hand_the_command_line_is_to_be_mended(small):
    command = ("run", "monitor")
    bad = ("-p", "drift_max=never")
    refused = run_mlops_nb(*command, *bad, cwd=small, check=False)
    assert refused.returncode
    assert "after `-p drift_max=`" in refused.stderr
    assert "params.yaml" not in refused.stderr
    change(small, monitor={"drift_max": "never"})
    refused = run_mlops_nb(*command, cwd=small, check=False)
    assert "in params.yaml" in refused.stderr


ENGLISH = (
    "log loss",
    "log_loss",
    "average precision",
    "not worse",
    ">none<",
    ">since<",
    ">candidate",
    "as delivered",
)


def read_pages(
    top,
    *names,
):
    """The HTML of some pages, styles and code left out."""
    texts = [(top / "reports" / f"{name}.html").read_text() for name in names]
    return re.sub(r"(?s)<(style|pre)\b.*?</\1>", "", "".join(texts))


def test_pages(small):
    """Class names, words for metrics, no powers of ten, and what an empty history means.

    In Japanese as well.
    """
    evaluation = (small / "reports" / "evaluate.html").read_text()
    assert re.search(r"(?s)>not</text>.*>y</text>", evaluation)
    assert ">log loss</td>" in evaluation
    assert ">better than the baseline</td>" in evaluation
    numbers = read_pages(small, "evaluate", "monitor")
    assert not re.search(r"\d[eE][-+]\d", numbers)
    monitoring = (small / "reports" / "monitor.html").read_text()
    training = (small / "reports" / "train.html").read_text()
    assert "First period: nothing to compare yet" in monitoring
    assert "First run" not in monitoring + training
    settings = small / "settings.ini"
    text = settings.read_text()
    settings.write_text(text.replace("language = en", "language = ja"))
    run_mlops_nb("report", cwd=small)
    japanese = read_pages(small, "evaluate", "monitor", "preprocess-train", "features")
    assert [words for words in ENGLISH if words in japanese] == []


COMPARE = """
import json
from mlops_nb.publishing.comparison import compare_runs

both = compare_runs("workspace", "HEAD")
print(json.dumps(both.gains().to_dict("records")))
print(len(both.plot().axes[0].collections))
"""


def test_paired_gains(small):
    """Two experiments on the same rows: a dot and an interval each.

    And their paired difference, as `evaluate` computes it.
    """
    printed = run_shell(sys.executable, "-c", COMPARE, cwd=small).stdout
    table, intervals = printed.splitlines()
    gains = json.loads(table)
    assert [gain["over"] for gain in gains] in (["HEAD"], ["workspace"])
    assert gains[0]["gain"] == gains[0]["low"] == gains[0]["high"] == 0
    assert int(intervals) >= 1  # the interval is drawn


def make_environment(top):
    """A folder with what the Makefile needs, and an environment without any package."""
    (top / ".jupyter").mkdir(parents=True)
    needed = ("Makefile", "requirements.lock", "pyproject.toml", ".jupyter/moved.py")
    for name in needed:
        shutil.copy(ROOT / name, top / name)
    run_shell(sys.executable, "-m", "venv", top / ".venv", cwd=top)
    for installed in ("python", "run", "dev"):
        (top / ".venv" / f"{installed}.ok").touch()
    return top


def starts(command):
    """Say whether a command can be started at all, and ends well."""
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("old", "new", id="plain"),
        pytest.param("old", "a new one", id="into a folder with spaces"),
        pytest.param("an old one", "new", id="out of one"),
        pytest.param("an old one", "a new & better one", id="into another"),
    ],
)
def test_a_moved_checkout_is_set_right(
    tmp_path,
    first,
    second,
):
    old = make_environment(tmp_path / first)
    new = tmp_path / second
    old.rename(new)
    pip = (new / ".venv" / "bin" / "pip", "--version")
    assert not starts(pip)  # its first line names a Python elsewhere
    env = {name: value for name, value in ENV.items() if name != "PYTHONPATH"}
    options = {"cwd": new, "env": env, "capture_output": True, "text": True}
    assert f"was at {old}" in subprocess.run(["make", "moved"], **options).stdout
    assert str(new) in subprocess.run(pip, **options).stdout
    activated = ". .venv/bin/activate && command -v pip"
    assert subprocess.run(activated, shell=True, **options).stdout == f"{pip[0]}\n"
    assert subprocess.run(["make", "-s", "moved"], **options).stdout == ""


def write_python(
    folder,
    options="",
):
    """Put a `python` into a folder that starts this one with some options."""
    folder.mkdir(parents=True)
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {options} "$@"\n')
    script.chmod(0o755)


def test_dvc_without_the_environment(
    small,
    tmp_path,
):
    """Another python is first on the path: the stage goes on in .venv.

    Without one it says what to do.
    """
    write_python(tmp_path / "bin", "-S")  # a Python without any package
    env = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}/usr/bin:/bin",
        "MLOPS_NB_SERVER": "",
        "PYTHONPATH": "",
    }
    dvc = (sys.executable, "-m", "dvc", "repro", "-f", "-s", "champion")
    done = run_shell(*dvc, cwd=small, env=env, check=False)
    assert done.returncode
    assert "source .venv/bin/activate" in done.stdout + done.stderr
    write_python(small / ".venv" / "bin")
    assert run_shell(*dvc, cwd=small, env=env, check=False).returncode == 0
    assert (small / "data" / "champion" / "model.skops").exists()


@pytest.fixture
def mistyped(project):
    """A project whose training window was ingested before two cells were mistyped."""
    orders = sales(600)
    top = project(orders)
    run_mlops_nb("ingest", "train", cwd=top)
    before = read_ingested(top, "train")
    price = orders.price.astype(str).where(orders.price.notna())
    typed = orders.assign(day=orders.day.astype(str), price=price)
    typed.loc[598, "price"] = "12,5"
    typed.loc[599, "day"] = "2020-04-31"
    typed.to_csv(top / "data" / "in.csv", index=False)
    return top, before, typed


def assert_both_cells_are_named(violations):
    """A number that is none and a time that is none are to be watched."""
    assert violations["type"]["count"] == 1
    assert violations["type"]["examples"] == ["12,5"]
    assert violations["type"]["severity"] == "watch"
    assert violations["unread"]["count"] == 1
    assert violations["unread"]["examples"] == ["2020-04-31"]
    assert violations["unread"]["severity"] == "watch"


def test_a_mistyped_cell_concerns_its_window_alone(mistyped):
    """The training window comes out byte by byte as without it.

    The current one has a finding that names it, and its row is set aside.
    """
    top, before, typed = mistyped
    said = run_mlops_nb("ingest", "train", cwd=top).stdout
    assert "1 row of the source with an unreadable day, such as 2020-04-31" in said
    assert read_ingested(top, "train") == before
    prepare_current(top)
    assert_both_cells_are_named(read_violations(top))
    notebook = (top / "reports" / "preprocess-current.ipynb").read_text()
    assert '"key": "preprocess.converted"' not in notebook
    typed.assign(day="soon").to_csv(top / "data" / "in.csv", index=False)
    refused = run_mlops_nb("ingest", "train", cwd=top, check=False)
    assert "that are none, such as ['soon'" in refused.stderr


@pytest.fixture
def slow_april(project):
    """A project that has run: in April scoring was slow, and few outcomes are known."""
    orders = sales()
    in_april = orders.day >= "2020-04-01"
    orders["latency_ms"] = (orders.price.fillna(10) * 7).round() + 500 * in_april
    orders.loc[orders.index[in_april][100:], "y"] = None
    top = project(orders, quantities=["latency_ms"])
    change(top, evaluate={"groups": []})
    run_mlops_nb("repro", cwd=top)
    return top


def test_how_scoring_went_is_monitored_and_never_learned_from(slow_april):
    """Latency is a monitored quantity like any other.

    Outcomes that lack are estimated, and the history holds both.
    """
    monitored = read_results(slow_april, "monitor")
    drifted = {row["column"]: row for row in monitored["drift"]}
    assert "latency_ms" not in read_manifest(slow_april)["columns"]
    assert drifted["latency_ms"]["drift"] == "watch"
    assert drifted["latency_ms"]["above"] > 0.9
    found = {finding["id"] for finding in monitored["findings"]}
    assert "drift.latency_ms" in found
    assert monitored["labelled"] == 100 < monitored["rows"]
    auc = monitored["expected"]["auc"]
    assert 0 < auc["low"] <= auc["value"] <= auc["high"] <= 1
    page = (slow_april / "reports" / "monitor.html").read_text()
    assert "Estimated performance" in page
