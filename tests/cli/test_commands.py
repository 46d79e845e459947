"""The command line: what it shows, what it understands, and how it ends."""

import subprocess
import sys

import pytest
from helpers.project import ENV, ROOT, run_shell

from mlops_nb import __version__
from mlops_nb.cli.commands import (
    HIDDEN_COMMANDS,
    SECTIONS,
    mlops_nb_commands,
    run_command,
)

EVERYDAY = ["status", "repro", "advance", "retrain", "promote", "rollback"]
PIPELINE = {"config-schema", "code", "ingest", "champion", "score", "report", "readme"}


def mlops_nb(
    *arguments,
    cwd=ROOT,
):
    """Run a command line and return what it printed and its exit code."""
    return run_shell(sys.executable, "-m", "mlops_nb", *arguments, cwd=cwd, check=False)


@pytest.fixture(scope="module")
def overview():
    """Return what `mlops-nb` alone prints."""
    return mlops_nb()


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="one version is enough")
@pytest.mark.parametrize("name", sorted(mlops_nb_commands.commands), ids=str)
def test_every_command_has_help_with_an_example(name):
    """Every command has help with an example."""
    assert "example:" in mlops_nb(name, "--help").stdout


def test_help_is_a_command_too(overview):
    """`mlops-nb help` is what everybody tries first."""
    assert mlops_nb("help").stdout == overview.stdout
    assert mlops_nb("help", "promote").stdout == mlops_nb("promote", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("halp",), 'Did you mean "help"?', id="help misspelt"),
        pytest.param(("statuss",), 'Did you mean "status"?', id="misspelt"),
        pytest.param(("help", "promot"), 'Did you mean "promote"?', id="in help"),
        pytest.param(("frobnicate",), "`mlops-nb help` lists them", id="unlike any"),
    ],
)
def test_a_command_that_is_not_there_is_answered(
    arguments,
    words,
):
    """A stage's hidden command is never the answer."""
    done = mlops_nb(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_nothing_asked_shows_the_overview(overview):
    """Nothing asked shows the overview."""
    assert overview.returncode == 0
    assert overview.stdout == mlops_nb("--help").stdout
    assert overview.stderr == ""


def test_the_overview_begins_with_the_commands_of_every_day(overview):
    """The overview begins with the commands of every day."""
    names = [
        line.split()[0]
        for line in overview.stdout.splitlines()
        if line.startswith("  ")
    ]
    shown = [name for name in names if name in mlops_nb_commands.commands]
    assert shown[:6] == EVERYDAY
    assert [command.name for command in next(iter(SECTIONS.values()))] == EVERYDAY


def test_what_only_the_pipeline_runs_is_not_shown(overview):
    """What only the pipeline runs is not shown."""
    hidden = {command.name for command in HIDDEN_COMMANDS}
    assert hidden - {"help"} == PIPELINE  # the overview names --help
    first_words = {
        line.split()[0] for line in overview.stdout.splitlines() if line.strip()
    }
    assert not first_words & PIPELINE


def test_text_for_programs_is_plain(overview):
    """Text for programs is plain."""
    assert "\x1b" not in overview.stdout


def test_the_version_is_told():
    """The version is told."""
    assert mlops_nb("--version").stdout == f"mlops-nb {__version__}\n"


@pytest.mark.parametrize(
    ("line", "near"),
    [
        pytest.param(["statsu"], "status", id="command"),
        pytest.param(["retrain", "--perods", "3"], "--periods", id="option"),
    ],
)
def test_the_nearest_name_is_suggested(
    line,
    near,
    capsys,
):
    """The nearest name is suggested."""
    assert run_command(line) == 2
    said = capsys.readouterr().err
    assert "Did you mean" in said
    assert near in said


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(["advance", "--policy", "never"], id="no such choice"),
        pytest.param(["promote"], id="reason missing"),
        pytest.param(["ingest"], id="argument missing"),
        pytest.param(["status", "now"], id="one too many"),
    ],
)
def test_a_line_that_cannot_be_understood_ends_with_2(
    line,
    capsys,
):
    """A line that cannot be understood ends with 2."""
    assert run_command(line) == 2
    assert "Error: " in capsys.readouterr().err


def test_a_mistake_of_the_user_ends_with_1_and_says_what_to_do(capsys):
    """A mistake of the user ends with 1 and says what to do."""
    assert run_command(["decide", "drift.temp", "--why", "summer"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error in `decide`:\nexpected: one of --dismiss")
    assert "fix:" in said


def test_two_answers_to_one_finding_are_refused(capsys):
    """None of them is carried out."""
    both = ["decide", "drift.temp", "--dismiss", "--retrain", "--why", "summer"]
    assert run_command(both) == 1
    assert "got: --dismiss and --retrain" in capsys.readouterr().err


def test_outside_of_a_project_nothing_is_broken(tmp_path):
    """Outside of a project nothing is broken."""
    got = mlops_nb("status", cwd=tmp_path)
    assert got.returncode == 1
    assert "a project folder" in got.stderr
    assert "Traceback" not in got.stderr


def test_arguments_of_dvc_are_handed_on(monkeypatch):
    """Arguments of dvc are handed on."""
    from mlops_nb.pipeline import reproduce

    handed_on = []

    def take(
        arguments,
        verbose,
    ):
        handed_on.extend([*arguments, verbose])

    monkeypatch.setattr(reproduce, "reproduce_pipeline", take)
    monkeypatch.setattr("mlops_nb.cli.commands.notify_after", str)
    assert run_command(["repro", "-f", "-s", "train", "--help"]) == 0
    assert handed_on == ["-f", "-s", "train", "--help", False]
    assert run_command(["repro", "-v", "train"]) == 0
    assert handed_on[5:] == ["train", True]


def test_a_reader_that_has_gone_is_no_error():
    """A reader that has gone is no error."""
    line = f"{sys.executable} -m mlops_nb monitor --json-schema | head -1; exit ${{PIPESTATUS[0]}}"
    got = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=ENV,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in got.stderr
    assert got.returncode in (0, 120, 141)


def test_help_is_fast():
    """A quarter of a second of processor time is what an overview may cost."""
    code = "import os, sys; from mlops_nb.__main__ import main; main(['--help']);"
    code += "print(sum(os.times()[:2]), file=sys.stderr)"
    best = min(
        float(run_shell(sys.executable, "-c", code, cwd=ROOT).stderr) for _ in range(3)
    )
    assert best <= 0.25


def test_the_overview_loads_no_heavy_library():
    """The overview loads no heavy library."""
    code = "import sys; from mlops_nb.__main__ import main; main(['--help']);"
    code += (
        "print(sorted({'pandas', 'numpy', 'pydantic', 'rich', 'dvc'} & {*sys.modules}))"
    )
    assert run_shell(sys.executable, "-c", code, cwd=ROOT).stdout.endswith("[]\n")


@pytest.mark.parametrize("isatty", [True, False], ids=["terminal", "pipe"])
def test_tables_are_ruled_only_in_a_terminal(
    isatty,
    monkeypatch,
    capsys,
):
    """Tables are ruled only in a terminal."""
    import pandas as pd

    from mlops_nb.cli.terminal import print_frame

    monkeypatch.setattr(sys.stdout, "isatty", lambda: isatty)
    print_frame(pd.DataFrame({"period": ["2013-04"], "auc": [0.70001]}))
    said = capsys.readouterr().out
    assert "0.7000" in said
    assert ("─" in said) is isatty
