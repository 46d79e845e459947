"""Edit a cell of a notebook, and tell which stages a run has run."""

import json
import re


def edit_cell(
    path,
    old,
    new,
):
    """Replace a text in the cells of a notebook; it must be there."""
    notebook = json.loads(path.read_text())
    hits = 0
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if old in text:
            cell["source"] = text.replace(old, new)
            hits += 1
    assert hits, f"{old!r} not in {path.name}"
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def stages_run(said):
    """Name the stages that a run says it has run."""
    return re.findall(r"(?m)^ *\d+(?: of \d+)?  (\S+) +[\d.]+ s\b", said)
