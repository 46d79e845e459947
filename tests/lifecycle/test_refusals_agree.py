"""A refusal says of each thing that lacks how to fix it, and `status` says what will be refused.

On the miniature project, with real git and DVC.
"""

import pandas as pd
import pytest
from helpers import miniature
from helpers.miniature import git, output_of, run_cli

WHY = ("--why", "better")
COLUMNS = (
    "data: {period: M, source: shop.csv, depends: shop.csv, target: y, keys: [KEY]}"
)
MODEL = "data/champion/model.skops"
REPORT = "reports/monitor.json"
CHANGES = {
    "a model, rollback": (MODEL, ("rollback", *WHY)),
    "a report, promote": (REPORT, ("promote", *WHY)),
    "a report, retrain": (REPORT, ("retrain", "--periods", "2")),
}


def commit_events(
    top,
    key,
    **columns,
):
    """Commit a training table with a key, as the first stage of a project leaves it."""
    folder = top / "data" / "raw" / "train"
    folder.mkdir(parents=True)
    pd.DataFrame(columns).to_parquet(folder / "events.parquet")
    params = (top / "params.yaml").read_text().split("\n", 1)[1]
    data = COLUMNS.replace("KEY", key)
    (top / "params.yaml").write_text(f"{data}\n{params}")
    git(top, "add", "-A", "-f", "data/raw", "params.yaml")
    git(top, "commit", "-q", "-m", "Events")


def fail_gate(top):
    """Let the gate refuse the candidate."""
    script = top / "make.py"
    script.write_text(script.read_text().replace('"passed": True', '"passed": False'))
    (top / "n.txt").write_text("9\n")
    output_of(top, *miniature.MLOPS_NB, "dvc", "repro", "-q")
    git(top, "commit", "-qam", "A bad candidate")


@pytest.mark.parametrize("name", ["row", "row_number"])
def test_the_number_of_a_row_is_never_asked_about(top, name):
    commit_events(top, name, **{name: range(60), "price": 1.5})
    done = run_cli(top, "promote", *WHY)
    assert done.returncode == 0, done.stderr


def test_a_column_of_the_table_is_asked_about(top):
    """Also where a counter lies beside it, and with what is to be written."""
    people = [f"a{number}@example.com" for number in range(60)]
    commit_events(top, "row", row=range(60), who=people)
    done = run_cli(top, "promote", *WHY)
    assert done.returncode == 1
    assert "does not say of personal data: who\n" in done.stderr
    assert "personal_data: {accepted: [], dropped: []}" in done.stderr
    assert "row" not in done.stderr


def test_gate_and_card_are_told_apart(top):
    fail_gate(top)
    (top / "data" / "card.yaml").write_text("intended_use: x\nlimits: x\nethics: x\n")
    git(top, "commit", "-qam", "Blanks")
    done = run_cli(top, "promote", *WHY)
    assert done.returncode == 1
    lines = [line.strip() for line in done.stderr.splitlines()]
    assert "got: gate: the gate failed: rows" in lines
    assert "card: the model card has required blanks: out_of_scope, licence" in lines
    assert "fix: gate: read reports/evaluate.html; train another candidate" in lines
    assert lines[-1].startswith(
        "card: in data/card.yaml write a sentence for out_of_scope"
    )


def test_what_a_card_may_say_is_where_the_message_points(top):
    (top / "data" / "card.yaml").write_text("intended_us: x\n")
    git(top, "commit", "-qam", "Misspelt")
    done = run_cli(top, "promote", *WHY)
    assert "`mlops-nb card --help`" in done.stderr
    assert "card.ipynb" not in done.stderr
    told = run_cli(top, "card", "--help").stdout
    keys = ("intended_use", "out_of_scope", "limits", "ethics", "licence", "accepted")
    assert [key for key in keys if key not in told] == []


@pytest.mark.parametrize(("path", "command"), CHANGES.values(), ids=CHANGES)
def test_status_says_what_a_change_will_refuse(top, path, command):
    text = (top / path).read_text()
    (top / path).unlink()
    (top / path).write_text(f"{text} ")
    told = run_cli(top, "status").stdout
    assert "edited by hand, which promote, rollback, advance and retrain do not" in told
    assert "fixes it" not in told
    refused = run_cli(top, *command)
    assert refused.returncode == 1
    assert "`mlops-nb undo`" in refused.stderr
    assert run_cli(top, "undo", "--yes").returncode == 0
    assert (top / path).read_text() == text
    assert "edited" not in run_cli(top, "status").stdout
    assert run_cli(top, *command).returncode == 0
