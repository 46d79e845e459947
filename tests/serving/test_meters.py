"""What a server counts: each answer once, by labels that no request can choose."""

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from helpers.serving import (
    ROWS,
    Client,
    start_server,
    stop_server,
    wait_for,
    wait_until_ready,
)
from prometheus_client.parser import text_string_to_metric_families

from mlops_nb.serving.application import Application
from mlops_nb.serving.model_service import ModelService
from mlops_nb.serving.model_slot import load_slot


@pytest.fixture(scope="module")
def service(served_model):
    """A model to serve."""
    return ModelService(load_slot(served_model, "flights"))


@pytest.fixture
def ask(service):
    """Ask an application of its own; return the body."""
    application = Application("flights")
    application.put(service)

    async def asked(method, path, body):
        scope = {"type": "http", "method": method, "path": path, "headers": []}
        sent = []

        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message):
            sent.append(message)

        await application(scope, receive, send)
        return sent[1]["body"]

    def run(method, path, instances=None):
        body = json.dumps({"instances": instances}).encode()
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(asyncio.run, asked(method, path, body)).result()

    return run


def read_samples(text):
    """Return {(name, labels): value} of a text in Prometheus' format."""
    samples = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            samples[sample.name, *sorted(sample.labels.items())] = sample.value
    return samples


def read_metrics(ask):
    return read_samples(ask("GET", "/metrics"))


@pytest.mark.parametrize(
    ("path", "protocol"),
    [
        ("/score", "azure_ml"),
        ("/invocations", "sagemaker_mlflow"),
        ("/v1/models/flights:predict", "kserve_v1"),
    ],
    ids=["Azure ML", "SageMaker", "KServe"],
)
def test_request_is_counted_by_protocol(
    ask,
    path,
    protocol,
):
    ask("POST", path, ROWS)
    labels = ("protocol", protocol), ("route", "predict"), ("status", "200")
    assert read_metrics(ask)["mlops_nb_requests_total", *labels] == 1


def test_rows_are_counted(ask):
    ask("POST", "/score", ROWS)
    assert read_metrics(ask)["mlops_nb_predictions_total",] == len(ROWS)


def test_refusal_is_counted_by_column_and_check(ask):
    ask("POST", "/score", [ROWS[0] | {"wind": -1}, ROWS[0] | {"carrier": "ZZ"}])
    found = read_metrics(ask)
    name = "mlops_nb_contract_violations_total"
    refused = ("check", "range"), ("column", "wind"), ("severity", "refused")
    noticed = ("check", "allowed"), ("column", "carrier"), ("severity", "noticed")
    assert found[name, *refused] == 1
    assert found[name, *noticed] == 1
    kind = ("kind", "unprocessable_entity")
    assert found["mlops_nb_request_errors_total", kind] == 1


def test_names_of_a_client_are_no_labels(ask):
    ask("POST", "/score", [ROWS[0] | {"secret": 1}, 7])
    ask("GET", "/secret")
    assert b"secret" not in ask("GET", "/metrics")


def test_nothing_is_in_flight_after_all_is_answered(ask):
    ask("POST", "/score", ROWS)
    assert read_metrics(ask)["mlops_nb_requests_in_flight",] == 0


def test_time_of_each_answer_is_counted(ask):
    ask("POST", "/score", ROWS)
    counted = read_metrics(ask)["mlops_nb_request_seconds_count", ("route", "predict")]
    assert counted == 1


def test_workers_count_together(served_model):
    options = ["--workers", "2"]
    process, url = start_server(served_model, *options, cwd=served_model.parent)
    client = Client(url)
    try:
        wait_until_ready(client)
        for _ in range(40):
            wait_for(lambda: client.post("/score", {"instances": ROWS}).status == 200)
        counts = set()
        for _ in range(8):
            samples = read_samples(client.get("/metrics").body)
            counts.add(samples["mlops_nb_predictions_total",])
    finally:
        stop_server(process)
    assert counts == {40 * len(ROWS)}


def test_what_a_dead_worker_was_answering_is_forgotten(served_model):
    options = ["--workers", "2"]
    process, url = start_server(served_model, *options, cwd=served_model.parent)
    client = Client(url)
    try:
        wait_until_ready(client)
        first, second = psutil.Process(process.pid).children()
        stalled = stall_until_counted(client)
        first.kill()
        second.kill()
        before = {first.pid, second.pid}
        wait_for(lambda: are_replaced(process, before))
        wait_until_ready(client)
        samples = read_samples(client.get("/metrics").body)
        stalled.close()
    finally:
        stop_server(process)
    assert samples.get(("mlops_nb_requests_in_flight",), 0) == 0


def are_replaced(
    process,
    before,
):
    """Say whether a server has two workers that are others than before."""
    now = {worker.pid for worker in psutil.Process(process.pid).children()}
    return len(now) == 2 and not now & before


def stall_until_counted(client):
    """Send a request without its body until one is counted; return its socket.

    A worker that is still loading its model refuses it at once: then it is sent again.
    """
    place = client.place.hostname, client.place.port
    head = "POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"

    def stall():
        stalled = socket.create_connection(place, timeout=30)
        stalled.sendall(head.encode())
        for _ in range(10):
            samples = read_samples(client.get("/metrics").body)
            if samples.get(("mlops_nb_requests_in_flight",)) == 1:
                return stalled
            time.sleep(0.05)
        stalled.close()
        return None

    return wait_for(stall)
