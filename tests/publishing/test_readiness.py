"""The ML Test Score: 28 rows that stand on evidence, and fall with it."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from helpers.project import ROOT, change, nb, sh

from mlops_nb.lifecycle.statements import read_answers
from mlops_nb.publishing.readiness import (
    MATURITY_LADDERS,
    READINESS_TESTS,
    assess_maturity,
    compute_ml_test_score,
    evidence_of_stage,
    score_readiness_test,
)

EVIDENCE = {e for r in READINESS_TESTS for e in r.evidence} | {
    e for asked in MATURITY_LADDERS.values() for es in asked.values() for e in es
}
SIGNED = 'statements:\n- {{test: "{}", said: "Done <by> hand", by: "Ada", on: "2026-01-31"}}\n'


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the files that hold evidence, and of nothing else."""
    top = tmp_path_factory.mktemp("tree")
    for path in {p for e in EVIDENCE for p in ROOT.glob(e.path)} | {ROOT / "data" / "card.yaml"}:
        to = top / path.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
    return top


def points(top, test):
    return score_readiness_test(next(r for r in READINESS_TESTS if r.test == test), top)


class blanked:
    """Files of a tree with a pattern taken out, for as long as the block lasts."""

    def __init__(self, top, e):
        self.files = {p: p.read_text() for p in top.glob(e.path)}
        self.e = e

    def __enter__(self):
        [p.write_text(re.sub(self.e.pattern, "", s, flags=re.M)) for p, s in self.files.items()]

    def __exit__(self, *_):
        [p.write_text(s) for p, s in self.files.items()]


@pytest.mark.parametrize("row", READINESS_TESTS, ids=lambda r: r.test.replace(" ", ""))
def test_a_row_falls_with_each_piece_of_its_evidence(tree, row):
    got = score_readiness_test(row, tree)
    assert got.points in (0, 1)
    assert (got.points == 1) == bool(row.evidence and not got.missing)
    for e in row.evidence if got.points else ():
        with blanked(tree, e):
            less = score_readiness_test(row, tree)
            assert (
                less.points == 0 and e.says in less.missing and less.why.startswith("no evidence")
            ), e
        files = [p.rename(p.with_name("gone-" + p.name)) for p in tree.glob(e.path)]
        if "*" not in e.path:
            assert score_readiness_test(row, tree).points == 0
        for p in files:
            p.rename(p.with_name(p.name.removeprefix("gone-")))
    assert score_readiness_test(row, tree).points == got.points
    assert got.points or got.why.startswith("no evidence")


@pytest.mark.parametrize("row", READINESS_TESTS, ids=lambda r: r.test.replace(" ", ""))
def test_a_signed_statement_is_half_a_point_and_no_more(tree, row):
    card = tree / "data" / "card.yaml"
    before = card.read_text()
    full = score_readiness_test(row, tree).points
    card.write_text(before.replace("statements: []\n", SIGNED.format(row.test)))
    told = read_answers(tree).statements
    card.write_text(before)
    got = score_readiness_test(row, tree, told)
    assert [s["test"] for s in told] == [row.test]
    assert got.points == (full or 0.5)
    assert full or "Ada, 2026-01-31" in got.why
    assert score_readiness_test(row, tree, read_answers(tree).statements).points == full


@pytest.mark.parametrize(
    ("test", "path", "off", "on"),
    [
        ("Model 1", "settings.ini", "four_eyes = no", "four_eyes = yes"),
        ("Model 3", "params.yaml", "search_candidates: 0", "search_candidates: 9"),
        ("Model 6", "params.yaml", "checks: {minimum", "checks: {worst_slice: 0.6, minimum"),
        ("Monitoring 4", "params.yaml", "every: 0 ", "every: 3 "),
    ],
)
def test_a_setting_is_evidence_when_it_is_on(tree, test, path, off, on):
    f = tree / path
    before = f.read_text()
    other = before.replace(off, on) if off in before else before.replace(on, off)
    assert other != before, f"{path} says neither {off} nor {on}"
    was = points(tree, test).points
    f.write_text(other)
    now = points(tree, test).points
    f.write_text(before)
    assert {was, now} == {0, 1}
    assert (now == 1) == (off in before)


def test_a_switched_off_test_is_no_evidence(tree):
    f = tree / "tests" / "test_quality.py"
    before = f.read_text()
    for bad in (
        "@pytest.mark.skip(reason='later')\ndef test_quality(",
        "@pytest.mark.xfail\ndef test_quality(",
        "# def test_quality(",
    ):
        f.write_text(before.replace("def test_quality(", bad))
        assert points(tree, "Monitoring 7").points == 0, bad
    f.write_text(before)
    assert points(tree, "Monitoring 7").points == 1


def test_the_score_of_this_repository(capsys):
    got = compute_ml_test_score(ROOT)
    print(got)
    assert len(got.rows) == 28
    assert got.score == min(got.sums.values())
    assert all(0 <= v <= 7 for v in got.sums.values())
    for r in got.rows:
        assert (r.points == 1) == bool(r.found and not r.missing)
        for _, at in r.found:
            path, line = at.rsplit(":", 1)
            assert (ROOT / path).read_text().count("\n") >= int(line) - 1
    page = got.html("../")
    assert all(f'href="../{at.rpartition(":")[0]}"' in page for r in got.rows for _, at in r.found)
    assert "no evidence" in page
    assert "<script" not in page
    assert got.json()["score"] == got.score
    assert "ML Test Score" in capsys.readouterr().out


def test_levels_rise_with_what_is_asked(tree):
    params, ini = (tree / p for p in ("params.yaml", "settings.ini"))
    before = params.read_text(), ini.read_text()

    def level():
        return {x.ladder: x.level for x in assess_maturity(tree)}

    params.write_text(before[0].replace("policy: propose", "policy: auto"))
    (tree / "tests" / "test_promotes.py").write_text("def test_promotes():\n    assert 1\n")
    try:
        assert level()["Google MLOps level"] == 1
        assert level()["Microsoft MLOps maturity"] == (
            4 if re.search(r"(?m)^alerts *= *\S", ini.read_text()) else 3
        )
        ini.write_text(re.sub(r"(?m)^alerts =.*$", "alerts = ALERT_URL", before[1]))
        assert level()["Microsoft MLOps maturity"] == 4
        with blanked(tree, evidence_of_stage("train")):
            assert level() == {"Google MLOps level": 0, "Microsoft MLOps maturity": 1}
    finally:
        (
            params.write_text(before[0]),
            ini.write_text(before[1]),
            (tree / "tests" / "test_promotes.py").unlink(),
        )


def test_scores_stay_finite(small_once):
    """Whatever comes in: infinite, huge, tiny, missing, never seen."""
    from mlops_nb.modeling.persistence import load_model

    m = load_model(small_once / "data" / "candidate")
    assert set(m.columns) == {"shop", "price"}
    odd = pd.DataFrame(
        {
            "price": [np.inf, -np.inf, 1e308, -1e308, 5e-324, np.nan, 0.0, None],
            "shop": ["a", "b", None, "never seen", "", "a" * 10_000, "☃", np.nan],
        }
    )
    for model in (m, m.baseline):
        s = model.predict(odd).score
        assert np.isfinite(s).all()
        assert s.between(0, 1).all()


def test_a_new_feature_is_one_function(small):
    """Written, named in params.yaml, and it is in the features and in the catalogue."""
    import json

    (small / "mlops_nb" / "examples" / "mine.py").write_text(
        'from mlops_nb.data.features import features\nimport pandas as pd\n\n@features(sources=("events",), owner="us", price_cents=("float32", "Price in cents"))\n'
        'def cents(events, history): return pd.DataFrame({"price_cents": (events.price * 100).astype("float32")})\n'
    )
    change(
        small, features={"modules": ["mlops_nb.examples.mine"], "columns": "auto", "exclude": []}
    )
    nb("run", "preprocess", "train", cwd=small)
    d = pd.read_parquet(small / "data" / "features" / "train.parquet")
    said = json.loads((small / "reports" / "preprocess-train.json").read_text())["results"][
        "catalogue"
    ]["price_cents"]
    assert np.allclose(d.price_cents, d.price * 100, equal_nan=True)
    assert said["owner"] == "us"
    assert said["digest"]


def test_every_feature_is_worth_its_time(ran):
    """Of flights: no group of features takes more than two CPU seconds per 100,000 rows, and each brings something."""
    import json
    import sys

    got = json.loads(
        sh(
            sys.executable,
            "-c",
            "import json; from mlops_nb.publishing.feature_costs import measure_feature_costs as costs; c = costs(); print(json.dumps([c.n, c.rows]))",
            cwd=ran,
        ).stdout.splitlines()[-1]
    )
    assert len(got[1]) >= 5
    for r in got[1]:
        assert r["seconds"] / got[0] * 1e5 < 2 and r["importance"] > 0, r
