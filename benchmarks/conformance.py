"""Who keeps which contract: the conformance kit against our server, MLflow's and MLServer's.

python benchmarks/conformance.py: each server runs in an environment of its own and is asked by the
same tests (tests/conformance). Where a platform lets the deployment choose routes (Vertex AI,
Azure ML), those are named that the server has. The results go to conformance.json, which the guide
nbs/guides/serving.ipynb tells.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from xml.etree import ElementTree

from guide import execute, machine
from peers import PEERS, ROOT, python

RESULTS = ROOT / "benchmarks" / "conformance.json"
GUIDE = ROOT / "nbs" / "guides" / "serving.ipynb"
START_SECONDS = 120
MLFLOW_ROUTES = {
    "AIP_HEALTH_ROUTE": "/ping",
    "AIP_PREDICT_ROUTE": "/invocations",
    "AZURE_LIVENESS_ROUTE": "/health",
    "AZURE_READINESS_ROUTE": "/ping",
    "AZURE_SCORING_ROUTE": "/invocations",
}
MLSERVER_ROUTES = {
    "AIP_HEALTH_ROUTE": "/v2/health/ready",
    "AIP_PREDICT_ROUTE": "/invocations",
    "AZURE_LIVENESS_ROUTE": "/v2/health/live",
    "AZURE_READINESS_ROUTE": "/v2/health/ready",
    "AZURE_SCORING_ROUTE": "/invocations",
}
OUR_ROUTES = {
    "AIP_HEALTH_ROUTE": "/v1/endpoints/7/deployedModels/9",
    "AIP_PREDICT_ROUTE": "/v1/endpoints/7/deployedModels/9:predict",
}


@dataclass(frozen=True)
class Side:
    """A server: how it is started in a folder with a model, and where it says that it is ready."""

    name: str
    command: Callable[[Path, int], list]
    ready: str
    routes: dict = field(default_factory=dict)
    model: str = "model"


def our_command(
    folder,
    port,
):
    """Return how our server is started."""
    command = [sys.executable, "-m", "mlops_nb", "serve"]
    return [*command, "--model", folder / "ours", "--port", str(port)]


def mlflow_command(
    folder,
    port,
):
    """Return how MLflow's server is started."""
    command = [python("mlflow"), "-m", "mlflow", "models", "serve"]
    options = ["--env-manager", "local", "--port", str(port)]
    return [*command, "--model-uri", folder / "model", *options]


def mlserver_command(
    folder,
    port,
):
    """Return how MLServer is started; its ports are in a file."""
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    settings = ports | {"host": "127.0.0.1", "parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps(settings))
    return [Path(python("mlserver")).parent / "mlserver", "start", folder]


SIDES = [
    Side("mlops_nb", our_command, "/ping", OUR_ROUTES),
    Side("MLflow", mlflow_command, "/ping", MLFLOW_ROUTES),
    Side("MLServer", mlserver_command, "/v2/health/ready", MLSERVER_ROUTES),
]


def free_port():
    """Return a port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare(folder):
    """Write the same kind of model for all: ours, and as MLflow keeps it."""
    script = ROOT / "benchmarks" / "conformance_model.py"
    subprocess.run([python("mlflow"), script, folder], check=True)
    sys.path.insert(0, str(ROOT / "tests"))
    from helpers.serving import save_served_model

    save_served_model(folder / "ours")


def is_ready(
    port,
    path,
):
    """Say whether a server answers 200 at a path."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_until_ready(
    process,
    port,
    path,
):
    """Wait until a server is ready; raise when it ends or takes too long."""
    started = time.monotonic()
    while not is_ready(port, path):
        if process.poll() is not None or time.monotonic() - started > START_SECONDS:
            raise SystemExit(f"the server did not become ready: {process.args}")
        time.sleep(0.5)


def run_kit(
    side,
    port,
    report,
):
    """Ask a running server by the kit; its outcomes go to a file."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/conformance"]
    options = ["--url", f"http://127.0.0.1:{port}", "--served-name", "flights"]
    environ = os.environ | side.routes
    asked = [*command, *options, f"--junitxml={report}"]
    subprocess.run(asked, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, check=False)


def read_outcomes(report):
    """Return how many tests of each contract passed, of how many, and which failed."""
    contracts = {}
    for case in ElementTree.parse(report).iter("testcase"):
        contract = case.get("classname").rpartition("test_")[2]
        found = contracts.setdefault(contract, {"passed": 0, "asked": 0, "failed": []})
        if case.find("skipped") is not None:
            continue
        found["asked"] += 1
        if case.find("failure") is None and case.find("error") is None:
            found["passed"] += 1
        else:
            found["failed"].append(case.get("name"))
    return contracts


def start(
    side,
    folder,
    port,
):
    """Start a server with the programs of its own environment; what it says goes to a file."""
    command = [str(word) for word in side.command(folder, port)]
    environ = os.environ | {"MLOPS_NB_MODEL_NAME": "flights"} | side.routes
    environ["PATH"] = f"{Path(command[0]).parent}{os.pathsep}{environ['PATH']}"
    with open(folder / f"{side.name}.log", "w") as log:
        return subprocess.Popen(
            command,
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def ask(
    side,
    folder,
):
    """Start a server, run the kit against it, and end it."""
    port = free_port()
    report = folder / f"{side.name}.xml"
    process = start(side, folder, port)
    try:
        wait_until_ready(process, port, side.ready)
        run_kit(side, port, report)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)
    return read_outcomes(report)


def main():
    """Ask all servers; write results and guide."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(folder)
        for side in SIDES:
            print(f"{side.name} …", flush=True)
            outcomes[side.name] = ask(side, folder)
            for contract, found in outcomes[side.name].items():
                print(f"  {contract:<16} {found['passed']} of {found['asked']}")
    versions = [PEERS[peer][0] for peer in ("mlflow", "mlserver")]
    told = {"machine": machine(), "versions": versions, "servers": outcomes}
    RESULTS.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    if GUIDE.exists():
        execute(GUIDE)


if __name__ == "__main__":
    main()
