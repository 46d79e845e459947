"""The first sentence has a yardstick, and never promises more rows than it has."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.modeling.gate import evaluation_headline
from mlops_nb.modeling.measurement import compute_metrics
from mlops_nb.modeling.metrics import headline_metric

CLASSES = np.array(["beech", "elm"])


def binary(
    rows,
    flagged,
):
    """Metrics of rows of which every fourth is a case, and the first ones are flagged."""
    outcome = (np.arange(rows) % 4 == 0).astype(float)
    said = (np.arange(rows) < flagged).astype(int)
    table = pd.DataFrame({"score": 0.2 + 0.6 * said, "prediction": said})
    return compute_metrics("binary", outcome, table)


def multiclass(rows):
    """Metrics of rows of which every sixth is an elm, none of which is recognised."""
    truth = CLASSES[(np.arange(rows) % 6 == 0).astype(int)]
    scores = {"score_beech": np.full(rows, 0.8), "score_elm": np.full(rows, 0.2)}
    table = pd.DataFrame(scores).assign(prediction="beech")
    return compute_metrics("multiclass", truth, table)


def amounts(rows):
    """Metrics of a model that always says nothing will be paid, as is so four times of five."""
    paid = np.where(np.arange(rows) % 5 == 0, 40.0, 0.0)
    table = pd.DataFrame({"score": np.zeros(rows), "prediction": np.zeros(rows)})
    return compute_metrics("regression", paid, table)


SENTENCES = {}
SENTENCES["many"] = (binary(400, 200), "Of 100 loans flagged, 25 were lost")
SENTENCES["yardstick"] = (binary(400, 200), "25 would be without a model")
SENTENCES["found"] = (binary(400, 200), "flagged 50% of all that were lost")
SENTENCES["few flagged"] = (binary(60, 8), "Of 8 loans flagged, 2 were lost")
SENTENCES["few, yardstick"] = (binary(60, 8), "15 of 60 would be")
SENTENCES["few found"] = (binary(60, 8), "2 of 15 cases")
SENTENCES["none flagged"] = (binary(60, 0), "None of 60 loans was flagged")
SENTENCES["six rows"] = (multiclass(6), "Of 6 loans, 5 were")
SENTENCES["classes"] = (multiclass(600), "Of 100 loans, 83 were")
SENTENCES["most frequent class"] = (multiclass(600), "get 83 right")
SENTENCES["amounts say n"] = (amounts(500), "On 500 loans")
SENTENCES["no median that flatters"] = (amounts(500), "off by 8 on average")
SENTENCES["guessed amounts"] = (amounts(500), "median would be off by 8")


@pytest.fixture(params=SENTENCES)
def expected(request):
    """Metrics, and a part of their first sentence."""
    return SENTENCES[request.param]


def test_the_headline_says(expected):
    metrics, part = expected
    assert part in str(evaluation_headline(metrics, None, "loans", "lost"))


@pytest.mark.parametrize(
    "metrics",
    [
        pytest.param(binary(60, 8), id="few rows"),
        pytest.param(binary(4000, 8), id="few flagged"),
        pytest.param(binary(60, 1), id="one flagged"),
        pytest.param(multiclass(6), id="six rows of classes"),
        pytest.param(amounts(6), id="six amounts"),
    ],
)
def test_nothing_is_said_of_a_hundred_that_are_not_there(metrics):
    trained = {headline_metric(metrics.task): {"value": 0.5}}
    assert " 100 " not in str(evaluation_headline(metrics, trained))


@pytest.mark.parametrize(
    ("was", "said"),
    [
        pytest.param(0.10, "25 were lost: better than when trained (10)", id="better"),
        pytest.param(0.60, "25 were lost: worse than when trained (60)", id="worse"),
        pytest.param(0.26, "25 were lost: about as when trained (26)", id="alike"),
    ],
)
def test_the_headline_compares_with_the_training(
    was,
    said,
):
    """Better and worse are said where the interval of the difference excludes none."""
    trained = {"precision": {"value": was, "low": was - 0.02, "high": was + 0.02}}
    headline = evaluation_headline(binary(800, 400), trained, "loans", "lost")
    assert said in str(headline)


def test_a_smaller_error_is_better_than_when_trained():
    trained = {"mae": {"value": 20.0, "low": 19.0, "high": 21.0}}
    headline = str(evaluation_headline(amounts(500), trained, "loans"))
    assert "off by 8 on average: better than when trained (20)" in headline
