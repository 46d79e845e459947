"""Tables of models that somebody else trained, and the monitor run on them."""

import os
import sys

import numpy as np
import pandas as pd
from helpers.project import run_command

from mlops_nb.monitoring.column_roles import ColumnRoles
from mlops_nb.monitoring.monitor import monitor


def monitor_tables(
    reference,
    current,
    score=None,
    label=None,
    **roles,
):
    """Monitor tables whose columns have these roles."""
    return monitor(reference, current, ColumnRoles(score, label, **roles))


def monitor_orders(
    reference,
    current,
    **roles,
):
    """Monitor orders: `p` is the score, `bought` the label."""
    return monitor_tables(reference, current, "p", "bought", **roles)


def draw_orders(
    rows=4000,
    seed=0,
    fare=20.0,
):
    """Draw orders, with the probability that a model gave and whether it came true."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "fare": rng.gamma(3, fare, rows),
            "stops": rng.integers(0, 3, rows),
            "route": rng.choice(["A", "B", "C"], rows),
        }
    )
    table["p"] = 1 / (1 + np.exp(2 - table.fare / 40))
    table["bought"] = (rng.random(rows) < table.p).astype(float)
    return table


def draw_houses(
    rows=3000,
    seed=0,
    error=8.0,
):
    """Draw houses, with their price and what a model guessed, off by about `error`."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "area": rng.normal(100, 20, rows),
            "rooms": rng.integers(1, 6, rows),
        }
    )
    table["price"] = 3 * table.area + rng.normal(0, 10, rows)
    table["guess"] = 3 * table.area + rng.normal(0, error, rows)
    return table


def finding_ids(assessment):
    """Return the names of what was found."""
    return {finding.id for finding in assessment.verdict.findings}


def run_monitor_command(
    folder,
    *argv,
):
    """Run `mlops-nb monitor` in a folder, outside of any project."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MLOPS_NB")
    }
    command = [sys.executable, "-m", "mlops_nb", "monitor", *map(str, argv)]
    return run_command(command, folder, env, 120)
