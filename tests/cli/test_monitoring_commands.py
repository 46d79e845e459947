"""`mlops-nb monitor`: any model, from two tables, outside of any project."""

import json
import re

import jsonschema
import numpy as np
import pytest
from helpers.monitored_tables import draw_houses, draw_orders, run_monitor_command

from mlops_nb.monitoring.assessment_schema import ASSESSMENT_SCHEMA

ORDERS = ("--reference", "ref.parquet", "--score", "p", "--label", "bought")
TABLES = ("--reference", "ref.parquet", "--current", "calm.parquet")


def read_json(file):
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    draw_orders(8000).to_parquet(folder / "ref.parquet")
    draw_orders(seed=1).to_parquet(folder / "calm.parquet")
    draw_orders(seed=1).drop(columns="stops").to_parquet(folder / "less.parquet")
    draw_orders(seed=2, fare=30).to_csv(folder / "dear.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def dear(files):
    """Run the command on a calm and a dear window, with everything it can write."""
    windows = ("--current", "calm.parquet", "dear.csv")
    pages = ("--html", "d.html", "--json", "d.json")
    exports = ("--prometheus", "d.prom", "--sagemaker", "sm")
    return run_monitor_command(
        files, *ORDERS, *windows, *pages, *exports, "--fail-on", "act"
    )


def test_a_calm_window_ends_well(files):
    calm = run_monitor_command(
        files,
        *ORDERS,
        "--current",
        "calm.parquet",
        "--json",
        "-",
        "--fail-on",
        "watch",
    )
    assert calm.returncode == 0, calm.stderr
    got = json.loads(calm.stdout)
    jsonschema.validate(got, ASSESSMENT_SCHEMA)
    assert got["verdict"] == "ok"
    columns = {column["column"] for column in got["columns"]}
    assert columns == {"fare", "stops", "route", "p", "bought"}
    assert got["windows"][0]["realised"]["auc"]["value"] > 0.6


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(ASSESSMENT_SCHEMA)


def test_a_window_beyond_limits_ends_with_a_code_of_its_own(dear):
    assert dear.returncode == 3
    assert "dear: act" in dear.stdout


@pytest.mark.usefixtures("dear")
def test_the_page_stands_alone(files):
    page = (files / "d.html").read_text()
    assert "dear: 4,000 rows" in page
    assert not re.search(r'(src|href)="https?://', page)
    assert len(page) < 300_000


@pytest.mark.usefixtures("dear")
def test_machines_read_the_same_verdict(files):
    assert read_json(files / "d.json")["verdict"] == "act"
    assert 'mlops_nb_verdict{window="dear"} 2' in (files / "d.prom").read_text()
    written = {file.name for file in (files / "sm").iterdir()}
    assert written == {
        "statistics.json",
        "constraints.json",
        "constraint_violations.json",
    }


@pytest.mark.usefixtures("dear")
def test_constraints_are_held_against_a_window(files):
    held = run_monitor_command(
        files,
        *ORDERS,
        "--current",
        "dear.csv",
        "--constraints",
        "sm/constraints.json",
    )
    assert held.returncode == 0
    assert "baseline_drift_check: fare" in held.stdout


@pytest.mark.usefixtures("dear")
def test_a_broken_constraint_is_a_finding(files):
    constraints = ("--constraints", "sm/constraints.json", "--sagemaker", "sm2")
    broken = run_monitor_command(
        files,
        *ORDERS,
        "--current",
        "less.parquet",
        *constraints,
        "--json",
        "b.json",
        "--fail-on",
        "act",
    )
    assert broken.returncode == 3
    found = {finding["id"] for finding in read_json(files / "b.json")["findings"]}
    assert "constraint.missing_column_check.stops" in found
    assert "Traceback" not in broken.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        pytest.param((), "--reference FILE and --current FILE", id="nothing"),
        pytest.param(
            ("--reference", "no.csv", "--current", "calm.parquet"),
            "no file no.csv",
            id="no file",
        ),
        pytest.param((*TABLES, "--score", "prob"), "`prob`", id="no such score"),
        pytest.param(
            (*TABLES, "--label", "bought"), "--score beside --label", id="no score"
        ),
        pytest.param(
            (*TABLES, "--limit", "psi_wach=1"), "psi_watch", id="no such limit"
        ),
        pytest.param(
            (*TABLES, "--limit", "psi_watch=much"),
            "a number, or learned",
            id="no number",
        ),
        pytest.param(
            (*TABLES, "--labels", "ref.parquet", "--label", "bought", "--score", "p"),
            "--key and --label with --labels",
            id="no key",
        ),
    ],
)
def test_mistakes_are_told_in_words(
    files,
    argv,
    words,
):
    got = run_monitor_command(files, *argv)
    assert got.returncode == 1
    assert words in got.stderr
    assert "Traceback" not in got.stderr


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("houses")
    draw_houses().to_parquet(folder / "a.parquet")
    draw_houses(seed=1).to_parquet(folder / "b.parquet")
    draw_houses(seed=2, error=60).to_parquet(folder / "c.parquet")
    return folder


def judge_houses(
    folder,
    current,
):
    roles = ("--score", "guess", "--label", "price")
    tables = ("--reference", "a.parquet", "--current", current)
    return run_monitor_command(
        folder, *tables, *roles, "--fail-on", "act", "--json", "o.json"
    )


def resampled_rmse_error(error):
    """Return the standard error of the RMSE by another way: of resampled rows."""
    values = []
    for i in range(300):
        drawn = error.sample(
            frac=1,
            replace=True,
            random_state=i,
        )
        values.append(np.sqrt((drawn**2).mean()))
    return np.std(values)


def test_numbers_are_judged_outside_a_project(houses):
    assert judge_houses(houses, "b.parquet").returncode == 0
    got = read_json(houses / "o.json")["windows"][0]
    table = draw_houses(seed=1)
    error = table.guess - table.price
    realised = got["realised"]
    assert realised["mae"]["value"] == pytest.approx(error.abs().mean())
    assert realised["rmse"]["value"] == pytest.approx((error**2).mean() ** 0.5)
    assert got["estimated"]["mae"]["value"] > 0
    width = realised["rmse"]["high"] - realised["rmse"]["low"]
    assert width / 3.92 == pytest.approx(resampled_rmse_error(error), rel=0.15)


def test_a_model_of_numbers_that_errs_more_fails(houses):
    assert judge_houses(houses, "c.parquet").returncode == 3


@pytest.fixture(scope="module")
def with_commas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commas")
    names = {"fare": "fare, net", "stops": "a,b"}
    draw_orders(800).rename(columns=names).to_csv(folder / "a.csv", index=False)
    return folder


@pytest.mark.parametrize(
    ("argv", "watched"),
    [
        pytest.param(("--columns", "fare, net"), {"fare, net"}, id="one with a comma"),
        pytest.param(
            ("--columns", "fare, net", "--columns", "a,b"),
            {"fare, net", "a,b"},
            id="repeated",
        ),
        pytest.param(("--columns", "a,b", "route"), {"a,b", "route"}, id="in a row"),
        pytest.param(("--columns", "route,p"), {"route"}, id="a list"),
        pytest.param(
            ("--columns", "a,b", "--categorical", "a,b"), {"a,b"}, id="categorical"
        ),
    ],
)
def test_columns_may_be_called_as_they_like(
    with_commas,
    argv,
    watched,
):
    tables = ("--reference", "a.csv", "--current", "a.csv", "--score", "p")
    got = run_monitor_command(with_commas, *tables, *argv, "--json", "-")
    assert got.returncode == 0, got.stderr
    columns = {column["column"] for column in json.loads(got.stdout)["columns"]}
    assert columns - {"p"} == watched
