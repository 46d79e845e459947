"""Models saved and monitored in this process, as the stages of a project do it."""

from mlops_nb.modeling.measurement import compute_metrics
from mlops_nb.modeling.persistence import load_model, save_model
from mlops_nb.monitoring.champion_window import (
    ScoredRows,
    load_shadow,
    measure_scored_rows,
    read_model_reference,
)
from mlops_nb.monitoring.model_reference import build_model_reference, select_held_out
from mlops_nb.monitoring.monitor import monitor


def save_trained(
    folder,
    table,
    fitted,
    time=None,
):
    """Save a model with what the monitor needs, as the stage does."""
    held_out = select_held_out(fitted, table, time)
    task = fitted.model.task
    metrics = compute_metrics(task, held_out.outcome, fitted.validation_predictions)
    files = build_model_reference(fitted, table, table[[]], held_out, metrics, time)
    return save_model(folder, fitted, files)


def assess_saved(
    folder,
    rows,
):
    """Monitor a saved model, as the stage does."""
    champion = load_model(folder)
    scored = champion.predict(rows).assign(y=rows.y)
    shadow = load_shadow(folder, champion)
    of_rows = ScoredRows(champion, folder, rows, scored, ("y",), shadow=shadow)
    reference = read_model_reference(folder, champion.task)
    return monitor(reference, measure_scored_rows(reference, of_rows, "April", []))
