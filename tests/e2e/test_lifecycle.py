"""Registry and loop on a small project of six months: promote, advance, retrain, decide, roll back.

What is in production is exactly what the history says.
"""

import json
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.notebooks import stages_run
from helpers.project import ROOT, change, run_mlops_nb, run_shell


def shop():
    """Half a year of orders; what makes a return changes in May."""
    rng = np.random.default_rng(0)
    count = 2400
    days = pd.date_range("2020-01-01", "2020-06-30 23:00", periods=count).floor("min")
    orders = pd.DataFrame({"id": range(count), "day": days})
    orders["shop"] = rng.choice(["a", "b", "c"], count)
    orders["price"] = rng.normal(10, 3, count).round(2)
    orders["size"] = rng.normal(0, 1, count).round(2)
    since_may = 14 - orders.price + 2 * orders["size"]
    reason = np.where(orders.day >= "2020-05-01", since_may, orders.price - 6)
    orders["y"] = (reason + rng.normal(0, 2, count) > 4).astype(int)
    # when it is known whether the order came back
    orders["settled"] = orders.day + pd.to_timedelta(rng.integers(1, 41, count), "D")
    return orders


DATA = {
    "source": "data/in.csv",
    "depends": "data/in.csv",
    "target": "y",
    "task": "binary",
    "time": "day",
    "keys": ["id"],
    "label_known": "settled",
    "as_of": "2020-05-12",
}
WINDOWS = {
    "train": {"start": "2020-01", "end": "2020-03"},
    "current": {"start": "2020-04", "end": "2020-04"},
}
EVALUATE = {
    "groups": [],
    "checks": {"beats_baseline": None, "calibration": None},
    "importance_rows": 200,
}


@pytest.fixture(scope="module")
def life(
    tmp_path_factory,
    bare,
):
    """A small project of six months, whose first candidate is committed."""
    top = tmp_path_factory.mktemp("life") / "project"
    shutil.copytree(bare, top, symlinks=True)
    shop().to_csv(top / "data" / "in.csv", index=False)
    change(
        top,
        data=DATA,
        windows=WINDOWS,
        features={"modules": [], "columns": "auto", "exclude": []},
        train={"params": {"max_iter": 20}},
        evaluate=EVALUATE,
        loop={"policy": "propose", "every": 0, "periods": 2, "expanding": False},
    )
    configure_git(top)
    card = top / "data" / "card.yaml"
    card.write_text(
        card.read_text().replace("accepted: [flight_id, tailnum]", "accepted: [id]")
    )
    run_mlops_nb("schema", "--force", cwd=top)
    run_mlops_nb("repro", cwd=top)
    run_shell("git", "add", "-A", cwd=top)
    run_shell("git", "commit", "-qm", "first", cwd=top)
    return top


def configure_git(top):
    """Set the author, and the filter as `make run` has set it: DVC must be able to read it."""
    made = (ROOT / "Makefile").read_text()
    command = re.search(r'git config filter.stripped.clean "(.*)"; fi', made)[1]
    python = command.replace("$(PYTHON)", sys.executable).replace("$${prefix}", "")
    run_shell("git", "config", "filter.stripped.clean", python, cwd=top)
    run_shell("git", "config", "user.name", "ada", cwd=top)
    run_shell("git", "config", "user.email", "ada@example.com", cwd=top)


def pin(top):
    from ruamel.yaml import YAML

    return YAML(typ="safe").load((top / "params.yaml").read_text())["champion"]


def champion_bytes(top):
    return (top / "data" / "champion" / "model.skops").read_bytes()


def clean(top):
    assert run_shell("git", "status", "--porcelain", cwd=top).stdout == ""
    assert "up to date" in run_shell("dvc", "status", cwd=top).stdout


def test_promote_advance_and_rollback(life):
    first = champion_bytes(life)
    promotes(life)
    advances(life)
    keeps_both_readings(life)
    assert champion_bytes(life) == first
    dismisses(life)
    advances_by_itself(life)
    rolls_back(life)
    tells_the_shadow(life)
    tells_versions(life)
    refuses_other_definitions(life)


def promotes(life):
    """The first candidate goes into production, once."""
    assert "nothing is pinned" in run_mlops_nb("status", cwd=life).stdout
    said = run_mlops_nb("promote", "--why", "the first", cwd=life).stdout
    assert "v1.0.0 is in prod" in said
    assert pin(life)["version"] == "v1.0.0"
    assert set(run_shell("git", "tag", cwd=life).stdout.split()) == {
        "flights@v1.0.0",
        "flights#prod#1",
    }
    page = (life / "reports" / "monitor.html").read_text("utf-8")
    first_screen = page.partition("<details")[0]
    assert (
        "v1.0.0, in production since" in first_screen
    )  # the pages name what they show
    assert pin(life)["md5"][:8] in page
    clean(life)
    assert "nothing to do" in run_mlops_nb("promote", "--why", "again", cwd=life).stdout


def advances(life):
    """The next month opens; the one before is read again with the labels that came late."""
    said = run_mlops_nb("advance", "--as-of", "2020-06-12", cwd=life).stdout
    assert "2020-05: act" in said
    assert "waits for a decision" in said
    assert "labels came late: 2020-04 monitored again" in said
    clean(life)


def keeps_both_readings(life):
    """Each with the labels known by then."""
    lines = (life / "data" / "history.jsonl").read_text().splitlines()
    line, again = (json.loads(text) for text in lines)
    assert line["window"] == again["window"] == "2020-04"
    assert line["champion"] == again["champion"] == "v1.0.0"
    assert line["metrics"]["auc"] > 0.7
    orders = pd.read_csv(life / "data" / "in.csv", parse_dates=["day", "settled"])
    truth = orders.query("'2020-04-01' <= day < '2020-05-01'")
    for got in (line, again):
        assert got["rows"] == len(truth)
        assert got["labelled"] == (truth.settled <= got["as_of"]).sum()
    assert (line["as_of"], again["as_of"]) == ("2020-05-12", "2020-06-12")
    assert line["labelled"] < again["labelled"] == len(truth)


def dismisses(life):
    """A finding that is answered waits no more."""
    report = json.loads((life / "reports" / "monitor.json").read_text())
    severity = {
        found["id"]: found["severity"] for found in report["results"]["findings"]
    }
    finding = next(name for name in severity if severity[name] == "act")
    assert finding in run_mlops_nb("status", cwd=life).stdout
    run_mlops_nb(
        "decide", finding, "--dismiss", "--why", "known: new price list", cwd=life
    )
    assert finding not in run_mlops_nb("status", cwd=life).stdout
    clean(life)


def advances_by_itself(life):
    """With policy auto a challenger is trained, judged and brought into production."""
    said = run_mlops_nb(
        "advance", "--policy", "auto", "--as-of", "2020-08-12", cwd=life
    ).stdout
    assert "2020-06" in said
    assert "challenger" in said
    assert "gate passed" in said
    assert pin(life)["version"] == "v1.1.0"
    judged = json.loads(
        (life / "data" / "challengers.jsonl").read_text().splitlines()[-1]
    )
    # it answered every row beside the champion before it served
    assert dict(judged["checks"])["shadow"] is True
    assert "promote" in run_mlops_nb("history", cwd=life).stdout
    assert "v1.1.0" in run_mlops_nb("status", cwd=life).stdout
    clean(life)


def rolls_back(life):
    """v1.1.0 is in production; one command brings v1.0.0 back, exactly, and trains nothing."""
    now = pin(life)
    was = champion_bytes(life)
    done = run_mlops_nb("rollback", "--why", "returns rose", cwd=life)
    said = done.stdout
    assert "v1.0.0 is back in production" in said
    assert now["md5"] in said
    assert pin(life)["md5"] in said
    assert pin(life)["version"] == "v1.0.0"
    assert champion_bytes(life) != was
    assert "monitor" in stages_run(done.stderr)
    assert "train" not in stages_run(done.stderr)
    clean(life)


def tells_the_shadow(life):
    """The candidate, v1.1.0, has answered beside the champion, v1.0.0."""
    beside = json.loads((life / "reports" / "evaluate.json").read_text())["results"][
        "shadow"
    ]
    assert beside["rows"] == len(
        pd.read_parquet(life / "data" / "features" / "current.parquet")
    )
    assert not beside["failed"]
    assert 0 < beside["differ"] <= 1


def tells_versions(life):
    """Where a version comes from, and which there are."""
    said = run_mlops_nb("history", "v1.0.0", cwd=life).stdout
    assert pin(life)["commit"] in said
    assert "dvc get . data/candidate" in said
    refused = run_mlops_nb(
        "rollback", "--to", "v9.0.0", "--why", "x", cwd=life, check=False
    )
    assert "a registered version: v1.0.0, v1.1.0" in refused.stderr


def refuses_other_definitions(life):
    """An old champion must find what it was trained with: a column taken out is refused."""
    path = life / "params.yaml"
    good = path.read_text()
    change(life, features={"modules": [], "columns": ["price", "shop"], "exclude": []})
    assert (
        run_mlops_nb("run", "preprocess", "current", cwd=life).returncode == 0
    )  # `size` is written all the same
    columns = set(
        pd.read_parquet(life / "data" / "features" / "current.parquet").columns
    )
    path.write_text(good)
    assert {"price", "shop", "size"} <= columns
    listed = json.loads((life / "data" / "registered.json").read_text())
    (life / "data" / "registered.json").write_text(
        json.dumps(listed | {"price": {"digest": "0", "since": "v1.0.0"}})
    )
    got = run_mlops_nb("run", "preprocess", "current", cwd=life, check=False)
    assert got.returncode
    assert "the feature price as registered with v1.0.0" in got.stdout + got.stderr
    run_shell("git", "checkout", "-q", ".", cwd=life)
    run_shell("dvc", "checkout", "-q", "--force", cwd=life)
