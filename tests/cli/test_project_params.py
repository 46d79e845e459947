"""The params.yaml of a new project: DVC changes the lines of a parameter in it, and no other."""

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize._yaml import parse_yaml
from hypothesis import example, given, settings, strategies
from ruamel.yaml import YAML

from mlops_nb.cli.evidence import ColumnEvidence
from mlops_nb.cli.inference import InferredProject
from mlops_nb.cli.project_params import render_params
from mlops_nb.core.data_sections import CellsSection
from mlops_nb.core.params_text import is_settled
from mlops_nb.data.cell_inference import InferredCells

MONTHS = {
    "train": {"start": "2020-01", "end": "2020-03"},
    "current": {"start": "2020-04", "end": "2020-04"},
}
DAYS = {
    "train": {"start": "2020-01-06", "end": "2020-03-30"},
    "current": {"start": "2020-04-06", "end": "2020-04-06"},
}
SHARES = {"train": {"share": 0.75}, "current": {"share": 0.25}}
ODD_NAMES = ("yes", "1e3", "2013", "null", "a: b", "#x", "2013-04-01", "日本 語", "- a")
NAMES = strategies.sampled_from(ODD_NAMES) | strategies.text(
    strategies.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60
).filter(lambda name: "${" not in name)  # DVC itself puts another parameter there


TOLD = (
    *("target", "task", "positive", "time", "period", "keys"),
    *("train", "current", "cells", "accepted"),
)
RULE = CellsSection(type="number", decimal=",", missing=[".", "-"], same={"a": "b"})


def explained(name="price"):
    """A project of which each setting has its reason, and one column odd cells."""
    return project(
        exclude=("country",),
        cells={name: InferredCells(RULE, "numbers: '1,5' is read as 1.5")},
        evidence={key: f"the evidence of {key}, 1,190 of 1,191" for key in TOLD},
        columns={"country": ColumnEvidence("text", "9 of 9 filled, 1 different", "")},
    )


def project(
    name="sold",
    windows=MONTHS,
    time="day",
    keys=("order_id",),
    exclude=(),
    **more,
):
    """What a table says, as far as it does not matter here."""
    reasons = dict.fromkeys(exclude, "always  the same # in all rows")
    fields = {"exclude": reasons, "suspects": tuple(exclude)[:1]} | more
    return InferredProject(
        600, name, "binary", "yes", time, "M", windows, tuple(keys), **fields
    )


def written_and_overridden(
    guess,
    path,
    source="data/in.csv",
):
    """The params.yaml of a project, before and after `dvc exp run -S train.seed=1`."""
    text = render_params(guess, "shop", source, "utf-8-sig")
    path.write_text(text, "utf-8")
    apply_overrides(path, ["train.seed=1"])
    return text, path.read_text("utf-8")


@pytest.mark.parametrize(
    "guess",
    [
        pytest.param(project(), id="by month"),
        pytest.param(project(windows=DAYS), id="by week"),
        pytest.param(project(windows=SHARES, time=None, keys=()), id="without time"),
        pytest.param(project(exclude=("税込売上", "country")), id="columns left out"),
        pytest.param(project(keys=[f"column {n}" for n in range(40)]), id="many keys"),
        pytest.param(project(name="word " * 40), id="long name"),
        pytest.param(explained(), id="with reasons"),
    ],
)
def test_dvc_changes_one_line(
    guess,
    tmp_path,
):
    text, after = written_and_overridden(guess, tmp_path / "params.yaml")
    assert after == text.replace("  seed: 0\n", "  seed: 1\n", 1)


@settings(max_examples=40, deadline=None)
@given(NAMES, NAMES, strategies.lists(NAMES, max_size=3, unique=True))
@example("yes", "2013-04-01", ["2013", "null", "#x"])
def test_any_name_is_read_as_it_is(
    tmp_path_factory,
    name,
    source,
    others,
):
    guess = project(name=name, keys=others, exclude=others)
    path = tmp_path_factory.mktemp("named") / "params.yaml"
    text, after = written_and_overridden(guess, path, source)
    params = YAML(typ="safe", pure=True).load(text)
    assert is_settled(text)
    assert after == text.replace("  seed: 0\n", "  seed: 1\n", 1)
    assert params["data"] == guess.to_data_section(source, "utf-8-sig")
    assert params["features"]["exclude"] == others
    assert parse_yaml(text, "params.yaml") == params


@pytest.mark.parametrize("name", [*TOLD, "encoding", "min_n"], ids=str)
def test_what_was_inferred_says_why(name):
    """Right above the setting; of the columns above the list of them."""
    text = render_params(explained(), "shop", "data/in.csv", "utf-8-sig")
    lines = text.split("\n")
    key = {"accepted": "exclude"}.get(name, name)
    place = next(i for i, line in enumerate(lines) if line.startswith(f"  {key}:"))
    expected = {
        "encoding": "  # why: all of it is text in UTF-8",
        "min_n": "a 40th of 600 rows, 20 at least and 200 at most",
    }.get(name, f"the evidence of {name}, 1,190 of 1,191")
    assert expected in lines[place - 1] + lines[place]


def test_a_column_that_is_left_out_is_counted():
    text = render_params(explained(), "shop", "data/in.csv", "utf-8-sig")
    assert "(9 of 9 filled, 1 different)" in text


def test_cells_that_were_answered_away_leave_their_comment():
    told = "price: answered by ada (asked): no; without an answer: numbers"
    guess = project(evidence={"cells": told, "target": "named with --target"})
    text = render_params(guess, "shop", "data/in.csv", "utf-8-sig")
    assert is_settled(text)
    assert f"  # {told}\n  # why: named with --target\n  target: sold\n" in text


@pytest.mark.parametrize("odd", ["a\u2028b", "a\x07", "#: {", "日本 語", "\ufeff"])
def test_a_reason_may_hold_any_text(
    odd,
    tmp_path,
):
    guess = project(exclude=(odd,), evidence=dict.fromkeys(TOLD, odd))
    text, after = written_and_overridden(guess, tmp_path / "params.yaml")
    assert is_settled(text)
    assert after == text.replace("  seed: 0\n", "  seed: 1\n", 1)
    assert YAML(typ="safe", pure=True).load(text)["features"]["exclude"] == [odd]
