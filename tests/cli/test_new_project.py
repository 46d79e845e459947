"""A project of one's own from the built wheel, for three tables.

An environment that is really empty takes minutes to fill. So the wheel is unpacked into a new virtual environment made without pip, and a .pth file behind it lends the
libraries of the environment of these tests: mlops_nb itself comes from the wheel, which is asserted, and nothing of this checkout is on the path.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.project import ENV, ROOT, fresh_clone, run_shell

OWN = ENV | {"PYTHONPATH": "", "PYTHONNOUSERSITE": "1"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel of this checkout, built once."""
    top = tmp_path_factory.mktemp("wheel")
    run_shell(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "-o",
        top,
        fresh_clone(top / "clone"),
        cwd=top,
    )
    return next(top.glob("*.whl"))


@pytest.fixture(scope="module")
def python(
    built,
    tmp_path_factory,
):
    """The interpreter of an environment in which mlops_nb is that wheel."""
    venv = tmp_path_factory.mktemp("venv") / "venv"
    run_shell(sys.executable, "-m", "venv", "--without-pip", venv, cwd=ROOT)
    site = Path(
        run_shell(
            venv / "bin" / "python",
            "-c",
            "import sysconfig; print(sysconfig.get_path('purelib'))",
            cwd=venv,
        ).stdout.strip()
    )
    zipfile.ZipFile(built).extractall(site)
    (site / "libraries.pth").write_text(
        "\n".join(
            dict.fromkeys(
                [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
            )
        )
        + "\n"
    )
    where = run(
        venv / "bin" / "python",
        "-c",
        "import mlops_nb; print(mlops_nb.__file__)",
        cwd=venv,
    ).stdout.strip()
    assert Path(where) == site / "mlops_nb" / "__init__.py"
    return venv / "bin" / "python"


def run(
    python,
    *argv,
    cwd,
    check=True,
):
    """Run the environment's Python as if it had been activated."""
    env = OWN | {"PATH": f"{Path(python).parent}:{OWN['PATH']}"}
    got = subprocess.run(
        [str(python), *map(str, argv)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert not check or got.returncode == 0, (
        f"{argv} → {got.returncode}\n{got.stdout[-4000:]}\n{got.stderr[-4000:]}"
    )
    return got


def made(
    python,
    folder,
    frame,
    *args,
    csv=None,
):
    """A new project of a table, run once, its record committed; (its folder, what `new` said)."""
    frame.to_csv(folder / "in.csv", index=False, **(csv or {}))
    said = run(
        python, "-m", "mlops_nb", "new", "shop", "--data", "in.csv", *args, cwd=folder
    ).stdout
    top = folder / "shop"
    assert run_shell("git", "status", "--porcelain", cwd=top).stdout == ""
    assert run_shell("git", "log", "--format=%s", cwd=top).stdout.startswith(
        "New project shop"
    )
    shutil.copytree(
        Path(python).parent.parent, top / ".venv", symlinks=True
    )  # where make has it
    got = run(top / ".venv" / "bin" / "python", "-m", "mlops_nb", "repro", cwd=top)
    assert "Traceback" not in got.stdout + got.stderr
    (
        run_shell("git", "add", "dvc.lock", "reports/metrics", cwd=top),
        run_shell("git", "commit", "-qm", "First run", cwd=top),
    )
    assert (
        run_shell("git", "status", "--porcelain", cwd=top).stdout == ""
    )  # nothing else was left behind
    for page in (
        "index",
        "features",
        "preprocess-train",
        "train",
        "evaluate",
        "monitor",
    ):
        assert (top / "reports" / f"{page}.html").exists(), page
    for file in filter(
        None, run_shell("git", "ls-files", "-z", cwd=top).stdout.split("\0")
    ):  # nothing of the example came along
        if not file.startswith("vendor/") and file not in (
            "requirements.lock",
            "dvc.lock",
        ):
            assert not re.search(
                r"(?i)flight|carrier|\blate\b|\borigin\b",
                (top / file).read_text("utf-8"),
            ), file
    return top, said


def of(
    top,
    name,
):
    from ruamel.yaml import YAML

    return YAML(typ="safe").load((top / name).read_text("utf-8"))


def test_binary_with_time(
    python,
    built,
    tmp_path,
):
    n = 600
    rng = np.random.default_rng(0)
    d = pd.DataFrame(
        {
            "order_id": range(1000, 1000 + n),
            "day": pd.date_range("2020-01-01", "2020-04-30 23:00", periods=n).floor(
                "min"
            ),
            "shop": rng.choice(["a", "b", "c"], n),
            "price": rng.normal(10, 3, n).round(2),
        }
    )
    d["returned"] = np.where(d.price + rng.normal(0, 3, n) > 11, "yes", "no")
    top, said = made(python, tmp_path, d, "--target", "returned")
    p = of(top, "params.yaml")
    assert (
        p["data"]["task"],
        p["data"]["positive"],
        p["data"]["time"],
        p["data"]["period"],
        p["data"]["keys"],
    ) == ("binary", "yes", "day", "M", ["order_id"])
    assert p["windows"] == {
        "train": {"start": "2020-01", "end": "2020-03"},
        "current": {"start": "2020-04", "end": "2020-04"},
    }
    assert p["features"]["exclude"] == []
    assert "LEAK" not in said
    assert (
        json.loads((top / "reports" / "metrics" / "evaluate.json").read_text())["auc"]
        > 0.6
    )
    assert run_shell("git", "check-ignore", "data/in.csv", cwd=top).stdout
    assert of(top, "data/in.csv.dvc")["outs"][0]["path"] == "in.csv"

    # the digests follow the user's module and the installed package, and the locked versions of what these import
    code = json.loads((top / "data" / "code" / "preprocess.json").read_text())
    assert {"shop.features", "mlops_nb.data.features", "mlops_nb.data.contract"} <= set(
        code["modules"]
    )
    assert {
        "pandas",
        "pandera",
    } <= set(code["distributions"])
    assert (
        "mlops_nb.modeling.model"
        in json.loads((top / "data" / "code" / "score.json").read_text())["modules"]
    )
    assert (
        "price_log"
        in json.loads((top / "data" / "candidate" / "manifest.json").read_text())[
            "features"
        ]
    )

    # what stands there is what nbdev exports; a change of the notebook alone stops the run, exported it is named as the cause
    run_shell(Path(sys.executable).parent / "nbdev-export", cwd=top)
    assert run_shell("git", "status", "--porcelain", cwd=top).stdout == ""
    notebook = top / "nbs" / "api" / "00_features.ipynb"
    notebook.write_text(
        notebook.read_text().replace("np.log1p(x.abs())", "np.sqrt(x.abs())")
    )
    stopped = run(python, "-m", "mlops_nb", "code", cwd=top, check=False)
    assert stopped.returncode
    assert "00_features.ipynb" in stopped.stderr
    run_shell(Path(sys.executable).parent / "nbdev-export", cwd=top)
    assert re.search(
        r"features.py: function example changed → preprocess, train",
        run(python, "-m", "mlops_nb", "code", cwd=top).stdout,
    )

    # the wheel in vendor/ is the wheel it came from
    mine = zipfile.ZipFile(next((top / "vendor").glob("*.whl")))
    theirs = zipfile.ZipFile(built)

    def content(z):
        return {
            i.filename: z.read(i)
            for i in z.infolist()
            if not re.search(r"dist-info/(RECORD|WHEEL|licenses)", i.filename)
        }

    assert content(mine) == content(theirs)
    assert (
        f"mlops_nb=={Path(mine.filename).name.split('-')[1]}"
        in (top / "requirements.lock").read_text().splitlines()
    )


def test_multiclass_without_time(
    python,
    tmp_path,
):
    from sklearn.datasets import make_classification

    X, y = make_classification(
        600,
        6,
        n_informative=4,
        n_classes=3,
        random_state=0,
    )
    d = pd.DataFrame(X.round(3), columns=[f"size {i}" for i in range(6)]).assign(
        kind=np.array(["oak", "elm", "ash"])[y]
    )
    top, said = made(python, tmp_path, d, "--target", "kind")
    p = of(top, "params.yaml")
    assert (
        p["data"]["task"],
        p["data"]["time"],
        p["data"]["keys"],
        p["windows"]["train"],
    ) == (
        "multiclass",
        None,
        [],
        {"share": 0.75},
    )
    assert "seeded split" in said
    assert (
        json.loads((top / "reports" / "metrics" / "evaluate.json").read_text())[
            "accuracy"
        ]
        > 0.5
    )
    assert (
        "size_0_log"
        in json.loads((top / "data" / "candidate" / "manifest.json").read_text())[
            "features"
        ]
    )  # a feature of one's own needs no time
    assert (
        "2 passed"
        in run(python, "-m", "pytest", "-p", "no:cacheprovider", cwd=top).stdout
    )  # the project's own tests


def test_regression_with_japanese_headers_and_a_leak(
    python,
    tmp_path,
):
    n = 600
    rng = np.random.default_rng(0)
    d = pd.DataFrame(
        {
            "店舗番号": [f"店{i:04d}" for i in range(n)],
            "日付": pd.date_range("2020-01-06", periods=n, freq="3h").strftime(
                "%Y/%m/%d %H:%M"
            ),
            "気温": rng.normal(15, 6, n).round(1),
            "天気": rng.choice(["晴", "雨"], n),
        }
    )
    d["売上"] = (
        1000 + 30 * d["気温"] - 150 * (d["天気"] == "雨") + rng.normal(0, 60, n)
    ).round(1)
    d["税込売上"] = (d["売上"] * 1.1).round()
    top, said = made(
        python,
        tmp_path,
        d,
        "--target",
        "売上",
        "--time",
        "日付",
        csv={"encoding": "cp932"},
    )
    p = of(top, "params.yaml")
    assert (
        p["data"]["task"],
        p["data"]["encoding"],
        p["data"]["period"],
        p["data"]["keys"],
    ) == (
        "regression",
        "cp932",
        "W",
        ["店舗番号"],
    )
    assert p["features"]["exclude"] == ["税込売上"]
    assert re.search(r"LEAK\? +税込売上: predicts 売上 alone", said)
    columns = json.loads((top / "data" / "candidate" / "manifest.json").read_text())[
        "columns"
    ]
    assert "税込売上" not in json.dumps(columns, ensure_ascii=False)
    assert "気温_log" in json.dumps(columns, ensure_ascii=False)
    assert (
        json.loads((top / "reports" / "metrics" / "evaluate.json").read_text())["r2"]
        > 0.5
    )


@pytest.mark.parametrize(
    ("table", "args", "says"),
    [
        (
            "id,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)),
            ("--target", "Y"),
            "a column Y",
        ),
        (
            "id,y,y\n" + "".join(f"{i},{i % 2},1\n" for i in range(40)),
            ("--target", "y"),
            "y twice",
        ),
        (
            "id,y\n" + "".join(f"{i},1\n" for i in range(40)),
            ("--target", "y"),
            "two different values",
        ),
        ("id,y\n1,0\n2,1\n", ("--target", "y"), "twenty rows"),
    ],
)
def test_what_cannot_be_guessed_leaves_nothing(
    tmp_path,
    table,
    args,
    says,
    capsys,
    monkeypatch,
):
    from mlops_nb.cli.commands import run_command

    (tmp_path / "in.csv").write_text(table)
    monkeypatch.chdir(tmp_path)
    assert run_command(["new", "shop", "--data", "in.csv", *args]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "to do" in said
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_an_existing_folder_keeps_what_it_has(
    tmp_path,
    monkeypatch,
):
    """The table may lie in the project's folder already, and the folder may be a repository; nothing there is overwritten or committed unasked."""
    from mlops_nb.cli.new_project import create_project
    from mlops_nb.core.errors import UserError

    for k, v in ENV.items():
        monkeypatch.setenv(k, v)
    top = tmp_path / "mine"
    (top / "tables").mkdir(parents=True)
    pd.DataFrame({"x": np.arange(60) % 7, "y": np.arange(60) % 2}).to_parquet(
        top / "tables" / "t.parquet"
    )
    (top / "notes.txt").write_text("mine")
    got = create_project(top, top / "tables" / "t.parquet", "y")
    assert got.source == "tables/t.parquet"
    assert not got.copied
    assert of(top, "params.yaml")["data"]["depends"] == "tables/t.parquet"
    assert run_shell("git", "status", "--porcelain", cwd=top).stdout == "?? notes.txt\n"
    with pytest.raises(UserError, match="a new folder"):
        create_project(top, top / "tables" / "t.parquet", "y")


def test_a_folder_that_is_not_ours_is_not_swept_up(
    tmp_path,
    monkeypatch,
):
    """The project is made in a folder beside it, which may be somebody's, and a record of DVC may be there without its table."""
    from mlops_nb.cli.new_project import create_project
    from mlops_nb.core.errors import UserError

    for k, v in ENV.items():
        monkeypatch.setenv(k, v)
    pd.DataFrame({"x": np.arange(60) % 7, "y": np.arange(60) % 2}).to_parquet(
        tmp_path / "t.parquet"
    )
    (tmp_path / ".fresh.new").mkdir()
    (tmp_path / ".fresh.new" / "thesis.txt").write_text("mine")
    (tmp_path / "there" / "data").mkdir(parents=True)
    (tmp_path / "there" / "data" / "t.parquet.dvc").write_text("mine")
    with pytest.raises(UserError, match="move it away"):
        create_project(tmp_path / "fresh", tmp_path / "t.parquet", "y")
    with pytest.raises(UserError, match="t.parquet.dvc"):
        create_project(tmp_path / "there", tmp_path / "t.parquet", "y")
    assert (tmp_path / ".fresh.new" / "thesis.txt").read_text() == "mine"
    assert (tmp_path / "there" / "data" / "t.parquet.dvc").read_text() == "mine"


def test_a_failed_start_leaves_nothing(
    tmp_path,
    monkeypatch,
):
    """Whatever fails, git here, the folder is not there, or as it was; what a killed run left is swept up."""
    from mlops_nb.cli import new_project
    from mlops_nb.cli.new_project import create_project
    from mlops_nb.core.git import run_git

    pd.DataFrame({"x": np.arange(60) % 7, "y": np.arange(60) % 2}).to_parquet(
        tmp_path / "t.parquet"
    )
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").write_text("mine")
    (tmp_path / ".fresh.new").mkdir()
    (tmp_path / ".fresh.new" / "half").write_text("")
    real = run_git

    def fails(
        *args,
        **kw,
    ):
        if args[0] == "commit":
            raise KeyboardInterrupt
        return real(*args, **kw)

    for k, v in ENV.items():
        monkeypatch.setenv(k, v)
    monkeypatch.setattr(new_project, "run_git", fails)
    for name in ("fresh", "there"):
        with pytest.raises(KeyboardInterrupt):
            create_project(tmp_path / name, tmp_path / "t.parquet", "y")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.parquet", "there"]
    assert [p.name for p in (tmp_path / "there").iterdir() if p.is_file()] == [
        "notes.txt"
    ]
    monkeypatch.setattr(new_project, "run_git", real)
    for name in ("fresh", "there"):
        assert (
            create_project(tmp_path / name, tmp_path / "t.parquet", "y").package == name
        )
