"""Two clones push to the same remotes, and a command in the first is killed."""

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from helpers import miniature
from kill_run import Outcome, run_killed
from ruamel.yaml import YAML

MOST_TRIES = 4  # of a command that does each time what the message says


@dataclass(frozen=True)
class Pair:
    """The command that is killed in the first clone, and what the second one does then."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]


PUSH = ("--push", "--why")
PROMOTE = ("promote", *PUSH)
ROLLBACK = ("rollback", *PUSH)
ADVANCE = ("advance", "2013-05", "--push")
DECIDE = ("decide", "drift.x", "--dismiss", *PUSH)
RETRAIN = ("retrain", "--periods", "2", "--promote", *PUSH)
OURS = {
    "promote": PROMOTE,
    "rollback": ROLLBACK,
    "decide": DECIDE,
    "retrain": RETRAIN,
}
THEIRS = {
    "promote": PROMOTE,
    "rollback": DECIDE,
    "decide": ROLLBACK,
    "retrain": ROLLBACK,
}
PAIRS = {"advance": Pair(ADVANCE, ADVANCE)}
for command, argv in OURS.items():
    PAIRS[command] = Pair((*argv, "ours"), (*THEIRS[command], "theirs"))


@dataclass(frozen=True)
class Team:
    """Two clones, the git repository that both push to, and the store of DVC beside it."""

    folder: Path

    @property
    def ours(self) -> Path:
        """The clone in which the command is killed."""
        return self.folder / "ours"

    @property
    def theirs(self) -> Path:
        """The clone of somebody else."""
        return self.folder / "theirs"

    @property
    def origin(self) -> Path:
        """The bare repository."""
        return self.folder / "origin.git"

    def copy(self, folder: Path) -> "Team":
        """Copy all of it; the copies push to each other's remotes, not to the first ones."""
        team = Team(shutil.copytree(self.folder, folder, symlinks=True))
        for clone in (team.ours, team.theirs):
            miniature.git(clone, "remote", "set-url", "origin", team.origin)
        return team


def make_team(
    project: Path,
    folder: Path,
) -> Team:
    """Share a project, and clone it for somebody else, who brings its outputs."""
    folder.mkdir(parents=True)
    team = Team(folder)
    shutil.copytree(project, team.ours, symlinks=True)
    metrics = team.ours / "reports" / "metrics"  # which a challenger brings along
    metrics.mkdir(parents=True)
    (metrics / "train.json").write_text("{}\n")
    miniature.git(team.ours, "add", "-A")
    miniature.git(team.ours, "commit", "-qm", "metrics")
    miniature.share_project(team.ours, team.origin, folder / "store")
    miniature.output_of(folder, "git", "clone", "-q", team.origin, team.theirs)
    miniature.output_of(team.theirs, *miniature.MLOPS_NB, "repro")
    return team


def read_decisions(
    repository: Path,
    rev: str = "main",
) -> list[dict]:
    """Read the decisions that a branch has."""
    text = miniature.git(repository, "show", f"{rev}:data/decisions.jsonl")
    return [json.loads(line) for line in text.splitlines()]


def describe_half(team: Team) -> str:
    """Say what the remote lacks of what its branch names; empty where it is whole."""
    lost = []
    for commit in miniature.git(team.origin, "rev-list", "main", "--tags").split():
        lost += [f"{commit[:7]}: {path}" for path in lost_outputs(team, commit)]
    if lost:
        return f"the remote lacks bytes of {', '.join(lost)}"
    tags = miniature.git(team.origin, "tag", "-l", "toy*").split()
    if (
        tags
        != miniature.git(team.origin, "tag", "-l", "toy*", "--merged", "main").split()
    ):
        return "a tag in the remote is of no commit of its branch"
    decisions = read_decisions(team.origin)
    moves = [each["action"] in ("promote", "rollback") for each in decisions]
    stages = [tag for tag in tags if "#prod#" in tag]
    if sum(moves) != len(stages):
        return f"{sum(moves)} moves of production were decided, tags are {stages}"
    return ""


def lost_outputs(
    team: Team,
    commit: str,
) -> list[str]:
    """Return the outputs of a commit whose bytes the store does not have."""
    shown = miniature.run(team.origin, "git", "show", f"{commit}:dvc.lock")
    stages = YAML(typ="safe").load(shown.stdout or "stages: {}")["stages"]
    store = team.folder / "store" / "files" / "md5"
    lost = []
    for stage in stages.values():
        for output in stage.get("outs", []):
            digests = [output["md5"]]
            listing = store / digests[0][:2] / digests[0][2:]
            if listing.suffix == ".dir" and listing.exists():
                digests += [entry["md5"] for entry in json.loads(listing.read_text())]
            places = [store / digest[:2] / digest[2:] for digest in digests]
            if not all(place.exists() for place in places):
                lost.append(output["path"])
    return lost


def run_until_done(
    clone: Path,
    argv: tuple[str, ...],
) -> str:
    """Run a command, and do what each refusal names; return a complaint, or an empty string."""
    for _ in range(MOST_TRIES):
        done = miniature.run(clone, *miniature.MLOPS_NB, *argv)
        said = f"{clone.name}: {done.returncode}: {done.stdout}{done.stderr}"[-900:]
        if not done.returncode:
            return "" if is_written_down(clone, argv, done.stdout) else said
        named = re.findall("`(git (?:pull|fetch)[^`]*)`", done.stderr)
        is_worded = done.stderr.count("expected: ") == 1
        if not named or not is_worded or "Traceback" in done.stderr:
            return said
        fixed = miniature.run(clone, *named[0].split())
        if fixed.returncode:
            return f"{clone.name}: {named[0]}: {fixed.stderr[-500:]}"
    return f"refused {MOST_TRIES} times: {said}"


def is_written_down(
    clone: Path,
    argv: tuple[str, ...],
    answer: str,
) -> bool:
    """Say whether a decision that is said to have been made is on record."""
    if argv[-2] != "--why" or "already" in answer:
        return True
    return argv[-1] in [each["why"] for each in read_decisions(clone)]


def judge_decisions(
    team: Team,
    known: list[dict],
) -> str:
    """Complain of a decision that is lost, and of a number that two models have."""
    decisions = read_decisions(team.origin)
    lost = [each["why"] for each in known if each not in decisions]
    if lost:
        return f"lost decisions: {lost}"
    models = {}
    for each in decisions:
        if each["action"] == "promote":
            models.setdefault(each["version"], set()).add(each["md5"])
    twice = [version for version, digests in models.items() if len(digests) > 1]
    return f"two models of one number: {twice}" if twice else ""


def compare_clones(team: Team) -> str:
    """Complain unless both clones, pulled, see the same, and nothing is wrong with them."""
    states = []
    for clone in (team.ours, team.theirs):
        miniature.git(clone, "pull", "-q", "--tags")
        state = miniature.visible_state(clone)
        if state is None:  # what others have made is not here yet
            miniature.output_of(clone, *miniature.MLOPS_NB, "repro")
            state = miniature.visible_state(clone)
        states.append(state)
    if states[0] is None or states[0] != states[1]:
        return f"the clones differ: {states}"
    found = miniature.run(team.ours, *miniature.MLOPS_NB, "doctor")
    return found.stdout if found.returncode > 1 else ""


def judge_team(
    team: Team,
    pair: Pair,
) -> str:
    """Let both work on after the kill; return a complaint, or an empty string."""
    known = []
    for clone, argv in ((team.theirs, pair.theirs), (team.ours, pair.ours)):
        known += read_decisions(team.origin)
        complaint = describe_half(team) or run_until_done(clone, argv)
        if complaint:
            return complaint
        known += read_decisions(clone)
    return describe_half(team) or judge_decisions(team, known) or compare_clones(team)


def try_pair(
    team: Team,
    pair: Pair,
    first: int,
    stride: int,
) -> Outcome:
    """Kill the command of a pair at every `stride`-th point from `first` on."""
    note = team.folder.parent / "n"
    unharmed = team.copy(team.folder.parent / "unharmed")
    counted = run_killed(unharmed.ours, pair.ours, note, 0)
    assert counted.returncode == 0, counted.stdout + counted.stderr
    points = int(note.read_text())
    tried = range(first, points + 1, stride)
    outcome = Outcome(points, len(tried))
    for point in tried:
        copy = team.copy(team.folder.parent / f"at-{point}")
        outcome.killed += run_killed(copy.ours, pair.ours, note, point).returncode == -9
        complaint = judge_team(copy, pair)
        if complaint:
            outcome.complaints.append(f"{point}: {complaint}")
        shutil.rmtree(copy.folder)
    return outcome


def try_clones(
    stride: int,
    first: int,
    names: tuple[str, ...],
) -> dict[str, Outcome]:
    """Kill commands of pairs at their points, and print the counts."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        project = miniature.make_project(Path(folder) / "project")
        for name in names:
            team = make_team(project, Path(folder) / name / "team")
            outcomes[name] = try_pair(team, PAIRS[name], first, stride)
            print(f"{name} in a clone: {outcomes[name]}", flush=True)
    return outcomes
