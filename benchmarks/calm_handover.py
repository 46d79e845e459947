"""What the peers get to see, and running them on it."""

import json
import subprocess
from pathlib import Path

import pandas as pd
from calm_monitor import learn_reference
from calm_setup import (
    CATEGORIES,
    HOME,
    PEER_REFERENCE_ROWS,
    PEER_WINDOW_ROWS,
    PEER_WINDOWS,
    SCORES,
)
from calm_windows import draw_window, split_year
from calm_year import read_year
from costs import PINNED, environment
from peers import QUIET, python

from mlops_nb.data.windows import sample_evenly


def hand_over(
    job: str,
    name: str,
    rows: pd.DataFrame,
) -> None:
    """Write a window or a reference for the peers, thinned evenly."""
    folder = HOME / "peers" / job
    folder.mkdir(parents=True, exist_ok=True)
    most = PEER_REFERENCE_ROWS if name == "reference" else PEER_WINDOW_ROWS
    columns = [*read_year().features, *SCORES, "late"]
    types = {column: "float64" for column in columns if column not in CATEGORIES}
    types |= dict.fromkeys(CATEGORIES, "str")
    if "time" in rows:
        columns.append("time")
    thinned = sample_evenly(rows, most)[columns].reset_index(drop=True)
    # a fault's name may hold a slash
    path = folder / f"{name.replace('/', '%')}.parquet"
    thinned.astype(types).to_parquet(path)


def hand_over_calm(number: int) -> None:
    """Write the same windows as in `calm_split`, the first few of them, for the peers."""
    job = f"calm-{number}"
    split = split_year("days shuffled", number)
    hand_over(job, "reference", learn_reference(split.reference_days).rows)
    for i in range(PEER_WINDOWS):
        hand_over(job, f"{i:02}", draw_window(split))


def run_peer(peer: str) -> dict:
    """Run a peer over every job in its own environment; return what it says."""
    script = Path(__file__).resolve().with_name("calm_peers.py")
    subprocess.run(
        [python(peer), "-P", str(script), peer],
        check=True,
        cwd=HOME,
        env=environment(**PINNED, **QUIET),
    )
    return json.loads((HOME / f"{peer}.json").read_text())
