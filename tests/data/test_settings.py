"""The section `data`: what it may say, and what it means."""

import pytest
from helpers.tables import TABLE, events, refused


def test_without_a_key_a_row_is_its_number(place):
    TABLE.to_csv("data/in.csv", index=False)
    assert list(events(source="data/in.csv", keys=None)) == [
        "row",
        "id",
        "day",
        "y",
        "x",
    ]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        pytest.param("data.lookback", {"lookback": "28 dayz"}, id="a duration"),
        pytest.param(
            "str for data.source", {"source": ["a.csv"]}, id="several sources"
        ),
        pytest.param("single value", {"positive": ["yes"]}, id="several labels"),
        pytest.param("neither key nor time", {"keys": ["y"]}, id="the target as key"),
        pytest.param("score", {"target": "score"}, id="a reserved name"),
        pytest.param("times in data.as_of", {"as_of": "soon"}, id="no time"),
        pytest.param("pattern", {"source": "data/"}, id="a folder"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    place,
    words,
    wrong,
):
    TABLE.to_csv("data/in.csv", index=False)
    refused(words, **{"source": "data/in.csv"} | wrong)
