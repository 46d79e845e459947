"""A published past makes the features of training of one event at a time, or says why not."""

import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.data.feature_store import read_feature_store, write_feature_store
from mlops_nb.data.feature_table import build_features
from mlops_nb.data.settings import DataSettings
from mlops_nb.data.window_rows import WindowRows
from mlops_nb.data.windows import Window

FEATURES = """
import pandas as pd

from mlops_nb.data.features import features


@features(
    sources=("sales", "shops"),
    lookback="8D",
    average=("float32", "Mean amount of the shop, one week"),
    size=("float32", "Size of the shop"),
    doubled=("float32", "Rank of the shop, doubled"),
)
def shop_past(events, history):
    size = history.last("shops", ["shop"], ["size"])["size"]
    average = history.mean("sales", ["shop"], "amount", over="7D", weight=3)
    return pd.DataFrame({"average": average, "size": size, "doubled": events["rank"] * 2.0})
"""
START = pd.Timestamp("2024-03-01")
SETTINGS = DataSettings(
    source="a.csv",
    target="bought",
    time="at",
    keys=["visit"],
    period="M",
)


def write_module(folder):
    """Write the module with features and return the section `features` that names it."""
    name = f"features_{folder.name.replace('-', '_')}"
    (folder / f"{name}.py").write_text(FEATURES)
    return {"modules": [name], "columns": ["shop", "rank"]}


def random_times(rng, rows):
    """Return times in the 40 days from START on."""
    return START + pd.to_timedelta(rng.integers(0, 40 * 1440, rows), unit="min")


@pytest.fixture
def window():
    """Visits of a month with gaps, sales before each, and shops that are known always."""
    rng = np.random.default_rng(3)
    sales = pd.DataFrame({"shop": rng.choice(["a", "b", "ü"], 400)})
    sales["amount"] = rng.normal(20, 7, 400).astype("float32")
    sales["known_at"] = random_times(rng, 400)
    shops = pd.DataFrame({"shop": ["a", "b"], "size": [3, 5], "known_at": pd.NaT})
    shops["known_at"] = shops["known_at"].astype("datetime64[us]")
    visits = pd.DataFrame({"visit": range(60)})
    visits["shop"] = pd.Categorical(rng.choice(["a", "b", "ü", "new"], 60))
    visits["rank"] = rng.integers(0, 9, 60)
    visits["at"] = random_times(rng, 60)
    visits["bought"] = rng.integers(0, 2, 60)
    month = Window("current", START, START + pd.Timedelta("40D"), pd.Timedelta("8D"))
    return WindowRows(
        month, SETTINGS, visits, 0, {"sales": sales, "shops": shops, "other": sales}
    )


@pytest.fixture
def definition(tmp_path, monkeypatch):
    """The section `features` with a module of its own."""
    monkeypatch.syspath_prepend(tmp_path)
    return write_module(tmp_path)


@pytest.fixture
def store(tmp_path, window, definition):
    """What was published and read again."""
    write_feature_store(tmp_path / "store.sqlite", window, definition)
    return read_feature_store(tmp_path / "store.sqlite")


def requests_of(rows):
    """Return rows as a client says them: times as text, without the target."""
    told = rows.drop(columns="bought").astype({"shop": "str"})
    return told.assign(at=told["at"].map(pd.Timestamp.isoformat)).to_dict("records")


def test_features_of_one_event_are_those_of_the_window(
    store,
    window,
    definition,
):
    together = build_features(
        window.rows,
        window.history,
        "at",
        definition,
        "bought",
        ["visit"],
    )
    made = []
    for request in requests_of(window.rows):
        made.append(store.make_features(store.to_events([request])))
    got = pd.concat(made, ignore_index=True)
    numbers = ["rank", "doubled", "average", "size"]
    pd.testing.assert_frame_equal(got[numbers], together[numbers], check_exact=True)
    assert got["shop"].tolist() == together["shop"].tolist()


def test_tables_that_no_feature_asks_are_left_out(store):
    assert set(store.index.sorted_tables.tables) == {"sales", "shops"}


def test_what_is_known_until_is_the_last_row(
    store,
    window,
):
    assert store.known_until == window.history["sales"]["known_at"].max()


TIMES = {
    "with a zone": "2024-03-20T12:00:00+09:00",
    "in UTC": "2024-03-20T03:00:00Z",
    "without a zone": "2024-03-20T03:00:00",
}


@pytest.mark.parametrize("said", TIMES.values(), ids=TIMES)
def test_times_of_a_request_are_utc(
    store,
    said,
):
    events = store.to_events([{"visit": 1, "shop": "a", "rank": 2, "at": said}])
    assert events["at"].tolist() == [pd.Timestamp("2024-03-20 03:00")]


def test_a_gap_in_whole_numbers_stays_a_gap(store):
    request = {"visit": 1, "shop": None, "rank": None, "at": "2024-03-20"}
    made = store.make_features(store.to_events([request]))
    assert made["doubled"].isna().all()
    assert made["size"].isna().all()


HELD = {
    "a whole number": (2, "int64"),
    "a fraction": (2.5, "float64"),
    "a number beyond 64 bits": (2.0**70, "float64"),
    "nothing": (None, "float64"),
}


@pytest.mark.parametrize(("rank", "dtype"), HELD.values(), ids=HELD)
def test_no_value_of_a_request_is_bent_into_a_type(
    store,
    rank,
    dtype,
):
    request = {"visit": 1, "shop": "a", "rank": rank, "at": "2024-03-20"}
    events = store.to_events([request])
    assert str(events["rank"].dtype) == dtype
    assert events["rank"].tolist() == pytest.approx([rank or np.nan], nan_ok=True)


def test_same_rows_same_bytes(
    tmp_path,
    window,
    definition,
    store,
):
    again = tmp_path / "again.sqlite"
    assert write_feature_store(again, window, definition) == store.digest


def test_another_definition_is_refused(
    tmp_path,
    store,
):
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            'UPDATE settings SET json = replace(json, \'"average": "\', \'"average": "0\')'
        )
        database.commit()
    with pytest.raises(UserError, match="another definition of average"):
        read_feature_store(path)


def write_text(path):
    path.write_text("no database")


def write_empty(path):
    path.write_bytes(b"")


def write_other_database(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE settings (json TEXT)")
        database.commit()


def write_half(path):
    path.write_bytes(path.read_bytes()[:5000])


DAMAGE = (write_text, write_empty, write_other_database, write_half)


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_what_is_no_store_is_refused_in_words(
    tmp_path,
    store,
    damage,
):
    path = tmp_path / "store.sqlite"
    damage(path)
    with pytest.raises(UserError, match="publish it again"):
        read_feature_store(path)


def test_no_time_no_store(
    tmp_path,
    window,
    definition,
):
    timeless = SETTINGS.model_copy(update={"time": None})
    without = WindowRows(window.window, timeless, window.rows, 0, window.history)
    with pytest.raises(UserError, match="each row brings its features"):
        write_feature_store(tmp_path / "store.sqlite", without, definition)


def test_names_that_differ_in_case_only_are_refused(
    tmp_path,
    window,
    definition,
):
    sales = window.history["sales"].assign(AMOUNT=1.0)
    history = window.history | {"sales": sales}
    doubled = WindowRows(window.window, SETTINGS, window.rows, 0, history)
    with pytest.raises(UserError, match="differ by more than their case"):
        write_feature_store(tmp_path / "store.sqlite", doubled, definition)


def test_another_file_is_never_overwritten(
    tmp_path,
    window,
    definition,
):
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(UserError, match="name another file"):
        write_feature_store(notes, window, definition)
    assert notes.read_text() == "mine"
