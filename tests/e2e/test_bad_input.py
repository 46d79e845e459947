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
):
    """The message of a command that must fail without a traceback."""
    done = run_mlops_nb(*argv, cwd=top, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said, said
    return said


def refused_params(
    top,
    text,
):
    """What `ingest` says of this params.yaml."""
    (top / "params.yaml").write_text(text)
    return refused(top, "ingest", "train")


def test_params(project):
    top = project(sales(), schema=False)
    good = (top / "params.yaml").read_text()
    said = refused_params(top, good + "\ntrain: [")
    assert "valid YAML" in said
    assert "line" in said
    said = refused_params(top, re.sub(r"(?m)^windows:", "window:", good))
    assert "a section `windows:`" in said
    said = refused_params(top, good.replace("  target:", "  targt:"))
    assert 'Did you mean "target"' in said
    said = refused_params(top, good.replace("task: binary", "task: binray"))
    assert "Did you mean" in said
    (top / "params.yaml").write_text(good.replace("  encoding: auto\n", ""))
    assert "encoding" in refused(top, "run", "train")
    (top / "params.yaml").write_text(good)
    change(top, train={"max_itr": 3})
    assert "max_itr" in refused(top, "run", "train")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param("(?m)^train:", "trian:", 'Did you mean "train"?', id="section"),
        pytest.param("(?m)^windows:", "windws:", 'Did you mean "windows"?', id="other"),
        pytest.param("2020-01", "2020-13", "month 13 is not among", id="month"),
        pytest.param(r"\Z", "\nmine: [", "valid YAML", id="no YAML"),
    ],
)
def test_a_run_tells_a_mistake_before_dvc_does(
    project,
    old,
    new,
    words,
):
    top = project(sales(), schema=False)
    text = (top / "params.yaml").read_text()
    (top / "params.yaml").write_text(re.sub(old, new, text, count=1))
    said = refused(top, "repro")
    assert words in said
    assert "ERROR" not in said
    assert "stopped after" not in said


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        pytest.param(("train", "-p", "sampel=3"), 'Did you mean "sample"', id="name"),
        pytest.param(("train", "-p", "sample=many"), "int", id="type"),
        pytest.param(("trian",), 'Did you mean "train"', id="stage"),
    ],
)
def test_arguments(
    project,
    argv,
    word,
):
    top = project(sales(), schema=False)
    assert word in refused(top, "run", *argv)


def windows(
    start,
    end,
    current="2020-04",
):
    """A training window, and one month or more that ends with April."""
    return {
        "train": {"start": start, "end": end},
        "current": {"start": current, "end": "2020-04"},
    }


APRIL_ALONE = {"current": {"start": "2020-04", "end": "2020-04"}}


@pytest.mark.parametrize(
    ("chosen", "word"),
    [
        pytest.param(windows("2020-03", "2020-01"), "not after its end", id="reversed"),
        pytest.param(
            windows("2020-01", "2020-03", current="2020-03"),
            "before windows.current begins",
            id="overlapping",
        ),
        pytest.param(windows("1999-01", "1999-02"), "the source has", id="no rows"),
        pytest.param(windows("20x20", "2020-03"), "as a period", id="no period"),
        pytest.param(APRIL_ALONE, "windows.train", id="without training"),
    ],
)
def test_windows(
    project,
    chosen,
    word,
):
    top = project(sales(300), schema=False)
    change(top, windows=chosen)
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

    def with_data(**settings):
        change(top, data=data | settings)
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


def refused_until_trained(top):
    """What the first command says that is refused on the way to a model."""
    for argv in (["ingest", "train"], ["run", "preprocess", "train"], ["run", "train"]):
        done = run_mlops_nb(*argv, cwd=top, check=False)
        if done.returncode:
            said = done.stdout + done.stderr
            assert "Traceback" not in said, said
            return said
    raise AssertionError("nothing was refused")


def test_a_target_without_values(project):
    top = project(sales(600).assign(y=None), schema=False)
    inferred = run_mlops_nb("schema", "--force", cwd=top, check=False)
    said = inferred.stdout + inferred.stderr
    if not inferred.returncode:
        said = refused_until_trained(top)
    assert "Traceback" not in said
    assert re.search("missing|target", said)


@pytest.mark.parametrize(
    ("column", "word"),
    [
        pytest.param("y", "different values are needed", id="target"),
        pytest.param("id", "unique|duplicate|id", id="key"),
    ],
)
def test_a_column_of_one_value(
    project,
    column,
    word,
):
    top = project(sales(600).assign(**{column: 1}))
    assert re.search(word, refused_until_trained(top))


@pytest.mark.parametrize(
    ("estimator", "word"),
    [
        pytest.param("sklearn.linear_model.NoSuch", "NoSuch", id="no such class"),
        pytest.param("json.JSONDecoder", "fit", id="no estimator"),
        pytest.param("nowhere.Model", "importable", id="no such module"),
    ],
)
def test_estimators(
    small,
    estimator,
    word,
):
    change(small, train={"estimator": estimator})
    assert word in refused(small, "run", "train")


def test_altered_model(small):
    predictions = small / "data" / "predictions" / "current.parquet"
    predictions.unlink()
    path = small / "data" / "champion" / "model.skops"
    good = path.read_bytes()
    path.unlink()
    path.write_bytes(good[:-10] + b"0123456789")
    assert "altered" in refused(small, "score")
    assert not predictions.exists()


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
