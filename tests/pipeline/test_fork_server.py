"""Warm and cold runs: the same bytes, codes and messages; nothing outlives a run."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers.toy import BEFORE, HOME, WRITE, project

from mlops_nb.pipeline.environment import STAGE_ENVIRONMENT
from mlops_nb.pipeline.fork_client import run_on_server
from mlops_nb.pipeline.fork_host import Forks

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the fork server needs Linux"
)
ENTRY = "mlops_nb.__main__:run_in_process"
PATH = BEFORE | STAGE_ENVIRONMENT | {"PYTHONPATH": str(HOME), "DVC_STAGE": "toy"}


class Outcome(NamedTuple):
    """What a run says and writes."""

    code: int
    out: str
    err: str


def run(
    top,
    env,
    *args,
    **kwargs,
):
    """Run a stage; times and sizes are taken from what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "mlops_nb", "run", *(args or ["toy"])],
        cwd=top,
        env=PATH | env,
        capture_output=True,
        text=True,
        timeout=120,
        **kwargs,
    )
    out = re.sub(r"in [\d.]+ s, \d+ MB", "", done.stdout)
    err = re.sub(r" +[\d.]+ s\b|[\d.]+ s, \d+ MB", "", done.stderr)
    return Outcome(done.returncode, out, err)


def find_alive(mark):
    """Processes whose command line or environment holds `mark`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in text and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def noted_pid(top):
    """The last number that the stage has written into `pid`; 0 before."""
    if not (top / "pid").exists():
        return 0
    numbers = (top / "pid").read_text().split()
    return int(numbers[-1]) if numbers else 0


def wait_for_pid(top):
    while not noted_pid(top):
        time.sleep(0.1)
    return noted_pid(top)


def new_mark():
    """A text by which all processes of one run are found."""
    return f"mark{time.time_ns()}"


# ---- the same as cold ----

FIGURE = """\
import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
plt.plot([1, 2])
LogisticRegression()"""
FORK = """\
import multiprocessing as mp
def f(i): return i * i
p = mp.get_context('fork').Pool(2); print(p.map(f, [1, 2])); p.close(); p.join()"""
GOOD = """\
import pandas as pd, os, sys
print(n); os.system('echo sub'); print('e', file=sys.stderr)
pd.DataFrame({'a': [1.5]})"""
STATE = """\
import os, sys, signal, threading
own = {k for k in os.environ if k == 'MLOPS_NB_SERVER' or k.startswith('_')}
print(sorted(os.environ.keys() - own), sys.path[0] == os.getcwd(), sys.argv[1:])
print(signal.getsignal(signal.SIGINT).__name__, threading.active_count())
print(hash('a'), oct(os.umask(0o22)))"""
STDIN = """\
import sys
print(repr(sys.stdin.read()))
import subprocess; subprocess.run(['cat'])"""

WRITING = {"good": GOOD, "figure": FIGURE, "fork": FORK, "stdin": STDIN, "state": STATE}
ENDING = {
    "input": "input()",
    "error": "1 / 0",
    "library": "import json; json.loads(chr(123))",
    "exit": "import os; os._exit(0)",
    "segfault": "import os; os.kill(os.getpid(), 11)",
    "killed": "import os; os.kill(os.getpid(), 9)",
}
SOURCES = {name: WRITE + source for name, source in WRITING.items()} | ENDING


def read_written(top):
    """The content of all that a run has written, by path."""
    written = {}
    for folder in ("data", "reports", ".mlops/failed"):
        for path in sorted((top / folder).rglob("*")):
            if path.is_file():
                written[path.relative_to(top).as_posix()] = path.read_bytes()
    return written


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_same_as_cold(
    tmp_path,
    warm,
    source,
):
    top = project(tmp_path, source)
    cold_run = run(top, {"MARK": "x"}, input="typed\n")
    cold_files = read_written(top)
    warm_run = run(top, warm | {"MARK": "x"}, input="typed\n")
    warm_files = read_written(top)
    assert warm_run == cold_run
    assert sorted(warm_files) == sorted(cold_files)
    for path, content in cold_files.items():
        assert warm_files[path] == content, path


def test_a_plot_alone_is_shown(
    tmp_path,
    warm,
):
    top = project(tmp_path, WRITE + FIGURE)
    assert run(top, warm).code == 0
    assert "image/png" in (top / "reports" / "toy.ipynb").read_text()


# ---- who is forked ----

NOTE_PARENT = "import os; open('pid', 'w').write(f'{os.getpid()} {os.getppid()}')"


def parent_of_stage(
    top,
    env,
):
    """The process that a stage is a child of."""
    assert run(top, env).code == 0
    return noted_pid(top)


def test_runs_in_the_server(
    tmp_path,
    warm,
):
    top = project(tmp_path, WRITE + NOTE_PARENT)
    server = parent_of_stage(top, warm)
    assert parent_of_stage(top, warm) == server


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"PYTHONSOMETHING": "1"}, id="other variables"),
        pytest.param({"MLOPS_NB_SERVER": "/nowhere"}, id="no server"),
    ],
)
def test_runs_outside_of_the_server(
    tmp_path,
    warm,
    variables,
):
    top = project(tmp_path, WRITE + NOTE_PARENT)
    server = parent_of_stage(top, warm)
    assert parent_of_stage(top, warm | variables) != server


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["code"], id="a command"),
        pytest.param([], id="none"),
    ],
)
def test_plain_commands_stay_cold(
    warm,
    monkeypatch,
    argv,
):
    monkeypatch.setenv("MLOPS_NB_SERVER", warm["MLOPS_NB_SERVER"])
    assert run_on_server(argv, ENTRY) is None


# ---- ends ----

SLEEP_WITH_CHILD = """\
import os, subprocess, time
subprocess.Popen(['sleep', '60'])
open('pid', 'w').write(str(os.getpid()))
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, id="SIGINT"),
        pytest.param(signal.SIGTERM, 130, id="SIGTERM"),
        pytest.param(signal.SIGKILL, -9, id="SIGKILL"),
    ],
)
def test_signals(
    tmp_path,
    warm,
    number,
    code,
):
    mark = new_mark()
    top = project(tmp_path, WRITE + SLEEP_WITH_CHILD)
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops_nb", "run", "toy"],
        cwd=top,
        env=PATH | warm | {"MARK": mark},
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = wait_for_pid(top)
    assert len(find_alive(mark)) == 2
    assert Path(f"/proc/{pid}").exists()
    process.send_signal(number)
    process.wait(20)
    assert process.returncode == code
    time.sleep(0.5)
    assert not (top / "data").exists()
    assert not find_alive(mark)
    assert not Path(f"/proc/{pid}").exists()


def test_a_client_may_end_without_reading(tmp_path):
    """Its fork goes with it, and the server has nothing to complain of."""
    ours, client = socket.socketpair()
    fork = subprocess.Popen(["sleep", "60"], start_new_session=True)
    forks = Forks()
    forks.add(fork.pid, ours)
    client.close()  # "warm" was told, and not read: the connection is reset
    forks.attend([ours])
    assert forks.connections == {}
    assert not Path(f"/proc/{fork.pid}").exists()


START_HOST = """
import os, signal, socket
from mlops_nb.pipeline.fork_server import start_fork_host
listener = socket.socket(socket.AF_UNIX)
listener.bind("s")
listener.listen()
lifeline, our_end = os.pipe()
host = start_fork_host(listener.fileno(), lifeline)
os.kill(host.pid, signal.SIGINT)
with socket.socket(socket.AF_UNIX) as client:
    client.connect("s")
    client.send(b"x")
    client.recv(1)  # it is at work when it turns this down
os.close(our_end)
print(host.wait())
"""


def test_ctrl_c_while_the_server_starts_is_not_its_business(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", START_HOST],
        cwd=project(tmp_path, WRITE),
        env=PATH,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout == "0\n"


INTERRUPTED_IMPORT = """
import sys
from mlops_nb import __main__

def interrupted(argv=None):
    raise KeyboardInterrupt

__main__.main = interrupted
__main__.console()
"""


def test_ctrl_c_before_a_command_begins_is_told_in_a_word(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT],
        cwd=tmp_path,
        env=PATH,
        capture_output=True,
        text=True,
    )
    assert done.stderr == "stopped\n"
    assert done.returncode == 130


RUN_WITH_SERVER = """
import os, subprocess, sys
from mlops_nb.pipeline.fork_server import start_fork_server
command = [sys.executable, '-m', 'mlops_nb', 'run', 'toy']
with start_fork_server() as env:
    sys.exit(subprocess.run(command, env=os.environ | env).returncode)
"""


@pytest.fixture
def served(tmp_path):
    """A run with a server of its own, whose stage waits: its mark, folder and process."""
    mark = new_mark()
    top = project(tmp_path, WRITE + NOTE_PARENT + "\nimport time; time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-c", RUN_WITH_SERVER],
        cwd=top,
        env=PATH | {"MARK": mark},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_pid(top)
    return mark, top, process


def require_nothing_left(
    mark,
    top,
):
    for _ in range(50):
        if not find_alive(mark):
            break
        time.sleep(0.1)
    assert not find_alive(mark)
    assert not (top / "data").exists()


def test_nothing_outlives_a_killed_run(served):
    mark, top, process = served
    process.kill()
    process.communicate(timeout=30)
    require_nothing_left(mark, top)
    assert process.returncode


def test_nothing_outlives_a_killed_server(served):
    mark, top, process = served
    os.kill(noted_pid(top), signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    require_nothing_left(mark, top)
    assert process.returncode
    assert "warm server ended" in err
