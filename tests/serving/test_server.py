"""A server in a process of its own: that it starts, is guarded, and ends in good order."""

import socket
import subprocess
import sys
import time

import pytest
from helpers.project import ENV, ROOT
from helpers.serving import (
    ROWS,
    Client,
    start_server,
    stop_server,
    wait_until_ready,
)

from mlops_nb.core.errors import UserError
from mlops_nb.serving.server import choose_port, require_free_port


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def running(
    request,
    served_model,
):
    """A server that runs, by each runner, and a client."""
    options = ["--runner", request.param]
    process, url = start_server(served_model, *options, cwd=served_model.parent)
    client = Client(url)
    wait_until_ready(client)
    yield process, client
    if process.poll() is None:
        stop_server(process)


def test_server_answers(running):
    _, client = running
    assert client.post("/invocations", {"instances": ROWS}).status == 200


def test_stalled_body_is_cut(running):
    _, client = running
    place = client.place.hostname, client.place.port
    started = time.monotonic()
    with socket.create_connection(place, timeout=30) as stalled:
        head = "POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"
        stalled.sendall(head.encode())
        assert b" 408 " in stalled.recv(100)
    assert time.monotonic() - started < 20


def test_ending_server_is_first_unready_then_gone(running):
    process, client = running
    process.terminate()
    time.sleep(0.3)
    assert client.get("/ping").status == 503
    assert client.post("/invocations", {"instances": ROWS}).status == 200
    assert process.wait(timeout=30) == 0


def test_other_model_than_the_pinned_is_never_ready(served_model):
    pin = {"MLOPS_NB_MODEL_MD5": "0" * 32}
    process, url = start_server(served_model, cwd=served_model.parent, **pin)
    client = Client(url)
    try:
        first = process.stderr.readline()
        assert "expected" in first
        assert client.get("/ping").status == 503
        assert client.get("/v2/health/live").status == 200
    finally:
        stop_server(process)


@pytest.mark.parametrize("module", ["numpy", "pandas", "sklearn", "pydantic", "jinja2"])
def test_server_listens_before_it_imports(module):
    imports = "import sys, mlops_nb.cli.commands, mlops_nb.serving.server"
    code = f"{imports}; print({module!r} in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**ENV, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert said.stdout.strip() == "False"


def test_taken_port_is_refused():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(UserError, match="choose another port"),
    ):
        require_free_port("127.0.0.1", taken.getsockname()[1])


def test_platform_chooses_the_port():
    assert choose_port(None, {"AIP_HTTP_PORT": "7080", "PORT": "9"}) == 7080
