"""Rates of false alarms, and of faults found, averaged over tables."""

from collections import defaultdict

import numpy as np

LEVELS = {"act": ("act",), "watch or act": ("watch", "act")}
SAID = ("told", "found", "act")  # a note at least, watch at least, act
FEW = 0.05  # of a table's windows; a table with more is counted
LARGE = 500  # rows; of windows with as many, faults are counted apart
# They say that the model is poor, which no change has made.
NO_ALARMS = ("quality.median.mae", "quality.commonest.accuracy")


def mean_of_tables(by_table: dict[str, list[bool]]) -> float:
    """Return a share that counts each table alike."""
    shares = [np.mean(hits) for hits in by_table.values()]
    return float(np.mean(shares)) if shares else 0.0


def without_truth(line: dict) -> dict:
    """Return the line of a split without what is true of its model though nothing has changed."""
    found = [each for each in line["found"] if each["id"] not in NO_ALARMS]
    said = {each["severity"] for each in found}
    level = next((level for level in ("act", "watch") if level in said), "ok")
    return line | {"found": found, "level": level}


def count_poor_models(lines: list[dict]) -> dict[str, int]:
    """Return by table how many models are significantly worse than one answer for all."""
    counts: dict = defaultdict(int)
    for line in lines:
        if any(each["id"] in NO_ALARMS for each in line["found"]):
            counts[line["table"]] += 1
    return dict(counts)


def page_rates(lines: list[dict]) -> dict[str, dict]:
    """Return how often a page without a cause says act, and watch or act."""
    rates = {}
    for name, levels in LEVELS.items():
        by_table = defaultdict(list)
        for line in lines:
            by_table[line["table"]].append(line["level"] in levels)
        often = [table for table, hits in by_table.items() if np.mean(hits) > FEW]
        rates[name] = {
            "share": mean_of_tables(by_table),
            "hits": sum(sum(hits) for hits in by_table.values()),
            "windows": len(lines),
            "tables": len(by_table),
            "often": sorted(often),
        }
    return rates


def cause(finding: str) -> str:
    """Return the kind of a finding: drift of a column or of the score, a rule of the contract."""
    kind, _, subject = finding.partition(".")
    if kind == "contract":
        return f"contract: {subject.partition('.')[0]}"
    if subject.startswith(("score", "prediction")):
        return f"score: {kind}"
    return kind


def cause_rates(lines: list[dict]) -> dict[str, dict[str, float]]:
    """Return by cause how often it is at act, and at watch or act, averaged over tables."""
    causes = {cause(found["id"]) for line in lines for found in line["found"]}
    rates: dict = {}
    for each in sorted(causes):
        rates[each] = {}
        for name, levels in LEVELS.items():
            by_table = defaultdict(list)
            for line in lines:
                said = [
                    found["severity"] in levels
                    for found in line["found"]
                    if cause(found["id"]) == each
                ]
                by_table[line["table"]].append(any(said))
            rates[each][name] = mean_of_tables(by_table)
    return dict(sorted(rates.items(), key=lambda rate: -rate[1]["watch or act"]))


def detection_rates(lines: list[dict]) -> dict[str, dict]:
    """Return by fault in how many windows it was told at all, found, and at act."""
    table: dict = {}
    for line in lines:
        for fault, said in line.get("faults", {}).items():
            cell = table.setdefault(fault, dict.fromkeys(("windows", *SAID), 0))
            cell["windows"] += 1
            for kind in SAID:
                # version 0.4.0 has no notes
                cell[kind] += said.get(kind, said["found"])
    return table


def summarise(lines: list[dict]) -> dict:
    """Sum up the lines of all splits."""
    seen = [line for line in lines if "refused" not in line]
    measured = [without_truth(line) for line in seen]
    large = [line for line in measured if line["rows"] >= LARGE]
    refused = {line["table"]: line["refused"] for line in lines if "refused" in line}
    return {
        "pages": page_rates(measured),
        "causes": cause_rates(measured),
        "faults": detection_rates(measured),
        "faults_of_large": detection_rates(large),
        "poor_models": count_poor_models(seen),
        "refused": refused,
        "cpu": round(sum(line["cpu"] for line in lines)),
    }


def tell_faults(
    table: dict[str, dict],
    windows: str,
) -> list[str]:
    """Write in how many of some windows each fault was told, found, and at act."""
    said = []
    for name, cell in table.items():
        shares = [f"{kind} {cell[kind] / cell['windows']:.1%}" for kind in SAID]
        said.append(f"  {name}, {windows}: {', '.join(shares)} of {cell['windows']}")
    return said


def tell(summed: dict) -> str:
    """Write the results for reading, line by line."""
    said = []
    for name, rate in summed["pages"].items():
        said.append(
            f"{name}: {rate['share']:.1%} of pages, averaged over {rate['tables']} tables "
            f"({rate['hits']} of {rate['windows']}); often: {', '.join(rate['often'])}"
        )
    for name, rate in summed["causes"].items():
        said.append(f"  {name}: act {rate['act']:.1%}, {rate['watch or act']:.1%}")
    said += tell_faults(summed["faults"], "all windows")
    said += tell_faults(summed["faults_of_large"], f"from {LARGE} rows on")
    for name, count in summed["poor_models"].items():
        said.append(f"  worse than one answer for all, no alarm: {name} {count}")
    for name, words in summed["refused"].items():
        said.append(f"  refused {name}: {words[:200]}")
    return "\n".join(said)
