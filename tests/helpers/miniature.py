"""A miniature project: small scripts as stages; git, DVC, registry and loop are the real ones."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from helpers.once import make_once
from helpers.project import ENV, run_command

TEMPLATE = Path(__file__).with_name("miniature_project")
SHELVES: list[Path] = []  # in tests: the folder in which projects are made once
MLOPS_NB = (sys.executable, "-m", "mlops_nb")
AUTHOR = {
    "GIT_AUTHOR_NAME": "ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


def environment(**more: str) -> dict[str, str]:
    """The variables of a user whose programs are those of this environment."""
    own = {}
    for name, value in os.environ.items():
        if not name.startswith("MLOPS_NB"):
            own[name] = value
    if "MLOPS_NB_SERVER" in ENV:
        own["MLOPS_NB_SERVER"] = ENV["MLOPS_NB_SERVER"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return own | AUTHOR | {"PATH": path, "DVC_NO_ANALYTICS": "1"} | more


def run(
    top: Path,
    *argv: object,
    **env: str,
) -> subprocess.CompletedProcess:
    """Run a command in the project, whatever comes of it."""
    return run_command([str(part) for part in argv], top, environment(**env), 300)


def output_of(
    top: Path,
    *argv: object,
) -> str:
    """Run a command that must succeed; return what it prints."""
    done = run(top, *argv)
    assert done.returncode == 0, (argv, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def run_cli(
    top: Path,
    *argv: object,
) -> subprocess.CompletedProcess:
    """Run a command of the package, which may fail, but in words only."""
    done = run(top, *MLOPS_NB, *argv)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def git(
    top: Path,
    *argv: object,
) -> str:
    """Run a command of git that must succeed; return what it prints."""
    return output_of(top, "git", *argv).strip()


def commit_candidate(
    top: Path,
    number: int,
    message: str,
) -> None:
    """Train the next candidate and commit it."""
    (top / "n.txt").write_text(f"{number}\n")
    output_of(top, *MLOPS_NB, "dvc", "repro", "-q")
    output_of(top, "git", "add", "-A")
    output_of(top, "git", "commit", "-qm", message)


def make_project(
    top: Path,
    table: bool = False,
    card: bool = False,
    versions: int = 2,
) -> Path:
    """Make a project with registered versions, and one candidate more.

    In tests it is made once, and copied.

    Args:
        top: where.
        table: with a table of the user's, data/shop.csv, which DVC tracks.
        card: with the reports that a model card is filled from, as committed files.
        versions: how many.
    """
    if not SHELVES:
        return _build_project(top, table, card, versions)
    name = f"miniature-{table}-{card}-{versions}"
    made = make_once(
        SHELVES[0], name, lambda folder: _build_project(folder, table, card, versions)
    )
    return shutil.copytree(made, top, symlinks=True)


def _build_project(
    top: Path,
    table: bool,
    card: bool,
    versions: int,
) -> Path:
    (top / "data").mkdir(parents=True)
    shutil.copy(TEMPLATE / "make.py", top / "make.py")
    shutil.copy(TEMPLATE / "stages.yaml", top / "dvc.yaml")
    shutil.copy(TEMPLATE / "params.yaml", top / "params.yaml")
    shutil.copy(TEMPLATE / "card.yaml", top / "data" / "card.yaml")
    (top / "settings.ini").write_text("[report]\nowner = Ada\n")
    (top / ".gitignore").write_text(".mlops/\n__pycache__/\n")
    output_of(top, "git", "init", "-q", "-b", "main")
    output_of(top, sys.executable, "-m", "dvc", "init", "-q")
    if table:
        _add_table(top)
    if card:
        _add_reports(top)
    for number in range(1, versions + 1):
        commit_candidate(top, number, f"candidate {number}")
        output_of(top, *MLOPS_NB, "promote", "--why", f"number {number}")
    commit_candidate(top, versions + 1, f"candidate {versions + 1}")
    return top


def _add_table(top: Path) -> None:
    """Let DVC track a table of twenty rows."""
    rows = [f"{number},2013-01-01,red" for number in range(20)]
    (top / "data" / "shop.csv").write_text("\n".join(["id,day,colour", *rows, ""]))
    output_of(top, *MLOPS_NB, "dvc", "add", "-q", "data/shop.csv")


def _add_reports(top: Path) -> None:
    """Write what the stages that the miniature lacks would have reported."""
    made_by = {"estimator": "m", "params": {}, "target": "y", "task": "binary"}
    manifest = made_by | {"threshold": 0.5, "versions": {}}
    period = {"start": "2013-01", "end": "2013-03"}
    results = {
        "train": {"manifest": manifest, "rows": 9},
        "preprocess-train": {"catalogue": {}},
    }
    (top / "reports").mkdir()
    for stage, result in results.items():
        report = json.dumps({"results": result, "period": period})
        (top / "reports" / f"{stage}.json").write_text(report)


def share_project(
    top: Path,
    origin: Path,
    store: Path | None = None,
) -> None:
    """Give the project a bare git remote, and a DVC remote beside it where `store` is given."""
    if store:
        remote = os.path.relpath(store, top)
        output_of(top, *MLOPS_NB, "dvc", "remote", "add", "-q", "-d", "store", remote)
        output_of(top, "git", "commit", "-qam", "DVC remote")
        # as if it had been there from the start: DVC pushes no commit whose config lacks it
        shutil.copytree(top / ".dvc" / "cache" / "files", store / "files")
    output_of(top, "git", "init", "-q", "--bare", "-b", "main", origin)
    output_of(top, "git", "remote", "add", "origin", origin)
    output_of(top, "git", "push", "-q", "-u", "origin", "main", "--tags")


def nest_project(
    source: Path,
    repository: Path,
    path: str,
) -> None:
    """Tell a project's history again as that of a folder of a bigger git repository.

    Commits get other names there; files that name them name the new ones.
    """
    output_of(source, "git", "init", "-q", "-b", "main", repository)
    (repository / "README.md").write_text("many models\n")
    output_of(repository, "git", "add", "-A")
    output_of(repository, "git", "commit", "-qm", "a bigger repository")
    renamed: dict[str, str] = {}
    for commit in output_of(source, "git", "rev-list", "--reverse", "HEAD").split():
        renamed[commit] = _commit_nested(source, repository / path, commit, renamed)
    for tag in output_of(source, "git", "tag").split():
        commit = output_of(source, "git", "rev-parse", f"{tag}^{{commit}}").strip()
        note = output_of(source, "git", "tag", "-l", "--format=%(contents)", tag)
        output_of(repository, "git", "tag", "-a", "-m", note, tag, renamed[commit])
    ours = shutil.ignore_patterns(".git")
    shutil.copytree(source, repository / path, ignore=ours, dirs_exist_ok=True)
    _rename_commits(repository / path, renamed)


def _commit_nested(
    source: Path,
    top: Path,
    commit: str,
    renamed: dict[str, str],
) -> str:
    """Commit what a commit of `source` holds in the folder `top`; return the new commit."""
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir(parents=True)
    archive = top.with_name("archive.tar")
    output_of(source, "git", "archive", "-o", archive, commit)
    shutil.unpack_archive(archive, top, filter="data")
    archive.unlink()
    _rename_commits(top, renamed)
    message = output_of(source, "git", "log", "-1", "--format=%B", commit)
    output_of(top, "git", "add", "-A", ".")
    output_of(top, "git", "commit", "-qm", message)
    return output_of(top, "git", "rev-parse", "HEAD").strip()


def _rename_commits(
    top: Path,
    renamed: dict[str, str],
) -> None:
    for name in ("params.yaml", "dvc.lock"):
        text = (top / name).read_text() if (top / name).exists() else ""
        for old, new in renamed.items():
            text = text.replace(old, new)
        if text:
            (top / name).write_text(text)


def visible_state(top: Path) -> tuple[str, str, str, str] | None:
    """Return what a user sees: pin, champion's bytes, branch and tags.

    None when the files do not fit the commit.
    """
    if output_of(top, "git", "status", "--porcelain"):
        return None
    if "up to date" not in output_of(top, *MLOPS_NB, "dvc", "status"):
        return None
    pin = (top / "params.yaml").read_text().splitlines()[-1]
    champion = (top / "data" / "champion" / "model.skops").read_text()
    log = output_of(top, "git", "log", "--format=%s")
    return pin, champion, log, output_of(top, "git", "tag")
