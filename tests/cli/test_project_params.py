"""The params.yaml of a new project: DVC changes the lines of a parameter in it, and no other."""

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize._yaml import parse_yaml
from hypothesis import example, given, settings, strategies
from ruamel.yaml import YAML

from mlops_nb.cli.inference import InferredProject
from mlops_nb.cli.project_params import render_params
from mlops_nb.core.params_text import is_settled

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
