"""Warm and cold runs: the same bytes, codes and messages; nothing outlives a run."""

import os
import re
import signal
import subprocess
import sys
import time
from os.path import commonpath
from pathlib import Path

import pytest
from helpers.toy import BEFORE, HOME, WRITE, project

from mlops_nb.pipeline.environment import STAGE_ENVIRONMENT
from mlops_nb.pipeline.fork_client import run_on_server

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the fork server needs Linux"
)
ENTRY = "mlops_nb.__main__:run_in_process"
PATH = BEFORE | STAGE_ENVIRONMENT | {"PYTHONPATH": str(HOME), "DVC_STAGE": "toy"}


def run(
    top,
    env,
    *args,
    **kwargs,
):
    p = subprocess.run(
        [sys.executable, "-m", "mlops_nb", "run", *(args or ["toy"])],
        cwd=top,
        env=PATH | env,
        capture_output=True,
        text=True,
        timeout=120,
        **kwargs,
    )
    return (
        p.returncode,
        p.stdout,
        re.sub(r" +[\d.]+ s\b|[\d.]+ s, \d+ MB", "", p.stderr),
    )


def alive(mark):
    """Processes whose command line or environment holds `mark`."""
    found = []
    for p in Path("/proc").glob("[0-9]*"):
        try:
            text = (p / "cmdline").read_bytes() + (p / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in text and int(p.name) != os.getpid():
            found.append(int(p.name))
    return found


def with_pid(top):
    return (
        int(((top / "pid").read_text().split() or [0])[-1])
        if (top / "pid").exists()
        else 0
    )


SOURCES = {
    "good": WRITE
    + "import pandas as pd, os, sys\nprint(n); os.system('echo sub'); print('e', file=sys.stderr)\npd.DataFrame({'a': [1.5]})",
    "figure": WRITE
    + "import matplotlib.pyplot as plt\nfrom sklearn.linear_model import LogisticRegression\nplt.plot([1, 2])\nLogisticRegression()",
    "fork": WRITE
    + "import multiprocessing as mp\ndef f(i): return i * i\np = mp.get_context('fork').Pool(2); print(p.map(f, [1, 2])); p.close(); p.join()",
    "stdin": WRITE
    + "import sys\nprint(repr(sys.stdin.read()))\nimport subprocess; subprocess.run(['cat'])",
    "input": "input()",
    "error": "1 / 0",
    "library": "import json; json.loads(chr(123))",
    "exit": "import os; os._exit(0)",
    "segfault": "import os; os.kill(os.getpid(), 11)",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "state": WRITE
    + "import os, sys, signal, threading\nprint(sorted(k for k in os.environ if k != 'MLOPS_NB_SERVER' and not k.startswith('_')), sys.path[0] == os.getcwd(), sys.argv[1:], signal.getsignal(signal.SIGINT).__name__, threading.active_count(), hash('a'), oct(os.umask(0o22)))",
}


@pytest.mark.parametrize("name", SOURCES)
def test_same_as_cold(
    tmp_path,
    warm,
    name,
):
    top = project(tmp_path, SOURCES[name])
    got = []
    for env in ({}, warm):
        result = run(top, env | {"MARK": "x"}, input="typed\n")
        files = {
            p.relative_to(top).as_posix(): p.read_bytes()
            for d in ("data", "reports", ".mlops/failed")
            for p in (top / d).rglob("*")
            if p.is_file()
        }
        got.append(
            (result[0], re.sub(r"in [\d.]+ s, \d+ MB", "", result[1]), result[2], files)
        )
    assert (
        name != "figure" or b"image/png" in got[0][3]["reports/toy.ipynb"]
    )  # plt.plot() alone is shown
    assert got[0][:3] == got[1][:3]
    assert sorted(got[0][3]) == sorted(got[1][3])
    for path, content in got[0][3].items():
        other = got[1][3][path]
        at = len(commonpath([content, other]))
        assert content == other, (
            path,
            content[at - 600 : at + 300].decode(),
            other[at - 600 : at + 300].decode(),
        )


def test_runs_in_the_server(
    tmp_path,
    warm,
):
    top = project(
        tmp_path,
        WRITE + "import os; open('pid', 'w').write(f'{os.getpid()} {os.getppid()}')",
    )
    parents = []
    for env in (
        warm,
        warm,
        warm | {"PYTHONSOMETHING": "1"},
        {"MLOPS_NB_SERVER": "/nowhere"},
    ):
        assert run(top, env)[0] == 0
        parents.append(with_pid(top))
    assert parents[0] == parents[1]
    assert len(set(parents)) == (2 if os.getpid() in parents else 3)


def test_plain_commands_stay_cold(
    warm,
    monkeypatch,
):
    monkeypatch.setenv("MLOPS_NB_SERVER", warm["MLOPS_NB_SERVER"])
    assert run_on_server(["code"], ENTRY) is None
    assert run_on_server([], ENTRY) is None


@pytest.mark.parametrize(
    ("sig", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
def test_signals(
    tmp_path,
    warm,
    sig,
    code,
):
    mark = f"mark{time.time_ns()}"
    top = project(
        tmp_path,
        WRITE
        + "import os, subprocess, time\nsubprocess.Popen(['sleep', '60']); open('pid', 'w').write(f'{os.getpid()} {os.getpid()}'); time.sleep(60)",
    )
    p = subprocess.Popen(
        [sys.executable, "-m", "mlops_nb", "run", "toy"],
        cwd=top,
        env=PATH | warm | {"MARK": mark},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (top / "pid").exists() or not with_pid(top):
        time.sleep(0.1)
    assert len(alive(mark)) == 2
    assert Path(f"/proc/{with_pid(top)}").exists()
    p.send_signal(sig)
    p.wait(20)
    assert p.returncode == code
    time.sleep(0.5)
    assert not (top / "data").exists()
    assert not alive(mark)
    assert not Path(f"/proc/{with_pid(top)}").exists()


@pytest.mark.parametrize("victim", ["run", "server"])
def test_nothing_outlives_a_kill(
    tmp_path,
    victim,
):
    mark = f"mark{time.time_ns()}"
    top = project(
        tmp_path,
        WRITE
        + "import os, time\nopen('pid', 'w').write(f'{os.getpid()} {os.getppid()}'); time.sleep(60)",
    )
    script = "import os, subprocess, sys\nfrom mlops_nb.pipeline.fork_server import start_fork_server\nwith start_fork_server() as env: sys.exit(subprocess.run([sys.executable, '-m', 'mlops_nb', 'run', 'toy'], env=os.environ | env).returncode)"
    p = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=top,
        env=PATH | {"MARK": mark},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (top / "pid").exists() or not with_pid(top):
        time.sleep(0.1)
    os.kill(p.pid if victim == "run" else with_pid(top), signal.SIGKILL)
    err = p.communicate(timeout=30)[1]
    for _ in range(50):
        if not alive(mark):
            break
        time.sleep(0.1)
    assert not alive(mark)
    assert not (top / "data").exists()
    assert p.returncode
    assert victim == "run" or "warm server ended" in err
