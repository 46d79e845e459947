"""The form in which notebooks that are run to try things are kept.

They have no outputs, no counts, no marks of an editor or kernel. JupyterLab saves them so
(jupyter_server_config.py), and git, whatever saved them, through the filter that make sets up
(.gitattributes says for which notebooks). `strip.py < notebook.ipynb` writes to standard output,
`strip.py FILE…` changes the files, as pre-commit wants it. Only the standard library: git calls it
often.
"""

import json
import sys
from fnmatch import fnmatch
from pathlib import Path

PATTERNS = (
    "*nbs/stages/*.ipynb",
    "*nbs/guides/explore.ipynb",
    "*nbs/guides/operate.ipynb",
)
METADATA = {
    "kernelspec": {"display_name": "python3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def stripped(path: str) -> bool:
    """Say whether the notebook at a path is kept without outputs."""
    return any(fnmatch(f"/{path}", pattern) for pattern in PATTERNS)


def strip(notebook: dict) -> dict:
    """Strip a notebook (nbformat 4) in place; of its cells' metadata only the tags stay."""
    notebook["metadata"] = json.loads(json.dumps(METADATA))
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    return notebook


def clean(raw: bytes) -> bytes:
    """Return the bytes of a notebook, stripped, in nbformat's own layout.

    What is not a notebook passes unchanged.
    """
    try:
        notebook = json.loads(raw)
        if notebook["nbformat"] != 4:
            return raw
        for cell in strip(notebook)["cells"]:
            cell["source"] = "".join(cell["source"]).splitlines(True)
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
        return f"{text}\n".encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        return raw


def clean_file(path: Path) -> None:
    """Strip a file in place; one that needs no change is not touched."""
    raw = path.read_bytes()
    done = clean(raw)
    if done != raw:
        path.write_bytes(done)


def main() -> None:
    """Strip the files that are named, or standard input."""
    for path in sys.argv[1:]:
        clean_file(Path(path))
    if not sys.argv[1:]:
        sys.stdout.buffer.write(clean(sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
