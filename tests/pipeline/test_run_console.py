"""A line a stage: every number up to the last has its line, whatever need not run."""

import pytest

from mlops_nb.pipeline.run_console import RunConsole


def runs(stage):
    """What DVC says of a stage that runs, and the stage of itself."""
    return [f"Running stage '{stage}':", f"{stage}: done"]


def rests(stage):
    """What DVC says of a stage whose inputs are as they were."""
    return [f"Stage '{stage}' didn't change, skipping"]


def from_cache(stage):
    """What DVC says of a stage that ran like this before."""
    return [f"Stage '{stage}' is cached - skipping run, checking out outputs"]


def console_of(
    said,
    total,
    code=0,
):
    """Return the lines that are shown, without their times."""
    shown = []
    console = RunConsole(total, shown.append, lambda: 0.0)
    for lines in said:
        for line in lines:
            console.read(line)
    console.finish(code)
    return [" ".join(line.replace("0.0 s", "").split()) for line in shown]


@pytest.mark.parametrize(
    ("said", "total", "shown"),
    [
        pytest.param(
            [rests("code"), rests("ingest"), runs("train"), rests("score")],
            4,
            [
                "1–2 of 4 unchanged: code, ingest",
                "3 of 4 train done",
                "4 of 4 unchanged: score",
            ],
            id="unchanged before and after",
        ),
        pytest.param(
            [rests("code"), from_cache("train"), runs("report")],
            3,
            [
                "1 of 3 unchanged: code",
                "2 of 3 taken from DVC's cache, not run: train",
                "3 of 3 report done",
            ],
            id="from an earlier run",
        ),
        pytest.param(
            [rests("code"), from_cache("train")],
            2,
            ["1 of 2 unchanged: code", "2 of 2 taken from DVC's cache, not run: train"],
            id="all from an earlier run",
        ),
        pytest.param([rests("code"), rests("train")], 2, [], id="nothing to do"),
        pytest.param([runs("train")], 0, ["1 train done"], id="no total"),
        pytest.param(
            [runs("train"), runs("report")],
            1,
            ["1 of 1 train done", "2 of 2 report done"],
            id="more than were counted",
        ),
    ],
)
def test_no_number_is_left_out(
    said,
    total,
    shown,
):
    assert console_of(said, total) == shown


def test_what_was_unchanged_before_a_failure_is_told():
    said = [rests("code"), ["Running stage 'train':", "no rows"]]
    assert console_of(said, 3, code=1) == [
        "1 of 3 unchanged: code",
        "2 of 3 train failed",
        "no rows",
    ]
