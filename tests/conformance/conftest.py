"""A server to hold against the contracts: our own, or any by `--url`."""

import json

import pytest
from helpers.serving import (
    MODEL_NAME,
    ROWS,
    VERTEX_ROUTES,
    Client,
    save_served_model,
    start_server,
    stop_server,
    wait_until_ready,
)


def pytest_addoption(parser):
    """Let another server be named."""
    group = parser.getgroup("conformance")
    group.addoption(
        "--url", help="a server that runs already, such as http://127.0.0.1:8080"
    )
    group.addoption("--token", default="", help="its token")
    group.addoption("--served-name", default=MODEL_NAME, help="its model's name")
    group.addoption("--rows", help="a JSON file with rows that its model takes")


@pytest.fixture(scope="session")
def server(
    request,
    once,
):
    """A client of the server."""
    url = request.config.getoption("--url", None)
    if url:
        token = request.config.getoption("--token")
        yield Client(url, token, request.config.getoption("--served-name"))
        return
    folder = once("served-model", save_served_model)
    process, url = start_server(folder, cwd=folder.parent, **VERTEX_ROUTES)
    client = Client(url)
    wait_until_ready(client)
    yield client
    stop_server(process)


@pytest.fixture(scope="session")
def rows(request):
    """Rows that the model takes."""
    path = request.config.getoption("--rows", None)
    if not path:
        return ROWS
    with open(path) as file:
        return json.load(file)
