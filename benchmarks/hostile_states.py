"""The states of a hostile world: how each is brought about in a copy of a project, and undone.

hostile_world.yaml says of each state what it is and which commands it stops.
"""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from helpers import miniature

NOBODY = 65534
LATER = "2031-05-01T12:00:00Z"
LATER_SECONDS = 1935403200  # the same
ROOM = 8 << 20  # bytes of the file system that becomes full
LAST_BYTES = 160 << 10  # what is left there when it is nearly full
CONFLICT = "<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> side\n"
NO_RIGHTS_OF_ROOT = (
    "setpriv",
    "--inh-caps=-all",
    "--bounding-set=-dac_override,-dac_read_search",
)


@dataclass
class World:
    """A copy of a project and what surrounds it, in a folder of its own.

    Attributes:
        folder: holds all of it: home, project, `origin.git` and `store`.
        source: what it was copied from.
        project: where commands run.
        wrapper: what a command is run by, such as `setpriv …`.
        umask: of commands; -1 for that of this process.
        push: whether commands that can are to push.
        kept: what a state has to remember to be undone.
        bystander: a process that has nothing to do with the project.
    """

    folder: Path
    source: Path
    project: Path
    wrapper: tuple[str, ...] = ()
    umask: int = -1
    push: bool = False
    kept: dict = field(default_factory=dict)
    bystander: subprocess.Popen | None = None

    @property
    def origin(self) -> Path:
        """Return the bare git remote."""
        return self.folder / "origin.git"

    @property
    def home(self) -> Path:
        """Return the home of the user."""
        return self.folder / "home"

    @property
    def env(self) -> dict[str, str]:
        """Return the environment of a user whose name is in a configuration file only."""
        own = miniature.environment(
            HOME=str(self.home),
            DVC_SITE_CACHE_DIR=str(self.home / "dvc"),
            PYTHONDONTWRITEBYTECODE="1",
        )
        foreign = (*miniature.AUTHOR, "MLOPS_NB_SERVER", "XDG_CONFIG_HOME")
        return {name: value for name, value in own.items() if name not in foreign}

    def run(
        self,
        *argv: str,
    ) -> subprocess.CompletedProcess:
        """Run a command of ours as the user would; one that hangs ends with the code -9."""
        command = [*self.wrapper, *miniature.MLOPS_NB, *argv]
        with subprocess.Popen(
            command,
            cwd=self.project,
            env=self.env,
            umask=self.umask,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def git(
        self,
        *argv: object,
        where: Path | None = None,
        must: bool = True,
        **env: str,
    ) -> str:
        """Ask git, whoever owns the files and whatever it changes by the way."""
        done = self._run_git(argv, where, env)
        assert done.returncode == 0 or not must, (argv, done.stderr)
        return done.stdout.strip()

    def fails_git(
        self,
        *argv: object,
        where: Path | None = None,
    ) -> bool:
        """Tell whether git says no to a question."""
        return self._run_git(argv, where, {}).returncode != 0

    def _run_git(
        self,
        argv: tuple,
        where: Path | None,
        env: dict[str, str],
    ) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["git", "-c", "safe.directory=*", *map(str, argv)],
            cwd=where or self.project,
            env=self.env | {"GIT_OPTIONAL_LOCKS": "0"} | env,
            capture_output=True,
            text=True,
        )

    def write(
        self,
        path: str,
        text: str,
    ) -> None:
        """Write a file of the project, with the folders above it."""
        place = self.project / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def _leave(world: World) -> None:
    """Change nothing."""


def _commit_note(
    world: World,
    text: str,
    where: Path | None = None,
) -> None:
    """Commit a file that no stage reads."""
    top = where or world.project
    (top / "notes.txt").write_text(f"{text}\n")
    world.git("add", "notes.txt", where=top)
    world.git("commit", "-qm", text, where=top)


def _diverge(world: World) -> None:
    """Make a branch `side` whose notes contradict those of main."""
    world.git("switch", "-qc", "side")
    _commit_note(world, "side")
    world.git("switch", "-q", "main")
    _commit_note(world, "main")


def _detach(world: World) -> None:
    world.git("checkout", "-q", "--detach")


def _switch_to_main(world: World) -> None:
    world.git("switch", "-q", "main")


def _start_rebase(world: World) -> None:
    _diverge(world)
    world.git("switch", "-q", "side")
    world.git("rebase", "-q", "main", must=False)


def _start_merge(world: World) -> None:
    _diverge(world)
    world.git("merge", "-q", "side", must=False)


def _start_cherry_pick(world: World) -> None:
    _diverge(world)
    world.git("cherry-pick", "side", must=False)


def _start_bisect(world: World) -> None:
    for number in range(4):
        _commit_note(world, f"note {number}")
    world.git("bisect", "start", "HEAD", "HEAD~4")


def _abort(operation: str) -> Callable[[World], None]:
    def abort(world: World) -> None:
        world.git(operation, "--abort")
        world.git("switch", "-q", "main")

    return abort


def _reset_bisect(world: World) -> None:
    world.git("bisect", "reset")


def _clone(*options: str) -> Callable[[World], None]:
    def clone(world: World) -> None:
        address = f"file://{world.origin}"
        world.git("clone", "-q", *options, address, world.project, where=world.folder)

    return clone


def _clone_with_data(*options: str) -> Callable[[World], None]:
    """Clone, and bring the outputs, as `dvc pull` would."""

    def clone(world: World) -> None:
        _clone(*options)(world)
        for folder in (".dvc/cache", "data", "reports"):
            shutil.copytree(
                world.source / "project" / folder,
                world.project / folder,
                dirs_exist_ok=True,
            )

    return clone


def _pull_data(world: World) -> None:
    command = (*miniature.MLOPS_NB, "dvc", "pull", "-q")
    subprocess.run(command, cwd=world.project, env=world.env, check=True)


def _fetch_all(world: World) -> None:
    shallow = world.git("rev-parse", "--is-shallow-repository") == "true"
    deeper = ["--unshallow"] if shallow else []
    world.git("fetch", "-q", "--tags", *deeper)


def _delete_tags(world: World) -> None:
    tags = world.git("tag").split()
    world.kept["tags"] = {
        tag: world.git("rev-parse", f"refs/tags/{tag}") for tag in tags
    }
    world.git("tag", "-d", *tags)
    world.git("tag", "-d", *tags, where=world.origin)


def _restore_tags(world: World) -> None:
    for tag, target in world.kept["tags"].items():
        world.git("update-ref", f"refs/tags/{tag}", target)


def _tag_lightly(*tags: str) -> Callable[[World], None]:
    def tag_lightly(world: World) -> None:
        for tag in tags:
            world.git("tag", tag)

    return tag_lightly


def _date_in_future(world: World) -> None:
    """Let files, the last commit and the tags of the champion be of a time to come."""
    dates = {"GIT_COMMITTER_DATE": LATER, "GIT_AUTHOR_DATE": LATER}
    world.git("commit", "-q", "--allow-empty", "-m", "later", **dates)
    for tag in ("toy@v1.1.0", "toy#prod#2"):
        commit = world.git("rev-parse", f"{tag}^{{commit}}")
        note = world.git("tag", "-l", "--format=%(contents)", tag)
        world.git("tag", "-f", "-a", "-m", note, tag, commit, **dates)
    for path in world.project.rglob("*"):
        if ".git" not in path.parts and not path.is_symlink():
            os.utime(path, (LATER_SECONDS, LATER_SECONDS))


def _run_at_another_time(world: World) -> None:
    world.wrapper = ("faketime", "-f", "-400d")


def _run_now(world: World) -> None:
    world.wrapper = ()


def _objects_of(
    world: World,
    *models: int,
) -> Iterator[Path]:
    """Find the cached objects of these candidates."""
    for path in (world.project / ".dvc" / "cache" / "files").rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"model "):
            number = path.read_text().split()[1]
            if int(number) in models:
                yield path


def _corrupt_objects(world: World) -> None:
    for path in [*_objects_of(world, 1, 3)]:
        path.unlink()
        path.write_text("spoilt")
        path.chmod(0o444)


def _remove_objects(world: World) -> None:
    for path in [*_objects_of(world, 1, 3)]:
        path.unlink()


def _restore_objects(world: World) -> None:
    cache = Path("project") / ".dvc" / "cache" / "files"
    for path in (world.source / cache).rglob("*"):
        here = world.project / path.relative_to(world.source / "project")
        if path.is_file() and (
            not here.exists() or here.read_bytes() != path.read_bytes()
        ):
            here.parent.mkdir(parents=True, exist_ok=True)
            here.unlink(missing_ok=True)
            shutil.copy2(path, here)


def _mark_conflict(path: str) -> Callable[[World], None]:
    """Leave the last line of a file as a merge with a conflict would."""

    def mark(world: World) -> None:
        text = (world.project / path).read_text()
        *before, last = text.splitlines(keepends=True)
        marked = CONFLICT.format(ours=last, theirs=last.replace("1", "2"))
        world.write(path, "".join([*before, marked]))

    return mark


def _take_back(path: str) -> Callable[[World], None]:
    def take_back(world: World) -> None:
        world.git("checkout", "-q", "--", path)

    return take_back


def _push_of_another(world: World) -> None:
    """Let a colleague be first."""
    other = world.folder / "colleague"
    world.git("clone", "-q", world.origin, other, where=world.folder)
    _commit_note(world, "colleague", other)
    world.git("push", "-q", "origin", "main", where=other)
    world.push = True


def _pull(world: World) -> None:
    world.git("pull", "-q", "--rebase", "--autostash")


def _lose_origin(world: World) -> None:
    world.origin.rename(world.folder / "gone.git")
    world.push = True


def _find_origin(world: World) -> None:
    (world.folder / "gone.git").rename(world.origin)


def _protect_branch(world: World) -> None:
    hook = world.origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    world.push = True


def _unprotect_branch(world: World) -> None:
    (world.origin / "hooks" / "pre-receive").unlink()


def _convert_line_ends(world: World) -> None:
    """Let git write CRLF, and look at all files again, as their times are new."""
    world.git("config", "core.autocrlf", "true")
    for path in world.git("ls-files").splitlines():
        os.utime(world.project / path)


def _keep_line_ends(world: World) -> None:
    world.git("config", "--unset", "core.autocrlf")


def _leave_lock_note(world: World) -> None:
    """Leave the note of a killed run whose process id a stranger now has."""
    world.bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    group = world.bystander.pid
    leader = {"pid": group, "boot": "another", "started": 1.0, "mark": "0" * 32}
    note = {"what": "mlops-nb repro", "pid": group, "group": group, "born": 1}
    world.write(".mlops/run.lock", json.dumps(note | {"leader": leader}))


def _append_rows(world: World) -> None:
    with (world.project / "data" / "shop.csv").open("a") as table:
        table.write("20,2013-05-01,blue\n")


def _take_rows_in(world: World) -> None:
    command = (*miniature.MLOPS_NB, "dvc", "add", "-q", "data/shop.csv")
    subprocess.run(command, cwd=world.project, env=world.env, check=True)
    world.git("commit", "-qam", "rows", must=False)


def _leave_untracked(path: str) -> Callable[[World], None]:
    def leave_untracked(world: World) -> None:
        world.write(path, "\n")

    return leave_untracked


def _remove(path: str) -> Callable[[World], None]:
    def remove(world: World) -> None:
        (world.project / path).unlink(missing_ok=True)

    return remove


def _stage_note(world: World) -> None:
    world.write("notes.txt", "staged\n")
    world.git("add", "notes.txt")


def _commit_staged(world: World) -> None:
    world.git("commit", "-qm", "notes", "--", "notes.txt", must=False)


def _give_away(world: World) -> None:
    """Let the files belong to somebody else, of whom git is wary."""
    _own(world.project, NOBODY)


def _take_over(world: World) -> None:
    _own(world.project, os.getuid())


def _own(
    top: Path,
    user: int,
) -> None:
    for path in (top, *top.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def write_git_identity(home: Path) -> None:
    """Tell git who the user is."""
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(
        "[user]\n\tname = ada\n\temail = ada@example.com\n"
    )


def _tell_name(world: World) -> None:
    write_git_identity(world.home)


def _forget_name(world: World) -> None:
    (world.home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")


def _set_umask(umask: int) -> Callable[[World], None]:
    def set_umask(world: World) -> None:
        world.umask = umask

    return set_umask


def _mount_read_only(world: World) -> None:
    top = str(world.project)
    subprocess.run(["mount", "--bind", top, top], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", top], check=True)


def _unmount(world: World) -> None:
    subprocess.run(["umount", str(world.project)], check=True)


def _take_rights(world: World) -> None:
    """Take everybody's right to write, and from root the power to ignore that."""
    for path in (world.project, *world.project.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    world.wrapper = NO_RIGHTS_OF_ROOT


def _give_rights(world: World) -> None:
    world.wrapper = ()
    for path in (world.project, *world.project.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)


def _fill_disk(left: int) -> Callable[[World], None]:
    """Fill the file system but for some bytes; the filling is where nothing is looked at."""

    def fill(world: World) -> None:
        world.write(".mlops/filling", "")
        filling = world.project / ".mlops" / "filling"
        with filling.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            file.truncate(max(file.tell() - left, 0))

    return fill


@dataclass(frozen=True)
class State:
    """How a state is brought about, and undone.

    Attributes:
        spoil: brings it about in a fresh copy.
        fix: applies the remedy, or undoes the state.
        source: the kind of project that is copied: plain, nested, or clone (which is none yet).
        name: of the folder of the project.
        room: the size of a file system of the project's own, in bytes.
        needs: the program that it takes; `root` for the rights of root.
    """

    spoil: Callable[[World], None] = _leave
    fix: Callable[[World], None] = _leave
    source: str = "plain"
    name: str = "project"
    room: int = 0
    needs: str = ""

    @property
    def lacks(self) -> str:
        """Return what it would take to try this state here; empty where nothing lacks."""
        if self.needs == "root":
            return "" if sys.platform == "linux" and os.getuid() == 0 else "root"
        return self.needs if self.needs and not shutil.which(self.needs) else ""


ON_DISKS = {
    "disk full": State(
        _fill_disk(0), _remove(".mlops/filling"), room=ROOM, needs="root"
    ),
    "disk nearly full": State(
        _fill_disk(LAST_BYTES), _remove(".mlops/filling"), room=ROOM, needs="root"
    ),
    "read-only file system": State(_mount_read_only, _unmount, needs="root"),
    "no right to write": State(_take_rights, _give_rights, needs="root"),
}
WITH_UMASKS = {
    "umask 0077": State(_set_umask(0o077)),
    "umask 0002": State(_set_umask(0o002)),
}
IN_CLONES = {
    "fresh clone": State(_clone(), _pull_data, source="clone"),
    "shallow clone": State(
        _clone_with_data("--depth", "1"), _fetch_all, source="clone"
    ),
    "clone without tags": State(
        _clone_with_data("--no-tags"), _fetch_all, source="clone"
    ),
    "missing tags": State(_delete_tags, _restore_tags),
    "lightweight tags": State(_tag_lightly("v1.0", "toy@v9.9.9")),
}
AMID_GIT = {
    "detached HEAD": State(_detach, _switch_to_main),
    "rebase in progress": State(_start_rebase, _abort("rebase")),
    "merge in progress": State(_start_merge, _abort("merge")),
    "cherry-pick in progress": State(_start_cherry_pick, _abort("cherry-pick")),
    "bisect in progress": State(_start_bisect, _reset_bisect),
}
AT_OTHER_TIMES = {
    "dates in the future": State(_date_in_future),
    "clock 400 days slow": State(_run_at_another_time, _run_now, needs="faketime"),
}
WITH_SPOILT_FILES = {
    "corrupt cache object": State(_corrupt_objects, _restore_objects),
    "missing cache object": State(_remove_objects, _restore_objects),
    "conflict in params.yaml": State(
        _mark_conflict("params.yaml"), _take_back("params.yaml")
    ),
    "conflict in dvc.lock": State(_mark_conflict("dvc.lock"), _take_back("dvc.lock")),
    "conflict in decisions.jsonl": State(
        _mark_conflict("data/decisions.jsonl"), _take_back("data/decisions.jsonl")
    ),
}
WITH_REMOTES = {
    "push after another's": State(_push_of_another, _pull),
    "push to a remote that is gone": State(_lose_origin, _find_origin),
    "push to a protected branch": State(_protect_branch, _unprotect_branch),
}
WITH_OWN_FILES = {
    "core.autocrlf": State(_convert_line_ends, _keep_line_ends),
    "stale lock note": State(_leave_lock_note),
    "rows not recorded": State(_append_rows, _take_rows_in),
    "untracked file": State(_leave_untracked("notes.txt"), _remove("notes.txt")),
    "untracked file in the way": State(
        _leave_untracked("data/history.jsonl"), _remove("data/history.jsonl")
    ),
    "staged change": State(_stage_note, _commit_staged),
}
IN_OTHER_PLACES = {
    "folder of a bigger repository": State(source="nested"),
    "path with spaces": State(name="my project"),
    "path with #": State(name="c#1"),
    "path with other letters": State(name="größe 価格"),
}
OF_OTHER_PEOPLE = {
    "another owner": State(_give_away, _take_over, needs="root"),
    "no git identity": State(_forget_name, _tell_name),
}
STATES = {
    "nothing wrong": State(),
    **ON_DISKS,
    **WITH_UMASKS,
    **IN_CLONES,
    **AMID_GIT,
    **AT_OTHER_TIMES,
    **WITH_SPOILT_FILES,
    **WITH_REMOTES,
    **WITH_OWN_FILES,
    **IN_OTHER_PLACES,
    **OF_OTHER_PEOPLE,
}


def make_source(
    kind: str,
    folder: Path,
    plain: Path,
) -> Path:
    """Make what copies are made of.

    Args:
        kind: plain, nested or clone.
        folder: where; it is new.
        plain: the source of the kind `plain`, from which the others are made.
    """
    project = folder / "project"
    if kind == "plain":
        miniature.make_project(project, table=True, card=True)
        miniature.share_project(project, folder / "origin.git")
    elif kind == "clone":
        shutil.copytree(plain / "project", project, symlinks=True)
        miniature.output_of(project, "git", "remote", "remove", "origin")
        miniature.share_project(project, folder / "origin.git", folder / "store")
    else:
        miniature.nest_project(plain / "project", project, "models/toy")
    return folder


@contextlib.contextmanager
def build_world(
    state: State,
    source: Path,
    folder: Path,
) -> Iterator[World]:
    """Copy a project and bring a state about; the state is over when the block ends."""
    folder.mkdir(parents=True)
    project = folder / state.name
    world = World(folder, source, project)
    write_git_identity(world.home)
    if state.room:
        project.mkdir()
        size = f"size={state.room}"
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(project)], check=True
        )
    try:
        _copy_source(world, state)
        state.spoil(world)
        yield world
    finally:
        _end_world(world)


def _copy_source(
    world: World,
    state: State,
) -> None:
    for name in ("origin.git", "store"):
        if (world.source / name).exists():
            shutil.copytree(world.source / name, world.folder / name)
    if state.source == "clone":
        return
    top = world.project
    shutil.copytree(world.source / "project", top, symlinks=True, dirs_exist_ok=True)
    if state.source == "nested":
        world.project = top / "models" / "toy"
    else:
        world.git("remote", "set-url", "origin", world.origin)


def _end_world(world: World) -> None:
    """Let nothing stay: no process, no file system, no file."""
    if world.bystander:
        world.bystander.kill()
        world.bystander.wait()
    mounts = Path("/proc/self/mounts")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    for line in reversed(lines):
        place = line.split()[1].encode().decode("unicode_escape")
        if place.startswith(f"{world.folder}/"):
            subprocess.run(["umount", "-l", place], check=True)
    shutil.rmtree(world.folder)
