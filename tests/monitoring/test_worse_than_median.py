"""A model that is worse than always predicting the median does not stand under a green OK."""

import pytest

from mlops_nb.core.standing import judge_standing
from mlops_nb.monitoring.findings import judge_findings
from mlops_nb.monitoring.rules import collect_findings, find_worse_than_median


def judge(
    value,
    median,
    rows=500,
):
    """Judge a window whose predictions are off by so much, and the median by so much."""
    error = {"value": value, "low": 0.9 * value, "high": 1.1 * value, "n": rows}
    metrics = {"mae": error | {"yardstick": median}}
    others = find_worse_than_median(metrics)
    return judge_findings(collect_findings(metrics=metrics, others=others))


@pytest.mark.parametrize(
    ("value", "median", "rows", "level"),
    [
        pytest.param(3.4, 3.1, 500, "watch", id="worse"),
        pytest.param(2.9, 3.1, 500, "ok", id="better"),
        pytest.param(3.4, 0.0, 500, "watch", id="mostly zero"),
        pytest.param(3.4, 3.1, 20, "ok", id="few rows"),
        pytest.param(3.4, None, 500, "ok", id="unknown"),
    ],
)
def test_the_level_of_a_model_beside_the_median(
    value,
    median,
    rows,
    level,
):
    assert judge(value, median, rows).level == level


def test_the_first_reason_says_so():
    said = str(judge(3.4, 3.1).reasons[0])
    assert said.startswith("The model is worse than always predicting the median")


def test_production_waits_for_a_decision():
    findings = [found.to_dict() for found in judge(3.4, 3.1).findings]
    standing = judge_standing(findings, "2013-04", [])
    assert standing.level == "watch"
    assert [found["id"] for found in standing.waiting] == ["quality.median.mae"]
