"""What is committed is current, typed, in its layers and free of other people's addresses."""

import ast
import json
import re
import shutil
from pathlib import PurePosixPath

import pytest
from helpers.project import ROOT, run_shell

MODULES = sorted(
    path for path in ROOT.glob("mlops_nb/**/*.py") if path.name != "_modidx.py"
)
STAGE_NOTEBOOKS = sorted(ROOT.glob("nbs/stages/*.ipynb"))
PARAMETER = re.compile(
    r"\w+: [\w |]+ = .+ # .+"
)  # name: type = default  # what it is for
LOCKED = re.compile(r"[A-Za-z0-9._-]+==[^\s@/:]+")
LINK = re.compile(r"\]\((?!\w+:|#)([^)\s]+)\)")
# a feature function is handed tables whose types the framework sets
UNTYPED_BY_DESIGN = {"self", "cls", "events", "history"}


def name_of(path):
    """The name of a module below the package, for the ids of tests."""
    return path.relative_to(ROOT / "mlops_nb").with_suffix("").as_posix()


def read_cells(path):
    """The cells of a notebook in the working tree."""
    return json.loads(path.read_text())["cells"]


def test_export_is_current(
    bare,
    tmp_path,
):
    """Exporting anew changes nothing, and leaves what `make run` would install by alone."""
    top = tmp_path / "fresh"
    shutil.copytree(bare, top, symlinks=True)
    written = (top / "pyproject.toml").stat().st_mtime_ns
    run_shell("nbdev-export", cwd=top)
    run_shell("ruff", "format", "-q", "mlops_nb", cwd=top)
    assert (top / "pyproject.toml").stat().st_mtime_ns == written
    assert run_shell("git", "status", "--porcelain", "mlops_nb", cwd=top).stdout == ""


def test_readme_is_current():
    from mlops_nb.cli.project_commands import render_readme

    index = json.loads((ROOT / "nbs" / "index.ipynb").read_text())
    assert (ROOT / "README.md").read_text() == render_readme(index)


@pytest.mark.parametrize("page", ["README.md", "nbs/index.ipynb"])
def test_links_lead_somewhere(page):
    path = ROOT / page
    notebook = path.suffix == ".ipynb"
    sources = ["".join(cell["source"]) for cell in read_cells(path)] if notebook else []
    text = "\n".join(sources) or path.read_text()
    links = [path.parent / link for link in LINK.findall(text)]
    made = ROOT / "reports" / "index.html"  # by a run; git does not keep it
    missing = [link for link in links if not link.exists() and link.resolve() != made]
    assert LINK.search(text)
    assert missing == []


@pytest.mark.parametrize("path", STAGE_NOTEBOOKS, ids=lambda path: path.stem)
def test_stage_notebooks_have_no_outputs(path):
    staged = run_shell(
        "git", "show", f":nbs/stages/{path.name}", cwd=ROOT, check=False
    ).stdout
    for cell in json.loads(staged or path.read_text())["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", STAGE_NOTEBOOKS, ids=lambda path: path.stem)
def test_stage_parameters_are_typed_and_explained(path):
    tagged = [
        cell
        for cell in read_cells(path)
        if "parameters" in cell["metadata"].get("tags", [])
    ]
    assert len(tagged) == 1
    for line in "".join(tagged[0]["source"]).splitlines():
        assert PARAMETER.match(line), line


def public_functions(tree):
    """Public functions of a module and public methods of its public classes."""
    classes = [
        n
        for n in tree.body
        if isinstance(n, ast.ClassDef) and not n.name.startswith("_")
    ]
    for body in [tree.body, *(cls.body for cls in classes)]:
        yield from (
            node
            for node in body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_signatures_are_typed(path):
    for function in public_functions(ast.parse(path.read_text())):
        signature = function.args
        arguments = [*signature.posonlyargs, *signature.args, *signature.kwonlyargs]
        untyped = {
            arg.arg for arg in arguments if arg.annotation is None
        } - UNTYPED_BY_DESIGN
        assert not untyped, f"{function.name}: {untyped}"
        typed_result = function.returns is not None or path.parent.name == "examples"
        assert typed_result, f"{function.name} has no return type"


def test_modules_do_not_bear_the_name_of_a_library_they_import():
    for path in MODULES:
        imported = {
            name.name.partition(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for name in node.names
        }
        assert path.stem not in imported, path


def test_lock_names_versions_only():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert LOCKED.fullmatch(line), line


def test_nothing_speaks_of_machines_or_registries():
    pattern = r"/root/|/work/|/tmp/exp|pypi\.org|files\.pythonhosted|index-url|/home/"
    here = f":!{PurePosixPath('tests', 'test_repository.py')}"
    found = run_shell(
        "git", "grep", "-nIE", pattern, "--", ".", here, cwd=ROOT, check=False
    ).stdout
    assert found == ""


def test_the_first_line_of_the_readme_enters_the_folder_it_made():
    text = (ROOT / "README.md").read_text()
    started = re.search(r"git clone \S+ (\S+) && cd (\S+)", text)
    assert started, "the folder is named, whatever the repository is called"
    assert started[1] == started[2]


def test_the_readme_quotes_the_replay():
    replay = json.loads((ROOT / "data" / "replay.json").read_text())
    quoted = re.search(
        r"April to December is ([\d.]+); with the first model left unchanged it is ([\d.]+)\.",
        (ROOT / "README.md").read_text(),
    )
    pooled = [round(replay["pooled"][run], 3) for run in ("loop", "static")]
    assert [float(number) for number in quoted.groups()] == pooled
    assert replay["table"][0]["period"] == "2013-04"
    assert replay["table"][-1]["period"] == "2013-12"


def test_layers():
    """Areas import downward only, and nothing imports itself by a detour."""
    result = run_shell("lint-imports", "--no-cache", cwd=ROOT, check=False)
    assert result.returncode == 0, result.stdout


# They show texts, or join again what they have split; none reads lines that we or git wrote.
MAY_SPLIT_AT_ANY_LINE_END = {
    *("cli/commands", "cli/feature_notebook", "cli/rename_imports", "cli/upgrade"),
    *("cli/upgrade_plan", "data/contract", "lifecycle/pushes", "lifecycle/replay"),
    *("modeling/estimators", "monitoring/table_window", "pipeline/exported_modules"),
    *("pipeline/data_cache", "pipeline/stage_run", "reporting/frame", "reporting/page"),
}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_lines_end_with_a_line_feed_alone(path):
    """`str.splitlines` ends a line at U+2028 too, which may stand in a name: `split_lines`."""
    if name_of(path) not in MAY_SPLIT_AT_ANY_LINE_END:
        assert ".splitlines(" not in path.read_text("utf-8")
