"""What is changed goes into git's stash and comes back, whatever git's index says of it."""

import os
from pathlib import Path

import pytest
from helpers.miniature import AUTHOR, run

from mlops_nb.core.errors import UserError
from mlops_nb.core.folder_changes import read_folder_changes
from mlops_nb.core.git_stash import put_into_stash, require_stashable

STATES = {
    "out of the index, and a new file": (
        "git rm -q --cached n.txt; echo 9 > n.txt; echo x > new.txt; git add new.txt"
    ),
    "out of the index, and ignored": (
        "git rm -q --cached n.txt; echo n.txt > .gitignore; echo 9 > n.txt"
    ),
    "staged rename": "git mv n.txt m.txt; echo more >> m.txt",
    "staged removal": "git rm -q n.txt",
    "new, staged and gone": "echo a > new.txt; git add new.txt; rm new.txt",
    "staged, then edited": "echo 7 > n.txt; git add n.txt; echo 8 > n.txt",
    "mode": "chmod +x n.txt",
    "staged mode": "chmod +x n.txt; git add n.txt",
    "folder for a file": "rm n.txt; mkdir n.txt; echo u > n.txt/u.csv",
    "folder of ignored files for a file": (
        "echo '*.pyc' > .git/info/exclude; rm n.txt; mkdir n.txt; echo u > n.txt/u.pyc"
    ),
    "empty folder for a file": "rm n.txt; mkdir -p n.txt/a/b",
    "file for a folder": "rm -r data; echo f > data",
    "ignored file for a folder": (
        "echo /data > .git/info/exclude; rm -r data; echo f > data"
    ),
    "link for a folder": "mv data elsewhere; ln -s elsewhere data",
    "link for a file": "mv n.txt n2.txt; ln -s n2.txt n.txt",
    "dangling link": "rm n.txt; ln -s /nonexistent n.txt",
    "skip-worktree": "git update-index --skip-worktree n.txt; echo 6 > n.txt; echo 1 >> a b",
    "assume-unchanged": (
        "git update-index --assume-unchanged n.txt; echo 6 > n.txt; echo 1 >> 'a b'"
    ),
    "sparse": "git sparse-checkout set --no-cone '/*' '!/n.txt'; echo 6 > 'a b'",
    "sparse and out of the index": (
        "git sparse-checkout set --no-cone '/*' '!/n.txt';"
        "git rm -q --cached --sparse n.txt; echo 6 > 'a b'"
    ),
    "odd names": (
        r"printf 1 > $'a\nb'; printf 2 > 'q\"uo\te'; printf 3 > $'\xff'; printf 4 > '*';"
        "git add -A; printf 5 > ':(top)x'; git add './:(top)x'"
    ),
    "everything out of the index": "git rm -rq --cached .",
    "no index": "rm .git/index",
    "split index": "git update-index --split-index; git rm -q --cached n.txt",
    "nobody's name": "git config user.useConfigOnly true; echo 6 > n.txt",
}


@pytest.fixture
def top(tmp_path, monkeypatch):
    """A repository with a commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    for path in ("n.txt", "a b", "data/rows.csv"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("1\n")
    for command in ("init -q -b main", "add -A", "commit -qm one"):
        assert run(tmp_path, "git", *command.split()).returncode == 0
    return tmp_path


def state_of(top: Path) -> dict[str, object]:
    """Return every file in a folder, and what git says of it."""
    state: dict[str, object] = {}
    for place in top.rglob("*"):
        path = str(place.relative_to(top))
        if path.split("/")[0] == ".git":
            continue
        if place.is_symlink():
            state[path] = os.readlink(place)
        elif place.is_file():
            state[path] = (place.read_bytes(), place.stat().st_mode)
    return state


def status_of(top: Path) -> str:
    """Return what git says of a folder."""
    done = run(top, "git", "status", "--porcelain", "-uall", "--no-renames")
    return done.stdout


@pytest.mark.parametrize("commands", STATES.values(), ids=STATES)
def test_all_goes_and_comes_back(top, commands):
    assert run(top, "bash", "-c", commands).returncode == 0
    before = state_of(top)
    changes = read_folder_changes(top)
    put_into_stash(changes, "kept")
    new = "".join(f"?? {path}\n" for path in changes.new)
    assert status_of(top) == new
    popped = run(top, "git", "stash", "pop", "--index")
    assert popped.returncode == 0, popped.stderr
    assert state_of(top) == before


def test_what_is_only_meant_to_be_added_is_kept(top):
    (top / "meant.txt").write_text("meant\n")
    run(top, "git", "add", "-N", "meant.txt")
    put_into_stash(read_folder_changes(top), "kept")
    assert status_of(top) == ""
    run(top, "git", "stash", "pop")
    assert (top / "meant.txt").read_text() == "meant\n"


def test_a_submodule_is_left_alone(top):
    add = ("-c", "protocol.file.allow=always", "submodule", "add", "-q")
    other = top.parent / "other"
    run(top.parent, "git", "clone", "-q", top, other)
    assert run(top, "git", *add, other, "sub").returncode == 0
    run(top, "git", "commit", "-qm", "a submodule")
    (top / "sub" / "n.txt").write_text("2\n")
    (top / "n.txt").write_text("2\n")
    changes = read_folder_changes(top)
    assert changes.submodules == ("sub",)
    put_into_stash(changes, "kept")
    assert (top / "n.txt").read_text() == "1\n"
    assert (top / "sub" / "n.txt").read_text() == "2\n"


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param("rm n.txt; mkfifo n.txt", id="pipe"),
        pytest.param("echo 2 > n.txt; touch .git/index.lock", id="locked index"),
    ],
)
def test_what_cannot_be_kept_is_refused_untouched(top, commands):
    (top / "a b").write_text("2\n")
    run(top, "bash", "-c", commands)
    before = state_of(top)
    with pytest.raises(UserError):
        require_stashable(read_folder_changes(top))
    assert state_of(top) == before
    assert run(top, "git", "stash", "list").stdout == ""


def test_a_repository_in_the_way_is_refused(top):
    (top / "n.txt").unlink()
    run(top, "git", "init", "-q", "n.txt")
    with pytest.raises(UserError, match="a repository of its own"):
        read_folder_changes(top)


def test_a_killed_call_is_brought_to_its_end_with_one_stash(top, monkeypatch):
    (top / "n.txt").write_text("2\n")
    (top / "a b").write_text("2\n")

    def stop(changes):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mlops_nb.core.git_stash._bring_back", stop)
        with pytest.raises(KeyboardInterrupt):
            put_into_stash(read_folder_changes(top), "first")
    (top / "a b").unlink()  # as the last step may have left it
    assert put_into_stash(read_folder_changes(top), "second") == "first"
    assert status_of(top) == ""
    assert run(top, "git", "stash", "list").stdout.count("\n") == 1


def test_a_file_that_cannot_be_brought_back_names_the_stash(top, monkeypatch):
    (top / "n.txt").write_text("2\n")

    def fail(changes):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlops_nb.core.git_stash._bring_back", fail)
    with pytest.raises(UserError, match=r'No space left.*kept as the stash "kept"'):
        put_into_stash(read_folder_changes(top), "kept")
