"""What a server makes of events is what the pipeline has made of them."""

import json
import sqlite3

import numpy as np
import pandas as pd
import pytest
from helpers.project import run_mlops_nb

from mlops_nb.data.feature_store import read_feature_store
from mlops_nb.serving.fast_model import load_fast_model
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
    fast = load_fast_model(ran / "data" / "champion")
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
