"""Kill a command at every file write, rename, removal and start of another program, one by one.

`python benchmarks/killing.py [STRIDE [COMMAND …]]` prints the count. The command runs after a few
lines that count such points and send SIGKILL at the n-th (kill_at.py), in a miniature project: the
stages are small scripts, while git, DVC, the registry and the loop are the real ones. What each
command begins with and must leave is in kill_cases.py. `--chain N` kills the same command N times
in a row, at points drawn by chance; `--clones` kills it in one of two clones that push to the same
remotes (kill_clones.py). `--keep` writes the counts into killing.json.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from helpers import miniature, receivers
from kill_cases import CASES, TARGET
from kill_clones import PAIRS, try_clones
from kill_run import Outcome, Trial, begin_trial, kill_in_a_row

COUNTS = Path(__file__).resolve().with_suffix(".json")
IN_A_ROW = 3
CHAINS = 20
SEED = 0


@contextmanager
def _receiver_of_alerts() -> Iterator[None]:
    """Let the target of alerts be a receiver that takes every message."""
    hook = receivers.start_hook()
    address = f"json://127.0.0.1:{hook.server_port}/"
    try:
        with patch.dict(os.environ, {TARGET: address, "NO_PROXY": "127.0.0.1"}):
            yield
    finally:
        receivers.stop(hook)


def try_command(
    trial: Trial,
    first: int,
    stride: int,
) -> Outcome:
    """Kill a command at every `stride`-th point from `first` on; below 0 it is from the end."""
    start = first if first > 0 else trial.points + first
    tried = range(start, trial.points + 1, stride)
    outcome = Outcome(trial.points, len(tried))
    for point in tried:
        kill_in_a_row(trial, [point], outcome)
    return outcome


def try_chains(
    trial: Trial,
    in_a_row: int,
    chains: int,
) -> Outcome:
    """Kill a command several times in a row at points drawn by chance, and that many times."""
    chance = random.Random(SEED)
    outcome = Outcome(trial.points, chains)
    for _ in range(chains):
        points = [chance.randint(1, trial.points) for _ in range(in_a_row)]
        kill_in_a_row(trial, points, outcome)
    return outcome


def try_commands(
    stride: int = 1,
    first: int = 1,
    names: tuple[str, ...] = tuple(CASES),
    source: Path | None = None,
    in_a_row: int = 1,
    chains: int = CHAINS,
) -> dict[str, Outcome]:
    """Kill commands at their points, and print the counts.

    Args:
        stride: every how many points.
        first: the first of them; below 0 it is counted from the last.
        names: of the commands.
        source: the project; one is made where none is given.
        in_a_row: how often in a row; more than once is at points drawn by chance.
        chains: how many such rows.
    """
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder, _receiver_of_alerts():
        source = source or miniature.make_project(Path(folder) / "project")
        for name in names:
            trial = begin_trial(CASES[name], source, Path(folder) / name)
            if in_a_row > 1:
                outcomes[name] = try_chains(trial, in_a_row, chains)
            else:
                outcomes[name] = try_command(trial, first, stride)
            print(f"{name}: {outcomes[name]}", flush=True)
    return outcomes


def keep_counts(
    kind: str,
    outcomes: dict[str, Outcome],
) -> None:
    """Write the counts into killing.json, beside those of other commands and kinds."""
    kept = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    for name, outcome in outcomes.items():
        kept.setdefault(kind, {})[name] = outcome.counts()
    COUNTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stride", type=int, nargs="?", default=1)
    commands = ", ".join(CASES)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"of {commands}")
    parser.add_argument("--first", type=int, default=1, help="point to begin with")
    parser.add_argument("--chain", type=int, nargs="?", const=IN_A_ROW, default=1)
    parser.add_argument("--chains", type=int, default=CHAINS, help="how many of them")
    parser.add_argument("--clones", action="store_true", help="two clones, one remote")
    parser.add_argument("--keep", action="store_true", help=f"into {COUNTS.name}")
    return parser.parse_args()


def try_what_is_asked(options: argparse.Namespace) -> dict[str, Outcome]:
    """Try what the command line says."""
    names = tuple(options.commands)
    if options.clones:
        pairs = names or tuple(PAIRS)
        return try_clones(options.stride, options.first, pairs)
    return try_commands(
        options.stride,
        options.first,
        names or tuple(CASES),
        in_a_row=options.chain,
        chains=options.chains,
    )


def main() -> None:
    """Try what the command line says; the exit code says whether something went wrong."""
    from mlops_nb.pipeline.fork_server import start_fork_server

    options = parse_options()
    kind = "clones" if options.clones else "single"
    if options.chain > 1:
        kind = f"chains of {options.chain}"
    with start_fork_server() as server:
        os.environ.update(server)
        outcomes = try_what_is_asked(options)
    if options.keep:
        keep_counts(kind, outcomes)
    sys.exit(any(outcome.complaints for outcome in outcomes.values()))


if __name__ == "__main__":
    main()
