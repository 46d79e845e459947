"""Fixtures: a copy of this checkout as a fresh git clone, with the pipeline run once in it."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_nb.engine import pin_kernels

ROOT = Path(__file__).resolve().parent.parent
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
for name in ("MLOPS_NB_OUT", "MLOPS_NB_SERVER", "MLOPS_NB_ROOT", "PYTHONDONTWRITEBYTECODE"):
    ENV.pop(name, None)


def pytest_xdist_auto_num_workers(config):
    "One more than there are processors: a test that waits for its commands leaves one idle."
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def warm_server():
    "Stage commands of all tests fork from one server; tests/test_warm.py shows that they do the same without."
    from mlops_nb.warm import server

    with server() as env:
        ENV.update(env)
        os.environ.pop("MLOPS_NB_SERVER", None)  # tests of the server itself start their own
        yield


def sh(*argv, cwd, check=True, **kw):
    "Run a command; its output as text. A failure shows what it printed."
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


def nb(*argv, cwd, **kw):
    "Run `python -m mlops_nb …` in a project folder."
    return sh(sys.executable, "-m", "mlops_nb", *argv, cwd=cwd, **kw)


def fresh_clone(to: Path) -> Path:
    "What a clone of the present state of this checkout would be, committed as one commit when the tree is dirty."
    if not sh("git", "status", "--porcelain", cwd=ROOT).stdout.strip():
        sh("git", "clone", "-q", ROOT, to, cwd=ROOT)
        return to
    to.mkdir(parents=True)
    files = sh("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).stdout.split("\0")
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


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    "A function of a name and a maker: the folder that `maker(folder)` fills, made by the first worker that asks and shared by all."
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def get(name, make):
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (base / f"{name}.done").exists():
                shutil.rmtree(base / name, ignore_errors=True)
                make(base / name)
                (base / f"{name}.done").touch()
        return base / name

    return get


@pytest.fixture(scope="session")
def ran(once):
    "A fresh clone in which the whole pipeline has run on the full data. Tests must leave it as it is. `ran.log` in it holds what the run printed."

    def make(clone):
        got = nb("repro", cwd=fresh_clone(clone))
        (clone / ".mlops" / "ran.log").write_text(got.stdout + got.stderr)

    return once("ran", make)


@pytest.fixture(scope="session")
def bare(once):
    "The checkout's files as a git repository, not run; copied by `project`."
    return once("bare", fresh_clone)


@pytest.fixture
def project(bare, tmp_path):
    "A function that makes a small project of one's own: a table in data/in.csv, params.yaml set to it, the contract inferred."

    def make(frame, window=("2020-01", "2020-03", "2020-04"), schema=True, csv=None, **data):
        top = tmp_path / "project"
        if not top.exists():
            shutil.copytree(bare, top, symlinks=True)
        if frame is not None:
            frame.to_csv(top / "data" / "in.csv", index=False, **(csv or {}))
        settings = {
            "source": "data/in.csv",
            "depends": "data/in.csv",
            "target": "y",
            "task": "binary",
            "time": "day",
            "keys": ["id"],
            "lookback": "0D",
            "noun": "rows",
        } | data
        parts = (
            {
                "train": {"start": window[0], "end": window[1]},
                "current": {"start": window[2], "end": window[2]},
            }
            if settings["time"]
            else {"train": {"share": 0.7}, "current": {"share": 0.3}}
        )
        change(
            top,
            data={k: v for k, v in settings.items()},
            windows=parts,
            features={"modules": [], "columns": "auto", "exclude": []},
            evaluate={"importance_rows": 300},
            train={"params": {"max_iter": 60}},
        )
        if schema:
            nb("schema", "--force", cwd=top)
        return top

    return make


def change(top, **sections):
    "Set keys of params.yaml: a section given replaces `data`, `windows` and `features`, and is merged into the others."
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


def sales(n=3000, seed=0):
    "A small table with time: binary `y`, missing values, a category, known relation."
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "id": range(n),
            "day": pd.date_range("2020-01-01", "2020-04-30 23:00", periods=n).floor("min"),
            "shop": rng.choice(["a", "b", "c"], n),
            "price": rng.normal(10, 3, n).round(2),
        }
    )
    d["y"] = ((d.price + rng.normal(0, 3, n)) > 10).astype(int)
    d.loc[::17, "price"] = None
    return d


@pytest.fixture(scope="session")
def small_once(once, bare):
    "A small project of one's own (3,000 rows, no code) that has run once and is committed. Copy it by `small`."

    def make(top):
        shutil.copytree(bare, top, symlinks=True)
        sales().to_csv(top / "data" / "in.csv", index=False)
        change(
            top,
            data={
                "source": "data/in.csv",
                "depends": "data/in.csv",
                "target": "y",
                "task": "binary",
                "time": "day",
                "keys": ["id"],
            },
            windows={
                "train": {"start": "2020-01", "end": "2020-03"},
                "current": {"start": "2020-04", "end": "2020-04"},
            },
            features={"modules": [], "columns": "auto", "exclude": []},
            train={"params": {"max_iter": 40}},
            evaluate={"groups": [], "checks": {}, "importance_rows": 300},
        )
        nb("schema", "--force", cwd=top)
        card = top / "data" / "card.yaml"
        card.write_text(
            card.read_text().replace("accepted: [flight_id, tailnum]", "accepted: [id]")
        )
        nb("repro", cwd=top)
        sh("git", "add", "-A", cwd=top), sh("git", "commit", "-qm", "small", cwd=top)

    return once("small", make)


@pytest.fixture
def small(small_once, tmp_path):
    "A copy of the small project, with its cache, to do anything with."
    shutil.copytree(small_once, tmp_path / "small", symlinks=True)
    return tmp_path / "small"
