"""What is inferred of a table is explained without a project, and asked for in a terminal."""

import os
import pty
import select
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.project import ENV, read_yaml
from rich.cells import cell_len

from mlops_nb.cli.commands import run_command
from mlops_nb.cli.created_project import CreatedProject
from mlops_nb.cli.doubts import Answers
from mlops_nb.cli.explanation import column_role, explain_project
from mlops_nb.cli.inference import infer_project
from mlops_nb.cli.new_project import plan_project

PERSON = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "ada"), ("EMAIL", "ada@example.com"))
}


def name_orders(rows):
    """Keys of which two are the same."""
    keys = [f"A{i:05d}" for i in range(rows)]
    keys[-1] = keys[3]
    return keys


def make_orders(rows=1200):
    """Orders of which each column is odd in its own way."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", "2024-06-11", periods=rows)
    discount = rng.integers(0, 40, rows)
    left = discount + rng.normal(0, 12, rows) < 15
    orders = pd.DataFrame({"order_id": name_orders(rows)})
    orders["signed"] = days.strftime("%Y%m%d")
    orders["country"] = rng.choice(["NA", "DE", "ZA", "FR"], rows)
    orders["fee"] = [f"${fee:.2f}" for fee in rng.gamma(2, 9, rows)]
    orders["discount"] = [f"{share}%" for share in discount]
    orders["zip"] = rng.choice(["10001", "94105", "60601"], rows)
    orders.loc[5, "zip"] = "K1A0B1"
    orders["refund"] = np.where(left, rng.gamma(3, 400, rows).round(), 0)
    orders["left"] = np.where(left, "Yes", rng.choice(["No", "No "], rows))
    return orders


@pytest.fixture
def folder(
    tmp_path,
    monkeypatch,
):
    """A folder with these orders."""
    make_orders().to_csv(tmp_path / "orders.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


NEW = ("new", "shop", "--data", "orders.csv", "--target", "left")


def test_explain_writes_nothing(
    folder,
    capsys,
):
    assert run_command([*NEW, "--explain"]) == 0
    said = capsys.readouterr().out
    assert [path.name for path in folder.iterdir()] == ["orders.csv"]
    assert "nothing is written" in said.splitlines()[0]
    assert "nothing was written" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        pytest.param("order_id", "1,199 of 1,200 values differ", id="repeated key"),
        pytest.param("signed", "1,200 of 1,200 are read as times", id="time"),
        pytest.param("country", "NA is a code as the others", id="code"),
        pytest.param("fee", "is read as", id="currency"),
        pytest.param("discount", "40 different", id="per cent"),
        pytest.param("zip", "not all codes are numbers: 'K1A0B1'", id="zip"),
        pytest.param("refund", "predicts `left` alone", id="leak"),
        pytest.param("left", "2 different", id="target"),
    ],
)
def test_explain_says_of_each_column_why(
    folder,
    column,
    said,
):
    explained = explain_project(plan_project("shop", "orders.csv", "left").made)
    _, _, columns = explained.partition("\ncolumns\n")
    blocks = columns.partition("\n\n")[0].split("\n  ")
    words = " ".join("\n".join(blocks).split())
    place = words.index(f"{column}: ")
    assert said in words[place : place + 400]


def test_explain_fits_a_terminal_without_colour(folder):
    wide = pd.read_csv("orders.csv", dtype=str, keep_default_na=False)
    wide["とても長い名前の列" * 9] = "東京 " * 30
    wide.to_csv("orders.csv", index=False)
    explained = explain_project(plan_project("shop", "orders.csv", "left").made)
    assert max(cell_len(line) for line in explained.splitlines()) <= 80
    assert "\x1b" not in explained


def test_many_columns_are_summed_up(
    folder,
):
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(500)]
    table = pd.DataFrame(rng.normal(size=(200, 500)).round(3), columns=names)
    table["same"] = 1
    table["y"] = rng.choice(["a", "b"], 200)
    table.to_csv("orders.csv", index=False)
    explained = explain_project(plan_project("shop", "orders.csv", "y").made)
    assert len(explained.splitlines()) < 60
    assert "500 columns, feature, number" in explained
    assert "1 column, left out, integer: always the same" in explained


CTRL_C = b"\x03"


def talk(
    folder,
    answers,
    *options,
):
    """Answer each question of a command in a terminal; (exit code, what was shown)."""
    command = [sys.executable, "-m", "mlops_nb", *NEW, *options]
    child, terminal = (
        pty.fork()
    )  # the terminal is the child's own, so that Ctrl-C reaches it
    if child == 0:
        os.chdir(folder)
        os.execve(sys.executable, command, ENV | PERSON | {"COLUMNS": "80"})
    shown = answer_questions(terminal, answers)
    # closed before the child has ended, the terminal would end it (SIGHUP)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


def read_terminal(terminal):
    """Return what is shown next; nothing when the other end is closed."""
    try:
        return os.read(terminal, 4096).decode()
    except OSError:
        return ""


def answer_questions(
    terminal,
    answers,
):
    """Type an answer whenever a prompt is shown; return all that was shown."""
    shown = ""
    left = [*answers]
    asked_at = 0
    typed = ""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            # Python misses a Ctrl-C that comes just before it waits for a line
            os.write(terminal, CTRL_C if typed == "\x03" else b"")
            continue
        read = read_terminal(terminal)
        if not read:
            break
        shown += read
        is_prompt = shown.rstrip(" ").endswith("]:") and shown.endswith(": ")
        if is_prompt and len(shown) > asked_at:
            asked_at = len(shown)
            typed = left.pop(0) if left else ""
            os.write(terminal, (typed if typed == "\x03" else f"{typed}\n").encode())
    return shown


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A project whose questions were answered, in the order of the doubts."""
    folder = tmp_path_factory.mktemp("answered")
    make_orders().to_csv(folder / "orders.csv", index=False)
    answers = ["y", "order_id+signed", "", "n", "", "", "y", "purchases", ""]
    code, shown = talk(folder, answers, "--ask")
    assert code == 0, shown
    return folder / "shop"


def test_answers_stand_over_what_was_inferred(answered):
    params = read_yaml(answered)
    assert params["windows"]["current"]["end"] == "2024-06"
    assert params["data"]["keys"] == ["order_id", "signed"]
    assert params["data"]["noun"] == {"en": "purchases", "ja": "行"}
    assert "fee" not in params["data"]["cells"]
    assert "refund" not in params["features"]["exclude"]
    assert read_yaml(answered, "data/schema.yaml")["leak_ok"] == ["refund"]


@pytest.mark.parametrize(
    "comment",
    [
        pytest.param("why: {}: yes; without an answer: the last", id="window"),
        pytest.param("why: {}: order_id+signed; without an answer: a row", id="key"),
        pytest.param("why: {}: purchases; without an answer: the table", id="noun"),
        pytest.param("fee: {}: no; without an answer: numbers", id="cells"),
        pytest.param("country: {}: yes; without an answer: NA is", id="confirmed"),
        pytest.param("refund: {}: yes; without an answer: predicts", id="leak"),
    ],
)
def test_an_answer_is_told_as_one(
    answered,
    comment,
):
    text = (answered / "params.yaml").read_text()
    assert f"  # {comment.format('answered by ada (asked)')}" in text


def test_an_answer_that_cannot_be_is_asked_again(folder):
    answers = ["", "country", "none"]
    code, shown = talk(folder, answers, "--ask")
    assert code == 0, shown
    assert "expected: columns that name a row" in shown
    assert read_yaml(folder / "shop")["data"]["keys"] == []


def test_ctrl_c_writes_nothing(folder):
    code, shown = talk(folder, ["", "\x03"], "--ask")
    assert code == 130, shown
    assert [path.name for path in folder.iterdir()] == ["orders.csv"]
    assert "Traceback" not in shown


def test_nobody_is_asked_where_nobody_can_answer(
    folder,
    capsys,
):
    assert run_command([*NEW, "--ask"]) == 1
    assert "a terminal, in which --ask can ask" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["orders.csv"]


def test_explain_and_ask_are_two_things(
    folder,
    capsys,
):
    assert run_command([*NEW, "--ask", "--explain"]) == 1
    assert "--explain first, then --ask" in capsys.readouterr().err


def make_contracts(rows=300):
    """Contracts with two days each, grades in whole numbers, and two kinds."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=rows)
    contracts = pd.DataFrame({"signed": days.astype(str)})
    contracts["ended"] = (days + pd.Timedelta("90D")).astype(str)
    contracts["grade"] = rng.integers(1, 6, rows)
    contracts["kind"] = rng.choice(["a", "b"], rows, p=[0.3, 0.7])
    return contracts


@pytest.mark.parametrize(
    ("target", "about", "answer", "key", "decided"),
    [
        pytest.param("kind", "positive", "b", "positive", "b", id="yes"),
        pytest.param("grade", "task", "regression", "task", "regression", id="task"),
        pytest.param("kind", "time", "ended", "time", "ended", id="time"),
        pytest.param("kind", "keys", "signed", "keys", ["signed"], id="key"),
    ],
)
def test_an_answer_decides(
    target,
    about,
    answer,
    key,
    decided,
):
    answers = Answers({about: answer}, "ada")
    guess, _ = infer_project(make_contracts(), target, answers=answers)
    assert guess.to_data_section("a.csv", "utf-8")[key] == decided
    assert guess.evidence[about].startswith(f"answered by ada (asked): {answer}; ")


@pytest.mark.parametrize(
    ("target", "about"),
    [
        pytest.param("kind", "positive", id="yes"),
        pytest.param("grade", "task", id="task"),
        pytest.param("kind", "time", id="time"),
    ],
)
def test_what_is_not_clear_is_a_doubt(
    target,
    about,
):
    guess, _ = infer_project(make_contracts(), target)
    assert about in {doubt.about for doubt in guess.doubts}


def test_no_answer_is_refused_twice(
    tmp_path,
    monkeypatch,
):
    """Dates that cannot be read are no time, however often somebody says so."""
    days = [f"{i % 28 + 1}/05/2023" for i in range(200)]
    days[::8] = ["31/31/2023"] * 25
    left = ["yes", "no", "no", "no"] * 50
    made = pd.DataFrame({"when": days, "x": np.arange(200) * 7 % 31, "left": left})
    made.to_csv(tmp_path / "orders.csv", index=False)
    code, shown = talk(tmp_path, ["when", "when"], "--ask")
    assert code == 0, shown
    assert shown.count("or Enter, which leaves it at none") == 1
    assert "when cannot be used, as explained above: none stands" in shown
    assert read_yaml(tmp_path / "shop")["data"]["time"] is None


def test_a_table_of_hundreds_of_columns_is_told_on_a_page():
    """Alike columns and alike doubts are summed up, whatever is odd about them."""
    rng = np.random.default_rng(0)
    rows = 200
    left = np.arange(rows) % 3 == 0
    columns = {}
    for i in range(60):
        days = pd.Timestamp("2023-01-01") + pd.to_timedelta(
            rng.integers(0, 400, rows), "D"
        )
        columns[f"number_{i}"] = rng.normal(size=rows)
        columns[f"date_{i}"] = days.astype(str)
        columns[f"refund_{i}"] = np.where(left, rng.gamma(2, 9, rows), np.nan)
        columns[f"clock_{i}"] = [f"{j % 24:02}:{j % 60:02}" for j in range(rows)]
    frame = pd.DataFrame(columns).assign(left=left)
    guess, _ = infer_project(frame, "left")
    made = CreatedProject(Path("shop"), "shop", "a.csv", "utf-8-sig", guess, False)
    lines = explain_project(made).splitlines()
    assert len(lines) < 120
    assert "  60 columns, left out, text: a time of the day" in lines


def test_a_second_date_is_no_feature():
    frame = pd.DataFrame({"signed": pd.date_range("2023-01-01", periods=300)})
    frame["seen"] = frame.signed.sample(frac=1, random_state=0).to_numpy()
    guess, _ = infer_project(frame.assign(left=[0, 1, 1] * 100), "left", "signed")
    assert column_role(guess, "seen") == "left out"
