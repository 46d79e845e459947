"""The history in MLflow: a real server on SQLite, asked by MLflow's own client what it has."""

import contextlib
import importlib.util
import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from helpers.mlflow_server import (
    DEAD,
    SECRET,
    files_of_model,
    files_of_run,
    finished_runs,
    run_in,
    running_server,
)
from helpers.project import run_shell

from mlops_nb.core.config import read_params
from mlops_nb.core.files import read_json, write_json
from mlops_nb.core.messages import VERDICT_LEVELS
from mlops_nb.lifecycle.checkout import set_params
from mlops_nb.lifecycle.journal import append_entry, record_decision
from mlops_nb.lifecycle.registry import (
    assign_stage,
    find_version,
    recorded_md5,
    register_candidate,
)
from mlops_nb.lifecycle.transaction import Transaction
from mlops_nb.modeling.encoding import prepare_features
from mlops_nb.modeling.persistence import load_model, save_model
from mlops_nb.modeling.recorded_rows import RECORDED_FILE, record_rows
from mlops_nb.modeling.training import train_model

pytestmark = [
    pytest.mark.skipif(
        not importlib.util.find_spec("mlflow"),
        reason="no mlflow: pip install 'mlops_nb[mlflow]'",
    )
]
PAGES = (
    "index",
    "features",
    "preprocess-train",
    "preprocess-current",
    "train",
    "evaluate",
    "monitor",
)
PLACE = "mlops_nb.lifecycle.promotion"
CHAMPION = "models:/flights@champion"


@dataclass(frozen=True)
class Mirrored:
    """A project, the server it is mirrored to, and a client that asks the server."""

    shop: Path
    uri: str
    client: Any

    def run(
        self,
        *words: str,
        uri: str = "",
    ) -> tuple[int, str]:
        """Run a command; returns the exit code and what it printed."""
        return run_in(self.shop, uri or self.uri, *words)

    def runs(self) -> dict:
        """Return the finished runs on the server by name."""
        return finished_runs(self.client)

    def files(self, run) -> dict[str, int]:
        """Return the artifacts of a run with their sizes."""
        return files_of_run(self.client, run)

    def champion(self):
        """Return the version that has the alias."""
        return self.client.get_model_version_by_alias("flights", "champion")

    def commit(self, message: str) -> str:
        """Commit everything; returns the commit."""
        run_shell("git", "add", "-A", cwd=self.shop)
        run_shell("git", "commit", "-qm", message, cwd=self.shop)
        return self.head()

    def head(self) -> str:
        """Return the commit."""
        return run_shell("git", "rev-parse", "HEAD", cwd=self.shop).stdout.strip()


@pytest.fixture(scope="module")
def shop(
    small_once,
    tmp_path_factory,
):
    """The small project with tracking on and another title: not committed, not run."""
    top = tmp_path_factory.mktemp("track") / "shop"
    shutil.copytree(small_once, top, symlinks=True)
    settings = (top / "settings.ini").read_text()
    tracked = settings.replace("tracking =\n", "tracking = mlflow\n")
    (top / "settings.ini").write_text(tracked.replace("title = ", "title = The shop: "))
    return top


@pytest.fixture(scope="module")
def mirrored(
    shop,
    tmp_path_factory,
):
    """Return the project with a server of its own."""
    import mlflow

    with running_server(tmp_path_factory.mktemp("mlflow")) as uri:
        mlflow.set_tracking_uri(uri)
        yield Mirrored(shop, uri, mlflow.MlflowClient())


def test_everything_arrives_once_and_follows_the_project(mirrored):
    a_dead_server_stops_nothing(mirrored)
    runs_arrive(mirrored)
    the_run_says_what_the_commit_has(mirrored)
    the_run_has_its_metrics(mirrored)
    the_run_has_its_data(mirrored)
    the_run_has_its_files(mirrored)
    both_runs_made_the_same_model(mirrored)
    a_commit_is_recognised(mirrored)
    goes_on_where_it_was_killed(mirrored)
    experiments_too(mirrored)
    a_version_is_registered(mirrored)
    the_version_is_the_very_file(mirrored)
    the_version_predicts_the_same(mirrored)
    a_second_version(mirrored)
    a_challenger_arrives(mirrored)
    back_again(mirrored)


def a_dead_server_stops_nothing(mirrored):
    """The run succeeds and says in one line that the server does not answer."""
    code, said = mirrored.run("repro", uri=DEAD)
    assert code == 0, said
    (line,) = [line for line in said.splitlines() if line.startswith("mlflow:")]
    assert "the connection was refused" in line
    assert "catches up" in line
    begun = time.monotonic()
    code, said = mirrored.run("track", uri=DEAD)
    assert code == 1
    assert "the connection was refused" in said
    assert time.monotonic() - begun < 15


def runs_arrive(mirrored):
    """What was committed long ago, and what is not yet."""
    code, said = mirrored.run("track")
    assert code == 0, said
    assert "2 runs sent, 0 there" in said
    got = mirrored.runs()
    assert {*got} == {"small", "Not committed yet"}
    assert got["Not committed yet"].data.tags["mlops_nb.committed"] == "no"


def the_run_says_what_the_commit_has(mirrored):
    """The commit and the parameters."""
    run = mirrored.runs()["small"]
    assert run.data.tags["mlflow.source.git.commit"] == mirrored.head()
    assert run.data.params["train.params.max_iter"] == "40"
    assert run.data.params["data.keys"] == '["id"]'
    assert run.data.params["champion.version"] == "null"


def the_run_has_its_metrics(mirrored):
    """Those of the three stages, with intervals and what the monitor measured."""
    metrics = mirrored.runs()["small"].data.metrics
    for stage in ("train", "evaluate", "monitor"):
        path = f"HEAD:reports/metrics/{stage}.json"
        committed = json.loads(run_shell("git", "show", path, cwd=mirrored.shop).stdout)
        for name, value in committed.items():
            assert metrics[f"{stage}.{name}"] == pytest.approx(value)
    assert (
        metrics["candidate.auc.low"]
        < metrics["candidate.auc"]
        < metrics["candidate.auc.high"]
    )
    report = read_json(mirrored.shop / "reports" / "monitor.json")
    shift = {row["column"]: row["psi"] for row in report["results"]["drift"]}
    assert metrics["monitor.psi.score"] == pytest.approx(shift["score"])
    level = VERDICT_LEVELS.index(report["verdict"]["level"])
    assert metrics["monitor.level"] == level


def the_run_has_its_data(mirrored):
    """The two windows, by digest."""
    inputs = mirrored.runs()["small"].inputs.dataset_inputs
    sets = {
        each.dataset.name: (each.dataset.digest, each.tags[0].value) for each in inputs
    }
    assert sets == {
        window: (
            recorded_md5("HEAD", f"data/features/{window}.parquet", mirrored.shop),
            kind,
        )
        for window, kind in (("train", "training"), ("current", "evaluation"))
    }


def the_run_has_its_files(mirrored):
    """Pages, twins, parameters and figures."""
    files = mirrored.files(mirrored.runs()["small"])
    assert {f"reports/{page}.html" for page in PAGES} <= files.keys()
    assert {"params.yaml", "reports/monitor.json"} <= files.keys()
    assert sum(path.startswith("figures/") for path in files) >= 8
    assert all(size > 0 for size in files.values())
    for path in ("reports/train.json", "reports/monitor.json"):
        assert files[path] == (mirrored.shop / path).stat().st_size


def both_runs_made_the_same_model(mirrored):
    """The model is stored once: one run made it, the other has it as its input."""
    got = mirrored.runs()
    made = got["small"].outputs.model_outputs
    other = mirrored.client.get_run(got["Not committed yet"].info.run_id)
    assert [each.model_id for each in made] == [
        each.model_id for each in other.inputs.model_inputs
    ]


def a_commit_is_recognised(mirrored):
    """What was mirrored before its commit is the same run afterwards; again is nothing to do."""
    was = mirrored.runs()
    sha = mirrored.commit("Another title")
    assert "nothing new, 2 there" in mirrored.run("track")[1]
    got = mirrored.runs()
    assert {*got} == {"small", "Another title"}
    committed = got["Another title"]
    assert committed.info.run_id == was["Not committed yet"].info.run_id
    assert committed.data.tags["mlflow.source.git.commit"] == sha
    assert committed.data.tags["mlops_nb.committed"] == "yes"


def goes_on_where_it_was_killed(mirrored):
    """A run that is unfinished on the server is finished, not sent twice."""
    was = mirrored.runs()
    mirrored.client.update_run(was["small"].info.run_id, status="RUNNING")
    assert "1 run sent" in mirrored.run("track")[1]
    got = mirrored.runs()
    ids = {name: run.info.run_id for name, run in got.items()}
    assert ids == {name: run.info.run_id for name, run in was.items()}
    models = {name: len(run.outputs.model_outputs) for name, run in got.items()}
    assert models == {name: int(name == "small") for name in was}


def find_experiment(
    shop,
    name,
):
    """Return (commit, reference) of an experiment of DVC."""
    layout = "--format=%(objectname) %(refname)"
    lines = run_shell(
        "git", "for-each-ref", layout, "refs/exps", cwd=shop
    ).stdout.splitlines()
    (found,) = [line.split() for line in lines if line.endswith(f"/{name}")]
    return found


def experiments_too(mirrored):
    """What `dvc exp run` made arrives under its own name, once; the branch is as it was."""
    was = mirrored.runs()
    command = "-m dvc exp run --temp -q -n brave-oak -S monitor.metric_drop=0.91"
    run_shell(sys.executable, *command.split(), cwd=mirrored.shop)
    code, said = mirrored.run("track")
    assert code == 0, said
    assert "1 run sent, 2 there" in said
    assert {*mirrored.runs()} == {*was, "brave-oak"}
    assert "nothing new, 3 there" in mirrored.run("track")[1]
    sha, reference = find_experiment(mirrored.shop, "brave-oak")
    the_experiment_has_its_own(mirrored, sha)
    run_shell("git", "update-ref", "-d", reference, cwd=mirrored.shop)
    assert "nothing new, 2 there" in mirrored.run("track")[1]
    assert "brave-oak" in mirrored.runs()


def the_experiment_has_its_own(
    mirrored,
    sha,
):
    """Its commit, parameters and reports."""
    got = mirrored.runs()
    run = got["brave-oak"]
    assert run.data.tags["mlops_nb.kind"] == "experiment"
    assert run.data.tags["mlflow.source.git.commit"] == sha
    assert run.data.params["monitor.metric_drop"] == "0.91"
    assert got["small"].data.params["monitor.metric_drop"] != "0.91"
    reports = {
        f"reports/{name}" for name in ("index.html", "monitor.html", "monitor.json")
    }
    assert reports | {"params.yaml"} <= mirrored.files(run).keys()
    assert run.data.metrics["monitor.auc"] == got["small"].data.metrics["monitor.auc"]


@contextlib.contextmanager
def without_stages():
    """Promote and roll back as ever, but run no stage after it and ask for no gate.

    The small project would not pass it; tests/e2e/test_lifecycle.py does all that.
    """
    with (
        mock.patch("mlops_nb.lifecycle.transaction.Transaction.run_only"),
        mock.patch(f"{PLACE}.promotion_obstacles", return_value=[]),
        mock.patch(f"{PLACE}._require_recorded_bytes"),
    ):
        yield


def a_version_is_registered(mirrored):
    """A promotion makes a version, with the alias."""
    with without_stages():
        code, said = mirrored.run("promote", "--why", "the first")
    assert code == 0, said
    assert "registered v1.0.0" in said
    assert "alias champion → v1.0.0" in said
    assert ", 2 there" in said
    assert mirrored.champion().tags["mlops_nb.version"] == "v1.0.0"
    assert mirrored.champion().description == "v1.0.0"


def the_version_is_the_very_file(mirrored):
    """The file of the champion, no pickle."""
    model_id = mirrored.champion().source.removeprefix("models:/")
    files = files_of_model(mirrored.client, model_id)
    ours = mirrored.shop / "data/champion/model.skops"
    assert files["model.skops"] == ours.stat().st_size
    assert {"MLmodel", "input_example.json", "requirements.txt"} <= files.keys()
    assert not [path for path in files if path.endswith(".pkl")]


def the_version_predicts_the_same(mirrored):
    """`models:/NAME@champion` gives the scores of the champion, and says its threshold."""
    import mlflow

    ours = load_model(mirrored.shop / "data" / "champion")
    rows = pd.read_parquet(mirrored.shop / "data" / "features" / "current.parquet")
    X = prepare_features(rows, ours.columns)
    score = ours.predict(rows).score.to_numpy()
    as_sklearn = mlflow.sklearn.load_model(CHAMPION)
    assert np.array_equal(as_sklearn.predict_proba(X)[:, 1], score)
    loaded = mlflow.pyfunc.load_model(CHAMPION)
    assert np.array_equal(loaded.predict(X)[:, 1], score)
    assert loaded.metadata.metadata["threshold"] == ours.threshold
    assert loaded.metadata.get_input_schema().input_names() == [*ours.columns]
    assert len(loaded.input_example) == 5


def train_another(shop):
    """Put another candidate in place, as the stage would, and have DVC record it."""
    rows = pd.read_parquet(shop / "data/features/train.parquet")
    data = read_params(shop / "params.yaml")["data"]
    fitted = train_model(rows, data, estimator="booster", params={"max_iter": 20})
    folder = shop / "data/candidate"
    features = read_json(folder / "manifest.json")["features"]
    kept = ("reference.json", "schema.yaml", "shadow.skops")
    extra = {name: folder / name for name in kept}
    extra[RECORDED_FILE] = record_rows(fitted.model, rows).to_json()
    save_model(folder, fitted, extra, features=features)
    report = read_json(shop / "reports/train.json")
    write_json(shop / "reports/train.json", report | {"model": "another"})
    run_shell(sys.executable, "-m", "dvc", "commit", "-q", "-f", "train", cwd=shop)


def record_challenger(
    shop,
    sha,
):
    """Write down that the candidate of a commit passed the gate."""
    entry = {
        "at": "2020-05-01T10:00:00Z",
        "commit": sha,
        "md5": recorded_md5("", "data/candidate", shop),
        "window": "2020-04",
        "passed": True,
        "train": {"start": "2020-01", "end": "2020-03"},
        "checks": [],
        "metrics": {},
    }
    append_entry(shop / "data/challengers.jsonl", entry)


def a_second_version(mirrored):
    """A challenger becomes v1.1.0 and the alias goes there."""
    shop = mirrored.shop
    train_another(shop)
    record_challenger(shop, mirrored.commit("Another candidate"))
    transaction = Transaction(shop, "", "")
    second = register_candidate(transaction, "HEAD")
    pin = {"version": second.version, "commit": second.commit, "md5": second.md5}
    set_params(shop, "champion", **pin)
    record_decision(shop, "promote", "better", version=second.version, to="prod")
    mirrored.commit(f"Promote {second.version}")
    assign_stage(transaction, second, "prod")
    assign_stage(transaction, find_version("v1.0.0", shop), "staging")
    code, said = mirrored.run("track")
    assert code == 0, said
    assert "1 run sent" in said
    assert "staging → v1.0.0" in said
    assert "champion → v1.1.0" in said
    assert mirrored.champion().tags["mlops_nb.version"] == "v1.1.0"


def a_challenger_arrives(mirrored):
    """It has the report of its gate, and was never monitored."""
    (entry,) = (mirrored.shop / "data/challengers.jsonl").read_text().splitlines()
    told = json.loads(entry)
    tried = mirrored.runs()[f"Challenger {told['md5'][:8]} on 2020-04: gate passed"]
    assert tried.data.tags["mlflow.source.git.commit"] == told["commit"]
    assert tried.data.tags["mlops_nb.kind"] == "challenger"
    assert len(tried.outputs.model_outputs) == 1
    files = mirrored.files(tried)
    assert files["reports/evaluate.html"] > 10_000
    assert "reports/monitor.html" not in files
    assert "candidate.auc" in tried.data.metrics
    assert "monitor.auc" not in tried.data.metrics
    mirrored.client.delete_run(tried.info.run_id)


def back_again(mirrored):
    """`rollback` brings the alias back. What was deleted on the server stays deleted."""
    with without_stages():
        code, said = mirrored.run("rollback", "--why", "the first was better")
    assert code == 0, said
    assert "v1.0.0 is back" in said
    assert mirrored.champion().tags["mlops_nb.version"] == "v1.0.0"
    assert "alias champion → v1.0.0" in said
    assert "registered" not in said
    assert {*mirrored.runs()} == {"small", "Another title", "brave-oak"}


def test_without_the_extra_it_says_which(
    shop,
    monkeypatch,
):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    code, said = run_in(shop, DEAD, "track")
    assert code == 1
    assert "pip install 'mlops_nb[mlflow]'" in said


def test_settings_are_checked(shop):
    code, said = run_in(shop, f"ada:{SECRET}", "track")
    assert code == 1
    assert "tracking_uri" in said
