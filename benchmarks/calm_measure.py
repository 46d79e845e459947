"""All measurements of calm, one after the other."""

import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context

import calm_alarms
import calm_faults
from calm_comparison import sum_up_peer
from calm_handover import hand_over_calm, run_peer
from calm_real_year import real_year
from calm_setup import (
    FAULT_SPLITS,
    FAULT_WINDOWS,
    HOME,
    PEER_SPLITS,
    VARIANTS,
)
from calm_year import YEAR, make_year, read_year
from costs import say
from guide import machine

PROCESSES = 2


def cpu_seconds() -> float:
    """Return the processor's time that this process and its children took."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def spread(
    function: Callable,
    calls: list[tuple],
) -> list:
    """Make the calls on two processors; return their results in order."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        submitted = [pool.submit(function, *arguments) for arguments in calls]
        return [call.result() for call in submitted]


def prepare(fresh: bool) -> None:
    """Make the input where it is missing, or anew."""
    if YEAR.exists() and not fresh:
        return
    say("every flight of the year, with features and scores")
    HOME.mkdir(parents=True, exist_ok=True)
    # in a process of its own: threads do not survive a fork
    spread(make_year, [()])


def measure_variant(name: str) -> dict:
    """Measure and say the false alarms of one way to shuffle the year."""
    variant = VARIANTS[name]
    calls = [(name, number) for number in range(variant.splits)]
    summed = calm_alarms.sum_up(spread(calm_alarms.calm_split, calls))
    told = [
        f"{level} {alarms['hits']} of {alarms['n']}"
        for level, alarms in summed["monitor"].items()
    ]
    say(f"{name}: {', '.join(told)}")
    return summed | {
        "splits": variant.splits,
        "windows": variant.windows,
        "reference": variant.reference_days,
    }


def measure_faults() -> dict:
    """Measure and say which faults are found."""
    splits = spread(calm_faults.watch_split, [(i,) for i in range(FAULT_SPLITS)])
    table = calm_faults.sum_up(list(chain.from_iterable(splits)))
    told = []
    for fault, by_share in table.items():
        named = " ".join(str(cell["named"]) for cell in by_share.values())
        told.append(f"{fault} {named} of {FAULT_SPLITS * FAULT_WINDOWS}")
    say(f"faults: {'; '.join(told)}")
    return table


def measure_year() -> list[dict]:
    """Measure and say what happens in the real year."""
    months = real_year()
    told = [
        f"{month['month']} {month.get('drift', '')} {month['auc']['value']:.3f}"
        for month in months
    ]
    say(f"year: {', '.join(told)}")
    return months


def measure() -> dict:
    """Measure our side and the customary limits."""
    begun = cpu_seconds()
    year = read_year()
    measured = {
        "rows": len(year.flights),
        "columns": len(year.features),
        "machine": machine(),
        "variants": {name: measure_variant(name) for name in VARIANTS},
        "faults": measure_faults(),
        "year": measure_year(),
    }
    measured["cpu"] = round(cpu_seconds() - begun)
    say(f"{measured['cpu']} CPU s")
    return measured


def measure_peers() -> dict:
    """Measure the peers on what was handed over to them."""
    spread(hand_over_calm, [(number,) for number in range(PEER_SPLITS)])
    # both run before anything is summed up
    said = {peer: run_peer(peer) for peer in ("nannyml", "evidently")}
    return {peer: sum_up_peer(peer, jobs) for peer, jobs in said.items()}
