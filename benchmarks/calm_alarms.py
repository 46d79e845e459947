"""False alarms: what is said of windows in which nothing is wrong."""

from collections import Counter
from itertools import chain

import numpy as np
from calm_monitor import (
    compare_window,
    customary_level,
    judge,
    learn_reference,
    learn_thresholds_once,
)
from calm_setup import SEED, VARIANTS
from calm_windows import draw_window, split_year
from scipy.stats import binomtest

SAID = {"act": ["act"], "watch or act": ["watch", "act"]}
RESAMPLES = 4000
MOST_FREQUENT = 8


def calm_split(
    variant: str,
    number: int,
) -> list[dict]:
    """Return for each window of a split our level, what was found, the customary level."""
    learn_thresholds_once()
    split = split_year(variant, number)
    reference = learn_reference(split.reference_days)
    said = []
    for _ in range(VARIANTS[variant].windows):
        drift = compare_window(reference, draw_window(split))
        verdict = judge(drift)
        beyond = [found.id for found in verdict.findings if found.severity != "ok"]
        said.append(
            {
                "level": verdict.level,
                "found": beyond,
                "customary": customary_level(drift),
            }
        )
    return said


def share(hits: list[list[bool]]) -> dict:
    """Return the share of windows with two intervals.

    An exact binomial one (Clopper–Pearson), and one of a bootstrap over splits, whose windows
    share limits and days.

    Args:
        hits: of each split, whether its windows were hit.
    """
    flat = list(chain.from_iterable(hits))
    n_hits = sum(flat)
    exact = binomtest(n_hits, len(flat)).proportion_ci(method="exact")
    of_split = np.array([np.mean(split) for split in hits])
    rng = np.random.default_rng(SEED)
    resampled = rng.choice(of_split, (RESAMPLES, len(of_split))).mean(1)
    return {
        "n": len(flat),
        "hits": n_hits,
        "share": n_hits / len(flat),
        "low": exact.low,
        "high": exact.high,
        "split_low": float(np.quantile(resampled, 0.025)),
        "split_high": float(np.quantile(resampled, 0.975)),
    }


def share_at(
    splits: list[list[dict]],
    key: str,
    levels: list[str],
) -> dict:
    """Return the share of windows in which what stands under a key is one of some levels."""
    hits = []
    for windows in splits:
        hits.append([window[key] in levels for window in windows])
    return share(hits)


def share_by_level(
    splits: list[list[dict]],
    key: str,
) -> dict:
    """Return the share of windows at act, and at watch or act."""
    return {name: share_at(splits, key, levels) for name, levels in SAID.items()}


def most_frequent(splits: list[list[dict]]) -> dict[str, int]:
    """Count in how many windows each finding was reported; most frequent first."""
    windows = chain.from_iterable(splits)
    count = Counter(chain.from_iterable(window["found"] for window in windows))
    ordered = sorted(count.items(), key=lambda entry: (-entry[1], entry[0]))
    return dict(ordered[:MOST_FREQUENT])


def sum_up(splits: list[list[dict]]) -> dict:
    """Sum up the windows of all splits of a variant."""
    return {
        "monitor": share_by_level(splits, "level"),
        "customary": share_by_level(splits, "customary"),
        "found": most_frequent(splits),
    }
