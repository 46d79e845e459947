"""A miniature project: small scripts as stages; git, DVC, registry and loop are the real ones."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).with_name("miniature_project")
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
        if not name.startswith("MLOPS_NB") or name == "MLOPS_NB_SERVER":
            own[name] = value
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return own | AUTHOR | {"PATH": path, "DVC_NO_ANALYTICS": "1"} | more


def run(
    top: Path,
    *argv: object,
    **env: str,
) -> subprocess.CompletedProcess:
    """Run a command in the project, whatever comes of it."""
    return subprocess.run(
        [str(part) for part in argv],
        cwd=top,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=300,
    )


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


def make_project(top: Path) -> Path:
    """Make a project with two registered versions, and a third candidate."""
    (top / "data").mkdir(parents=True)
    shutil.copy(TEMPLATE / "make.py", top / "make.py")
    shutil.copy(TEMPLATE / "stages.yaml", top / "dvc.yaml")
    shutil.copy(TEMPLATE / "params.yaml", top / "params.yaml")
    shutil.copy(TEMPLATE / "card.yaml", top / "data" / "card.yaml")
    (top / "settings.ini").write_text("")
    (top / ".gitignore").write_text(".mlops/\n__pycache__/\n")
    output_of(top, "git", "init", "-q", "-b", "main")
    output_of(top, sys.executable, "-m", "dvc", "init", "-q")
    for number in (1, 2):
        commit_candidate(top, number, f"candidate {number}")
        output_of(top, *MLOPS_NB, "promote", "--why", f"number {number}")
    commit_candidate(top, 3, "candidate 3")
    return top


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
