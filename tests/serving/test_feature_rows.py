"""What a server makes of events is what the pipeline has made of them."""

import json
import sqlite3

import numpy as np
import pandas as pd
import pytest
from helpers.project import run_mlops_nb
from helpers.serving import Client, start_server, stop_server, wait_until_ready

from mlops_nb.data.feature_store import read_feature_store
from mlops_nb.modeling.persistence import load_model
from mlops_nb.serving.fast_model import quicken_model
from mlops_nb.serving.feature_rows import FeatureRows, event_kinds


@pytest.fixture(scope="module")
def published(
    ran,
    tmp_path_factory,
):
    """The past of the flights' current window, as the command publishes it."""
    path = tmp_path_factory.mktemp("store") / "features.sqlite"
    said = run_mlops_nb("features", "--publish", "--to", path, cwd=ran).stdout
    assert "rows of arrivals" in said
    return path


@pytest.fixture(scope="module")
def flights(ran):
    """A thousand flights of the current window with the scores that the pipeline gave them."""
    events = pd.read_parquet(ran / "data" / "raw" / "current" / "events.parquet")
    scored = pd.read_parquet(ran / "data" / "predictions" / "current.parquet")
    chosen = events.merge(scored[["flight_id", "score"]], on="flight_id").iloc[::27]
    return chosen.head(1000)


@pytest.fixture(scope="module")
def requests(flights):
    """The same flights as a client says them."""
    told = flights.drop(columns=["late", "score"])
    lines = told.to_json(orient="records", date_format="iso", lines=True)
    return [json.loads(line) for line in lines.split("\n") if line]


@pytest.fixture(scope="module")
def feature_rows(
    ran,
    published,
):
    fast = quicken_model(load_model(ran / "data" / "champion"))
    return fast, FeatureRows(read_feature_store(published), tuple(fast.features))


def test_a_thousand_flights_get_the_scores_of_the_pipeline(
    feature_rows,
    flights,
    requests,
):
    fast, maker = feature_rows
    maker.require_features()
    scores = np.asarray(fast.predict_rows(maker.of_events(requests)).values)
    assert len(requests) == 1000
    np.testing.assert_array_equal(scores.reshape(1000, -1)[:, -1], flights["score"])


@pytest.fixture(scope="module")
def asked(
    ran,
    published,
):
    """A client of a server that makes the features itself."""
    variables = {"MLOPS_NB_FEATURE_STORE": str(published)}
    process, url = start_server(ran / "data" / "champion", cwd=ran, **variables)
    client = Client(url)
    wait_until_ready(client)
    yield client
    stop_server(process)


def test_a_server_that_makes_features_gives_the_scores_of_the_pipeline(
    asked,
    flights,
    requests,
):
    answer = asked.post("/invocations", {"instances": requests})
    scores = [entry["score"] for entry in answer.said["predictions"]]
    np.testing.assert_array_equal(scores, flights["score"])


BAD = {
    "no time": ({"sched_dep": None}, "expected a value"),
    "a date that is none": ({"sched_dep": "2013-02-30"}, "expected a time"),
    "a fraction of a number": ({"flight": 1.5}, "expected a whole number"),
    "an unknown column": ({"late_route": 0.5}, "no such column"),
}


@pytest.mark.parametrize(("change", "words"), BAD.values(), ids=BAD)
def test_an_event_that_cannot_be_scored_is_told(
    asked,
    requests,
    change,
    words,
):
    answer = asked.post("/invocations", {"instances": [requests[0] | change]})
    assert answer.status == 422
    assert words in answer.said["rows"][0]["problem"]


FORMS = (
    "2013-04-01T04:00:00",
    "2013-04-01T04:00:00Z",
    "2013-04-01T06:00+02:00",
    "20130401T040000",
)


@pytest.mark.parametrize("said", FORMS, ids=FORMS)
def test_one_time_in_all_its_forms_has_one_score(
    asked,
    requests,
    said,
):
    first = requests[0] | {"sched_dep": "2013-04-01T04:00:00.000"}
    pair = [first, first | {"sched_dep": said}]
    answer = asked.post("/invocations", {"instances": pair})
    scores = [entry["score"] for entry in answer.said["predictions"]]
    assert scores[0] == scores[1]


def test_one_flight_at_a_time_gets_the_same(
    feature_rows,
    requests,
):
    _, maker = feature_rows
    together = maker.of_events(requests[:40])
    assert [maker.of_events([request])[0] for request in requests[:40]] == together


def test_the_features_are_listed_in_words(ran):
    said = run_mlops_nb("features", cwd=ran).stdout
    assert "late_route" in said
    assert "Share of late arrivals on the route, four weeks" in said


def test_a_project_that_has_not_run_lists_none(bare):
    refused = run_mlops_nb("features", cwd=bare, check=False)
    assert "mlops-nb repro" in refused.stdout + refused.stderr
    assert refused.returncode == 1


def test_another_file_is_not_overwritten(
    ran,
    tmp_path,
):
    database = tmp_path / "mine.sqlite"
    sqlite3.connect(database).execute("CREATE TABLE mine (a)").connection.close()
    before = database.read_bytes()
    refused = run_mlops_nb(
        "features", "--publish", "--to", database, cwd=ran, check=False
    )
    assert "name another file" in refused.stdout + refused.stderr
    assert database.read_bytes() == before


KINDS = {
    "datetime64[us]": "time",
    "bool": "bool",
    "Int64": "number",
    "uint8": "number",
    "Float32": "number",
    "category": "text",
    "str": "text",
    "string": "text",
    "object": "text",
    "boolean": "bool",
}


@pytest.mark.parametrize(("dtype", "kind"), KINDS.items(), ids=KINDS)
def test_kinds_of_columns(
    dtype,
    kind,
):
    assert event_kinds({"x": dtype}) == {"x": kind}
