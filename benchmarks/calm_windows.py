"""Windows in which nothing is wrong: the year's days are shuffled, so that no season is left."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from calm_setup import FAULTY_DAY, SEED, VARIANTS, WINDOW_DAYS
from calm_year import read_year


@dataclass(frozen=True)
class Split:
    """The year in two halves: one sets the limits, from the other windows are drawn."""

    reference_days: np.ndarray
    blocks: list[np.ndarray]  # days of the other half; those of a block stay together
    rng: np.random.Generator


def split_year(
    variant: str,
    number: int,
) -> Split:
    """Shuffle the year's days but for 31 December, and part them."""
    chosen = VARIANTS[variant]
    length = chosen.block_days
    rng = np.random.default_rng([SEED, length, chosen.reference_days, number])
    starts = range(0, FAULTY_DAY, length)
    blocks = [np.arange(day, min(day + length, FAULTY_DAY)) for day in starts]
    order = rng.permutation(len(blocks))
    half = len(blocks) // 2
    days = np.concatenate([blocks[i] for i in order[:half]])
    others = [blocks[i] for i in order[half:]]
    return Split(days[: chosen.reference_days], others, rng)


def draw_window(split: Split) -> pd.DataFrame:
    """Draw the flights of about thirty days from the blocks, without replacement."""
    count = round(WINDOW_DAYS / len(split.blocks[0]))
    chosen = split.rng.choice(len(split.blocks), count, replace=False)
    return read_year().rows_of(np.concatenate([split.blocks[i] for i in chosen]))
