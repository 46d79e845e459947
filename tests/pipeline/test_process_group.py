"""A run and all that it started end together, whenever the signal comes."""

import os
import subprocess
import sys
import time

import pytest
from helpers.project import ENV, ROOT

# In a process of its own: signals are handled in its main thread. The leader's number is printed
# as soon as it has one; then the signal comes, before anything knows about the group.
INTERRUPTED_START = """
import os, signal, subprocess, sys
from pathlib import Path
from mlops_nb.pipeline import process_group

start = subprocess.Popen


def start_and_signal(*args, **settings):
    leader = start(*args, **settings)
    print(leader.pid, flush=True)
    os.kill(os.getpid(), int(sys.argv[1]))
    return leader


process_group.subprocess.Popen = start_and_signal
process_group.run_process_group(Path("run.lock"), ["sleep", "60"], dict(os.environ))
"""

OTHER_THREAD = """
import os, threading
from pathlib import Path
from mlops_nb.pipeline.process_group import run_process_group

command = ["touch", "started"]
thread = threading.Thread(
    target=run_process_group, args=(Path("run.lock"), command, dict(os.environ))
)
thread.start()
thread.join()
"""


@pytest.fixture
def run_script(tmp_path):
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "run.lock").write_text("{}")

    def run(
        script,
        *args,
    ):
        return subprocess.run(
            [sys.executable, "-c", script, *args],
            cwd=tmp_path,
            env=ENV | {"PYTHONPATH": str(ROOT), "MLOPS_NB_ROOT": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def has_gone(pid):
    """Wait a little until there is no such process."""
    for _ in range(100):
        if not os.path.exists(f"/proc/{pid}"):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(2, id="SIGINT"),
        pytest.param(15, id="SIGTERM"),
        pytest.param(1, id="SIGHUP"),
    ],
)
def test_a_signal_while_the_group_starts_ends_it(
    run_script,
    number,
):
    done = run_script(INTERRUPTED_START, str(number))
    assert "InterruptedRunError: stopped" in done.stderr
    assert has_gone(int(done.stdout))


def test_without_signals_nothing_is_started(
    run_script,
    tmp_path,
):
    """Only the main thread may handle signals: a group that nobody could end is not started."""
    done = run_script(OTHER_THREAD)
    assert "ValueError" in done.stderr
    assert not (tmp_path / "started").exists()
