"""Fixtures: a copy of this checkout as a fresh git clone, with the pipeline run once in it."""

import fcntl
import os
import shutil

import pytest
from helpers.browser import ARGS, CHROMIUM
from helpers.project import ENV, change, fresh_clone, run_mlops_nb, run_shell, sales
from helpers.site import make_history
from helpers.toy import BEFORE, HOME
from helpers.toy import project as toy_project


def pytest_xdist_auto_num_workers(config):
    """One more than there are processors: a test that waits for its commands leaves one idle."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def warm_server():
    """Stage commands of all tests fork from one server.

    tests/pipeline/test_fork_server.py shows that they do the same without.
    """
    from mlops_nb.pipeline.fork_server import start_fork_server

    with start_fork_server() as env:
        ENV.update(env)
        os.environ.pop(
            "MLOPS_NB_SERVER", None
        )  # tests of the server itself start their own
        yield


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """A function of a name and a maker: the folder that `maker(folder)` fills, made by the first worker that asks and shared by all."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def get(
        name,
        make,
    ):
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
    """A fresh clone in which the whole pipeline has run on the full data. Tests must leave it as it is. `ran.log` in it holds what the run printed."""

    def make(clone):
        got = run_mlops_nb("repro", cwd=fresh_clone(clone))
        (clone / ".mlops" / "ran.log").write_text(got.stdout + got.stderr)

    return once("ran", make)


@pytest.fixture(scope="session")
def bare(once):
    """The checkout's files as a git repository, not run; copied by `project`."""
    return once("bare", fresh_clone)


@pytest.fixture
def project(
    bare,
    tmp_path,
):
    """A function that makes a small project of one's own: a table in data/in.csv, params.yaml set to it, the contract inferred."""

    def make(
        frame,
        window=("2020-01", "2020-03", "2020-04"),
        schema=True,
        csv=None,
        **data,
    ):
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
            data=dict(settings.items()),
            windows=parts,
            features={"modules": [], "columns": "auto", "exclude": []},
            evaluate={"importance_rows": 300},
            train={"params": {"max_iter": 60}},
        )
        if schema:
            run_mlops_nb("schema", "--force", cwd=top)
        return top

    return make


@pytest.fixture(scope="session")
def small_once(
    once,
    bare,
):
    """A small project of one's own (3,000 rows, no code) that has run once and is committed. Copy it by `small`."""

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
        run_mlops_nb("schema", "--force", cwd=top)
        card = top / "data" / "card.yaml"
        card.write_text(
            card.read_text().replace("accepted: [flight_id, tailnum]", "accepted: [id]")
        )
        run_mlops_nb("repro", cwd=top)
        (
            run_shell("git", "add", "-A", cwd=top),
            run_shell("git", "commit", "-qm", "small", cwd=top),
        )

    return once("small", make)


@pytest.fixture(scope="session")
def published_once(
    once,
    small_once,
):
    """Return a project with a history whose site is published. Tests must leave it as it is."""

    def make(top):
        make_history(small_once, top)
        run_mlops_nb("publish", cwd=top)

    return once("published", make)


@pytest.fixture
def small(
    small_once,
    tmp_path,
):
    """A copy of the small project, with its cache, to do anything with."""
    shutil.copytree(small_once, tmp_path / "small", symlinks=True)
    return tmp_path / "small"


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install 'mlops_nb[dev]'"
    )
    with api.sync_playwright() as p:
        b = p.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield b
        b.close()


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    top = toy_project(tmp_path_factory.mktemp("home"), "1")
    old = os.getcwd()
    now = dict(os.environ)
    os.chdir(top)
    (
        os.environ.clear(),
        os.environ.update(BEFORE | {"PYTHONPATH": str(HOME)}),
    )  # whatever tests before in this process have set: a Dask cluster does
    from mlops_nb.pipeline.fork_server import start_fork_server

    with start_fork_server() as env:
        yield env
    os.environ.clear(), os.environ.update(now), os.chdir(old)
    assert not os.path.exists(os.path.dirname(env["MLOPS_NB_SERVER"]))
