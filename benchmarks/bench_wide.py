"""What a wide table costs: `mlops-nb new`, the first whole run, and `mlops-nb monitor`.

`python benchmarks/bench_wide.py` makes the tables of `wide_table.py`, 1,500 columns × 4,000 rows,
and prints the CPU seconds of each step with all its children; nothing is asserted. At most 120 are
wanted from the file to the first page, with days and without, and 20 for the monitor.
"""

import argparse
import ctypes
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from costs import cost, say
from stage_ways import MLOPS
from wide_table import TARGET, TIME, write_wide

SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)


def read_stage_costs(project: Path) -> dict[str, float]:
    """Return the CPU seconds of the stages of a project's first run."""
    lines = (project / ".mlops" / "runs.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return {entry["stage"]: entry["cpu"] for entry in entries}


def measure_project(
    work: Path,
    table: Path,
) -> Iterator[tuple[str, float]]:
    """Make a project of a table and run it; yield each step and its CPU seconds."""
    project = work / table.stem
    name = table.stem
    made = cost(*MLOPS, "new", project, "--data", table, "--target", TARGET, cwd=work)
    warned = made["out"].count("Warning")
    yield f"{name}: mlops-nb new ({warned} warnings)", made["cpu"]
    run = cost(*MLOPS, "repro", cwd=project)
    for stage, seconds in read_stage_costs(project).items():
        yield f"{name}:   of it {stage}", seconds
    yield f"{name}: first whole run", run["cpu"]
    yield f"{name}: from the file to the first page", made["cpu"] + run["cpu"]
    pages = [page.stat().st_size for page in (project / "reports").glob("*.html")]
    say(f"{name}: largest page {max(pages) / 1e6:.2f} MB")


def measure_monitor(
    work: Path,
    reference: Path,
    current: Path,
    *more: str,
) -> tuple[str, float]:
    """Monitor one table with another; return what it is called and its CPU seconds."""
    sides = ("--reference", reference, "--current", current)
    pages = ("--html", work / "monitor.html", "--json", work / "monitor.json")
    run = cost(*MLOPS, "monitor", *sides, *pages, *more, cwd=work)
    return f"monitor {current.suffix} {' '.join(more)}".strip(), run["cpu"]


def measure(
    work: Path,
    n_rows: int,
    n_columns: int,
) -> Iterator[tuple[str, float]]:
    """Make all tables, and yield each step and its CPU seconds."""
    shape = (n_rows, n_columns)
    for name, dated in (("days", True), ("no_days", False)):
        table = write_wide(work / f"{name}.csv", *shape, dated=dated)
        yield from measure_project(work, table)
    for suffix in (".csv", ".parquet"):
        reference = write_wide(work / f"reference{suffix}", *shape, seed=1)
        current = write_wide(work / f"current{suffix}", *shape, seed=2)
        yield measure_monitor(work, reference, current)
        more = ("--score", "x_0", "--label", TARGET, "--time", TIME)
        yield measure_monitor(work, reference, current, *more)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--columns", type=int, default=1500)
    return parser.parse_args()


def main() -> None:
    """Measure, and print each step as it ends."""
    options = read_options()
    if sys.platform == "linux":
        # orphans come to us and are counted
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1)
    with tempfile.TemporaryDirectory(prefix="wide-") as folder:
        for what, seconds in measure(Path(folder), options.rows, options.columns):
            say(f"{what:60} {seconds:6.1f} CPU s")


if __name__ == "__main__":
    main()
