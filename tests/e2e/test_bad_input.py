"""Line 12: bad input gives a clear message, a non-zero exit, and loses nothing."""

import os
import re
import subprocess

import pandas as pd
import pytest
from helpers.project import change, run_mlops_nb, sales


def refused(
    top,
    *argv,
    **kw,
):
    """The message of a command that must fail without a traceback."""
    got = run_mlops_nb(*argv, cwd=top, check=False, **kw)
    said = got.stdout + got.stderr
    assert got.returncode != 0, said
    assert "Traceback" not in said, said
    return said


def test_params(project):
    top = project(sales(), schema=False)
    ok = (top / "params.yaml").read_text()

    def with_params(text):
        (top / "params.yaml").write_text(text)
        return refused(top, "ingest", "train")

    assert "valid YAML" in with_params(ok + "\ntrain: [")
    assert "line" in with_params(ok + "\ntrain: [")
    assert "a section `windows:`" in with_params(
        re.sub(r"(?m)^windows:", "window:", ok)
    )
    assert 'Did you mean "target"' in with_params(ok.replace("  target:", "  targt:"))
    assert "Did you mean" in with_params(ok.replace("task: binary", "task: binray"))
    (top / "params.yaml").write_text(ok)
    change(top, train={"max_itr": 3})
    assert "max_itr" in refused(top, "run", "train")
    (top / "params.yaml").write_text(ok.replace("  encoding: auto\n", ""))
    assert "encoding" in refused(top, "run", "train")
    (top / "params.yaml").write_text(ok)
    assert 'Did you mean "sample"' in refused(top, "run", "train", "-p", "sampel=3")
    assert "int" in refused(top, "run", "train", "-p", "sample=many")
    assert 'Did you mean "train"' in refused(top, "run", "trian")


@pytest.mark.parametrize(
    ("windows", "word"),
    [
        (
            {
                "train": {"start": "2020-03", "end": "2020-01"},
                "current": {"start": "2020-04", "end": "2020-04"},
            },
            "not after its end",
        ),
        (
            {
                "train": {"start": "2020-01", "end": "2020-03"},
                "current": {"start": "2020-03", "end": "2020-04"},
            },
            "before windows.current begins",
        ),
        (
            {
                "train": {"start": "1999-01", "end": "1999-02"},
                "current": {"start": "2020-04", "end": "2020-04"},
            },
            "the source has",
        ),
        (
            {
                "train": {"start": "20x20", "end": "2020-03"},
                "current": {"start": "2020-04", "end": "2020-04"},
            },
            "as a period",
        ),
        ({"current": {"start": "2020-04", "end": "2020-04"}}, "windows.train"),
    ],
)
def test_windows(
    project,
    windows,
    word,
):
    top = project(sales(300), schema=False)
    change(top, windows=windows)
    assert word in refused(top, "ingest", "train")


def test_sources(project):
    top = project(sales(300), schema=False)
    data = {
        "source": "data/in.csv",
        "depends": "data/in.csv",
        "target": "y",
        "task": "binary",
        "time": "day",
        "keys": ["id"],
    }

    def with_data(**kw):
        change(top, data=data | kw)
        return refused(top, "ingest", "train")

    assert "a column `late`" in with_data(target="late")
    assert 'Did you mean "day"' in with_data(time="dya")
    assert "times in" in with_data(time="shop")
    assert "files at data.source" in with_data(source="data/none.csv")
    assert "data.depends: data/in.csv" in with_data(depends="params.yaml")
    assert "data.as_of" in with_data(source="sqlite:///data/x.db", query="select 1")
    assert "importable module" in with_data(source="no.such.module:load")
    (top / "data" / "in.parquet").write_bytes(b"PAR1 this is not Parquet")
    assert "in.parquet" in with_data(
        source="data/in.parquet", depends="data/in.parquet"
    )
    (top / "data" / "sjis.csv").write_bytes(
        "id,day,店,y\n1,2020-01-01,渋谷,1\n".encode("cp932")
    )
    assert "cp932" in with_data(source="data/sjis.csv", depends="data/sjis.csv")


def test_targets(project):
    d = sales(600)
    top = project(d.assign(y=None), schema=False)
    assert re.search(
        "missing|target",
        refused(top, "schema", "--force")
        if run_mlops_nb("schema", "--force", cwd=top, check=False).returncode
        else _until_train(top),
    )
    for bad, word in (
        (d.assign(y=1), "different values are needed"),
        (d.assign(id=1), "unique|duplicate|id"),
    ):
        top = project(bad)
        assert re.search(word, _until_train(top))


def _until_train(top):
    for argv in (["ingest", "train"], ["run", "preprocess", "train"], ["run", "train"]):
        got = run_mlops_nb(*argv, cwd=top, check=False)
        if got.returncode:
            said = got.stdout + got.stderr
            assert "Traceback" not in said, said
            return said
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize(
    ("estimator", "word"),
    [
        ("sklearn.linear_model.NoSuch", "NoSuch"),
        ("json.JSONDecoder", "fit"),
        ("nowhere.Model", "importable"),
    ],
)
def test_estimators(
    project,
    estimator,
    word,
):
    top = project(sales(600))
    (
        run_mlops_nb("ingest", "train", cwd=top),
        run_mlops_nb("run", "preprocess", "train", cwd=top),
    )
    change(top, train={"estimator": estimator})
    assert word in refused(top, "run", "train")


def test_altered_model(project):
    top = project(sales(600))
    for argv in (
        ["ingest", "train"],
        ["run", "preprocess", "train"],
        ["run", "train"],
        ["champion"],
    ):
        run_mlops_nb(*argv, cwd=top)
    for argv in (["ingest", "current"], ["run", "preprocess", "current"]):
        run_mlops_nb(*argv, cwd=top)
    path = top / "data" / "champion" / "model.skops"
    good = path.read_bytes()
    path.write_bytes(good[:-10] + b"0123456789")
    assert "altered" in refused(top, "score")
    assert not (top / "data" / "predictions" / "current.parquet").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_full_disk(
    project,
    tmp_path,
):
    top = project(sales(20000), schema=False)
    small = top / ".mlops"
    small.mkdir(exist_ok=True)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)],
        capture_output=True,
    ).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        assert re.search("disk|space|writ", refused(top, "ingest", "train"))
    finally:
        subprocess.run(["umount", str(small)])


def test_empty_and_tiny(project):
    """Ten rows end in a clear message or in reports, never in a traceback."""
    top = project(sales(10), schema=False)
    got = run_mlops_nb("schema", "--force", cwd=top, check=False)
    assert "Traceback" not in got.stdout + got.stderr
    pd.DataFrame(columns=["id", "day", "y"]).to_csv(
        top / "data" / "in.csv", index=False
    )
    assert "rows in window" in refused(top, "ingest", "train")
