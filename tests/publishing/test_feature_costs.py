"""What features cost to compute, of the example."""

import json
import sys

import pytest
from helpers.project import run_shell

MEASURE = """
import json
from mlops_nb.publishing.feature_costs import measure_feature_costs
costs = measure_feature_costs()
print(json.dumps([costs.row_count, costs.groups]))
"""
MOST_SECONDS = 2  # of CPU, for 100,000 rows


@pytest.fixture(scope="module")
def costs(ran):
    """Return how many flights there are, and cost and gain of each group of features."""
    printed = run_shell(sys.executable, "-c", MEASURE, cwd=ran).stdout
    return json.loads(printed.splitlines()[-1])


def test_every_feature_is_worth_its_time(costs):
    """Of flights: no group takes long, and each brings something."""
    row_count, groups = costs
    assert len(groups) >= 5
    for group in groups:
        assert group["seconds"] / row_count * 100_000 < MOST_SECONDS, group
        assert group["importance"] > 0, group
