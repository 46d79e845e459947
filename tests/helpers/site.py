"""A project with a history, and what a page of its site links to."""

import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from helpers.project import run_shell

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
LOST = "Lost in a fire"
LINKS = ("href", "src", "action", "srcset", "poster", "data")
LOADS_SOMETHING = re.compile(r"@import|url\(\s*['\"]?(?:https?:)?//")


def make_history(
    project: Path,
    top: Path,
) -> None:
    """Copy a project and give it a past.

    Three runs with pages, one whose pages are lost, commits that are no runs, decisions, a
    challenger, a version.
    """
    shutil.copytree(project, top, symlinks=True)
    shutil.rmtree(top / ".git")  # the history of the package has runs of its own
    run_shell("git", "init", "-q", "-b", "main", cwd=top)
    run_shell("git", "config", "user.name", "t", cwd=top)
    run_shell("git", "config", "user.email", "t@example.com", cwd=top)
    commit_all(top, "small")
    run_shell("git", "tag", "-a", "flights@v1.0.0", "-m", "first", cwd=top)
    run_shell("git", "tag", "-a", "flights#prod#1", "-m", "first", cwd=top)
    add_records(top, run_shell("git", "rev-parse", "HEAD", cwd=top).stdout.strip())
    settings = (top / "settings.ini").read_text()
    titled = re.sub("(?m)^title = .*", f"title = Sales {EVIL}", settings)
    (top / "settings.ini").write_text(titled)
    remote = "https://user:secret@git.example.org/team/sales.git"
    run_shell("git", "config", "remote.origin.url", remote, cwd=top)
    commit_all(top, "Records only: no run")
    add_run(top, EVIL)
    add_run(top, LOST, keep=False)
    add_run(top, "Newest")


def commit_all(
    top: Path,
    message: str,
) -> None:
    """Commit whatever lies in a folder."""
    run_shell("git", "add", "-A", cwd=top)
    run_shell("git", "commit", "-qm", message, cwd=top)


def add_records(
    top: Path,
    commit: str,
) -> None:
    """Add decisions, a challenger and a closed period; in each stands a text that is HTML."""
    lock = (top / "dvc.lock").read_text()
    md5 = re.search(r"path: data/candidate\n\s+hash: md5\n\s+md5: (\S+)", lock)[1]
    dismissal = {
        "id": "aaaa1111",
        "at": "2020-05-01T00:00:00Z",
        "who": f"Ada {EVIL}",
        "action": "dismiss",
        "finding": "drift.price",
        "window": "2020-04",
        "why": f"a carnival {EVIL}",
    }
    promotion = {
        "id": "bbbb2222",
        "at": "2020-05-02T00:00:00Z",
        "who": "Ada",
        "action": "promote",
        "version": "v1.0.0",
        "md5": md5,
        "why": "the gate passed",
    }
    reading = {
        "id": "dddd4444",
        "window": "2020-03",
        "champion": EVIL,
        "level": "watch",
        "findings": [{"id": EVIL, "severity": "watch"}],
        "metrics": {"auc": 0.8},
        "closed": "2020-04-01T00:00:00Z",
    }
    append_lines(top / "data/decisions.jsonl", dismissal, promotion)
    append_lines(top / "data/challengers.jsonl", make_challenger(commit, md5))
    append_lines(top / "data/history.jsonl", reading)


def make_challenger(
    commit: str,
    md5: str,
) -> dict:
    """Return a line of data/challengers.jsonl about a challenger that failed."""
    return {
        "id": "cccc3333",
        "at": "2020-05-03T00:00:00Z",
        "window": f"2020-04{EVIL}",
        "train": {"start": "2020-01", "end": "2020-03"},
        "commit": commit,
        "md5": md5,
        "passed": False,
        "checks": [["beats_baseline", False], [EVIL, True]],
        "metrics": {"candidate": {"auc": 0.7}, "champion": {"auc": 0.75, EVIL: 1}},
    }


def append_lines(
    file: Path,
    *entries: dict,
) -> None:
    """Append entries to a file of JSON lines."""
    with file.open("a") as lines:
        lines.writelines(json.dumps(entry) + "\n" for entry in entries)


def add_run(
    top: Path,
    message: str,
    keep: bool = True,
) -> None:
    """Commit a run with pages of its own, in dvc.lock and, if kept, in the DVC cache.

    Pages that are not kept are lost, and the files in the folder stay those of the run before.
    """
    before = (top / "dvc.lock").read_text()
    lock = before
    for path in sorted({*re.findall(r"path: (reports/[\w-]+\.html)\n", before)}):
        old = re.findall(rf"path: {path}\n\s+hash: md5\n\s+md5: (\w+)", lock)[-1]
        new = add_to_cache(top, old) if keep else hashlib.md5(path.encode()).hexdigest()
        lock = lock.replace(old, new)
    (top / "dvc.lock").write_text(lock)
    run_shell("git", "commit", "-qam", message, cwd=top)
    if not keep:
        (top / "dvc.lock").write_text(before)


def add_to_cache(
    top: Path,
    digest: str,
) -> str:
    """Put the bytes of a digest, and one more, into the DVC cache; return their digest."""
    cache = top / ".dvc" / "cache" / "files" / "md5"
    content = (cache / digest[:2] / digest[2:]).read_bytes() + b"\n"
    new = hashlib.md5(content).hexdigest()
    (cache / new[:2]).mkdir(exist_ok=True)
    (cache / new[:2] / new[2:]).write_bytes(content)
    return new


class PageParts(HTMLParser):
    """Tags of a page with links or scripts, ids, and attributes that would run something."""

    def __init__(self, text: str):
        """Read a page."""
        super().__init__()
        self.links = []
        self.ids = set()
        self.scripts = []
        self.handlers = []
        self.feed(text)

    def handle_starttag(
        self,
        tag,
        attributes,
    ):
        """Note what a tag links to, is called, and runs."""
        for name, value in attributes:
            if name in LINKS:
                self.links.append((tag, value or ""))
            if name == "id":
                self.ids.add(value)
            if name.startswith("on"):
                self.handlers.append((tag, name))
        if tag == "script":
            self.scripts.append(dict(attributes).get("src"))


def broken_links(site: Path) -> list[tuple]:
    """Return links that lead nowhere, and addresses that a browser would load by itself."""
    pages = {
        file: PageParts(file.read_text("utf-8"))
        for file in sorted(site.rglob("*.html"))
    }
    found = [
        (file, tag, link)
        for file, page in pages.items()
        for tag, link in page.links
        if is_broken(site, pages, file, tag, link)
    ]
    styles = {file: file.read_text("utf-8").partition("</style>")[0] for file in pages}
    loading = [file for file, style in styles.items() if LOADS_SOMETHING.search(style)]
    return found + [(file, "style", "loads something") for file in loading]


def is_broken(
    site: Path,
    pages: dict,
    file: Path,
    tag: str,
    link: str,
) -> bool:
    """Say whether a link leads nowhere, or a browser would follow it by itself."""
    address = urlsplit(link)
    if address.scheme in ("http", "https", "mailto"):
        return tag != "a"
    if address.scheme == "data":
        return False
    place = (file.parent / unquote(address.path)).resolve() if address.path else file
    if not place.is_file() or not place.is_relative_to(site.resolve()):
        return True
    return (
        bool(address.fragment)
        and tag == "a"
        and address.fragment not in pages[place].ids
    )
