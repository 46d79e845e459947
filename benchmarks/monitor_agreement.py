"""How far the sides of `make bench-monitor` are apart where they compute the same thing.

That is the Jensen–Shannon distance of the categories, where the definitions are the same but for
the logarithm's base (Evidently: e).
"""

from monitor_input import CATEGORIES, MONTHS
from monitor_sides import JS_COLUMN

LN2 = 0.6931471805599453
PAIRS = (("evidently", "nannyml"), ("ours", "evidently"), ("ours", "nannyml"))

Distances = dict[tuple[str, str], float]


def distance_in_base_2(
    side: str,
    found: dict | list,
) -> float:
    """Return the distance that a side has found for one column of one month."""
    if side == "ours":
        return found[JS_COLUMN]
    _, value = found
    return value / LN2**0.5 if side == "evidently" else value


def category_distances(
    results: dict,
    side: str,
) -> Distances:
    """Return the distances of a side by month and category; none if it has not run."""
    by_month = results.get(f"{side} sweep", {}).get("values", {})
    if not by_month:
        return {}
    distances = {}
    for month in MONTHS:
        for column in CATEGORIES:
            found = by_month[month][column]
            distances[month, column] = distance_in_base_2(side, found)
    return distances


def largest_differences(
    left: Distances,
    right: Distances,
) -> dict[str, float]:
    """Return by category the largest difference in any month."""
    largest = {}
    for column in CATEGORIES:
        keys = [(month, column) for month in MONTHS]
        largest[column] = max(abs(left[key] - right[key]) for key in keys)
    return largest


def agreement(results: dict) -> dict:
    """Return the largest differences by pair of sides, where both have run."""
    by_pair = {}
    for left, right in PAIRS:
        left_distances = category_distances(results, left)
        right_distances = category_distances(results, right)
        if left_distances and right_distances:
            differences = largest_differences(left_distances, right_distances)
            by_pair[f"{left} and {right}"] = differences
    return by_pair
