"""What the pipeline costs, beside its peers in the same call.

`make bench` measures and writes the tables of nbs/guides/benchmarks.ipynb; nothing is asserted.

CPU seconds are those of a whole command: the processes it started, the warm server and notebook
kernels included. Each figure is the least of several runs, taken in turns.
"""

import argparse
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_tables import MARK, render_results
from costs import PINNED, ROOT, cost, least, say
from guide import machine, publish
from ruamel.yaml import YAML
from stage_ways import DVC, MLOPS, measure_ways

PREPROCESS_YEAR = Path(__file__).with_name("preprocess_year.py")
FEW_ROWS = 3000
SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)


def clone(
    folder: Path,
    source: Path = ROOT,
) -> Path:
    """Clone the last commit of a repository."""
    subprocess.run(["git", "clone", "-q", str(source), str(folder)], check=True)
    return folder


def limit_rows(
    top: Path,
    rows: int,
) -> Path:
    """Let every stage of a clone take so many rows."""
    yaml = YAML()
    params = yaml.load(top / "params.yaml")
    for section in ("preprocess", "train", "evaluate", "monitor"):
        params[section]["sample"] = rows
    with (top / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    return top


def read_stage_log(top: Path) -> dict[str, dict]:
    """Return CPU seconds and peak memory of the stages that a run has logged."""
    lines = (top / ".mlops" / "runs.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return {
        entry["stage"]: {"cpu": entry["cpu"], "peak_mb": entry["peak_mb"]}
        for entry in entries
    }


def measure_run(done: Path) -> dict:
    """Run the whole pipeline in a fresh clone."""
    run = cost(*MLOPS, "repro", cwd=done)
    log = read_stage_log(done)
    say(f"  {run['cpu']:.1f} CPU s, {run['wall']:.1f} s")
    return {"run": run, "log": log}


def measure_idle(done: Path) -> dict:
    """Run the pipeline with nothing to do, ours and plain DVC."""
    results = {}
    for name, argv in (("idle", (*MLOPS, "repro")), ("idle_dvc", DVC)):
        best = least([cost(*argv, cwd=done) for _ in range(3)])
        say(f"  {name}: {best['cpu']:.2f} CPU s, {best['wall']:.2f} s")
        results[name] = best
    return results


def measure_year(
    top: Path,
    repeats: int,
) -> dict:
    """Preprocess all flights with all features in one window.

    Returns CPU seconds of the process, and by part.
    """
    command = (sys.executable, "-P", PREPROCESS_YEAR)
    runs = [
        cost(*command, cwd=top, **PINNED, PYTHONPATH=str(top)) for _ in range(repeats)
    ]
    best = min(runs, key=lambda run: run["cpu"])
    return json.loads(best["out"]) | {"cpu": best["cpu"], "wall": best["wall"]}


def measure_folder(folder: Path) -> float:
    """Return the megabytes of the files below a folder, links left out."""
    files = [path for path in folder.rglob("*") if not path.is_symlink()]
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def measure_from_clone(
    work: Path,
    source: Path,
) -> dict:
    """Run `git clone` and `make run` in an empty folder, until the reports lie there."""
    python = getattr(sys, "_base_executable", sys.executable)
    script = (
        f'git clone -q "{source}" new && cd new && make run PYTHON="{python}"'
        " && test -s reports/index.html"
    )
    run = cost("sh", "-c", script, cwd=work, PATH=os.environ["PATH"])
    say(f"  {run['wall']:.0f} s, {run['cpu']:.0f} CPU s")
    return run | {"size_mb": measure_folder(work / "new" / ".venv")}


def measure_few_rows(
    work: Path,
    source: Path,
    repeats: int,
) -> dict:
    """Run the notebook stages in every way, on few rows, in a clone of their own."""
    little = limit_rows(clone(work / "little", source), FEW_ROWS)
    cost(*MLOPS, "repro", cwd=little)
    return measure_ways(little, work / "3000", repeats)


def measure(
    work: Path,
    options: argparse.Namespace,
) -> dict:
    """Measure everything in scratch clones below a folder."""
    say("a fresh clone, the whole pipeline")
    # one commit for everything, whatever happens in the checkout meanwhile
    source = clone(work / "source")
    done = clone(work / "run", source)
    if options.quick:
        limit_rows(done, FEW_ROWS)
    results = measure_run(done)
    say("a run with nothing to do")
    results |= measure_idle(done)
    say("all flights of the year, all features")
    results["year"] = measure_year(done, 1 if options.quick else 3)
    say(f"  {results['year']}")
    say("notebook stages, 3,000 rows")
    if options.quick:
        results["little"] = measure_ways(done, work / "3000", options.repeats)
        return results
    results["little"] = measure_few_rows(work, source, options.repeats)
    say("notebook stages, full data")
    results["full"] = measure_ways(done, work / "full", max(1, options.repeats - 1))
    say("from git clone to open report")
    results["clone"] = measure_from_clone(work, source)
    return results


def save_results(results: dict) -> None:
    """Keep the figures in `.mlops/bench.json`, without what commands have printed."""
    kept = {part: dict(figures) for part, figures in results.items()}
    for figures in kept.values():
        figures.pop("out", None)
    (ROOT / ".mlops").mkdir(exist_ok=True)
    (ROOT / ".mlops" / "bench.json").write_text(json.dumps(kept, indent=1))


def tell_of_changes() -> None:
    """Say that the last commit is measured, where the working tree differs from it."""
    status = ["git", "status", "--porcelain"]
    changes = subprocess.run(
        status,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    if changes.stdout:
        print(
            "the last commit is measured, without the changes in the working tree",
            flush=True,
        )


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="3,000 rows only; prints, writes nothing"
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=3,
        help="runs of each way with 3,000 rows; one less with full data",
    )
    parser.add_argument(
        "--work", type=Path, help="keep the scratch clones in this folder"
    )
    return parser.parse_args()


def scratch_folder(kept: Path | None) -> contextlib.AbstractContextManager:
    """Return the folder for scratch clones: one that is kept, or one that goes away."""
    if kept:
        return contextlib.nullcontext(kept)
    return tempfile.TemporaryDirectory(prefix="bench-")


def main() -> None:
    """Measure, print the tables, and write them to the guide."""
    options = read_options()
    if sys.platform == "linux":
        # orphans come to us and are counted
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1)
    tell_of_changes()
    with scratch_folder(options.work) as work:
        Path(work).mkdir(parents=True, exist_ok=True)
        results = measure(Path(work), options)
    save_results(results)
    text = render_results(results, machine())
    print(text)
    if not options.quick:
        publish(MARK, text)


if __name__ == "__main__":
    main()
