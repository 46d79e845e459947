"""What Evidently and NannyML say of the windows that were handed over to them.

`python calm_peers.py PEER` runs in the peer's own environment, so only the standard library is
imported at the top.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent))  # a peer runs with -P

from calm_setup import CATEGORIES, FAULTS, HOME

NO_COLUMNS = ("prediction", "late", "time")
METRICS = ("roc_auc", "f1", "precision")


def read_rows(path: Path) -> Any:
    """Read rows, with categories as pandas categories."""
    import pandas as pd

    return pd.read_parquet(path).astype(dict.fromkeys(CATEGORIES, "category"))


def read_job(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return the reference, and the windows by name."""
    windows = {
        path.stem.replace("%", "/"): read_rows(path)
        for path in sorted(folder.glob("*.parquet"))
        if path.stem != "reference"
    }
    return read_rows(folder / "reference.parquet"), windows


def watched_columns(
    job: str,
    name: str,
    columns: list[str],
) -> list[str]:
    """Return the columns that a window is judged by.

    Where faults are put in, those that they touch, as a column's test does not depend on the
    others.
    """
    if not job.startswith("faults"):
        return columns
    faults = [name.partition("|")[0]] if "|" in name else FAULTS
    touched = {name for fault in faults for name in FAULTS[fault]}
    return sorted({"score", *touched.intersection(columns)})


# ---- Evidently ----


def drifts(metric: dict) -> bool:
    """Say whether a column drifts by the default method and threshold."""
    method = metric["config"]["method"]
    threshold = metric["config"]["threshold"]
    if "p_value" in method:
        return metric["value"] < threshold
    return metric["value"] >= threshold


def read_evidently(report: dict) -> dict:
    """Return which columns drift, and whether the data set does."""
    tests = [metric for metric in report["metrics"] if "method" in metric["config"]]
    drifted = [metric["config"]["column"] for metric in tests if drifts(metric)]
    return {"columns": drifted, "dataset": len(drifted) >= len(tests) / 2}


def report_on_window(
    kinds: Any,
    reference: Any,
    window: Any,
    watched: list[str],
) -> dict:
    """Return which of the watched columns of a window drift, and whether the data set does."""
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    try:
        current = Dataset.from_pandas(window, data_definition=kinds)
        report = Report([DataDriftPreset(columns=watched)]).run(current, reference)
        return read_evidently(json.loads(report.json()))
    except ValueError as error:  # a column without any value, which it names
        empty = [column for column in window if f"'{column}'" in str(error)]
        return {"columns": empty, "dataset": False, "raised": str(error)}


def evidently(
    job: str,
    folder: Path,
) -> dict:
    """Return by window the columns that drift, and whether the data set does."""
    from evidently import DataDefinition, Dataset

    rows, windows = read_job(folder)
    columns = [column for column in rows if column not in NO_COLUMNS]
    numbers = [column for column in columns if column not in CATEGORIES]
    kinds = DataDefinition(numerical_columns=numbers, categorical_columns=CATEGORIES)
    reference = Dataset.from_pandas(rows[columns], data_definition=kinds)
    said = {}
    for name, window in windows.items():
        # only the categories that the window has
        window[CATEGORIES] = window[CATEGORIES].astype(object).astype("category")
        watched = watched_columns(job, name, columns)
        said[name] = report_on_window(kinds, reference, window[columns], watched)
    return said


# ---- NannyML ----


def date_windows(windows: dict[str, Any]) -> None:
    """Give each window without times a month of its own."""
    import pandas as pd

    for i, window in enumerate(windows.values()):
        if "time" not in window:
            month = pd.Timestamp(2010 + i // 12, i % 12 + 1, 1)
            window["time"] = month + pd.to_timedelta(range(len(window)), unit="min")


def join_windows(windows: dict[str, Any]) -> Any:
    """Return the rows of all windows."""
    import pandas as pd

    # categories differ from window to window
    plain = dict.fromkeys(CATEGORIES, object)
    parts = [window.astype(plain) for window in windows.values()]
    joined = pd.concat(parts, ignore_index=True)
    return joined.astype(dict.fromkeys(CATEGORIES, "category"))


def read_nannyml(
    calculator: Any,
    reference: Any,
    current: Any,
) -> Any:
    """Return what a calculator says of each month."""
    calculated = calculator.fit(reference).calculate(current)
    return calculated.filter(period="analysis").to_df()


def nannyml_drift(
    columns: list[str],
    reference: Any,
    current: Any,
) -> list[list[str]]:
    """Return for each month the columns with an alert of the default method."""
    import nannyml as nml

    calculator = nml.UnivariateDriftCalculator(
        column_names=columns,
        timestamp_column_name="time",
        chunk_period="M",
    )
    table = read_nannyml(calculator, reference, current)
    alerts = {column: table[(column, "jensen_shannon", "alert")] for column in columns}
    return alerts_by_row(alerts, len(table))


def nannyml_metrics(
    reference: Any,
    current: Any,
) -> list[list[str]]:
    """Return for each month the metrics with an alert."""
    import nannyml as nml

    calculator = nml.PerformanceCalculator(
        metrics=list(METRICS),
        y_true="late",
        y_pred="prediction",
        y_pred_proba="score",
        problem_type="classification_binary",
        timestamp_column_name="time",
        chunk_period="M",
    )
    known = reference[reference["late"].notna()]
    table = read_nannyml(calculator, known, current[current["late"].notna()])
    return alerts_by_row({name: table[(name, "alert")] for name in METRICS}, len(table))


def alerts_by_row(
    alerts: dict[str, Any],
    n_rows: int,
) -> list[list[str]]:
    """Return for each row the names that have an alert in it."""
    rows: list[list[str]] = [[] for _ in range(n_rows)]
    for name, column in alerts.items():
        for row, alert in zip(rows, column, strict=True):
            if bool(alert):
                row.append(name)
    return rows


def nannyml(
    job: str,
    folder: Path,
) -> dict:
    """Return by window the columns and the metrics with an alert.

    The reference is cut into months; each window is a month of its own.
    """
    warnings.simplefilter("ignore")
    reference, windows = read_job(folder)
    columns = [column for column in reference if column not in NO_COLUMNS]
    columns = watched_columns(job, "", columns)
    date_windows(windows)
    current = join_windows(windows)
    drift = nannyml_drift(columns, reference, current)
    metrics = nannyml_metrics(reference, current)
    return {
        name: {"columns": drift[i], "metrics": metrics[i]}
        for i, name in enumerate(windows)
    }


PEERS = {"evidently": evidently, "nannyml": nannyml}


def main() -> None:
    """Run one peer over every job; write what it says."""
    peer = sys.argv[1]
    folders = [path for path in sorted((HOME / "peers").iterdir()) if path.is_dir()]
    said = {folder.name: PEERS[peer](folder.name, folder) for folder in folders}
    (HOME / f"{peer}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
