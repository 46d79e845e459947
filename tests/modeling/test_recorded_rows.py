"""Rows that are recorded with a model: which ones, in what form, and with which scores."""

import numpy as np
import pandas as pd
import pytest
from helpers.serving import TARGETS, make_flights

from mlops_nb.modeling.recorded_rows import RecordedRows, record_rows
from mlops_nb.modeling.training import train_model

HOLES = {"wind": np.nan, "carrier": None, "at": pd.NaT, "night": None}


def make_table(task):
    """Flights with a value of each kind, each of them missing in some rows."""
    table = make_flights()[["at", "wind", "carrier", TARGETS[task]]]
    table["seen"] = table["at"] + pd.Timedelta("1500us")
    table["night"] = (table["at"].dt.hour < 6).astype("boolean")
    for i, (name, hole) in enumerate(HOLES.items()):
        if name != "at":
            table.loc[i::17, name] = hole
    return table


@pytest.fixture(scope="module", params=[*TARGETS])
def trained(request):
    """A blend, and the table that it was fitted to."""
    table = make_table(request.param)
    data = {"target": TARGETS[request.param], "time": "at", "task": request.param}
    if request.param == "binary":
        data["positive"] = 1
    return train_model(table, data, estimator="auto").model, table


@pytest.fixture
def recorded(trained):
    """Its rows, through JSON and back."""
    return RecordedRows.from_json(record_rows(*trained).to_json())


def test_rows_of_a_client_have_the_recorded_scores(
    trained,
    recorded,
):
    model, _ = trained
    scored = model.predict(pd.DataFrame(recorded.rows()))
    columns = [name for name in scored if name.startswith("score")]
    expected = np.atleast_2d(recorded.values().T).T.reshape(len(scored), -1)
    assert scored[columns].to_numpy().tolist() == expected.tolist()


def test_rows_hold_what_the_model_takes_in_and_nothing_else(
    trained,
    recorded,
):
    assert list(recorded.columns) == list(trained[0].inputs)


def test_rows_do_not_depend_on_their_order(
    trained,
    recorded,
):
    model, table = trained
    assert record_rows(model, table[::-1]).columns == recorded.columns


def test_there_are_fifty_rows(recorded):
    assert len(recorded.rows()) == 50


def test_missing_values_are_among_the_rows(recorded):
    assert None in recorded.columns["wind"]
