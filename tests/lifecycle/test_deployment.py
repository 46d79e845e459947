"""One rule for every way into production: gate, card answers and approval are asked where deployed.

On the miniature project, with real git and DVC.
"""

import ast
import contextlib
import shutil
import sys

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli
from helpers.notebooks import stages_run
from helpers.project import ROOT

from mlops_nb.core.config import Settings, read_params
from mlops_nb.lifecycle.promotion import borrowed_champion
from mlops_nb.lifecycle.registry import list_versions, recorded_md5
from mlops_nb.lifecycle.transaction import Transaction
from mlops_nb.publishing.alert_messages import compose_message
from mlops_nb.publishing.alerts import collect_events

WHY = ("--why", "better")
COMMANDS = {
    "promote": ("promote", *WHY),
    "promote to staging": ("promote", "--to", "staging", *WHY),
    "retrain --promote": ("retrain", "--periods", "2", "--promote", *WHY),
    "decide --retrain": ("decide", "drift.x", "--retrain", *WHY),
    "advance --policy auto": ("advance", "2013-05", "--policy", "auto"),
}
COMMANDS |= {
    "rollback": ("rollback", "--to", "v1.2.0", *WHY),
    "rollback --rebuild": ("rollback", "--to", "v1.2.0", "--rebuild", *WHY),
}
TRAINING = ("retrain --promote", "decide --retrain", "advance --policy auto")
NAMED = {
    "approval": "nobody other than its author has approved the candidate",
    "answers": "the model card has required blanks: ethics",
    "gate": "the gate failed: rows",
}
GIT_OF_BO = {"GIT_COMMITTER_NAME": "bo", "GIT_COMMITTER_EMAIL": "bo@example.com"}


def write(
    top,
    path,
    text,
):
    (top / path).write_text(text)
    git(top, "commit", "-q", "-am", f"Another {path}")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """v1.1.0 is in production, v1.2.0 only registered; a period later a challenger is due."""
    top = miniature.make_project(tmp_path_factory.mktemp("source") / "project")
    (top / "reports" / "metrics").mkdir()
    (top / "reports" / "metrics" / "evaluate.json").write_text("{}\n")
    git(top, "add", "-A")
    write(top, "params.yaml", (top / "params.yaml").read_text() + "loop: {every: 1}\n")
    git(top, "tag", "-a", "toy@v1.2.0", "-m", "toy v1.2.0", "HEAD~1")
    return top


def lack_approval(top):
    write(top, "settings.ini", "[governance]\nfour_eyes = yes\n")


def lack_answers(top):
    card = (top / "data" / "card.yaml").read_text()
    write(top, "data/card.yaml", card.replace("ethics: x", "ethics: ''"))


def fail_gate(top):
    make = (top / "make.py").read_text().replace('"passed": True', '"passed": False')
    (top / "make.py").write_text(make)
    miniature.output_of(
        top, sys.executable, "-m", "dvc", "repro", "-q", "-f", "-s", "evaluate"
    )
    git(top, "commit", "-q", "-am", "The gate fails")
    git(top, "tag", "-d", "toy@v1.2.0")
    git(top, "tag", "-a", "toy@v1.2.0", "-m", "toy v1.2.0")


LACKING = {"approval": lack_approval, "answers": lack_answers, "gate": fail_gate}


@pytest.fixture(scope="module", params=LACKING)
def lacking(
    request,
    source,
    tmp_path_factory,
):
    """What lacks, and a project in which it does."""
    top = shutil.copytree(
        source, tmp_path_factory.mktemp("lack") / "project", symlinks=True
    )
    LACKING[request.param](top)
    return request.param, top


def in_production(top):
    pin = read_params(top / "params.yaml")["champion"]
    staged = [stage for version in list_versions(top) for stage in version.stages]
    return pin, staged, (top / "data" / "champion" / "model.skops").read_text()


@pytest.mark.parametrize("command", COMMANDS, ids=COMMANDS)
def test_what_lacks_stops_every_command(
    lacking,
    command,
    tmp_path,
):
    """Nothing is deployed, the pin stays, and the message names what lacks."""
    lack, made = lacking
    top = shutil.copytree(made, tmp_path / "project", symlinks=True)
    before = in_production(top)
    got = run_cli(top, *COMMANDS[command])
    assert in_production(top) == before
    is_judged_first = lack == "gate" and command in TRAINING
    named = "gate failed (rows)" if is_judged_first else NAMED[lack]
    assert named in got.stdout + got.stderr
    assert bool(got.returncode) == (command not in TRAINING)
    assert not git(top, "status", "--porcelain")
    assert "up to date" in miniature.output_of(
        top, sys.executable, "-m", "mlops_nb", "dvc", "status"
    )


def approve(top):
    """Bo approves of the candidate."""
    tag = f"approve-{recorded_md5('HEAD', 'data/candidate', top)[:8]}"
    got = miniature.run(top, "git", "tag", "-a", tag, "-m", "seen", **GIT_OF_BO)
    assert got.returncode == 0, got.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=COMMANDS)
def test_once_approved_it_goes_through(
    source,
    command,
    tmp_path,
):
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    lack_approval(top)
    if command in TRAINING:
        run_cli(
            top, *COMMANDS[command]
        )  # the challenger becomes the candidate, and waits
    approve(top)
    before = in_production(top)
    got = run_cli(top, *COMMANDS[command])
    assert got.returncode == 0, got.stderr
    pin, staged, model = in_production(top)
    if command == "promote to staging":
        assert staged == [*before[1], "staging#3"]
        return
    assert pin["md5"] != before[0]["md5"]
    assert staged == [*before[1], "prod#3"]
    assert model.startswith("model 3")


@pytest.mark.parametrize(
    "command",
    [("rollback", *WHY), ("rollback", "--to", "v1.0.0", "--rebuild", *WHY)],
    ids=["rollback", "rollback --rebuild"],
)
def test_a_version_that_was_in_production_needs_no_approval(
    source,
    command,
    tmp_path,
):
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    for lack in (lack_approval, lack_answers, fail_gate):
        lack(top)
    got = run_cli(top, *command)
    assert got.returncode == 0, got.stderr
    assert in_production(top)[0]["version"] == "v1.0.0"
    assert in_production(top)[2] == "model 1"


def test_other_bytes_than_the_recorded_ones_are_refused(
    source,
    tmp_path,
):
    """What is built again for a rollback must be the version, byte by byte."""
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    git(top, "switch", "-q", "--detach", "toy@v1.0.0")
    write(top, "n.txt", "9\n")
    git(top, "tag", "-f", "-a", "toy@v1.0.0", "-m", "toy v1.0.0")
    git(top, "switch", "-q", "main")
    before = in_production(top)
    got = run_cli(top, "rollback", "--to", "v1.0.0", "--rebuild", *WHY)
    assert got.returncode == 1
    assert "other bytes are another model" in got.stderr
    assert in_production(top) == before


def test_the_authors_own_approval_stays_none(
    source,
    tmp_path,
):
    """Somebody else's commit that touches dvc.lock does not make the author another person."""
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    lack_approval(top)
    everywhere_bo = GIT_OF_BO | {
        "GIT_AUTHOR_NAME": "bo",
        "GIT_AUTHOR_EMAIL": "bo@example.com",
    }
    (top / "dvc.lock").write_text((top / "dvc.lock").read_text() + "# seen by bo\n")
    miniature.run(top, "git", "commit", "-q", "-am", "Dismiss drift.x", **everywhere_bo)
    assert git(top, "log", "-1", "--format=%ae", "--", "dvc.lock") == "bo@example.com"
    md5 = recorded_md5("HEAD", "data/candidate", top)
    git(top, "commit", "-q", "--allow-empty", "-m", f"Approve: {md5[:8]}")
    got = run_cli(top, "promote", *WHY)
    assert got.returncode == 1
    assert NAMED["approval"] in got.stderr


def test_a_rollback_after_a_dismissal(
    source,
    tmp_path,
):
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    assert run_cli(top, "decide", "drift.x", "--dismiss", *WHY).returncode == 0
    got = run_cli(top, "rollback", *WHY)
    assert "v1.0.0 is back" in got.stdout


def test_the_pin_of_a_branch_that_moved_does_not_come_back(
    source,
    tmp_path,
):
    """The parameters of an experiment hold the pin of its time."""
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    make = (top / "make.py").read_text()
    moving = "import subprocess\nsubprocess.run(['git', '-C', TOP, 'commit', '-qam', 'Moved'])\n"
    moving = moving.replace("TOP", repr(str(top)))
    params = str(top / "params.yaml")
    body = f"if sys.argv[1] == 'train':\n    open({params!r}, 'a').write('# x\\n')\n"
    moved = "".join(f"    {line}\n" for line in moving.splitlines())
    write(top, "make.py", f"{make}\n{body}{moved}")
    before = in_production(top)
    got = run_cli(top, "retrain", "--periods", "2", "--promote", *WHY)
    assert got.returncode == 1
    assert "the branch to stay as it was while the challenger was trained" in got.stderr
    assert in_production(top) == before


@pytest.fixture
def waiting(
    source,
    tmp_path,
):
    """A project in which the loop has trained a challenger that nobody has approved, and its id."""
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    lack_approval(top)
    got = run_cli(top, *COMMANDS["advance --policy auto"])
    assert got.returncode == 0, got.stderr
    return top, f"promotion.{recorded_md5('HEAD', 'data/candidate', top)[:8]}"


def test_a_challenger_that_waits_is_a_finding(waiting):
    top, finding = waiting
    said = run_cli(top, "status").stdout
    assert f"{finding}: watch, since 2013-05" in said
    assert NAMED["approval"] in said
    events = {event.finding["id"]: event for event in collect_events(top, {})}
    assert (events[finding].kind, events[finding].since) == ("appeared", "2013-05")
    subject, text = compose_message(events[finding], Settings())
    assert finding in subject
    assert NAMED["approval"] in text


def test_a_challenger_that_waits_is_not_trained_once_more(waiting):
    top, finding = waiting
    before = git(top, "rev-parse", "HEAD")
    got = run_cli(top, *COMMANDS["advance --policy auto"])
    waits = f"challenger (model {finding.partition('.')[2]}), judged on 2013-05, waits"
    assert waits in got.stdout
    assert finding in miniature.run_cli(top, "status").stdout
    assert not stages_run(got.stderr)
    assert git(top, "rev-parse", "HEAD") == before


def test_a_challenger_that_was_turned_down_waits_no_more(waiting):
    top, finding = waiting
    assert run_cli(top, "decide", finding, "--dismiss", *WHY).returncode == 0
    assert finding not in run_cli(top, "status").stdout
    approve(top)
    before = in_production(top)
    run_cli(top, "advance", "2013-05", "--policy", "propose")
    assert in_production(top) == before


def test_a_version_that_was_taken_back_does_not_return_by_itself(waiting):
    top, finding = waiting
    approve(top)
    assert run_cli(top, "promote", *WHY).returncode == 0
    assert run_cli(top, "rollback", *WHY).returncode == 0
    assert finding not in run_cli(top, "status").stdout


def calls_of(name):
    """Return (file, function) of each call of a function in the package, with its arguments."""
    found = []
    for path in sorted((ROOT / "mlops_nb").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for function in filter(
            lambda node: isinstance(node, ast.FunctionDef), ast.walk(tree)
        ):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
                    found.append((path.stem, function.name, ast.unparse(node)))
    return found


def test_one_function_writes_the_pin():
    writers = {call[:2] for call in calls_of("set_params") if "champion" in call[2]}
    assert writers == {("promotion", "_write_pin")}


def test_the_pin_is_written_by_deploy_and_otherwise_borrowed():
    callers = {call[:2] for call in calls_of("_write_pin")}
    assert callers == {("promotion", "deploy"), ("promotion", "borrowed_champion")}


def test_deploy_asks_the_rule_first():
    tree = ast.parse(
        (ROOT / "mlops_nb" / "lifecycle" / "promotion.py").read_text("utf-8")
    )
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    (deploy,) = [node for node in functions if node.name == "deploy"]
    assert ast.unparse(deploy.body[1]) == "_require_no_obstacle(change, deployment)"


def test_a_borrowed_pin_is_given_back(
    source,
    tmp_path,
):
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    before = (top / "params.yaml").read_bytes()
    first = list_versions(top)[0]
    with (
        contextlib.suppress(ZeroDivisionError),
        borrowed_champion(Transaction(top, "", ""), first),
    ):
        assert read_params(top / "params.yaml")["champion"]["version"] == "v1.0.0"
        raise ZeroDivisionError
    assert (top / "params.yaml").read_bytes() == before
