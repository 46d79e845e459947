"""The input of `make bench-monitor`: flights of 2013 by window, and larger files drawn from them.

It is made in the project's environment; peers import the names of files and columns from here, so
only the standard library is imported at the top.
"""

import os
from pathlib import Path

INPUT = Path(__file__).resolve().parent.parent / ".mlops" / "bench_monitor"
CATEGORIES = ["carrier", "origin", "dest", "manufacturer"]
NUMBERS = [
    "distance",
    "hour",
    "weekday",
    "duration",
    "busy",
    "seats",
    "plane_year",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
]
COLUMNS = CATEGORIES + NUMBERS
REFERENCE = "reference"
FIRST_MONTH = 4  # those before are the reference
MONTHS = [f"2013-{month:02}" for month in range(FIRST_MONTH, 13)]
FLAGGED_FROM = 0.3  # of the score
GROUP_ROWS = 1_000_000


def name_window(month: int) -> str:
    """Return the window that a month belongs to."""
    return REFERENCE if month < FIRST_MONTH else f"2013-{month:02}"


def read_planes():
    """Return age, manufacturer and seats of the planes."""
    from mlops_nb.examples.flights import read_nycflights_csv

    columns = ["tailnum", "year", "manufacturer", "seats"]
    planes = read_nycflights_csv("planes.csv", columns)
    return planes.rename(columns={"year": "plane_year"})


def read_weather():
    """Return the weather at the three airports, by hour."""
    from mlops_nb.examples.flights import read_nycflights_csv

    weather = read_nycflights_csv("weather.csv")
    weather = weather.drop(columns=["year", "month", "day", "hour"])
    return weather.drop_duplicates(["origin", "time_hour"])


def flights():
    """Return all flights of 2013: the 20 columns, `time`, and the label `late`.

    The label is missing for cancelled flights.
    """
    import pandas as pd

    from mlops_nb.examples.flights import read_flights

    df = read_flights().rename(columns={"sched_dep": "time"})
    windows = df["month"].map(name_window).to_numpy()
    df["origin"] = df["origin"].astype(str)
    df["tailnum"] = df["tailnum"].astype(object)
    df = df.merge(read_planes(), how="left", on="tailnum")
    df = df.merge(read_weather(), how="left", on=["origin", "time_hour"])
    df["window"] = windows
    for column in CATEGORIES:
        texts = df[column].astype(object)
        categories = sorted(texts.dropna().astype(str).unique())
        df[column] = pd.Categorical(texts, categories=categories)
    types = dict.fromkeys([*NUMBERS, "late"], "float64")
    return df[["window", "time", *COLUMNS, "late"]].astype(types)


def scores(year):
    """Return P(late) by a model of the reference's flights.

    For those themselves it comes from models that have not seen them.
    """
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import KFold, cross_val_predict

    codes = {column: year[column].cat.codes for column in CATEGORIES}
    X = year[COLUMNS].assign(**codes).to_numpy("float64")
    y = year["late"].to_numpy()
    model = HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.1,
        max_leaf_nodes=15,
        random_state=0,
        early_stopping=False,
    )
    known = (year["window"].eq(REFERENCE) & year["late"].notna()).to_numpy()
    score = np.full(len(year), np.nan)
    score[~known] = model.fit(X[known], y[known]).predict_proba(X[~known])[:, 1]
    unseen = cross_val_predict(
        model,
        X[known],
        y[known],
        cv=KFold(3),
        method="predict_proba",
    )
    score[known] = unseen[:, 1]
    return score


def make_input(folder: Path) -> None:
    """Write reference.parquet and one file per month to a folder."""
    df = flights()
    df["score"] = scores(df)
    df["flagged"] = (df["score"] >= FLAGGED_FROM).astype("float64")
    folder.mkdir(parents=True, exist_ok=True)
    for name, window in df.groupby("window", sort=False):
        rows = window.drop(columns="window").reset_index(drop=True)
        rows.to_parquet(folder / f"{name}.parquet")


def scale_path(
    folder: Path,
    rows: int,
    copies: int = 1,
) -> Path:
    """Return the file with so many rows and copies of the columns."""
    return folder / f"scale-{rows}x{len(COLUMNS) * copies}.parquet"


def read_year(folder: Path):
    """Return the 20 columns of all windows as one table."""
    import pyarrow
    from pyarrow import parquet

    windows = [
        parquet.read_table(folder / f"{name}.parquet", columns=COLUMNS)
        for name in [REFERENCE, *MONTHS]
    ]
    bare = [window.replace_schema_metadata() for window in windows]
    return pyarrow.concat_tables(bare).unify_dictionaries().combine_chunks()


def scale_schema(copies: int):
    """Return names and types of the copied columns. Text is plain, as most files have it."""
    import pyarrow

    types = dict.fromkeys(CATEGORIES, pyarrow.string())
    types |= dict.fromkeys(NUMBERS, pyarrow.float64())
    fields = list(types.items())
    for copy in range(1, copies):
        fields += [(f"{column}_{copy}", kind) for column, kind in types.items()]
    return pyarrow.schema(fields)


def draw_rows(
    year,
    schema,
    rows: int,
    generator,
):
    """Return rows drawn from the year's flights, for each copy of the columns others."""
    import pyarrow

    copies = len(schema.names) // len(COLUMNS)
    drawn = [generator.integers(0, len(year), rows) for _ in range(copies)]
    columns = []
    for places in map(pyarrow.array, drawn):
        columns += [year[column].take(places) for column in COLUMNS]
    for place, column in enumerate(columns):
        if pyarrow.types.is_dictionary(column.type):
            columns[place] = column.cast(pyarrow.string())
    return pyarrow.table(columns, schema)


def make_scale(
    folder: Path,
    rows: int,
    copies: int,
) -> None:
    """Write rows drawn from the year's flights, with the 20 columns `copies` times."""
    import numpy as np
    from pyarrow import parquet

    year = read_year(folder)
    schema = scale_schema(copies)
    generator = np.random.default_rng(rows)
    path = scale_path(folder, rows, copies)
    with parquet.ParquetWriter(f"{path}.tmp", schema) as file:
        for start in range(0, rows, GROUP_ROWS):
            count = min(GROUP_ROWS, rows - start)
            drawn = draw_rows(year, schema, count, generator)
            file.write_table(drawn, row_group_size=GROUP_ROWS)
    os.replace(f"{path}.tmp", path)
