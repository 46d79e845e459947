"""The commands that are killed: where each begins, what it leaves, what a kill may leave of it."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import miniature

from mlops_nb.core.files import read_json_lines

NUMBER = "4\n"  # what the experiment changes n.txt to
COMMITTED_MODEL = "model 3"  # which the experiment replaces
SITE = ".mlops/site"
FOREIGN_FILES = ("CNAME", "docs/keep.txt")  # in the site's folder
TARGET = "KILL_HOOK"  # the environment variable with the address that alerts go to
NOT_OF_THE_RECORD = (".git", ".dvc/tmp", ".dvc/cache", ".mlops", "__pycache__")
CACHES = (
    *(".git", ".dvc/tmp", ".dvc/cache", "__pycache__"),
    *(".mlops/ipython", ".mlops/digests.json"),
)


@dataclass(frozen=True)
class States:
    """What a command finds and what it leaves when it is let be, as `look` of its case says it."""

    before: Any
    after: Any


def digest_files(
    top: Path,
    leave_out: tuple[str, ...] = (),
) -> dict[str, str]:
    """Return the digest of every file below a folder."""
    digests = {}
    for file in sorted(top.rglob("*")):
        path = file.relative_to(top).as_posix()
        is_left_out = any(part in f"/{path}/" for part in map("/{}/".format, leave_out))
        if file.is_file() and not is_left_out:
            digests[path] = hashlib.sha256(file.read_bytes()).hexdigest()
    return digests


def branch_and_tags(top: Path) -> tuple[str, str]:
    """Return the messages of the branch, and the tags."""
    log = miniature.output_of(top, "git", "log", "--format=%s")
    return log, miniature.output_of(top, "git", "tag")


def judge_history(
    top: Path,
    states: States,
) -> str:
    """Complain where branch and tags are neither old nor new."""
    head = branch_and_tags(top)
    known = [state[-2:] for state in (states.before, states.after)]
    return "" if head in known else f"branch and tags are neither old nor new: {head}"


def run_experiment(top: Path) -> None:
    """Change what the training reads, and run it; nothing is committed."""
    (top / "n.txt").write_text(NUMBER)
    miniature.output_of(top, *miniature.MLOPS_NB, "repro")


def look_at_experiment(top: Path) -> tuple:
    """Return what a user sees, also of a project whose files do not fit its commit."""
    seen = miniature.visible_state(top)
    return seen or ("an experiment", *branch_and_tags(top))


def judge_experiment(
    top: Path,
    states: States,
) -> str:
    """Complain where the experiment is in no folder, commit or stash of git."""
    places = ["HEAD", *miniature.git(top, "stash", "list", "--format=%H").split()]
    found = [miniature.run(top, "git", "show", f"{place}:n.txt") for place in places]
    kept = [(top / "n.txt").read_text(), *(shown.stdout for shown in found)]
    if NUMBER not in kept:
        return "the experiment is nowhere"
    return judge_history(top, states)


def change_input(top: Path) -> None:
    """Change what the training reads."""
    (top / "n.txt").write_text(NUMBER)


def look_at_run(top: Path) -> dict[str, str]:
    """Return the digests of what a run leaves."""
    run = digest_files(top, leave_out=NOT_OF_THE_RECORD)
    return run | {"branch and tags": str(branch_and_tags(top))}


def judge_run(
    top: Path,
    states: States,
) -> str:
    """Complain where the change or the committed model is lost, or something was committed."""
    cache = top / ".dvc" / "cache" / "files" / "md5"
    files = [*cache.glob("??/*"), top / "data" / "candidate" / "model.skops"]
    texts = [file.read_text() for file in files if file.is_file()]
    if COMMITTED_MODEL not in texts:
        return "the committed model is nowhere"
    if (top / "n.txt").read_text() != NUMBER:
        return "the change is lost"
    same = str(branch_and_tags(top)) == states.before["branch and tags"]
    return "" if same else "a run has moved the branch"


def make_table(top: Path) -> None:
    """Leave a folder with nothing but a table."""
    shutil.rmtree(top)
    top.mkdir()
    rows = [f"{i},2020-{1 + i // 20:02},{i % 7},{i % 2}" for i in range(120)]
    (top / "orders.csv").write_text("\n".join(["id,day,price,left", *rows, ""]))


def make_table_inside(top: Path) -> None:
    """Leave a folder with nothing but the folder of the project, in which the table lies."""
    make_table(top)
    (top / "churn").mkdir()
    (top / "orders.csv").rename(top / "churn" / "orders.csv")


def look_at_new(top: Path) -> tuple[str, str, str]:
    """Return the digest of the table, what lies in the folder, and the tree of the project."""
    table = next(iter([*top.glob("orders.csv"), *top.glob("churn/orders.csv")]))
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    names = str(sorted(file.name for file in top.iterdir()))
    project = top / "churn"
    if not (project / ".git").exists():
        return digest, names, "no project"
    tree = miniature.run(project, "git", "rev-parse", "HEAD^{tree}").stdout
    changed = miniature.git(project, "status", "--porcelain")
    return digest, names, f"{tree}{changed}{(project / '.mlops' / 'new').exists()}"


def judge_new(
    top: Path,
    states: States,
) -> str:
    """Complain where the table is not as it was, or half a project passes for a whole one."""
    table, _, project = look_at_new(top)
    if table != states.before[0]:
        return "the table is another"
    is_marked = (top / "churn" / ".mlops" / "new").exists()
    is_project = (top / "churn" / "dvc.yaml").exists()
    if is_project and not is_marked and project != states.after[2]:
        return "half a project, of which nothing says so"
    return ""


def publish_before(top: Path) -> None:
    """Publish a site, put files of others into it, and change what it tells."""
    guides = top / "nbs" / "guides"
    guides.mkdir(parents=True)
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Title"}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (guides / "old.ipynb").write_text(json.dumps(notebook))
    miniature.output_of(top, *miniature.MLOPS_NB, "publish", "--to", SITE)
    for path in FOREIGN_FILES:
        (top / SITE / path).write_text("of somebody else\n")
    (guides / "old.ipynb").rename(guides / "new.ipynb")
    miniature.git(top, "add", "-A")
    miniature.git(top, "commit", "-qm", "guide")
    decide = ("decide", "drift.x", "--dismiss", "--why", "summer")
    miniature.output_of(top, *miniature.MLOPS_NB, *decide)


def look_at_site(top: Path) -> dict[str, str]:
    """Return the digests of the site's files, and what a user sees of the project."""
    seen = str(miniature.visible_state(top))
    return digest_files(top / SITE) | {"project": seen}


def judge_site(
    top: Path,
    states: States,
) -> str:
    """Complain where a file of somebody else, or the project, is not as it was."""
    here = look_at_site(top)
    changed = [
        name
        for name in ("project", *FOREIGN_FILES)
        if here.get(name) != states.before.get(name)
    ]
    return f"changed: {', '.join(changed)}" if changed else ""


def interrupt_promotion(top: Path) -> None:
    """Leave what a promotion leaves that was killed when the branch had moved, the files not."""
    old = miniature.git(top, "rev-parse", "HEAD")
    miniature.output_of(top, *miniature.MLOPS_NB, "promote", "--why", "better")
    new = miniature.git(top, "rev-parse", "HEAD")
    miniature.git(top, "checkout", "-q", old, "--", ".")
    miniature.output_of(top, *miniature.MLOPS_NB, "dvc", "checkout", "-q")
    note = {"old": old, "new": new, "message": "Promote the candidate to prod: better"}
    (top / ".mlops" / "change.json").write_text(json.dumps(note))
    (top / ".mlops" / "change-4194305").mkdir()  # above the highest number of a process


def look_at_everything(top: Path) -> dict[str, str]:
    """Return the digests of all files that are not caches, branch and tags, and git's index."""
    staged = miniature.output_of(top, "git", "ls-files", "-s")
    refs = miniature.output_of(top, "git", "for-each-ref")
    return digest_files(top, leave_out=CACHES) | {"refs": refs, "index": staged}


def judge_nothing(
    top: Path,
    states: States,
) -> str:
    """Complain where anything has changed."""
    here = look_at_everything(top)
    names = sorted({*here, *states.before})
    changed = [name for name in names if here.get(name) != states.before.get(name)]
    return f"changed: {', '.join(changed)}" if changed else ""


def make_project_with_card(top: Path) -> None:
    """Make a project that has all that a model card tells."""
    shutil.rmtree(top)
    miniature.make_project(top, card=True)


def look_at_card(top: Path) -> dict[str, str]:
    """Return the digests of the model cards, and what a user sees of the project."""
    cards = digest_files(top / ".mlops" / "cards")
    return cards | {"project": str(miniature.visible_state(top))}


def judge_card(
    top: Path,
    states: States,
) -> str:
    """Complain where the project is not as it was, or a card is neither absent nor whole."""
    here = look_at_card(top)
    if here["project"] != states.before["project"]:
        return "the project is another"
    half = [
        name
        for name in here
        if name.startswith("v") and here[name] != states.after[name]
    ]
    return f"half written: {', '.join(half)}" if half else ""


def set_target(top: Path) -> None:
    """Name the target of alerts."""
    (top / "settings.ini").write_text(f"[all]\nalerts = {TARGET}\n")
    miniature.git(top, "commit", "-qam", "alerts")


def look_at_alerts(top: Path) -> tuple:
    """Return which alerts are open, how many messages wait, and who has got which."""
    file = top / ".mlops" / "alerts.json"
    state = (
        json.loads(file.read_text()) if file.exists() else {"open": [], "outbox": []}
    )
    told = set()
    for entry in read_json_lines(top / ".mlops" / "alerts.jsonl"):
        told.add((entry["finding"], entry["event"], *entry["sent"]))
    return (
        sorted(state["open"]),
        len(state["outbox"]),
        told,
        miniature.visible_state(top),
    )


def judge_alerts(
    top: Path,
    states: States,
) -> str:
    """Complain where the project is not as it was, or a state of alerts cannot be read."""
    same = look_at_alerts(top)[-1] == states.before[-1]
    return "" if same else "the project is another"


@dataclass(frozen=True)
class Case:
    """A command that is killed.

    Attributes:
        argv: the command.
        prepare: brings a copy of the project to where the command begins.
        look: returns what the command is to leave.
        judge: says what is wrong with what a kill has left, given the states before and after.
        exit_code: of the command when it is let be.
        code_when_done: of the command where it has been done already.
    """

    argv: tuple[str, ...]
    prepare: Callable[[Path], None] | None = None
    look: Callable[[Path], Any] = miniature.visible_state
    judge: Callable[[Path, States], str] = judge_history
    exit_code: int = 0
    code_when_done: int = 0


NEW = ("new", "churn", "--target", "left", "--data")
PRODUCTION = {
    "promote": Case(("promote", "--why", "better")),
    "rollback": Case(("rollback", "--why", "worse")),
    "advance": Case(("advance", "2013-05")),
    "decide": Case(("decide", "drift.x", "--dismiss", "--season", "--why", "hot")),
    "retrain": Case(("retrain", "--periods", "2")),
}
EXPERIMENT = (run_experiment, look_at_experiment, judge_experiment)
EXPERIMENTS = {
    "undo": Case(("undo", "--yes"), *EXPERIMENT),
    "commit": Case(("commit",), *EXPERIMENT),
    "repro": Case(("repro",), change_input, look_at_run, judge_run),
}
OUTSIDE = (make_table, look_at_new, judge_new)
INSIDE = (make_table_inside, look_at_new, judge_new)
NEW_PROJECTS = {
    "new": Case((*NEW, "orders.csv"), *OUTSIDE, code_when_done=1),
    "new-inside": Case((*NEW, "churn/orders.csv"), *INSIDE, code_when_done=1),
}
SITE_CASE = (publish_before, look_at_site, judge_site)
CARD = (make_project_with_card, look_at_card, judge_card)
ALERT = (set_target, look_at_alerts, judge_alerts)
WRITTEN = {
    "publish": Case(("publish", "--to", SITE), *SITE_CASE),
    "card": Case(("card", "v1.0.0"), *CARD),
    "alert": Case(("alert",), *ALERT),
}
INTERRUPTED = (interrupt_promotion, look_at_everything, judge_nothing)
WARNED = {"exit_code": 1, "code_when_done": 1}
LOOKS = {"doctor": Case(("doctor",), *INTERRUPTED, **WARNED)}
CASES = PRODUCTION | EXPERIMENTS | NEW_PROJECTS | WRITTEN | LOOKS
