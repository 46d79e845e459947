"""Edit a cell of a notebook, and tell which stages a run has run."""

import json
import re


def edit_cell(
    path,
    old,
    new,
):
    nbk = json.loads(path.read_text())
    hits = 0
    for c in nbk["cells"]:
        text = "".join(c["source"])
        if old in text:
            c["source"], hits = text.replace(old, new), hits + 1
    assert hits, f"{old!r} not in {path.name}"
    path.write_text(json.dumps(nbk, indent=1, ensure_ascii=False) + "\n")


def stages_run(said):
    return re.findall(r"Running stage '([^']+)'", said)
