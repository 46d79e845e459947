"""What a server says of the rows that came in is what monitoring says of its log."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from helpers.serving import TARGETS, make_flights, save_watched_model

from mlops_nb.modeling.persistence import load_model
from mlops_nb.monitoring.champion_window import (
    ScoredRows,
    load_shadow,
    measure_scored_rows,
    read_model_reference,
)
from mlops_nb.monitoring.monitor import monitor
from mlops_nb.serving.fast_model import Scores, quicken_model
from mlops_nb.serving.http_request import Request
from mlops_nb.serving.live_window import (
    LiveWindow,
    tabulate_rows,
    tabulate_scores,
    watch_model,
)
from mlops_nb.serving.log_segments import list_segments, read_lines
from mlops_nb.serving.meters import Meters
from mlops_nb.serving.model_service import ModelService
from mlops_nb.serving.model_slot import ModelSlot
from mlops_nb.serving.prediction_log import PredictionLog
from mlops_nb.serving.row_checks import RowChecks


@pytest.fixture(scope="module", params=[*TARGETS])
def folder(
    request,
    once,
):
    """The folder of a model with its reference."""
    task = request.param
    return once(f"watched-{task}", lambda folder: save_watched_model(folder, task))


@pytest.fixture
def service(
    folder,
    tmp_path,
):
    """A service that watches its rows and writes them down."""
    model = load_model(folder)
    checks = RowChecks(model.inputs, {})
    slot = ModelSlot("flights", "v1", "0ab1", quicken_model(model), checks)
    log = PredictionLog(tmp_path / "served").start()
    made = ModelService(slot, 7, log, [*model.inputs])
    made.live = watch_model(folder, model)
    yield made
    made.close()


def make_rows(size=600):
    """Return windier flights than before, some of a carrier that is new, some without wind."""
    flights = make_flights(size, seed=1)
    flights["wind"] = (flights["wind"] * 1.4).round(1)
    flights.loc[::40, "carrier"] = "ZZ"
    rows = flights[["wind", "carrier"]].to_dict("records")
    for row in rows[::25]:
        row["wind"] = None
    return rows


def run_apart(answering):
    """Return what a coroutine returns; in a thread, which has no loop yet."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, answering).result()


def answer_rows(
    service,
    rows,
    size,
):
    """Ask for rows, so many at a time."""
    for start in range(0, len(rows), size):
        body = json.dumps({"instances": rows[start : start + size]}).encode()
        request = Request(str(start), "POST", "/score")
        run_apart(service.answer("predict", request, body, Meters()))


def monitor_log(
    folder,
    log,
    day,
):
    """Monitor what a log holds, as the pipeline does."""
    lines = [line for path in list_segments(log) for line in read_lines(path)]
    model = load_model(folder)
    table = tabulate_rows([json.loads(line["inputs"]) for line in lines], model.inputs)
    scores = np.array([line["scores"] for line in lines])
    if model.task != "multiclass":
        scores = scores[:, 0]
    answered = tabulate_scores(model, scores)
    if model.task == "binary":
        flagged = answered["score"] >= model.applied_threshold
        answered["prediction"] = flagged.astype(int)
    rows = ScoredRows(model, folder, table, answered, shadow=load_shadow(folder, model))
    reference = read_model_reference(folder, model.task)
    reference = reference.in_season(pd.Timestamp(day), pd.Timestamp(day))
    return monitor(reference, measure_scored_rows(reference, rows, day, []))


@pytest.mark.parametrize("size", [5, 100], ids=["few at once", "many at once"])
def test_drift_is_that_of_the_log(
    service,
    folder,
    size,
):
    answer_rows(service, make_rows(), size)
    drift, _ = service.live.measure()
    expected = monitor_log(folder, service.log.folder, service.live.day).table
    columns = ["column", "psi", "of_limit", "severity", "is_score"]
    pd.testing.assert_frame_equal(drift[columns], expected[columns], rtol=1e-9)


def test_drift_is_found(service):
    answer_rows(service, make_rows(), 100)
    drift, _ = service.live.measure()
    assert drift.set_index("column").severity["wind"] != "ok"


def test_expected_performance_is_that_of_the_log(
    service,
    folder,
):
    if service.slot.model.task == "regression":
        pytest.skip("it needs the rows themselves")
    answer_rows(service, make_rows(), 100)
    _, expected = service.live.measure()
    assessment = monitor_log(folder, service.log.folder, service.live.day)
    assert expected == assessment.measured.expected


def test_metrics_tell_of_the_window(service):
    answer_rows(service, make_rows(100), 50)
    said = run_apart(service.describe_live())
    assert "mlops_nb_live_rows 100\n" in said
    assert 'mlops_nb_live_severity{column="wind"}' in said


def test_rows_of_a_day_that_is_over_go(service):
    answer_rows(service, make_rows(100), 50)
    service.live.count()
    service.live.day = "2026-01-01"
    answer_rows(service, make_rows(50), 50)
    service.live.count()
    assert service.live.counts.features.rows == 50


def test_model_without_a_reference_is_not_watched(served_model):
    assert watch_model(served_model, load_model(served_model)) is None


class FailingWatch:
    """Watches nothing: whatever it is asked fails."""

    def add(
        self,
        rows,
        scores,
    ):
        """Want the rows to be counted."""
        return True

    def count(self):
        """Fail."""
        raise ValueError("odd rows")

    def describe(self):
        """Fail."""
        raise ValueError("odd rows")


def test_failure_to_count_fails_no_answer(service):
    service.live = FailingWatch()
    answer_rows(service, make_rows(20), 5)
    assert service.log.written == 20


def test_many_rows_want_to_be_counted(service):
    live = LiveWindow(service.live.watched)
    rows = make_rows(10) * 200
    scores = Scores(np.zeros((len(rows), 3)))
    assert live.add(rows, scores)


def test_metrics_tell_the_performance_on_labelled_rows(
    service,
    folder,
):
    model = service.slot.model
    service.live = watch_model(folder, model, service.log.folder)
    flights = make_flights(60, seed=1)
    answer_rows(service, flights[["wind", "carrier"]].to_dict("records"), 60)
    outcomes = flights[model.target].tolist()
    told = [{"id": "0", "row": i, "label": each} for i, each in enumerate(outcomes)]
    body = json.dumps({"labels": told}).encode()
    asked = Request("labels", "POST", "/labels")
    run_apart(service.answer("labels", asked, body, Meters()))
    said = run_apart(service.describe_live())
    assert 'mlops_nb_live_realised{metric="n",bound="value"} 60\n' in said
