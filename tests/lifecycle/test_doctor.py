"""`mlops-nb doctor` on the miniature project: each cause once, and every cure carried out."""

import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

MARKS = "<<<<<<< ours\n=======\n>>>>>>> theirs\n"
WHY = ("--why", "better")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a project with two versions, a third candidate and a table of the user's."""
    return miniature.make_project(
        tmp_path_factory.mktemp("home") / "project", table=True
    )


@pytest.fixture
def project(
    home,
    tmp_path,
):
    """Return a copy of it that a test may spoil."""
    return shutil.copytree(home, tmp_path / "project", symlinks=True)


def findings(top):
    """Return the lines of doctor that find something."""
    lines = run_cli(top, "doctor").stdout.splitlines()
    return [line for line in lines if line.startswith(("note", "warning", "broken"))]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("params.yaml", id="parameters"),
        pytest.param("dvc.yaml", id="pipeline"),
        pytest.param("dvc.lock", id="record"),
        pytest.param("data/decisions.jsonl", id="journal"),
        pytest.param("data/shop.csv.dvc", id="note of DVC"),
    ],
)
def test_a_file_in_conflict_is_found_once(
    project,
    path,
):
    """Whoever cannot read it is named as not looked at, and not as fine."""
    with (project / path).open("a") as file:
        file.write(MARKS)
    assert [line for line in findings(project) if path not in line] == []
    assert len(findings(project)) == 1
    said = run_cli(project, "doctor").stdout
    assert "not looked at, as the above is in the way: files" in said
    assert "fine: git, files" not in said


def test_a_broken_line_is_found_once(project):
    with (project / "data" / "decisions.jsonl").open("a") as file:
        file.write("no JSON\n")
    assert len(findings(project)) == 1


@pytest.fixture
def linked(project):
    """A project whose data lie elsewhere, behind a symbolic link."""
    (project / "data").rename(project.with_name("disk"))
    (project / "data").symlink_to("../disk")
    return project


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("undo", "--yes"), id="undo"),
        pytest.param(("commit",), id="commit"),
        pytest.param(("promote", *WHY), id="promote"),
        pytest.param(("rollback", *WHY), id="rollback"),
    ],
)
def test_a_linked_folder_is_named(
    linked,
    command,
):
    """Git would say `beyond a symbolic link`; nothing changes, in the folder or behind it."""
    before = sorted(file.name for file in linked.with_name("disk").rglob("*"))
    refused = run_cli(linked, *command)
    assert refused.returncode == 1
    assert "expected data as a folder of the project" in refused.stderr
    assert "beyond" not in refused.stderr
    assert sorted(file.name for file in linked.with_name("disk").rglob("*")) == before


def cures(line):
    """Return the commands of a finding, without the backticks around them."""
    return line.split("→")[1].split("`")[1::2]


def test_the_cure_of_a_linked_folder_works(linked):
    [line] = findings(linked)
    assert "data is a symbolic link" in line
    miniature.output_of(linked, "sh", "-c", cures(line)[0])
    assert findings(linked) == []
    assert run_cli(linked, "promote", *WHY).returncode == 0


def test_the_first_promotion_says_that_nothing_was_pinned(tmp_path):
    """No dash stands for a digest that is none."""
    top = miniature.make_project(tmp_path / "project", versions=0)
    said = run_cli(top, "promote", *WHY).stdout
    assert "before: no version; each run used its own candidate" in said


def test_a_message_names_what_was_set_and_what_was_removed(project):
    """A section that was empty is not told as `{} → none`."""
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("train: {}", "train: {depth: 3}"))
    assert "Run with train.depth = 3\n" in run_cli(project, "commit").stdout
    (project / "params.yaml").write_text(text)
    run_cli(project, "commit")
    message = git(project, "log", "-1", "--format=%B")
    assert message.startswith("Run with train.depth removed (was 3)\n")
    assert "{}" not in message


def test_a_digest_in_the_history_says_what_it_is_of(project):
    """Eight hexadecimal digits alone look like a commit."""
    said = run_cli(project, "history").stdout
    assert "v1.0.0  model d258b5e1  number 1" in said
    assert "  entry " in said
    of_version = run_cli(project, "history", "v1.0.0").stdout
    assert "model  md5 d258b5e1" in of_version
    assert "training data" not in of_version
    assert "(model 532b07a2) is not in production" in run_cli(project, "status").stdout
