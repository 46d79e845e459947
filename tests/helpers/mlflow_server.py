"""An MLflow server on SQLite, and commands of a project that is mirrored there."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

from helpers.project import ENV

from mlops_nb.cli.commands import run_command

SECRET = "s3cret-word"
DEAD = "http://127.0.0.1:9"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
START_SECONDS = 120


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(
    top: Path,
    port: int,
) -> subprocess.Popen:
    """Start a server that keeps everything in a folder, with the leader of a group of its own."""
    options = {
        "--backend-store-uri": f"sqlite:///{top}/mlflow.db",
        "--artifacts-destination": str(top / "files"),
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
    }
    written = [part for option in options.items() for part in option]
    with (top / "log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *written],
            cwd=top,
            env=ENV | QUIET,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_until_it_answers(
    process: subprocess.Popen,
    port: int,
    log: Path,
) -> None:
    """Wait for a server that has been started."""
    end = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
            return
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.3)


@contextlib.contextmanager
def running_server(top: Path) -> Iterator[str]:
    """Run a server; gives its address, with user and password, for which it does not ask."""
    port = free_port()
    process = start_server(top, port)
    try:
        wait_until_it_answers(process, port, top / "log")
        yield f"http://ada:{SECRET}@127.0.0.1:{port}"
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def run_in(
    project: Path,
    uri: str,
    *words: str,
) -> tuple[int, str]:
    """Run a command in this process, so that mlflow is imported once.

    Returns:
        the exit code and what it printed.
    """
    said = io.StringIO()
    with (
        contextlib.chdir(project),
        mock.patch.dict(os.environ, ENV | {"MLFLOW_TRACKING_URI": uri}),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        code = run_command([*words])
    assert SECRET not in said.getvalue()
    assert "Traceback" not in said.getvalue()
    return code, said.getvalue()


def finished_runs(client) -> dict:
    """Return the finished runs by name, oldest first."""
    experiment = client.get_experiment_by_name("flights").experiment_id
    found = client.search_runs(
        [experiment],
        "attributes.status = 'FINISHED'",
        order_by=["attributes.start_time ASC"],
    )
    return {run.info.run_name: run for run in found}


def list_files(
    list_folder: Callable,
    folder: str | None = None,
) -> dict[str, int]:
    """Return every artifact with its size. `list_folder`: how MLflow lists those of a folder."""
    files = {}
    for entry in list_folder(folder):
        below = list_files(list_folder, entry.path) if entry.is_dir else {}
        files |= below if entry.is_dir else {entry.path: entry.file_size}
    return files


def files_of_run(
    client,
    run,
) -> dict[str, int]:
    """Return the artifacts of a run with their sizes."""

    def list_folder(folder):
        return client.list_artifacts(run.info.run_id, folder)

    return list_files(list_folder)


def files_of_model(
    client,
    model_id: str,
) -> dict[str, int]:
    """Return the artifacts of a logged model with their sizes."""

    def list_folder(folder):
        return client.list_logged_model_artifacts(model_id, folder)

    return list_files(list_folder)
