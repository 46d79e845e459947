"""A model of several classes is monitored like any other, outside of a project."""

import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
from helpers.monitored_tables import finding_ids, monitor_tables, run_monitor_command
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

from mlops_nb.core.errors import UserError
from mlops_nb.monitoring.assessment_schema import ASSESSMENT_SCHEMA
from mlops_nb.monitoring.class_scores import match_classes

CLASSES = ("ant", "bee", "wasp")
SCORES = tuple(f"p_{name}" for name in CLASSES)


def draw_insects(
    rows=3000,
    seed=0,
    noise=0.6,
):
    """Draw insects, with the probabilities that a model gave and what they were."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    table = pd.DataFrame({"size": kind + rng.normal(0, noise, rows)})
    distance = np.abs(table["size"].to_numpy()[:, None] - np.arange(3))
    odds = np.exp(-4 * distance)
    shares = odds / odds.sum(1, keepdims=True)
    for column, share in zip(SCORES, shares.T, strict=True):
        table[column] = share
    table["kind"] = np.array(CLASSES)[kind]
    table["told"] = np.array(CLASSES)[shares.argmax(1)]
    return table


def with_numbers(insects):
    """Return the same with classes 0, 1, 2."""
    codes = {name: i for i, name in enumerate(CLASSES)}
    columns = {f"p_{name}": f"p{i}" for name, i in codes.items()}
    coded = {name: insects[name].map(codes) for name in ("kind", "told")}
    return insects.assign(**coded).rename(columns=columns)


def store(
    table,
    folder,
    suffix,
):
    """Return the file that holds a table; without a suffix the table."""
    file = folder / f"now{suffix}"
    if suffix == ".csv":
        table.to_csv(file, index=False)
    elif suffix:
        table.to_parquet(file)
    return file if suffix else table


def realised(assessment):
    return assessment.windows[-1]["realised"]


def expected_metrics(insects):
    """Return what scikit-learn says of them."""
    told = (insects.kind, insects.told)
    return {
        "log_loss": log_loss(insects.kind, insects[[*SCORES]]),
        "accuracy": (insects.kind == insects.told).mean(),
        "balanced_accuracy": balanced_accuracy_score(*told),
        "macro_f1": f1_score(*told, average="macro"),
    }


@pytest.mark.parametrize(
    ("change", "scores"),
    [
        pytest.param(lambda insects: insects, SCORES, id="text"),
        pytest.param(with_numbers, ("p0", "p1", "p2"), id="integers"),
        pytest.param(
            lambda insects: with_numbers(insects).astype({"kind": float}),
            ("p0", "p1", "p2"),
            id="floats",
        ),
        pytest.param(
            lambda insects: with_numbers(insects).astype({"kind": "Int64"}),
            ("p0", "p1", "p2"),
            id="integers that may lack",
        ),
        pytest.param(
            lambda insects: insects.astype({"kind": "category"}),
            SCORES,
            id="categories",
        ),
    ],
)
@pytest.mark.parametrize("suffix", [None, ".csv", ".parquet"])
def test_scores_of_classes_are_judged(
    tmp_path,
    change,
    scores,
    suffix,
):
    current = store(change(draw_insects(2000, seed=1)), tmp_path, suffix)
    got = monitor_tables(
        change(draw_insects()),
        current,
        label="kind",
        class_scores=scores,
        columns=("size",),
    )
    expected = expected_metrics(draw_insects(2000, seed=1))
    values = {name: realised(got)[name]["value"] for name in expected}
    assert values == pytest.approx(expected)
    assert realised(got)["accuracy"]["n"] == 2000
    assert got.level == "ok"


def test_spellings_of_a_class_are_one():
    """In the label and in the predicted class, told once."""
    insects = draw_insects()
    varied = insects.copy()
    varied.loc[::3, "kind"] = varied.loc[::3, "kind"].str.title()
    varied.loc[::5, "told"] = varied.loc[::5, "told"].str.upper() + " "
    roles = {"class_scores": SCORES, "label": "kind", "predicted": "told"}
    alike = monitor_tables(insects, insects, **roles)
    got = monitor_tables(varied, varied, **roles)
    assert realised(got) == realised(alike)
    told = [str(note) for note in got.notes if "several spellings" in str(note)]
    assert len(told) == 1
    assert all(name in told[0] for name in ("ant", "Ant", "wasp", "Wasp"))


@pytest.mark.parametrize(
    ("change", "roles"),
    [
        pytest.param(lambda insects: insects, {"predicted": "told"}, id="text"),
        pytest.param(with_numbers, {"predicted": "told"}, id="integers"),
        pytest.param(
            lambda insects: insects, {"score": "told"}, id="text named as score"
        ),
    ],
)
def test_a_predicted_class_is_judged(
    change,
    roles,
):
    now = draw_insects(2000, seed=1)
    tables = [change(draw_insects()), change(now)]
    got = monitor_tables(*tables, label="kind", columns=("size",), **roles)
    expected = expected_metrics(now)
    expected.pop("log_loss")
    values = {name: realised(got)[name]["value"] for name in expected}
    assert values == pytest.approx(expected)
    assert set(realised(got)) == set(expected)


def test_worse_answers_are_found():
    worse = draw_insects(2000, seed=1)
    worse["kind"] = worse.kind.sample(frac=1, random_state=0).to_numpy()
    got = monitor_tables(draw_insects(), worse, label="kind", class_scores=SCORES)
    assert got.level == "act"
    assert "quality.drop.accuracy" in finding_ids(got)


def test_other_insects_are_found():
    bees = draw_insects(2000, seed=1).query("kind != 'ant'")
    got = monitor_tables(draw_insects(), bees, label="kind", class_scores=SCORES)
    assert "drift.size" in finding_ids(got)
    assert "drift.p_ant" in finding_ids(got)
    assert got.html()


def test_accuracy_is_estimated_where_labels_lack():
    now = draw_insects(4000, seed=1)
    got = monitor_tables(
        draw_insects(8000), now.drop(columns="kind"), label="kind", class_scores=SCORES
    )
    estimate = got.windows[-1]["estimated"]["accuracy"]
    truth = (now.kind == now.told).mean()
    assert estimate["low"] < truth < estimate["high"]


def test_rows_without_a_score_enter_no_metric():
    now = draw_insects(2000, seed=1)
    now.loc[:99, "p_bee"] = np.nan
    got = monitor_tables(draw_insects(), now, label="kind", class_scores=SCORES)
    assert realised(got)["accuracy"]["n"] == 1900


def test_a_class_that_nobody_knew_counts_as_wrong_and_is_told():
    now = draw_insects(2000, seed=1)
    now.loc[now.kind == "wasp", "kind"] = "fly"
    got = monitor_tables(draw_insects(), now, label="kind", class_scores=SCORES)
    right = (now.kind == now.told).mean()
    assert realised(got)["accuracy"]["value"] == pytest.approx(right)
    assert any("fly" in str(note) for note in got.notes)


def test_labels_may_come_by_key():
    now = with_numbers(draw_insects(2000, seed=1)).assign(id=range(2000))
    then = with_numbers(draw_insects()).assign(id=range(5000, 8000))
    labels = pd.concat([then, now])[["id", "kind"]].astype({"kind": float})
    got = monitor_tables(
        then.drop(columns="kind"),
        now.drop(columns="kind"),
        label="kind",
        class_scores=("p0", "p1", "p2"),
        key="id",
        outcomes=labels,
    )
    expected = expected_metrics(draw_insects(2000, seed=1))
    assert realised(got)["accuracy"]["value"] == pytest.approx(expected["accuracy"])


def test_columns_that_name_no_class_are_refused():
    with pytest.raises(UserError, match="CLASS=COLUMN"):
        match_classes(["first", "second"], ["ant", "bee"])


def test_the_longest_class_counts():
    matched = match_classes(["p_1", "p_11"], ["1", "11"])
    assert matched == {"1": "p_1", "11": "p_11"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("insects")
    renamed = dict(zip(SCORES, ("first", "second", "third"), strict=True))
    for name, seed in (("then", 0), ("now", 1)):
        insects = draw_insects(2000, seed)
        insects.to_csv(folder / f"{name}.csv", index=False)
        insects.rename(columns=renamed).to_parquet(folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize(
    ("suffix", "argv"),
    [
        pytest.param("csv", ("--score", *SCORES), id="in a row"),
        pytest.param(
            "csv",
            [part for name in SCORES for part in ("--score", name)],
            id="repeated",
        ),
        pytest.param(
            "parquet",
            ("--score", "ant=first", "bee=second", "wasp=third"),
            id="with classes",
        ),
        pytest.param("csv", ("--predicted", "told"), id="predicted"),
        pytest.param("csv", ("--score", *SCORES, "--predicted", "told"), id="both"),
    ],
)
def test_the_command_takes_several_classes(
    folder,
    suffix,
    argv,
):
    tables = ("--reference", f"then.{suffix}", "--current", f"now.{suffix}")
    page = ("--label", "kind", "--json", "-", "--html", "page.html")
    got = run_monitor_command(folder, *tables, *argv, *page)
    assert got.returncode == 0, got.stderr
    read = json.loads(got.stdout)
    jsonschema.validate(read, ASSESSMENT_SCHEMA)
    expected = expected_metrics(draw_insects(2000, 1))
    measured = read["windows"][0]["realised"]["accuracy"]["value"]
    assert measured == pytest.approx(expected["accuracy"])


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param({"class_scores": SCORES[:2]}, id="told by the columns' names"),
        pytest.param(
            {"class_scores": SCORES[:2], "classes": {"ant": "p_ant", "bee": "p_bee"}},
            id="named",
        ),
    ],
)
def test_a_class_without_a_score_is_refused(scores):
    insects = draw_insects(400)
    with pytest.raises(UserError, match="none for wasp"):
        monitor_tables(insects, insects, label="kind", **scores)


def test_one_column_for_two_classes_is_refused():
    insects = draw_insects(400)
    classes = dict(zip(CLASSES, SCORES, strict=True)) | {"moth": "p_ant"}
    with pytest.raises(UserError, match="`p_ant` more than once"):
        monitor_tables(
            insects,
            insects,
            label="kind",
            class_scores=tuple(classes.values()),
            classes=classes,
        )


def test_a_class_that_never_occurs_is_told():
    insects = draw_insects(400).assign(p_moth=0.0)
    classes = dict(zip(CLASSES, SCORES, strict=True)) | {"moth": "p_moth"}
    got = monitor_tables(
        insects,
        insects,
        label="kind",
        class_scores=tuple(classes.values()),
        classes=classes,
    )
    assert any("have a score: moth" in str(note) for note in got.notes)


def test_why_quality_cannot_be_estimated_is_a_sentence():
    insects = draw_insects(400).assign(p_moth=0.0, p_ant=2.0)
    got = monitor_tables(insects, insects, label="kind", class_scores=SCORES)
    notes = "\n".join(map(str, got.notes))
    assert "cannot be estimated: it needs scores from 0 to 1; found: " in notes
