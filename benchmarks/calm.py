"""How calm and how watchful the monitor is, on real flights.

Measured beside customary limits, Evidently and NannyML. `make calm` measures and writes
benchmarks/calm.json; the guide nbs/guides/calm.ipynb tells it.

Input, made once in `.mlops/calm`: every flight of 2013 with the features of params.yaml, and the
predictions of a model trained on January to March as the pipeline does. Three questions: false
alarms (the year's days are shuffled, so that no season is left; one half sets the limits, windows
of thirty days are drawn from the other), faults put into such windows, and the real year.
31 December is left out of the shuffles: the data set has no weather for it, which is a fault and
no calm day. Everything is seeded. The peers run in environments of their own, on rows thinned
evenly; `--no-peers` keeps their figures of the last run.
"""

import argparse
import json
from pathlib import Path

from calm_setup import GUIDE, RESULTS

from mlops_nb.pipeline.environment import pin_kernels

METADATA = {
    "kernelspec": {
        "display_name": "python3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


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


def read_options() -> argparse.Namespace:
    """Read the options of the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--no-peers",
        action="store_true",
        help="our side alone; the peers' figures stay those of the last run",
    )
    parser.add_argument("--fresh", action="store_true", help="make the input anew")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="print only, leave the committed results and the guide as they are",
    )
    return parser.parse_args()


def main() -> None:
    """Measure; write results and guide, unless they are to be kept."""
    options = read_options()
    pin_kernels()  # before numpy comes
    from calm_measure import measure, measure_peers, prepare

    prepare(options.fresh)
    measured = measure()
    if not options.no_peers:
        measured["peers"] = measure_peers()
    elif RESULTS.exists():
        measured["peers"] = json.loads(RESULTS.read_text()).get("peers", {})
    if options.keep:
        return
    RESULTS.write_text(json.dumps(measured, indent=1) + "\n")
    if GUIDE.exists():
        execute(GUIDE)


if __name__ == "__main__":
    main()
