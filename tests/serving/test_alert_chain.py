"""A shifted column is noticed: server, Prometheus, Alertmanager, and back to the server."""

import shutil
import subprocess
import time
import urllib.parse

import pytest
from helpers.mlflow_server import free_port
from helpers.serving import (
    Client,
    save_watched_model,
    start_server,
    stop_server,
    wait_until_ready,
)
from helpers.stack import ask_prometheus

from mlops_nb.core.alert_log import read_firing_alerts
from mlops_nb.serving.stack import StackSettings, write_stack

PROGRAMS = ("prometheus", "prometheus-alertmanager")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)),
    reason="needs Debian's prometheus and prometheus-alertmanager",
)
TOKEN = "a-token-of-the-server"
SECONDS = 120
STORM = {"wind": 90, "carrier": "AA"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where everything is written."""
    return tmp_path_factory.mktemp("chain")


@pytest.fixture(scope="module")
def client(
    once,
    folder,
):
    """A client of a server that watches its rows and takes alerts, by a token."""
    (folder / "token").write_text(TOKEN)
    model = once("watched-binary", save_watched_model)
    alerts = {"MLOPS_NB_SERVE_ALERTS": str(folder / "alerts")}
    option = ("--token-file", str(folder / "token"))
    server, url = start_server(model, *option, cwd=folder, **alerts)
    asking = Client(url, TOKEN)
    wait_until_ready(asking)
    yield asking
    stop_server(server)


@pytest.fixture(scope="module")
def prometheus(
    client,
    folder,
):
    """The address of a Prometheus that watches the server and tells an Alertmanager."""
    watching = f"127.0.0.1:{free_port()}"
    calling = f"127.0.0.1:{free_port()}"
    place = urllib.parse.urlsplit(client.url).netloc
    settings = StackSettings(
        target=place,
        alertmanager=calling,
        webhook=f"{client.url}/alerts",
        token_file=str(folder / "token"),
        interval="1s",
        patience="2s",
    )
    write_stack(folder / "stack", settings)
    data = ["--storage.tsdb.path=data", f"--web.listen-address={watching}"]
    routes = ["--storage.path=routes", f"--web.listen-address={calling}"]
    commands = [
        ["prometheus", "--config.file=stack/prometheus.yml", *data],
        [PROGRAMS[1], "--config.file=stack/alertmanager.yml", *routes],
    ]
    commands[1].append("--cluster.listen-address=")
    running = []
    for command in commands:
        log = (folder / f"{command[0]}.log").open("w")
        running.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
    yield f"http://{watching}"
    for process in running:
        process.terminate()
        process.wait(timeout=30)


def wait_for(ask):
    """Ask until there is something, and return it."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = ask()
        if found:
            return found
        time.sleep(0.2)
    return ask()


def test_a_shifted_column_is_told_and_written_down(
    client,
    prometheus,
    folder,
):
    is_read = 'up{job="mlops_nb"} == 1'
    severity = 'mlops_nb_live_severity{column="wind"} >= 2'
    fires = 'ALERTS{alertname="ModelInputsShifted", alertstate="firing", column="wind"}'
    started = time.monotonic()

    def tell(step):
        print(f"{time.monotonic() - started:6.1f} s  {step}")

    assert wait_for(lambda: ask_prometheus(prometheus, is_read))
    tell("Prometheus reads the server")
    assert client.post("/invocations", {"instances": [STORM] * 600}).status == 200
    tell("600 shifted rows are answered")
    assert wait_for(lambda: ask_prometheus(prometheus, severity))
    tell("Prometheus has the severity of wind")
    assert wait_for(lambda: ask_prometheus(prometheus, fires))
    tell("the rule fires")
    alerts = wait_for(lambda: read_firing_alerts(folder / "alerts"))
    tell("the alert is in the file")
    [wind] = [alert for alert in alerts if alert.labels.get("column") == "wind"]
    assert wind.name == "ModelInputsShifted"
    assert wind.labels["severity"] == "act"
    assert wind.summary.startswith("wind has shifted")
