"""The stages of the miniature project: `python make.py STAGE` writes what the real one would."""

import json
import sys
from pathlib import Path

AUC = {"auc": {"value": 0.7}}
FIRST_WINDOW = "'2013-01'"
PERIOD = {"start": "2013-01", "end": "2013-03"}
SENTENCE = {"key": "replay.lost", "values": {"n": 0, "periods": "none"}}
OF_THE_CARD = {
    "rows": 9,
    "slices": {"metric": "auc", "slices": []},
    "groups": None,
    "importance": [],
}


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
    # a card explains examples where the model can be loaded, which this one cannot
    write("data/candidate/manifest.json", {"files": ["absent.skops"]})


def evaluate() -> None:
    """Write a gate that every candidate passes."""
    check = {"name": "rows", "passed": True, "say": SENTENCE}
    gate = {"passed": True, "checks": [check]}
    results = {"gate": gate, "metrics": {"candidate": AUC | {"n": 9}}, "gains": []}
    results |= OF_THE_CARD | {"dependence": {}}
    write("reports/evaluate.json", {"results": results, "period": PERIOD})


def monitor() -> None:
    """Write a verdict with one finding, so that something can be decided."""
    finding = {"id": "drift.x", "severity": "watch", "value": 0.2, "limit": 0.1}
    finding |= {"say": SENTENCE, "quantity": "drift", "column": "x"}
    results = {"findings": [finding], "metrics": AUC, "rows": 9, "labelled": 9}
    verdict = {"level": "watch"}
    page = {"verdict": verdict, "model": "m", "headline": SENTENCE, "results": results}
    write("reports/monitor.json", page)


if __name__ == "__main__":
    {"train": train, "evaluate": evaluate, "monitor": monitor}[sys.argv[1]]()
