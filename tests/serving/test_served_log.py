"""What a server has answered is in its log: once, with what was to be kept, or counted as lost."""

import asyncio
import json
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import psutil
import pytest
from helpers.serving import ROWS, Client, start_server, wait_for, wait_until_ready
from pyarrow import parquet

from mlops_nb.core.errors import UserError
from mlops_nb.serving.application import Application, describe_server
from mlops_nb.serving.chosen_log import choose_log, read_serving_section
from mlops_nb.serving.http_request import Request, ServingLimits
from mlops_nb.serving.log_segments import list_segments, read_lines
from mlops_nb.serving.meters import Meters
from mlops_nb.serving.model_service import load_service
from mlops_nb.serving.routes import Route

BODY = json.dumps({"instances": ROWS}).encode()


def read_log(folder):
    """Return all rows of a log."""
    rows = []
    for segment in list_segments(folder):
        if segment.suffix == ".parquet":
            rows += parquet.read_table(segment).to_pylist()
        else:
            rows += read_lines(segment)
    return rows


@pytest.fixture
def serve(
    served_model,
    tmp_path,
):
    """Return a service with a log, by environment variables."""
    made = []

    def make(**variables):
        environ = {"MLOPS_NB_SERVE_LOG": str(tmp_path / "served"), **variables}
        made.append(load_service(served_model, "flights", environ, ServingLimits()))
        return made[-1]

    yield make
    for service in made:
        service.close()


def answer(
    service,
    body=BODY,
    action="predict",
    **said,
):
    """Return what a service answers."""
    request = Request("order-7", "POST", "/score", **said)
    answering = service.answer(action, request, body, Meters())
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, answering).result()


def test_each_row_is_written_down(
    serve,
    tmp_path,
):
    answer(serve())
    logged = read_log(tmp_path / "served")
    assert [(row["id"], row["row"]) for row in logged] == [
        ("order-7", 0),
        ("order-7", 1),
        ("order-7", 2),
    ]


def test_log_says_what_was_answered(
    serve,
    tmp_path,
):
    said = json.loads(answer(serve()).body)["predictions"]
    logged = read_log(tmp_path / "served")
    assert [row["scores"] for row in logged] == [[each["score"]] for each in said]
    assert [row["decision"] for row in logged] == [each["prediction"] for each in said]


def test_many_rows_are_written_down_once(
    serve,
    tmp_path,
):
    answer(serve(), json.dumps({"instances": ROWS * 20}).encode())
    assert len(read_log(tmp_path / "served")) == 60


def test_row_that_was_not_answered_is_not_written_down(
    serve,
    tmp_path,
):
    bad = ROWS[0] | {"wind": -1}
    body = json.dumps({"instances": [bad, ROWS[1]]}).encode()
    answer(serve(), body, query={"on_error": "null"})
    assert [row["row"] for row in read_log(tmp_path / "served")] == [1]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("yes", '{"wind":3.5,"carrier":"AA"}'),
        ("carrier", '{"carrier":"AA"}'),
        ("no", None),
    ],
    ids=["all", "one column", "none"],
)
def test_inputs_are_kept_as_the_settings_say(
    serve,
    tmp_path,
    said,
    kept,
):
    answer(serve(MLOPS_NB_SERVE_LOG_INPUTS=said))
    assert read_log(tmp_path / "served")[0]["inputs"] == kept


def test_equal_rows_have_equal_digests(
    serve,
    tmp_path,
):
    rows = [ROWS[0], ROWS[1], dict(reversed(ROWS[0].items()))]
    answer(serve(), json.dumps({"instances": rows}).encode())
    first, second, third = [
        row["feature_digest"] for row in read_log(tmp_path / "served")
    ]
    assert first == third
    assert first != second


def test_failure_to_write_fails_no_prediction(
    serve,
    tmp_path,
):
    service = serve()
    shutil.rmtree(tmp_path / "served")
    (tmp_path / "served").write_text("a file, in which no folder can be")
    assert answer(service).status == 200
    assert service.log.lost == 3


def is_ready(service):
    """Ask an application with this service whether it is ready."""
    application = Application("flights")
    application.put(service)
    asked = Request("a", "GET", "/ping")
    return describe_server(application, Route("ready"), asked).status == 200


def test_too_many_lost_rows_make_the_server_unready_until_the_disk_is_back(
    serve,
    tmp_path,
):
    service = serve()
    shutil.rmtree(tmp_path / "served")
    (tmp_path / "served").write_text("a file, in which no folder can be")
    for _ in range(34):
        answer(service)
    assert not is_ready(service)
    (tmp_path / "served").unlink()
    (tmp_path / "served").mkdir()
    wait_for(lambda: is_ready(service))
    answer(service)
    assert len(read_log(tmp_path / "served")) == 3


def test_log_that_cannot_be_written_is_refused_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--log FOLDER"):
        choose_log({"MLOPS_NB_SERVE_LOG": str(tmp_path / "file" / "log")})


def test_nothing_is_written_down_unless_a_folder_is_named():
    assert read_serving_section({}, {}).log == ""


def post_until_killed(
    client,
    answered,
):
    """Ask again and again; keep the name of each request that was answered."""
    for number in range(100_000):
        name = f"{id(answered)}-{number}"
        try:
            reply = client.post("/score", {"instances": ROWS}, X_Request_Id=name)
        except (OSError, HTTPException):
            return
        if reply.status == 200:
            answered.append(name)


def test_killed_server_has_written_down_each_answered_row_once(
    served_model,
    tmp_path,
):
    folder = tmp_path / "served"
    options = ["--log", str(folder), "--workers", "2"]
    process, url = start_server(served_model, *options, cwd=tmp_path)
    client = Client(url)
    wait_until_ready(client)
    answered = [[], [], []]
    with ThreadPoolExecutor(3) as threads:
        asking = [threads.submit(post_until_killed, client, each) for each in answered]
        wait_for(lambda: sum(map(len, answered)) >= 300)
        kill_with_workers(process)
        for each in asking:
            each.result()
    places = [(row["id"], row["row"]) for row in read_log(folder)]
    names = [name for each in answered for name in each]
    assert {(name, i) for name in names for i in range(len(ROWS))} <= set(places)
    assert len(places) == len(set(places))


def kill_with_workers(process):
    """Kill a server and its workers with -9."""
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    for worker in workers:
        worker.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()
