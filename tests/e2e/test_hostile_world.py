"""A sample of the cells that `python benchmarks/hostile_world.py` tries all of."""

import hostile_world
import pytest
from hostile_states import STATES

CELLS = (
    ("detached HEAD", "decide"),
    ("merge in progress", "promote"),
    ("rebase in progress", "decide"),
    ("umask 0077", "history"),
    ("rows not recorded", "decide"),
    ("untracked file in the way", "advance"),
    ("staged change", "decide"),
    ("stale lock note", "decide"),
    ("lightweight tags", "status"),
    ("path with #", "status"),
    ("core.autocrlf", "status"),
    ("missing cache object", "status"),
)
ASKED_FIRST = (
    ("read-only file system", "decide"),
    ("conflict in params.yaml", "card"),
    ("conflict in dvc.lock", "commit"),
    ("conflict in dvc.lock", "undo"),
    ("conflict in dvc.lock", "alert"),
    ("no git identity", "commit"),
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return hostile_world.Sources(tmp_path_factory.mktemp("sources"))


@pytest.mark.parametrize(
    ("state", "command"),
    CELLS + ASKED_FIRST,
    ids=map(" × ".join, CELLS + ASKED_FIRST),
)
def test_a_command_does_in_a_hostile_world_what_the_table_says(
    state,
    command,
    sources,
    tmp_path,
):
    lacks = STATES[state].lacks
    if lacks:
        pytest.skip(f"needs {lacks}")
    cell = hostile_world.Cell(state, command)
    outcome = hostile_world.try_cell(cell, sources, tmp_path / "world")
    assert not outcome.faults, str(outcome)


def test_the_table_names_the_states_that_can_be_brought_about():
    assert [*hostile_world.read_table()["states"]] == [*STATES]


def test_a_state_stops_commands_of_the_table_only():
    stopped = {
        command for state in STATES for command in hostile_world.stopped_commands(state)
    }
    assert stopped <= hostile_world.read_table()["commands"].keys()
