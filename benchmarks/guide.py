"""What benchmarks write to their guide: tables, and on what machine they were measured."""

import contextlib
import json
import os
import platform
import sys
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[1] / "nbs" / "guides" / "benchmarks.ipynb"


METADATA = {
    "kernelspec": {
        "display_name": "python3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def system_name() -> str:
    """Return name and version of the operating system, as far as it tells."""
    with contextlib.suppress(OSError):
        release = platform.freedesktop_os_release()
        name = release.get("NAME", "").split()[0]
        return f"{name} {release.get('VERSION_ID', '')}".strip()
    return platform.system()


def machine() -> str:
    """Return processors, Python and operating system, for the line above a table."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{os.cpu_count()} cores, Python {python}, {system_name()}"


def table_line(cells: list[str]) -> str:
    """Write one line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def table(
    heads: list[str],
    rows: list[list[str]],
) -> str:
    """Write a table in Markdown; all columns but the first are numbers."""
    alignment = ["---"] + ["--:"] * (len(heads) - 1)
    return "\n".join(table_line(cells) for cells in [heads, alignment, *rows])


def publish(
    mark: str,
    text: str,
) -> None:
    """Put a text in the guide's cell that begins with a mark, where it has one."""
    notebook = json.loads(GUIDE.read_text())
    marked = [
        cell for cell in notebook["cells"] if "".join(cell["source"]).startswith(mark)
    ]
    for cell in marked:
        cell["source"] = text.splitlines(keepends=True)
    if marked:
        GUIDE.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def earlier_results(results: Path) -> dict:
    """Return what an earlier version reached, which stands in the results and is not measured."""
    if not results.exists():
        return {}
    return json.loads(results.read_text()).get("before", {})


def execute(guide: Path) -> None:
    """Run the guide, so that its tables and figures are those of the results."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(guide, 4)
    resources = {"metadata": {"path": str(guide.parent)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata = METADATA
    guide.write_text(nbformat.writes(notebook, indent=1) + "\n")
