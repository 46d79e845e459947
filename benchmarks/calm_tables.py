"""How calm and how watchful the monitor is on any table, not only on flights.

Each public table is split by chance, again and again: nothing has changed between the rows that
were learned from and those that are judged, so whatever the monitor says is a false alarm. Into
some of these windows faults are put. `make calm` calls this; `python benchmarks/calm_tables.py`
measures the tables alone, a line of JSON for each split in `.mlops/calm/tables.jsonl`, and goes on
where it was stopped, as long as the code is the same.
"""

import argparse
import hashlib
import json
import resource
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from calm_setup import HOME, ROOT
from calm_stages import StageFolder
from calm_table_faults import KEY, TARGET, faulty_windows, look_at, report
from calm_table_summary import summarise, tell
from guide import earlier_results
from model_environment import prepare_tables
from model_splits import list_facts, random_rows
from model_tables import seed_of

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import read_json
from mlops_nb.monitoring.reference import Reference
from mlops_nb.monitoring.score_response import measure_score_sensitivity

LINES = HOME / "tables.jsonl"
RESULTS = ROOT / "benchmarks" / "calm_tables.json"
SPLITS = 20
FAULT_SPLITS = 3
MOST_ROWS = 5_000
SHARE = 0.25  # of the rows are judged
JUDGED = (
    "quality",
    "estimate",
)  # quantities of which less may be worse: none is a note


def code_digest() -> str:
    """Return a digest of the package and the stages, which is what is measured."""
    files = [
        *(ROOT / "mlops_nb").rglob("*.py"),
        *(ROOT / "nbs" / "stages").glob("*.ipynb"),
    ]
    digest = hashlib.md5()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def whole_numbers(values: pd.Series) -> pd.Series:
    """Return whole numbers as such, where none is missing, as a file has them."""
    if values.dtype != float or values.isna().any():
        return values
    return values.astype(int) if (values % 1 == 0).all() else values


def read_rows(
    tables: Path,
    facts: dict,
) -> pd.DataFrame:
    """Return the rows of a table without any time: a split by chance has no use for it."""
    frame = pd.read_parquet(tables / f"{facts['name']}.parquet")
    times = list(frame.select_dtypes("datetime"))
    frame = frame.drop(columns=[*times, facts["time"]], errors="ignore")
    chosen = np.linspace(0, len(frame) - 1, min(len(frame), MOST_ROWS)).round()
    frame = frame.iloc[chosen.astype(int)].reset_index(drop=True)
    columns = {name: whole_numbers(frame[name]) for name in frame}
    return pd.DataFrame({KEY: np.arange(len(frame)), **columns})


def make_params(
    task: str,
    estimator: str,
) -> dict:
    """Return what params.yaml says of a table."""
    data = {"source": "table", "depends": "table", "target": TARGET, "task": task}
    data |= {"time": None, "keys": [KEY]}
    if task == "binary":
        data["positive"] = 1
    return {
        "data": data,
        "windows": {"train": {"share": 1 - SHARE}, "current": {"share": SHARE}},
        "features": {"exclude": [], "modules": [], "columns": "auto"},
        "preprocess": {"sample": 0},
        "train": {"sample": 0, "estimator": estimator},
        "evaluate": {"sample": 0},
        "monitor": {"sample": 0},
        "champion": {"version": None, "commit": None, "md5": None},
    }


@dataclass(frozen=True)
class Split:
    """One split of a table by chance."""

    facts: dict
    number: int
    rows: pd.DataFrame
    estimator: str

    @property
    def key(self) -> tuple[str, int]:
        """What its line is found by."""
        return self.facts["name"], self.number

    def parts(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rows that are learned from, and those that are judged."""
        seed = [self.number, 1, seed_of(self.facts["name"])]
        judged = random_rows(len(self.rows), seed, SHARE)
        return self.rows[~judged], self.rows[judged].reset_index(drop=True)


def is_note(found: Any) -> bool:
    """Say whether a finding is beyond its limit and yet a note only, as it has no effect."""
    if found.severity != "ok" or found.value is None or found.limit is None:
        return False
    return found.quantity not in JUDGED and found.value >= found.limit


def findings(assessment: Any) -> list[dict]:
    """Return what an assessment has beyond a limit; what it only notes, as `note`."""
    told = []
    for found in assessment.verdict.findings:
        severity = "note" if is_note(found) else found.severity
        if severity != "ok":
            value = None if found.value is None else float(found.value)
            told.append({"id": found.id, "severity": severity, "value": value})
    return told


def column_weights(folder: StageFolder) -> dict[str, float]:
    """Return how much each column moves the score, as the reference of the model has it."""
    saved = read_json(folder.path / "data" / "champion" / "reference.json")
    response = Reference.from_dict(saved["features"]).response
    return {name: measure_score_sensitivity(response[name]) for name in response}


def measure_split(
    split: Split,
    has_faults: bool,
    place: Path,
) -> dict:
    """Return what the monitor says of a split, and which faults it finds."""
    train, current = split.parts()
    task = split.facts["task"]
    folder = StageFolder(place, make_params(task, split.estimator))
    folder.begin(train)
    folder.train()
    assessment = folder.assess(current)
    before = findings(assessment)
    line = {"level": assessment.level, "rows": len(current), "found": before}
    if not has_faults:
        return line
    weights = column_weights(folder)
    random = np.random.default_rng([split.number, 2, seed_of(split.facts["name"])])
    window = look_at(train, current, task, lambda name: weights.get(name, 0), random)
    line["faults"] = {}
    for fault in faulty_windows(window):
        after = findings(folder.assess(fault.rows))
        line["faults"][fault.name] = report(fault, before, after)
    return line


def try_split(
    split: Split,
    has_faults: bool,
) -> dict:
    """Return the line of a split; where the project refuses the table, in what words."""
    warnings.simplefilter("ignore")
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as place:
        try:
            line = measure_split(split, has_faults, Path(place) / "project")
        except UserError as error:
            line = {"refused": " ".join(str(error).split())}
    cpu = round(time.process_time() - begun, 2)
    return {"table": split.facts["name"], "split": split.number, **line, "cpu": cpu}


def read_lines(
    lines: Path,
    digest: str,
) -> dict[tuple, dict]:
    """Return what was measured of this code before, by table and split."""
    if not lines.exists():
        return {}
    read = [json.loads(line) for line in lines.read_text().splitlines()]
    same = [line for line in read if line["code"] == digest]
    return {(line["table"], line["split"]): line for line in same}


def list_splits(options: argparse.Namespace) -> list[Split]:
    """Return the splits of all tables; without those of which nothing but times is known."""
    tables = prepare_tables()
    splits = []
    for facts in list_facts(tables)[: options.tables]:
        rows = read_rows(tables, facts)
        if rows.shape[1] < len([KEY, TARGET, "a feature"]):
            continue
        for number in range(options.splits):
            splits.append(Split(facts, number, rows, options.estimator))
    # so that a run that is stopped has all tables
    return sorted(splits, key=lambda split: split.number)


def measure_tables(options: argparse.Namespace) -> list[dict]:
    """Measure the splits that are not there yet; return the lines of all of them."""
    digest = f"{code_digest()} {options.estimator}"
    options.lines.parent.mkdir(parents=True, exist_ok=True)
    done = read_lines(options.lines, digest)
    splits = list_splits(options)
    missing = [split for split in splits if split.key not in done]
    context = get_context("fork")
    with ProcessPoolExecutor(options.processes, mp_context=context) as pool:
        calls = [
            pool.submit(try_split, split, split.number < options.faults)
            for split in missing
        ]
        for call in calls:
            line = call.result() | {"code": digest}
            with options.lines.open("a") as file:
                file.write(json.dumps(line) + "\n")
            done[line["table"], line["split"]] = line
    return [done[split.key] for split in splits]


def read_options(words: list[str] | None = None) -> argparse.Namespace:
    """Read the options of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, help="only so many tables of the list")
    parser.add_argument("--splits", type=int, default=SPLITS, help="of each table")
    parser.add_argument(
        "--faults", type=int, default=FAULT_SPLITS, help="splits that get faults, too"
    )
    parser.add_argument("--estimator", default="auto", help="train.estimator")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--lines", type=Path, default=LINES, help="a line a split")
    parser.add_argument(
        "--keep", action="store_true", help="print only, leave the results as they are"
    )
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    """Measure, print and, unless it is to be kept, write the results."""
    options = read_options(words)
    summed = summarise(measure_tables(options))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{usage.ru_utime + usage.ru_stime:.0f} CPU s")
    print(tell(summed))
    if not options.keep:
        summed["before"] = earlier_results(RESULTS)
        RESULTS.write_text(json.dumps(summed, indent=1) + "\n")


if __name__ == "__main__":
    main()
