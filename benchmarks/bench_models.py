"""The default model beside its peers on public tables: `make bench-models`.

Tables, splits and peers: `model_tables.py`, `model_splits.py`, `model_peers.py`; the peers run in
an environment of their own, all on one thread. Results go to `benchmarks/models.json`, and the
guide nbs/guides/models.ipynb tells them. Each table and model is a line of JSON under
`.mlops/models`, so a run goes on where it was stopped; lines of other code do not count.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

from costs import PINNED, environment
from guide import earlier_results, execute, machine
from model_environment import HOME, SIDE, TABLES, prepare_tables, run_beside
from model_splits import list_facts
from model_summary import describe_tables, summarise, tell
from peers import PEERS, ROOT

RESULTS = ROOT / "benchmarks" / "models.json"
GUIDE = ROOT / "nbs" / "guides" / "models.ipynb"
HERE = Path(__file__).resolve().parent
SHARED = ("model_tables.json", "model_tables.py", "model_splits.py", "model_peers.py")


def digest_of(files: list[Path]) -> str:
    """Return a short digest of what some files hold, and of the peers' versions."""
    digest = hashlib.md5("\n".join(PEERS[SIDE]).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def lines_files() -> tuple[Path, Path]:
    """Return the files of the peers' lines and of ours, which tell of which code they are."""
    shared = [HERE / name for name in SHARED]
    package = sorted((ROOT / "mlops_nb").rglob("*.py"))
    ours = [*shared, HERE / "model_ours.py", *package]
    of_peers = HOME / f"peers-{digest_of(shared)}.jsonl"
    return of_peers, HOME / f"ours-{digest_of(ours)}.jsonl"


def run_ours(
    lines: Path,
    *words: str,
) -> None:
    """Run our models in this environment, one thread."""
    command = [sys.executable, HERE / "model_ours.py", TABLES, lines, *words]
    subprocess.run(command, check=True, cwd=ROOT, env=environment(**PINNED))


def read_lines(
    lines: Path,
    seeds: int,
    names: list[str],
) -> list[dict]:
    """Return the lines of some tables and seeds."""
    read = [json.loads(line) for line in lines.read_text().splitlines()]
    return [line for line in read if line["seed"] < seeds and line["table"] in names]


def measure(
    seeds: int,
    names: list[str],
) -> dict:
    """Measure all models on tables; return what the guide tells."""
    prepare_tables()
    facts = [each for each in list_facts(TABLES) if not names or each["name"] in names]
    chosen = [each["name"] for each in facts]
    of_peers, of_ours = lines_files()
    for seed in range(seeds):
        run_beside("model_peers.py", TABLES, of_peers, str(seed), *chosen)
        run_ours(of_ours, str(seed), *chosen)
    lines = read_lines(of_peers, seeds, chosen) + read_lines(of_ours, seeds, chosen)
    tables = describe_tables(facts, lines)
    return {
        "machine": machine(),
        "versions": PEERS[SIDE],
        "seeds": seeds,
        "summary": summarise(tables),
        "tables": tables,
    }


def read_options() -> argparse.Namespace:
    """Read the options of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="tables; none: all of the list")
    parser.add_argument("--seeds", type=int, default=1, help="the median is told")
    parser.add_argument(
        "--keep", action="store_true", help="print only, leave results and guide"
    )
    return parser.parse_args()


def main() -> None:
    """Measure; write results and guide, unless they are to be kept."""
    options = read_options()
    measured = measure(options.seeds, options.names)
    print(tell(measured["summary"]))
    if options.keep or options.names:
        return
    measured["before"] = earlier_results(RESULTS)
    RESULTS.write_text(json.dumps(measured, indent=1) + "\n")
    if GUIDE.exists():
        execute(GUIDE)


if __name__ == "__main__":
    main()
