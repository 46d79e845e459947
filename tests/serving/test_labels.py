"""Labels that come after the predictions: taken or refused whole, and joined with the log."""

import asyncio
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from helpers.project import ROOT
from helpers.serving import ROWS
from ruamel.yaml import YAML

from mlops_nb.core.config import read_params
from mlops_nb.core.errors import UserError
from mlops_nb.data.settings import read_data_settings
from mlops_nb.data.sources import load_tables
from mlops_nb.data.windows import read_windows
from mlops_nb.modeling.measurement import compute_metrics
from mlops_nb.serving.http_request import Request, ServingLimits
from mlops_nb.serving.label_log import LABELS_FOLDER, read_labels
from mlops_nb.serving.meters import Meters
from mlops_nb.serving.model_service import load_service
from mlops_nb.serving.request_error import RequestError
from mlops_nb.serving.served_rows import (
    measure_served_rows,
    read_served_rows,
    tabulate_events,
)


@pytest.fixture
def log(tmp_path):
    """The folder of the log."""
    return tmp_path / "served"


@pytest.fixture
def service(
    served_model,
    log,
):
    """A service with a log, that has answered three rows for order-7."""
    environ = {"MLOPS_NB_SERVE_LOG": str(log)}
    made = load_service(served_model, "flights", environ, ServingLimits())
    ask(made, "predict", {"instances": ROWS})
    yield made
    made.close()


def ask(
    service,
    action,
    body,
):
    """Return what a service answers."""
    request = Request("order-7", "POST", "/labels")
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answering = service.answer(action, request, content, Meters())
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, answering).result()


def tell(
    service,
    *labels,
):
    """Tell labels of the first rows of order-7, one after the other."""
    told = []
    for i, label in enumerate(labels):
        told.append({"id": "order-7", "row": i, "label": label})
    return ask(service, "labels", {"labels": told})


def test_labels_are_accepted(service):
    assert json.loads(tell(service, "1", 0).body) == {"accepted": 2}


def test_labels_stand_beside_their_rows(
    service,
    log,
):
    tell(service, "1", 0)
    assert read_served_rows(log)["label"].tolist() == ["1", "0", None]


def test_last_label_counts(
    service,
    log,
):
    tell(service, "1")
    tell(service, "0")
    assert [each["label"] for each in read_labels(log)] == ["0"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        ({"labels": 7}, 400),
        ({"labels": [7]}, 422),
        ({"labels": [{"label": "1"}]}, 422),
        ({"labels": [{"id": "a", "label": "yes"}]}, 422),
        ({"labels": [{"id": "a", "label": None}]}, 422),
        ({"labels": [{"id": "a", "label": "1", "row": -1}]}, 422),
        ({"labels": [{"id": "a", "label": "1", "row": True}]}, 422),
    ],
    ids=[
        "empty",
        "no list",
        "no object",
        "no id",
        "no class",
        "null",
        "before the first row",
        "no number",
    ],
)
def test_what_is_no_label_is_refused(
    service,
    body,
    status,
):
    with pytest.raises(RequestError) as refused:
        ask(service, "labels", body)
    assert int(refused.value.status) == status


def test_one_bad_label_refuses_all(
    service,
    log,
):
    with pytest.raises(RequestError):
        tell(service, "1", "yes")
    assert read_labels(log) == []


def test_labels_without_a_log_are_refused(served_model):
    service = load_service(served_model, "flights", {}, ServingLimits())
    with pytest.raises(RequestError) as refused:
        tell(service, "1")
    assert int(refused.value.status) == 409


def test_labels_that_cannot_be_written_are_to_come_again(
    service,
    log,
):
    (log / LABELS_FOLDER).write_text("a file, in which no folder can be")
    with pytest.raises(RequestError) as refused:
        tell(service, "1")
    assert int(refused.value.status) == 503


def test_realised_performance_is_that_of_the_model(
    service,
    log,
):
    model = service.slot.model
    tell(service, "0", "1", "0")
    measured = measure_served_rows(model, read_served_rows(log))
    answered = model.predict(pd.DataFrame(ROWS))
    expected = compute_metrics("binary", pd.Series([0, 1, 0]).to_numpy(), answered)
    assert measured.to_dict() == expected.to_dict()


def test_rows_without_a_label_are_not_measured(
    service,
    log,
):
    assert measure_served_rows(service.slot.model, read_served_rows(log)) is None


def test_events_have_inputs_key_time_and_target(
    service,
    log,
):
    events = tabulate_events(read_served_rows(log), "late", "at")
    assert list(events) == ["request_row", "wind", "carrier", "at", "late"]
    assert events["request_row"].is_unique


@pytest.mark.parametrize(
    ("labels", "kind"),
    [(["1", "0"], "Int64"), ([1.5, 2.0], "float64"), (["late", "1"], "object")],
    ids=["whole numbers", "numbers", "words"],
)
def test_labels_have_the_type_of_their_values(
    service,
    log,
    labels,
    kind,
):
    served = read_served_rows(log)[:2].assign(label=pd.Series(labels, dtype="object"))
    assert str(tabulate_events(served, "late", "at")["late"].dtype) == kind


def test_log_without_inputs_is_no_source(
    served_model,
    log,
):
    environ = {"MLOPS_NB_SERVE_LOG": str(log), "MLOPS_NB_SERVE_LOG_INPUTS": "no"}
    service = load_service(served_model, "flights", environ, ServingLimits())
    ask(service, "predict", {"instances": ROWS})
    service.close()
    with pytest.raises(UserError, match="log_inputs"):
        tabulate_events(read_served_rows(log), "late", "at")


@pytest.fixture
def project(
    tmp_path,
    log,
    monkeypatch,
):
    """A project whose source is the log, with this day as its current window."""
    for name in ("dvc.yaml", "settings.ini"):
        shutil.copy(ROOT / name, tmp_path)
    yaml = YAML()
    params = yaml.load((ROOT / "params.yaml").read_text())
    params["data"] |= {
        "source": "mlops_nb.serving.served_rows:load_served",
        "target": "late",
        "time": "at",
        "keys": ["request_row"],
        "period": "D",
    }
    today = f"{pd.Timestamp.now('UTC'):%Y-%m-%d}"
    params["windows"]["current"] = {"start": today, "end": today}
    params["windows"]["train"] = {"start": "2026-01-01", "end": "2026-01-31"}
    params["serving"] = {"log": str(log)}
    with (tmp_path / "params.yaml").open("w") as file:
        yaml.dump(params, file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_served_rows_are_the_source_of_a_window(
    service,
    project,
):
    tell(service, "1")
    params = read_params(project / "params.yaml")
    windows = read_windows(params)
    settings = read_data_settings(params)
    events = load_tables(settings, windows["current"])["events"]
    assert events["late"].isna().tolist() == [False, True, True]
    assert events["late"][0] == 1
    assert len(load_tables(settings, windows["train"])["events"]) == 0
