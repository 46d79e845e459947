"""Numbers of processes are given away again: nothing is ended that is not proved to be ours."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from helpers.project import ENV

import mlops_nb
from mlops_nb.core.locks import find_lock_holder
from mlops_nb.core.ownership import (
    RUN_MARK_VARIABLE,
    find_group_members,
    identify_process,
)
from mlops_nb.pipeline.run_lock import run_lock

HOLD = """
import fcntl, time
f = open({path!r}, "a+")
fcntl.lockf(f, fcntl.LOCK_EX)
print(flush=True)
time.sleep({seconds})
"""
SERVE = """
import time
from mlops_nb.pipeline.fork_server import start_fork_server as server
with server():
    print(flush=True)
    time.sleep(300)
"""
SERVE_AGAIN = """
from mlops_nb.pipeline.fork_server import start_fork_server as server
with server():
    pass
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def top(
    tmp_path,
    monkeypatch,
):
    """An empty project, in which commands of this process work."""
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / ".mlops").mkdir()
    monkeypatch.setenv("MLOPS_NB_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def spawn():
    """A function that starts a process that leads a group of its own; ended at the end."""
    started = []

    def one(
        *argv,
        **env,
    ):
        clean = {
            name: value
            for name, value in os.environ.items()
            if name != RUN_MARK_VARIABLE
        }
        process = subprocess.Popen(
            argv or ("sleep", "300"), env=clean | env, start_new_session=True
        )
        started.append(process)
        time.sleep(0.1)  # until it has become the program
        return process

    yield one
    for process in started:
        for left in (
            psutil.Process(process.pid).children(recursive=True)
            if process.poll() is None
            else ()
        ):
            left.kill()
        process.kill()
        process.wait()


def leave_note(
    top,
    note,
):
    (top / ".mlops" / "run.lock").write_text(json.dumps(note))


def unmarked_leader(stranger):
    """A note that names the process, and nothing that it carries."""
    return {"leader": identify_process(stranger.pid)}


def marked_leader(
    stranger,
    **changed,
):
    """A note that names the process by a mark, with some of it changed."""
    return {"leader": identify_process(stranger.pid, "m") | changed}


@pytest.mark.parametrize(
    "note_about",
    [
        pytest.param(
            lambda stranger: {"group": stranger.pid, "born": 1},
            id="an old one, of numbers alone",
        ),
        pytest.param(
            lambda stranger: {"leader": {"pid": stranger.pid}}, id="numbers alone"
        ),
        pytest.param(
            lambda stranger: marked_leader(stranger, boot="another"),
            id="of an earlier boot",
        ),
        pytest.param(
            lambda stranger: marked_leader(stranger, started=1.0),
            id="of a process that started before",
        ),
        pytest.param(marked_leader, id="of a run whose mark this is not"),
        pytest.param(unmarked_leader, id="without a mark"),
        pytest.param(
            lambda stranger: marked_leader(stranger, mark=["m"]),
            id="with a mark that is no text",
        ),
        pytest.param(
            lambda stranger: {"leader": [stranger.pid]}, id="a list as leader"
        ),
    ],
)
def test_a_stale_note_ends_no_stranger(
    top,
    spawn,
    note_about,
):
    stranger = spawn()
    leave_note(top, {"what": "mlops-nb repro", "pid": 999999} | note_about(stranger))
    with run_lock("the next run"):
        pass
    assert stranger.poll() is None


def test_a_note_that_is_a_list_ends_no_stranger(
    top,
    spawn,
):
    stranger = spawn()
    leave_note(top, [stranger.pid])
    with run_lock("the next run"):
        pass
    assert stranger.poll() is None


@LINUX
def test_what_a_killed_run_left_is_ended(
    top,
    spawn,
    capsys,
):
    """The leader, and its child too."""
    left = spawn("bash", "-c", "sleep 300 & wait", **{RUN_MARK_VARIABLE: "m"})
    child = psutil.Process(left.pid).children()[0]
    leave_note(top, {"leader": identify_process(left.pid, "m")})
    with run_lock("the next run"):
        pass
    assert not psutil.pid_exists(left.pid)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert "left behind by a killed run" in capsys.readouterr().out


@LINUX
def test_a_leader_that_has_ended_leaves_children_that_are_known_by_their_mark(spawn):
    leader = spawn(
        "bash", "-c", "sleep 300 & exec sleep 0.5", **{RUN_MARK_VARIABLE: "m"}
    )
    note = identify_process(leader.pid, "m")
    child = psutil.Process(leader.pid).children()[0]
    try:
        leader.wait(10)
        assert [p.pid for p in find_group_members(note)] == [child.pid]
        assert find_group_members(note | {"mark": "of another run"}) == []
    finally:
        child.kill()


def test_our_own_group_is_never_a_killed_run():
    assert find_group_members(identify_process(os.getpgid(0), "m")) == []


@LINUX
def test_the_note_of_a_stage_ends_nobody_but_the_holder_of_the_lock(
    top,
    spawn,
):
    """The lock is held by one process, and the note names another, in every way that a note can."""
    stranger = spawn()
    path = top / ".mlops" / "stage-toy.lock"
    code = HOLD.format(path=str(path), seconds=1.5)
    for note in (
        f"{stranger.pid} 1",
        json.dumps(identify_process(stranger.pid) | {"parent": 1}),
    ):
        path.write_text(note)
        living = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        living.stdout.readline()
        with path.open("a+") as file:
            assert find_lock_holder(file) == living.pid
        from mlops_nb.pipeline.stage_lock import hold_stage_lock

        with hold_stage_lock(top, "toy"):
            pass
        assert living.wait(10) == 0
        assert stranger.poll() is None


def test_a_stage_whose_run_is_gone_is_ended(
    top,
    spawn,
):
    path = top / ".mlops" / "stage-toy.lock"
    code = HOLD.format(path=str(path), seconds=300)
    orphan = spawn(sys.executable, "-c", code)
    end = time.time() + 10
    with path.open("a+") as file:
        while find_lock_holder(file) != orphan.pid and time.time() < end:
            time.sleep(0.05)
    path.write_text(json.dumps(identify_process(orphan.pid) | {"parent": 999_999_999}))
    from mlops_nb.pipeline.stage_lock import hold_stage_lock

    with hold_stage_lock(top, "toy"):
        pass
    assert orphan.wait(10) == -9


def test_folders_of_killed_runs_are_collected(top):
    staging = top / ".mlops" / "staging"
    for name in ("train-999999999", f"train-{os.getpid()}", "my-notes", "notes"):
        (staging / name).mkdir(parents=True)
    with run_lock("the next run"):
        pass
    assert sorted(p.name for p in staging.iterdir()) == sorted(
        [f"train-{os.getpid()}", "my-notes", "notes"]
    )


@LINUX
def test_the_socket_of_a_killed_server_is_collected(
    top,
    tmp_path,
):
    """Its folder in the temporary one; folders of others with such a name stay."""
    tmp = tmp_path / "tmp"
    (tmp / "mlops-nb-mine").mkdir(parents=True)
    (tmp / "mlops-nb-mine" / "thesis.txt").write_text("not ours")
    env = ENV | {"TMPDIR": str(tmp), "MLOPS_NB_ROOT": str(top)}
    env.pop("MLOPS_NB_SERVER", None)
    killed = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        env=env,
        stdout=subprocess.PIPE,
        cwd=Path(mlops_nb.__file__).parents[1],
    )
    killed.stdout.readline()
    assert len(list(tmp.iterdir())) == 2
    killed.kill()
    killed.wait()
    subprocess.run(
        [sys.executable, "-c", SERVE_AGAIN],
        env=env,
        check=True,
        cwd=Path(mlops_nb.__file__).parents[1],
    )
    assert [p.name for p in tmp.iterdir()] == ["mlops-nb-mine"]
