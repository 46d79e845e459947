"""What the measurements of calm share: places, columns, sizes, faults.

Only the standard library is imported: what runs in the peers' environments reads this, too.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".mlops" / "calm"
RESULTS = ROOT / "benchmarks" / "calm.json"
GUIDE = ROOT / "nbs" / "guides" / "calm.ipynb"

SCORES = ["score", "prediction"]
CATEGORIES = ["carrier", "origin", "dest"]
# what the monitor's stage watches for a binary task
QUALITY = ["auc", "f1", "precision"]

SEED = 2013
WINDOW_DAYS = 30
FAULTY_DAY = 364  # 31 December, counted from 0


@dataclass(frozen=True)
class Variant:
    """How the year is shuffled, and how many windows are drawn from it."""

    reference_days: int
    block_days: int  # days that stay together
    splits: int
    windows: int  # of each split


VARIANTS = {
    "days shuffled": Variant(reference_days=181, block_days=1, splits=40, windows=25),
    "weeks shuffled": Variant(reference_days=181, block_days=7, splits=20, windows=20),
}

# What is told of a fault: the columns or metrics by one of which it must be reported.
FEATURE_FAULTS = {
    "distance in km": ["distance"],
    "wind in m/s": ["wind"],
    "two columns swapped": ["waiting_origin", "left_origin"],
    "a carrier renamed": ["carrier"],
    "sensor stuck": ["humidity"],
    "values missing": ["late_carrier_slot"],
}
LABELLED_FAULTS = {  # judged with the metrics of labelled rows, too
    "more are late": ["score", *QUALITY],
    "one carrier's labels inverted": QUALITY,
}
FAULTS = FEATURE_FAULTS | LABELLED_FAULTS
SHARES = (0.01, 0.05, 0.2, 1.0)
FAULT_SPLITS = 4
FAULT_WINDOWS = 3

# What the peers see: rows thinned evenly, some windows of "days shuffled", and of the windows
# with faults the first of each split.
PEER_REFERENCE_ROWS = 20_000
PEER_WINDOW_ROWS = 6_000
PEER_SPLITS = 5
PEER_WINDOWS = 6
