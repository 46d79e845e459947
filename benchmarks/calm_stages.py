"""The stages of a project, in this process: the very cells of their notebooks, without pages.

So what is measured is what a project does, whatever its stages come to do.
"""

import contextlib
import io
import json
import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
from calm_setup import ROOT
from ruamel.yaml import YAML

from mlops_nb.data.contract import infer_contract
from mlops_nb.data.settings import read_data_settings
from mlops_nb.pipeline.parameters import parse_declared_parameters
from mlops_nb.pipeline.scoring import score_current_window

SHOWN = ("show_table", "show_figure")  # of reporting.display, left out
FIGURES = ("show_exhibits(", "volume_figures(")  # a cell that calls one is left out
LAST_CALL = {  # of a stage: what comes after it is pages and records
    "preprocess": "write_result(",
    "train": "save_model(",
    "monitor": "monitor(reference",
}


@cache
def stage_cells(stage: str) -> tuple[list[Any], dict]:
    """Return the compiled cells of a stage that compute something, and its parameters."""
    notebook = json.loads((ROOT / "nbs" / "stages" / f"{stage}.ipynb").read_text())
    cells = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        is_shown = any(call in source for call in FIGURES)
        if cell["cell_type"] != "code" or is_shown:
            continue
        if "parameters" not in cell["metadata"].get("tags", []):
            cells.append(compile(source, f"<{stage}>", "exec"))
        if LAST_CALL[stage] in source:
            break
    declared = parse_declared_parameters(notebook)
    return cells, {name: value.default for name, value in declared.items()}


def load_pickle(
    data: bytes,
    name: str = "model",
) -> Any:
    """Load what this process has written, whatever it is called."""
    return pickle.loads(data)


def own_modules(name: str) -> list[str]:
    """Return the modules of the package that have a function of this name."""
    modules = [each for each in sys.modules if each.startswith("mlops_nb.")]
    return [each for each in modules if hasattr(sys.modules[each], name)]


@contextlib.contextmanager
def pickled_models() -> Iterator[None]:
    """Write models as pickle: the same models, in a third of the time that skops takes."""
    instead = {"dump_skops": pickle.dumps, "load_skops": load_pickle}
    with contextlib.ExitStack() as stack:
        for name, function in instead.items():
            for module in own_modules(name):
                patch = mock.patch(f"{module}.{name}", function)
                stack.enter_context(patch)
        unknown = mock.patch("skops.io.get_untrusted_types", return_value=[])
        stack.enter_context(unknown)
        yield


@contextlib.contextmanager
def in_folder(folder: Path) -> Iterator[None]:
    """Read and write in a folder as stages do, and show nothing."""
    places = {"MLOPS_NB_ROOT": str(folder), "MLOPS_NB_OUT": str(folder)}
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, places))
        for name in SHOWN:
            shown = mock.patch(f"mlops_nb.reporting.display.{name}")
            stack.enter_context(shown)
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(pickled_models())
        yield


def run_stage(
    stage: str,
    params: dict,
    window: str = "",
) -> dict:
    """Run the cells of a stage; return its names and their values."""
    cells, defaults = stage_cells(stage)
    said = params.get(stage, {})
    given = {name: said[name] for name in defaults if name in said}
    names = {"__name__": "__main__"} | defaults | given
    if window:
        names["window"] = window
    for cell in cells:
        exec(cell, names)
    return names


@dataclass(frozen=True)
class StageFolder:
    """A project's folder without its repository: enough for the stages of one split.

    Attributes:
        path: where it is.
        params: the content of its params.yaml.
    """

    path: Path
    params: dict

    def begin(
        self,
        train: pd.DataFrame,
    ) -> None:
        """Write what the stages read: parameters, contract, records, rows to learn from."""
        shutil.rmtree(self.path, ignore_errors=True)
        data = self.path / "data"
        data.mkdir(parents=True)
        (self.path / "dvc.yaml").write_text("stages: {}\n")
        YAML().dump(self.params, self.path / "params.yaml")
        (data / "registered.json").write_text("{}")
        (data / "history.jsonl").write_text("")
        settings = read_data_settings(self.params)
        infer_contract(train, settings).write(data / "schema.yaml")
        self.put_rows("train", train)

    def put_rows(
        self,
        window: str,
        rows: pd.DataFrame,
    ) -> None:
        """Write the rows of a window, as `ingest` would."""
        file = self.path / "data" / "raw" / window / "events.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(file)

    def train(self) -> None:
        """Prepare the rows to learn from, train, and put the candidate into production."""
        with in_folder(self.path):
            run_stage("preprocess", self.params, "train")
            run_stage("train", self.params)
        data = self.path / "data"
        (data / "candidate").rename(data / "champion")

    def assess(
        self,
        current: pd.DataFrame,
    ) -> Any:
        """Prepare, score and monitor the rows of the current window; return the assessment."""
        self.put_rows("current", current)
        with in_folder(self.path):
            run_stage("preprocess", self.params, "current")
            score_current_window()
            return run_stage("monitor", self.params)["assessment"]
