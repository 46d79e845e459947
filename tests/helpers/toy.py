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


def notebook(
    path,
    *sources,
    parameters=None,
    prose="# Title",
):
    cells = [{"cell_type": "markdown", "metadata": {}, "source": prose}]
    if parameters is not None:
        cells.append(
            {
                "cell_type": "code",
                "metadata": {"tags": ["parameters"]},
                "source": parameters,
                "outputs": [],
                "execution_count": None,
            }
        )
    cells += [
        {
            "cell_type": "code",
            "metadata": {},
            "source": s,
            "outputs": [],
            "execution_count": None,
        }
        for s in sources
    ]
    for i, c in enumerate(cells):
        c["id"] = f"c{i}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )


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
    (top / "dvc.yaml").write_text(
        json.dumps(
            {
                "stages": {
                    stage: {
                        "cmd": f"python -m mlops_nb run {stage}",
                        "outs": list(outs),
                    }
                }
            }
        )
    )
    (top / "params.yaml").write_text(
        "".join(f"{s}: {{}}\n" for s in SECTIONS if s != stage)
        + f"windows: {{train: {{}}, current: {{}}}}\n{stage}: {section}\n"
    )
    notebook(
        top / "nbs" / "stages" / f"{stage}.ipynb",
        *sources,
        parameters=parameters,
        **kwargs,
    )
    return top


WRITE = "from mlops_nb.core.project import output_path as out\nout('data/out/a.txt').write_text('new')\n"
