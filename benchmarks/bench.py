"""What the pipeline costs, beside its peers in the same call. `make bench` measures and writes the tables of nbs/guides/benchmarks.ipynb; nothing is asserted.

CPU seconds are those of a whole command: the processes it started, the warm server and notebook kernels included. Each figure is the least of several runs, taken in turns.
"""

import argparse
import contextlib
import ctypes
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ruamel.yaml import YAML

from mlops_nb.pipeline.environment import NUMERIC_VARIABLE_PREFIXES
from mlops_nb.pipeline.kernel_pins import KERNEL_PINS

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "nbs" / "guides" / "benchmarks.ipynb"
MARK = "<!-- written by make bench -->"
BIN = Path(sys.executable).parent
MLOPS = (sys.executable, "-m", "mlops_nb")
DVC = (sys.executable, "-m", "dvc", "repro")
NOTEBOOKS = ("preprocess@train", "preprocess@current", "train", "evaluate", "monitor")
PINNED = {  # what a careful user sets for the peers
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    **KERNEL_PINS,
}


def environment(**more: str) -> dict[str, str]:
    """A user's variables with the environment's programs first; CI keeps DVC from looking for a newer version of itself."""
    own = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("MLOPS_NB", "DVC_", *NUMERIC_VARIABLE_PREFIXES))
        and k not in ("PYTHONPATH", *PINNED)
    }
    return (
        own
        | {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "CI": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        | more
    )


def cost(
    *argv: str,
    cwd: Path,
    **env: str,
) -> dict[str, float]:
    """CPU and wall seconds of a command with everything it started. What it leaves behind is waited for, and counted too."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    got = subprocess.run(
        [str(a) for a in argv],
        check=False,
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
    )
    wall = time.monotonic() - begun
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < begun + wall + 20:
            time.sleep(0.02 if os.waitpid(-1, os.WNOHANG)[0] == 0 else 0)
    if got.returncode:
        sys.exit(
            f"{' '.join(map(str, argv))} in {cwd} → {got.returncode}\n{got.stdout[-3000:]}\n{got.stderr[-3000:]}"
        )
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu": now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime,
        "wall": wall,
        "out": got.stdout,
    }


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


# ---- the same stages, written in other ways ----


def parameters(
    top: Path,
    stage: str,
    key: str,
) -> dict:
    given = YAML(typ="safe").load(top / "params.yaml")[stage]
    return given | ({"window": key} if key else {})


SILENT = """import sys, types
for name in ("IPython", "IPython.display"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["IPython"].version_info, sys.modules["IPython"].get_ipython = (9,), lambda: None
for name in ("display", "Markdown", "HTML", "SVG"):
    setattr(sys.modules["IPython.display"], name, lambda *a, **k: None)"""


def script(
    top: Path,
    stage: str,
    key: str,
) -> str:
    """A stage notebook as a plain Python script; `display` shows nothing, outputs go straight to their places."""
    cells = [
        c
        for c in json.loads((top / "nbs" / "stages" / f"{stage}.ipynb").read_text())[
            "cells"
        ]
        if c["cell_type"] == "code"
    ]
    parts = [SILENT]
    for c in cells:
        parts.append("".join(c["source"]))
        if "parameters" in c["metadata"].get("tags", []):
            parts += [f"{k} = {v!r}" for k, v in parameters(top, stage, key).items()]
    return "\n\n".join(parts) + "\n"


def plain(
    top: Path,
    name: str,
    stage: str,
    key: str,
) -> tuple[str, list]:
    (top / "scripts").mkdir(exist_ok=True)
    (top / "scripts" / f"{name}.py").write_text(script(top, stage, key))
    return f"python scripts/{name}.py", []


def usual(
    top: Path,
    name: str,
    stage: str,
    key: str,
) -> tuple[str, list]:
    """Papermill with a kernel, then nbconvert, both as commands."""
    (top / "scripts").mkdir(exist_ok=True)
    (top / "scripts" / f"{name}.yaml").write_text(
        json.dumps(parameters(top, stage, key))
    )  # JSON is YAML, and keeps the order of the gate's checks
    run = f"papermill nbs/stages/{stage}.ipynb reports/{name}.ipynb -k python3 -l python --no-progress-bar --log-level ERROR -f scripts/{name}.yaml"
    return (
        f"{run} && jupyter nbconvert --to html --log-level ERROR reports/{name}.ipynb",
        [
            f"reports/{name}.ipynb",
            f"reports/{name}.html",
        ],
    )


def rewritten(
    top: Path,
    command,
) -> None:
    """dvc.yaml with other commands for the notebook stages; pages are what the command makes of them, so `report` goes."""
    spec = YAML(typ="safe").load(top / "dvc.yaml")
    done = {}
    for name, stage in spec["stages"].items():
        if name in {n.partition("@")[0] for n in NOTEBOOKS}:
            for key in ("train", "current") if "foreach" in stage else ("",):
                do = json.loads(
                    json.dumps(stage.get("do", stage)).replace("${key}", key)
                )
                label = f"{name}-{key}" if key else name
                do["cmd"], more = command(top, label, name, key)
                do["outs"] = [o for o in do["outs"] if not o.endswith(".ipynb")] + more
                done[label] = do
        elif name != "report":
            done[name] = stage
    YAML(typ="safe").dump({"stages": done}, top / "dvc.yaml")


VARIANTS = {  # (a) … (d): how it is called, how it is made, command, stages, variables
    "cold": ("notebooks and pages, `dvc repro`", None, DVC, [*NOTEBOOKS, "report"], {}),
    "warm": (
        "notebooks and pages, `mlops-nb repro`",
        None,
        (*MLOPS, "repro"),
        [*NOTEBOOKS, "report"],
        {},
    ),
    "scripts": (
        "the same code as plain scripts under DVC, no notebook, no page",
        plain,
        DVC,
        [n.replace("@", "-") for n in NOTEBOOKS],
        PINNED,
    ),
    "papermill": (
        "papermill with a kernel, then `nbconvert`, under DVC",
        usual,
        DVC,
        [n.replace("@", "-") for n in NOTEBOOKS],
        PINNED,
    ),
}


def variant(
    done: Path,
    to: Path,
    name: str,
) -> dict:
    """A copy of a clone in which the pipeline has run, ready to run its notebook stages the way `name` says."""
    shutil.copytree(
        done,
        to,
        symlinks=True,
        ignore=shutil.ignore_patterns("*.html", "*.lock.tmp", "runs.jsonl"),
    )
    _, make, command, stages, env = VARIANTS[name]
    if make:
        for left in (to / "reports").glob("*.ipynb"):
            left.unlink()
        rewritten(to, make)
        env = env | {
            "PYTHONPATH": str(to),
            "MLOPS_NB_OUT": str(to),
            "MLOPS_NB_STAGE": "stage",
            "IPYTHONDIR": str(to / ".mlops" / "ipython"),
        }
    cost(
        sys.executable, "-m", "dvc", "status", cwd=to
    )  # so that no variant pays for hashing what was copied
    return {
        "argv": [*command, *stages, "--force", "--single-item"],
        "cwd": to,
        "env": env,
    }


def stages(
    done: Path,
    work: Path,
    repeats: int,
    names=tuple(VARIANTS),
) -> dict:
    """The notebook stages in every variant, in turns; the least CPU and wall of each."""
    calls = {n: variant(done, work / n, n) for n in names}
    least = {}
    for _i in range(repeats):
        for n, c in calls.items():
            got = cost(*c["argv"], cwd=c["cwd"], **c["env"])
            say(f"  {n}: {got['cpu']:.1f} CPU s, {got['wall']:.1f} s")
            least[n] = {k: min(got[k], least.get(n, got)[k]) for k in ("cpu", "wall")}
    outs = {n: locked(c["cwd"]) for n, c in calls.items()}
    shared = set.intersection(*(set(o) for o in outs.values()))
    equal = [p for p in shared if len({o[p] for o in outs.values()}) == 1]
    return least | {
        "outputs": {
            "equal": len(equal),
            "shared": len(shared),
            "differ": sorted(shared - set(equal)),
        }
    }


def locked(top: Path) -> dict[str, str]:
    """Output → MD5 of the notebook stages."""
    got = YAML(typ="safe").load(top / "dvc.lock")["stages"]
    ran = [n.replace("@", "-") if n.replace("@", "-") in got else n for n in NOTEBOOKS]
    return {
        o["path"]: o["md5"]
        for n in ran
        for o in got[n]["outs"]
        if not o["path"].endswith(".ipynb")
    }


def stage_log(top: Path) -> dict[str, dict]:
    lines = [
        json.loads(x) for x in (top / ".mlops" / "runs.jsonl").read_text().splitlines()
    ]
    return {x["stage"]: {"cpu": x["cpu"], "peak_mb": x["peak_mb"]} for x in lines}


# ---- the whole run, preprocessing of everything, from clone to report ----


def clone(
    to: Path,
    source: Path = ROOT,
) -> Path:
    subprocess.run(["git", "clone", "-q", str(source), str(to)], check=True)
    return to


def small(
    top: Path,
    rows: int,
) -> Path:
    """Every stage of this clone takes `rows` rows."""
    yaml = YAML()
    p = yaml.load(top / "params.yaml")
    for section in ("preprocess", "train", "evaluate", "monitor"):
        p[section]["sample"] = rows
    with (top / "params.yaml").open("w") as f:
        yaml.dump(p, f)
    return top


YEAR = """
import json, time
from mlops_nb.core.config import read_params
from mlops_nb.core.project import input_path
from mlops_nb.data.contract import DataContract
from mlops_nb.data.contract_check import check_contract
from mlops_nb.data.feature_table import build_features
from mlops_nb.data.ingest import select_window_rows
from mlops_nb.data.settings import read_data_settings
from mlops_nb.data.sources import load_tables
from mlops_nb.data.windows import read_windows
p = read_params(); p["windows"] = {"train": {"start": "2013-01", "end": "2013-12"}, "current": {"start": "2014-01", "end": "2014-01"}}
s = read_data_settings(p); w = read_windows(p)["train"]; agreed = DataContract.read(input_path("data/schema.yaml")); times = {"import": time.process_time()}
def lap(name): times[name] = time.process_time() - sum(times.values())
tables = select_window_rows(load_tables(s, w), s, w); events = tables.pop("events"); lap("load")
contract = check_contract(events, agreed, s, is_training=True); lap("contract")
X = build_features(events, tables, s.time, p["features"], s.target, s.keys); lap("features")
print(json.dumps({"rows": len(X), "columns": X.shape[1], "parts": times}))
"""


def year(
    top: Path,
    repeats: int,
) -> dict:
    """Preprocessing of all flights with all features in one window; CPU seconds of the process, by part."""
    got = [
        cost(sys.executable, "-c", YEAR, cwd=top, **PINNED, PYTHONPATH=str(top))
        for _ in range(repeats)
    ]
    best = min(got, key=lambda g: g["cpu"])
    return json.loads(best["out"]) | {"cpu": best["cpu"], "wall": best["wall"]}


def from_clone(
    work: Path,
    source: Path,
) -> dict[str, float]:
    """`git clone` and `make run` in an empty folder, until the reports lie there."""
    got = cost(
        "sh",
        "-c",
        f'git clone -q "{source}" new && cd new && make run PYTHON="{getattr(sys, "_base_executable", sys.executable)}" && test -s reports/index.html',
        cwd=work,
        PATH=os.environ["PATH"],
    )
    say(f"  {got['wall']:.0f} s, {got['cpu']:.0f} CPU s")
    return got | {
        "size_mb": sum(
            f.stat().st_size
            for f in (work / "new" / ".venv").rglob("*")
            if f.is_file() and not f.is_symlink()
        )
        / 1e6
    }


def measure(
    work: Path,
    a,
) -> dict:
    """Everything, as a dict."""
    got = {}
    say("a fresh clone, the whole pipeline")
    source = clone(
        work / "source"
    )  # one commit for everything, whatever happens in the checkout meanwhile
    done = clone(work / "run", source)
    if a.quick:
        small(done, 3000)
    got["run"] = cost(*MLOPS, "repro", cwd=done)
    got["log"] = stage_log(done)
    say(f"  {got['run']['cpu']:.1f} CPU s, {got['run']['wall']:.1f} s")
    say("a run with nothing to do")
    for name, argv in (("idle", (*MLOPS, "repro")), ("idle_dvc", DVC)):
        runs = [cost(*argv, cwd=done) for _ in range(3)]
        got[name] = {k: min(r[k] for r in runs) for k in ("cpu", "wall")}
        say(f"  {name}: {got[name]['cpu']:.2f} CPU s, {got[name]['wall']:.2f} s")
    say("all flights of the year, all features")
    got["year"] = year(done, 1 if a.quick else 3)
    say(f"  {got['year']}")
    say("notebook stages, 3,000 rows")
    little = done if a.quick else small(clone(work / "little", source), 3000)
    if not a.quick:
        cost(*MLOPS, "repro", cwd=little)
    got["little"] = stages(little, work / "3000", a.repeats)
    if not a.quick:
        say("notebook stages, full data")
        got["full"] = stages(done, work / "full", max(1, a.repeats - 1))
        say("from git clone to open report")
        got["clone"] = from_clone(work, source)
    return got


# ---- tables ----


def row(
    what: str,
    project: float,
    peer: float | None,
    unit: str,
    target: str = "",
) -> list[str]:
    return [
        what,
        f"{project:.1f} {unit}",
        "–" if peer is None else f"{peer:.1f} {unit}",
        "–" if peer is None else f"{project / peer:.2f}",
        target or "–",
    ]


def table(
    heads: list[str],
    rows: list[list[str]],
) -> str:
    return "\n".join(
        "| " + " | ".join(r) + " |"
        for r in [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]
    )


def tables(got: dict) -> str:
    """The results in Markdown."""
    rows = []
    for part, said in (("full", "full data"), ("little", "3,000 rows")):
        if part not in got:
            continue
        cpu = {n: v["cpu"] for n, v in got[part].items() if n != "outputs"}
        for name, target in (("cold", "≤ 1.5"), ("warm", "≤ 0.6")):
            rows += [
                row(
                    f"notebook stages and pages, {said}, {name} ÷ plain scripts",
                    cpu[name],
                    cpu["scripts"],
                    "CPU s",
                    target,
                )
            ]
            rows += [
                row(
                    f"the same ÷ papermill and nbconvert, {name}",
                    cpu[name],
                    cpu["papermill"],
                    "CPU s",
                )
            ]
        rows += [
            row(
                f"papermill and nbconvert, {said} ÷ plain scripts",
                cpu["papermill"],
                cpu["scripts"],
                "CPU s",
            )
        ]
    y = got["year"]
    log = got["log"]
    rows += [
        row(
            f"preprocess {y['rows']:,} flights, {y['columns']} features",
            y["cpu"],
            None,
            "CPU s",
            "≤ 10 CPU s",
        ),
        row("whole pipeline, first run in a clone", got["run"]["cpu"], None, "CPU s"),
        row("the same, elapsed", got["run"]["wall"], None, "s"),
        row(
            "a run with nothing to do, ÷ plain `dvc repro`",
            got["idle"]["cpu"],
            got["idle_dvc"]["cpu"],
            "CPU s",
        ),
        row(
            "the same, elapsed",
            got["idle"]["wall"],
            got["idle_dvc"]["wall"],
            "s",
            "seconds",
        ),
    ]
    if "clone" in got:
        rows += [
            row(
                f"`git clone` and `make run` to open report, with an environment of {got['clone']['size_mb']:,.0f} MB made anew",
                got["clone"]["wall"],
                None,
                "s",
            )
        ]
    ways = table(
        ["way", "3,000 rows", *(["full data"] if "full" in got else [])],
        [
            [said, *(f"{got[p][n]['cpu']:.1f}" for p in ("little", "full") if p in got)]
            for n, (said, *_) in VARIANTS.items()
        ],
    )
    same = got.get("full", got["little"])["outputs"]
    return "\n\n".join(
        [
            MARK,
            f"Measured on {machine()}. CPU seconds with all children; the least of several runs in turns.",
            table(["what", "project", "peer", "ratio", "target"], rows),
            "### The notebook stages, four ways (CPU s)",
            ways,
            f"Data, models and results written by the four ways: {same['equal']} of {same['shared']} outputs identical."
            + (f" Different: {', '.join(same['differ'])}." if same["differ"] else ""),
            "### Where the time goes (warm, full data)"
            if "full" in got
            else "### Where the time goes (warm)",
            table(
                ["stage", "CPU s", "peak memory"],
                [[n, f"{v['cpu']:.1f}", f"{v['peak_mb']} MB"] for n, v in log.items()],
            ),
            "Preprocessing of the whole year by part: "
            + ", ".join(f"{k} {v:.1f}" for k, v in y["parts"].items())
            + " CPU s.",
        ]
    )


def machine() -> str:
    with contextlib.suppress(OSError):
        o = platform.freedesktop_os_release()
        return f"{os.cpu_count()} cores, Python {sys.version_info.major}.{sys.version_info.minor}, {o.get('NAME', '').split()[0]} {o.get('VERSION_ID', '')}".strip()
    return f"{os.cpu_count()} cores, Python {sys.version_info.major}.{sys.version_info.minor}, {platform.system()}"


def publish(text: str) -> None:
    """Put the tables in the guide's marked cell."""
    nb = json.loads(GUIDE.read_text())
    cell = next(c for c in nb["cells"] if "".join(c["source"]).startswith(MARK))
    cell["source"] = text.splitlines(keepends=True)
    GUIDE.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument(
        "--quick", action="store_true", help="3,000 rows only; prints, writes nothing"
    )
    p.add_argument(
        "--repeats",
        type=int,
        default=3,
        help="runs of each way with 3,000 rows; one less with full data",
    )
    p.add_argument("--work", type=Path, help="keep the scratch clones in this folder")
    a = p.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1)  # orphans come to us and are counted
    if subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout:
        print(
            "the last commit is measured, without the changes in the working tree",
            flush=True,
        )
    with (
        contextlib.nullcontext(a.work)
        if a.work
        else tempfile.TemporaryDirectory(prefix="bench-") as work
    ):
        Path(work).mkdir(parents=True, exist_ok=True)
        got = measure(Path(work), a)
    (ROOT / ".mlops").mkdir(exist_ok=True)
    (ROOT / ".mlops" / "bench.json").write_text(
        json.dumps(
            {
                k: {n: x for n, x in v.items() if n != "out"}
                if isinstance(v, dict)
                else v
                for k, v in got.items()
            },
            indent=1,
        )
    )
    print(tables(got))
    if not a.quick:
        publish(tables(got))


if __name__ == "__main__":
    main()
