"""`mlops-nb monitor`: any model, from two tables, outside of any project."""

import json
import os
import re
import subprocess
import sys

import jsonschema
import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.data.profile_stream import profile_file
from mlops_nb.monitoring.assessment_schema import ASSESSMENT_SCHEMA
from mlops_nb.monitoring.monitor import monitor
from mlops_nb.monitoring.scan import ColumnRoles


def watch(
    reference,
    current,
    score=None,
    label=None,
    **roles,
):
    """Monitor tables whose columns have these roles."""
    return monitor(reference, current, ColumnRoles(score, label, **roles))


def orders(
    n=4000,
    seed=0,
    fare=20.0,
    lift=None,
    known=1.0,
):
    r = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "fare": r.gamma(3, fare, n),
            "stops": r.integers(0, 3, n),
            "route": r.choice(["A", "B", "C"], n),
        }
    )
    d["p"] = 1 / (1 + np.exp(2 - d.fare / 40))
    d["bought"] = (r.random(n) < (d.p if lift is None else lift)).astype(float)
    d.loc[r.random(n) > known, "bought"] = np.nan
    return d


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    top = tmp_path_factory.mktemp("elsewhere")
    (
        orders(8000).to_parquet(top / "ref.parquet"),
        orders(seed=1).to_parquet(top / "calm.parquet"),
        orders(seed=2, fare=30).to_csv(top / "dear.csv", index=False),
    )
    return top


def cli(
    top,
    *argv,
):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MLOPS_NB")}
    return subprocess.run(
        [sys.executable, "-m", "mlops_nb", "monitor", *argv],
        cwd=top,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_exit_code_follows_the_verdict(files):
    base = ("--reference", "ref.parquet", "--score", "p", "--label", "bought")
    calm = cli(
        files, *base, "--current", "calm.parquet", "--json", "-", "--fail-on", "watch"
    )
    assert calm.returncode == 0, calm.stderr
    got = json.loads(calm.stdout)
    (
        jsonschema.validate(got, ASSESSMENT_SCHEMA),
        jsonschema.Draft202012Validator.check_schema(ASSESSMENT_SCHEMA),
    )
    assert got["verdict"] == "ok"
    assert {c["column"] for c in got["columns"]} == {
        "fare",
        "stops",
        "route",
        "p",
        "bought",
    }
    assert got["windows"][0]["realised"]["auc"]["value"] > 0.6
    dear = cli(
        files,
        *base,
        "--current",
        "calm.parquet",
        "dear.csv",
        "--html",
        "d.html",
        "--json",
        "d.json",
        "--prometheus",
        "d.prom",
        "--sagemaker",
        "sm",
        "--fail-on",
        "act",
    )
    assert dear.returncode == 3
    assert "dear: act" in dear.stdout
    page = (files / "d.html").read_text()
    assert "dear: 4,000 rows" in page
    assert not re.search(r'(src|href)="https?://', page)
    assert len(page) < 300_000
    assert json.loads((files / "d.json").read_text())["verdict"] == "act"
    assert 'mlops_nb_verdict{window="dear"} 2' in (files / "d.prom").read_text()
    assert {p.name for p in (files / "sm").iterdir()} == {
        "statistics.json",
        "constraints.json",
        "constraint_violations.json",
    }
    held = cli(
        files, *base, "--current", "dear.csv", "--constraints", "sm/constraints.json"
    )
    assert held.returncode == 0
    assert "baseline_drift_check: fare" in held.stdout
    less = orders(seed=1).drop(columns="stops")
    less.to_parquet(files / "less.parquet")
    broken = cli(
        files,
        *base,
        "--current",
        "less.parquet",
        "--constraints",
        "sm/constraints.json",
        "--sagemaker",
        "sm2",
        "--json",
        "b.json",
        "--fail-on",
        "act",
    )
    assert broken.returncode == 3
    assert "constraint.missing_column_check.stops" in {
        f["id"] for f in json.loads((files / "b.json").read_text())["findings"]
    }
    assert "Traceback" not in broken.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "--reference FILE and --current FILE"),
        (("--reference", "no.csv", "--current", "calm.parquet"), "no file no.csv"),
        (
            (
                "--reference",
                "ref.parquet",
                "--current",
                "calm.parquet",
                "--score",
                "prob",
            ),
            "`prob`",
        ),
        (
            (
                "--reference",
                "ref.parquet",
                "--current",
                "calm.parquet",
                "--label",
                "bought",
            ),
            "--score beside --label",
        ),
        (
            (
                "--reference",
                "ref.parquet",
                "--current",
                "calm.parquet",
                "--limit",
                "psi_wach=1",
            ),
            "psi_watch",
        ),
        (
            (
                "--reference",
                "ref.parquet",
                "--current",
                "calm.parquet",
                "--limit",
                "psi_watch=much",
            ),
            "a number, or learned",
        ),
        (
            (
                "--reference",
                "ref.parquet",
                "--current",
                "calm.parquet",
                "--labels",
                "ref.parquet",
                "--label",
                "bought",
                "--score",
                "p",
            ),
            "--key and --label beside --labels",
        ),
    ],
)
def test_mistakes_are_told_in_words(
    files,
    argv,
    words,
):
    got = cli(files, *argv)
    assert got.returncode == 1
    assert words in got.stderr
    assert "Traceback" not in got.stderr


def test_files_and_frames_say_the_same(files):
    a = watch(files / "ref.parquet", files / "dear.csv", "p", "bought")
    b = watch(orders(8000), {"dear": orders(seed=2, fare=30)}, "p", "bought")
    assert a.to_dict() == b.to_dict()
    assert a.html() == b.html()


@pytest.mark.parametrize(
    ("break_", "found", "level"),
    [
        (lambda d: d.assign(stops="two"), "type.stops", "act"),
        (lambda d: d.drop(columns="route"), "missing.route", "watch"),
        (lambda d: d.assign(fare=np.nan), "missing.fare", "act"),
        (
            lambda d: d.assign(route=d.route.replace("C", "<b>\"'\n")),
            "new.route",
            "watch",
        ),
        (lambda d: d.assign(fare=d.fare * 1.6), "drift.fare", "act"),
        (
            lambda d: d.assign(bought=np.where(d.fare > 60, 1 - d.bought, d.bought)),
            "quality.drop.auc",
            "act",
        ),
        (
            lambda d: d.assign(route=[f"r{i}" for i in range(len(d))]),
            "drift.route",
            "watch",
        ),
    ],
)
def test_faults_are_named(
    break_,
    found,
    level,
):
    got = watch(orders(8000), break_(orders(seed=1)), "p", "bought")
    of = {f.id: f.severity for f in got.verdict.findings}
    assert of.get(found) in (level, "act") and got.level != "ok", of
    jsonschema.validate(
        json.loads(json.dumps(got.to_dict(), allow_nan=True).replace("NaN", "null")),
        ASSESSMENT_SCHEMA,
    )
    assert "<b>\"'" not in got.html()
    assert got.prometheus()


@pytest.mark.parametrize(
    "odd",
    [
        lambda d: d.head(1),
        lambda d: d.assign(bought=np.nan),
        lambda d: d.assign(p=d.p * 7),
        lambda d: d.assign(extra=1),
        lambda d: d.drop(columns="bought"),
        lambda d: d.assign(fare=np.inf),
        lambda d: d.assign(fare=7.0),
    ],
)
def test_hostile_windows_have_a_stated_result(odd):
    got = watch(orders(3000), odd(orders(500, seed=1)), "p", "bought")
    assert got.level in ("ok", "watch", "act")
    assert got.html()
    assert str(got)


def test_a_hostile_reference():
    flat = orders(3000).assign(
        fare=1.0,
        p=0.5,
        route=None,
    )
    got = watch(flat, orders(500, seed=1), "p", "bought")
    assert {f.id for f in got.verdict.findings} >= {"drift.fare", "drift.p"}
    assert not got.table.psi[got.table.column == "route"].notna().any()
    short = watch(orders(40), orders(500, seed=1), "p", "bought")
    assert set(short.table.source) == {"stated"}
    assert short.html()
    with pytest.raises(UserError, match="rows in the reference"):
        watch(orders(10).head(0), orders(10))
    when = orders(600).assign(t=["2024-01-01 00:00+09:00"] * 300 + ["2024-01-02"] * 300)
    with pytest.raises(UserError, match="times in t"):
        watch(when.assign(t=["never"] * 600), when, time="t")


def test_a_large_csv_needs_little_memory(tmp_path):
    """Thirty times the rows, and hardly more memory."""
    code = "\n".join(
        [
            "import sys, resource",
            "from mlops_nb.monitoring.monitor import monitor",
            "from mlops_nb.monitoring.scan import ColumnRoles",
            "monitor(sys.argv[1], sys.argv[1], ColumnRoles('p', 'bought'))",
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)",
        ]
    )
    peak = []
    for n in (1, 30):
        pd.concat([orders(20_000)] * n).to_csv(tmp_path / "t.csv", index=False)
        peak.append(
            int(
                subprocess.run(
                    [sys.executable, "-c", code, tmp_path / "t.csv"],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
            )
        )
    assert peak[1] < peak[0] + 200, peak


def test_it_shows_itself_in_a_notebook():
    got = watch(orders(2000), orders(500, seed=1), "p", "bought")
    assert got._repr_html_().startswith("<iframe srcdoc=")
    assert "&lt;!doctype" in got._repr_html_()
    assert "<script" not in got.html()
    assert got._repr_markdown_().startswith("**window 1: ")


def test_five_hundred_columns_make_a_page_of_two_megabytes_at_most():
    r = np.random.default_rng(0)

    def wide():
        return pd.DataFrame(
            r.normal(size=(600, 500)), columns=[f"c{i}" for i in range(500)]
        )

    got = watch(wide(), wide().assign(c7=9.0))
    assert len(got.html()) < 2_000_000
    assert got.verdict.findings[0].column == "c7"


def test_csv_files_as_they_come(tmp_path):
    """Semicolons and decimal commas, fractions after megabytes of whole numbers, line ends in quotes; what cannot be read is said by column and row."""
    d = orders(3000)
    path = tmp_path / "t.csv"

    def plain():
        return profile_file(path).columns["fare"]

    d.to_csv(path, index=False)
    usual = plain()
    for sep, decimal in (";", ","), (";", "."), ("\t", ","), ("|", "."):
        d.to_csv(
            path,
            index=False,
            sep=sep,
            decimal=decimal,
        )
        assert plain() == usual or plain().to_dict() == usual.to_dict(), sep
    late = pd.DataFrame(
        {"n": np.arange(1_500_000), "big": 2**60 + np.arange(1_500_000), "empty": ""}
    )
    late["n"] = late.n.astype(float).astype(str).str.removesuffix(".0")
    late.loc[1_400_000, "n"] = "0.5"
    late.to_csv(path, index=False)
    got = profile_file(path).columns
    assert got["n"].count == got["big"].count == 1_500_000
    assert got["empty"].kind == "none"
    assert got["n"].maximum == 1_499_999
    late.loc[1_400_000, "n"] = "about 3"
    late.to_csv(path, index=False)
    with pytest.raises(
        UserError,
        match=r"one type per column: n has numeric values in its first rows\n +got invalid value 'about 3' in row 1,400,00\d",
    ):
        profile_file(path)
    path.write_text('"a\nb",c\n"x\ny",1\n"z",2\n')
    assert [*profile_file(path).columns] == ["a\nb", "c"]
    assert profile_file(path).columns["a\nb"].bucket_keys.tolist() == ["x\ny", "z"]
    for text, words in (
        ("a,b,a\n1,2,3\n", "a twice"),
        ("a,b\n", "rows in the reference"),
        ("", "readable"),
        ("a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
        ("a\n\xff\n", "in UTF-8"),
    ):
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(UserError, match=words):
            watch(path, d)


def prices(
    n=3000,
    seed=0,
    off=8.0,
):
    r = np.random.default_rng(seed)
    d = pd.DataFrame({"area": r.normal(100, 20, n), "rooms": r.integers(1, 6, n)})
    d["price"] = 3 * d.area + r.normal(0, 10, n)
    d["guess"] = 3 * d.area + r.normal(0, off, n)
    return d


def test_numbers_are_judged_outside_a_project(tmp_path):
    (
        prices().to_parquet(tmp_path / "a.parquet"),
        prices(seed=1).to_parquet(tmp_path / "b.parquet"),
        prices(seed=2, off=60).to_parquet(tmp_path / "c.parquet"),
    )
    base = (
        "--reference",
        "a.parquet",
        "--score",
        "guess",
        "--label",
        "price",
        "--fail-on",
        "act",
        "--json",
        "o.json",
    )
    assert cli(tmp_path, *base, "--current", "b.parquet").returncode == 0
    got = json.loads((tmp_path / "o.json").read_text())["windows"][0]
    d = prices(seed=1)
    e = d.guess - d.price
    assert got["realised"]["mae"]["value"] == pytest.approx(e.abs().mean())
    assert got["realised"]["rmse"]["value"] == pytest.approx((e**2).mean() ** 0.5)
    assert got["estimated"]["mae"]["value"] > 0
    boot = np.std(
        [
            np.sqrt(
                (
                    e.sample(
                        frac=1,
                        replace=True,
                        random_state=i,
                    )
                    ** 2
                ).mean()
            )
            for i in range(300)
        ]
    )
    r = got["realised"]["rmse"]
    assert (r["high"] - r["low"]) / 3.92 == pytest.approx(
        boot, rel=0.15
    )  # the interval, by another way
    assert cli(tmp_path, *base, "--current", "c.parquet").returncode == 3


@pytest.mark.parametrize(
    "break_",
    [
        lambda d: d.assign(fare=np.inf),
        lambda d: d.assign(fare=-np.inf),
        lambda d: d.assign(fare=d.fare.mask(d.index % 10 == 0, np.inf)),
        lambda d: d.assign(p=d.p.mask(d.index % 3 == 0, np.inf)),
    ],
)
def test_infinite_values_are_no_values(break_):
    got = watch(orders(8000), break_(orders(seed=1)), "p", "bought")
    assert {"missing.fare", "missing.p"} & {
        f.id for f in got.verdict.findings if f.severity != "ok"
    }
    json.dumps(got.to_dict(), allow_nan=False)


def test_labels_are_what_they_were():
    """However yes and no are stored; and what cannot be yes or no is said."""

    def yes(
        d,
        *v,
    ):
        return d.assign(bought=d.bought.map(dict(zip((0.0, 1.0), v, strict=False))))

    a = orders(8000)
    b = orders(seed=1)

    def auc(
        *args,
        **kw,
    ):
        return watch(*args, "p", "bought", **kw).windows[-1]["realised"]["auc"]["value"]

    plain = auc(a, b)
    assert (
        plain
        == auc(yes(a, "no", "yes"), yes(b, "no", "yes"), positive="yes")
        == auc(yes(a, 0, 1), b, positive="1")
        == auc(yes(a, False, True), yes(b, "False", "True"), positive="true")
        == auc(yes(a, 1, 2), yes(b, 1, 2), positive=2)
    )
    for values in ((-1, 1), (1, 2)):
        with pytest.raises(UserError, match="0 and 1, or --positive"):
            watch(yes(a, *values), yes(b, *values), "p", "bought")
    with pytest.raises(UserError, match="0 and 1, or --positive"):
        watch(a.assign(bought=a.stops), b, "p", "bought")
    with pytest.raises(UserError, match="a value of bought for --positive: no, yes"):
        watch(yes(a, "no", "yes"), b, "p", "bought", positive="Yes")
    other = watch(
        yes(a, "no", "yes"), yes(b, "No", "Yes"), "p", "bought", positive="yes"
    )
    assert other.windows[-1]["realised"] == {}
    assert any("never had" in str(n) for n in other.notes)
    blank = yes(b, "no", "yes")
    blank.loc[::3, "bought"] = ""
    assert watch(yes(a, "no", "yes"), blank, "p", "bought", positive="yes").windows[-1][
        "labelled"
    ] == len(b) - len(b[::3])
    for score in ("route", "bought"):
        with pytest.raises(UserError, match="score"):
            watch(a, b, score, "bought")


def test_an_estimate_that_fails_takes_no_quality_with_it():
    """Scores that are no probabilities: AUC and F1 are there, an estimate is not, and it is said why."""

    def margin(d):
        return d.assign(p=np.log(d.p / (1 - d.p)))

    a = orders(8000)
    b = orders(seed=1)
    got = watch(
        margin(a),
        margin(b.assign(p=b.p.sample(frac=1, random_state=0).to_numpy())),
        "p",
        "bought",
        threshold=0.0,
    )
    assert got.level == "act"
    assert "quality.drop.auc" in {f.id for f in got.verdict.findings}
    assert "brier" not in got.windows[-1]["realised"]
    assert any("cannot be estimated" in str(n) for n in got.notes)
    assert watch(margin(a), margin(b), "p", "bought", threshold=0.0).windows[-1][
        "realised"
    ]["auc"]["value"] == pytest.approx(
        watch(a, b, "p", "bought").windows[-1]["realised"]["auc"]["value"], abs=1e-4
    )


def test_small_samples_stay_calm():
    """Nothing is wrong, and both samples are small: a fall of a metric is chance on both sides."""
    levels = [
        watch(orders(n, 2 * i), orders(m, 2 * i + 1), "p", "bought").level
        for i in range(8)
        for n, m in ((300, 2000), (1000, 300))
    ]
    assert levels.count("act") == 0 and levels.count("watch") <= 2, levels

    def zipf(
        n,
        seed,
    ):
        return orders(n, seed).assign(
            page=["/" + str(k) for k in np.random.default_rng(seed).zipf(1.3, n)]
        )

    assert [
        watch(zipf(3000, i), zipf(3000, i + 50), "p", "bought").level for i in range(5)
    ].count("ok") >= 4


def test_a_sorted_reference_hides_nothing():
    a = orders(8000)
    b = orders(seed=2, fare=30)
    for by in ("p", "fare", "bought"):
        got = watch(a.sort_values(by, ignore_index=True), b, "p", "bought")
        assert got.level == "act" and any("sorted by" in str(n) for n in got.notes), by


def test_every_window_is_told_apart(tmp_path):
    for m, d in (("2024-01", orders(seed=1)), ("2024-02", orders(seed=2, fare=30))):
        (tmp_path / m).mkdir(), d.to_parquet(tmp_path / m / "data.parquet")
    got = watch(
        orders(8000),
        [tmp_path / m / "data.parquet" for m in ("2024-01", "2024-02")],
        "p",
        "bought",
    )
    assert len(got.windows) == 2
    assert got.window.endswith("2024-02/data")
    assert got.level == "act"
    with pytest.raises(UserError, match="at least one current table"):
        watch(orders(), [])
    with pytest.raises(UserError, match="one column of each name"):
        watch(orders().rename(columns={"stops": "fare"}), orders())
    late = pd.DataFrame(
        {"id": [f"k{i}" for i in range(8000)], "bought": orders(8000).bought}
    )
    keyed = orders(8000).drop(columns="bought").assign(id=range(8000))
    with pytest.raises(UserError, match="keys must be of one type"):
        watch(keyed, keyed, "p", "bought", outcomes=late, key="id")
