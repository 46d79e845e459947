"""Fixtures: a copy of this checkout as a fresh git clone, with the pipeline run once in it."""

import functools
import os
import shutil

import pytest
from helpers import miniature
from helpers.browser import ARGS, CHROMIUM
from helpers.forks import start_forking
from helpers.once import make_once
from helpers.project import ENV, change, fresh_clone, run_mlops_nb, run_shell, sales
from helpers.shipped import make_as_shipped
from helpers.site import make_history
from helpers.toy import BEFORE, HOME
from helpers.toy import project as toy_project
from xdist.scheduler import LoadFileScheduling

TABLE_SETTINGS = {  # of the table that `sales` makes
    "source": "data/in.csv",
    "depends": "data/in.csv",
    "target": "y",
    "task": "binary",
    "time": "day",
    "keys": ["id"],
}
PLAIN_FEATURES = {"modules": [], "columns": "auto", "exclude": []}
SHARES = {"train": {"share": 0.7}, "current": {"share": 0.3}}


def windows_between(
    start,
    end,
    current,
):
    """Return windows by time: from start to end to train on, and a period to score."""
    return {
        "train": {"start": start, "end": end},
        "current": {"start": current, "end": current},
    }


def pytest_xdist_auto_num_workers(config):
    """One more than there are processors: a test that waits for its commands leaves one idle."""
    return (os.cpu_count() or 1) + 1


class FilesAndAreas(LoadFileScheduling):
    """A file is one worker's, as its fixtures are made once; of the notebooks, an area is."""

    def _split_scope(
        self,
        nodeid,
    ):
        """Return what the tests of one worker have in common."""
        file, _, test = nodeid.partition("::")
        if file.endswith("test_notebooks.py"):
            return file + test.rpartition("/")[0]
        return file


def pytest_xdist_make_scheduler(config, log):
    """Let workers take whole files, in the order of their names."""
    return FilesAndAreas(config, log)


@pytest.fixture(scope="session", autouse=True)
def warm_server():
    """Stage commands of all tests fork from one server, and all commands from another.

    tests/pipeline/test_fork_server.py shows that they do the same without.
    """
    from mlops_nb.pipeline.fork_server import start_fork_server

    with start_fork_server() as env, start_forking(ENV):
        ENV.update(env)
        # tests of the server itself start their own
        os.environ.pop("MLOPS_NB_SERVER", None)
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_folder(tmp_path_factory):
    """The folder that all workers share; miniature projects are made once, in it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    miniature.SHELVES.append(base)
    return base


@pytest.fixture(scope="session")
def once(shared_folder):
    """A function of a name and a maker: the folder that `maker(folder)` fills.

    It is made by the first worker that asks and shared by all.
    """
    return functools.partial(make_once, shared_folder)


@pytest.fixture(scope="session")
def ran(once):
    """A fresh clone in which the whole pipeline has run on the full data.

    Tests must leave it as it is. `ran.log` in it holds what the run printed.
    """

    def make(clone):
        got = run_mlops_nb("repro", cwd=fresh_clone(clone))
        (clone / ".mlops" / "ran.log").write_text(got.stdout + got.stderr)

    return once("ran", make)


@pytest.fixture(scope="session")
def bare(once):
    """The checkout's files as a git repository, not run, with the settings as shipped.

    Copied by `project`.
    """
    return once("bare", lambda top: make_as_shipped(fresh_clone(top)))


@pytest.fixture
def project(
    bare,
    tmp_path,
):
    """A function that makes a small project of one's own.

    It has a table in data/in.csv, params.yaml set to it, and the contract inferred.
    """

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
        settings = TABLE_SETTINGS | {"lookback": "0D", "noun": "rows"} | data
        windows = SHARES
        if settings["time"]:
            windows = windows_between(*window)
        change(
            top,
            data=settings,
            windows=windows,
            features=PLAIN_FEATURES,
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
    """A small project of one's own (3,000 rows, no code) that has run once and is committed.

    Copy it by `small`.
    """

    def make(top):
        shutil.copytree(bare, top, symlinks=True)
        sales().to_csv(top / "data" / "in.csv", index=False)
        change(
            top,
            data=TABLE_SETTINGS,
            windows=windows_between("2020-01", "2020-03", "2020-04"),
            features=PLAIN_FEATURES,
            train={"params": {"max_iter": 40}},
            evaluate={"groups": [], "checks": {}, "importance_rows": 300},
        )
        run_mlops_nb("schema", "--force", cwd=top)
        card = top / "data" / "card.yaml"
        text = card.read_text()
        card.write_text(
            text.replace("accepted: [flight_id, tailnum]", "accepted: [id]")
        )
        run_mlops_nb("repro", cwd=top)
        run_shell("git", "add", "-A", cwd=top)
        run_shell("git", "commit", "-qm", "small", cwd=top)

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
def playwright_driver():
    """The one driver of all browsers of a worker.

    While it is open its event loop counts as running, so a second one refuses to start.
    """
    api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install 'mlops_nb[dev]'"
    )
    with api.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver):
    """A browser without a window, started once."""
    launched = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
    yield launched
    launched.close()


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Variables of a server that was started in a toy project, in the environment of a user.

    Whatever tests before in this process have set is not in it: a Dask cluster does.
    """
    from mlops_nb.pipeline.fork_server import start_fork_server

    top = toy_project(tmp_path_factory.mktemp("home"), "1")
    folder = os.getcwd()
    variables = dict(os.environ)
    os.chdir(top)
    os.environ.clear()
    os.environ.update(BEFORE | {"PYTHONPATH": str(HOME)})
    with start_fork_server() as env:
        yield env
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    assert not os.path.exists(os.path.dirname(env["MLOPS_NB_SERVER"]))
