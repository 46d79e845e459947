"""A command that is killed at a point, or at several in a row, and what comes of it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers import miniature
from kill_cases import Case, States

KILL_AT = (sys.executable, "-P", Path(__file__).resolve().with_name("kill_at.py"))


@dataclass(frozen=True)
class Trial:
    """A command, the folder that it begins in, where it works, and what it makes of it."""

    case: Case
    source: Path
    work: Path
    points: int
    states: States


@dataclass
class Outcome:
    """How many places there are to be killed at, how many were tried, and what went wrong."""

    points: int
    tried: int
    killed: int = 0
    complaints: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return how many points, trials, kills and wrong outcomes there were."""
        counts = {"points": self.points, "tried": self.tried, "killed": self.killed}
        return counts | {"wrong": len(self.complaints)}

    def __str__(self) -> str:
        """Return the counts as a line, and a line for each complaint."""
        counts = ", ".join(f"{name}: {n}" for name, n in self.counts().items())
        return "\n  ".join([counts, *self.complaints])


def run_killed(
    folder: Path,
    argv: tuple[str, ...],
    note: Path,
    point: int,
) -> subprocess.CompletedProcess:
    """Run a command and kill it at a point; at 0 it is let be, and `note` gets the number."""
    return miniature.run(folder, *KILL_AT, *argv, KILL_AT=f"{note}:{point}")


def begin_trial(
    case: Case,
    project: Path,
    work: Path,
) -> Trial:
    """Run the command once unharmed, to know its points and the states before and after."""
    source = shutil.copytree(project, work / "source", symlinks=True)
    if case.prepare:
        case.prepare(source)
    top = shutil.copytree(source, work / "unharmed", symlinks=True)
    before = case.look(top)
    counted = run_killed(top, case.argv, work / "n", 0)
    assert counted.returncode == case.exit_code, counted.stdout + counted.stderr
    after = case.look(top)
    assert before, "the command begins with files that fit their commit"
    assert after, "the command leaves files that fit their commit"
    points = int((work / "n").read_text())
    return Trial(case, source, work, points, States(before, after))


def kill_in_a_row(
    trial: Trial,
    points: list[int],
    outcome: Outcome,
) -> None:
    """Kill the command at each point, one run after the other; then it must finish."""
    name = "-".join(map(str, points))
    top = shutil.copytree(trial.source, trial.work / f"at-{name}", symlinks=True)
    complaint = ""
    for point in points:
        done = run_killed(top, trial.case.argv, trial.work / "n", point)
        if done.returncode != -9:
            break  # there are fewer points than in the first run: what is done is not repeated
        outcome.killed += 1
        complaint = complaint or trial.case.judge(top, trial.states)
    else:
        done = miniature.run(top, *miniature.MLOPS_NB, *trial.case.argv)
    complaint = complaint or _judge_end(trial, top, done)
    if complaint:
        outcome.complaints.append(f"{name}: {complaint}")
    shutil.rmtree(top)


def _judge_end(
    trial: Trial,
    top: Path,
    done: subprocess.CompletedProcess,
) -> str:
    """Complain unless a command that was let be has left what it leaves unharmed."""
    now = trial.case.look(top)
    codes = (trial.case.exit_code, trial.case.code_when_done)
    is_worded = "Traceback" not in done.stderr
    if done.returncode in codes and is_worded and now == trial.states.after:
        return ""
    printed = f"{done.stdout[-500:]}{done.stderr[-500:]}"
    differing = _name_differences(now, trial.states.after)
    return f"running it again gave {differing} ({done.returncode}: {printed})"


def _name_differences(
    now: Any,
    wanted: Any,
) -> Any:
    """Return what differs of two states, where a state is a table."""
    if not isinstance(now, dict):
        return now
    names = sorted({*now, *wanted})
    return [name for name in names if now.get(name) != wanted.get(name)]
