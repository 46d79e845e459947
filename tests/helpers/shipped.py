"""The settings as this repository ships them, whatever a run, an experiment or a promotion did.

`shipped/` holds copies of `params.yaml` and `settings.ini`. A test that says what stands in one of
them, or that starts a project from this checkout, takes these: the working copy belongs to whoever
works with it. When the repository changes what it ships, the copies change with it.
"""

from pathlib import Path

from helpers.project import run_shell

SHIPPED = Path(__file__).with_name("shipped")
RECORDS = {  # what the life cycle writes, as it begins
    "data/challengers.jsonl": "",
    "data/decisions.jsonl": "",
    "data/history.jsonl": "",
    "data/registered.json": "{}\n",
}


def make_as_shipped(top: Path) -> Path:
    """Let a clone begin anew: shipped settings, no version, no decision; commit what changed."""
    for file in SHIPPED.iterdir():
        (top / file.name).write_bytes(file.read_bytes())
    for path, text in RECORDS.items():
        (top / path).write_text(text)
    tags = run_shell("git", "tag", cwd=top).stdout.split()
    if tags:
        run_shell("git", "tag", "-d", *tags, cwd=top)
    run_shell("git", "add", "-A", cwd=top)
    if run_shell("git", "status", "--porcelain", cwd=top).stdout:
        run_shell("git", "commit", "-q", "-m", "as shipped", cwd=top)
    return top
