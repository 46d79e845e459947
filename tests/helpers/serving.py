"""A small model, a server of it in a process of its own, and a client."""

import json
import os
import subprocess
import sys
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

from helpers.project import ENV, ROOT

MODEL_NAME = "flights"
VERTEX_ROUTES = {
    "AIP_HEALTH_ROUTE": "/v1/endpoints/7/deployedModels/9",
    "AIP_PREDICT_ROUTE": "/v1/endpoints/7/deployedModels/9:predict",
}
ROWS = [
    {"wind": 3.5, "carrier": "AA"},
    {"wind": 30, "carrier": "B6"},
    {"wind": None, "carrier": None},
]
START_SECONDS = 90


def make_flights(
    size=400,
    seed=0,
):
    """Return flights that are late where the wind is strong."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(seed)
    hours = pd.to_timedelta(np.arange(size), "h")
    flights = pd.DataFrame(
        {
            "at": pd.Timestamp("2026-01-01") + hours,
            "wind": random.gamma(3, 4, size).round(1),
            "carrier": random.choice(["AA", "B6"], size),
        }
    )
    strength = flights.wind + random.normal(0, 4, size)
    flights["late"] = (strength > 14).astype(int)
    flights["delay"] = strength.round(1)
    flights["kind"] = np.select([strength < 8, strength < 14], ["none", "some"], "long")
    return flights


TARGETS = {"binary": "late", "regression": "delay", "multiclass": "kind"}


def train_served_model(
    table,
    task,
):
    """Return a small fitted model of flights."""
    from mlops_nb.modeling.training import train_model

    data = {"target": TARGETS[task], "time": "at", "task": task}
    if task == "binary":
        data["positive"] = 1
    chosen = table[["at", "wind", "carrier", TARGETS[task]]]
    return train_model(chosen, data, estimator="booster", params={"max_iter": 20})


def contract_text():
    """Return the data contract of flights."""
    from mlops_nb.data.column_rule import ColumnRule
    from mlops_nb.data.contract import DataContract

    rules = {
        "flight_id": ColumnRule("text"),
        "wind": ColumnRule("number", min=0, max=200),
        "carrier": ColumnRule("text", allowed=["AA", "B6"], inferred=True),
    }
    return DataContract(rules).to_yaml()


def save_served_model(
    folder,
    task="binary",
):
    """Save a small model with a contract, as `train` does."""
    from mlops_nb.modeling.persistence import save_model
    from mlops_nb.modeling.recorded_rows import RECORDED_FILE, record_rows

    table = make_flights()
    fitted = train_served_model(table, task)
    recorded = record_rows(fitted.model, table).to_json()
    files = {"schema.yaml": contract_text(), RECORDED_FILE: recorded}
    return save_model(folder, fitted, files)


def save_watched_model(
    folder,
    task="binary",
):
    """Save a model with its contract and its reference, as `train` does."""
    from mlops_nb.modeling.measurement import compute_metrics
    from mlops_nb.modeling.persistence import save_model
    from mlops_nb.monitoring.model_reference import (
        build_model_reference,
        select_held_out,
    )

    table = make_flights(1500)[["at", "wind", "carrier", TARGETS[task]]]
    fitted = train_served_model(table, task)
    held_out = select_held_out(fitted, table, "at")
    validation = fitted.validation_predictions
    quality = compute_metrics(task, validation["y"].to_numpy(), validation)
    nothing = table[[]]
    files = build_model_reference(fitted, table, nothing, held_out, quality, "at")
    return save_model(folder, fitted, files | {"schema.yaml": contract_text()})


class Reply:
    """What a server has answered."""

    def __init__(
        self,
        response,
    ):
        """Read a response of http.client."""
        self.status = response.status
        self.headers = dict(response.getheaders())
        self.headers = {name.lower(): text for name, text in self.headers.items()}
        self.body = response.read()

    @property
    def said(self):
        """Return the body, read as JSON."""
        return json.loads(self.body)


class Client:
    """Asks a server."""

    def __init__(
        self,
        url,
        token="",
        name=MODEL_NAME,
    ):
        """Ask at an address."""
        self.url = url
        self.place = urlsplit(url)
        self.token = token
        self.name = name

    def ask(
        self,
        method,
        path,
        body=None,
        content_type="application/json",
        **headers,
    ):
        """Return the reply; a body that is neither bytes nor text is sent as JSON."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        said = {name.replace("_", "-"): text for name, text in headers.items()}
        if body is not None and content_type:
            said["Content-Type"] = content_type
        if self.token:
            said["Authorization"] = f"Bearer {self.token}"
        connection = HTTPConnection(self.place.hostname, self.place.port, timeout=60)
        try:
            connection.request(method, path, body, said)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(
        self,
        path,
        **headers,
    ):
        """Return the reply to GET."""
        return self.ask("GET", path, **headers)

    def post(
        self,
        path,
        body,
        content_type="application/json",
        **headers,
    ):
        """Return the reply to POST."""
        return self.ask("POST", path, body, content_type, **headers)


def start_server(
    folder,
    *options,
    cwd=None,
    **variables,
):
    """Start a server of a model on any free port; return its process and address."""
    command = [sys.executable, "-m", "mlops_nb", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--model", str(folder), *options],
        cwd=cwd,
        env={
            **ENV,
            "PYTHONPATH": str(ROOT),
            "MLOPS_NB_MODEL_NAME": MODEL_NAME,
            "OMP_NUM_THREADS": "1",
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    if not first.startswith("http"):
        process.kill()
        raise AssertionError(first + process.communicate()[1])
    return process, first.split()[0].rstrip("/")


def wait_for(
    condition,
    seconds=START_SECONDS,
):
    """Wait until a condition holds and return what it returned; give up after a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{condition.__name__}: not within {seconds} seconds")


def wait_until_ready(client):
    """Wait until a server serves its model."""

    def is_ready():
        try:
            return client.get("/ping").status == 200
        except OSError:
            return False

    wait_for(is_ready)


def stop_server(process):
    """End a server as a platform does; return what it has written to its error output."""
    process.terminate()
    try:
        return process.communicate(timeout=40)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def environment_route(
    name,
    usual,
):
    """Return a route that a deployment chooses: of a variable, else the usual one."""
    return os.environ.get(name, usual)
