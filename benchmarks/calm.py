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

Then the same on public tables: `calm_tables.py`, whose options are taken here, too.
"""

import argparse
import json

from calm_setup import GUIDE, RESULTS
from guide import execute

from mlops_nb.pipeline.environment import pin_kernels


def read_options() -> tuple[argparse.Namespace, list[str]]:
    """Read the options of the command; return what is for the tables beside them."""
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
        "--only",
        choices=["flights", "tables"],
        help="measure these alone; the others' figures stay those of the last run",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="print only, leave the committed results and the guide as they are",
    )
    return parser.parse_known_args()


def measure_flights(options: argparse.Namespace) -> None:
    """Measure on flights; write the results, unless they are to be kept."""
    from calm_measure import measure, measure_peers, prepare

    prepare(options.fresh)
    measured = measure()
    if not options.no_peers:
        measured["peers"] = measure_peers()
    elif RESULTS.exists():
        measured["peers"] = json.loads(RESULTS.read_text()).get("peers", {})
    if not options.keep:
        RESULTS.write_text(json.dumps(measured, indent=1) + "\n")


def measure_tables(
    options: argparse.Namespace,
    words: list[str],
) -> None:
    """Measure on public tables."""
    from calm_tables import main

    main([*words, "--keep"] if options.keep else words)


def main() -> None:
    """Measure; write results and guide, unless they are to be kept."""
    options, words = read_options()
    pin_kernels()  # before numpy comes
    if options.only != "tables":
        measure_flights(options)
    if options.only != "flights":
        measure_tables(options, words)
    if GUIDE.exists() and not options.keep:
        execute(GUIDE)


if __name__ == "__main__":
    main()
