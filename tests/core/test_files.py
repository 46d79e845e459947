"""Writing a file: whole or not at all, for those who might read it before, and lasting."""

import os
import stat

import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import write_atomic


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_new_file_keeps_the_umask(
    tmp_path,
    umask,
):
    assert mode(write_atomic(tmp_path / "a", "x")) == 0o666 & ~umask


@pytest.mark.parametrize("given", [0o600, 0o640, 0o644, 0o755, 0o444], ids=oct)
def test_a_file_that_is_there_keeps_its_permissions(
    tmp_path,
    umask,
    given,
):
    path = tmp_path / "a"
    path.write_text("x")
    path.chmod(given)
    write_atomic(path, "y")
    assert mode(path) == given
    assert path.read_text() == "y"


def test_nobody_can_read_it_while_it_is_written(
    tmp_path,
    monkeypatch,
):
    path = tmp_path / "a"
    seen = []
    path.write_text("x")
    path.chmod(0o600)
    change_mode = os.fchmod

    def look_first(
        descriptor,
        wanted,
    ):
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        change_mode(descriptor, wanted)

    monkeypatch.setattr(os, "fchmod", look_first)
    write_atomic(path, "y")
    assert seen == [0o600]


def test_the_folder_is_synced_after_the_rename(
    tmp_path,
    monkeypatch,
):
    done = []
    sync = os.fsync
    replace = os.replace

    def note_sync(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("folder" if is_folder else "file")
        sync(descriptor)

    def note_rename(
        source,
        target,
    ):
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_rename)
    write_atomic(tmp_path / "a", "x")
    assert done == ["file", "rename", "folder"]


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path,
    monkeypatch,
):
    path = tmp_path / "a"
    path.write_text("x")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="free disk space"):
        write_atomic(path, "y")
    assert path.read_text() == "x"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_private_configuration_of_dvc_stays_private_in_a_scratch_clone(
    tmp_path,
    monkeypatch,
):
    from mlops_nb.core.git import run_git
    from mlops_nb.lifecycle.checkout import clone_checkout

    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.com")
    top = tmp_path / "project"
    (top / ".dvc").mkdir(parents=True)
    (top / ".dvc" / "config").write_text("")
    (top / ".dvc" / ".gitignore").write_text("/config.local\n")
    (top / ".dvc" / "config.local").write_text(
        "['remote \"s\"']\n    url = /x\n    password = secret\n"
    )
    (top / ".dvc" / "config.local").chmod(0o600)
    run_git("init", "-q", cwd=top)
    run_git("add", "-A", cwd=top)
    run_git("commit", "-q", "-m", "first", cwd=top)
    clone_checkout(top, tmp_path / "scratch")
    assert "secret" in (tmp_path / "scratch" / ".dvc" / "config.local").read_text()
    assert mode(tmp_path / "scratch" / ".dvc" / "config.local") == 0o600
