"""How far models are from the best peer of each table."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import geometric_mean, median

PEERS = ("hgb", "hgb_calendar", "lightgbm", "linear", "skrub", "constant")
OURS = ("auto", "booster")
SMALL_LOSS = (
    0.02  # is added to a log loss: tables solved to .0001 would decide everything
)
MANY_ROWS = 1_000
CLOSE = 1.02
NEAR = 1.10


def comparable_loss(line: dict) -> float:
    """Return the loss of a model by which it is compared with others."""
    if "mae" in line:
        return line["mae"]
    return line["log_loss"] + SMALL_LOSS


def by_table_and_seed(lines: Iterable[dict]) -> dict[tuple, dict[str, dict]]:
    """Return the lines by table and seed, then by model."""
    sorted_lines: dict = defaultdict(dict)
    for line in lines:
        sorted_lines[line["table"], line["seed"]][line["model"]] = line
    return sorted_lines


def ratios_of_run(models: dict[str, dict]) -> dict[str, float]:
    """Return the loss of each model as a multiple of the best peer's."""
    losses = {name: comparable_loss(line) for name, line in models.items()}
    best = min(losses[name] for name in PEERS)
    return {name: losses[name] / best for name in losses}


def medians(
    runs: list[dict],
    key: str,
) -> dict[str, float]:
    """Return the median over runs of what their lines have under a key, by model."""
    found = {}
    for name in runs[0]:
        found[name] = median(run[name][key] for run in runs)
    return found


def with_ratios(models: dict[str, dict]) -> dict[str, dict]:
    """Return the lines of a run with the ratio to its best peer."""
    ratios = ratios_of_run(models)
    return {name: line | {"ratio": ratios[name]} for name, line in models.items()}


def describe_table(
    facts: dict,
    runs: list[dict[str, dict]],
) -> dict:
    """Return what was measured on a table, the median over seeds.

    Args:
        facts: what the table is.
        runs: the lines of each seed by model.
    """
    metric = "mae" if facts["task"] == "regression" else "log_loss"
    compared = [with_ratios(run) for run in runs]
    return facts | {
        "metric": metric,
        "losses": medians(compared, metric),
        "ratios": medians(compared, "ratio"),
        "cpu": medians(compared, "cpu"),
    }


def describe_tables(
    facts: list[dict],
    lines: list[dict],
) -> list[dict]:
    """Return what was measured on each table that has all its lines."""
    runs = defaultdict(list)
    for (name, _), models in by_table_and_seed(lines).items():
        runs[name].append(models)
    return [describe_table(each, runs[each["name"]]) for each in facts]


def share_within(
    ratios: Iterable[float],
    limit: float,
) -> float:
    """Return the share of ratios that a limit lets pass."""
    passed = [ratio <= limit for ratio in ratios]
    return sum(passed) / len(passed)


def worst(ratios: dict[str, float]) -> dict:
    """Return the greatest ratio and its table; nothing where there is none."""
    if not ratios:
        return {}
    name = max(ratios, key=ratios.get)
    return {"table": name, "ratio": ratios[name]}


def long_tables(
    tables: list[dict],
    has_time: bool,
) -> list[dict]:
    """Return the tables of many rows with, or without, a column of time."""
    long = [table for table in tables if table["rows"] >= MANY_ROWS]
    return [table for table in long if bool(table["time"]) == has_time]


def ratios_of(
    tables: list[dict],
    model: str,
) -> dict[str, float]:
    """Return the ratio of a model by table."""
    return {table["name"]: table["ratios"][model] for table in tables}


def against_booster(
    tables: list[dict],
    model: str,
) -> dict[str, float]:
    """Return the loss of a model as a multiple of the single booster's, by long table."""
    long = long_tables(tables, False) + long_tables(tables, True)
    return {
        table["name"]: table["ratios"][model] / table["ratios"]["booster"]
        for table in long
    }


def cpu_ratio(
    tables: list[dict],
    model: str,
) -> float:
    """Return the CPU seconds of a model as a multiple of those of plain HistGradientBoosting.

    It was measured in the same process: for our models that is the line `clock`.
    """
    clock = "clock" if model in OURS else "hgb"
    seconds = sum(table["cpu"][model] for table in tables)
    return seconds / sum(table["cpu"][clock] for table in tables)


def summarise_model(
    tables: list[dict],
    model: str,
) -> dict:
    """Return how a model stands to the best peers of all tables."""
    ratios = ratios_of(tables, model)
    without_time = ratios_of(long_tables(tables, False), model)
    with_time = ratios_of(long_tables(tables, True), model)
    found = {
        "close": share_within(ratios.values(), CLOSE),
        "near": share_within(ratios.values(), NEAR),
        "median": median(ratios.values()),
        "mean": geometric_mean(ratios.values()),
        "cpu": cpu_ratio(tables, model),
    }
    return found | {
        "worst": worst(ratios),
        "worst_without_time": worst(without_time),
        "worst_with_time": worst(with_time),
        "against_booster": worst(against_booster(tables, model)),
    }


def summarise(tables: list[dict]) -> dict[str, dict]:
    """Return how each model stands."""
    return {model: summarise_model(tables, model) for model in (*OURS, *PEERS)}


def tell_worst(found: dict) -> str:
    """Write the greatest ratio and its table."""
    return f"{found['ratio']:.2f} {found['table']}" if found else "–"


def tell_model(
    name: str,
    found: dict,
) -> str:
    """Write in a line how a model stands."""
    shares = f"within 2 % {found['close']:.0%}, within 10 % {found['near']:.0%}"
    middle = f"median {found['median']:.3f}, worst {tell_worst(found['worst'])}"
    untimed = tell_worst(found["worst_without_time"])
    timed = tell_worst(found["worst_with_time"])
    long = f"from {MANY_ROWS:,} rows on without time {untimed}, with time {timed}"
    booster = f"against booster {tell_worst(found['against_booster'])}"
    return (
        f"{name}: {shares}, {middle}; {long}, {booster}; CPU {found['cpu']:.1f} × plain"
    )


def tell(summary: dict[str, dict]) -> str:
    """Write the summary for reading, a line a model."""
    return "\n".join(tell_model(name, found) for name, found in summary.items())
