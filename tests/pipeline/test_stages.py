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
from mlops_nb.pipeline.outputs import read_stage_outputs, replace_paths
from mlops_nb.pipeline.parameters import (
    matches_type,
    parse_declared_parameters,
    resolve_parameters,
)
from mlops_nb.pipeline.scrub import scrub_notebook

PATHS = {"PYTHONPATH": str(HOME)}
IN_STAGE = os.environ | STAGE_ENVIRONMENT | PATHS | {"DVC_STAGE": "toy"}


def start(
    top,
    *args,
):
    return subprocess.Popen(
        [sys.executable, "-m", "mlops_nb", "run", *args],
        cwd=top,
        env=IN_STAGE,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(
    top,
    *args,
):
    process = start(top, *args)
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def wait_for(
    path,
    process,
):
    """Wait until a stage has made a file, or has ended without."""
    while not path.exists() and process.poll() is None:
        time.sleep(0.1)


def unfinished(top):
    """What lies where stages put outputs that are not complete."""
    return list((top / ".mlops" / "staging").iterdir())


# ---- parameters ----


def declared(*lines):
    """The parameters that a notebook with these lines in its first cell declares."""
    source = [f"{line}\n" for line in lines]
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}
    return parse_declared_parameters({"cells": [cell]})


def test_types_are_read_from_the_cell():
    found = declared(
        "a: int = 1", "b: 'float | None' = None", "c = [1]", "d: str = 'x'"
    )
    types = [parameter.type for parameter in found.values()]
    assert types == ["int", "'float | None'", "list", "str"]


def test_descriptions_are_read_from_the_cell():
    found = declared("a: int = 1  # first", "é: str = 'x'  # ü")
    assert found["a"].description == "first"
    assert found["é"].description == "ü"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(1, "float", id="a whole number is a float"),
        pytest.param(None, "Optional[int]", id="nothing is optional"),
        pytest.param([1.5], "list[float]", id="list"),
        pytest.param({"a": 1}, "dict", id="dict"),
        pytest.param(True, "bool", id="bool"),
        pytest.param("x", "Literal['x']", id="literal"),
        pytest.param("x", "str | int", id="union"),
    ],
)
def test_values_of_a_type(
    value,
    kind,
):
    assert matches_type(value, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(True, "int", id="a bool is no number"),
        pytest.param(1, "bool", id="a number is no bool"),
        pytest.param("1", "int", id="text is no number"),
        pytest.param(None, "int", id="nothing is no number"),
        pytest.param([1, "a"], "list[int]", id="one of the list"),
        pytest.param("y", "Literal['x']", id="another literal"),
        pytest.param(1.5, "int", id="a fraction is not whole"),
    ],
)
def test_values_of_another_type(
    value,
    kind,
):
    assert not matches_type(value, kind)


@pytest.mark.parametrize(
    ("given", "by_hand", "words"),
    [
        pytest.param(
            {"rows": 1, "rate": 0.1},
            {"rate": "high"},
            "got: 'high' (str)",
            id="another type by hand",
        ),
        pytest.param(
            {"rows": "abc", "rate": 0.1},
            None,
            "expected: int for toy.rows",
            id="another type",
        ),
        pytest.param(
            {"rows": 1}, None, "toy.rate (float) in params.yaml", id="missing"
        ),
        pytest.param({"rows": 1, "rate": 1, "rat": 2}, None, "toy.rat", id="unknown"),
        pytest.param({"row": 1, "rate": 1}, None, 'Did you mean "rows"', id="mistyped"),
        pytest.param(
            {"rows": 1, "rate": 1},
            {"rows_": "1"},
            'Did you mean "rows"',
            id="mistyped by hand",
        ),
    ],
)
def test_wrong_parameters(
    given,
    by_hand,
    words,
):
    parameters = declared("rows: int = 1", "rate: float = .5")
    with pytest.raises(UserError) as raised:
        resolve_parameters("toy", parameters, given, overrides=by_hand)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("line", "given", "text", "value"),
    [
        pytest.param("x: str = ''", "", "5", "5", id="str"),
        pytest.param("x: int | None = 1", 1, "null", None, id="int or none"),
        pytest.param("x: float = 1.", 1.0, "1e-3", 0.001, id="float"),
        pytest.param("x: bool = True", True, "false", False, id="bool"),
        pytest.param("x: dict = {}", {}, "{a: [1]}", {"a": [1]}, id="dict"),
    ],
)
def test_text_by_hand_is_read_by_the_type(
    line,
    given,
    text,
    value,
):
    parameters = declared(line)
    resolved = resolve_parameters(
        "toy", parameters, {"x": given}, overrides={"x": text}
    )
    assert resolved == {"x": value}


# ---- a good run ----


@pytest.fixture(scope="module")
def good_run(tmp_path_factory):
    """A stage that has run over what an earlier run left; its folder and what was said."""
    top = project(tmp_path_factory.mktemp("good") / "a b{c}", WRITE + "print(n)")
    (top / "data" / "out").mkdir(parents=True)
    (top / "data" / "out" / "stale.txt").write_text("old")
    return top, *run(top, "toy")


def test_a_good_run_says_so(good_run):
    _, code, said = good_run
    assert code == 0, said
    assert "toy: ok in" in said


def test_outputs_replace_those_of_the_run_before(good_run):
    top, *_ = good_run
    assert [path.name for path in (top / "data" / "out").iterdir()] == ["a.txt"]
    assert not unfinished(top)


def test_the_run_is_recorded(good_run):
    top, *_ = good_run
    assert json.loads((top / ".mlops" / "runs.jsonl").read_text())["exit"] == 0


def test_the_report_holds_outputs_and_nothing_of_this_machine(good_run):
    top, *_ = good_run
    report = (top / "reports" / "toy.ipynb").read_text()
    assert '"text": "2\\n"' in report
    assert str(top) not in report
    assert "# Parameters" not in report


def test_the_report_is_scrubbed(good_run):
    top, *_ = good_run
    report = json.loads((top / "reports" / "toy.ipynb").read_text())
    assert scrub_notebook(report, "toy") == report


def test_prose_comments_and_engine_leave_the_report_as_it_is(tmp_path):
    top = project(tmp_path, WRITE + "print(n)")
    assert run(top, "toy")[0] == 0
    before = (top / "reports" / "toy.ipynb").read_text()
    project(top, "#| fold\n# a comment\n" + WRITE + "print( n )", prose="# Other words")
    assert run(top, "toy", "--engine", "nbclient")[0] == 0
    assert (top / "reports" / "toy.ipynb").read_text() == before


# ---- runs that fail ----


RAISES = "from mlops_nb.core.errors import UserError\nraise UserError('a', 'b', 'c')"
WRITES_ELSEWHERE = "out('data/extra.txt').write_text('x')"


@pytest.mark.parametrize(
    ("source", "words", "leaves_page"),
    [
        pytest.param("1 / 0", "ZeroDivisionError", True, id="error"),
        pytest.param("import os; os._exit(0)", "os._exit(0)", True, id="hard exit"),
        pytest.param("import sys; sys.exit(0)", "SystemExit", True, id="exit"),
        pytest.param("quit()", "quit()", True, id="quit"),
        pytest.param(RAISES, "expected: a\n", True, id="error for users"),
        pytest.param(WRITES_ELSEWHERE, "data/extra.txt", False, id="undeclared output"),
        pytest.param("raise KeyboardInterrupt", "stopped", False, id="interrupt"),
    ],
)
def test_failures_change_nothing(
    tmp_path,
    source,
    words,
    leaves_page,
):
    top = project(tmp_path, WRITE, source)
    (top / "data" / "out").mkdir(parents=True)
    (top / "data" / "out" / "a.txt").write_text("old")
    code, said = run(top, "toy")
    assert code, said
    assert words in said
    assert "Traceback" not in said
    assert (top / "data" / "out" / "a.txt").read_text() == "old"
    assert not (top / "reports").exists()
    assert not unfinished(top)
    assert ("code cell 3" in said) == leaves_page
    assert (top / ".mlops" / "failed" / "toy.html").exists() == leaves_page


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param(["toy"], "nothing written to data/out", id="missing output"),
        pytest.param(["toi"], 'Did you mean "toy"', id="unknown stage"),
        pytest.param(["toy", "train"], "no parameter `window`", id="unknown window"),
    ],
)
def test_a_run_that_cannot_be(
    tmp_path,
    args,
    words,
):
    code, said = run(project(tmp_path, "1"), *args)
    assert code == 1
    assert words in said


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_read_only(tmp_path):
    top = project(tmp_path, WRITE)
    (top / ".mlops").mkdir()
    (top / ".mlops").chmod(0o500)
    code, said = run(top, "toy")
    assert code == 1
    assert "Traceback" not in said
    assert "writable" in said


# ---- by hand, and by window ----


def test_by_hand(tmp_path):
    top = project(tmp_path, WRITE + "print('n is', n)")
    code, said = run(top, "toy", "-p", "n=7")
    assert code == 0, said
    assert "n is 7" in said
    assert ".mlops/scratch/toy" in said
    assert not (top / "data").exists()
    assert (top / ".mlops/scratch/toy/reports/toy.html").exists()
    assert (top / ".mlops/scratch/toy/data/out/a.txt").exists()


def test_plain_papermill(tmp_path):
    top = project(tmp_path, WRITE)
    papermill = [sys.executable, "-m", "papermill", "-k", "python3"]
    done = subprocess.run(
        [*papermill, "nbs/stages/toy.ipynb", "out.ipynb"],
        cwd=top,
        env=os.environ | PATHS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert (top / ".mlops/scratch/by-hand/data/out/a.txt").exists()


WRITE_WINDOW = """\
from mlops_nb.core.project import output_path
output_path(f'data/{window}.txt').write_text(window)
"""


@pytest.fixture
def by_window(tmp_path):
    """A project whose stage runs once for each window."""
    parameters = "window: str = 'train'"
    top = project(tmp_path, WRITE_WINDOW, parameters=parameters, section="{}")
    report = {"reports/toy-${key}.ipynb": {"cache": True}}
    outs = ["data/${key}.txt", report]
    stage = {"foreach": "${windows}", "do": {"cmd": "x", "outs": outs}}
    (top / "dvc.yaml").write_text(json.dumps({"stages": {"toy": stage}}))
    return top


def test_outputs_of_a_window(by_window):
    outputs = read_stage_outputs(by_window, "toy-current")
    assert outputs == ["data/current.txt", "reports/toy-current.ipynb"]


def test_a_window_runs(by_window):
    assert run(by_window, "toy", "current")[0] == 0
    assert (by_window / "data" / "current.txt").read_text() == "current"


def test_an_unknown_window(by_window):
    code, said = run(by_window, "toy", "curent")
    assert code
    assert "current" in said


# ---- signals, and what is left behind ----


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="SIGINT"),
        pytest.param(signal.SIGTERM, id="SIGTERM"),
    ],
)
@pytest.mark.parametrize("engine", ["shell", "nbclient"])
def test_signals(
    tmp_path,
    number,
    engine,
):
    wait = "open('started', 'w').close()\nimport time; time.sleep(60)"
    top = project(tmp_path, WRITE + wait)
    process = start(top, "toy", "--engine", engine)
    wait_for(top / "started", process)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "stopped" in err
    if engine == "shell":
        assert "Traceback" not in err
    assert not (top / "data").exists()
    assert not unfinished(top)


WAIT_THE_FIRST_TIME = """\
import os, time
if not os.path.exists('second'):
    open('started', 'w').close()
    time.sleep(60)
out('data/out/b.txt').write_text('x')
"""


def test_left_behind(tmp_path):
    """A stage whose dvc was killed is ended by the next run, and does not write beside it."""
    top = project(tmp_path, WRITE + WAIT_THE_FIRST_TIME)
    shell = subprocess.Popen(
        ["/bin/sh", "-c", f"{sys.executable} -m mlops_nb run toy & sleep 60"],
        cwd=top,
        env=IN_STAGE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(top / "started", shell)
    (top / "second").touch()
    shell.kill()
    shell.wait()
    code, said = run(top, "toy")
    os.killpg(shell.pid, signal.SIGKILL)
    assert code == 0, said
    assert (top / "data" / "out" / "b.txt").exists()


def test_replaced_path(tmp_path):
    (tmp_path / "staged").mkdir()
    (tmp_path / "staged" / "new").write_text("new")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "old").write_text("old")
    replace_paths([(tmp_path / "staged", tmp_path / "target")])
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["new"]


# ---- the process of a stage ----


def test_other_checkout(tmp_path):
    top = project(tmp_path, "1")
    (top / "mlops_nb").mkdir()
    (top / "mlops_nb" / "__init__.py").touch()
    code = "from mlops_nb.pipeline.stages import run_stage\nrun_stage('toy')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd="/",
        env=os.environ | STAGE_ENVIRONMENT | PATHS | {"MLOPS_NB_ROOT": str(top)},
        capture_output=True,
        text=True,
    )
    assert "mlops_nb of this checkout" in done.stderr


SHOW_HASH = """
import sys
from mlops_nb.pipeline.environment import ensure_stage_environment
ensure_stage_environment()
print(hash('a'), sys.argv[1:])
"""


def test_environment_is_set_before_python(tmp_path):
    script = tmp_path / "show.py"
    script.write_text(SHOW_HASH)
    user = {
        name: os.environ[name] for name in os.environ.keys() - STAGE_ENVIRONMENT.keys()
    }
    said = set()
    for variables in (
        {"PYTHONHASHSEED": "7"},
        {"PYTHONHASHSEED": "0"},
        STAGE_ENVIRONMENT,
    ):
        done = subprocess.run(
            [sys.executable, str(script), "x y"],
            env=user | PATHS | variables,
            capture_output=True,
            text=True,
            check=True,
        )
        said.add(done.stdout)
    assert len(said) == 1
    assert "['x y']" in said.pop()
