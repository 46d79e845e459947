"""What a score costs: the quick model beside `Model.predict`, in one process on one processor.

python benchmarks/serving_model.py: the champion of this checkout on its current window, and the
default blend on public tables. The answers are compared before anything is timed.
"""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from mlops_nb.core.project import project_root
from mlops_nb.modeling.model import Model
from mlops_nb.modeling.persistence import load_model
from mlops_nb.modeling.threads import limit_threads
from mlops_nb.modeling.training import train_model
from mlops_nb.serving.fast_model import FastModel, quicken_model

MANY = 1000
HEAD = "model | one row, µs | times | rows/s of 1,000 | times | difference | ready, s"
PUBLIC = {
    "binary": load_breast_cancer,
    "multiclass": load_wine,
    "regression": load_diabetes,
}


@dataclass
class Case:
    """A model, and rows for it."""

    name: str
    model: Model
    rows: list


def champion_case():
    """Return the champion of this checkout, and rows of the current window."""
    data = project_root() / "data"
    model = load_model(data / "champion")
    table = pd.read_parquet(data / "features" / "current.parquet")
    return Case("champion", model, table[[*model.inputs]][:MANY].to_dict("records"))


def blend_case(task):
    """Return the default blend of a public table, and a thousand rows of it with gaps."""
    X, y = PUBLIC[task](return_X_y=True)
    table = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    table = table.mask(np.random.default_rng(0).random(X.shape) < 0.05).assign(y=y)
    table = table.sample(MANY, replace=True, random_state=0)
    model = train_model(table, {"target": "y", "task": task}, estimator="auto").model
    rows = table.drop(columns="y").to_dict("records")
    return Case(f"blend, {PUBLIC[task].__name__[5:]}", model, rows)


def seconds(
    score,
    rows,
    repeats,
):
    """Return how long the middle one of some calls took."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        score(rows)
        took.append(time.perf_counter() - start)
    return float(np.median(took))


def greatest_difference(
    fast,
    slow,
    rows,
):
    """Return by how much answers differ, relatively."""
    found = fast.predict_rows(rows).values
    expected = slow.predict_rows(rows).values
    return float(np.max(np.abs(found - expected) / np.abs(expected)))


def measure(case):
    """Return a line of the table."""
    start = time.perf_counter()
    fast = quicken_model(case.model)
    ready = time.perf_counter() - start
    if fast.reason:
        return f"{case.name} | {fast.reason}"
    slow = FastModel(case.model)
    difference = greatest_difference(fast, slow, case.rows)
    one = seconds(fast.predict_rows, case.rows[:1], 1000)
    slow_one = seconds(slow.predict_rows, case.rows[:1], 30)
    many = seconds(fast.predict_rows, case.rows, 15)
    slow_many = seconds(slow.predict_rows, case.rows, 15)
    cells = [case.name, f"{one * 1e6:.0f}", f"{slow_one / one:.0f}"]
    cells += [f"{MANY / many:,.0f}", f"{slow_many / many:.1f}"]
    return " | ".join([*cells, f"{difference:.1e}", f"{ready:.2f}"])


def main():
    """Print the table."""
    print(HEAD)
    with limit_threads():
        print(measure(champion_case()), flush=True)
        for task in PUBLIC:
            print(measure(blend_case(task)), flush=True)


if __name__ == "__main__":
    main()
