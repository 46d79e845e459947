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
from mlops_nb.pipeline.cluster import (
    CODE_DIGESTS,
    ComputeEngine,
    import_dask,
    make_mapper,
    open_compute_engine,
)

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


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
    ) as got:
        yield got


@pytest.fixture
def far(cluster):
    with open_compute_engine("dask", cluster.scheduler_address) as got:
        assert len(got.client.scheduler_info(n_workers=-1)["workers"]) <= 2
        got.client.wait_for_workers(2, timeout=60)
        yield got


HERE = ComputeEngine()


def every_bit(p: Profile):
    """All of a profile, and its means before they are rounded for the file."""
    return p.rows, {
        k: (c.to_dict(), c.mean.hex(), c.squared_deviations.hex(), c.minimum, c.maximum)
        for k, c in p.columns.items()
    }


def table(
    n,
    seed=0,
):
    r = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "price": r.lognormal(0, 3, n),
            "gap": np.where(r.random(n) < 0.1, np.nan, r.normal(1e6, 1, n)),
            "stops": r.integers(0, 4, n),
            "route": r.choice(["A", "B", None, "<b>"], n),
            "name": [f"n{i % 7001}" for i in range(n)],
            "day": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(r.integers(0, 10**7, n), unit="s"),
            "flag": r.random(n) < 0.3,
        }
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    top = tmp_path_factory.mktemp("files")
    d = table(300_000)
    d.to_parquet(top / "big.parquet", row_group_size=10_000)
    d[:20_000].to_csv(top / "small.csv", index=False)
    d[:0].to_parquet(top / "empty.parquet")
    return top


def test_a_file_is_the_same_to_the_byte(
    far,
    files,
    tmp_path,
):
    for name in ("big.parquet", "small.csv", "empty.parquet"):
        here = HERE.stream(files / name)
        there = far.stream(files / name)
        assert (
            every_bit(here) == every_bit(there)
            and here.write(tmp_path / "here.json").read_bytes()
            == there.write(tmp_path / "there.json").read_bytes()
        ), name
    assert every_bit(far.stream(files / "big.parquet", ["gap", "route"])) == every_bit(
        HERE.stream(files / "big.parquet", ["gap", "route"])
    )
    d = pd.read_parquet(files / "big.parquet")
    assert HERE.stream(files / "big.parquet") == profile_table(d)
    assert HERE.stream(files / "big.parquet").columns["gap"].mean == pytest.approx(
        d.gap.mean(), rel=1e-14
    )


def test_a_table_in_memory_is_the_same_to_the_byte(far):
    d = (
        table(BATCH_ROWS + 17_000)
        .assign(
            mixed=lambda d: pd.Series([*range(len(d) - 9), *["x"] * 9], dtype=object),
            late=pd.Series([None] * BATCH_ROWS + ["late"] * 17_000, dtype=object),
        )
        .astype({"route": "category"})
    )
    d[3] = 1
    assert every_bit(far.profile(d)) == every_bit(HERE.profile(d))
    assert HERE.profile(d) == profile_table(d)
    assert every_bit(far.profile(d[:0])) == every_bit(HERE.profile(d[:0]))
    assert every_bit(HERE.profile(d[:BATCH_ROWS])) == every_bit(
        profile_table(d[:BATCH_ROWS])
    )


def example(n=700):
    r = np.random.default_rng(0)
    d = pd.DataFrame(
        {
            "hour": r.integers(5, 23, n),
            "wind": r.gamma(3, 4, n).round(1),
            "carrier": r.choice(["UA", "DL"], n),
        }
    )
    return d.assign(
        late=(d.hour + d.wind * (d.carrier == "UA") + r.normal(0, 5, n) > 22).astype(
            int
        )
    )


def mapper(
    cluster,
    monkeypatch,
):
    """As a stage has it, with the address from the settings."""
    monkeypatch.setattr(
        cluster_module,
        "read_settings",
        lambda: Settings(scheduler=cluster.scheduler_address),
    )
    return make_mapper("dask")


def test_a_search_finds_the_same(
    far,
    cluster,
    capsys,
    monkeypatch,
):
    args = (example(), {"target": "late", "task": "binary", "keys": []})
    more = {
        "search": {
            "max_leaf_nodes": [3, 5, 15],
            "learning_rate": [0.03, 0.1],
            "max_iter": [5, 10],
        },
        "search_candidates": 7,
    }
    here = train_model(*args, **more)
    said = capsys.readouterr().out
    there = train_model(*args, **more, map_function=mapper(cluster, monkeypatch))
    assert capsys.readouterr().out == said
    assert said.count("search ") == 2
    assert there.model.manifest == here.model.manifest
    assert dump_skops(there.model.pipeline) == dump_skops(here.model.pipeline)
    with pytest.raises(UserError, match="max_itr"):
        train_model(
            *args,
            search={"max_itr": [1, 2]},
            search_candidates=2,
            map_function=far.map,
        )


SHOP = """import pandas as pd
from mlops_nb.data.features import features

@features(sources=("sales",), lookback="8D", owner="shop team", usual=("float32", "Average sale in the week before"))
def trade(events, history): return pd.DataFrame({"usual": history.mean("sales", ["shop"], "amount", over="7D", lead="2h")})

@features(owner="shop team", twice=("float32", "Twice the size"))
def double(events, history): return pd.DataFrame({"twice": (events["size"] * 2).astype("float32")})
"""


def test_features_are_the_same(
    far,
    cluster,
    tmp_path,
    monkeypatch,
):
    """Their modules are found in the project, which the workers did not start in."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "made.py").write_text(SHOP)
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.setenv("MLOPS_NB_ROOT", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    r = np.random.default_rng(0)
    n = 500

    def when(n):
        return pd.Timestamp("2024-01-01") + pd.to_timedelta(
            np.sort(r.integers(0, 90 * 24, n)), unit="h"
        )

    events = pd.DataFrame(
        {
            "visit": range(n),
            "time": when(n),
            "shop": r.choice(["a", "b"], n),
            "size": r.integers(1, 9, n),
        }
    )
    sales = pd.DataFrame(
        {
            "known_at": when(3000),
            "shop": r.choice(["a", "b"], 3000),
            "amount": r.gamma(2, 9, 3000),
        }
    )
    args = (
        events,
        {"sales": sales},
        "time",
        {"modules": ["shop.made"], "columns": ["size"], "exclude": []},
    )
    here = build_features(*args)
    pd.testing.assert_frame_equal(
        build_features(*args, map_function=mapper(cluster, monkeypatch)),
        here,
        check_exact=True,
    )
    assert list(here) == ["size", "usual", "twice"]
    assert here.usual.notna().mean() > 0.9


def test_the_pipeline_takes_the_setting(
    small,
    cluster,
):
    """`monitor.engine: dask`, its scheduler from settings.ini: the stages' outputs are those of this machine."""
    params = small / "params.yaml"
    ini = small / "settings.ini"
    before = {
        f: (small / f).read_bytes()
        for f in (
            "reports/monitor.json",
            "reports/preprocess-current.json",
            "data/features/current.parquet",
        )
    }
    params.write_text(params.read_text().replace("engine: local", "engine: dask"))
    got = run_mlops_nb("run", "monitor", cwd=small, check=False)
    assert got.returncode
    assert "scheduler = tcp://HOST:PORT in settings.ini" in got.stdout + got.stderr
    ini.write_text(
        re.sub(
            "(?m)^scheduler =.*",
            f"scheduler = {cluster.scheduler_address}",
            ini.read_text(),
        )
    )
    run_mlops_nb("run", "preprocess", "current", cwd=small)
    run_mlops_nb(
        "run", "monitor", cwd=small
    )  # features of modules and searches: see above

    def plain(b):
        return (
            re.sub(r'"(md5|parameters|params|code)": "[^"]*"', "", b.decode())
            if b[:1] == b"{"
            else b
        )

    for f, was in before.items():
        assert plain((small / f).read_bytes()) == plain(was), f


def test_a_worker_killed_in_mid_run(
    far,
    cluster,
    files,
    monkeypatch,
):
    """The one that holds partial profiles and works on another."""
    (pid,), killed, expected = (
        [w.pid for w in cluster.workers.values()][:1],
        [],
        merge_pairwise(
            profile_piece(files / "big.parquet", g, batch_rows=2_000)
            for g in split_row_groups(files / "big.parquet", 20_000)
        ),
    )

    def kill():
        while not killed:
            doing = {k for w in far.client.processing().values() for k in w}
            done = [
                k
                for w in far.client.has_what().values()
                for k in w
                if "lambda" in str(k)
            ]
            if done and any("lambda" in str(k) for k in doing):
                os.kill(pid, KILL)
                killed.append((len(done), len(doing)))
            time.sleep(0.002)

    threading.Thread(target=kill, daemon=True).start()
    monkeypatch.setattr(
        cluster_module, "split_row_groups", lambda path: split_row_groups(path, 20_000)
    )
    monkeypatch.setattr(
        cluster_module,
        "profile_piece",
        lambda path, g, columns: profile_piece(path, g, columns, 2_000),
    )  # small ones, so that there are many
    got = far.stream(files / "big.parquet")
    assert killed
    assert every_bit(got) == every_bit(expected)
    assert got == profile_file(files / "big.parquet")
    assert pid not in [w.pid for w in cluster.workers.values()]


def test_what_is_shared_outlives_the_worker_that_holds_it(
    far,
    cluster,
):
    values, by_address = (
        np.arange(10**6),
        {w.worker_address: w.pid for w in cluster.workers.values()},
    )
    killed = []

    def kill():
        while not killed:
            for key, holders in far.client.who_has().items():
                if "_identity" in str(key) and holders:
                    pid = by_address[holders[0]]
                    os.kill(pid, KILL)
                    killed.append(pid)
                    break
            time.sleep(0.01)

    threading.Thread(target=kill, daemon=True).start()

    def slow(
        x,
        v,
    ):
        return (__import__("time").sleep(0.4), x * int(v.sum()))[1]

    assert far.map(slow, range(6), values) == [x * int(values.sum()) for x in range(6)]
    assert killed


def fails(
    match,
    *args,
    **kw,
):
    with pytest.raises(UserError, match=match), open_compute_engine(*args, **kw):
        pass


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    fails(r"pip install 'mlops_nb\[dask\]'", "dask", "tcp://127.0.0.1:8786")
    with open_compute_engine("local") as at:
        assert (
            at.map(lambda x: -x, [1, 2])
            == make_mapper()(lambda x: -x, [1, 2])
            == [-1, -2]
        )
        assert make_mapper("dask")(print, []) == []
        assert at.profile(table(10)) == profile_table(table(10))


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
    fails("settings.ini", "dask", address)


def test_what_goes_wrong_is_said(
    far,
    cluster,
    files,
    tmp_path,
    monkeypatch,
):
    import distributed

    fails("local or dask", "dusk")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        free = f"tcp://127.0.0.1:{s.getsockname()[1]}"
    fails("the Dask scheduler tcp://127", "dask", free, wait=0.5)
    with distributed.LocalCluster(
        n_workers=0,
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as empty:
        fails(
            "a worker at the Dask scheduler", "dask", empty.scheduler_address, wait=0.5
        )
    (tmp_path / "bad.parquet").write_bytes((files / "big.parquet").read_bytes()[:-100])
    for path, columns, match in (
        (tmp_path / "bad.parquet", None, "readable Parquet"),
        (tmp_path / "none.parquet", None, "no file"),
        (files / "big.parquet", ["prise"], 'Did you mean "price"'),
    ):
        with pytest.raises(UserError, match=match):
            far.stream(path, columns)
    with pytest.raises(ZeroDivisionError):
        far.map(lambda x: 1 / x, [1, 0])
    with monkeypatch.context() as m:
        m.setitem(CODE_DIGESTS, str(project_root()), "another")
        fails(
            "the same versions on every Dask worker", "dask", cluster.scheduler_address
        )
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(UserError, match="survive their work"):
        far.map(lambda x: os.kill(os.getpid(), KILL), [1])
