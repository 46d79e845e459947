"""Scores are compared through the model before its last fit; the reference holds all rows."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from helpers.project import ROOT
from helpers.saved_model import assess_saved, save_trained

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import read_json
from mlops_nb.data.labelled_rows import sample_labelled_evenly
from mlops_nb.modeling.measurement import compute_metrics
from mlops_nb.modeling.persistence import load_model
from mlops_nb.modeling.training import train_model
from mlops_nb.monitoring.champion_window import (
    SHADOW_FILE,
    ScoredRows,
    load_shadow,
    measure_scored_rows,
    read_model_reference,
)
from mlops_nb.monitoring.model_reference import select_held_out
from mlops_nb.monitoring.monitor import monitor
from mlops_nb.monitoring.stage_exhibits import score_exhibits

CLASSES = {"estimator": "sklearn.linear_model.LogisticRegression"}
NUMBERS = {"estimator": "sklearn.linear_model.Ridge"}
AUTO = {"estimator": "auto"}


def read_settings(task):
    """The section `data` of a project."""
    return {"target": "y", "task": task, "positive": "1"}


def draw(
    rows,
    seed=0,
    task="binary",
):
    """Rows; where the outcome lacks, so does x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    y = x + rng.normal(size=rows)
    if task == "binary":
        y = (y > 0).astype(float)
    if task == "multiclass":
        y = pd.Series(np.digitize(y, [-1, 1])).map({0: "a", 1: "b", 2: "c"})
    table = pd.DataFrame({"x": x, "z": rng.normal(size=rows), "y": y})
    table.loc[rng.random(rows) < 0.15, ["x", "y"]] = np.nan
    return table


def fit(
    table,
    task="binary",
    **settings,
):
    """Train a model."""
    return train_model(table, read_settings(task), **(settings or CLASSES))


@pytest.fixture(scope="module")
def halves():
    """A table, split at random."""
    table = draw(3000)
    is_current = np.random.default_rng(1).random(3000) < 0.25
    return table[~is_current], table[is_current]


@pytest.fixture(scope="module")
def saved(
    halves,
    tmp_path_factory,
):
    """The folder of a model of the first half."""
    before, _ = halves
    return save_trained(tmp_path_factory.mktemp("model"), before, fit(before))


def test_a_random_half_in_which_x_lacks_with_the_outcome_is_calm(
    saved,
    halves,
):
    """It was said for ever that x is missing in 14.9 % of the rows, 0.0 % when trained."""
    assert assess_saved(saved, halves[1]).level == "ok"


def test_the_reference_counts_all_rows(
    saved,
    halves,
):
    before, _ = halves
    reference = read_json(saved / "reference.json")
    column = reference["features"]["profile"]["columns"]["x"]
    assert column["missing"] == before.x.isna().sum()
    assert reference["rules"] == 2


def test_the_model_learns_from_labelled_rows_only(
    saved,
    halves,
):
    before, _ = halves
    rows = load_model(saved).manifest["rows"]
    assert rows["train"] == before.y.notna().sum()
    assert rows["unlabelled"] == before.y.isna().sum()
    of_labelled = fit(before[before.y.notna()]).model
    assert of_labelled.predict(before).equals(load_model(saved).predict(before))


def test_scores_of_unlabelled_rows_belong_to_those_held_back(halves):
    before, _ = halves
    fitted = fit(before)
    held_out = select_held_out(fitted, before, None)
    labelled = len(held_out.labelled.scores)
    assert labelled == len(fitted.validation_predictions)
    share = (len(held_out.scores) - labelled) / before.y.isna().sum()
    assert share == pytest.approx(labelled / before.y.notna().sum(), abs=0.01)


def test_with_times_the_later_unlabelled_rows_belong_to_them(halves):
    before = halves[0].assign(at=pd.date_range("2024-01-01", periods=len(halves[0])))
    data = read_settings("binary") | {"time": "at"}
    fitted = train_model(before, data, **CLASSES)
    held_out = select_held_out(fitted, before, "at")
    first = before["at"].loc[fitted.validation_predictions.index].min()
    assert len(held_out.scores) == (before["at"] >= first).sum()
    assert held_out.times.min() == first


@pytest.mark.parametrize(
    ("task", "rows", "settings"),
    [
        pytest.param("binary", 400, CLASSES, id="two classes"),
        pytest.param("multiclass", 1500, CLASSES, id="three classes"),
        pytest.param("regression", 400, NUMBERS, id="numbers"),
        pytest.param("binary", 400, AUTO, id="two classes, auto"),
        pytest.param("multiclass", 1500, AUTO, id="three classes, auto"),
        pytest.param("regression", 400, AUTO, id="numbers, auto"),
    ],
)
def test_the_shadow_says_of_held_back_rows_what_was_recorded(
    task,
    rows,
    settings,
    tmp_path,
):
    """It comes back from its file, with what it said before the model was fitted to all rows."""
    table = draw(rows, task=task)
    fitted = fit(table, task, **settings)
    folder = save_trained(tmp_path, table, fitted)
    shadow = load_shadow(folder, load_model(folder))
    recorded = fitted.validation_predictions.drop(columns="y")
    again = shadow.predict(table.loc[recorded.index])
    pd.testing.assert_frame_equal(again, recorded)


def test_an_altered_shadow_is_refused(
    saved,
    halves,
    tmp_path,
):
    folder = save_trained(tmp_path, halves[0], fit(halves[0]))
    (folder / SHADOW_FILE).write_bytes(b"other")
    with pytest.raises(UserError, match=SHADOW_FILE):
        load_model(folder)


def test_only_the_comparison_of_scores_is_of_the_shadow(
    saved,
    halves,
):
    """Quality, and how many could be scored, are of the model in production."""
    _, current = halves
    measured = assess_saved(saved, current).measured
    answers = load_model(saved).predict(current)
    is_known = current.y.notna().to_numpy()
    outcome = current.y[is_known].astype(int).to_numpy()
    quality = compute_metrics("binary", outcome, answers[is_known])
    assert measured.realised["auc"]["value"] == quality["auc"].value
    shadow = load_shadow(saved, load_model(saved))
    compared = measured.profiles["scores"].columns["score"]
    assert compared.mean == pytest.approx(shadow.predict(current).score.mean())
    assert compared.mean != pytest.approx(answers.score.mean(), rel=1e-6)


def test_its_page_says_whose_scores_are_compared(
    saved,
    halves,
):
    reading = str(score_exhibits(assess_saved(saved, halves[1]))[0].how_to_read)
    assert "before its final fit on all rows (its shadow)" in reading


FROZEN = ROOT / "tests" / "data" / "project-0.4.0.zip"
CACHE = ".dvc/cache/files/md5/{}/{}"
CHAMPION = "563e9f506fc0bc7e8986247e2025b5c2.dir"


@pytest.fixture(scope="module")
def of_0_4_0(tmp_path_factory):
    """The model that version 0.4.0 had put into production."""
    folder = tmp_path_factory.mktemp("champion")
    with zipfile.ZipFile(FROZEN) as archive:
        listed = json.loads(archive.read(CACHE.format(CHAMPION[:2], CHAMPION[2:])))
        for file in listed:
            md5 = file["md5"]
            content = archive.read(CACHE.format(md5[:2], md5[2:]))
            (folder / file["relpath"]).write_bytes(content)
    return folder


def draw_sales(rows):
    """Rows with the columns of its table."""
    rng = np.random.default_rng(0)
    sales = pd.DataFrame({"price": rng.random(rows).round(3)})
    sales["colour"] = rng.choice(["blue", "green", "red"], rows)
    sales["size"] = rng.random(rows).round(2)
    return sales.assign(y=(rng.random(rows) < 0.5).astype(float))


def test_a_model_of_an_earlier_version_has_no_shadow(of_0_4_0):
    champion = load_model(of_0_4_0)
    assert load_shadow(of_0_4_0, champion) is None
    reference = read_model_reference(of_0_4_0, champion.task)
    assert reference.main.is_of_earlier_version
    assert not reference.has_shadow


def test_a_model_of_an_earlier_version_is_monitored_and_its_page_says_by_what(of_0_4_0):
    champion = load_model(of_0_4_0)
    sales = draw_sales(200)
    rows = sales.assign(**dict.fromkeys({*champion.columns} - {*sales}, np.nan))
    scored = champion.predict(rows)
    reference = read_model_reference(of_0_4_0, champion.task)
    of_rows = ScoredRows(champion, of_0_4_0, rows, scored)
    measured = measure_scored_rows(reference, of_rows, "April", [])
    compared = measured.profiles["scores"].columns["score"]
    assert compared.mean == pytest.approx(scored.score.mean())
    reading = str(score_exhibits(monitor(reference, measured))[0].how_to_read)
    assert "An earlier version of the software saved this model" in reading
    assert "until the next challenger" in reading


@pytest.mark.parametrize(
    ("rows", "labelled", "others"),
    [
        pytest.param(0, 1000, 500, id="all"),
        pytest.param(100, 100, 50, id="in proportion"),
        pytest.param(5000, 1000, 500, id="more than there are"),
        pytest.param(1, 1, 0, id="none of the others"),
    ],
)
def test_a_sample_keeps_the_proportion(
    rows,
    labelled,
    others,
):
    is_unknown = np.arange(1500) % 3 == 2
    table = pd.DataFrame({"y": np.where(is_unknown, np.nan, 1.0)})
    sample = sample_labelled_evenly(table, "y", rows)
    assert sample.y.notna().sum() == labelled
    assert sample.y.isna().sum() == others
    assert sample.index.is_monotonic_increasing
