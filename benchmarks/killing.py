"""Kill a command at every file write, rename, removal and start of another program, one by one.

`python benchmarks/killing.py [STRIDE [COMMAND …]]` prints the count. The command runs after a few
lines that count such points and send SIGKILL at the n-th (kill_at.py), in a miniature project: the
stages are small scripts, while git, DVC, the registry and the loop are the real ones.
"""

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from helpers import miniature

KILL_AT = (sys.executable, "-P", Path(__file__).resolve().with_name("kill_at.py"))
COMMANDS = {
    "promote": ("promote", "--why", "better"),
    "rollback": ("rollback", "--why", "worse"),
    "advance": ("advance", "2013-05"),
    "decide": ("decide", "drift.x", "--dismiss", "--why", "summer"),
    "retrain": ("retrain", "--periods", "2"),
    "undo": ("undo", "--yes"),
    "commit": ("commit",),
}
EXPERIMENTING = ("undo", "commit")  # they begin with a run that is not committed
NUMBER = "4\n"  # what the experiment changes n.txt to


@dataclass(frozen=True)
class Trial:
    """A command in a copy of a project, and what it must leave: the state before, or after."""

    source: Path
    argv: tuple
    work: Path
    points: int = 0
    before: tuple = ()
    after: tuple = ()


@dataclass
class Outcome:
    """How many places there are to be killed at, how many were tried, and what went wrong."""

    points: int
    tried: int
    complaints: list[str] = field(default_factory=list)


def run_experiment(
    source: Path,
    top: Path,
) -> Path:
    """Copy a project, change what its training reads, and run it."""
    shutil.copytree(source, top, symlinks=True)
    (top / "n.txt").write_text(NUMBER)
    miniature.output_of(top, *miniature.MLOPS_NB, "repro")
    return top


def state_of_experiment(top: Path) -> tuple:
    """Return branch and tags of a project whose files do not fit its commit, in their places."""
    log = miniature.output_of(top, "git", "log", "--format=%s")
    return "an experiment", "", log, miniature.output_of(top, "git", "tag")


def is_kept(top: Path) -> bool:
    """Say whether the experiment is in the folder, in the last commit or in git's stash."""
    if (top / "n.txt").read_text() == NUMBER:
        return True
    stashes = miniature.output_of(top, "git", "stash", "list", "--format=%H").split()
    places = [f"{commit}:n.txt" for commit in stashes]
    return any(
        miniature.run(top, "git", "show", each).stdout == NUMBER for each in places
    )


def count_points(
    source: Path,
    argv: tuple,
    work: Path,
) -> Trial:
    """Run the command once unharmed, to know its points and the states before and after."""
    top = shutil.copytree(source, work / "count", symlinks=True)
    before = miniature.visible_state(top)
    if argv[0] in EXPERIMENTING:
        before = state_of_experiment(top)
    counted = miniature.run(top, *KILL_AT, *argv, KILL_AT=f"{work / 'n'}:0")
    assert counted.returncode == 0, counted.stderr
    after = miniature.visible_state(top)
    assert before, "the files of the project fit its commit"
    assert after, "the command leaves files that fit their commit"
    assert before != after, "the command changes something"
    return Trial(source, argv, work, int((work / "n").read_text()), before, after)


def kill_and_repeat(
    trial: Trial,
    point: int,
) -> str:
    """Kill at a point; judge what the next command finds, and what running it again makes.

    Returns a complaint, or an empty string.
    """
    top = shutil.copytree(trial.source, trial.work / f"at-{point}", symlinks=True)
    killed = miniature.run(
        top, *KILL_AT, *trial.argv, KILL_AT=f"{trial.work / 'n'}:{point}"
    )
    if killed.returncode == 0 and miniature.visible_state(top) == trial.after:
        return ""  # a point less than counted: digests that are known already are not written
    if killed.returncode != -9:
        return f"{point}: not killed ({killed.returncode})"
    log = miniature.output_of(top, "git", "log", "--format=%s")
    head = log, miniature.output_of(top, "git", "tag")
    if head not in (trial.before[2:], trial.after[2:]):
        return f"{point}: branch and tags are neither old nor new: {head}"
    complaint = repeat(trial, top)
    shutil.rmtree(top)
    return f"{point}: {complaint}" if complaint else ""


def repeat(
    trial: Trial,
    top: Path,
) -> str:
    """Run the command again where it was killed; return a complaint, or an empty string."""
    if trial.argv[0] in EXPERIMENTING and not is_kept(top):
        return "the experiment is nowhere"
    again = miniature.run(top, *miniature.MLOPS_NB, *trial.argv)
    now = miniature.visible_state(top)
    if again.returncode == 0 and now == trial.after:
        return ""
    printed = f"{again.stdout[-500:]}{again.stderr[-500:]}"
    return f"running it again gave {now} ({again.returncode}: {printed})"


def try_command(
    source: Path,
    name: str,
    work: Path,
    first: int,
    stride: int,
) -> Outcome:
    """Kill one command at every `stride`-th point from `first` on, and print the count."""
    work.mkdir()
    if name in EXPERIMENTING:
        source = run_experiment(source, work / "experiment")
    trial = count_points(source, COMMANDS[name], work)
    tried = range(first, trial.points + 1, stride)
    complaints = [complaint for n in tried if (complaint := kill_and_repeat(trial, n))]
    counts = f"{trial.points} points, killed at {len(tried)}, wrong: {len(complaints)}"
    print(f"{name}: {counts}", *complaints, sep="\n  ", flush=True)
    return Outcome(trial.points, len(tried), complaints)


def try_commands(
    stride: int = 1,
    first: int = 1,
    names: tuple[str, ...] = tuple(COMMANDS),
    source: Path | None = None,
) -> dict[str, Outcome]:
    """Kill commands at their points. A project is made where none is given as `source`."""
    with tempfile.TemporaryDirectory() as folder:
        source = source or miniature.make_project(Path(folder) / "source")
        return {
            name: try_command(source, name, Path(folder) / name, first, stride)
            for name in names
        }


def main() -> None:
    """Try what the command line says; the exit code says whether something went wrong."""
    from mlops_nb.pipeline.fork_server import start_fork_server

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "stride",
        type=int,
        nargs="?",
        default=1,
    )
    parser.add_argument(
        "commands",
        nargs="*",
        metavar="COMMAND",
        help=f"of {', '.join(COMMANDS)}",
    )
    options = parser.parse_args()
    with start_fork_server() as server:
        os.environ.update(server)
        outcomes = try_commands(
            options.stride, names=tuple(options.commands or COMMANDS)
        )
    sys.exit(any(outcome.complaints for outcome in outcomes.values()))


if __name__ == "__main__":
    main()
