"""What Prometheus, Alertmanager and Grafana are given is what they take, and tells what it says."""

import json
import shutil
import subprocess
import time
import urllib.parse

import pytest
import yaml
from helpers.mlflow_server import free_port
from helpers.project import run_mlops_nb
from helpers.serving import (
    ROWS,
    Client,
    save_watched_model,
    start_server,
    stop_server,
    wait_until_ready,
)
from helpers.stack import ask_prometheus

from mlops_nb.core.errors import UserError
from mlops_nb.serving.stack import StackSettings, build_stack, write_stack

NO_PROMETHEUS = (
    "needs Prometheus and Alertmanager: Debian's prometheus, prometheus-alertmanager"
)
with_prometheus = pytest.mark.skipif(
    not all(map(shutil.which, ("prometheus", "promtool", "amtool"))),
    reason=NO_PROMETHEUS,
)
CHECKS = {
    "configuration": ("promtool", "check", "config", "prometheus.yml"),
    "rules": ("promtool", "check", "rules", "rules.yml"),
    "when rules fire": ("promtool", "test", "rules", "rules_test.yml"),
    "routes": ("amtool", "check-config", "alertmanager.yml"),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The folder as the command writes it."""
    top = tmp_path_factory.mktemp("watched")
    run_mlops_nb("stack", "--webhook", "http://127.0.0.1:9/alerts", cwd=top)
    return top / "stack"


@with_prometheus
@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_their_own_programs_take_the_files(
    stack,
    command,
):
    done = subprocess.run(
        command, cwd=stack, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def watched(
    once,
    tmp_path_factory,
):
    """A server that has answered and refused, and a Prometheus that watches it."""
    log = {"MLOPS_NB_SERVE_LOG": str(tmp_path_factory.mktemp("log") / "predictions")}
    model = once("watched-binary", save_watched_model)
    server, url = start_server(model, cwd=model.parent, **log)
    client = Client(url)
    wait_until_ready(client)
    folder = tmp_path_factory.mktemp("prometheus")
    place = urllib.parse.urlsplit(url).netloc
    write_stack(folder / "stack", StackSettings(target=place, interval="1s"))
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", "--config.file=stack/prometheus.yml"]
    options = [f"--web.listen-address={address}", "--storage.tsdb.path=data"]
    prometheus = subprocess.Popen(
        [*command, *options], cwd=folder, stderr=subprocess.DEVNULL
    )
    yield client, f"http://{address}", folder / "stack"
    prometheus.terminate()
    prometheus.wait(timeout=30)
    stop_server(server)


def wait_for_data(
    watched,
    query,
    seconds=40,
):
    """Keep asking the server for predictions until a query has an answer, and return it."""
    client, address, _ = watched
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.post("/invocations", {"instances": ROWS})
        client.post("/invocations", {"instances": [{"wind": -1, "carrier": "AA"}]})
        found = ask_prometheus(address, query)
        if found:
            return found
        time.sleep(0.5)
    return []


@with_prometheus
def test_every_query_of_the_dashboard_has_data(watched):
    dashboard = json.loads((watched[2] / "dashboard.json").read_text())
    empty = []
    for panel in dashboard["panels"]:
        for line in panel["targets"]:
            query = line["expr"].replace("$__rate_interval", "10s")
            if not wait_for_data(watched, query):
                empty.append(panel["title"])
    assert empty == []


@with_prometheus
def test_the_server_is_seen_to_be_up(watched):
    assert wait_for_data(watched, 'up{job="mlops_nb"} == 1')


ALERTS = ("ModelServerDown", "ModelServerFails", "ModelServerSlow")


@with_prometheus
@pytest.mark.parametrize("name", ALERTS, ids=ALERTS)
def test_a_server_that_is_well_calls_nobody(
    watched,
    name,
):
    assert wait_for_data(watched, "mlops_nb_predictions_total")
    assert ask_prometheus(watched[1], f'ALERTS{{alertname="{name}"}}') == []


ODD = {
    "a path": {"target": "localhost:8080/metrics"},
    "no port": {"target": "localhost"},
    "a port that is none": {"alertmanager": "localhost:99999"},
    "two lines": {"target": "a:1\nrule_files: [x]"},
    "no address": {"webhook": "hooks.example/alerts"},
    "no time": {"interval": "soon"},
    "no patience": {"patience": "1 minute"},
}


@pytest.mark.parametrize("said", ODD.values(), ids=ODD)
def test_what_is_no_address_is_refused(said):
    with pytest.raises(UserError):
        StackSettings(**said)


def test_odd_names_stay_within_their_quotes():
    token = "a b\"c\n'd: [x]"
    files = build_stack(StackSettings(token_file=token))
    [job] = yaml.safe_load(files["prometheus.yml"])["scrape_configs"]
    assert job["authorization"]["credentials_file"] == token


HOOKS = {
    "the server": ("http://a:1/alerts", "token"),
    "another": ("http://b:1/alerts", None),
}


@pytest.mark.parametrize(("webhook", "told"), HOOKS.values(), ids=HOOKS)
def test_only_the_server_is_told_its_token(
    webhook,
    told,
):
    settings = StackSettings(target="a:1", webhook=webhook, token_file="token")
    routes = yaml.safe_load(build_stack(settings)["alertmanager.yml"])
    [hook] = routes["receivers"][0]["webhook_configs"]
    authorization = hook.get("http_config", {}).get("authorization", {})
    assert authorization.get("credentials_file") == told


def test_rules_wait_as_long_as_is_said():
    rules = yaml.safe_load(build_stack(StackSettings(patience="2s"))["rules.yml"])
    waits = {rule.get("for", "2s") for rule in rules["groups"][0]["rules"]}
    assert waits == {"2s"}


def test_an_edited_file_is_not_overwritten(tmp_path):
    folder = tmp_path / "stack"
    write_stack(folder, StackSettings())
    (folder / "rules.yml").write_text("mine")
    with pytest.raises(UserError, match=r"rules\.yml"):
        write_stack(folder, StackSettings())
    assert (folder / "rules.yml").read_text() == "mine"


def test_written_again_it_is_the_same(tmp_path):
    folder = tmp_path / "stack"
    write_stack(folder, StackSettings())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_stack(folder, StackSettings())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
