"""The default model, a blend: what it takes, what it learns from, and what is kept of it."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import file_digest
from mlops_nb.modeling import importance
from mlops_nb.modeling.blend_exhibit import blend_exhibits, describe_members
from mlops_nb.modeling.blend_plan import (
    BlendProblem,
    affordable_members,
    mixture_loss,
    plan_blend,
)
from mlops_nb.modeling.blend_settings import BlendSettings
from mlops_nb.modeling.calendar_parts import CalendarParts
from mlops_nb.modeling.estimators import make_estimator
from mlops_nb.modeling.evaluation import features_by_importance
from mlops_nb.modeling.explanations import explain_prediction
from mlops_nb.modeling.importance import compute_importance
from mlops_nb.modeling.persistence import (
    dump_skops,
    load_model,
    load_skops,
    save_model,
)
from mlops_nb.modeling.training import train_model

TASKS = ("binary", "multiclass", "regression")


def draw_sales(n_rows=1200):
    """Draw days on which sales rise, more of them on weekends; text, numbers and gaps."""
    random = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=n_rows)
    rows = pd.DataFrame(
        {
            "day": days,
            "price": random.normal(size=n_rows),
            "shop": random.choice([f"s{i}" for i in range(15)], n_rows),
            "open": random.random(n_rows) < 0.5,
        }
    )
    weekend = 3.0 * (days.day_of_week >= 5)
    trend = np.arange(n_rows) / 200
    sales = trend + weekend + rows.price + random.normal(0, 0.2, n_rows)
    rows.loc[::9, "price"] = np.nan
    return rows.assign(sales=sales)


def as_task(
    rows,
    task,
):
    """Return the rows with a target of a task, and what params.yaml says of them."""
    middle = rows.sales.median()
    targets = {
        "regression": rows.sales,
        "binary": (rows.sales > middle).astype(int),
        "multiclass": np.select(
            [rows.sales > middle + 1, rows.sales > middle], list("ab"), "c"
        ),
    }
    data = {"target": "sales", "task": task, "time": "day", "keys": []}
    return rows.assign(sales=targets[task]), data


@pytest.fixture(scope="module", params=TASKS, ids=TASKS)
def blend(request):
    """Return the training of a blend, and its rows."""
    rows, data = as_task(draw_sales(), request.param)
    return train_model(rows, data), rows


def scores_of(
    model,
    rows,
):
    """Return the scores alone, as numbers."""
    return model.predict(rows).filter(like="score").to_numpy()


def test_weights_add_up_to_one(blend):
    members = blend[0].model.manifest["blend"]["members"]
    assert np.isclose(sum(one["weight"] for one in members), 1)


def test_a_blend_is_no_worse_than_any_member(blend):
    kept = blend[0].model.manifest["blend"]
    assert kept["loss"] <= min(one["loss"] for one in kept["members"])


def trees_of(model):
    """Return how many trees each booster of a blend has."""
    members = model.pipeline[-1].members_
    boosters = [name for name in members if not name.startswith("linear")]
    return {name: members[name].n_iter_ for name in boosters}


def test_the_manifest_tells_the_trees_of_the_model_of_all_rows(blend):
    model = blend[0].model
    told = [one["trees"] for one in model.manifest["blend"]["members"] if one["weight"]]
    assert sorted(filter(None, told)) == sorted(trees_of(model).values())


def test_more_rows_bear_more_trees_of_numbers():
    rows, data = as_task(draw_sales(), "regression")
    fitted = train_model(rows, data, params={"members": ["booster"]})
    early = trees_of(fitted.early_model)["booster"]
    share = len(rows) / (len(rows) - len(fitted.validation_predictions))
    assert trees_of(fitted.model)["booster"] == round(early * share)


def test_no_booster_has_more_trees_than_are_allowed():
    rows, data = as_task(draw_sales(), "regression")
    params = {"members": ["booster"], "max_iter": 60}
    assert trees_of(train_model(rows, data, params=params).model) == {"booster": 60}


def test_folds_judge_a_booster_by_the_trees_that_the_blend_has():
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(400, 2)), columns=["x", "z"])
    target = np.sin(3 * table.x.to_numpy()) + random.normal(size=400) / 2
    settings = BlendSettings(members=("booster",))
    plan = plan_blend(
        BlendProblem("regression", settings=settings), table, target, 300
    ).plan
    said = np.zeros(400)
    for fit, judge in KFold(5, shuffle=True, random_state=0).split(table):
        fitted = plan.fit(table.iloc[fit], target[fit])
        said[judge] = fitted.predict(table.iloc[judge])
    assert np.isclose(plan.loss, mixture_loss(target, said))


def test_the_time_is_learned_from_and_is_no_feature(blend):
    model = blend[0].model
    assert model.clock == {"day": "time"}
    assert "day" not in model.columns
    assert list(model.inputs) == [*model.columns, "day"]


def test_the_page_says_what_a_blend_holds(blend):
    manifest = blend[0].model.manifest
    exhibit = blend_exhibits(manifest)[0]
    held = [one for one in manifest["blend"]["members"] if one["weight"]]
    assert len(exhibit.content) == len(held) + 1
    assert describe_members(manifest) in str(exhibit.title)


def test_the_page_says_nothing_of_members_where_there_is_one_model():
    rows, data = as_task(draw_sales(200), "regression")
    single = train_model(rows, data, estimator="booster").model
    assert single.clock == {}
    assert "blend" not in single.manifest
    assert blend_exhibits(single.manifest) == []


def test_rows_without_a_time_are_scored(blend):
    fitted, rows = blend
    nowhen = rows.head(9).assign(day=pd.NaT)
    assert np.isfinite(scores_of(fitted.model, nowhen)).all()


def test_rows_without_the_column_of_times_are_refused_in_words(blend):
    fitted, rows = blend
    with pytest.raises(UserError, match="none named day"):
        fitted.model.predict(rows.drop(columns="day"))


def test_no_rows_are_scored_too(blend):
    fitted, rows = blend
    assert len(fitted.model.predict(rows.head(0))) == 0


def test_the_model_of_the_earlier_rows_judges(blend):
    fitted, rows = blend
    held_back = fitted.validation_predictions
    again = scores_of(fitted.early_model, rows.loc[held_back.index])
    assert np.array_equal(again, held_back.filter(like="score").to_numpy())


def test_a_blend_is_kept_in_a_file(
    blend,
    tmp_path,
):
    fitted, rows = blend
    model = load_model(save_model(tmp_path / "model", fitted))
    assert model.clock == fitted.model.clock
    assert np.array_equal(scores_of(model, rows), scores_of(fitted.model, rows))
    assert np.array_equal(
        scores_of(model.baseline, rows), scores_of(fitted.model.baseline, rows)
    )


def test_importance_is_the_same_however_rows_are_encoded(
    blend,
    monkeypatch,
):
    """A column is shuffled where it is encoded already, unless that would not fit in memory."""
    fitted, rows = blend
    once = compute_importance(fitted.model, rows, n_repeats=2, sample=200)
    monkeypatch.setattr(importance, "_MAX_ENCODED", 0)
    each_time = compute_importance(fitted.model, rows, n_repeats=2, sample=200)
    pd.testing.assert_frame_equal(once, each_time)


def test_importance_tells_of_the_time(blend):
    fitted, rows = blend
    worth = compute_importance(fitted.model, rows, n_repeats=1, sample=300)
    assert "day" in worth.feature.tolist()
    assert "day" not in features_by_importance(fitted.model, worth)


def test_an_explanation_tells_the_time_as_a_time(blend):
    fitted, rows = blend
    reasons = explain_prediction(fitted.model, rows.iloc[[5]], rows, top=9)
    told = {reason["feature"]: reason["value"] for reason in reasons.rows}
    assert told["day"] == "2020-01-06 00:00:00"


AGAIN = """
import sys
sys.path.insert(0, sys.argv[2])
from test_blend import as_task, draw_sales, file_digest, save_model, train_model
rows, data = as_task(draw_sales(), "binary")
print(file_digest(save_model(sys.argv[1], train_model(rows, data))))
"""


def test_the_bytes_are_the_same_in_another_process(tmp_path):
    rows, data = as_task(draw_sales(), "binary")
    here = save_model(tmp_path / "here", train_model(rows, data))
    command = [sys.executable, "-c", AGAIN, tmp_path / "there", "tests/modeling"]
    there = subprocess.run(command, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == file_digest(here)


def test_a_table_of_times_alone_is_learned():
    rows, data = as_task(draw_sales(), "regression")
    fitted = train_model(rows[["day", "sales"]], data)
    assert fitted.scores["model"]["mae"] < 0.9 * fitted.scores["baseline"]["mae"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param(
            {"params": {"max_leaf_nodes": 5}}, "estimator: booster", id="parameter"
        ),
        pytest.param({"params": {"folds": "four"}}, "train.params.folds", id="value"),
        pytest.param(
            {"params": {"members": []}}, "train.params.members", id="no member"
        ),
        pytest.param({"encoding": "onehot"}, "train.encoding", id="encoding"),
        pytest.param({"threads": -1}, "train.threads", id="threads"),
        pytest.param(
            {"search": {"max_iter": [5]}, "search_candidates": 2},
            "train.search",
            id="search",
        ),
    ],
)
def test_what_a_blend_does_not_take_is_refused_in_words(
    settings,
    words,
):
    rows, data = as_task(draw_sales(100), "regression")
    with pytest.raises(UserError, match=words):
        train_model(rows, data, **settings)


def test_members_can_be_chosen():
    rows, data = as_task(draw_sales(300), "regression")
    model = train_model(rows, data, params={"members": ["linear"]}).model
    assert [one["member"] for one in model.manifest["blend"]["members"]] == ["linear"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param({"weights": {"linear": np.nan}}, "weight", id="weight"),
        pytest.param({"weights": {}}, "weight", id="no weight"),
        pytest.param({"members_": {}}, "no members", id="no members"),
        pytest.param({"members_": {"linear": CalendarParts()}}, "member", id="member"),
        pytest.param({"tree_columns": -1}, "columns for trees", id="columns"),
    ],
)
def test_a_blend_that_training_cannot_have_made_is_not_loaded(
    state,
    words,
):
    rows, data = as_task(draw_sales(300), "regression")
    pipeline = train_model(rows, data, params={"members": ["linear"]}).model.pipeline
    vars(pipeline[-1]).update(state)
    with pytest.raises(UserError, match=words):
        load_skops(dump_skops(pipeline))


def test_trees_of_a_blend_that_point_elsewhere_are_not_loaded():
    rows, data = as_task(draw_sales(300), "regression")
    pipeline = train_model(rows, data, params={"members": ["booster"]}).model.pipeline
    booster = pipeline[-1].members_["booster"]
    booster._predictors[0][0].nodes["left"][0] = 10**6
    with pytest.raises(UserError, match="sound decision trees"):
        load_skops(dump_skops(pipeline))


@pytest.mark.parametrize("task", TASKS, ids=TASKS)
def test_a_wide_table_has_fewer_members(task):
    classes = {"binary": 2, "multiclass": 5}.get(task, 0)
    problem = BlendProblem(task, classes)
    assert affordable_members(problem, 1000, 50)[1] == ()
    kept, dropped = affordable_members(problem, 4000, 1500)
    assert dropped
    assert "booster" in kept


def test_the_page_says_what_was_dropped():
    member = {
        "member": "booster",
        "weight": 1,
        "trees": 3,
        "loss": 1.0,
        "without": None,
    }
    blend = {"loss": 1.0, "rows": 9, "members": [member], "dropped": ["trend"]}
    assert "trend" in str(blend_exhibits({"blend": blend})[0].how_to_read)


@pytest.mark.parametrize(
    ("moment", "parts"),
    [
        pytest.param("2024-02-29T13:00", [2, 29, 3, 13, 60], id="leap day"),
        pytest.param("1969-12-31T23:59:59", [12, 31, 2, 23, 365], id="before 1970"),
        pytest.param("2021-01-01T00:00", [1, 1, 4, 0, 1], id="new year"),
    ],
)
def test_parts_of_the_calendar_are_exact(
    moment,
    parts,
):
    hours = np.arange(0, 900, 1 / 24)[:, None]
    calendar = CalendarParts().fit(hours)
    days = (
        np.datetime64(moment) - np.datetime64("1970-01-01T00:00:00")
    ) / np.timedelta64(1, "D")
    assert calendar.transform([[days]])[0, 1:].tolist() == parts


def test_a_name_of_an_estimator_that_is_none_is_told_with_the_nearest():
    """Only two go by a name, all others by their import path."""
    with pytest.raises(UserError) as caught:
        make_estimator("binary", "boster")
    assert "auto, booster, or the import path" in str(caught.value)
    assert 'Did you mean "booster"?' in str(caught.value)


def test_an_hour_that_was_never_seen_is_as_likely_as_those_beside_it():
    """At 0, 4, 8 … o'clock one of the waves stands still, but for rounding."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=900, freq="4h")})
    rows["amount"] = rng.gamma(3, 10, 900)
    rows["bought"] = (rows["amount"] + rng.normal(0, 10, 900) > 30).astype(int)
    section = {"target": "bought", "task": "binary", "time": "at"}
    model = train_model(rows, section, estimator="auto").model
    hours = pd.date_range("2024-05-01 08:00", periods=5, freq="h")
    asked = pd.DataFrame({"at": hours, "amount": 30.0})
    scores = model.predict(asked)["score"]
    assert np.ptp(scores) < 0.2
