"""The runner: parameters, failures, signals, atomic outputs, equal bytes of both engines."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from helpers.toy import HOME, WRITE, project

from mlops_nb.core.errors import UserError
from mlops_nb.pipeline.environment import STAGE_ENVIRONMENT
from mlops_nb.pipeline.outputs import read_stage_outputs, replace_path
from mlops_nb.pipeline.parameters import (
    matches_type,
    parse_declared_parameters,
    resolve_parameters,
)
from mlops_nb.pipeline.scrub import scrub_notebook


def start(
    top,
    *args,
    env=None,
    **kwargs,
):
    e = (
        os.environ
        | STAGE_ENVIRONMENT
        | {"PYTHONPATH": str(HOME), "DVC_STAGE": "toy"}
        | (env or {})
    )
    return subprocess.Popen(
        [sys.executable, "-m", "mlops_nb", "run", *args],
        cwd=top,
        env=e,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **kwargs,
    )


def run(
    top,
    *args,
    env=None,
):
    p = start(top, *args, env=env)
    out, err = p.communicate(timeout=120)
    return p.returncode, out + err


def test_types():
    nb = {
        "cells": [
            {
                "cell_type": "code",
                "metadata": {"tags": ["parameters"]},
                "source": [
                    "a: int = 1  # first\n",
                    "b: 'float | None' = None\n",
                    "c = [1]\n",
                    "é: str = 'x'  # ü\n",
                ],
            }
        ]
    }
    d = parse_declared_parameters(nb)
    assert [p.type for p in d.values()] == ["int", "'float | None'", "list", "str"]
    assert d["a"].description == "first"
    assert d["é"].description == "ü"
    for good in (
        (1, "float"),
        (None, "Optional[int]"),
        ([1.5], "list[float]"),
        ({"a": 1}, "dict"),
        (True, "bool"),
        ("x", "Literal['x']"),
        ("x", "str | int"),
    ):
        assert matches_type(*good), good
    for bad in (
        (True, "int"),
        (1, "bool"),
        ("1", "int"),
        (None, "int"),
        ([1, "a"], "list[int]"),
        ("y", "Literal['x']"),
        (1.5, "int"),
    ):
        assert not matches_type(*bad), bad


@pytest.mark.parametrize(
    ("given", "by_hand", "words"),
    [
        ({"rows": 1, "rate": 0.1}, {"rate": "high"}, "got 'high' (str)"),
        ({"rows": "abc", "rate": 0.1}, None, "expected int for toy.rows"),
        ({"rows": 1}, None, "toy.rate (float) in params.yaml"),
        ({"rows": 1, "rate": 1, "rat": 2}, None, "toy.rat"),
        ({"row": 1, "rate": 1}, None, 'Did you mean "rows"'),
        ({"rows": 1, "rate": 1}, {"rows_": "1"}, 'Did you mean "rows"'),
    ],
)
def test_wrong_parameters(
    given,
    by_hand,
    words,
):
    nb = {
        "cells": [
            {
                "cell_type": "code",
                "metadata": {"tags": ["parameters"]},
                "source": "rows: int = 1\nrate: float = .5",
            }
        ]
    }
    with pytest.raises(UserError) as e:
        resolve_parameters(
            "toy", parse_declared_parameters(nb), given, overrides=by_hand
        )
    assert words in str(e.value)


def test_text_by_type():
    nb = {
        "cells": [
            {
                "cell_type": "code",
                "metadata": {"tags": ["parameters"]},
                "source": "s: str = ''\nn: int | None = 1\nf: float = 1.\nb: bool = True\nd: dict = {}",
            }
        ]
    }
    got = resolve_parameters(
        "toy",
        parse_declared_parameters(nb),
        {"s": "", "n": 1, "f": 1.0, "b": True, "d": {}},
        overrides={"s": "5", "n": "null", "f": "1e-3", "b": "false", "d": "{a: [1]}"},
    )
    assert got == {"s": "5", "n": None, "f": 0.001, "b": False, "d": {"a": [1]}}


def test_good_run(tmp_path):
    top = project(tmp_path / "a b{c}", WRITE + "print(n)")
    (top / "data" / "out").mkdir(parents=True)
    (top / "data" / "out" / "stale.txt").write_text("old")
    code, said = run(top, "toy")
    assert code == 0 and "toy: ok in" in said, said
    assert [p.name for p in (top / "data" / "out").iterdir()] == ["a.txt"]
    nb = (top / "reports" / "toy.ipynb").read_text()
    assert str(top) not in nb
    assert "# Parameters" not in nb
    assert '"text": "2\\n"' in nb
    assert scrub_notebook(json.loads(nb), "toy") == json.loads(nb)
    assert not list((top / ".mlops" / "staging").iterdir())
    assert json.loads((top / ".mlops" / "runs.jsonl").read_text())["exit"] == 0
    before = nb
    project(top, "#| fold\n# a comment\n" + WRITE + "print( n )", prose="# Other words")
    assert run(top, "toy", "--engine", "nbclient")[0] == 0
    assert (top / "reports" / "toy.ipynb").read_text() == before


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import os; os._exit(0)", "os._exit(0)"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("quit()", "quit()"),
        (
            "from mlops_nb.core.errors import UserError\nraise UserError('a', 'b', 'c')",
            "expected a\n",
        ),
        ("out('data/extra.txt').write_text('x')", "data/extra.txt"),
        ("raise KeyboardInterrupt", "stopped"),
    ],
)
def test_failures_change_nothing(
    tmp_path,
    source,
    words,
):
    top = project(tmp_path, WRITE, source)
    (top / "data" / "out").mkdir(parents=True)
    (top / "data" / "out" / "a.txt").write_text("old")
    code, said = run(top, "toy")
    assert code and words in said and "Traceback" not in said, said
    assert (top / "data" / "out" / "a.txt").read_text() == "old"
    assert not (top / "reports").exists()
    assert not list((top / ".mlops" / "staging").iterdir())
    if "failed in" in said:
        assert "code cell 3" in said
        assert (top / ".mlops" / "failed" / "toy.html").exists()


def test_missing_output_and_unknown_stage(tmp_path):
    top = project(tmp_path, "1")
    code, said = run(top, "toy")
    assert code == 1
    assert "nothing written to data/out" in said
    code, said = run(top, "toi")
    assert code == 1
    assert 'Did you mean "toy"' in said
    code, said = run(top, "toy", "train")
    assert code == 1
    assert "no parameter `window`" in said


def test_by_hand(tmp_path):
    top = project(tmp_path, WRITE + "print('n is', n)")
    code, said = run(top, "toy", "-p", "n=7")
    assert code == 0 and "n is 7" in said and ".mlops/scratch/toy" in said, said
    assert not (top / "data").exists()
    assert (top / ".mlops/scratch/toy/reports/toy.html").exists()
    assert (top / ".mlops/scratch/toy/data/out/a.txt").exists()


def test_windows(tmp_path):
    top = project(
        tmp_path,
        "from mlops_nb.core.project import output_path as out\nout(f'data/{window}.txt').write_text(window)",
        parameters="window: str = 'train'",
        section="{}",
    )
    (top / "dvc.yaml").write_text(
        json.dumps(
            {
                "stages": {
                    "toy": {
                        "foreach": "${windows}",
                        "do": {
                            "cmd": "x",
                            "outs": [
                                "data/${key}.txt",
                                {"reports/toy-${key}.ipynb": {"cache": True}},
                            ],
                        },
                    }
                }
            }
        )
    )
    assert read_stage_outputs(top, "toy-current") == [
        "data/current.txt",
        "reports/toy-current.ipynb",
    ]
    assert run(top, "toy", "current")[0] == 0
    assert (top / "data" / "current.txt").read_text() == "current"
    code, said = run(top, "toy", "curent")
    assert code
    assert "current" in said


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("engine", ["shell", "nbclient"])
def test_signals(
    tmp_path,
    sig,
    engine,
):
    top = project(
        tmp_path, WRITE + "open('started', 'w').close()\nimport time; time.sleep(60)"
    )
    p = start(top, "toy", "--engine", engine)
    while not (top / "started").exists() and p.poll() is None:
        time.sleep(0.1)
    p.send_signal(sig)
    _out, err = p.communicate(timeout=30)
    assert (
        p.returncode == 130
        and "stopped" in err
        and (engine != "shell" or "Traceback" not in err)
    ), err
    assert not (top / "data").exists()
    assert not list((top / ".mlops" / "staging").iterdir())


def test_left_behind(tmp_path):
    """A stage whose dvc was killed is ended by the next run, and does not write beside it."""
    top = project(
        tmp_path,
        WRITE
        + "import os, time\nif not os.path.exists('second'): open('started', 'w').close(); time.sleep(60)\nout('data/out/b.txt').write_text('x')",
    )
    sh = subprocess.Popen(
        ["/bin/sh", "-c", f"{sys.executable} -m mlops_nb run toy & sleep 60"],
        cwd=top,
        env=os.environ
        | STAGE_ENVIRONMENT
        | {"PYTHONPATH": str(HOME), "DVC_STAGE": "toy"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (top / "started").exists():
        time.sleep(0.1)
    (top / "second").touch()
    sh.kill()
    sh.wait()
    code, said = run(top, "toy")
    os.killpg(sh.pid, signal.SIGKILL)
    assert code == 0 and (top / "data" / "out" / "b.txt").exists(), said


def test_other_checkout(tmp_path):
    top = project(tmp_path, "1")
    (top / "mlops_nb").mkdir()
    (top / "mlops_nb" / "__init__.py").touch()
    p = subprocess.run(
        [
            sys.executable,
            "-c",
            "from mlops_nb.pipeline.stages import run_stage\nrun_stage('toy')",
        ],
        cwd="/",
        env=os.environ
        | STAGE_ENVIRONMENT
        | {"PYTHONPATH": str(HOME), "MLOPS_NB_ROOT": str(top)},
        capture_output=True,
        text=True,
    )
    assert "mlops_nb of this checkout" in p.stderr


def test_environment_is_set_before_python(tmp_path):
    code = "import sys; from mlops_nb.pipeline.environment import ensure_stage_environment; ensure_stage_environment(); print(hash('a'), sys.argv[1:])"
    script = tmp_path / "s.py"
    script.write_text(code)
    env = {k: v for k, v in os.environ.items() if k not in STAGE_ENVIRONMENT} | {
        "PYTHONPATH": str(HOME),
        "PYTHONHASHSEED": "7",
    }
    got = {
        subprocess.run(
            [sys.executable, str(script), "x y"],
            env=env | more,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for more in ({}, {"PYTHONHASHSEED": "0"}, STAGE_ENVIRONMENT)
    }
    assert len(got) == 1
    assert "['x y']" in got.pop()


def test_move(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "n").write_text("new")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "o").write_text("old")
    replace_path(tmp_path / "s", tmp_path / "d")
    assert [p.name for p in tmp_path.iterdir()] == ["d"]
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["n"]


def test_plain_papermill(tmp_path):
    top = project(tmp_path, WRITE)
    p = subprocess.run(
        [
            sys.executable,
            "-m",
            "papermill",
            "nbs/stages/toy.ipynb",
            "out.ipynb",
            "-k",
            "python3",
        ],
        cwd=top,
        env=os.environ | {"PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
    )
    assert (
        p.returncode == 0 and (top / ".mlops/scratch/by-hand/data/out/a.txt").exists()
    ), p.stderr[-500:]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_read_only(tmp_path):
    top = project(tmp_path, WRITE)
    (top / ".mlops").mkdir()
    (top / ".mlops").chmod(0o500)
    code, said = run(top, "toy")
    assert code == 1
    assert "Traceback" not in said
    assert "writable" in said
