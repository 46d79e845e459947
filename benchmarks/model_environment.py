"""The environment of the tables and the peers, and the tables themselves, made where they lack."""

import subprocess
from pathlib import Path

from costs import PINNED, environment
from peers import ROOT, python

SIDE = "models"
HOME = ROOT / ".mlops" / "models"
TABLES = HOME / "tables"


def run_beside(
    script: str,
    *words: str | Path,
) -> None:
    """Run a script of this folder in the peers' environment, one thread."""
    path = ROOT / "benchmarks" / script
    command = [python(SIDE), path, *words]
    subprocess.run(command, check=True, env=environment(**PINNED))


def prepare_tables() -> Path:
    """Make the tables that are not there yet; return their folder."""
    run_beside("model_tables.py", TABLES)
    return TABLES
