"""Labels that come in a file of their own find their rows by exact keys."""

import numpy as np
import pandas as pd
import pytest
from helpers.monitored_tables import monitor_tables

from mlops_nb.core.errors import UserError
from mlops_nb.monitoring.outcomes import read_outcomes

FIRST = 20240101000000001  # of 200 such ids, floats tell 51 apart


def draw_rows(rows=200):
    """Draw rows that a model tells apart perfectly."""
    outcome = np.arange(rows) % 2
    return pd.DataFrame(
        {
            "id": FIRST + np.arange(rows),
            "x": np.arange(rows) % 7,
            "p": np.where(outcome == 1, 0.9, 0.1),
            "y": outcome,
        }
    )


def with_blank_key(labels):
    """Return labels with one line more that has no key, as integers beside a gap."""
    blank = pd.DataFrame({"id": [pd.NA], "y": [1]})
    return pd.concat([labels.astype({"id": "Int64"}), blank], ignore_index=True)


def as_text(labels):
    return labels.astype({"id": "str"})


def with_padding(labels):
    return labels.assign(id=" " + labels.id.astype(str) + " ")


def as_categories(labels):
    return labels.astype({"id": "category"})


def write(
    table,
    folder,
    name,
):
    """Write a table as the name says."""
    file = folder / name
    if file.suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file, index=False)
    return file


def join(
    rows,
    labels,
):
    """Monitor rows whose labels come by key."""
    return monitor_tables(rows, rows, "p", "y", key="id", outcomes=labels)


def realised_auc(assessment):
    return assessment.windows[-1]["realised"]["auc"]


@pytest.mark.parametrize("rows_as", ["rows.csv", "rows.parquet"])
@pytest.mark.parametrize("labels_as", ["labels.csv", "labels.parquet"])
@pytest.mark.parametrize(
    "store",
    [
        pytest.param(lambda table: table, id="integers"),
        pytest.param(with_blank_key, id="one blank key"),
        pytest.param(as_text, id="text"),
        pytest.param(with_padding, id="padded text"),
        pytest.param(as_categories, id="categories"),
    ],
)
def test_keys_are_exact_however_they_are_stored(
    tmp_path,
    rows_as,
    labels_as,
    store,
):
    table = draw_rows()
    rows = write(table.drop(columns="y"), tmp_path, rows_as)
    labels = write(store(table[["id", "y"]]), tmp_path, labels_as)
    auc = realised_auc(join(rows, labels))
    assert auc["value"] == 1.0
    assert auc["n"] == 200


@pytest.mark.parametrize("labels_as", ["labels.csv", "labels.parquet"])
def test_small_keys_may_be_floats_beside_integers(
    tmp_path,
    labels_as,
):
    table = draw_rows().assign(id=range(200))
    as_floats = table[["id", "y"]].astype({"id": float})
    as_floats.loc[200] = [np.nan, 1]
    got = join(table.drop(columns="y"), write(as_floats, tmp_path, labels_as))
    assert realised_auc(got)["value"] == 1.0
    assert realised_auc(got)["n"] == 200


@pytest.mark.parametrize("labels_as", ["labels.csv", "labels.parquet"])
def test_floats_that_stand_for_several_keys_are_refused(
    tmp_path,
    labels_as,
):
    table = draw_rows()
    damaged = table[["id", "y"]].astype({"id": float})
    labels = write(damaged, tmp_path, labels_as)
    with pytest.raises(UserError, match="whole numbers or text"):
        join(table.drop(columns="y"), labels)


@pytest.mark.parametrize("labels_as", ["labels.csv", "labels.parquet"])
def test_leading_zeros_belong_to_a_key(
    tmp_path,
    labels_as,
):
    """007 and 7 are two customers."""
    table = draw_rows(400)
    padded = [f"{i:03d}" for i in range(200)]
    plain = [f"{i}" for i in range(200)]
    table["id"] = padded + plain
    table = table.drop_duplicates("id")
    table["y"] = [name.startswith("0") for name in table.id]
    table["p"] = np.where(table.y, 0.9, 0.1)
    rows = write(table.drop(columns="y"), tmp_path, "rows.csv")
    labels = write(table[["id", "y"]].astype({"y": int}), tmp_path, labels_as)
    auc = realised_auc(join(rows, labels))
    assert auc["value"] == 1.0
    assert auc["n"] == len(table)


@pytest.mark.parametrize("key", ["NA", "N/A", "#N/A"])
def test_a_key_may_look_like_a_missing_value(
    tmp_path,
    key,
):
    """Namibia is NA."""
    countries = pd.DataFrame({"id": ["DE", key, "FR"], "y": [0, 1, 0]})
    outcomes = read_outcomes(write(countries, tmp_path, "labels.csv"), "id", "y")
    assert outcomes.by_key.to_dict() == {"DE": 0, key: 1, "FR": 0}


def test_blank_keys_are_counted_and_left_out():
    table = draw_rows()
    rows = table.drop(columns="y").astype({"id": "Int64"})
    rows.loc[[3, 5], "id"] = pd.NA
    got = join(rows, with_blank_key(table[["id", "y"]]))
    notes = "\n".join(map(str, got.notes))
    assert "1 line of the labels has no id" in notes
    assert "window 1: 2 rows have no id" in notes
    assert realised_auc(got)["n"] == 198


def test_the_last_known_label_of_a_key_counts(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("id,y\n1,0\n2,0\n1,1\n1,\n3,\n2,0\n")
    outcomes = read_outcomes(labels, "id", "y")
    assert outcomes.by_key.to_dict() == {"1": 1, "2": 0}
    assert outcomes.repeated == 2
    (note,) = outcomes.notes()
    assert str(note).startswith("2 values of id occur more than once")


def test_a_blank_label_is_not_known():
    labels = pd.DataFrame({"id": ["a", "a", "b"], "y": ["yes", " ", ""]})
    assert read_outcomes(labels, "id", "y").by_key.to_dict() == {"a": "yes"}


def test_rows_that_entered_a_metric_are_counted():
    table = draw_rows()
    current = table.assign(p=table.p.mask(table.index < 20))
    got = monitor_tables(table, current, "p", "y")
    assert realised_auc(got)["n"] == 180


def test_a_window_that_no_label_finds_is_told():
    table = draw_rows()
    late = table.drop(columns="y").assign(id=range(200))
    labels = table[["id", "y"]]
    roles = {"key": "id", "outcomes": labels}
    got = monitor_tables(table.drop(columns="y"), late, "p", "y", **roles)
    assert any("no outcome matched a row by id" in str(note) for note in got.notes)


def split_in_two(rows=400):
    """Draw rows of before with their labels, rows of now without, and the labels of now."""
    table = draw_rows(rows).assign(y=lambda table: table.y.map({0: "No", 1: "Yes"}))
    before = table.iloc[: rows // 2]
    now = table.iloc[rows // 2 :]
    return before, now.drop(columns="y"), now[["id", "y"]]


YES = {"key": "id", "positive": "Yes"}


def test_a_table_keeps_its_labels_where_the_file_says_nothing():
    before, now, labels = split_in_two()
    got = monitor_tables(before, now, "p", "y", outcomes=labels, **YES)
    assert realised_auc(got)["value"] == 1.0
    assert not any("absent from the reference" in str(note) for note in got.notes)


def test_classes_of_a_table_stay_where_the_file_says_nothing():
    before, now, labels = split_in_two()
    before, now = (
        each.assign(p_Yes=each.p, p_No=1 - each.p).drop(columns="p")
        for each in (before, now)
    )
    scores = {"class_scores": ("p_Yes", "p_No"), "key": "id"}
    got = monitor_tables(before, now, label="y", outcomes=labels, **scores)
    assert got.windows[-1]["realised"]["accuracy"]["value"] == 1.0
    assert "new_values:y" not in {finding.id for finding in got.verdict.findings}


def test_the_file_wins_over_labels_of_a_table_and_says_how_often():
    before, now, labels = split_in_two()
    wrong = now.assign(y="Yes")
    got = monitor_tables(before, wrong, "p", "y", outcomes=labels, **YES)
    assert realised_auc(got)["value"] == 1.0
    notes = "\n".join(map(str, got.notes))
    assert "window 1: 100 rows have different labels" in notes


def test_a_blank_in_the_file_leaves_the_label_of_the_table():
    before, now, labels = split_in_two()
    blank = labels.assign(y=" ")
    got = monitor_tables(before, now.merge(labels), "p", "y", outcomes=blank, **YES)
    assert realised_auc(got)["n"] == 200
