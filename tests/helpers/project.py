"""Run commands in projects made for tests.

Clones of this checkout, small tables, changed parameters.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from helpers.forks import run_forked

from mlops_nb.pipeline.environment import pin_kernels

ROOT = Path(__file__).resolve().parents[2]


pin_kernels()  # before numpy comes


os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"  # helpers.forks forks


ENV = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "DVC_NO_ANALYTICS": "1",
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.com",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.com",
}
REPLACED_SECTIONS = ("data", "windows", "features")


if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # started in the background of a shell: tests that press Ctrl-C would wait for ever
    signal.signal(signal.SIGINT, signal.default_int_handler)


for name in (
    "MLOPS_NB_OUT",
    "MLOPS_NB_SERVER",
    "MLOPS_NB_ROOT",
):
    ENV.pop(name, None)


def run_command(
    command,
    cwd,
    env,
    timeout,
):
    """Run a command, in a fork if it can be one; its output as text."""
    done = run_forked(command, cwd, env, timeout)
    if done is not None:
        return done
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout
    )


def run_shell(
    *argv,
    cwd,
    check=True,
    env=None,
    timeout=900,
):
    """Run a command; its output as text. A failure shows what it printed."""
    done = run_command([str(part) for part in argv], cwd, ENV | (env or {}), timeout)
    assert not check or done.returncode == 0, (
        f"{argv} → {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    )
    return done


def run_mlops_nb(
    *argv,
    cwd,
    **options,
):
    """Run `python -m mlops_nb …` in a project folder."""
    return run_shell(sys.executable, "-m", "mlops_nb", *argv, cwd=cwd, **options)


def fresh_clone(top: Path) -> Path:
    """What a clone of the present state of this checkout would be.

    Committed as one commit when the tree is dirty.
    """
    if not run_shell("git", "status", "--porcelain", cwd=ROOT).stdout.strip():
        run_shell("git", "clone", "-q", ROOT, top, cwd=ROOT)
        return top
    top.mkdir(parents=True)
    listed = run_shell(
        "git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT
    ).stdout.split("\0")
    for file in listed:
        if file and (ROOT / file).exists():
            (top / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, top / file)  # programs stay executable
    run_shell("git", "init", "-q", "-b", "main", cwd=top)
    run_shell("git", "add", "-A", cwd=top)
    run_shell("git", "commit", "-q", "-m", "state", cwd=top)
    return top


def change(
    top,
    **sections,
):
    """Set keys of params.yaml.

    A section given replaces `data`, `windows` and `features`, and is merged into the others.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    params = yaml.load((top / "params.yaml").read_text())
    for section, value in sections.items():
        if section in REPLACED_SECTIONS or not isinstance(value, dict):
            params[section] = value
        else:
            params[section] = params.get(section, {}) | value
    with (top / "params.yaml").open("w") as file:
        yaml.dump(params, file)


def sales(
    rows=3000,
    seed=0,
):
    """A small table with time: binary `y`, missing values, a category, known relation."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    days = pd.date_range("2020-01-01", "2020-04-30 23:00", periods=rows).floor("min")
    table = pd.DataFrame(
        {
            "id": range(rows),
            "day": days,
            "shop": rng.choice(["a", "b", "c"], rows),
            "price": rng.normal(10, 3, rows).round(2),
        }
    )
    table["y"] = ((table.price + rng.normal(0, 3, rows)) > 10).astype(int)
    table.loc[::17, "price"] = None
    return table


def read_yaml(
    top,
    path="params.yaml",
):
    """Read a YAML file of a project."""
    from ruamel.yaml import YAML

    return YAML(typ="safe").load((top / path).read_text("utf-8"))


def read_results(
    top,
    stage,
):
    """What a stage says of itself in its JSON twin."""
    return json.loads((top / "reports" / f"{stage}.json").read_text("utf-8"))["results"]


def read_metrics(
    top,
    stage,
):
    """The metrics that a stage wrote for `dvc metrics`."""
    path = top / "reports" / "metrics" / f"{stage}.json"
    return json.loads(path.read_text("utf-8"))


def read_manifest(top):
    """What the candidate's manifest says."""
    path = top / "data" / "candidate" / "manifest.json"
    return json.loads(path.read_text("utf-8"))
