"""What only people can say of a model: read with care, kept, required before a promotion."""

import pandas as pd
import pytest
from helpers.project import change

from mlops_nb.core.errors import UserError
from mlops_nb.lifecycle.obstacles import promotion_obstacles
from mlops_nb.lifecycle.statements import (
    CARD_FILE,
    REQUIRED_ANSWERS,
    CardAnswers,
    missing_answers,
    missing_answers_of_project,
    parse_answers,
    read_answers,
    write_answers,
)

CUSTOMER = {"column": "customer_id", "why": "its name suggests an ID"}
REACH = {"column": "reach", "why": "looks like addresses"}
ALL_ANSWERED = CardAnswers(*"abcde", accepted=("customer_id",), dropped=("reach",))


@pytest.fixture
def there(
    small,
    monkeypatch,
):
    """Return the small project, as the one that the functions work in."""
    monkeypatch.setenv("MLOPS_NB_ROOT", str(small))
    return small


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("limit: x", 'Did you mean "limits"', id="misspelt key"),
        pytest.param("limits: [1]", "text for limits", id="list for a text"),
        pytest.param("a: [", "valid YAML", id="no YAML"),
        pytest.param("- a", "keys among", id="list"),
        pytest.param("personal_data: {kept: []}", "accepted", id="unknown answer"),
        pytest.param(
            "personal_data: {accepted: flight}", "list of column names", id="no list"
        ),
        pytest.param(
            "statements: [{test: Data 3, said: done, by: ada}]",
            "test, said, by and on",
            id="no date",
        ),
        pytest.param(
            'statements: [{test: Data 9, said: done, by: ada, on: "2026-01-31"}]',
            "such as Data 3",
            id="unknown test",
        ),
        pytest.param(
            "statements: [{test: Data 3, said: done, by: ada, on: soon}]",
            "a date",
            id="odd date",
        ),
        pytest.param(
            'statements: [{test: Data 3, said: done, by: ada, on: "2999-01-31"}]',
            "made already",
            id="later date",
        ),
    ],
)
def test_what_is_wrong_is_said(
    text,
    words,
):
    with pytest.raises(UserError) as error:
        parse_answers(text)
    assert words in str(error.value)


def test_nothing_said_is_no_answer(tmp_path):
    assert parse_answers("") == CardAnswers()
    assert read_answers(tmp_path) == CardAnswers()


def test_everything_answered():
    everything = {"columns": "auto", "exclude": ["reach"]}
    named = {"columns": ["price"], "exclude": []}
    assert missing_answers(ALL_ANSWERED, [CUSTOMER, REACH], everything) == []
    assert missing_answers(ALL_ANSWERED, [CUSTOMER], named) == []


def test_a_dropped_column_must_not_be_a_feature():
    assert missing_answers(ALL_ANSWERED, [CUSTOMER], {"columns": "auto"}) == [
        "personal_data: reach is said to be dropped, but is a feature"
    ]


def test_what_is_required():
    assert missing_answers(CardAnswers(), [], {}) == list(REQUIRED_ANSWERS)


@pytest.mark.parametrize("key", REQUIRED_ANSWERS, ids=REQUIRED_ANSWERS)
def test_each_required_answer_blocks_while_blank(
    there,
    key,
):
    write_answers(there, **{key: "  "})
    obstacles = {obstacle.kind: obstacle for obstacle in promotion_obstacles(there)}
    assert missing_answers_of_project(there) == [key]
    assert key in obstacles["answers"].what
    assert "card.ipynb" in obstacles["answers"].remedy


@pytest.mark.parametrize("key", REQUIRED_ANSWERS, ids=REQUIRED_ANSWERS)
def test_an_answer_blocks_no_more(
    there,
    key,
):
    write_answers(there, **{key: "  "})
    write_answers(there, **{key: "answered"})
    assert missing_answers_of_project(there) == []
    assert "answers" not in {obstacle.kind for obstacle in promotion_obstacles(there)}


def test_personal_columns_must_be_answered(there):
    """By name from the contract; by value where the data are; dropped only when no feature."""
    write_answers(there, personal_data={"accepted": []})
    assert missing_answers_of_project(there) == ["personal_data: id"]
    path = there / "data" / "raw" / "train" / "events.parquet"
    events = pd.read_parquet(path)
    events["reach"] = "a" + events.id.astype(str) + "@example.com"
    events.to_parquet(path)
    assert missing_answers_of_project(there) == [
        "personal_data: id",
        "personal_data: reach",
    ]
    write_answers(there, personal_data={"accepted": ["id"], "dropped": ["reach"]})
    assert missing_answers_of_project(there) == [
        "personal_data: reach is said to be dropped, but is a feature"
    ]
    change(there, features={"modules": [], "columns": "auto", "exclude": ["reach"]})
    assert missing_answers_of_project(there) == []


def test_without_a_card_everything_is_missing(there):
    (there / CARD_FILE).unlink()
    assert missing_answers_of_project(there)[:5] == list(REQUIRED_ANSWERS)


def test_answers_keep_comments_and_bytes(there):
    path = there / CARD_FILE
    before = path.read_bytes()
    limits = read_answers(there).limits
    write_answers(there, limits=limits, personal_data={"accepted": ["id"]})
    assert path.read_bytes() == before
    write_answers(there, ethics="New")
    assert b"# Columns that look like names" in path.read_bytes()
    assert read_answers(there).ethics == "New"
    assert read_answers(there).limits == limits


def test_an_unknown_key_writes_nothing(there):
    write_answers(there, ethics="New")
    with pytest.raises(UserError, match="Did you mean"):
        write_answers(there, licens="CC0")
    assert read_answers(there).ethics == "New"
