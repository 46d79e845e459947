"""Any source, any shape: what DVC reruns, and what wide, small and wrong tables come to."""

import json

import numpy as np
import pandas as pd
from helpers.notebooks import stages_run
from helpers.project import change, run_mlops_nb, run_shell, sales


def test_dvc_follows_the_source(small):
    assert "nothing to do" in run_mlops_nb("repro", cwd=small).stdout
    path = small / "data" / "in.csv"
    *lines, last = path.read_text().splitlines()
    lines.append(last.replace(last.split(",")[3], "11.5"))  # one price in April
    path.write_text("\n".join(lines) + "\n")
    ran = stages_run(run_mlops_nb("repro", "preprocess", cwd=small).stderr)
    assert {"ingest@train", "ingest@current", "preprocess@current"} <= set(ran)
    assert "preprocess@train" not in ran


def test_dvc_follows_the_settings_of_the_source(small):
    events = small / "data" / "raw" / "current" / "events.parquet"
    before = len(pd.read_parquet(events))
    file = {"source": "data/in.csv", "depends": "data/in.csv"}
    columns = {"target": "y", "task": "binary", "time": "day", "keys": ["id"]}
    change(small, data=file | columns | {"as_of": "2020-04-15"})
    ran = stages_run(run_mlops_nb("repro", "ingest", cwd=small).stderr)
    assert {"ingest@train", "ingest@current"} <= set(ran)
    assert len(pd.read_parquet(events)) < before


def assert_nothing_was_scored(
    run,
    rows,
):
    """The run ends in words, and not as if it had done what it is for."""
    assert "Traceback" not in run.stdout + run.stderr
    assert run.returncode
    assert f"None of its {rows} rows is scored" in run.stderr


def test_broken_current_window_still_gives_pages(small):
    path = small / "data" / "in.csv"
    table = pd.read_csv(path)
    april = table.index[table.day >= "2020-04"]
    table.loc[april, "id"] = 7  # one key for the whole month
    table.to_csv(path, index=False)
    run = run_mlops_nb("repro", cwd=small, check=False)
    assert_nothing_was_scored(run, len(april))
    assert len(pd.read_parquet(small / "data" / "predictions" / "current.parquet")) == 0
    monitor = json.loads((small / "reports" / "monitor.json").read_text())
    evaluate = json.loads((small / "reports" / "evaluate.json").read_text())
    assert monitor["verdict"]["level"] == "act"
    assert monitor["verdict"]["reasons"][0]["key"] == "schema.unique"
    assert evaluate["results"]["rows"] == 0
    assert evaluate["verdict"]["level"] != "ok"
    page = (small / "reports" / "monitor.html").read_text("utf-8")
    assert "Act now" in page
    assert "could not be shown" not in page
    run_shell("git", "checkout", "-q", ".", cwd=small)


def test_a_bad_cell_costs_the_score_of_its_row_alone(small):
    path = small / "data" / "in.csv"
    table = pd.read_csv(path, dtype=str)
    april = table.index[table.day >= "2020-04"]
    table.loc[april[3], "price"] = "a lot"
    table.to_csv(path, index=False)
    run = run_mlops_nb("repro", cwd=small)
    scored = pd.read_parquet(small / "data" / "predictions" / "current.parquet")
    missing = table.id[april[3]]
    assert len(scored) == len(april) - 1
    assert int(missing) not in list(scored.id)
    assert f"not scored: 1 of {len(april)} rows" in run.stdout
    assert f"{missing} (price: a lot)" in run.stdout
    monitor = json.loads((small / "reports" / "monitor.json").read_text())
    found = {finding["id"] for finding in monitor["results"]["findings"]}
    assert {"contract.type.price", "failed.score"} <= found


def test_columns_that_are_never_features(project):
    table = sales(400).drop(columns="id")
    known = pd.to_datetime(table.day) + pd.Timedelta("1D")
    settings = {"keys": None, "label_known": "known", "as_of": "2020-12-31"}
    top = project(table.assign(known=known), **settings)
    run_mlops_nb("ingest", "train", cwd=top)
    run_mlops_nb("run", "preprocess", "train", cwd=top)
    features = pd.read_parquet(top / "data" / "features" / "train.parquet")
    assert list(features) == ["row", "day", "shop", "price", "y"]


def test_ten_rows(project):
    run = run_mlops_nb("repro", cwd=project(sales(10)), check=False)
    said = run.stdout + run.stderr
    assert run.returncode
    assert "Traceback" not in said
    assert "at least 20 rows" in said


def wide_table(rows=400):
    """Return a table of a thousand columns, two of which tell the target."""
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.normal(size=(rows, 990)).round(3)).add_prefix("c")
    texts = pd.DataFrame(rng.choice(list("abcd"), (rows, 7))).add_prefix("t")
    days = pd.date_range("2020-01-01", "2020-04-30", periods=rows).floor("min")
    keys = pd.DataFrame({"id": range(rows), "day": days})
    table = pd.concat([keys, numbers, texts], axis=1)
    table["y"] = (table.c0 + table.c1 + rng.normal(0, 0.5, rows) > 0).astype(int)
    return table


def test_a_thousand_columns(project):
    top = project(wide_table(), schema=False)
    change(
        top, train={"params": {"max_iter": 30}}, evaluate={"groups": [], "checks": {}}
    )
    run_mlops_nb("schema", "--force", cwd=top)
    run = run_mlops_nb("repro", cwd=top)
    assert "Traceback" not in run.stdout + run.stderr
    for page in (top / "reports").glob("*.html"):
        assert page.stat().st_size < 2e6, page.name
    best = json.loads((top / "reports" / "evaluate.json").read_text())["results"][
        "importance"
    ]
    assert {best[0]["feature"], best[1]["feature"]} == {"c0", "c1"}
    assert len(best) <= 100
