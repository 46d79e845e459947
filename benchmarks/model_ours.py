"""Our own models on the same tables, through `train_model`, as the stage `train` calls it.

`python model_ours.py TABLES RESULTS SEED NAME …` appends a line of JSON for each table and model
that is not there yet. The plain booster of the peers runs beside them: it is the clock.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from model_peers import constant, plain_booster, run_models
from model_splits import Table

from mlops_nb.core.errors import UserError
from mlops_nb.modeling.training import train_model


def data_section(table: Table) -> dict:
    """Return what params.yaml would say of a table."""
    section = {"target": "y", "task": table.task, "time": table.time, "keys": []}
    if table.task == "binary":
        section["positive"] = 1
    return section


def class_shares(
    table: Table,
    predictions: pd.DataFrame,
) -> np.ndarray:
    """Return the probabilities of the classes, a column each, in their order."""
    if table.task == "binary":
        of_positive = predictions["score"].to_numpy()
        return np.column_stack([1 - of_positive, of_positive])
    names = [f"score_{i}" for i in range(table.n_classes)]
    return predictions[names].to_numpy()


def fit_ours(
    table: Table,
    estimator: str,
) -> np.ndarray:
    """Train as the stage does; return numbers, or probabilities, of the late rows.

    A table on which an estimator refuses to learn, because nothing but the time is known of its
    rows, gets a constant.
    """
    section = data_section(table)
    try:
        trained = train_model(
            table.early,
            section,
            estimator=estimator,
            seed=table.seed,
        )
    except UserError as error:
        if "feature columns" not in str(error):
            raise
        return constant(table)
    predictions = trained.model.predict(table.late)
    if table.task == "regression":
        return predictions["score"].to_numpy()
    return class_shares(table, predictions)


OURS = {
    "clock": plain_booster,
    "booster": partial(fit_ours, estimator="booster"),
    "auto": partial(fit_ours, estimator="auto"),
}


if __name__ == "__main__":
    tables_folder, results_file, chosen_seed, *chosen = sys.argv[1:]
    run_models(OURS, Path(tables_folder), Path(results_file), int(chosen_seed), chosen)
