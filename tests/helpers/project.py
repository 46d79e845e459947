"""Run commands in projects made for tests: clones of this checkout, small tables, changed parameters."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from mlops_nb.pipeline.environment import pin_kernels

ROOT = Path(__file__).resolve().parents[2]


pin_kernels()  # before numpy comes


os.environ["OMP_NUM_THREADS"] = "1"


ENV = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "DVC_NO_ANALYTICS": "1",
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.com",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.com",
}


if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # started in the background of a shell: tests that press Ctrl-C would wait for ever
    signal.signal(signal.SIGINT, signal.default_int_handler)


for name in (
    "MLOPS_NB_OUT",
    "MLOPS_NB_SERVER",
    "MLOPS_NB_ROOT",
    "PYTHONDONTWRITEBYTECODE",
):
    ENV.pop(name, None)


def sh(
    *argv,
    cwd,
    check=True,
    **kw,
):
    """Run a command; its output as text. A failure shows what it printed."""
    got = subprocess.run(
        [str(a) for a in argv],
        cwd=cwd,
        env=ENV | kw.pop("env", {}),
        capture_output=True,
        text=True,
        timeout=kw.pop("timeout", 900),
        **kw,
    )
    assert not check or got.returncode == 0, (
        f"{argv} → {got.returncode}\n{got.stdout[-4000:]}\n{got.stderr[-4000:]}"
    )
    return got


def nb(
    *argv,
    cwd,
    **kw,
):
    """Run `python -m mlops_nb …` in a project folder."""
    return sh(sys.executable, "-m", "mlops_nb", *argv, cwd=cwd, **kw)


def fresh_clone(to: Path) -> Path:
    """What a clone of the present state of this checkout would be, committed as one commit when the tree is dirty."""
    if not sh("git", "status", "--porcelain", cwd=ROOT).stdout.strip():
        sh("git", "clone", "-q", ROOT, to, cwd=ROOT)
        return to
    to.mkdir(parents=True)
    files = sh(
        "git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT
    ).stdout.split("\0")
    for f in filter(lambda f: f and (ROOT / f).exists(), files):
        (to / f).parent.mkdir(parents=True, exist_ok=True)
        (to / f).write_bytes((ROOT / f).read_bytes())
    for cmd in (
        ["git", "init", "-q", "-b", "main"],
        ["git", "add", "-A"],
        ["git", "commit", "-q", "-m", "state"],
    ):
        sh(*cmd, cwd=to)
    return to


def change(
    top,
    **sections,
):
    """Set keys of params.yaml: a section given replaces `data`, `windows` and `features`, and is merged into the others."""
    from ruamel.yaml import YAML

    yaml = YAML()
    p = yaml.load((top / "params.yaml").read_text())
    for name, value in sections.items():
        p[name] = (
            value
            if name in ("data", "windows", "features") or not isinstance(value, dict)
            else p.get(name, {}) | value
        )
    with (top / "params.yaml").open("w") as f:
        yaml.dump(p, f)


def sales(
    n=3000,
    seed=0,
):
    """A small table with time: binary `y`, missing values, a category, known relation."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "id": range(n),
            "day": pd.date_range("2020-01-01", "2020-04-30 23:00", periods=n).floor(
                "min"
            ),
            "shop": rng.choice(["a", "b", "c"], n),
            "price": rng.normal(10, 3, n).round(2),
        }
    )
    d["y"] = ((d.price + rng.normal(0, 3, n)) > 10).astype(int)
    d.loc[::17, "price"] = None
    return d
