"""What watching a model costs, beside Evidently and NannyML, and how the cost grows.

All sides see the same columns and windows. `make bench-monitor` measures; nothing is asserted.

Input: the flights of 2013 with 20 columns, January to March as reference (80,789 rows), nine months
to compare, with the scores of a model fitted on the reference; made from the data set that comes
with the example. Each peer runs in an environment of its own under `.mlops/peers`, its usage
reports switched off. **Compute** is the CPU time of a process after its imports and after the data
lie in memory as it wants them; **process** is all of it, start and imports included. All sides run
in turns, several times, and the least counts, because other work on a machine can only add.

This file is also what each side runs: `python bench_monitor.py child SIDE TASK …` in the side's own
environment, so only the standard library is imported at the top.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))  # a side runs with -P

from monitor_input import COLUMNS, INPUT, MONTHS, scale_path
from monitor_sides import run_side
from peers import PEERS, QUIET, ROOT, python

RESULTS = ROOT / "benchmarks" / "bench_monitor.json"
COSTS = ("compute", "process", "before")
CALLS = [
    ("evidently", "month"),
    ("ours", "month"),
    ("evidently", "sweep"),
    ("ours", "sweep"),
]
SHORT_CALLS = [  # short runs vary more, and are repeated more often
    ("nannyml", "sweep"),
    ("ours", "js"),
    ("nannyml", "cbpe"),
    ("ours", "cbpe"),
]
MORE_OFTEN = 3
LARGE = 1_000_000  # from more rows on, one run is enough
WIDE_ROWS = 100_000


def run(
    side: str,
    task: str,
    *more: str,
) -> dict:
    """Run a side once.

    Returns CPU seconds of the computing and of the whole process, peak memory, values found.
    """
    from costs import PINNED, cost

    got = cost(
        python(side),
        "-P",
        Path(__file__).resolve(),
        "child",
        side,
        task,
        *more,
        cwd=INPUT,
        **PINNED,
        **QUIET,
        PYTHONPATH=str(ROOT) if side == "ours" else "",
    )
    found = json.loads(got["out"].strip().splitlines()[-1])
    return found if "missing" in found else found | {"process": got["cpu"]}


def make(call: str) -> None:
    """Call a function of monitor_input in a process of its own.

    So the parent does not grow.
    """
    from costs import PINNED, cost

    cost(
        sys.executable,
        "-c",
        f"import monitor_input; monitor_input.{call}",
        cwd=ROOT,
        **PINNED,
        PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}",
    )


def keep_least(
    old: dict,
    new: dict,
) -> dict:
    """Return the new run of a side with the least cost of both."""
    shared = [key for key in COSTS if key in old and key in new]
    return new | {key: min(old[key], new[key]) for key in shared}


def describe_run(result: dict) -> str:
    """Say in a line what a run cost."""
    if "missing" in result:
        return result["missing"]
    return (
        f"compute {result['compute']:.2f}, process {result['process']:.2f} CPU s, "
        f"peak {result['peak_mb']:.0f} MB"
    )


def run_in_turns(
    calls: list[tuple],
    repeats: int,
) -> dict:
    """Run each call `(side, task, …)` once a round; return by call the least."""
    from costs import say

    results: dict = {}
    for _ in range(repeats):
        for call in calls:
            new = run(*call)
            name = " ".join(Path(part).stem for part in call)
            say(f"  {name}: {describe_run(new)}")
            results[name] = keep_least(results.get(name, {}), new)
    return results


def measure_size(
    rows: int,
    copies: int,
    repeats: int,
    peer_rows: int,
) -> dict:
    """Run decoding, ours, and for `peer_rows` rows Evidently, on one size of file."""
    path = scale_path(INPUT, rows, copies)
    if not path.exists():
        make(f"make_scale(monitor_input.INPUT, {rows}, {copies})")
    sides = ["decode", "ours"]
    if rows == peer_rows and copies == 1:
        sides.append("evidently")
    calls = [(side, "scale", str(path)) for side in sides]
    size = {
        "rows": rows,
        "columns": len(COLUMNS) * copies,
        "file_mb": path.stat().st_size / 1e6,
    }
    results = run_in_turns(calls, repeats if rows <= LARGE else 1)
    for name, result in results.items():
        result.pop("values", None)
        size[name.split()[0]] = result
    return size


def measure_scale(
    sizes: list[tuple[int, int]],
    repeats: int,
    peer_rows: int,
    old: list[dict],
) -> list[dict]:
    """Measure every size of file; keep a peer's figures of the last run where it has some."""
    kept = {(size["rows"], size["columns"]): size.get("evidently") for size in old}
    measured = []
    for rows, copies in sizes:
        size = measure_size(rows, copies, repeats, peer_rows)
        evidently = kept.get((rows, size["columns"]))
        measured.append({"evidently": evidently} | size if evidently else size)
    return measured


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=3,
        help="runs of each side, in turns",
    )
    parser.add_argument(
        "--rows",
        type=int,
        nargs="*",
        default=[100_000, 1_000_000, 10_000_000],
        help="sizes of the scale part; none: leave it out",
    )
    parser.add_argument(
        "--copies",
        type=int,
        nargs="*",
        default=[5, 25],
        help="at 100,000 rows also with the 20 columns so many times",
    )
    parser.add_argument(
        "--peer-rows",
        type=int,
        default=1_000_000,
        help="the size at which Evidently runs too; 0: none",
    )
    parser.add_argument(
        "--only",
        choices=["ours"],
        help="run our side alone and keep the peers' figures of the last run",
    )
    parser.add_argument("--fresh", action="store_true", help="make the input anew")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="print only, leave the committed results as they are",
    )
    return parser.parse_args()


def prepare_input(fresh: bool) -> None:
    """Make the input where it is missing, or anew."""
    if fresh:
        shutil.rmtree(INPUT, ignore_errors=True)
    if not (INPUT / f"{MONTHS[-1]}.parquet").exists():
        make("make_input(monitor_input.INPUT)")


def select_calls(
    calls: list[tuple],
    only: str | None,
) -> list[tuple]:
    """Return the calls of one side, or all."""
    return [call for call in calls if not only or call[0] == only]


def list_sizes(options: argparse.Namespace) -> list[tuple[int, int]]:
    """Return rows and copies of the columns of every file of the scale part."""
    if not options.rows:
        return []
    long = [(rows, 1) for rows in options.rows]
    return long + [(WIDE_ROWS, copies) for copies in options.copies]


def measure(options: argparse.Namespace) -> dict:
    """Measure all sides, how they agree, and how the cost grows."""
    from monitor_agreement import agreement

    old = {"sides": {}, "scale": []}
    if options.only:
        old |= json.loads(RESULTS.read_text())
    calls = select_calls(CALLS, options.only)
    short = select_calls(SHORT_CALLS, options.only)
    sides = old["sides"] | run_in_turns(calls, options.repeats)
    sides |= run_in_turns(short, MORE_OFTEN * options.repeats)
    peer_rows = 0 if options.only else options.peer_rows
    sizes = list_sizes(options)
    return {
        "versions": PEERS,
        "sides": sides,
        "agreement": agreement(sides),
        "scale": measure_scale(sizes, options.repeats, peer_rows, old["scale"]),
    }


def main() -> None:
    """Measure, print the tables, and write them to the results and the guide."""
    from guide import machine, publish
    from monitor_tables import MARK, render_results

    options = read_options()
    prepare_input(options.fresh)
    results = measure(options)
    text = render_results(results, machine())
    print(text)
    if not options.keep:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        publish(MARK, text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        run_side(*sys.argv[2:])
    else:
        main()
