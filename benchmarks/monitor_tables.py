"""The tables of `make bench-monitor`, in Markdown."""

from dataclasses import dataclass

from guide import table
from monitor_input import COLUMNS
from peers import PEERS

MARK = "<!-- written by make bench-monitor -->"
PEER_NAMES = {"evidently": "Evidently", "nannyml": "NannyML"}


@dataclass(frozen=True)
class Comparison:
    """One row of the table: a peer's task beside one of ours, and what was hoped for."""

    what: str
    peer: str
    task: str
    our_task: str
    part: str
    target: str = "–"


EVIDENTLY_COMPARISONS = [
    Comparison(
        "one month, compute",
        "evidently",
        "month",
        "month",
        "compute",
        "≥ 20",
    ),
    Comparison(
        "nine months, compute",
        "evidently",
        "sweep",
        "sweep",
        "compute",
        "≥ 100",
    ),
    Comparison(
        "nine months, whole process",
        "evidently",
        "sweep",
        "sweep",
        "process",
        "≥ 20",
    ),
]
NANNYML_COMPARISONS = [
    Comparison(
        "nine months, compute, its one statistic",
        "nannyml",
        "sweep",
        "js",
        "compute",
        "≥ 15",
    ),
    Comparison(
        "nine months, whole process, its one statistic",
        "nannyml",
        "sweep",
        "js",
        "process",
        "≥ 7",
    ),
    Comparison(
        "nine months, compute, all our statistics",
        "nannyml",
        "sweep",
        "sweep",
        "compute",
    ),
    Comparison(
        "estimated AUC, accuracy and F1, nine months, compute",
        "nannyml",
        "cbpe",
        "cbpe",
        "compute",
    ),
]
SCALE_HEADS = [
    "file",
    "size",
    "decoding, CPU s",
    "ours",
    "ours ÷ decoding",
    "decoding, peak MB",
    "ours",
    "Evidently, CPU s",
    "peak MB",
]


def comparison_row(
    comparison: Comparison,
    sides: dict,
) -> list[str]:
    """Write what a peer costs, what we cost, and how many times less that is."""
    peer = sides[f"{comparison.peer} {comparison.task}"][comparison.part]
    ours = sides[f"ours {comparison.our_task}"].get(comparison.part)
    cells = [comparison.what, PEER_NAMES[comparison.peer], f"{peer:.2f}"]
    if ours is None:
        cells += ["–", "–"]
    else:
        cells += [f"{ours:.3f}", f"{peer / ours:.0f}"]
    return [*cells, comparison.target]


def figure(
    side: dict | None,
    key: str,
    form: str,
) -> str:
    """Write a figure of a side, or a dash where the side has not run."""
    return format(side[key], form) if side and key in side else "–"


def scale_row(size: dict) -> list[str]:
    """Write what one size of file costs."""
    decode = size["decode"]
    ours = size["ours"]
    evidently = size.get("evidently")
    ratio = "–"
    if "compute" in ours:
        ratio = f"{ours['compute'] / decode['compute']:.1f}"
    file = [f"{size['rows']:,} × {size['columns']}", f"{size['file_mb']:.0f} MB"]
    seconds = [figure(side, "compute", ".2f") for side in (decode, ours)]
    peaks = [figure(side, "peak_mb", ".0f") for side in (decode, ours)]
    peer = [figure(evidently, "compute", ".1f"), figure(evidently, "peak_mb", ".0f")]
    return [*file, *seconds, ratio, *peaks, *peer]


def agreement_sentence(agreement: dict) -> str:
    """Tell how far the sides are apart where their definitions are the same."""
    largest = [
        f"{pair} {max(by_column.values()):.1e}" for pair, by_column in agreement.items()
    ]
    return (
        "Largest difference in the Jensen–Shannon distance (base 2) of the categories, "
        f"all months: {'; '.join(largest)}."
    )


def imports_sentence(sides: dict) -> str:
    """Tell what each side costs before it computes."""
    before = []
    for name in ("evidently", "nannyml", "ours"):
        side = sides[f"{name} sweep"]
        if "before" in side:
            before.append(f"{name} {side['before']:.1f}")
    return f"Imports and loading, CPU s: {', '.join(before)}."


def conditions_sentence(machine: str) -> str:
    """Tell where and with what was measured."""
    versions = ", ".join(packages[0] for packages in PEERS.values())
    return (
        f"Measured on {machine}: {versions}; reference January to March, "
        f"{len(COLUMNS)} columns. CPU seconds; the least of several runs in turns."
    )


def render_results(
    results: dict,
    machine: str,
) -> str:
    """Write the results in Markdown."""
    sides = results["sides"]
    comparisons = [*EVIDENTLY_COMPARISONS, *NANNYML_COMPARISONS]
    compared = [comparison_row(comparison, sides) for comparison in comparisons]
    grown = [scale_row(size) for size in results["scale"]]
    heads = ["what", "peer", "peer's CPU s", "ours", "times less", "target"]
    blocks = [
        MARK,
        conditions_sentence(machine),
        table(heads, compared),
        imports_sentence(sides),
        agreement_sentence(results["agreement"]),
        table(SCALE_HEADS, grown),
    ]
    return "\n\n".join(blocks)
