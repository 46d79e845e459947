"""Registry and loop on a small project of six months: promote, advance, retrain, decide, roll back; what is in production is exactly what the history says."""

import json
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.project import ROOT, change, nb, sh


def shop(n=2400, seed=0):
    """Half a year of orders; what makes a return changes in May."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "id": range(n),
            "day": pd.date_range("2020-01-01", "2020-06-30 23:00", periods=n).floor("min"),
            "shop": rng.choice(["a", "b", "c"], n),
            "price": rng.normal(10, 3, n).round(2),
            "size": rng.normal(0, 1, n).round(2),
        }
    )
    late = d.day >= "2020-05-01"
    d["y"] = (
        np.where(late, 14 - d.price + 2 * d["size"], d.price - 6) + rng.normal(0, 2, n) > 4
    ).astype(int)
    d["settled"] = d.day + pd.to_timedelta(
        rng.integers(1, 41, n), "D"
    )  # when it is known whether the order came back
    return d


@pytest.fixture(scope="module")
def life(tmp_path_factory, bare):
    top = tmp_path_factory.mktemp("life") / "project"
    shutil.copytree(bare, top, symlinks=True)
    shop().to_csv(top / "data" / "in.csv", index=False)
    change(
        top,
        data={
            "source": "data/in.csv",
            "depends": "data/in.csv",
            "target": "y",
            "task": "binary",
            "time": "day",
            "keys": ["id"],
            "label_known": "settled",
            "as_of": "2020-05-12",
        },
        windows={
            "train": {"start": "2020-01", "end": "2020-03"},
            "current": {"start": "2020-04", "end": "2020-04"},
        },
        features={"modules": [], "columns": "auto", "exclude": []},
        train={"params": {"max_iter": 20}},
        evaluate={
            "groups": [],
            "checks": {"beats_baseline": None, "calibration": None},
            "importance_rows": 200,
        },
        loop={"policy": "propose", "every": 0, "periods": 2, "expanding": False},
    )
    command = re.search(
        r'git config filter.stripped.clean "(.*)"; fi', (ROOT / "Makefile").read_text()
    )[1].replace("$(PYTHON)", sys.executable)
    sh(
        "git", "config", "filter.stripped.clean", command, cwd=top
    )  # as `make run` has set it: DVC must be able to read it
    (
        sh("git", "config", "user.name", "ada", cwd=top),
        sh("git", "config", "user.email", "ada@example.com", cwd=top),
    )
    card = top / "data" / "card.yaml"
    card.write_text(card.read_text().replace("accepted: [flight_id, tailnum]", "accepted: [id]"))
    nb("schema", "--force", cwd=top)
    nb("repro", cwd=top)
    sh("git", "add", "-A", cwd=top), sh("git", "commit", "-qm", "first", cwd=top)
    return top


def pin(top):
    from ruamel.yaml import YAML

    return YAML(typ="safe").load((top / "params.yaml").read_text())["champion"]


def champion_bytes(top):
    return (top / "data" / "champion" / "model.skops").read_bytes()


def clean(top):
    assert sh("git", "status", "--porcelain", cwd=top).stdout == ""
    assert "up to date" in sh("dvc", "status", cwd=top).stdout


def test_promote_advance_and_rollback(life):
    first = champion_bytes(life)
    assert "nothing is pinned" in nb("status", cwd=life).stdout
    said = nb("promote", "--why", "the first", cwd=life).stdout
    assert "v1.0.0 is in prod" in said
    assert pin(life)["version"] == "v1.0.0"
    assert set(sh("git", "tag", cwd=life).stdout.split()) == {"flights@v1.0.0", "flights#prod#1"}
    assert (
        f"v1.0.0 ({pin(life)['md5'][:8]})"
        in (life / "reports" / "monitor.html").read_text("utf-8").partition("<details")[0]
    )  # the pages name what they show
    clean(life)
    assert "nothing to do" in nb("promote", "--why", "again", cwd=life).stdout

    said = nb("advance", "--as-of", "2020-06-12", cwd=life).stdout
    assert (
        "2020-05: act" in said
        and "waits for a decision" in said
        and "labels came late: 2020-04 monitored again" in said
    ), said
    clean(life)
    line, again = (
        json.loads(x) for x in (life / "data" / "history.jsonl").read_text().splitlines()
    )
    assert line["window"] == again["window"] == "2020-04"
    assert line["champion"] == again["champion"] == "v1.0.0"
    assert line["metrics"]["auc"] > 0.7
    truth = pd.read_csv(life / "data" / "in.csv", parse_dates=["day", "settled"]).query(
        "'2020-04-01' <= day < '2020-05-01'"
    )
    for got in (line, again):  # both readings, each with the labels known by then
        assert got["rows"] == len(truth)
        assert got["labelled"] == (truth.settled <= got["as_of"]).sum()
    assert (line["as_of"], again["as_of"]) == ("2020-05-12", "2020-06-12")
    assert line["labelled"] < again["labelled"] == len(truth)
    assert champion_bytes(life) == first

    finding = next(
        f["id"]
        for f in json.loads((life / "reports" / "monitor.json").read_text())["results"]["findings"]
        if f["severity"] == "act"
    )
    assert finding in nb("status", cwd=life).stdout
    nb("decide", finding, "--dismiss", "--why", "known: new price list", cwd=life)
    assert finding not in nb("status", cwd=life).stdout
    clean(life)

    said = nb("advance", "--policy", "auto", "--as-of", "2020-08-12", cwd=life).stdout
    assert "2020-06" in said and "challenger" in said, said
    assert "gate passed" in said
    assert pin(life)["version"] == "v1.1.0"
    judged = json.loads((life / "data" / "challengers.jsonl").read_text().splitlines()[-1])
    assert (
        dict(judged["checks"])["shadow"] is True
    )  # it answered every row beside the champion before it served
    assert "promote" in nb("history", cwd=life).stdout
    assert "v1.1.0" in nb("status", cwd=life).stdout
    clean(life)
    rolls_back(life)
    refuses_other_definitions(life)


def rolls_back(life):
    """v1.1.0 is in production; one command brings v1.0.0 back, exactly, and trains nothing."""
    now = pin(life)
    was = champion_bytes(life)
    said = nb("rollback", "--why", "returns rose", cwd=life).stdout
    assert "v1.0.0 is back in production" in said
    assert now["md5"] in said
    assert pin(life)["md5"] in said
    assert pin(life)["version"] == "v1.0.0"
    assert champion_bytes(life) != was
    assert "Running stage 'train'" not in said
    clean(life)
    beside = json.loads((life / "reports" / "evaluate.json").read_text())["results"][
        "shadow"
    ]  # the candidate is v1.1.0, the champion v1.0.0
    assert beside["rows"] == len(pd.read_parquet(life / "data" / "features" / "current.parquet"))
    assert not beside["failed"]
    assert 0 < beside["differ"] <= 1
    said = nb("history", "v1.0.0", cwd=life).stdout
    assert pin(life)["commit"] in said
    assert "dvc get . data/candidate" in said
    assert (
        "a registered version: v1.0.0, v1.1.0"
        in nb("rollback", "--to", "v9.0.0", "--why", "x", cwd=life, check=False).stderr
    )


def refuses_other_definitions(life):
    """An old champion must find what it was trained with: a column taken out is refused in words."""
    path = life / "params.yaml"
    good = path.read_text()
    change(life, features={"modules": [], "columns": ["price", "shop"], "exclude": []})
    assert (
        nb("run", "preprocess", "current", cwd=life).returncode == 0
    )  # `size` is written all the same
    columns = set(pd.read_parquet(life / "data" / "features" / "current.parquet").columns)
    path.write_text(good)
    assert {"price", "shop", "size"} <= columns
    listed = json.loads((life / "data" / "registered.json").read_text())
    (life / "data" / "registered.json").write_text(
        json.dumps(listed | {"price": {"digest": "0", "since": "v1.0.0"}})
    )
    got = nb("run", "preprocess", "current", cwd=life, check=False)
    assert got.returncode
    assert "the feature price as registered with v1.0.0" in got.stdout + got.stderr
    sh("git", "checkout", "-q", ".", cwd=life), sh("dvc", "checkout", "-q", "--force", cwd=life)
