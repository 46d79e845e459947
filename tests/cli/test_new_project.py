"""A project of one's own from the built wheel, for three tables.

An environment that is really empty takes minutes to fill. So the wheel is unpacked into a new
virtual environment made without pip, and a .pth file behind it lends the libraries of the
environment of these tests: mlops_nb itself comes from the wheel, which is asserted, and nothing
of this checkout is on the path.
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
from helpers.project import (
    ENV,
    ROOT,
    fresh_clone,
    read_manifest,
    read_metrics,
    read_yaml,
    run_shell,
)
from sklearn.datasets import make_classification

from mlops_nb.cli import new_project
from mlops_nb.cli.commands import run_command
from mlops_nb.cli.new_project import create_project
from mlops_nb.core.errors import UserError
from mlops_nb.core.git import run_git

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
    interpreter = venv / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run_shell(interpreter, "-c", ask, cwd=venv).stdout.strip())
    zipfile.ZipFile(built).extractall(site)
    libraries = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    lines = "\n".join(dict.fromkeys(libraries))
    (site / "libraries.pth").write_text(lines + "\n")
    ask = "import mlops_nb; print(mlops_nb.__file__)"
    where = run(interpreter, "-c", ask, cwd=venv).stdout.strip()
    assert Path(where) == site / "mlops_nb" / "__init__.py"
    return interpreter


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


EXAMPLE = re.compile(r"(?i)flight|carrier|\blate\b|(?<!same-)\borigin\b")
GENERATED = ("requirements.lock", "dvc.lock")
PAGES = ("index", "features", "preprocess-train", "train", "evaluate", "monitor")


def git_status(top):
    """What git calls changed or new."""
    return run_shell("git", "status", "--porcelain", cwd=top).stdout


def run_once(
    python,
    top,
):
    """Run the project where make has the environment, and commit its record."""
    venv = Path(python).parent.parent
    shutil.copytree(venv, top / ".venv", symlinks=True)
    own_python = top / ".venv" / "bin" / "python"
    done = run(own_python, "-m", "mlops_nb", "repro", cwd=top)
    assert "Traceback" not in done.stdout + done.stderr
    run_shell("git", "add", "dvc.lock", "reports/metrics", cwd=top)
    run_shell("git", "commit", "-qm", "First run", cwd=top)
    assert git_status(top) == ""  # nothing else was left behind
    for page in PAGES:
        assert (top / "reports" / f"{page}.html").exists(), page


def assert_nothing_of_the_example(top):
    """No file speaks of flights."""
    for name in run_shell("git", "ls-files", "-z", cwd=top).stdout.split("\0"):
        if name and not name.startswith("vendor/") and name not in GENERATED:
            assert not EXAMPLE.search((top / name).read_text("utf-8")), name


def made(
    python,
    folder,
    frame,
    *args,
    csv=None,
):
    """A new project of a table, run once, its record committed; (its folder, what `new` said)."""
    frame.to_csv(folder / "in.csv", index=False, **(csv or {}))
    command = ("-m", "mlops_nb", "new", "shop", "--data", "in.csv", *args)
    said = run(python, *command, cwd=folder).stdout
    top = folder / "shop"
    assert git_status(top) == ""
    subjects = run_shell("git", "log", "--format=%s", cwd=top).stdout
    assert subjects.startswith("New project shop")
    run_once(python, top)
    assert_nothing_of_the_example(top)
    return top, said


def make_orders(rows=600):
    """Orders of four months, dear ones of which are returned."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", "2020-04-30 23:00", periods=rows)
    orders = pd.DataFrame({"order_id": range(1000, 1000 + rows)})
    orders["day"] = days.floor("min")
    orders["shop"] = rng.choice(["a", "b", "c"], rows)
    orders["price"] = rng.normal(10, 3, rows).round(2)
    returned = orders.price + rng.normal(0, 3, rows) > 11
    orders["returned"] = np.where(returned, "yes", "no")
    return orders


@pytest.fixture(scope="module")
def shop(
    python,
    tmp_path_factory,
):
    """A project about these orders that has run once, and what `new` said."""
    folder = tmp_path_factory.mktemp("orders")
    return made(python, folder, make_orders(), "--target", "returned")


def read_modules(
    top,
    stage,
):
    """The modules and distributions that count as the code of a stage."""
    return json.loads((top / "data" / "code" / f"{stage}.json").read_text())


def test_binary_with_time(shop):
    top, said = shop
    params = read_yaml(top)
    data = params["data"]
    assert data["task"] == "binary"
    assert data["positive"] == "yes"
    assert data["time"] == "day"
    assert data["period"] == "M"
    assert data["keys"] == ["order_id"]
    assert params["windows"] == {
        "train": {"start": "2020-01", "end": "2020-03"},
        "current": {"start": "2020-04", "end": "2020-04"},
    }
    assert params["features"]["exclude"] == []
    assert "LEAK" not in said
    assert read_metrics(top, "evaluate")["auc"] > 0.6


def test_the_table_is_with_dvc_not_with_git(shop):
    top, _ = shop
    assert run_shell("git", "check-ignore", "data/in.csv", cwd=top).stdout
    assert read_yaml(top, "data/in.csv.dvc")["outs"][0]["path"] == "in.csv"


def test_the_digests_follow_own_code_the_package_and_locked_versions(shop):
    top, _ = shop
    code = read_modules(top, "preprocess")
    modules = {"shop.features", "mlops_nb.data.features", "mlops_nb.data.contract"}
    assert modules <= set(code["modules"])
    assert {"pandas", "pandera"} <= set(code["distributions"])
    assert "mlops_nb.modeling.model" in read_modules(top, "score")["modules"]
    assert "price_log" in read_manifest(top)["features"]


def test_a_change_of_the_notebook_alone_stops_the_run(
    shop,
    python,
):
    """What stands there is what nbdev exports; exported, the change is named as the cause."""
    top, _ = shop
    export = Path(sys.executable).parent / "nbdev-export"
    run_shell(export, cwd=top)
    assert git_status(top) == ""
    notebook = top / "nbs" / "api" / "00_features.ipynb"
    text = notebook.read_text()
    notebook.write_text(text.replace("np.log1p(x.abs())", "np.sqrt(x.abs())"))
    stopped = run(python, "-m", "mlops_nb", "code", cwd=top, check=False)
    assert stopped.returncode
    assert "00_features.ipynb" in stopped.stderr
    run_shell(export, cwd=top)
    said = run(python, "-m", "mlops_nb", "code", cwd=top).stdout
    cause = r"features.py: function example changed → preprocess, train"
    assert re.search(cause, said)


def read_wheel(path):
    """What a wheel holds, but for what differs from build to build."""
    with zipfile.ZipFile(path) as wheel:
        return {
            name: wheel.read(name)
            for name in wheel.namelist()
            if not re.search(r"dist-info/(RECORD|WHEEL|licenses)", name)
        }


def test_the_wheel_in_vendor_is_the_wheel_it_came_from(
    shop,
    built,
):
    top, _ = shop
    mine = next((top / "vendor").glob("*.whl"))
    assert read_wheel(mine) == read_wheel(built)
    lock = (top / "requirements.lock").read_text().splitlines()
    assert f"mlops_nb=={mine.name.split('-')[1]}" in lock


def make_leaves(rows=600):
    """Six sizes of the leaves of three kinds of tree."""
    sizes, kind = make_classification(
        rows,
        6,
        n_informative=4,
        n_classes=3,
        random_state=0,
    )
    leaves = pd.DataFrame(sizes.round(3), columns=[f"size {i}" for i in range(6)])
    return leaves.assign(kind=np.array(["oak", "elm", "ash"])[kind])


def test_multiclass_without_time(
    python,
    tmp_path,
):
    top, said = made(python, tmp_path, make_leaves(), "--target", "kind")
    params = read_yaml(top)
    assert params["data"]["task"] == "multiclass"
    assert params["data"]["time"] is None
    assert params["data"]["keys"] == []
    assert params["windows"]["train"] == {"share": 0.75}
    assert "seeded split" in said
    assert read_metrics(top, "evaluate")["accuracy"] > 0.5
    # a feature of one's own needs no time
    assert "size_0_log" in read_manifest(top)["features"]
    own_tests = run(python, "-m", "pytest", "-p", "no:cacheprovider", cwd=top).stdout
    assert "2 passed" in own_tests


def make_shops(rows=600):
    """What shops took, in Japanese, and the same with tax, which tells it."""
    rng = np.random.default_rng(0)
    times = pd.date_range("2020-01-06", periods=rows, freq="3h")
    shops = pd.DataFrame({"店舗番号": [f"店{i:04d}" for i in range(rows)]})
    shops["日付"] = times.strftime("%Y/%m/%d %H:%M")
    shops["気温"] = rng.normal(15, 6, rows).round(1)
    shops["天気"] = rng.choice(["晴", "雨"], rows)
    expected = 1000 + 30 * shops["気温"] - 150 * (shops["天気"] == "雨")
    shops["売上"] = (expected + rng.normal(0, 60, rows)).round(1)
    shops["税込売上"] = (shops["売上"] * 1.1).round()
    return shops


def test_regression_with_japanese_headers_and_a_leak(
    python,
    tmp_path,
):
    columns = ("--target", "売上", "--time", "日付")
    sjis = {"encoding": "cp932"}
    top, said = made(python, tmp_path, make_shops(), *columns, csv=sjis)
    params = read_yaml(top)
    assert params["data"]["task"] == "regression"
    assert params["data"]["encoding"] == "cp932"
    assert params["data"]["period"] == "W"
    assert params["data"]["keys"] == ["店舗番号"]
    assert params["features"]["exclude"] == ["税込売上"]
    assert re.search(r"LEAK\? +税込売上: predicts `売上` alone", said)
    learned = json.dumps(read_manifest(top)["columns"], ensure_ascii=False)
    assert "税込売上" not in learned
    assert "気温_log" in learned
    assert read_metrics(top, "evaluate")["r2"] > 0.5


def forty_rows(
    head,
    row,
):
    """A table of forty lines, in which the number of a line is put into `row`."""
    return f"{head}\n" + "".join(row.format(i=i, odd=i % 2) + "\n" for i in range(40))


@pytest.mark.parametrize(
    ("table", "args", "says"),
    [
        pytest.param(
            forty_rows("id,y", "{i},{odd}"),
            ("--target", "Y"),
            "a column `Y`",
            id="no such target",
        ),
        pytest.param(
            forty_rows("id,y,y", "{i},{odd},1"),
            ("--target", "y"),
            "y twice",
            id="two columns of one name",
        ),
        pytest.param(
            forty_rows("id,y", "{i},1"),
            ("--target", "y"),
            "two different values",
            id="one value",
        ),
        pytest.param(
            "id,y\n1,0\n2,1\n", ("--target", "y"), "twenty rows", id="two rows"
        ),
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
    (tmp_path / "in.csv").write_text(table)
    monkeypatch.chdir(tmp_path)
    assert run_command(["new", "shop", "--data", "in.csv", *args]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "fix:" in said
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


@pytest.fixture
def as_user(monkeypatch):
    """This process has the variables that commands of the tests have."""
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)


def write_small_table(path):
    """Write sixty rows of two columns; return where."""
    numbers = np.arange(60)
    pd.DataFrame({"x": numbers % 7, "y": numbers % 2}).to_parquet(path)
    return path


@pytest.mark.usefixtures("as_user")
def test_an_existing_folder_keeps_what_it_has(tmp_path):
    """The table may lie in the project's folder already, and the folder may be a repository.

    Nothing there is overwritten or committed unasked.
    """
    top = tmp_path / "mine"
    (top / "tables").mkdir(parents=True)
    table = write_small_table(top / "tables" / "t.parquet")
    (top / "notes.txt").write_text("mine")
    created = create_project(top, table, "y")
    assert created.source == "tables/t.parquet"
    assert not created.copied
    assert read_yaml(top)["data"]["depends"] == "tables/t.parquet"
    assert git_status(top) == "?? notes.txt\n"
    with pytest.raises(UserError, match="a new folder"):
        create_project(top, table, "y")


@pytest.mark.usefixtures("as_user")
def test_a_folder_that_is_not_ours_is_not_swept_up(tmp_path):
    """The project is made in a folder beside it, which may be somebody's.

    A record of DVC may be there without its table.
    """
    table = write_small_table(tmp_path / "t.parquet")
    (tmp_path / ".fresh.new").mkdir()
    (tmp_path / ".fresh.new" / "thesis.txt").write_text("mine")
    (tmp_path / "there" / "data").mkdir(parents=True)
    (tmp_path / "there" / "data" / "t.parquet.dvc").write_text("mine")
    with pytest.raises(UserError, match="move it away"):
        create_project(tmp_path / "fresh", table, "y")
    with pytest.raises(UserError, match=r"t\.parquet\.dvc"):
        create_project(tmp_path / "there", table, "y")
    assert (tmp_path / ".fresh.new" / "thesis.txt").read_text() == "mine"
    assert (tmp_path / "there" / "data" / "t.parquet.dvc").read_text() == "mine"


def list_names(folder):
    """The names of what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def fail_at_commit(
    *args,
    **options,
):
    """Do what git does, but for a commit, where somebody presses Ctrl-C."""
    if args[0] == "commit":
        raise KeyboardInterrupt
    return run_git(*args, **options)


@pytest.mark.usefixtures("as_user")
def test_a_failed_start_leaves_nothing(
    tmp_path,
    monkeypatch,
):
    """Whatever fails, git here, the folder is not there, or as it was.

    What a killed run left is swept up.
    """
    table = write_small_table(tmp_path / "t.parquet")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").write_text("mine")
    (tmp_path / ".fresh.new").mkdir()
    (tmp_path / ".fresh.new" / "half").write_text("")
    with monkeypatch.context() as patch:
        patch.setattr(new_project, "run_git", fail_at_commit)
        for name in ("fresh", "there"):
            with pytest.raises(KeyboardInterrupt):
                create_project(tmp_path / name, table, "y")
    assert list_names(tmp_path) == ["t.parquet", "there"]
    files = [path.name for path in (tmp_path / "there").iterdir() if path.is_file()]
    assert files == ["notes.txt"]
    for name in ("fresh", "there"):
        assert create_project(tmp_path / name, table, "y").package == name
