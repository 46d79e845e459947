"""Run every command of everyday in every state of a hostile world, and judge what it left.

    python benchmarks/hostile_world.py                                     all of it
    python benchmarks/hostile_world.py --state clone --command promote     states by part of a name
    python benchmarks/hostile_world.py --list                              what is expected

A cell is a command in a state, in a copy of a miniature project of its own: stages are small
scripts, while git, DVC, the registry and the loop are the real ones. hostile_world.yaml fixes
beforehand whether it succeeds or refuses; hostile_states.py brings the states about. Of each cell
is asked: exit code, at most one worded message, nothing lost and nothing half done (files, rows,
commits, tags, cache objects, the remote), and that the next command works once the remedy is
applied. The exit code says whether a cell failed.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

from ruamel.yaml import YAML

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from helpers import miniature
from hostile_judgement import KINDS, Expected, Fault, judge, last_words
from hostile_snapshot import take_snapshot
from hostile_states import STATES, World, build_world, make_source

TABLE = Path(__file__).with_suffix(".yaml")
UNEXPECTED = (OSError, AssertionError, subprocess.CalledProcessError)
FLAGS = ("moves", "runs", "reports", "fills", "undoes")
EXPERIMENT = "4\n"  # what n.txt says before a command that runs stages


@dataclass(frozen=True)
class Cell:
    """A command in a state."""

    state: str
    command: str

    def __str__(self) -> str:
        """Return its name."""
        return f"{self.state} × {self.command}"


@dataclass
class Outcome:
    """What came of a cell."""

    cell: Cell
    expected: Expected
    seconds: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    def __str__(self) -> str:
        """Return one line, and one more for each fault."""
        what = "refuses" if self.expected.refuses else "succeeds"
        verdict = (
            f"{len(self.faults)} faults" if self.faults else f"{what}, as expected"
        )
        lines = [f"{self.cell}: {verdict}, {self.seconds:.1f} s"]
        return "\n    ".join([*lines, *map(str, self.faults)])


class Sources:
    """The projects that copies are made of, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        """Make them in a folder."""
        self.folder = folder
        self.lock = threading.RLock()
        self.made: dict[str, Path] = {}

    def get(self, kind: str) -> Path:
        """Return the source of a kind."""
        with self.lock:
            if kind not in self.made:
                plain = self.folder / "plain"
                if kind != "plain":
                    self.get("plain")
                self.made[kind] = make_source(kind, self.folder / kind, plain)
        return self.made[kind]


@cache
def read_table() -> dict:
    """Read what is expected."""
    return YAML(typ="safe", pure=True).load(TABLE.read_text("utf-8"))


def stopped_commands(state: str) -> set[str]:
    """Return the commands that refuse in a state."""
    return {*_flatten(read_table()["states"][state].get("refuses", ()))}


def _flatten(names: Iterable) -> Iterator[str]:
    for name in names:
        if isinstance(name, str):
            yield name
        else:
            yield from _flatten(name)


def expectation(cell: Cell) -> Expected:
    """Return what the table says of a cell."""
    state = read_table()["states"][cell.state]
    command = read_table()["commands"][cell.command]
    causes = state.get("causes", {})
    flags = {name: command.get(name, False) for name in FLAGS}
    return Expected(
        refuses=cell.command in stopped_commands(cell.state),
        cause=causes.get(cell.command, state.get("cause", "")),
        answer=state.get("answers", {}).get(cell.command, ""),
        **flags,
    )


def existing_commands() -> list[str]:
    """Return the commands of the table that the command line has."""
    overview = miniature.output_of(TABLE.parents[1], *miniature.MLOPS_NB, "--help")
    names = re.findall(r"(?m)^  ([a-z-]+)  ", overview)
    commands = read_table()["commands"]
    return [name for name, how in commands.items() if how["run"][0] in names]


def try_cell(
    cell: Cell,
    sources: Sources,
    folder: Path,
) -> Outcome:
    """Run a command in a state, and the next one when the state is over."""
    begun = time.monotonic()
    state = STATES[cell.state]
    outcome = Outcome(cell, expectation(cell))
    source = sources.get(state.source)
    try:
        with build_world(state, source, folder) as world:
            outcome.faults += _run_command(world, cell, outcome.expected)
            outcome.faults += _go_on(world, cell, outcome.expected)
    except UNEXPECTED as error:
        outcome.faults.append(Fault("untried", f"{type(error).__name__}: {error}"))
    outcome.seconds = time.monotonic() - begun
    return outcome


def _argv(
    world: World,
    cell: Cell,
) -> list[str]:
    command = read_table()["commands"][cell.command]
    push = ["--push"] if world.push and command.get("pushes") else []
    return [*command["run"], *push]


def _run_command(
    world: World,
    cell: Cell,
    expected: Expected,
) -> list[Fault]:
    world.push = read_table()["states"][cell.state].get("push", False)
    if expected.runs:
        _begin_experiment(world, cell)
    before = take_snapshot(world)
    done = world.run(*_argv(world, cell))
    return judge(world, before, done, expected)


def _begin_experiment(
    world: World,
    cell: Cell,
) -> None:
    """Change what training reads; where nothing can be changed, before the state began."""
    state = STATES[cell.state]
    try:
        world.write("n.txt", EXPERIMENT)
    except OSError:
        state.fix(world)
        world.write("n.txt", EXPERIMENT)
        state.spoil(world)


def _go_on(
    world: World,
    cell: Cell,
    expected: Expected,
) -> Iterator[Fault]:
    """Apply the remedy; run a refused command again, or look at what another one has done."""
    try:
        STATES[cell.state].fix(world)
    except UNEXPECTED as error:
        yield Fault("stuck", f"the remedy does not work any more: {error}")
        return
    argv = _argv(world, cell) if expected.refuses else ["status"]
    done = world.run(*argv)
    if done.returncode:
        told = f"{argv[0]} after the remedy: {done.returncode}: {last_words(done)}"
        yield Fault("stuck", told)


def select_cells(
    states: Iterable[str],
    commands: Iterable[str],
) -> list[Cell]:
    """Return the cells whose state contains one of `states`, with the commands of that name.

    All of them where none are given.
    """
    parts = [part.lower() for part in states]
    wanted = [*commands]
    chosen = [name for name in read_table()["states"] if _contains(name, parts)]
    known = [name for name in read_table()["commands"] if not wanted or name in wanted]
    return [Cell(*pair) for pair in product(chosen, known)]


def _contains(
    name: str,
    parts: list[str],
) -> bool:
    return not parts or any(part in name.lower() for part in parts)


def try_cells(
    cells: list[Cell],
    folder: Path,
    jobs: int = 2,
) -> list[Outcome]:
    """Try cells, some at a time, and print a line for each."""
    sources = Sources(folder / "sources")
    told = threading.Lock()
    done = 0

    def try_numbered(numbered: tuple[int, Cell]) -> Outcome:
        nonlocal done
        number, cell = numbered
        outcome = try_cell(cell, sources, folder / f"cell-{number}")
        with told:
            done += 1
            print(f"[{done}/{len(cells)}] {outcome}", flush=True)
        return outcome

    with ThreadPoolExecutor(jobs) as pool:
        return [*pool.map(try_numbered, enumerate(cells))]


def describe_outcomes(outcomes: list[Outcome]) -> str:
    """Return the counts, and a line for each cell that failed."""
    kinds = Counter(fault.kind for outcome in outcomes for fault in outcome.faults)
    states = {outcome.cell.state for outcome in outcomes}
    commands = {outcome.cell.command for outcome in outcomes}
    failed = [outcome for outcome in outcomes if outcome.faults]
    counts = ", ".join(f"{what}: {kinds[kind]}" for kind, what in KINDS.items())
    lines = [
        f"{len(states)} states × {len(commands)} commands: {len(outcomes)} cells tried, "
        f"{len(failed)} failed",
        counts,
    ]
    lines += [
        f"{outcome.cell}: {'; '.join(map(str, outcome.faults))}" for outcome in failed
    ]
    return "\n".join(lines)


def leave_out(cells: list[Cell]) -> tuple[list[Cell], list[str]]:
    """Return the cells that can be tried here, and what was left out and why."""
    exist = existing_commands()
    possible = []
    notes = {}
    for cell in cells:
        need = STATES[cell.state].lacks
        if cell.command not in exist:
            notes[cell.command] = "there is no such command yet"
        elif need:
            notes[cell.state] = f"needs {need}"
        else:
            possible.append(cell)
    return possible, [f"left out: {name}: {why}" for name, why in notes.items()]


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--state",
        action="append",
        default=[],
        metavar="PART",
        help="states whose name contains it; may be given again",
    )
    parser.add_argument(
        "--command",
        action="append",
        default=[],
        metavar="NAME",
        help="this command; may be given again",
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=2,
        metavar="N",
        help="cells at a time; 2, unless given",
    )
    parser.add_argument("--list", action="store_true", help="print what is expected")
    return parser.parse_args(argv)


def main() -> None:
    """Try what the command line says; the exit code says whether a cell failed."""
    options = parse_arguments()
    cells = select_cells(options.state, options.command)
    if options.list:
        for cell in cells:
            print(f"{cell}: {'refuses' if expectation(cell).refuses else 'succeeds'}")
        return
    cells, notes = leave_out(cells)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = try_cells(cells, Path(folder).resolve(), options.jobs)
    print(describe_outcomes(outcomes), *notes, sep="\n")
    sys.exit(any(outcome.faults for outcome in outcomes))


if __name__ == "__main__":
    main()
