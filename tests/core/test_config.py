"""The settings files: what models know of them, how mistakes are told, and that notebooks agree."""

import json

import pytest
from helpers.project import ROOT
from helpers.shipped import SHIPPED

from mlops_nb.core.config import (
    PARAMS_SECTIONS,
    SECTION_MODELS,
    build_config_schema,
    read_params,
    read_settings,
)
from mlops_nb.core.errors import UserError
from mlops_nb.core.validation import describe_type, validate_section
from mlops_nb.pipeline.parameters import parse_declared_parameters

STAGES = ["preprocess", "train", "evaluate", "monitor"]


@pytest.fixture
def write(tmp_path):
    """Return a function that writes params.yaml, as shipped, with something replaced."""

    def written(
        old="",
        new="",
    ):
        text = (SHIPPED / "params.yaml").read_text()
        assert old in text
        path = tmp_path / "params.yaml"
        path.write_text(text.replace(old, new, 1))
        return path

    return written


def declared(stage):
    """Return the parameters that a stage notebook declares."""
    notebook = json.loads((ROOT / "nbs" / "stages" / f"{stage}.ipynb").read_text())
    return parse_declared_parameters(notebook)


def extra(holder):
    """Return what a model or field states beside its type."""
    return getattr(holder, "json_schema_extra", None) or {}


def notebook_default(field):
    """Return the default that the parameters cell shall have."""
    return extra(field).get("notebook_default", field.default)


@pytest.mark.parametrize("stage", STAGES, ids=str)
def test_a_notebook_has_the_parameters_of_its_section(stage):
    model = SECTION_MODELS[stage]
    given_by_command = (model.model_config.get("json_schema_extra") or {}).get(
        "given_by_command"
    )
    assert set(declared(stage)) == {*model.model_fields, *(given_by_command or [])}


@pytest.mark.parametrize("stage", STAGES, ids=str)
def test_a_notebook_has_the_types_of_its_section(stage):
    fields = SECTION_MODELS[stage].model_fields
    types = {name: describe_type(field.annotation) for name, field in fields.items()}
    assert {name: declared(stage)[name].type for name in fields} == types


@pytest.mark.parametrize("stage", STAGES, ids=str)
def test_a_notebook_has_the_defaults_of_its_section(stage):
    fields = SECTION_MODELS[stage].model_fields
    defaults = {name: notebook_default(field) for name, field in fields.items()}
    assert {name: declared(stage)[name].default for name in fields} == defaults


def test_only_samples_differ_from_the_model():
    fields = [
        field
        for stage in STAGES
        for field in SECTION_MODELS[stage].model_fields.items()
    ]
    assert {name for name, field in fields if extra(field)} == {"sample"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param(
            "\nwindows:",
            "\nwindow:",
            '`window:`. Did you mean "windows"?',
            id="section misspelt",
        ),
        pytest.param(
            "\ntrain:", "\ntrian:", 'Did you mean "train"?', id="section mistyped"
        ),
        pytest.param("2013-01", "2013-13", "month 13 is not among", id="no such month"),
        pytest.param("2013-03", "2013-02-30", "2013-02 has 28 days", id="no such day"),
        pytest.param("2013-04", "2013Q5", "not among Q1 to Q4", id="no such quarter"),
        pytest.param(
            "\nchampion:", "\nother:", "a section `champion:`", id="section missing"
        ),
        pytest.param(
            "\nloop:", "\nmonitr: {}\nloop:", "also `monitr:`", id="section twice"
        ),
        pytest.param(
            "  target:", "  targt:", 'Did you mean "target"?', id="key misspelt"
        ),
        pytest.param(
            "task: binary", "task: binray", 'Did you mean "binary"?', id="choice"
        ),
        pytest.param(
            "  exclude:", "  excludes:", "modules, columns, exclude", id="features"
        ),
        pytest.param("{start:", "{strat:", 'Did you mean "start"?', id="window"),
        pytest.param(
            "policy: propose", "policy: never", "off, propose, auto", id="policy"
        ),
        pytest.param("  policy:", "  polcy:", 'Did you mean "policy"?', id="loop"),
        pytest.param(
            "valid_share: 0.25", "valid_share: a lot", "'a lot' (str)", id="number"
        ),
        pytest.param(
            "search_candidates: 0", "search_candidates: true", "True (bool)", id="int"
        ),
        pytest.param(
            "  version:", "  version: 1", "str | None for champion.version", id="pin"
        ),
        pytest.param("data:", "data: [", "valid YAML", id="no YAML"),
    ],
)
def test_a_mistake_in_params_is_told_in_words(
    write,
    old,
    new,
    words,
):
    with pytest.raises(UserError) as refused:
        read_params(write(old, new))
    assert words in str(refused.value)
    assert "pydantic" not in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize(
    "period",
    ["2013", "2013-01", "2013Q1", "2013q4", "2013-W01", "2013-W53", "2012-02-29"],
)
def test_every_period_is_taken(
    write,
    period,
):
    windows = read_params(write("start: 2013-01,", f"start: {period},"))["windows"]
    assert str(windows["train"]["start"]) == period


def test_a_key_that_lacks_is_told_by_whoever_needs_it(write):
    params = read_params(write("  target: late\n"))
    with pytest.raises(UserError) as refused:
        validate_section(SECTION_MODELS["data"], params["data"], "data")
    assert refused.value.expected == "data.target in params.yaml"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("", "", id="as it is"),
        pytest.param(
            "\nloop:", "\nours: {anything: 1}\nloop:", id="a section of one's own"
        ),
        pytest.param(
            "  seed: 0\n", "  seed: 0\n  mine: 3\n", id="a parameter of one's own"
        ),
        pytest.param("  exclude: []", "  exclude:", id="an empty key"),
        pytest.param("keys:\n  - flight_id", "keys: flight_id", id="one key as text"),
        pytest.param("as_of:", "as_of: 2013-06-10", id="a date"),
        pytest.param("start: 2013-01", "start: 2013", id="a year"),
    ],
)
def test_what_may_be_written(
    write,
    old,
    new,
):
    assert set(read_params(write(old, new))) >= set(PARAMS_SECTIONS)


def test_the_settings_of_this_checkout_can_be_read():
    assert set(read_params(ROOT / "params.yaml")) >= set(PARAMS_SECTIONS)
    assert read_settings(ROOT / "settings.ini").language in ("en", "ja")


def test_params_stay_as_they_were_written(write):
    data = read_params(write())["data"]
    assert data["keys"] == ["flight_id"]
    assert "outcome" in data
    assert "quantities" not in data


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(
            "language = fr", "language = en or ja in settings.ini", id="language"
        ),
        pytest.param(
            "four_eyes = 3", "four_eyes = yes or no in settings.ini", id="four eyes"
        ),
        pytest.param("[report", "a readable settings.ini", id="no INI"),
    ],
)
def test_a_mistake_in_settings_is_told_in_words(
    tmp_path,
    line,
    words,
):
    (tmp_path / "settings.ini").write_text(f"[report]\n{line}\n")
    with pytest.raises(UserError) as refused:
        read_settings(tmp_path / "settings.ini")
    assert refused.value.expected == words


@pytest.mark.parametrize("word", ["yes", "Yes", "true"])
def test_four_eyes_are_read_as_people_write_them(
    tmp_path,
    word,
):
    (tmp_path / "settings.ini").write_text(
        f"[governance]\nfour_eyes = {word}\nmine = 1\n"
    )
    assert read_settings(tmp_path / "settings.ini").four_eyes is True


def test_the_schema_knows_every_section():
    schema = build_config_schema()
    assert [*schema["params.yaml"]["properties"]] == [*SECTION_MODELS]
    assert schema["params.yaml"]["required"] == [*PARAMS_SECTIONS]
    assert json.loads(json.dumps(schema)) == schema
