"""A project with one stage."""

import json
import os
from pathlib import Path

BEFORE = dict(os.environ)
HOME = Path(__file__).parents[2]
SECTIONS = [
    "data",
    "features",
    "preprocess",
    "train",
    "evaluate",
    "monitor",
    "champion",
]
WRITE = """from mlops_nb.core.project import output_path as out
out('data/out/a.txt').write_text('new')
"""


def code_cell(
    source,
    **metadata,
):
    """Return a code cell that has not run."""
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def notebook(
    path,
    *sources,
    parameters=None,
    prose="# Title",
):
    """Write a notebook: its prose, its parameters if any, and a cell for each source."""
    cells = [{"cell_type": "markdown", "metadata": {}, "source": prose}]
    if parameters is not None:
        cells.append(code_cell(parameters, tags=["parameters"]))
    cells += [code_cell(source) for source in sources]
    for i, cell in enumerate(cells):
        cell["id"] = f"c{i}"
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def pipeline(
    stage,
    outs,
):
    """Write a dvc.yaml with one stage."""
    command = f"python -m mlops_nb run {stage}"
    return json.dumps({"stages": {stage: {"cmd": command, "outs": list(outs)}}})


def params(
    stage,
    section,
):
    """Write a params.yaml with one section that says something."""
    empty = "".join(f"{name}: {{}}\n" for name in SECTIONS if name != stage)
    return f"{empty}windows: {{train: {{}}, current: {{}}}}\n{stage}: {section}\n"


def project(
    top,
    *sources,
    stage="toy",
    parameters="n: int = 1  # how many",
    outs=("data/out", "reports/toy.ipynb"),
    section="{n: 2}",
    **kwargs,
):
    """A project with one stage."""
    top.mkdir(parents=True, exist_ok=True)
    (top / "dvc.yaml").write_text(pipeline(stage, outs))
    (top / "params.yaml").write_text(params(stage, section))
    notebook(
        top / "nbs" / "stages" / f"{stage}.ipynb",
        *sources,
        parameters=parameters,
        **kwargs,
    )
    return top
