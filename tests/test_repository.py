"""Line 1: what is committed is current, typed, small and free of other people's addresses."""

import ast
import json
import re

import pytest
from helpers.project import ROOT, sh

MODULES = sorted((ROOT / "mlops_nb").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "nbs").rglob("*.ipynb"))


def test_export_is_current(bare, tmp_path):
    """Exporting anew changes nothing."""
    import shutil

    top = tmp_path / "fresh"
    shutil.copytree(bare, top, symlinks=True)
    sh("nbdev-export", cwd=top)
    sh("ruff", "format", "-q", "mlops_nb", cwd=top)
    assert sh("git", "status", "--porcelain", "mlops_nb", cwd=top).stdout == ""


def test_readme_is_current():
    from mlops_nb.cli.project_commands import render_readme

    assert (ROOT / "README.md").read_text() == render_readme(
        json.loads((ROOT / "nbs" / "index.ipynb").read_text())
    )
    for image in re.findall(r"!\[[^]]*]\(([^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / image).exists(), image


def test_stage_notebooks_have_no_outputs():
    for path in (ROOT / "nbs" / "stages").glob("*.ipynb"):
        text = (
            sh("git", "show", f":nbs/stages/{path.name}", cwd=ROOT, check=False).stdout
            or path.read_text()
        )
        for c in json.loads(text)["cells"]:
            assert not c.get("outputs") and c.get("execution_count") is None, path.name


def test_stage_parameters_are_typed_and_explained():
    for path in (ROOT / "nbs" / "stages").glob("*.ipynb"):
        cell = next(
            c
            for c in json.loads(path.read_text())["cells"]
            if "parameters" in c["metadata"].get("tags", [])
        )
        for line in "".join(cell["source"]).splitlines():
            assert re.match(r"\w+: [\w |]+ = .+  # .+", line) or re.match(
                r"\w+: [\w |]+ = .+ # .+", line
            ), f"{path.name}: {line}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_public_signatures_are_typed(path):
    tree = ast.parse(path.read_text())
    tops = [n for n in tree.body if isinstance(n, ast.FunctionDef)] + [
        m
        for c in tree.body
        if isinstance(c, ast.ClassDef) and not c.name.startswith("_")
        for m in c.body
        if isinstance(m, ast.FunctionDef)
    ]
    for f in tops:
        if f.name.startswith("_"):
            continue
        args = [*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs]
        missing = [
            a.arg
            for a in args
            if a.annotation is None and a.arg not in ("self", "cls", "events", "history")
        ]
        assert not missing, f"{path.name}: {f.name}({', '.join(missing)})"
        assert f.returns is not None or f.name == "__init__" or path.parent.name == "examples", (
            f"{path.name}: {f.name} has no return type"
        )


def test_lock_names_versions_only():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[^\s@/:]+", line), line


def test_nothing_speaks_of_machines_or_registries():
    pattern = r"/root/|/work/|/tmp/exp|pypi\.org|files\.pythonhosted|index-url|/home/"
    got = sh(
        "git",
        "grep",
        "-nIE",
        pattern,
        "--",
        ".",
        ":!tests/test_repository.py",
        cwd=ROOT,
        check=False,
    ).stdout
    assert got == "", got[:2000]


def test_the_readme_quotes_the_replay():
    got = json.loads((ROOT / "data" / "replay.json").read_text())
    said = re.search(
        r"April to December is ([\d.]+), with the first model left alone ([\d.]+);",
        (ROOT / "README.md").read_text(),
    )
    assert [float(x) for x in said.groups()] == [
        round(got["pooled"][k], 3) for k in ("loop", "static")
    ]
    assert got["table"][0]["period"] == "2013-04"
    assert got["table"][-1]["period"] == "2013-12"
