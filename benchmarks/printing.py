"""What it costs to print: 1,000, 10,000 and 100,000 lines from one cell of a stage.

`python benchmarks/printing.py` executes a notebook, scrubs it and renders its page for each, and
prints the CPU time of each step. Ten times as many lines must cost at most about ten times as much.
"""

import itertools
import time

from mlops_nb.pipeline.notebooks import execute_notebook
from mlops_nb.pipeline.scrub import scrub_notebook
from mlops_nb.reporting.notebook_body import render_notebook_body

LINES = (1_000, 10_000, 100_000)
STEPS = ("execute", "scrub", "render")
MOST_TIMES = (
    20  # for ten times as many lines; were each to look at all before it, a hundred
)


def make_notebook(lines: int) -> dict:
    """Make a notebook with a cell that prints so many lines, some to standard error."""
    source = (
        "import sys\n"
        f"for i in range({lines}):\n"
        "    print('line', i, file=sys.stderr if i % 10 == 9 else sys.stdout)"
    )
    cell = {"cell_type": "code", "id": "x", "metadata": {}, "source": source}
    cells = [cell | {"outputs": [], "execution_count": None}]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def measure(lines: int) -> dict[str, float]:
    """Return the CPU seconds of each step."""
    notebook = make_notebook(lines)
    times = [time.process_time()]
    executed = execute_notebook(notebook, {})
    times.append(time.process_time())
    scrubbed = scrub_notebook(executed)
    times.append(time.process_time())
    render_notebook_body(scrubbed, notebook, "en")
    times.append(time.process_time())
    seconds = [after - before for before, after in itertools.pairwise(times)]
    return dict(zip(STEPS, seconds, strict=True))


def main() -> None:
    """Print a row for each number of lines, with how many times the row before it costs."""
    measure(10)  # imports
    before = 0.0
    worst = 0.0
    print(f"{'lines':>8}  " + "  ".join(f"{step:>8}" for step in (*STEPS, "times")))
    for lines in LINES:
        seconds = measure(lines)
        total = sum(seconds.values())
        ratio = total / before if before else 1.0
        worst = max(worst, ratio)
        shown = "  ".join(f"{seconds[step]:7.2f}s" for step in STEPS)
        print(f"{lines:8,}  {shown}  {ratio:8.1f}", flush=True)
        before = total
    if worst > MOST_TIMES:
        raise SystemExit(f"ten times as many lines cost {worst:.0f} times as much")


if __name__ == "__main__":
    main()
