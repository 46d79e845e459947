"""The stages of the miniature project: `python make.py STAGE` writes what the real one would."""

import json
import sys
from pathlib import Path

AUC = {"auc": {"value": 0.7}}
FIRST_WINDOW = "'2013-01'"


def write(
    path: str,
    content: object,
) -> None:
    """Write a text, or JSON, with the folders above it."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))


def train() -> None:
    """Write a model that is another one in each number and for each training window."""
    number = Path("n.txt").read_text().strip()
    lines = Path("params.yaml").read_text().splitlines()
    windows = next(line for line in lines if line.startswith("windows"))
    is_first = FIRST_WINDOW in windows.split("current")[0]
    write("data/candidate/model.skops", f"model {number}{'' if is_first else ' again'}")
    write("data/candidate/manifest.json", {})


def evaluate() -> None:
    """Write a gate that every candidate passes."""
    gate = {"passed": True, "checks": [{"name": "rows", "passed": True}]}
    results = {"gate": gate, "metrics": {"candidate": AUC}, "gains": []}
    write("reports/evaluate.json", {"results": results})


def monitor() -> None:
    """Write a verdict with one finding, so that something can be decided."""
    finding = {"id": "drift.x", "severity": "watch", "value": 0.2, "limit": 0.1}
    results = {"findings": [finding], "metrics": AUC, "rows": 9, "labelled": 9}
    headline = {"key": "replay.lost", "values": {"n": 0, "periods": "none"}}
    verdict = {"level": "watch"}
    page = {"verdict": verdict, "model": "m", "headline": headline, "results": results}
    write("reports/monitor.json", page)


if __name__ == "__main__":
    {"train": train, "evaluate": evaluate, "monitor": monitor}[sys.argv[1]]()
