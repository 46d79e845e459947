"""A changed params.yaml differs in what was changed alone, whoever has written it."""

import json

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import MODIFIERS, modify_yaml
from dvc.utils.serialize._yaml import parse_yaml
from helpers.shipped import SHIPPED
from hypothesis import example, given, settings, strategies
from ruamel.yaml import YAML

from mlops_nb.core.params_text import (
    change_values,
    is_settled,
    modify_in_style,
    settle_style,
    write_as_dvc,
)

ODD_TEXTS = (
    *(
        "yes",
        "1e3",
        "2013",
        "null",
        "a: b",
        "#x",
        "",
        "~",
        "2013-04-01",
        "0x1f",
        "1_000",
    ),
    *(
        "- a",
        "x #y",
        "日本語 é",
        "'",
        '"',
        "12e45",
        "0o7",
        "1:30",
        "=",
        "<<",
        "!x",
        "&a",
    ),
    *("*a", "%a", "@a", "`a", "a:", " a", "a ", "{", "[", "word " * 30, "a\nb", "a\tb"),
)
ANY_TEXT = strategies.sampled_from(ODD_TEXTS) | strategies.text(
    strategies.characters(exclude_categories=["Cs", "Cc"]), max_size=90
)
PLAIN = strategies.none() | strategies.integers() | strategies.booleans() | ANY_TEXT
VALUES = PLAIN | strategies.lists(PLAIN, max_size=4)


def read(text):
    """The values of a YAML text, as the package reads them."""
    return YAML(typ="safe", pure=True).load(text)


def rewritten_by_dvc(
    path,
    text,
):
    """A text after DVC has read and written it."""
    path.write_text(text, "utf-8")
    with modify_yaml(path):
        pass
    return path.read_text("utf-8")


def test_dvc_leaves_the_parameters_of_the_repository_as_they_are(tmp_path):
    text = (SHIPPED / "params.yaml").read_text("utf-8")
    assert rewritten_by_dvc(tmp_path / "params.yaml", text) == text


def test_the_settled_style_is_that_of_dvc(tmp_path):
    text = 'a: {b: "2013", c: null} # d\ne:\n    - "x y"   # z\nf: 2013-04-01\n'
    settled = settle_style(text)
    assert rewritten_by_dvc(tmp_path / "params.yaml", settled) == settled
    assert read(settled) == read(text)
    assert [word for word in ("# d", "# z") if word in settled] == ["# d", "# z"]


@settings(max_examples=60, deadline=None)
@given(strategies.dictionaries(ANY_TEXT, VALUES, min_size=1, max_size=4))
@example({name: name for name in ODD_TEXTS})
def test_any_value_is_written_so_that_dvc_reads_it_as_it_was(section):
    values = {"data": section, "end": 1}
    text = settle_style(write_as_dvc(values))
    assert is_settled(text)
    assert read(text) == values
    assert parse_yaml(text, "params.yaml") == values


def test_a_value_that_dvc_would_change_is_left_alone():
    text = "a: 4.795189275315406e-91\n"
    assert settle_style(text) == text


BY_HAND = """\
a:
    b: {old}     # why
    c: "2013"
    d:  [1,2 ]
# the end
"""


@settings(max_examples=60, deadline=None)
@given(
    ANY_TEXT,
    ANY_TEXT | strategies.none() | strategies.integers(),
    strategies.booleans(),
)
def test_what_did_not_change_stays_as_it_is_written(
    old,
    new,
    is_quoted,
):
    before = json.dumps(old) if is_quoted else ""
    text = BY_HAND.format(old=before)
    values = read(text)
    values["a"]["b"] = new
    changed = change_values(text, values)
    assert read(changed) == values
    assert changed.endswith('     # why\n    c: "2013"\n    d:  [1,2 ]\n# the end\n')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('"2013-01"', '"2013-04"', id="double quotes"),
        pytest.param("'2013-01'", "'2013-04'", id="single quotes"),
        pytest.param("2013-01", "2013-04", id="no quotes"),
        pytest.param("null", "2013-04", id="null"),
        pytest.param("", " 2013-04", id="nothing"),
    ],
)
def test_a_text_keeps_its_quotes(
    before,
    after,
):
    text = f"a: {before}\nb: {{c: null, d: '1'}}\ne:    x\n"
    values = read(text) | {"a": "2013-04"}
    expected = text.replace(f"a: {before}", f"a: {after.strip()}", 1)
    if not before:
        text = text.replace("a: ", "a:", 1)
    assert change_values(text, values) == expected


def test_a_key_may_come_and_go():
    text = 'a: {b: "1"}\nc: 2\n'
    changed = change_values(text, {"a": {"b": "1", "d": 3}})
    assert read(changed) == {"a": {"b": "1", "d": 3}}
    assert '"1"' in changed


def test_an_anchor_is_no_trap():
    text = 'a: &x "1"\nb: *x\n'
    assert read(change_values(text, {"a": "1", "b": "2"})) == {"a": "1", "b": "2"}


def test_a_settled_text_stays_settled():
    text = "as_of:\nwindow: {end: '2013-01-01', to: x}\n"
    assert is_settled(text)
    values = {"as_of": "2013-05-01", "window": {"end": "2013-05", "to": "y"}}
    changed = change_values(text, values)
    assert changed == "as_of: '2013-05-01'\nwindow: {end: 2013-05, to: y}\n"


def test_an_experiment_of_ours_keeps_a_style_that_is_not_dvcs(
    tmp_path,
    monkeypatch,
):
    text = 'data: {source: "a.csv", as_of: null}\ntrain: {seed: 0}   # any\n'
    path = tmp_path / "params.yaml"
    path.write_text(text)
    monkeypatch.setitem(MODIFIERS, ".yaml", modify_in_style)
    apply_overrides(path, ["train.seed=1"])
    assert path.read_text() == text.replace("seed: 0", "seed: 1")
