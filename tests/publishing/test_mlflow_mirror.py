"""The history in MLflow: a real server on SQLite, asked by MLflow's own client what it has."""

import contextlib
import importlib.util
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from helpers.project import ENV, sh

pytestmark = [
    pytest.mark.skipif(
        not importlib.util.find_spec("mlflow"), reason="no mlflow: pip install 'mlops_nb[mlflow]'"
    )
]
SECRET = "s3cret-word"
DEAD = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of an MLflow server, with user and password in it (which the server does not ask for)."""
    top = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = ENV | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (top / "log").open("w") as log:
        p = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "mlflow",
                "server",
                "--backend-store-uri",
                f"sqlite:///{top}/mlflow.db",
                "--artifacts-destination",
                str(top / "files"),
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--workers",
                "1",
            ],
            cwd=top,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
                break
            assert p.poll() is None and time.monotonic() < end, (top / "log").read_text()[-3000:]
            time.sleep(0.3)
        yield f"http://ada:{SECRET}@127.0.0.1:{port}"
    finally:
        with contextlib.suppress(OSError):
            os.killpg(p.pid, signal.SIGTERM)
        p.wait(20)


@pytest.fixture(scope="module")
def shop(small_once, tmp_path_factory):
    """The small project with tracking on and another title: not committed, not run."""
    top = tmp_path_factory.mktemp("track") / "shop"
    shutil.copytree(small_once, top, symlinks=True)
    ini = top / "settings.ini"
    ini.write_text(
        ini.read_text()
        .replace("tracking =\n", "tracking = mlflow\n")
        .replace("title = ", "title = The shop: ")
    )
    return top


@pytest.fixture(scope="module")
def cli(shop, server):
    """Run a command in this process, so that mlflow is imported once; (exit code, what it printed)."""
    from mlops_nb.cli.commands import run_command

    def run(*argv, uri=server):
        said = io.StringIO()
        here = os.getcwd()
        os.chdir(shop)
        try:
            with (
                mock.patch.dict(os.environ, ENV | {"MLFLOW_TRACKING_URI": uri}),
                contextlib.redirect_stdout(said),
                contextlib.redirect_stderr(said),
            ):
                code = run_command([*argv])
        finally:
            os.chdir(here)
        assert SECRET not in said.getvalue()
        assert "Traceback" not in said.getvalue()
        return code, said.getvalue()

    return run


@pytest.fixture(scope="module")
def client(server):
    import mlflow

    mlflow.set_tracking_uri(server)
    return mlflow.MlflowClient()


def runs(client):
    """Finished runs by name, oldest first."""
    exp = client.get_experiment_by_name("flights").experiment_id
    return {
        r.info.run_name: r
        for r in client.search_runs(
            [exp], "attributes.status = 'FINISHED'", order_by=["attributes.start_time ASC"]
        )
    }


def listed(ls, path=None):
    """{path: size} of every artifact."""
    return {
        p: n
        for f in ls(path)
        for p, n in (listed(ls, f.path).items() if f.is_dir else [(f.path, f.file_size)])
    }


def head(shop, rev="HEAD"):
    return sh("git", "rev-parse", rev, cwd=shop).stdout.strip()


def commit(shop, message):
    sh("git", "add", "-A", cwd=shop), sh("git", "commit", "-qm", message, cwd=shop)
    return head(shop)


def test_everything_arrives_once_and_follows_the_project(shop, cli, client):
    a_dead_server_stops_nothing(cli)
    runs_arrive(shop, cli, client)
    a_commit_is_recognised(shop, cli, client)
    goes_on_where_it_was_killed(cli, client)
    experiments_too(shop, cli, client)
    versions_and_predictions(shop, cli, client)
    second_version_and_back(shop, cli, client)


def a_dead_server_stops_nothing(cli):
    """The run succeeds and says in one line that the server does not answer."""
    code, said = cli("repro", uri=DEAD)
    lines = [x for x in said.splitlines() if x.startswith("mlflow:")]
    assert (
        code == 0
        and len(lines) == 1
        and "the connection was refused" in lines[0]
        and "catches up" in lines[0]
    ), said
    begun = time.monotonic()
    code, said = cli("track", uri=DEAD)
    assert code == 1
    assert "the connection was refused" in said
    assert time.monotonic() - begun < 15


def runs_arrive(shop, cli, client):
    """What was committed long ago, and what is not yet."""
    code, said = cli("track")
    assert code == 0 and "2 runs sent, 0 there" in said, said
    got = runs(client)
    assert {*got} == {"small", "Not committed yet"}
    assert got["Not committed yet"].data.tags["mlops_nb.committed"] == "no"
    r = got["small"]

    def json_of(path):
        return json.loads(sh("git", "show", f"HEAD:{path}", cwd=shop).stdout)

    assert (
        r.data.tags["mlflow.source.git.commit"]
        == sh("git", "rev-parse", "HEAD", cwd=shop).stdout.strip()
    )
    assert r.data.params["train.params.max_iter"] == "40"
    assert r.data.params["data.keys"] == '["id"]'
    assert r.data.params["champion.version"] == "null"
    for stage in ("train", "evaluate", "monitor"):
        for name, value in json_of(f"reports/metrics/{stage}.json").items():
            assert r.data.metrics[f"{stage}.{name}"] == pytest.approx(value)
    m = r.data.metrics
    assert m["candidate.auc.low"] < m["candidate.auc"] < m["candidate.auc.high"]
    assert m["monitor.psi.score"] > 0.1
    assert m["monitor.level"] == 1
    from mlops_nb.lifecycle.registry import recorded_md5

    sets = {d.dataset.name: (d.dataset.digest, d.tags[0].value) for d in r.inputs.dataset_inputs}
    assert sets == {
        w: (recorded_md5("HEAD", f"data/features/{w}.parquet", shop), kind)
        for w, kind in (("train", "training"), ("current", "evaluation"))
    }
    files = listed(lambda path: client.list_artifacts(r.info.run_id, path))
    pages = {
        f"reports/{n}.html"
        for n in (
            "index",
            "features",
            "preprocess-train",
            "preprocess-current",
            "train",
            "evaluate",
            "monitor",
        )
    }
    assert pages <= files.keys()
    assert {"params.yaml", "reports/monitor.json"} <= files.keys()
    assert sum(f.startswith("figures/") for f in files) >= 8
    assert all(size > 0 for size in files.values())
    assert all(
        files[p] == (shop / p).stat().st_size
        for p in ("reports/train.json", "reports/monitor.json")
    )
    assert [o.model_id for o in r.outputs.model_outputs] == [
        i.model_id for i in client.get_run(got["Not committed yet"].info.run_id).inputs.model_inputs
    ]


def a_commit_is_recognised(shop, cli, client):
    """What was mirrored before its commit is the same run afterwards; a second time there is nothing to do."""
    was = runs(client)
    sha = commit(shop, "Another title")
    assert "nothing new, 2 there" in cli("track")[1]
    got = runs(client)
    assert {*got} == {"small", "Another title"}
    assert got["Another title"].info.run_id == was["Not committed yet"].info.run_id
    assert got["Another title"].data.tags["mlflow.source.git.commit"] == sha
    assert got["Another title"].data.tags["mlops_nb.committed"] == "yes"


def goes_on_where_it_was_killed(cli, client):
    """A run that is unfinished on the server is finished, not sent twice."""
    was = runs(client)
    client.update_run(was["small"].info.run_id, status="RUNNING")
    assert "1 runs sent" in cli("track")[1]
    assert {n: (r.info.run_id, len(r.outputs.model_outputs)) for n, r in runs(client).items()} == {
        n: (r.info.run_id, int(n == "small")) for n, r in was.items()
    }


def experiments_too(shop, cli, client):
    """What `dvc exp run` made arrives under its own name, with its parameters and reports, once; the branch is as it was."""
    was = runs(client)
    sh(
        sys.executable,
        "-m",
        "dvc",
        "exp",
        "run",
        "--temp",
        "-q",
        "-n",
        "brave-oak",
        "-S",
        "monitor.metric_drop=0.91",
        cwd=shop,
    )
    code, said = cli("track")
    assert code == 0 and "1 runs sent, 2 there" in said, said
    got = runs(client)
    assert {*got} == {*was, "brave-oak"}
    assert "nothing new, 3 there" in cli("track")[1]
    r, (sha, ref) = (
        got["brave-oak"],
        next(
            x.split()
            for x in sh(
                "git", "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps", cwd=shop
            ).stdout.splitlines()
            if x.endswith("/brave-oak")
        ),
    )
    assert r.data.tags["mlops_nb.kind"] == "experiment"
    assert r.data.tags["mlflow.source.git.commit"] == sha
    assert (
        r.data.params["monitor.metric_drop"]
        == "0.91"
        != got["small"].data.params["monitor.metric_drop"]
    )
    files = listed(lambda path: client.list_artifacts(r.info.run_id, path))
    assert {
        "reports/index.html",
        "reports/monitor.html",
        "reports/monitor.json",
        "params.yaml",
    } <= files.keys()
    assert r.data.metrics["monitor.auc"] == got["small"].data.metrics["monitor.auc"]
    sh("git", "update-ref", "-d", ref, cwd=shop)
    assert "nothing new, 2 there" in cli("track")[1]
    assert "brave-oak" in runs(client)


@contextlib.contextmanager
def without_stages():
    """Promote and roll back as ever, but run no stage after it and ask for no gate, which the small project would not pass: test_lifecycle.py does all that."""
    with (
        mock.patch("mlops_nb.lifecycle.transaction.Transaction.run_only"),
        mock.patch("mlops_nb.lifecycle.promotion.promotion_obstacles", return_value=[]),
        mock.patch("mlops_nb.lifecycle.promotion._require_recorded_bytes"),
    ):
        yield


def versions_and_predictions(shop, cli, client):
    """`models:/NAME@champion` is the very file of the champion and predicts the same."""
    import mlflow

    from mlops_nb.modeling.encoding import prepare_features
    from mlops_nb.modeling.persistence import load_model

    with without_stages():
        code, said = cli("promote", "--why", "the first")
    assert (
        code == 0
        and "registered v1.0.0" in said
        and "alias champion → v1.0.0" in said
        and ", 2 there" in said
    ), said
    v = client.get_model_version_by_alias("flights", "champion")
    assert v.tags["mlops_nb.version"] == "v1.0.0"
    assert v.description == "v1.0.0"
    files = listed(
        lambda path: client.list_logged_model_artifacts(v.source.removeprefix("models:/"), path)
    )
    assert files["model.skops"] == (shop / "data/champion/model.skops").stat().st_size
    assert {"MLmodel", "input_example.json", "requirements.txt"} <= files.keys()
    assert not [f for f in files if f.endswith(".pkl")]
    ours = load_model(shop / "data" / "champion")
    rows = pd.read_parquet(shop / "data" / "features" / "current.parquet")
    X, score = prepare_features(rows, ours.columns), ours.predict(rows).score.to_numpy()
    assert np.array_equal(
        mlflow.sklearn.load_model("models:/flights@champion").predict_proba(X)[:, 1], score
    )
    loaded = mlflow.pyfunc.load_model("models:/flights@champion")
    assert np.array_equal(loaded.predict(X)[:, 1], score)
    assert loaded.metadata.metadata["threshold"] == ours.threshold
    assert loaded.metadata.get_input_schema().input_names() == [*ours.columns]
    assert len(loaded.input_example) == 5


def second_version_and_back(shop, cli, client):
    """A challenger becomes v1.1.0 and the alias goes there; `rollback` brings it back. What was deleted on the server stays deleted."""
    from mlops_nb.core.config import read_params
    from mlops_nb.core.files import write_json
    from mlops_nb.lifecycle.journal import append_entry
    from mlops_nb.lifecycle.checkout import set_params
    from mlops_nb.lifecycle.registry import (
        assign_stage,
        find_version,
        recorded_md5,
        register_candidate,
    )
    from mlops_nb.lifecycle.transaction import Transaction
    from mlops_nb.modeling.persistence import save_model
    from mlops_nb.modeling.training import train_model

    def champion():
        return client.get_model_version_by_alias("flights", "champion").tags["mlops_nb.version"]

    fitted = train_model(
        pd.read_parquet(shop / "data/features/train.parquet"),
        read_params(shop / "params.yaml")["data"],
        params={"max_iter": 20},
    )
    man = json.loads((shop / "data/candidate/manifest.json").read_text())
    save_model(
        shop / "data/candidate",
        fitted,
        {n: shop / "data/candidate" / n for n in ("reference.json", "schema.yaml")},
        features=man["features"],
    )
    write_json(
        shop / "reports/train.json",
        json.loads((shop / "reports/train.json").read_text()) | {"model": "another"},
    )
    sh(sys.executable, "-m", "dvc", "commit", "-q", "-f", "train", cwd=shop)
    sha = commit(shop, "Another candidate")
    md5 = recorded_md5("", "data/candidate", shop)
    append_entry(
        shop / "data/challengers.jsonl",
        {
            "at": "2020-05-01T10:00:00Z",
            "commit": sha,
            "md5": md5,
            "window": "2020-04",
            "passed": True,
            "train": {"start": "2020-01", "end": "2020-03"},
            "checks": [],
            "metrics": {},
        },
    )
    c = Transaction(shop, "", "")
    v = register_candidate(c, "HEAD")
    set_params(shop, "champion", version=v.version, commit=v.commit, md5=v.md5)
    (
        commit(shop, f"Promote {v.version}"),
        assign_stage(c, v, "prod"),
        assign_stage(c, find_version("v1.0.0", shop), "staging"),
    )
    code, said = cli("track")
    assert (
        code == 0
        and "1 runs sent" in said
        and "staging → v1.0.0" in said
        and "champion → v1.1.0" in said
        and champion() == "v1.1.0"
    ), said
    tried = next(
        r for n, r in runs(client).items() if n == f"Challenger {md5[:8]} on 2020-04: gate passed"
    )
    assert tried.data.tags["mlflow.source.git.commit"] == sha
    assert tried.data.tags["mlops_nb.kind"] == "challenger"
    assert len(tried.outputs.model_outputs) == 1
    files = listed(lambda path: client.list_artifacts(tried.info.run_id, path))
    assert files["reports/evaluate.html"] > 10_000
    assert "reports/monitor.html" not in files
    assert "candidate.auc" in tried.data.metrics
    assert "monitor.auc" not in tried.data.metrics
    client.delete_run(tried.info.run_id)
    with without_stages():
        code, said = cli("rollback", "--why", "the first was better")
    assert (
        code == 0
        and "v1.0.0 is back" in said
        and champion() == "v1.0.0"
        and "alias champion → v1.0.0" in said
        and "registered" not in said
    ), said
    assert {*runs(client)} == {"small", "Another title", "brave-oak"}


def test_without_the_extra_it_says_which(cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    code, said = cli("track")
    assert code == 1
    assert "pip install 'mlops_nb[mlflow]'" in said


def test_settings_are_checked(cli):
    code, said = cli("track", uri=f"ada:{SECRET}")
    assert code == 1
    assert "tracking_uri" in said
