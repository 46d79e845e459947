"""The rules of the house: tests/helpers/house.py, and ruff."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from helpers import house

EXAMPLES = tomllib.loads(
    house.HERE.joinpath("house_cases.toml").read_text(encoding="utf-8")
)
LONE = "def work():\n    pass\n"
SHOWN = [{"output_type": "stream", "name": "stdout", "text": "1"}]


def name_of(example: dict) -> str:
    """Return the name of an example, with the rule it is about."""
    return f"{example.get('rule', 7)} {example['name']}"


@pytest.fixture(scope="module")
def breaches() -> list[house.Breach]:
    """Return every breach of the project."""
    return house.check()


def rules_broken(
    text: str,
    file: str,
) -> set[int]:
    """Return the rules that a piece of code breaks."""
    return {breach.rule for breach in house.check_code(house.Code(file, text))}


def rules_of_cells(
    folder: Path,
    *cells: tuple[str, list],
) -> set[int]:
    """Return the rules that a notebook's exported cells break."""
    written = [
        {"cell_type": "code", "id": str(number), "source": source, "outputs": outputs}
        for number, (source, outputs) in enumerate(cells)
    ]
    path = folder / "made.ipynb"
    path.write_text(json.dumps({"cells": written}))
    return {
        breach.rule
        for breach in house.check_notebook(house.read_notebook(path, folder))
    }


@pytest.mark.parametrize("case", EXAMPLES["case"], ids=name_of)
def test_a_rule_tells_good_from_bad(case):
    """The bad example breaks the rule, the good one keeps it."""
    file = case.get("file", "mlops_nb/area/module.py")
    assert case["rule"] not in rules_broken(case["good"], file)
    assert case["rule"] in rules_broken(case["bad"], file)


def test_every_rule_has_an_example():
    """No rule goes unproved; rule 7 needs whole notebooks."""
    assert {case["rule"] for case in EXAMPLES["case"]} == {1, 2, 3, 4, 5, 6, 8, 9}


def test_an_exported_cell_with_its_example_is_good(tmp_path):
    """One definition with an output behind it is how it shall be."""
    cells = ("#| export\n" + LONE, []), ("work()", SHOWN)
    assert rules_of_cells(tmp_path, *cells) == set()


@pytest.mark.parametrize("cell", EXAMPLES["cell"], ids=name_of)
def test_an_exported_cell_is_about_one_thing(
    tmp_path,
    cell,
):
    """Several definitions, a long cell and data in it break rule 7."""
    cells = ("#| export\n" + cell["source"], []), ("work()", SHOWN)
    assert rules_of_cells(tmp_path, *cells) == {7}


def test_an_example_shows_something(tmp_path):
    """An example without output is no evidence."""
    assert rules_of_cells(tmp_path, ("#| export\n" + LONE, []), ("work()", [])) == {7}


def test_an_example_is_not_hidden(tmp_path):
    """An example that the page leaves out is no evidence."""
    hidden = ("#| hide\nwork()", SHOWN)
    assert rules_of_cells(tmp_path, ("#| export\n" + LONE, []), hidden) == {7}


def test_a_public_name_is_defined_in_one_module():
    """Both places of a name are reported; private names may come twice."""
    modules = [house.Code(f"mlops_nb/{name}.py", LONE) for name in ("one", "two")]
    found = house.check_public_names(
        [*modules, house.Code("mlops_nb/x.py", "_LEAST = 1\n")]
    )
    assert [breach.file for breach in found] == ["mlops_nb/one.py", "mlops_nb/two.py"]


def test_the_command_line_may_import_late():
    """A command loads what it needs and no more."""
    late = "def work():\n    from .core import root\n"
    assert rules_broken(late, "mlops_nb/cli.py") == set()


def test_an_exception_covers_its_definition_and_rule_only():
    """Another definition stays a breach, an exception without a breach is stale."""
    kept = house.Breach("file.py", 3, "other", 1, "complexity 11")
    covered = house.Breach("file.py", 3, "work", 9, "complexity 12")
    entry = {"file": "file.py", "definition": "work", "rule": 3, "reason": "measured"}
    stale = entry | {"rule": 4}
    assert house.apply_exceptions([kept, covered], [entry, stale]) == ([kept], [stale])


@pytest.mark.parametrize(
    ("comment", "count"),
    [
        pytest.param("# why", 0, id="none"),
        pytest.param("# noqa", 1, id="bare"),
        pytest.param("# noqa: E401, F401", 2, id="two-codes"),
        pytest.param("# fmt: off", 1, id="format"),
    ],
)
def test_what_is_taken_from_the_tools_is_counted(
    comment,
    count,
):
    """Each code that a comment takes away counts."""
    assert house.waived_codes(house.Code("file.py", f"import os  {comment}\n")) == count


def test_the_house_is_in_order(breaches):
    """No rule is broken, but for what the list of exceptions names with a reason."""
    left, _ = house.apply_exceptions(breaches, house.read_exceptions())
    assert not left, "\n".join(
        f"{breach.file}:{breach.line} {breach.definition} [rule {breach.rule}] {breach.detail}"
        for breach in left
    )


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["format", "--check"], id="format"),
        pytest.param(["check"], id="lint"),
    ],
)
def test_ruff_finds_nothing(command):
    """Format and lint of everything that git keeps, as pyproject.toml sets them."""
    ruff = [sys.executable, "-m", "ruff", *command, "-q", "."]
    done = subprocess.run(ruff, cwd=house.ROOT, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


def test_exceptions_still_hold(breaches):
    """An exception that nothing needs any more is removed."""
    _, stale = house.apply_exceptions(breaches, house.read_exceptions())
    assert not stale, f"expected exceptions that are needed, found {stale}: remove them"


def test_exceptions_have_a_reason():
    """Whoever meets an exception learns why it is one."""
    assert [entry for entry in house.read_exceptions() if not entry.get("reason")] == []


def test_exceptions_are_few():
    """Exceptions, comments to tools and ignores per file stay few together."""
    waived = house.count_waivers()
    listed = len(house.read_exceptions())
    print(f"{listed} exceptions and {waived} waivers in comments and settings")
    assert listed + waived <= house.MOST_EXCEPTIONS
