"""Line 12: Ctrl-C, `kill -9` and two runs at once."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
from helpers.notebooks import edit_cell
from helpers.project import ENV, run_mlops_nb, run_shell


def start(
    top,
    *argv,
):
    """Start a command of the package in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mlops_nb", *argv],
        cwd=top,
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def processes(top):
    """Everything that works in the project's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            is_here = process.cwd() == str(top)
            if is_here and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def slow(top):
    """Make the training stage take long, and change its code so that it must run."""
    edit_cell(
        top / "nbs" / "stages" / "train.ipynb",
        "fitted = train_model(",
        "import time; time.sleep(30)\nfitted = train_model(",
    )


def wait_for(
    path,
    what,
    seconds=60,
):
    end = time.time() + seconds
    while time.time() < end:
        if what(path):
            return
        time.sleep(0.2)
    raise AssertionError(f"waited in vain: {path}")


def staging(top):
    """Whether a training stage has its folder of unfinished outputs."""
    folder = top / ".mlops" / "staging"
    return folder.exists() and any(folder.glob("train-*"))


def back(top):
    """What the messages say: the source back, outputs from the cache, nothing to do."""
    run_shell("git", "checkout", "-q", ".", cwd=top)
    said = run_mlops_nb("repro", cwd=top).stdout
    assert "stopped" not in said
    assert run_shell("git", "status", "--porcelain", cwd=top).stdout == ""
    assert (
        "Data and pipelines are up to date"
        in run_shell("dvc", "status", cwd=top).stdout
    )


def test_ctrl_c(small):
    slow(small)
    run = start(small, "repro")
    wait_for(small, staging)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[0]
    assert run.returncode != 0, said
    assert "Traceback" not in said, said
    assert "stopped" in said, said
    assert not processes(small)
    assert not staging(small)
    back(small)


def test_kill_9_of_the_run(small):
    """The next run ends what was left behind, and recovers by itself."""
    slow(small)
    run = start(small, "repro")
    wait_for(small, staging)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run_shell("git", "checkout", "-q", ".", cwd=small)
    got = run_mlops_nb("repro", cwd=small)
    assert not staging(small)
    assert not processes(small)
    assert (
        json.loads((small / "reports" / "train.json").read_text())["stage"] == "train"
    )
    assert "up to date" in run_shell("dvc", "status", cwd=small).stdout, got.stdout


def test_kill_9_of_the_stage(small):
    slow(small)
    run = start(small, "repro")
    wait_for(small, staging)
    for process in processes(small):
        words = process.cmdline()
        if process.pid != run.pid and {"run", "train"} <= set(words):
            process.kill()
    said = run.communicate(timeout=90)[0]
    assert run.returncode != 0, said
    assert re.search(r"train +[\d.]+ s +failed", said), said
    assert "mlops-nb undo" in said, said
    back(small)


def test_two_runs_at_once(small):
    """The second waits and says for whom; both end well."""
    edit_cell(
        small / "nbs" / "stages" / "monitor.ipynb",
        "thresholds = Thresholds(",
        "import time; time.sleep(4)\nthresholds = Thresholds(",
    )
    first = start(small, "repro")
    wait_for(
        small / ".mlops" / "run.lock", lambda p: p.exists() and "pid" in p.read_text()
    )
    second = start(small, "repro")
    printed = [run.communicate(timeout=200)[0] for run in (first, second)]
    assert first.returncode == second.returncode == 0, printed
    waited = [text for text in printed if "waiting: another run" in text]
    assert len(waited) == 1, printed
    assert "mlops-nb repro" in waited[0], printed
    assert "nothing to do" in waited[0], printed


def test_read_only_folder(small):
    """A folder that cannot be written is a worded error; root may write anyway."""
    if os.geteuid() == 0:
        return
    (small / "reports").chmod(0o555)
    got = run_mlops_nb("run", "monitor", cwd=small, check=False)
    assert got.returncode
    assert "writable" in got.stdout + got.stderr
