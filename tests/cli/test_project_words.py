"""What a new project calls its rows and outcomes is guessed from names, or asked for."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.cli.doubts import Answers
from mlops_nb.cli.explanation import explain_project
from mlops_nb.cli.inference import infer_project
from mlops_nb.cli.new_project import plan_project
from mlops_nb.cli.project_source import TableSource
from mlops_nb.cli.project_words import add_words, guess_noun, guess_outcome
from mlops_nb.core.data_sections import SnapshotSection
from mlops_nb.core.messages import Message, render


@pytest.mark.parametrize(
    ("tables", "keys", "noun"),
    [
        pytest.param(["customers"], [], "customers", id="file"),
        pytest.param(["orders_2024-01"], [], "orders", id="dated file"),
        pytest.param(["OldSupportTickets"], [], "support tickets", id="camel case"),
        pytest.param(["part-0001", "loans"], [], "loans", id="folder"),
        pytest.param(["data"], ["customerID"], "customers", id="key"),
        pytest.param(["telco"], ["policy_no"], "policies", id="key with y"),
        pytest.param(["records"], [], "rows", id="of any table"),
        pytest.param(["bank-full"], ["row"], "rows", id="singular"),
        pytest.param(["analysis", "status"], ["row_id"], "rows", id="no plural"),
        pytest.param(["lines"], [], "lines", id="lines"),
        pytest.param(["x"], ["order_id", "line_no"], "rows", id="key of two"),
        pytest.param(["顧客データ"], [], "rows", id="japanese"),
    ],
)
def test_a_row_is_called_after_its_table_or_key(
    tables,
    keys,
    noun,
):
    assert guess_noun(tables, keys).text["en"] == noun


@pytest.mark.parametrize(
    ("tables", "keys", "noun"),
    [
        pytest.param(["customers"], [], "行", id="english"),
        pytest.param(["顧客データ"], [], "顧客", id="file"),
        pytest.param(["x"], ["会員番号"], "会員", id="key"),
    ],
)
def test_a_japanese_page_shows_no_english_noun(
    tables,
    keys,
    noun,
):
    assert guess_noun(tables, keys).text["ja"] == noun


@pytest.mark.parametrize(
    ("target", "positive", "english", "japanese"),
    [
        pytest.param("Churn", "Yes", "churn cases", "「Churn」", id="yes"),
        pytest.param("is_late", None, "late", "「is_late」", id="is"),
        pytest.param("quality", "bad", "bad", "「bad」", id="label"),
        pytest.param("grade", 2, "grade 2", "grade 2", id="number"),
        pytest.param("y", 1, "positive", "該当例", id="nameless"),
        pytest.param("解約", "はい", "解約 cases", "解約", id="japanese"),
    ],
)
def test_an_outcome_is_called_after_target_and_label(
    target,
    positive,
    english,
    japanese,
):
    words = guess_outcome(target, positive).text
    said = words if isinstance(words, dict) else {"en": words, "ja": words}
    assert said == {"en": english, "ja": japanese}


def make_customers(path):
    """Write a table of customers, of whom a third has left."""
    rng = np.random.default_rng(0)
    rows = 300
    spent = rng.normal(50, 9, rows).round(2)
    churn = np.where(spent + rng.normal(0, 9, rows) < 46, "Yes", "No")
    table = pd.DataFrame({"spent": spent, "churn": churn})
    table.to_csv(path, index=False)


def test_explain_says_what_rows_are_called(
    tmp_path,
    monkeypatch,
):
    monkeypatch.chdir(tmp_path)
    make_customers("customers.csv")
    explained = explain_project(plan_project("shop", "customers.csv", "churn").made)
    told = " ".join(explained.split())
    assert "noun: customers why: the table is called customers" in told
    assert "outcome: churn cases why: `churn` is Yes in such rows" in told
    assert "What are rows called, in the plural? inferred: customers" in told


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("select * from shop.orders o", ["orders"], id="schema"),
        pytest.param('SELECT a FROM "orders"', ["orders"], id="quoted"),
    ],
)
def test_a_query_names_its_table(
    query,
    names,
):
    snapshot = SnapshotSection(database="sqlite:///a.db", query=query)
    assert TableSource(snapshot=snapshot).table_names == names


def words_of(
    answers,
    target="churn",
):
    """Return the section `data` of a project of customers with these answers."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"spent": rng.normal(size=200).round(3)})
    frame["churn"] = np.where(np.arange(200) % 3 == 0, "Yes", "No")
    guess, _ = infer_project(frame, target)
    worded = add_words(guess, ["customers"], Answers(answers, "ada"))
    return worded.to_data_section("customers.csv", "utf-8")


def test_an_answer_counts_for_pages_in_its_language():
    data = words_of({"noun": "顧客", "outcome": "gone"})
    assert data["noun"] == {"en": "customers", "ja": "顧客"}
    assert data["outcome"] == {"en": "gone", "ja": "「churn」"}


def test_a_quantity_has_no_outcome():
    assert words_of({}, target="spent")["outcome"] == "right"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        pytest.param("en", "Of 100 rows, 55 were predicted correctly", id="en"),
        pytest.param("ja", "行 100 件のうち 55 件を正しく予測", id="ja"),
    ],
)
def test_rows_that_nobody_has_named_are_rows(
    language,
    said,
):
    message = Message("evaluate.headline_multiclass", noun="rows", value=55)
    assert render(message.json(), language) == said
