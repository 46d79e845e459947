"""What each side of `make bench-monitor` runs, in an environment of its own.

Each side loads what a task needs and returns a function that computes it. Only the standard
library is imported at the top: no side has the others' packages.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from monitor_input import CATEGORIES, COLUMNS, INPUT, MONTHS, NUMBERS, REFERENCE

TASKS = {"month": MONTHS[:1], "sweep": MONTHS, "js": MONTHS, "cbpe": MONTHS}
JS_COLUMN = "js"  # of the comparison, the Jensen–Shannon distance in base 2
ESTIMATED = {"roc_auc": "auc", "accuracy": "accuracy", "f1": "f1"}  # by NannyML's name
BYTES_PER_MB = 2**20

Compute = Callable[[], dict]


def load(
    folder: Path,
    task: str,
):
    """Return reference and windows of a task as DataFrames.

    Categories are pandas categories: NannyML is faster with them than with text, Evidently no
    slower.
    """
    import pandas as pd

    names = [REFERENCE, *TASKS[task]]
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}
    return frames.pop(REFERENCE), frames


def read_evidently_report(report: dict) -> dict:
    """Return method and value of each column."""
    drifts = [metric for metric in report["metrics"] if "method" in metric["config"]]
    return {
        metric["config"]["column"]: [metric["config"]["method"], metric["value"]]
        for metric in drifts
    }


def evidently(
    task: str,
    folder: Path,
    path: str = "",
) -> Compute:
    """Make the drift report with default methods as JSON, each window against the reference.

    Args:
        task: what to compute.
        folder: where the input is.
        path: a file to take instead of the windows.
    """
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    whole, windows = load(folder, "month" if path else task)
    if path:
        windows = {"scale": pd.read_parquet(path)}
    reference = whole[COLUMNS]
    windows = {name: window[COLUMNS] for name, window in windows.items()}
    definition = DataDefinition(
        numerical_columns=NUMBERS, categorical_columns=CATEGORIES
    )

    def compute() -> dict:
        old = Dataset.from_pandas(reference, data_definition=definition)
        reports = {}
        for name, window in windows.items():
            new = Dataset.from_pandas(window, data_definition=definition)
            report = Report([DataDriftPreset()]).run(new, old)
            reports[name] = json.loads(report.json())
        return {name: read_evidently_report(report) for name, report in reports.items()}

    return compute


def nannyml_drift(
    reference,
    current,
    months: list[str],
) -> Compute:
    """Compute univariate drift with the default method."""
    from nannyml import UnivariateDriftCalculator

    method = "jensen_shannon"

    def compute() -> dict:
        calculator = UnivariateDriftCalculator(
            column_names=COLUMNS,
            timestamp_column_name="time",
            chunk_period="M",
        )
        drift = calculator.fit(reference).calculate(current)
        found = drift.filter(period="analysis").to_df()
        by_month = {}
        for i, month in enumerate(months):
            by_month[month] = {
                column: [method, float(found.iloc[i][(column, method, "value")])]
                for column in COLUMNS
            }
        return by_month

    return compute


def nannyml_performance(
    reference,
    current,
    months: list[str],
) -> Compute:
    """Estimate performance without labels."""
    from nannyml import CBPE

    def compute() -> dict:
        estimator = CBPE(
            metrics=list(ESTIMATED),
            y_pred="flagged",
            y_pred_proba="score",
            y_true="late",
            problem_type="classification_binary",
            timestamp_column_name="time",
            chunk_period="M",
        )
        estimate = estimator.fit(reference).estimate(current)
        found = estimate.filter(period="analysis").to_df()
        by_month = {}
        for i, month in enumerate(months):
            by_month[month] = {
                metric: ["estimated", float(found.iloc[i][(metric, "value")])]
                for metric in ESTIMATED
            }
        return by_month

    return compute


def nannyml(
    task: str,
    folder: Path,
) -> Compute:
    """Compute drift, or the performance estimate, by calendar month.

    The reference is three chunks.
    """
    import warnings

    import pandas as pd

    importlib.import_module("nannyml")  # it may change which warnings are shown
    warnings.simplefilter("ignore")
    reference, windows = load(folder, task)
    current = pd.concat(windows.values(), ignore_index=True)
    months = list(windows)
    if task == "cbpe":
        known = reference[reference["late"].notna()]
        return nannyml_performance(known, current, months)
    return nannyml_drift(reference, current, months)


# ======== our side: the only place that knows the package's interface ========


def ours(
    task: str,
    folder: Path,
    path: str = "",
) -> Compute:
    """Profile the reference once and every window, and compute all statistics between them.

    Args:
        task: what to compute.
        folder: where the input is.
        path: a file to pass over once instead.
    """
    from mlops_nb.data.profile_stream import profile_file

    if path:
        return lambda: {"rows": profile_file(path).rows}
    if task == "cbpe":
        reference, windows = load(folder, task)
        return lambda: estimate_performance(reference, windows)
    return our_drift(task, folder)


def our_drift(
    task: str,
    folder: Path,
) -> Compute:
    """Compute all statistics between the profiles of the reference and of every window."""
    from pyarrow import parquet

    from mlops_nb.data.profile import profile_table
    from mlops_nb.monitoring.column_comparison import compare_profiles

    if task != "js":
        importlib.import_module("scipy.special")  # what p-values come from
    tables = {
        name: parquet.read_table(
            folder / f"{name}.parquet", columns=COLUMNS, use_threads=False
        )
        for name in [REFERENCE, *TASKS[task]]
    }
    whole = tables.pop(REFERENCE)
    only = (JS_COLUMN,) if task == "js" else ()

    def compute() -> dict:
        reference = profile_table(whole)
        # no finer than what it is held against
        hints = {
            name: column.dropped_bits for name, column in reference.columns.items()
        }
        found = {}
        for name, table in tables.items():
            window = profile_table(table, dropped_bits=hints)
            found[name] = read_comparison(
                compare_profiles(reference, window, only=only)
            )
        return found

    return compute


def read_comparison(comparison) -> dict:
    """Return every number of a table of differences, by column of the data."""
    lists = {name: comparison[name].tolist() for name in comparison}
    numbers = {}
    for i, column in enumerate(lists.pop("column")):
        row = {name: values[i] for name, values in lists.items()}
        numbers[str(column)] = {
            name: float(value)
            for name, value in row.items()
            if isinstance(value, (int, float))
        }
    return numbers


def estimate_performance(
    reference,
    windows: dict,
) -> dict:
    """Estimate metrics of each window, as NannyML's CBPE gives them.

    That is without intervals that resample the reference.
    """
    import numpy as np

    from mlops_nb.data.profile import profile_table
    from mlops_nb.monitoring.binning import align_columns
    from mlops_nb.monitoring.calibration import calibrate
    from mlops_nb.monitoring.performance_estimate import estimate_from_histogram

    by_label = [
        profile_table(reference.loc[reference["late"] == label, ["score"]])
        for label in (1, 0)
    ]
    both = align_columns(*(profile.columns["score"] for profile in by_label))
    known = calibrate(both.values, both.reference, both.current)
    estimates = {}
    for name, window in windows.items():
        score = profile_table(window[["score"]]).columns["score"]
        values = np.clip(score.bucket_values, 0, 1)
        found = estimate_from_histogram(values, score.bucket_counts, known, 0.5)
        estimates[name] = {
            metric: {"estimated": found[key]["value"]}
            for metric, key in ESTIMATED.items()
        }
    return estimates


# ======== end of our side ========


def decode(
    task: str,
    folder: Path,
    path: str = "",
) -> Compute:
    """Merely decode a Parquet file, batch by batch, one thread.

    That is what any one pass over it costs at least.
    """
    from pyarrow.parquet import ParquetFile

    def compute() -> dict:
        batches = ParquetFile(path).iter_batches(use_threads=False)
        return {"rows": sum(map(len, batches))}

    return compute


SIDES = {"evidently": evidently, "nannyml": nannyml, "ours": ours, "decode": decode}


def peak_mb() -> float:
    """Return the most memory this process has held, in MB.

    ru_maxrss would include that of the process which started it.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    except (OSError, StopIteration):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (BYTES_PER_MB if sys.platform == "darwin" else 1024)


def run_side(
    side: str,
    task: str,
    *more: str,
) -> None:
    """Run one side in this process; the last line printed is what it cost and what it found."""
    try:
        compute = SIDES[side](task, INPUT, *more)
    except ImportError as error:
        if side != "ours":
            raise
        print(json.dumps({"missing": str(error)}))
        return
    begun = time.process_time()
    values = compute()
    costs = {
        "compute": time.process_time() - begun,
        "before": begun,
        "peak_mb": peak_mb(),
        "values": values,
    }
    print("\n" + json.dumps(costs))
