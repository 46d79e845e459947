"""The application, asked without a network: refusals, limits, and that nothing makes it fail."""

import asyncio
import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from mlops_nb.serving.application import Application
from mlops_nb.serving.http_request import ServingLimits
from mlops_nb.serving.model_service import ModelService
from mlops_nb.serving.model_slot import load_slot

ROW = {"wind": 3.5, "carrier": "AA"}
TOKEN = "a-token-that-is-long-enough"
PATHS = ("/invocations", "/score", "/v1/models/flights:predict")
INFER = "/v2/models/flights/infer"


async def ask(
    application,
    method,
    path,
    body=b"",
    query=b"",
    **headers,
):
    """Return status, headers and body of an answer."""
    said = []
    for name, text in headers.items():
        said.append((name.replace("_", "-").encode(), text.encode("latin-1")))
    scope = {"type": "http", "method": method, "path": path, "headers": said}
    sent = []

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        sent.append(message)

    await application(scope | {"query_string": query}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def run_apart(answering):
    """Return what a coroutine returns; in a thread, as a browser's test leaves a loop here."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, answering).result()


def post(
    application,
    path,
    body,
    **headers,
):
    """Return status and body of an answer to a POST."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    status, _, said = run_apart(ask(application, "POST", path, body, **headers))
    return status, said


@pytest.fixture(scope="module")
def slot(served_model):
    """A model to serve."""
    return load_slot(served_model, "flights")


@pytest.fixture
def application(slot):
    """An application that serves it."""
    made = Application("flights")
    made.put(ModelService(slot))
    return made


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"instances": [ROW]}, 200),
        ({"instances": []}, 200),
        ({"instances": [ROW] * 50}, 200),
        ({"instances": [ROW | {"flight_id": "a"}]}, 200),
        ({"instances": [ROW | {"wind": None}]}, 200),
        (b'{"instances": [{"wind": NaN, "carrier": "AA"}]}', 200),
        ({"instances": [ROW | {"wnid": 1}]}, 422),
        ({"instances": [{"wind": 3.5}]}, 422),
        ({"instances": [ROW | {"wind": -1}]}, 422),
        ({"instances": [ROW | {"wind": "strong"}]}, 422),
        (b'{"instances": [{"wind": Infinity, "carrier": "AA"}]}', 422),
        ({"instances": [7]}, 422),
        ({"instances": 7}, 400),
        ({"instance": []}, 400),
        (b"", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'[NaN, "\\ud800"]', 400),
    ],
    ids=[
        "a row",
        "no row",
        "many rows",
        "a key of the contract",
        "missing",
        "no number",
        "unknown column",
        "absent column",
        "outside",
        "wrong type",
        "infinite",
        "no row at all",
        "no list",
        "misspelt",
        "empty",
        "no text",
        "deep",
        "half a character",
    ],
)
def test_body_is_answered_or_refused(
    application,
    body,
    status,
):
    assert post(application, "/invocations", body)[0] == status


def test_refusal_names_the_row(application):
    body = {"instances": [ROW, ROW | {"wind": -1}]}
    said = json.loads(post(application, "/invocations", body)[1])
    assert said["rows"][0]["row"] == 1


def test_good_rows_are_answered_where_that_is_asked(application):
    body = {
        "instances": [ROW | {"wind": -1}, ROW],
        "parameters": {"on_error": "null"},
    }
    said = json.loads(post(application, "/invocations", body)[1])["predictions"]
    assert [one["prediction"] is None for one in said] == [True, False]


def test_answers_are_those_of_the_model(
    application,
    slot,
):
    rows = [ROW | {"wind": wind} for wind in range(40)]
    said = json.loads(post(application, "/invocations", {"instances": rows})[1])
    scores = [one["score"] for one in said["predictions"]]
    assert scores == slot.score(rows).values.tolist()


def test_guessed_limit_refuses_nothing(application):
    body = {"instances": [ROW | {"carrier": "ZZ"}]}
    assert post(application, "/invocations", body)[0] == 200


def test_large_body_is_413(slot):
    application = Application("flights", ServingLimits(body=10))
    application.put(ModelService(slot))
    assert post(application, "/invocations", {"instances": [ROW]})[0] == 413


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [("order-7", True), ("a b", False), ("", False), ("x" * 101, False)],
    ids=["a name", "a blank", "none", "long"],
)
def test_answer_says_the_name_of_its_request(
    application,
    sent,
    is_kept,
):
    asked = ask(application, "GET", "/ping", x_request_id=sent)
    said = run_apart(asked)[1][b"x-request-id"].decode()
    assert (said == sent) is is_kept


def test_full_queue_is_429_and_says_when_to_come_back(slot):
    application = Application("flights", ServingLimits(queue=0))
    application.put(ModelService(slot))
    status, headers, _ = run_apart(ask(application, "POST", "/invocations", b"{}"))
    assert (status, headers[b"retry-after"]) == (429, b"1")


def test_other_method_is_405_and_says_which(application):
    status, headers, _ = run_apart(ask(application, "GET", "/invocations"))
    assert (status, headers[b"allow"]) == (405, b"POST")


def test_nothing_is_served_before_the_model_is_there():
    assert post(Application("flights"), "/invocations", {"instances": []})[0] == 503


@pytest.mark.parametrize("path", ["/ping", "/health", "/v2/health/ready"])
def test_ending_server_is_not_ready(
    application,
    path,
):
    application.is_draining = True
    assert run_apart(ask(application, "GET", path))[0] == 503


def test_ending_server_is_alive(application):
    application.is_draining = True
    assert run_apart(ask(application, "GET", "/v2/health/live"))[0] == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        ("Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode(), 200),
        ("", 401),
        ("Bearer another", 401),
        ("Basic \xe9", 401),
    ],
    ids=["bearer", "browser", "none", "another", "garbage"],
)
def test_token_is_asked_for(
    slot,
    header,
    status,
):
    application = Application("flights", token=TOKEN)
    application.put(ModelService(slot))
    body = {"instances": [ROW]}
    assert post(application, "/invocations", body, authorization=header)[0] == status


def test_health_needs_no_token(slot):
    application = Application("flights", token=TOKEN)
    application.put(ModelService(slot))
    assert run_apart(ask(application, "GET", "/ping"))[0] == 200


def test_page_of_another_site_is_refused(application):
    headers = {"sec_fetch_site": "cross-site"}
    assert post(application, "/invocations", {"instances": []}, **headers)[0] == 403


def test_failure_tells_only_its_number(
    application,
    slot,
):
    application.put(ModelService(replace(slot, fast=None)))
    status, said = post(application, "/score", {"instances": [ROW]})
    assert status == 500
    assert b"Traceback" not in said
    assert b"AttributeError" not in said


def test_openapi_names_the_columns(application):
    _, _, said = run_apart(ask(application, "GET", "/openapi.json"))
    row = json.loads(said)["components"]["schemas"]["Row"]
    assert set(row["required"]) == set(ROW)


BROWSER = {"accept": "text/html,*/*"}


@pytest.mark.parametrize(
    ("header", "media"),
    [("text/html,*/*", b"text/html"), ("*/*", b"application/json")],
    ids=["browser", "probe"],
)
def test_root_is_a_page_to_a_browser_only(
    application,
    header,
    media,
):
    _, headers, _ = run_apart(ask(application, "GET", "/", accept=header))
    assert headers[b"content-type"].split(b";")[0] == media


def test_page_shows_version_and_a_field_a_column(
    application,
    slot,
):
    _, _, page = run_apart(ask(application, "GET", "/", **BROWSER))
    wanted = [slot.version, slot.digest, *[f'name="{name}"' for name in ROW]]
    assert [word for word in wanted if word not in page.decode()] == []


def test_page_names_no_other_host(application):
    _, _, page = run_apart(ask(application, "GET", "/", **BROWSER))
    assert b"//" not in page.replace(b"<!doctype", b"")


def test_page_speaks_japanese(application):
    headers = BROWSER | {"accept_language": "ja,en"}
    _, _, page = run_apart(ask(application, "GET", "/", **headers))
    assert 'lang="ja"' in page.decode()


def test_page_wants_the_token(slot):
    application = Application("flights", token=TOKEN)
    application.put(ModelService(slot))
    assert run_apart(ask(application, "GET", "/", **BROWSER))[0] == 401


SCALARS = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.floats(),
    strategies.text(max_size=8),
    strategies.sampled_from(["AA", "2026-01-31", "9999-12-31T23:59:59-12:00"]),
)


def nest(inner):
    """Lists and objects of values."""
    names = strategies.sampled_from([*ROW, "x"])
    lists = strategies.lists(inner, max_size=4)
    return lists | strategies.dictionaries(names, inner, max_size=3)


VALUES = strategies.recursive(SCALARS, nest, max_leaves=12)
WORDS = ["instances", "inputs", "dataframe_split", "dataframe_records", "parameters"]
DATATYPES = ["FP64", "INT8", "BOOL", "BYTES", "UINT64"]
TENSOR = strategies.fixed_dictionaries(
    {"name": strategies.sampled_from([*ROW, "x"]), "data": VALUES},
    optional={
        "shape": strategies.lists(strategies.integers(-1, 3), max_size=3),
        "datatype": strategies.sampled_from(DATATYPES),
    },
)


def under(
    word,
    values,
):
    """Objects with a list of these values under a word."""
    lists = strategies.lists(values, max_size=3)
    return strategies.fixed_dictionaries({word: lists})


BODIES = strategies.one_of(
    VALUES,
    strategies.dictionaries(strategies.sampled_from(WORDS), VALUES, max_size=2),
    under("instances", VALUES),
    under("inputs", TENSOR),
)
QUIET = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    derandomize=True,
)


@QUIET
@given(body=BODIES, path=strategies.sampled_from([*PATHS, INFER]))
def test_no_json_makes_it_fail(
    application,
    body,
    path,
):
    assert post(application, path, body)[0] < 500


MEDIA = ["text/csv", "application/jsonlines", "application/json", "x", ""]


@QUIET
@given(
    body=strategies.binary(max_size=60) | strategies.text('a,;"\n0 1-N', max_size=30)
)
@pytest.mark.parametrize("media", MEDIA, ids=["csv", "lines", "json", "other", "none"])
def test_no_bytes_make_it_fail(
    application,
    body,
    media,
):
    body = body if isinstance(body, bytes) else body.encode()
    assert post(application, "/invocations", body, content_type=media)[0] < 500
