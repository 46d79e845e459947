"""Any model is monitored from two tables: what is found, what is said, what is refused."""

import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
from helpers.monitored_tables import (
    draw_orders,
    finding_ids,
    monitor_orders,
    monitor_tables,
)

from mlops_nb.core.errors import UserError
from mlops_nb.monitoring.assessment_schema import ASSESSMENT_SCHEMA


def auc_of(assessment):
    """Return the realised AUC of the last window."""
    return assessment.windows[-1]["realised"]["auc"]["value"]


def test_files_and_frames_say_the_same(tmp_path):
    draw_orders(8000).to_parquet(tmp_path / "ref.parquet")
    draw_orders(seed=2, fare=30).to_csv(tmp_path / "dear.csv", index=False)
    of_files = monitor_orders(tmp_path / "ref.parquet", tmp_path / "dear.csv")
    of_frames = monitor_orders(
        draw_orders(8000), {"dear": draw_orders(seed=2, fare=30)}
    )
    assert of_files.to_dict() == of_frames.to_dict()
    assert of_files.html() == of_frames.html()


def validate_document(assessment):
    """Hold the numbers of an assessment against their schema."""
    as_json = json.dumps(assessment.to_dict(), allow_nan=True).replace("NaN", "null")
    jsonschema.validate(json.loads(as_json), ASSESSMENT_SCHEMA)


def name_every_route_anew(orders):
    return orders.assign(route=[f"r{i}" for i in range(len(orders))])


def turn_dear_answers(orders):
    turned = np.where(orders.fare > 60, 1 - orders.bought, orders.bought)
    return orders.assign(bought=turned)


def add_hostile_route(orders):
    return orders.assign(route=orders.route.replace("C", "<b>\"'\n"))


@pytest.mark.parametrize(
    ("damage", "found", "severities"),
    [
        pytest.param(
            lambda orders: orders.assign(stops="two"),
            "type.stops",
            {"act"},
            id="another type",
        ),
        pytest.param(
            lambda orders: orders.drop(columns="route"),
            "missing.route",
            {"watch", "act"},
            id="no column",
        ),
        pytest.param(
            lambda orders: orders.assign(fare=np.nan),
            "missing.fare",
            {"act"},
            id="no values",
        ),
        pytest.param(
            add_hostile_route, "new.route", {"watch", "act"}, id="a new value"
        ),
        pytest.param(
            lambda orders: orders.assign(fare=orders.fare * 1.6),
            "drift.fare",
            {"act"},
            id="larger values",
        ),
        pytest.param(
            turn_dear_answers, "quality.drop.auc", {"act"}, id="other answers"
        ),
        pytest.param(
            name_every_route_anew, "drift.route", {"watch", "act"}, id="only new values"
        ),
    ],
)
def test_faults_are_named(
    damage,
    found,
    severities,
):
    got = monitor_orders(draw_orders(8000), damage(draw_orders(seed=1)))
    severity_of = {finding.id: finding.severity for finding in got.verdict.findings}
    assert severity_of.get(found) in severities
    assert got.level != "ok"
    validate_document(got)
    assert "<b>\"'" not in got.html()
    assert got.prometheus()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda orders: orders.head(1), id="one row"),
        pytest.param(lambda orders: orders.assign(bought=np.nan), id="no labels"),
        pytest.param(
            lambda orders: orders.assign(p=orders.p * 7), id="no probabilities"
        ),
        pytest.param(lambda orders: orders.assign(extra=1), id="one more column"),
        pytest.param(
            lambda orders: orders.drop(columns="bought"), id="no label column"
        ),
        pytest.param(lambda orders: orders.assign(fare=np.inf), id="infinite"),
        pytest.param(lambda orders: orders.assign(fare=7.0), id="one value"),
    ],
)
def test_hostile_windows_have_a_stated_result(change):
    got = monitor_orders(draw_orders(3000), change(draw_orders(500, seed=1)))
    assert got.level in ("ok", "watch", "act")
    assert got.html()
    assert str(got)


def test_a_reference_of_single_values_still_tells_drift():
    flat = draw_orders(3000).assign(
        fare=1.0,
        p=0.5,
        route=None,
    )
    got = monitor_orders(flat, draw_orders(500, seed=1))
    assert finding_ids(got) >= {"drift.fare", "drift.p"}
    assert not got.table.psi[got.table.column == "route"].notna().any()


def test_a_short_reference_is_judged_by_stated_limits():
    days = pd.date_range("2024-01-01", periods=40)
    got = monitor_orders(
        draw_orders(40).assign(day=days), draw_orders(500, seed=1), time="day"
    )
    assert set(got.table.source) == {"stated"}
    assert got.html()


def test_without_a_time_chance_alone_decides():
    got = monitor_orders(draw_orders(40), draw_orders(500, seed=1))
    assert set(got.table.source) == {"chance"}
    assert got.level == "ok"
    assert got.html()


def test_a_reference_without_rows_is_refused():
    with pytest.raises(UserError, match="rows in the reference"):
        monitor_orders(draw_orders(10).head(0), draw_orders(10))


def test_it_shows_itself_in_a_notebook():
    got = monitor_orders(draw_orders(2000), draw_orders(500, seed=1))
    assert got._repr_html_().startswith("<iframe srcdoc=")
    assert "&lt;!doctype" in got._repr_html_()
    assert "<script" not in got.html()
    assert got._repr_markdown_().startswith("**window 1: ")


def test_five_hundred_columns_make_a_page_of_two_megabytes_at_most():
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(500)]
    reference = pd.DataFrame(rng.normal(size=(600, 500)), columns=names)
    current = pd.DataFrame(rng.normal(size=(600, 500)), columns=names)
    got = monitor_tables(reference, current.assign(c7=9.0))
    assert len(got.html()) < 2_000_000
    assert got.verdict.findings[0].column == "c7"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda orders: orders.assign(fare=np.inf), id="all"),
        pytest.param(lambda orders: orders.assign(fare=-np.inf), id="all below"),
        pytest.param(
            lambda orders: orders.assign(
                fare=orders.fare.mask(orders.index % 10 == 0, np.inf)
            ),
            id="every tenth",
        ),
        pytest.param(
            lambda orders: orders.assign(
                p=orders.p.mask(orders.index % 3 == 0, np.inf)
            ),
            id="every third score",
        ),
    ],
)
def test_infinite_values_are_no_values(damage):
    got = monitor_orders(draw_orders(8000), damage(draw_orders(seed=1)))
    raised = {
        finding.id for finding in got.verdict.findings if finding.severity != "ok"
    }
    assert {"missing.fare", "missing.p"} & raised
    json.dumps(got.to_dict(), allow_nan=False)


def to_log_odds(orders):
    return orders.assign(p=np.log(orders.p / (1 - orders.p)))


def test_an_estimate_that_fails_takes_no_quality_with_it():
    """Scores that are no probabilities: AUC and F1 are there, an estimate is not, and why."""
    reference = draw_orders(8000)
    current = draw_orders(seed=1)
    shuffled = current.p.sample(frac=1, random_state=0).to_numpy()
    got = monitor_orders(
        to_log_odds(reference),
        to_log_odds(current.assign(p=shuffled)),
        threshold=0.0,
    )
    assert got.level == "act"
    assert "quality.drop.auc" in finding_ids(got)
    assert "brier" not in got.windows[-1]["realised"]
    assert any("cannot be estimated" in str(note) for note in got.notes)


def test_auc_does_not_ask_for_probabilities():
    reference = draw_orders(8000)
    current = draw_orders(seed=1)
    of_log_odds = monitor_orders(
        to_log_odds(reference), to_log_odds(current), threshold=0.0
    )
    of_probabilities = monitor_orders(reference, current)
    assert auc_of(of_log_odds) == pytest.approx(auc_of(of_probabilities), abs=1e-4)


def test_small_samples_stay_calm():
    """Nothing is wrong, and both samples are small: a fall of a metric is chance on both sides."""
    levels = []
    for i in range(100, 108):
        for rows_then, rows_now in ((300, 2000), (1000, 300)):
            reference = draw_orders(rows_then, 2 * i)
            current = draw_orders(rows_now, 2 * i + 1)
            levels.append(monitor_orders(reference, current).level)
    assert levels.count("act") == 0
    assert levels.count("watch") <= 2


def draw_visits(seed):
    """Draw orders with a page of which few are common, and most are seen once."""
    ranks = np.random.default_rng(seed).zipf(1.3, 3000)
    return draw_orders(3000, seed).assign(page=[f"/{rank}" for rank in ranks])


def test_rare_values_stay_calm():
    levels = [
        monitor_orders(draw_visits(i), draw_visits(i + 50)).level for i in range(5)
    ]
    assert levels.count("ok") >= 4


@pytest.mark.parametrize("column", ["p", "fare", "bought"])
def test_a_sorted_reference_hides_nothing(column):
    reference = draw_orders(8000).sort_values(column, ignore_index=True)
    got = monitor_orders(reference, draw_orders(seed=2, fare=30))
    assert got.level == "act"
    assert any("sorted by" in str(note) for note in got.notes)


def test_every_window_is_told_apart(tmp_path):
    months = {
        "2024-01": draw_orders(seed=1),
        "2024-02": draw_orders(seed=2, fare=30),
    }
    files = []
    for month, orders in months.items():
        (tmp_path / month).mkdir()
        files.append(tmp_path / month / "data.parquet")
        orders.to_parquet(files[-1])
    got = monitor_orders(draw_orders(8000), files)
    assert len(got.windows) == 2
    assert got.window.endswith("2024-02/data")
    assert got.level == "act"


def test_tables_that_cannot_be_compared_are_refused():
    with pytest.raises(UserError, match="at least one current table"):
        monitor_orders(draw_orders(), [])
    twice = draw_orders().rename(columns={"stops": "fare"})
    with pytest.raises(UserError, match="one column of each name"):
        monitor_orders(twice, draw_orders())


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(lambda n: range(n), id="a running number"),
        pytest.param(lambda n: [f"k{i}" for i in range(n)], id="names"),
    ],
)
def test_a_key_that_nobody_named_is_told_and_not_judged(keys):
    rows = draw_orders(2000).assign(order_id=list(keys(2000)))
    got = monitor_orders(rows[:1000], rows[1000:])
    assert "order_id" not in {*got.table.column}
    assert any("order_id only identifies" in str(note) for note in got.notes)
    named = monitor_orders(rows[:1000], rows[1000:], columns=("order_id", "fare"))
    assert "order_id" in {*named.table.column}


@pytest.mark.parametrize("threshold", [1.5, -1, float("nan"), float("inf")], ids=str)
def test_a_threshold_that_no_score_reaches_is_refused(threshold):
    orders = draw_orders(600)
    with pytest.raises(UserError, match="threshold"):
        monitor_orders(orders, orders, threshold=threshold)


def test_a_threshold_is_on_the_scale_of_the_score():
    orders = draw_orders(600)
    points = orders.assign(p=300 + 550 * orders.p)
    assert monitor_orders(points, points, threshold=600).level == "ok"
    with pytest.raises(UserError, match="on the scale of p: 3"):
        monitor_orders(points, points, threshold=0.7)


@pytest.mark.parametrize("rows", [3000, 20])
@pytest.mark.parametrize("text", ["{}-{}", "order {} of {}"], ids=["codes", "words"])
def test_texts_that_differ_in_every_row_are_not_judged(
    rows,
    text,
):
    then = draw_orders(3000)
    now = draw_orders(rows, seed=1)
    then["ticket"] = [text.format("then", i) for i in range(len(then))]
    now["ticket"] = [text.format("now", i) for i in range(len(now))]
    now.loc[3, "ticket"] = None
    got = monitor_orders(then, now)
    assert not any("ticket" in name for name in finding_ids(got))
    assert "ticket only identifies rows" in " ".join(map(str, got.notes))


CODES = ["02139", "01002", "10001", "94105"]


@pytest.mark.parametrize("is_now", [True, False], ids=["current", "reference"])
def test_codes_that_lost_their_zeros_are_one_finding(is_now):
    then = draw_orders(2000).assign(zip=CODES * 500)
    now = draw_orders(2000, seed=1).assign(zip=CODES * 500)
    bare = now if is_now else then
    bare["zip"] = bare["zip"].str.lstrip("0")
    got = monitor_orders(then, now, categorical=("zip",))
    assert finding_ids(got) == {"type.zip"}
    assert "02139 in one table, 2139 in another" in str(got)
    assert got.table.set_index("column").loc["zip", "psi"] == pytest.approx(0)


def test_other_codes_are_other_codes():
    then = draw_orders(2000).assign(zip=CODES * 500)
    now = draw_orders(2000, seed=1).assign(zip=["2138", "1001", "02139", "94106"] * 500)
    got = monitor_orders(then, now, categorical=("zip",))
    assert "type.zip" not in finding_ids(got)
    assert got.table.set_index("column").loc["zip", "psi"] > 1
