"""What a command left in a hostile world: nothing lost, nothing half done, one worded message."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from hostile_snapshot import Snapshot, take_snapshot
from hostile_states import World
from ruamel.yaml import YAML, YAMLError

KINDS = {
    "lost": "something is lost",
    "half": "half done",
    "unworded": "not told in one worded message",
    "needless": "refused without need",
    "wrong": "done although it must not be",
    "stuck": "the next command does not work",
    "untried": "this suite could not try it",
}
SENTENCE_LINES = 2  # of a message that is a sentence
MOST_SAID = 400  # characters of what a command said that are told
KILLED = -9


@dataclass(frozen=True)
class Expected:
    """What the table says of a cell.

    Attributes:
        refuses: whether the command is to refuse.
        cause: what a refusal must name, a pattern.
        answer: what a success must say, a pattern.
        moves: whether the command commits to the branch.
        runs: whether it runs stages in the checkout, whose outputs it may replace.
        reports: whether it tells on stdout what it found, and its exit code says how bad that is.
        fills: whether all outputs must be there afterwards.
        undoes: whether it takes files of the user's from their place, for git to keep.
    """

    refuses: bool
    cause: str = ""
    answer: str = ""
    moves: bool = False
    runs: bool = False
    reports: bool = False
    fills: bool = False
    undoes: bool = False


@dataclass(frozen=True)
class Fault:
    """What is wrong with a cell: of which kind, and what was seen."""

    kind: str
    seen: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.kind}: {self.seen}"


def last_words(done: CompletedProcess) -> str:
    """Return the end of what a command said, in one line."""
    return " ".join((done.stderr.strip() or done.stdout).split())[-MOST_SAID:]


def _lost_files(
    world: World,
    before: Snapshot,
    after: Snapshot,
    undoes: bool,
) -> Iterator[str]:
    """Name files of the user that changed, and contents that are nowhere any more."""
    own = () if undoes else before.own & before.files.keys()
    for path in sorted(own):
        if after.files.get(path) != before.files[path]:
            yield f"{path}, which no commit holds"
    if not after.table.startswith(before.table):
        yield "rows of data/shop.csv"
    kept = {*after.files.values(), *(name.split("/")[1] for name in after.cache)}
    for path, blob in before.files.items():
        is_kept = blob in kept or before.digests[path] in kept
        if not is_kept and not world.git("cat-file", "-t", blob, must=False):
            yield f"the contents of {path}"


def _lost_history(
    before: Snapshot,
    after: Snapshot,
) -> Iterator[str]:
    """Name commits, tags, and operations of git that are gone."""
    yield from (f"commit {name[:8]}" for name in before.commits - after.commits)
    tags = [name for name in before.refs if name.startswith("refs/tags/")]
    yield from (tag for tag in tags if after.refs.get(tag) != before.refs[tag])
    yield from (f"git's {name}" for name in before.operations - after.operations)
    yield from sorted(before.cache - after.cache)


def _lost_elsewhere(
    world: World,
    before: Snapshot,
    after: Snapshot,
) -> Iterator[str]:
    """Name what others have lost: on the remote, and among processes."""
    for name, target in before.remote_refs.items():
        now = after.remote_refs.get(name)
        if now == target:
            continue
        ancestor = ("merge-base", "--is-ancestor", target, now)
        is_moved = now and name.startswith("refs/heads/")
        if not is_moved or world.fails_git(*ancestor, where=world.origin):
            yield f"{name} of the remote"
    if world.bystander and world.bystander.poll() is not None:
        yield "the process of somebody else"


def _unfinished(world: World) -> Iterator[str]:
    scratch = world.project / ".mlops"
    left = [*scratch.glob("change*"), *scratch.glob("staging/*-*")]
    left += world.project.glob("data/**/.*.tmp")
    yield from (f"{path.name} is left" for path in sorted(left))


def _changed_though_refused(
    before: Snapshot,
    after: Snapshot,
    runs: bool,
) -> Iterator[str]:
    """Name what a refused command has changed nevertheless."""
    for name in ("refs", "head", "index", "remote_refs"):
        if getattr(before, name) != getattr(after, name):
            yield f"refused, but {name} changed"
    both = before.files.items() ^ after.files.items()
    changed = sorted({path for path, _ in both})
    if changed and not runs:
        yield f"refused, but changed {', '.join(changed[:4])}"


def _changed_though_done(
    world: World,
    before: Snapshot,
    after: Snapshot,
    undoes: bool,
) -> Iterator[str]:
    """Name what a command that has worked should not have changed, or opened to others."""
    gone = before.files.keys() - after.files.keys()
    if undoes:
        gone -= before.own
    yield from (f"{path} is gone" for path in sorted(gone))
    if world.umask < 0:
        return
    for path, mode in after.modes.items():
        if mode != before.modes.get(path) and mode & world.umask:
            yield f"{path} has the mode {mode:04o}"


def _contradictions(
    world: World,
    before: Snapshot,
    after: Snapshot,
    expected: Expected,
) -> Iterator[str]:
    """Name what does not fit together after a command that commits or runs."""
    try:
        outs = dict(_recorded_outputs(world.project))
        params = _read_yaml(world.project / "params.yaml")
    except YAMLError as error:
        yield f"dvc.lock or params.yaml cannot be read: {type(error).__name__}"
        return
    for path, md5 in outs.items():
        here = _dvc_digest(world.project / path)
        if here not in ("", md5) or (expected.fills and not here):
            yield f"{path} is {here or 'not there'}, dvc.lock says {md5}"
    if params["champion"]["md5"] != outs["data/champion"]:
        yield "dvc.lock has another champion than params.yaml"
    new = (after.own - before.own) & after.files.keys()
    not_committed = sorted(new) if expected.moves else ()
    yield from (f"{path} is not committed" for path in not_committed)


def _recorded_outputs(top: Path) -> Iterator[tuple[str, str]]:
    for stage in _read_yaml(top / "dvc.lock")["stages"].values():
        yield from ((out["path"], out["md5"]) for out in stage.get("outs", ()))


def _read_yaml(path: Path) -> dict:
    return YAML(typ="safe", pure=True).load(path.read_text())


def _dvc_digest(path: Path) -> str:
    """Name the contents of a file or folder as DVC does; empty where there is none."""
    if not path.is_dir():
        return hashlib.md5(path.read_bytes()).hexdigest() if path.exists() else ""
    files = {str(each.relative_to(path)): each for each in path.rglob("*")}
    entries = [
        {"md5": _dvc_digest(file), "relpath": name}
        for name, file in sorted(files.items())
        if file.is_file()
    ]
    return f"{hashlib.md5(json.dumps(entries).encode()).hexdigest()}.dir"


def _unworded(
    done: CompletedProcess,
    expected: Expected,
) -> Iterator[str]:
    """Name what a refusal lacks: one message, in words, that names the cause."""
    if expected.reports:
        said = f"{done.stdout}\n{done.stderr}"
    else:
        said = done.stderr
        yield from _not_one_message(done)
    if not re.search(expected.cause, said, re.IGNORECASE | re.DOTALL):
        yield f"the cause ({expected.cause}) is not named: {last_words(done)}"


def _not_one_message(done: CompletedProcess) -> Iterator[str]:
    messages = len(re.findall(r"(?m)^(?:expected:|ERROR:|fatal:) ", done.stderr))
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if not lines:
        yield f"nothing on stderr: {last_words(done)}"
    elif messages > 1:
        yield f"{messages} messages: {last_words(done)}"
    elif not messages and len(lines) > SENTENCE_LINES:
        yield f"{len(lines)} lines that are no message: {last_words(done)}"


def _misspoken(
    done: CompletedProcess,
    expected: Expected,
) -> Iterator[str]:
    """Name what is wrong with the way in which a command ended."""
    if done.returncode == KILLED:
        yield "it did not end within two minutes"
    elif "Traceback" in done.stdout + done.stderr:
        yield f"a traceback: {last_words(done)}"
    elif done.returncode and expected.refuses:
        yield from _unworded(done, expected)


def _unexpected(
    done: CompletedProcess,
    expected: Expected,
    is_still: bool,
) -> Iterator[Fault]:
    """Compare refusal and success with the table."""
    said = last_words(done)
    if done.returncode and not expected.refuses:
        yield Fault("needless", f"exit code {done.returncode}: {said}")
    if done.returncode:
        return
    if expected.refuses:
        yield Fault("wrong", f"it succeeds: {said}")
    elif expected.moves and is_still:
        yield Fault("wrong", f"it succeeds, but nothing is committed: {said}")
    elif not re.search(expected.answer, done.stdout + done.stderr):
        yield Fault("wrong", f"does not say {expected.answer}: {said}")


def judge(
    world: World,
    before: Snapshot,
    done: CompletedProcess,
    expected: Expected,
) -> list[Fault]:
    """Compare what happened with what the table says, and with what must always hold."""
    after = take_snapshot(world)
    half = [*_unfinished(world)]
    if done.returncode:
        half += _changed_though_refused(before, after, expected.runs)
    else:
        half += _changed_though_done(world, before, after, expected.undoes)
    if not done.returncode and (expected.moves or expected.fills):
        half += _contradictions(world, before, after, expected)
    lost = [
        *_lost_files(world, before, after, expected.undoes),
        *_lost_history(before, after),
        *_lost_elsewhere(world, before, after),
    ]
    seen = {"lost": lost, "half": half, "unworded": _misspoken(done, expected)}
    faults = [Fault(kind, each) for kind, found in seen.items() for each in found]
    return [*faults, *_unexpected(done, expected, before.head == after.head)]
