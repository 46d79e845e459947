"""The notebook stages in four ways: as they are, cold and warm, as scripts, and by papermill."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from costs import PINNED, cost, least, say
from ruamel.yaml import YAML

MLOPS = (sys.executable, "-m", "mlops_nb")
DVC = (sys.executable, "-m", "dvc", "repro")
NOTEBOOKS = ("preprocess@train", "preprocess@current", "train", "evaluate", "monitor")
NAMES = {stage.partition("@")[0] for stage in NOTEBOOKS}
EXPANDED = [stage.replace("@", "-") for stage in NOTEBOOKS]
KEYS = ("train", "current")
PRELUDE = Path(__file__).with_name("silent_ipython.py")

StageCommand = tuple[str, list[str]]  # a command, and what it writes besides


def stage_parameters(
    top: Path,
    stage: str,
    key: str,
) -> dict:
    """Return what `params.yaml` says for a stage, and its window where it has one."""
    params = YAML(typ="safe").load(top / "params.yaml")[stage]
    return params | {"window": key} if key else params


def stage_script(
    top: Path,
    stage: str,
    key: str,
) -> str:
    """Write a stage notebook as a plain Python script.

    `display` shows nothing, outputs go straight to their places.
    """
    notebook = json.loads((top / "nbs" / "stages" / f"{stage}.ipynb").read_text())
    parts = [PRELUDE.read_text()]
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        parts.append("".join(cell["source"]))
        if "parameters" in cell["metadata"].get("tags", []):
            parameters = stage_parameters(top, stage, key)
            parts += [f"{name} = {value!r}" for name, value in parameters.items()]
    return "\n\n".join(parts) + "\n"


def write_script(
    top: Path,
    name: str,
    stage: str,
    key: str,
) -> StageCommand:
    """Make a stage a plain script."""
    script = top / "scripts" / f"{name}.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(stage_script(top, stage, key))
    return f"python scripts/{name}.py", []


def write_papermill(
    top: Path,
    name: str,
    stage: str,
    key: str,
) -> StageCommand:
    """Make a stage papermill with a kernel, then nbconvert, both as commands."""
    parameters = top / "scripts" / f"{name}.yaml"
    parameters.parent.mkdir(exist_ok=True)
    # JSON is YAML, and keeps the order of the gate's checks
    parameters.write_text(json.dumps(stage_parameters(top, stage, key)))
    execute = (
        f"papermill nbs/stages/{stage}.ipynb reports/{name}.ipynb -k python3 -l python "
        f"--no-progress-bar --log-level ERROR -f scripts/{name}.yaml"
    )
    convert = f"jupyter nbconvert --to html --log-level ERROR reports/{name}.ipynb"
    outputs = [f"reports/{name}.ipynb", f"reports/{name}.html"]
    return f"{execute} && {convert}", outputs


WriteStage = Callable[[Path, str, str, str], StageCommand]


def expand_stage(
    stage: dict,
    key: str,
) -> dict:
    """Return a stage of dvc.yaml with its `foreach` filled in."""
    template = json.dumps(stage.get("do", stage))
    return json.loads(template.replace("${key}", key))


def rewrite_pipeline(
    top: Path,
    write_stage: WriteStage,
) -> None:
    """Give the notebook stages in dvc.yaml other commands.

    Pages are what the command makes of them, so `report` goes.
    """
    pipeline = YAML(typ="safe").load(top / "dvc.yaml")
    stages = {}
    for name, stage in pipeline["stages"].items():
        if name == "report":
            continue
        if name not in NAMES:
            stages[name] = stage
            continue
        for key in KEYS if "foreach" in stage else ("",):
            label = f"{name}-{key}" if key else name
            expanded = expand_stage(stage, key)
            expanded["cmd"], more = write_stage(top, label, name, key)
            kept = [path for path in expanded["outs"] if not path.endswith(".ipynb")]
            expanded["outs"] = kept + more
            stages[label] = expanded
    YAML(typ="safe").dump({"stages": stages}, top / "dvc.yaml")


@dataclass(frozen=True)
class Way:
    """One way to run the notebook stages."""

    description: str
    command: tuple[str, ...]
    stages: list[str]
    write_stage: WriteStage | None = None
    variables: dict[str, str] = field(default_factory=dict)


COLD = Way(
    "notebooks and pages, `dvc repro`",
    DVC,
    [*NOTEBOOKS, "report"],
)
WARM = Way(
    "notebooks and pages, `mlops-nb repro`",
    (*MLOPS, "repro"),
    [*NOTEBOOKS, "report"],
)
SCRIPTS = Way(
    "the same code as plain scripts under DVC, no notebook, no page",
    DVC,
    EXPANDED,
    write_script,
    PINNED,
)
PAPERMILL = Way(
    "papermill with a kernel, then `nbconvert`, under DVC",
    DVC,
    EXPANDED,
    write_papermill,
    PINNED,
)
WAYS = {"cold": COLD, "warm": WARM, "scripts": SCRIPTS, "papermill": PAPERMILL}


@dataclass(frozen=True)
class Call:
    """A command, where it runs and with which variables."""

    argv: tuple[str, ...]
    folder: Path
    variables: dict[str, str]


def prepare_way(
    done: Path,
    folder: Path,
    way: Way,
) -> Call:
    """Copy a clone in which the pipeline has run, ready to run its notebook stages one way."""
    ignored = shutil.ignore_patterns("*.lock.tmp", "runs.jsonl")
    shutil.copytree(done, folder, symlinks=True, ignore=ignored)
    for page in (folder / "reports").rglob("*.html"):
        page.unlink()
    variables = way.variables
    if way.write_stage:
        for notebook in (folder / "reports").glob("*.ipynb"):
            notebook.unlink()
        rewrite_pipeline(folder, way.write_stage)
        variables = variables | {
            "PYTHONPATH": str(folder),
            "MLOPS_NB_OUT": str(folder),
            "MLOPS_NB_STAGE": "stage",
            "IPYTHONDIR": str(folder / ".mlops" / "ipython"),
        }
    # so that no way pays for hashing what was copied
    cost(sys.executable, "-m", "dvc", "status", cwd=folder)
    argv = (*way.command, *way.stages, "--force", "--single-item")
    return Call(argv, folder, variables)


def read_output_digests(top: Path) -> dict[str, str]:
    """Return path and MD5 of what the notebook stages write."""
    stages = YAML(typ="safe").load(top / "dvc.lock")["stages"]
    ran = [
        label if label in stages else name
        for name, label in zip(NOTEBOOKS, EXPANDED, strict=True)
    ]
    outputs = [output for name in ran for output in stages[name]["outs"]]
    return {
        output["path"]: output["md5"]
        for output in outputs
        if not output["path"].endswith(".ipynb")
    }


def compare_outputs(digests: list[dict[str, str]]) -> dict:
    """Count the outputs that all ways write, and those that are identical; name the others."""
    shared = set.intersection(*map(set, digests))
    differ = []
    for path in sorted(shared):
        versions = {by_path[path] for by_path in digests}
        if len(versions) > 1:
            differ.append(path)
    return {
        "equal": len(shared) - len(differ),
        "shared": len(shared),
        "differ": differ,
    }


def measure_ways(
    done: Path,
    work: Path,
    repeats: int,
) -> dict:
    """Run the notebook stages in every way, in turns; return the least CPU and wall of each."""
    calls = {name: prepare_way(done, work / name, way) for name, way in WAYS.items()}
    best = {}
    for _ in range(repeats):
        for name, call in calls.items():
            now = cost(*call.argv, cwd=call.folder, **call.variables)
            say(f"  {name}: {now['cpu']:.1f} CPU s, {now['wall']:.1f} s")
            best[name] = least([now, best.get(name, now)])
    digests = [read_output_digests(call.folder) for call in calls.values()]
    return best | {"outputs": compare_outputs(digests)}
