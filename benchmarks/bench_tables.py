"""The tables of `make bench`, in Markdown."""

from guide import table
from stage_ways import WAYS

MARK = "<!-- written by make bench -->"
SIZES = {"full": "full data", "little": "3,000 rows"}  # in the order of the rows


def row(
    what: str,
    project: float,
    peer: float | None,
    unit: str,
    target: str = "–",
) -> list[str]:
    """Write what the project costs, what its peer costs, and their ratio."""
    measured = f"{project:.1f} {unit}"
    if peer is None:
        return [what, measured, "–", "–", target]
    return [what, measured, f"{peer:.1f} {unit}", f"{project / peer:.2f}", target]


def way_rows(
    ways: dict,
    size: str,
) -> list[list[str]]:
    """Compare the four ways at one size of the data."""
    cpu = {name: ways[name]["cpu"] for name in WAYS}
    rows = []
    for name, target in (("cold", "≤ 1.5"), ("warm", "≤ 0.6")):
        what = f"notebook stages and pages, {size}, {name} ÷ plain scripts"
        rows.append(row(what, cpu[name], cpu["scripts"], "CPU s", target))
        what = f"the same ÷ papermill and nbconvert, {name}"
        rows.append(row(what, cpu[name], cpu["papermill"], "CPU s"))
    what = f"papermill and nbconvert, {size} ÷ plain scripts"
    rows.append(row(what, cpu["papermill"], cpu["scripts"], "CPU s"))
    return rows


def run_rows(results: dict) -> list[list[str]]:
    """Tell what runs in a clone cost: of all flights, and of the whole pipeline."""
    year = results["year"]
    whole = results["run"]
    preprocess = f"preprocess {year['rows']:,} flights, {year['columns']} features"
    return [
        row(preprocess, year["cpu"], None, "CPU s", "≤ 10 CPU s"),
        row("whole pipeline, first run in a clone", whole["cpu"], None, "CPU s"),
        row("the same, elapsed", whole["wall"], None, "s"),
    ]


def idle_rows(results: dict) -> list[list[str]]:
    """Tell what a run costs that has nothing to do."""
    idle = results["idle"]
    plain = results["idle_dvc"]
    what = "a run with nothing to do, ÷ plain `dvc repro`"
    return [
        row(what, idle["cpu"], plain["cpu"], "CPU s"),
        row("the same, elapsed", idle["wall"], plain["wall"], "s", "seconds"),
    ]


def clone_row(clone: dict) -> list[str]:
    """Tell how long it takes from nothing to an open report."""
    what = (
        "`git clone` and `make run` to open report, with an environment of "
        f"{clone['size_mb']:,.0f} MB made anew"
    )
    return row(what, clone["wall"], None, "s")


def comparison_table(results: dict) -> str:
    """Write the project beside its peers."""
    rows = []
    for part, size in SIZES.items():
        if part in results:
            rows += way_rows(results[part], size)
    rows += run_rows(results)
    rows += idle_rows(results)
    if "clone" in results:
        rows.append(clone_row(results["clone"]))
    return table(["what", "project", "peer", "ratio", "target"], rows)


def ways_table(results: dict) -> str:
    """Write the CPU seconds of each way by size of the data."""
    parts = [part for part in ("little", "full") if part in results]
    rows = []
    for name, way in WAYS.items():
        cells = [f"{results[part][name]['cpu']:.1f}" for part in parts]
        rows.append([way.description, *cells])
    return table(["way", *(SIZES[part] for part in parts)], rows)


def outputs_sentence(results: dict) -> str:
    """Tell how many outputs are identical, and name those that are not."""
    outputs = results.get("full", results["little"])["outputs"]
    counts = f"{outputs['equal']} of {outputs['shared']} outputs identical."
    sentence = f"Data, models and results written by the four ways: {counts}"
    if outputs["differ"]:
        return f"{sentence} Different: {', '.join(outputs['differ'])}."
    return sentence


def stage_table(log: dict) -> str:
    """Write what each stage of the whole run cost."""
    rows = [
        [name, f"{stage['cpu']:.1f}", f"{stage['peak_mb']} MB"]
        for name, stage in log.items()
    ]
    return table(["stage", "CPU s", "peak memory"], rows)


def render_results(
    results: dict,
    machine: str,
) -> str:
    """Write the results in Markdown."""
    conditions = "CPU seconds with all children; the least of several runs in turns."
    size = "warm, full data" if "full" in results else "warm"
    parts = results["year"]["parts"]
    by_part = ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())
    blocks = [
        MARK,
        f"Measured on {machine}. {conditions}",
        comparison_table(results),
        "### The notebook stages, four ways (CPU s)",
        ways_table(results),
        outputs_sentence(results),
        f"### Where the time goes ({size})",
        stage_table(results["log"]),
        f"Preprocessing of the whole year by part: {by_part} CPU s.",
    ]
    return "\n\n".join(blocks)
