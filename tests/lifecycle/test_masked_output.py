"""What DVC prints names the address of its remote, and no command shows the password in it."""

import pytest
from helpers import miniature
from helpers.miniature import git, output_of, run

ADDRESS = "https://ada:FAKE@127.0.0.1:9/x"


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    """A project whose DVC remote is an address with a password, and is never there."""
    top = miniature.make_project(tmp_path_factory.mktemp("masked") / "project")
    command = ("dvc", "remote", "add", "-q", "-d", "store", ADDRESS)
    output_of(top, *miniature.MLOPS_NB, *command)
    git(top, "commit", "-qam", "DVC remote")
    (top / "n.txt").write_text("4\n")
    return top


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        pytest.param(("dvc", "remote", "list"), "https://***@127.0.0.1", id="list"),
        pytest.param(("dvc", "push", "-v"), "https://***@127.0.0.1", id="push"),
        pytest.param(("dvc", "pull"), "", id="pull"),
        pytest.param(("repro",), "1 of 4  train", id="repro"),
        pytest.param(("repro", "-v", "--force"), "https://***@", id="verbose"),
        pytest.param(("commit",), "Run", id="commit"),
        pytest.param(("doctor",), "", id="doctor"),
        pytest.param(
            ("retrain", "--periods", "2"),
            "WARNING: Failed to pull run cache",
            id="retrain",
        ),
        pytest.param(("promote", "--why", "w", "--push"), "expected", id="promote"),
    ],
)
def test_no_command_shows_the_password_of_a_remote(
    top,
    command,
    shown,
):
    done = run(top, *miniature.MLOPS_NB, *command)
    assert shown in done.stdout + done.stderr
    assert "FAKE" not in done.stdout + done.stderr
