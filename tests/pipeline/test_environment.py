"""The same bytes on every x86-64 processor with AVX2, whatever the user's environment says."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from helpers.project import ENV, ROOT, fresh_clone
from helpers.toy import BEFORE, WRITE, project

from mlops_nb.pipeline import reproduce as reproduce_module
from mlops_nb.pipeline.environment import (
    NUMERIC_VARIABLE_PREFIXES,
    STAGE_ENVIRONMENT,
    pin_environment,
)
from mlops_nb.pipeline.kernel_pins import (
    KERNEL_PINS,
    build_kernel_pins,
    describe_missing_pins,
    read_cpu_flags,
)
from mlops_nb.pipeline.reproduce import reproduce_pipeline

pytestmark = pytest.mark.skipif(
    not KERNEL_PINS,
    reason="no x86-64 processor with AVX2, FMA and BMI2: nothing is pinned",
)
AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= read_cpu_flags()

HOSTILE_MATPLOTLIBRC = """\
timezone: Asia/Tokyo
date.epoch: 2000-01-01T00:00:00
interactive: True
figure.max_open_warning: 1
figure.facecolor: black
figure.dpi: 300
savefig.bbox: tight
lines.linewidth: 9
axes.facecolor: red
axes.xmargin: 0.4
font.weight: bold
legend.fontsize: 30
text.color: green
xtick.direction: in
svg.fonttype: path
no.such.key: 1
lines.markersize: no number
"""

HOSTILE = {
    "OPENBLAS_CORETYPE": "SkylakeX",
    "OPENBLAS_L2_SIZE": "512",
    "OPENBLAS_NUM_THREADS": "2",
    "NPY_ENABLE_CPU_FEATURES": "X86_V4",
    "OMP_SCHEDULE": "dynamic",
    "MKL_CBWR": "AVX2",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    "SKLEARN_WORKING_MEMORY": "1",
    "PANDAS_FUTURE_INFER_STRING": "0",
    "LC_ALL": "C",
    "TZ": "Asia/Kathmandu",
}


def without_pins(env=ENV):
    """The environment of a user who has set nothing; no warm server either."""
    numeric = ("MLOPS_NB_SERVER", "PYTHONPATH", *NUMERIC_VARIABLE_PREFIXES)
    return {name: value for name, value in env.items() if not name.startswith(numeric)}


def python(
    code,
    env,
    cwd=ROOT,
    **kwargs,
):
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command,
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        **kwargs,
    )


# ---- what is pinned, and where ----


@pytest.mark.parametrize(
    ("flags", "pinned"),
    [
        pytest.param("avx avx2 fma bmi1 bmi2", True, id="2013"),
        pytest.param("avx avx2 fma bmi1 bmi2 avx512f", True, id="AVX-512"),
        pytest.param("avx fma bmi1 bmi2", False, id="no AVX2"),
        pytest.param("avx avx2 bmi1 bmi2", False, id="no FMA"),
        pytest.param("avx avx2 fma bmi1", False, id="no BMI2"),
    ],
)
def test_the_processor_decides(
    tmp_path,
    flags,
    pinned,
):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t\t: none\n\nflags\t: x\n"
    )
    found = build_kernel_pins(read_cpu_flags(cpuinfo))
    assert bool(found) == pinned


def test_no_linux_no_pins(tmp_path):
    assert build_kernel_pins(read_cpu_flags(tmp_path / "nothing")) == {}


def test_the_run_says_that_nothing_is_pinned(
    tmp_path,
    monkeypatch,
    capfd,
):
    top = project(tmp_path, "1", stage="monitor", parameters="n: int = 1")
    (top / ".dvc").mkdir()
    monkeypatch.chdir(top)
    monkeypatch.setattr(
        reproduce_module, "describe_missing_pins", lambda: describe_missing_pins({})
    )
    monkeypatch.setattr(reproduce_module, "run_process_group", lambda *args: 1)
    reproduce_pipeline()
    said = capfd.readouterr().err
    assert said.count("are not pinned here") == 1


def test_numpy_knows_the_names():
    """An unknown name would be a warning, one of the baseline an error."""
    names = set(KERNEL_PINS["NPY_DISABLE_CPU_FEATURES"].split())
    code = "from numpy._core._multiarray_umath import __cpu_dispatch__ as d; print(*d)"
    assert names <= set(python(code, without_pins()).stdout.split())
    got = python(
        "import numpy", without_pins() | STAGE_ENVIRONMENT | {"PYTHONWARNINGS": "error"}
    )
    assert got.stderr == ""


# ---- what a stage and a command see ----

LOADED = """
import json, os, sys
forked = "pandas" in sys.modules
import numpy, scipy.linalg, sklearn.linear_model
from numpy._core._multiarray_umath import __cpu_features__
from threadpoolctl import threadpool_info
blas = [x for x in threadpool_info() if x["internal_api"] == "openblas"]
print(json.dumps({
    "cores": [x["architecture"] for x in blas],
    "versions": [x["version"] for x in blas],
    "threads": [x["num_threads"] for x in blas],
    "X86_V4": __cpu_features__["X86_V4"],
    "forked": forked,
    "left": sorted(k for k in os.environ if k.startswith(("OPENBLAS_", "NPY_", "MKL_", "PANDAS_"))),
}))
"""
STAGE = WRITE + LOADED
KEPT = [
    "MKL_NUM_THREADS",
    "NPY_DISABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
]


def in_stage(
    top,
    env,
):
    """What the cell LOADED prints in a stage that runs in the environment `env`."""
    command = [sys.executable, "-m", "mlops_nb", "run", "toy"]
    subprocess.run(
        command,
        cwd=top,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    notebook = json.loads((top / "reports" / "toy.ipynb").read_text())
    outputs = [cell["outputs"] for cell in notebook["cells"] if cell.get("outputs")]
    return json.loads("".join(outputs[0][0]["text"]))


@pytest.fixture(params=["cold", "warm", "command"])
def loaded(
    request,
    tmp_path,
):
    """What is loaded in a stage, started afresh or forked, and in a command that is no stage."""
    hostile = without_pins() | HOSTILE | {"PYTHONPATH": str(ROOT), "DVC_STAGE": "toy"}
    if request.param == "command":
        code = (
            "from mlops_nb.pipeline.environment import pin_kernels; pin_kernels()\n"
            + LOADED
        )
        return json.loads(python(code, hostile).stdout) | {"place": request.param}
    if request.param == "cold":
        return in_stage(project(tmp_path, STAGE), hostile) | {"place": request.param}
    server = request.getfixturevalue("warm")
    # It serves those alone who start from its own variables, but for the pinned ones.
    worse = {name: value for name, value in HOSTILE.items() if name != "LC_ALL"}
    hostile = BEFORE | worse | {"PYTHONPATH": str(ROOT), "DVC_STAGE": "toy"}
    return in_stage(project(tmp_path, STAGE), hostile | server) | {
        "place": request.param
    }


def test_only_the_warm_stage_is_forked(loaded):
    assert loaded["forked"] == (loaded["place"] == "warm")


def test_every_openblas_is_haswell(loaded):
    assert len(loaded["cores"]) >= 2  # numpy's and scipy's
    assert set(loaded["cores"]) == {"Haswell"}


def test_every_openblas_has_one_thread(loaded):
    assert set(loaded["threads"]) == {1}


def test_numpy_leaves_avx512_alone(loaded):
    assert loaded["X86_V4"] is False


def test_no_variable_of_the_user_is_left(loaded):
    assert loaded["left"] == KEPT


def test_no_openblas_whose_blocks_depend_on_the_host(loaded):
    """OpenBLAS 0.3.34 sets its blocks by the host's caches: it would break the record."""
    versions = loaded["versions"]
    assert not [version for version in versions if version.startswith("0.3.34")]


FIGURE = f"""{WRITE}
import matplotlib.pyplot as plt, pandas as pd
plt.plot(pd.date_range('2020-01-01', periods=3), [1, 2, 4]);
plt.figure(); plt.plot([1, 2], label='a'); plt.legend();
"""


@pytest.mark.parametrize("place", ["working directory", "MATPLOTLIBRC", "home"])
def test_matplotlibrc_changes_nothing(
    tmp_path,
    place,
):
    top = project(tmp_path / "project", FIGURE)
    home = tmp_path / "home" / ".config" / "matplotlib"
    home.mkdir(parents=True)
    matplotlibrc = {
        "working directory": top / "matplotlibrc",
        "MATPLOTLIBRC": tmp_path / "own",
        "home": home / "matplotlibrc",
    }[place]
    env = without_pins() | {
        "PYTHONPATH": str(ROOT),
        "DVC_STAGE": "toy",
        "HOME": str(home.parents[1]),
    }
    env.pop("XDG_CONFIG_HOME", None)
    if place == "MATPLOTLIBRC":
        env["MATPLOTLIBRC"] = str(matplotlibrc)
    pages = []
    for content in ("", HOSTILE_MATPLOTLIBRC):
        matplotlibrc.write_text(content)
        command = [sys.executable, "-m", "mlops_nb", "run", "toy"]
        subprocess.run(
            command,
            cwd=top,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        pages.append((top / "reports" / "toy.ipynb").read_text())
    assert "image/png" in pages[0]
    assert pages[0] == pages[1]


# ---- the record, from the worst of environments ----


def test_hostile_environment_reproduces_the_record(tmp_path):
    clone = fresh_clone(tmp_path / "clone")
    (clone / "matplotlibrc").write_text(HOSTILE_MATPLOTLIBRC)
    one_core = min(os.sched_getaffinity(0))
    got = subprocess.run(
        [sys.executable, "-m", "mlops_nb", "repro"],
        cwd=clone,
        env=without_pins() | HOSTILE,
        capture_output=True,
        text=True,
        timeout=900,
        preexec_fn=lambda: os.sched_setaffinity(0, {one_core}),
    )
    assert got.returncode == 0, got.stdout[-3000:] + got.stderr[-3000:]
    count = re.search(r"(\d+) of (\d+) outputs identical to the record", got.stdout)
    assert count, got.stdout[-3000:]
    assert count[1] == count[2], got.stdout[-3000:]


# ---- small trainings ----

TRAINING = """
import sys
from pathlib import Path
import numpy as np
import pandas as pd
from mlops_nb.modeling.persistence import save_model
from mlops_nb.modeling.training import train_model

rng = np.random.default_rng(1)
n = 4000
X = rng.normal(size=(n, 6))
signal = X @ rng.normal(size=6)
frame = pd.DataFrame(X, columns=list("abcdef"))
frame["shop"] = rng.choice(list("pqrst"), n)
frame["day"] = pd.date_range("2020-01-01", periods=n, freq="h")
targets = {
    "binary": (signal + rng.logistic(size=n) > 0).astype(int),
    "multiclass": np.array(list("uvw"))[np.digitize(signal + rng.normal(size=n), [-1, 1])],
    "poisson": rng.poisson(np.exp(signal / 3)),
}
for name, y in targets.items():
    task = "regression" if name == "poisson" else name
    more = {"params": {"max_iter": 30}}
    if name == "poisson":
        more["params"]["loss"] = "poisson"
        more["estimator"] = "sklearn.ensemble.HistGradientBoostingRegressor"
    data = {"target": "y", "task": task, "time": "day", "keys": []}
    fitted = train_model(frame.assign(y=y), data, **more)
    save_model(Path(sys.argv[1]) / name, fitted)
    fitted.model.predict(frame).to_parquet(Path(sys.argv[1]) / name / "predicted.parquet")
"""
PINNED = pin_environment(without_pins())
HWCAPS = [
    "AVX512F",
    "AVX512BW",
    "AVX512CD",
    "AVX512DQ",
    "AVX512VL",
    "AVX512_VBMI",
    "AVX512_VBMI2",
    "AVX512_VNNI",
]
GLIBC_TURNED_DOWN = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=" + ",".join(f"-{name}" for name in HWCAPS)
}


def trained(
    folder,
    env,
):
    """The MD5 of every file of three small trainings, binary, multiclass and poisson."""
    folder.mkdir(parents=True)
    script = folder.parent / "training.py"
    script.write_text(TRAINING)
    env = env | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, str(script), str(folder)],
        env=env,
        cwd=ROOT,
        check=True,
    )
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        str(p.relative_to(folder)): hashlib.md5(p.read_bytes()).hexdigest()
        for p in files
    }


@pytest.fixture(scope="module")
def plainly_trained(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("plain") / "models", PINNED)


@pytest.mark.parametrize(
    "turned_down",
    [
        pytest.param(GLIBC_TURNED_DOWN, id="glibc without AVX-512"),
        pytest.param({"ARROW_USER_SIMD_LEVEL": "AVX2"}, id="Arrow with AVX2"),
        pytest.param({"ARROW_USER_SIMD_LEVEL": "NONE"}, id="Arrow without SIMD"),
    ],
)
def test_training_is_the_same_with_less_of_the_processor(
    tmp_path,
    plainly_trained,
    turned_down,
):
    assert trained(tmp_path / "models", PINNED | turned_down) == plainly_trained


@pytest.mark.skipif(
    not AVX512, reason="no AVX-512 here: the pins change nothing to be seen"
)
@pytest.mark.parametrize("name", ["binary", "multiclass", "poisson"])
def test_control_without_pins_training_differs(
    tmp_path,
    plainly_trained,
    name,
):
    """The control: were the pins without effect, the tests above would show nothing."""
    unpinned = {name: PINNED[name] for name in PINNED.keys() - KERNEL_PINS.keys()}
    got = trained(tmp_path / "models", unpinned)
    differing = {
        path.partition("/")[0] for path in got if got[path] != plainly_trained[path]
    }
    assert name in differing
