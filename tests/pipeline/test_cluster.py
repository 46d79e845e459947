"""A real Dask cluster of two workers: the same bytes as here, whoever dies meanwhile."""

import os
import re
import signal
import socket
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from helpers.project import run_mlops_nb

from mlops_nb.core.config import Settings
from mlops_nb.core.errors import UserError
from mlops_nb.core.project import project_root
from mlops_nb.data.batches import BATCH_ROWS, split_row_groups
from mlops_nb.data.feature_table import build_features
from mlops_nb.data.profile import Profile, profile_table
from mlops_nb.data.profile_stream import merge_pairwise, profile_file, profile_piece
from mlops_nb.modeling.persistence import dump_skops
from mlops_nb.modeling.training import train_model
from mlops_nb.pipeline import cluster as cluster_module
from mlops_nb.pipeline import compute_engine as engine_module
from mlops_nb.pipeline.cluster import make_mapper, open_compute_engine
from mlops_nb.pipeline.compute_engine import ComputeEngine
from mlops_nb.pipeline.dask_client import import_dask
from mlops_nb.pipeline.worker_versions import CODE_DIGESTS

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
HERE = ComputeEngine()


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip(
        "distributed", reason="Dask is not installed (extra dask)"
    )
    import_dask()
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as started:
        yield started


@pytest.fixture
def far(cluster):
    """The engine on the cluster; a worker that another test has killed is there again."""
    with open_compute_engine("dask", cluster.scheduler_address) as engine:
        assert len(engine.client.scheduler_info(n_workers=-1)["workers"]) <= 2
        engine.client.wait_for_workers(2, timeout=60)
        yield engine


def every_bit(profile: Profile):
    """All of a profile, and its means before they are rounded for the file."""
    bits = {}
    for name, column in profile.columns.items():
        moments = (column.mean.hex(), column.squared_deviations.hex())
        bits[name] = (column.to_dict(), *moments, column.minimum, column.maximum)
    return profile.rows, bits


# ---- profiles ----


def make_table(
    rows,
    seed=0,
):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"price": rng.lognormal(0, 3, rows)})
    table["gap"] = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(1e6, 1, rows))
    table["stops"] = rng.integers(0, 4, rows)
    table["route"] = rng.choice(["A", "B", None, "<b>"], rows)
    table["name"] = [f"n{i % 7001}" for i in range(rows)]
    seconds = pd.to_timedelta(rng.integers(0, 10**7, rows), unit="s")
    table["day"] = pd.Timestamp("2024-01-01") + seconds
    table["flag"] = rng.random(rows) < 0.3
    return table


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    top = tmp_path_factory.mktemp("files")
    table = make_table(300_000)
    table.to_parquet(top / "big.parquet", row_group_size=10_000)
    table[:20_000].to_csv(top / "small.csv", index=False)
    table[:0].to_parquet(top / "empty.parquet")
    return top


@pytest.mark.parametrize("name", ["big.parquet", "small.csv", "empty.parquet"])
def test_a_file_is_the_same_to_the_byte(
    far,
    files,
    tmp_path,
    name,
):
    here = HERE.stream(files / name)
    there = far.stream(files / name)
    assert every_bit(there) == every_bit(here)
    written = here.write(tmp_path / "here.json").read_bytes()
    assert there.write(tmp_path / "there.json").read_bytes() == written


def test_some_columns_of_a_file_are_the_same_to_the_byte(
    far,
    files,
):
    path = files / "big.parquet"
    columns = ["gap", "route"]
    here = HERE.stream(path, columns)
    assert list(here.columns) == columns
    assert every_bit(far.stream(path, columns)) == every_bit(here)


def test_the_profile_of_a_file_is_that_of_its_table(files):
    path = files / "big.parquet"
    profile = HERE.stream(path)
    table = pd.read_parquet(path)
    assert profile == profile_table(table)
    assert profile.columns["gap"].mean == pytest.approx(table.gap.mean(), rel=1e-14)


@pytest.fixture(scope="module")
def mixed_table():
    """More than a batch; two columns that look otherwise in a part than as a whole."""
    extra = 17_000
    rows = BATCH_ROWS + extra
    table = make_table(rows).astype({"route": "category"})
    table["mixed"] = pd.Series([*range(rows - 9), *["x"] * 9], dtype=object)
    table["late"] = pd.Series([None] * BATCH_ROWS + ["late"] * extra, dtype=object)
    table[3] = 1
    return table


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(None, id="more than a batch"),
        pytest.param(BATCH_ROWS, id="a batch"),
        pytest.param(0, id="empty"),
    ],
)
def test_a_table_in_memory_is_the_same_to_the_byte(
    far,
    mixed_table,
    rows,
):
    table = mixed_table[:rows]
    assert every_bit(far.profile(table)) == every_bit(HERE.profile(table))


def test_the_profile_of_a_table_is_that_of_its_parts(mixed_table):
    assert HERE.profile(mixed_table) == profile_table(mixed_table)
    one_batch = mixed_table[:BATCH_ROWS]
    assert every_bit(HERE.profile(one_batch)) == every_bit(profile_table(one_batch))


# ---- a search, and features ----


@pytest.fixture
def map_far(
    cluster,
    monkeypatch,
):
    """As a stage has it, with the address from the settings."""
    settings = Settings(scheduler=cluster.scheduler_address)
    monkeypatch.setattr(cluster_module, "read_settings", lambda: settings)
    return make_mapper("dask")


def make_flights(rows=700):
    rng = np.random.default_rng(0)
    flights = pd.DataFrame({"hour": rng.integers(5, 23, rows)})
    flights["wind"] = rng.gamma(3, 4, rows).round(1)
    flights["carrier"] = rng.choice(["UA", "DL"], rows)
    wind_of_united = flights.wind * (flights.carrier == "UA")
    burden = flights.hour + wind_of_united + rng.normal(0, 5, rows)
    return flights.assign(late=(burden > 22).astype(int))


FLIGHTS = {"target": "late", "task": "binary", "keys": []}
SEARCH = {
    "max_leaf_nodes": [3, 5, 15],
    "learning_rate": [0.03, 0.1],
    "max_iter": [5, 10],
}


def test_a_search_finds_the_same(
    map_far,
    capsys,
):
    settings = {
        "estimator": "booster",
        "search": SEARCH,
        "search_candidates": 7,
    }
    here = train_model(make_flights(), FLIGHTS, **settings)
    said = capsys.readouterr().out
    there = train_model(make_flights(), FLIGHTS, map_far, **settings)
    assert capsys.readouterr().out == said
    assert said.count("search ") == 2
    assert there.model.manifest == here.model.manifest
    assert dump_skops(there.model.pipeline) == dump_skops(here.model.pipeline)


def test_a_search_that_fails_on_a_worker_says_why(far):
    settings = {
        "estimator": "booster",
        "search": {"max_itr": [1, 2]},
        "search_candidates": 2,
    }
    with pytest.raises(UserError, match="max_itr"):
        train_model(make_flights(), FLIGHTS, far.map, **settings)


SHOP = """import pandas as pd
from mlops_nb.data.features import features

@features(
    sources=("sales",),
    lookback="8D",
    owner="shop team",
    usual=("float32", "Average sale in the week before"),
)
def trade(events, history):
    usual = history.mean("sales", ["shop"], "amount", over="7D", lead="2h")
    return pd.DataFrame({"usual": usual})

@features(owner="shop team", twice=("float32", "Twice the size"))
def double(events, history):
    return pd.DataFrame({"twice": (events["size"] * 2).astype("float32")})
"""


@pytest.fixture
def shop_project(
    tmp_path,
    monkeypatch,
):
    """A project with features of its own, which the workers did not start in."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "made.py").write_text(SHOP)
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.setenv("MLOPS_NB_ROOT", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)


def random_hours(
    rng,
    count,
):
    """Moments of 90 days, in order."""
    hours = np.sort(rng.integers(0, 90 * 24, count))
    return pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, unit="h")


def make_visits(
    rng,
    count=500,
):
    visits = pd.DataFrame({"visit": range(count), "time": random_hours(rng, count)})
    visits["shop"] = rng.choice(["a", "b"], count)
    return visits.assign(size=rng.integers(1, 9, count))


def make_sales(
    rng,
    count=3000,
):
    sales = pd.DataFrame({"known_at": random_hours(rng, count)})
    sales["shop"] = rng.choice(["a", "b"], count)
    return sales.assign(amount=rng.gamma(2, 9, count))


@pytest.mark.usefixtures("shop_project")
def test_features_are_the_same(map_far):
    rng = np.random.default_rng(0)
    visits = make_visits(rng)
    tables = {"sales": make_sales(rng)}
    definition = {"modules": ["shop.made"], "columns": ["size"], "exclude": []}
    here = build_features(visits, tables, "time", definition)
    there = build_features(visits, tables, "time", definition, map_function=map_far)
    pd.testing.assert_frame_equal(there, here, check_exact=True)
    assert list(here) == ["size", "usual", "twice"]
    assert here.usual.notna().mean() > 0.9


# ---- the pipeline ----

OUTPUTS = (
    "reports/monitor.json",
    "reports/preprocess-current.json",
    "data/features/current.parquet",
)


def without_provenance(content):
    """The bytes of an output; of JSON its text without what names code and parameters."""
    if not content.startswith(b"{"):
        return content
    return re.sub(r'"(md5|parameters|params|code)": "[^"]*"', "", content.decode())


@pytest.fixture
def set_to_dask(small):
    """A small project that has run here, told to compute on a cluster."""
    params = small / "params.yaml"
    params.write_text(params.read_text().replace("engine: local", "engine: dask"))
    return small


def test_a_stage_without_a_scheduler_says_so(set_to_dask):
    done = run_mlops_nb("run", "monitor", cwd=set_to_dask, check=False)
    assert done.returncode
    said = done.stdout + done.stderr
    assert "scheduler = tcp://HOST:PORT in settings.ini" in said


def test_stages_on_a_cluster_write_what_they_write_here(
    set_to_dask,
    cluster,
):
    """Of features of modules and of searches: see above."""
    before = {name: (set_to_dask / name).read_bytes() for name in OUTPUTS}
    ini = set_to_dask / "settings.ini"
    scheduler = f"scheduler = {cluster.scheduler_address}"
    ini.write_text(re.sub("(?m)^scheduler =.*", scheduler, ini.read_text()))
    run_mlops_nb("run", "preprocess", "current", cwd=set_to_dask)
    run_mlops_nb("run", "monitor", cwd=set_to_dask)
    for name, content in before.items():
        after = (set_to_dask / name).read_bytes()
        assert without_provenance(after) == without_provenance(content), name


# ---- workers that die ----


def keys_with(
    name,
    keys_by_worker,
):
    """The keys of tasks of a function, on any of the workers."""
    return {key for keys in keys_by_worker.values() for key in keys if name in str(key)}


def until_killed(attempt):
    """Try to kill a worker beside the test, until it has been; returns who has been."""
    killed = []

    def insist():
        while not killed:
            killed.extend(attempt())
            time.sleep(0.002)

    threading.Thread(target=insist, daemon=True).start()
    return killed


def test_a_worker_killed_in_mid_run(
    far,
    cluster,
    files,
    monkeypatch,
):
    """The one that holds partial profiles and works on another."""
    path = files / "big.parquet"
    pieces = split_row_groups(path, 20_000)  # small ones, so that there are many
    expected = merge_pairwise(
        profile_piece(path, piece, batch_rows=2_000) for piece in pieces
    )

    def profile_small_piece(
        path,
        piece,
        columns,
    ):
        return profile_piece(path, piece, columns, 2_000)

    pid = next(worker.pid for worker in cluster.workers.values())

    def kill_at_work():
        doing = keys_with("profile_small_piece", far.client.processing())
        done = keys_with("profile_small_piece", far.client.has_what())
        if not doing or not done:
            return []
        os.kill(pid, KILL)
        return [pid]

    monkeypatch.setattr(engine_module, "split_row_groups", lambda path: pieces)
    monkeypatch.setattr(engine_module, "profile_piece", profile_small_piece)
    killed = until_killed(kill_at_work)
    profile = far.stream(path)
    assert killed == [pid]
    assert every_bit(profile) == every_bit(expected)
    assert profile == profile_file(path)
    assert pid not in [worker.pid for worker in cluster.workers.values()]


def test_what_is_shared_outlives_the_worker_that_holds_it(
    far,
    cluster,
):
    values = np.arange(10**6)
    pids = {worker.worker_address: worker.pid for worker in cluster.workers.values()}

    def kill_holder():
        for key, holders in far.client.who_has().items():
            if "_identity" in str(key) and holders:
                os.kill(pids[holders[0]], KILL)
                return [holders[0]]
        return []

    def multiply_slowly(
        x,
        shared,
    ):
        time.sleep(0.4)
        return x * int(shared.sum())

    killed = until_killed(kill_holder)
    results = far.map(multiply_slowly, range(6), values)
    assert results == [x * int(values.sum()) for x in range(6)]
    assert killed


# ---- without a cluster ----


def open_engine(
    *args,
    **options,
):
    with open_compute_engine(*args, **options):
        pass


@pytest.fixture
def without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)


@pytest.mark.usefixtures("without_dask")
def test_without_dask_the_remedy_is_said():
    with pytest.raises(UserError, match=r"pip install 'mlops_nb\[dask\]'"):
        open_engine("dask", "tcp://127.0.0.1:8786")


@pytest.mark.usefixtures("without_dask")
def test_without_dask_the_work_is_done_here():
    table = make_table(10)
    with open_compute_engine("local") as engine:
        assert engine.map(pow, [1, 2], 3) == [1, 8]
        assert engine.profile(table) == profile_table(table)
    assert make_mapper()(pow, [1, 2], 3) == [1, 8]


@pytest.mark.usefixtures("without_dask")
def test_without_work_no_dask_is_needed():
    assert make_mapper("dask")(print, []) == []


@pytest.mark.parametrize(
    "address",
    [
        "scheduler:8786",
        "http://a:1",
        "tcp://a",
        "tcp://user:secret@a:1",
        "tcp://a:1 --evil",
    ],
)
def test_addresses_that_are_none(address):
    with pytest.raises(UserError, match=r"settings\.ini"):
        open_engine("dask", address)


# ---- what goes wrong is said ----


def test_an_unknown_engine():
    with pytest.raises(UserError, match="local or dask"):
        open_engine("dusk")


def test_no_scheduler():
    pytest.importorskip("distributed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(UserError, match="expected: the Dask scheduler tcp://127"):
        open_engine("dask", free, wait=0.5)


def test_no_worker():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=0,
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as empty,
        pytest.raises(UserError, match="a worker at the Dask scheduler"),
    ):
        open_engine("dask", empty.scheduler_address, wait=0.5)


@pytest.mark.parametrize(
    ("name", "columns", "words"),
    [
        pytest.param("bad.parquet", None, "readable Parquet", id="cut off"),
        pytest.param("none.parquet", None, "no file", id="missing"),
        pytest.param(
            "big.parquet", ["prise"], 'Did you mean "price"', id="unknown column"
        ),
    ],
)
def test_a_file_that_cannot_be_read(
    far,
    files,
    name,
    columns,
    words,
):
    whole = (files / "big.parquet").read_bytes()
    (files / "bad.parquet").write_bytes(whole[:-100])
    with pytest.raises(UserError, match=words):
        far.stream(files / name, columns)


def test_an_error_of_a_function_comes_back(far):
    with pytest.raises(ZeroDivisionError):
        far.map(lambda x: 1 / x, [1, 0])


def test_another_code_on_the_workers(
    cluster,
    monkeypatch,
):
    monkeypatch.setitem(CODE_DIGESTS, str(project_root()), "another")
    with pytest.raises(UserError, match="the same versions on every Dask worker"):
        open_engine("dask", cluster.scheduler_address)


def test_a_task_that_kills_its_workers_is_given_up(
    far,
    cluster,
    monkeypatch,
):
    """The last test: it leaves the cluster with fewer workers."""
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(UserError, match="survive their work"):
        far.map(lambda x: os.kill(os.getpid(), KILL), [1])
