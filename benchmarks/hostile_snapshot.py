"""All of a hostile world that must not be lost, looked at without changing anything."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostile_states import World

OPERATIONS = (
    "rebase-merge",
    "rebase-apply",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "BISECT_LOG",
)
NOT_LOOKED_AT = {".git", ".mlops", "_site", "__pycache__"}
REFS = ("refs/heads/", "refs/tags/", "refs/stash")


@dataclass(frozen=True)
class Snapshot:
    """All that must not be lost.

    Attributes:
        files: of the repository: path → the blob that it would be; without caches.
        digests: of the same: path → MD5, as DVC names contents.
        modes: of the same: path → permissions.
        own: files that no commit holds as they are, the user's alone.
        table: the user's table, which DVC tracks.
        cache: objects of DVC's cache and remote whose contents are what their names say.
        refs: of the repository: name → object.
        remote_refs: of the remote.
        commits: all that a ref leads to, and HEAD.
        head: the present commit.
        index: what is staged.
        operations: of git, that are in progress.
    """

    files: dict[str, str]
    digests: dict[str, str] = field(repr=False)
    modes: dict[str, int] = field(repr=False)
    own: frozenset[str]
    table: str
    cache: frozenset[str]
    refs: dict[str, str]
    remote_refs: dict[str, str]
    commits: frozenset[str]
    head: str
    index: str
    operations: frozenset[str]


def take_snapshot(world: World) -> Snapshot:
    """Look at a world."""
    top = Path(world.git("rev-parse", "--show-toplevel"))
    return Snapshot(
        own=_own_files(world, top),
        table=_read_table(world),
        cache=frozenset(_whole_objects(world)),
        **_look_at_files(top),
        **_look_at_git(world, top),
    )


def _look_at_files(top: Path) -> dict[str, Any]:
    paths = {str(path.relative_to(top)): path for path in _files(top)}
    contents = {name: path.read_bytes() for name, path in paths.items()}
    blobs = {name: _blob(content) for name, content in contents.items()}
    digests = {name: _md5(content) for name, content in contents.items()}
    modes = {name: path.stat().st_mode & 0o777 for name, path in paths.items()}
    return {"files": blobs, "digests": digests, "modes": modes}


def _files(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        is_dvc = Path(folder).name == ".dvc"
        left_out = NOT_LOOKED_AT | ({"cache", "tmp"} if is_dvc else set())
        folders[:] = sorted(set(folders) - left_out)
        yield from (Path(folder) / name for name in sorted(names))


def _blob(content: bytes) -> str:
    """Name contents as git does."""
    head = f"blob {len(content)}\0".encode()
    return hashlib.sha1(head + content).hexdigest()


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def _own_files(
    world: World,
    top: Path,
) -> frozenset[str]:
    changed = world.git("status", "--porcelain", "-z", "-uall", where=top)
    # a renamed file has two entries, the second without a state
    entries = [entry for entry in changed.split("\0") if entry[2:3] == " "]
    return frozenset(entry[3:] for entry in entries if "_site/" not in entry)


def _read_table(world: World) -> str:
    table = world.project / "data" / "shop.csv"
    return table.read_text() if table.exists() else ""


def _look_at_git(
    world: World,
    top: Path,
) -> dict[str, Any]:
    folder = Path(world.git("rev-parse", "--absolute-git-dir"))
    operations = {name for name in OPERATIONS if (folder / name).exists()}
    commits = world.git("rev-list", "--all", "HEAD").split()
    return {
        "refs": _refs(world),
        "remote_refs": _refs(world, world.origin) if world.origin.exists() else {},
        "commits": frozenset(commits),
        "head": world.git("rev-parse", "HEAD"),
        "index": world.git("ls-files", "-s", where=top),
        "operations": frozenset(operations),
    }


def _refs(
    world: World,
    where: Path | None = None,
) -> dict[str, str]:
    said = world.git("for-each-ref", "--format=%(refname) %(objectname)", where=where)
    pairs = (line.split() for line in said.splitlines())
    return {name: target for name, target in pairs if name.startswith(REFS)}


def _whole_objects(world: World) -> Iterator[str]:
    """Name the objects whose contents are what their names say, and where each is."""
    places = {
        "cache": world.project / ".dvc" / "cache" / "files" / "md5",
        "store": world.folder / "store" / "files" / "md5",
    }
    for name, place in places.items():
        for path in place.glob("*/*"):
            digest = path.parent.name + path.name
            if _md5(path.read_bytes()) == digest.removesuffix(".dir"):
                yield f"{name}/{digest}"
