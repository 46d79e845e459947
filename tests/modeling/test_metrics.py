"""One table of metrics: no two places answer differently."""

import pytest

from mlops_nb.modeling.encoding import MODEL_TASKS
from mlops_nb.modeling.gate import default_checks
from mlops_nb.modeling.metrics import (
    METRICS,
    TASK_METRICS,
    charted_metric,
    headline_metric,
    is_lower_better,
    judged_metrics,
    main_metric,
)


def test_every_metric_belongs_to_a_task():
    assert set(METRICS) == {name for names in TASK_METRICS.values() for name in names}


@pytest.mark.parametrize("task", MODEL_TASKS, ids=MODEL_TASKS)
@pytest.mark.parametrize(
    "choose",
    [main_metric, charted_metric, headline_metric],
    ids=["main", "charted", "headline"],
)
def test_each_part_is_played_by_a_metric_of_the_task(
    task,
    choose,
):
    assert choose(task) in TASK_METRICS[task]


@pytest.mark.parametrize("task", MODEL_TASKS, ids=MODEL_TASKS)
def test_the_monitor_judges_metrics_that_have_a_better_side(task):
    for name in judged_metrics(task):
        assert METRICS[name].lower_is_better is not None, name


@pytest.mark.parametrize("task", MODEL_TASKS, ids=MODEL_TASKS)
def test_the_gate_decides_by_the_main_metric(task):
    checks = default_checks(task)
    assert checks["beats_baseline"]["metric"] == main_metric(task)
    assert checks["not_worse_than_champion"]["metric"] == main_metric(task)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("rmse", True, id="a loss"),
        pytest.param("auc", False, id="a merit"),
        pytest.param("flagged", False, id="neither"),
        pytest.param("rows", False, id="no metric"),
    ],
)
def test_only_losses_are_better_when_lower(
    name,
    expected,
):
    assert is_lower_better(name) is expected
