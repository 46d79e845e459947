"""Line 12: Ctrl-C, `kill -9` and two runs at once."""

import json
import os
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
    got = []
    for p in psutil.process_iter():
        try:
            if p.cwd() == str(top) and p.status() != psutil.STATUS_ZOMBIE:
                got.append(p)
        except (psutil.Error, OSError):
            continue
    return got


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
    return (
        any((top / ".mlops" / "staging").glob("train-*"))
        if (top / ".mlops" / "staging").exists()
        else False
    )


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
    assert run.returncode != 0 and "Traceback" not in said and "stopped" in said, said
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
    for p in processes(small):
        if p.pid != run.pid and "run" in p.cmdline() and "train" in p.cmdline():
            p.kill()
    said = run.communicate(timeout=90)[0]
    assert run.returncode != 0 and "dvc checkout" in said, said
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
    a = first.communicate(timeout=200)[0]
    b = second.communicate(timeout=200)[0]
    assert first.returncode == second.returncode == 0, a + b
    waited = [x for x in (a, b) if "waiting: another run" in x]
    assert (
        len(waited) == 1
        and "mlops-nb repro" in waited[0]
        and "nothing to do" in waited[0]
    ), a + b


def test_read_only_folder(small):
    """A folder that cannot be written is a worded error; root may write anyway."""
    if os.geteuid() == 0:
        return
    (small / "reports").chmod(0o555)
    got = run_mlops_nb("run", "monitor", cwd=small, check=False)
    assert got.returncode
    assert "writable" in got.stdout + got.stderr
