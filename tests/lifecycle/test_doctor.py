"""`mlops-nb doctor` on the miniature project: each cause once, and every cure carried out."""

import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

from mlops_nb.lifecycle.record_checks import check_owner

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
    assert "reported above, or not checked because of it: files" in said
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
    assert "expected: data as a folder of the project" in refused.stderr
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


def add_remote(top):
    """Add a git remote and one of DVC's after all versions were made; push the branch alone."""
    output_of = miniature.output_of
    output_of(
        top,
        *miniature.MLOPS_NB,
        "dvc",
        "remote",
        "add",
        "-q",
        "-d",
        "store",
        "../store",
    )
    git(top, "commit", "-qam", "DVC remote")
    output_of(
        top, "git", "init", "-q", "--bare", "-b", "main", top.with_name("origin.git")
    )
    git(top, "remote", "add", "origin", "../origin.git")
    git(top, "push", "-q", "-u", "origin", "main")
    return top


def clone_of(top):
    """Clone the git remote; DVC's lies beside the clone as it lies beside the project."""
    clone = top.with_name("clone")
    miniature.output_of(top, "git", "clone", "-q", top.with_name("origin.git"), clone)
    return clone


def serving(top):
    return (top / "data" / "champion" / "model.skops").read_text()


def test_versions_older_than_the_remote_go_with_the_next_push(project):
    """`dvc push --all-commits` leaves them out; their tags were never pushed either."""
    add_remote(project)
    done = run_cli(project, "promote", *WHY, "--push")
    assert "sent to DVC's remote store: v1.0.0, v1.1.0" in done.stderr
    assert findings(project) == []
    clone = clone_of(project)
    assert run_cli(clone, "rollback", "--to", "v1.0.0", *WHY).returncode == 0
    assert serving(clone) == "model 1"


def test_the_cures_of_what_the_remotes_lack_work(project):
    add_remote(project)
    found = findings(project)
    assert [line.split()[0] for line in found] == ["warning", "warning"]
    assert "is missing the files of v1.0.0, v1.1.0" in found[0]
    assert "origin lacks toy#prod#1" in found[1]
    for line in found:  # doctor ends with 1 while there is more to fix
        miniature.run(project, "sh", "-c", cures(line)[0])
    assert findings(project) == []
    clone = clone_of(project)
    assert run_cli(clone, "rollback", "--to", "v1.0.0", *WHY).returncode == 0
    assert serving(clone) == "model 1"


def test_a_change_without_push_is_pushed_by_the_same_command(project):
    """It is done already; what is new is that it goes to the remotes."""
    add_remote(project)
    assert run_cli(project, "promote", *WHY).returncode == 0
    done = run_cli(project, "promote", *WHY, "--push")
    assert "nothing to do" in done.stdout
    assert "pushed to origin: main, toy#prod#1" in done.stderr
    assert findings(project) == []
    assert git(project, "status", "-sb").split("\n") == ["## main...origin/main"]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("http://127.0.0.1:9/store", id="no connection"),
        pytest.param("s3://nowhere/store", id="no plugin"),
    ],
)
def test_a_remote_that_cannot_be_asked_is_a_note(
    project,
    address,
):
    command = ("dvc", "remote", "add", "-q", "-d", "store", address)
    miniature.output_of(project, *miniature.MLOPS_NB, *command)
    git(project, "commit", "-qam", "DVC remote")
    [line] = findings(project)
    assert line.startswith("note")
    assert "could not be asked" in line


def test_remotes_of_which_none_is_the_default_are_told(project):
    command = ("dvc", "remote", "add", "-q", "store", "../store")
    miniature.output_of(project, *miniature.MLOPS_NB, *command)
    git(project, "commit", "-qam", "DVC remote")
    [line] = findings(project)
    assert cures(line) == ["dvc remote default store"]


def lose(
    top,
    content,
):
    """Take an object with this content out of the cache."""
    for file in (top / ".dvc" / "cache" / "files" / "md5").glob("??/*"):
        if file.read_text() == content:
            file.unlink()


def test_the_cure_of_a_lost_version_works(project):
    lose(project, "model 1")
    [line] = findings(project)
    assert "the model of v1.0.0" in line
    assert "repro" not in line
    command = cures(line)[0].replace("…", "it was lost")
    miniature.output_of(project, "sh", "-c", command)
    assert serving(project) == "model 1"
    assert findings(project) == []


def test_what_lies_in_the_folder_is_not_lost(project):
    """The next run puts it into the cache again."""
    lose(project, "model 2")
    assert findings(project) == []


def test_the_cure_of_a_lost_champion_works_where_everything_is_lost(project):
    shutil.copy(project / "data" / "shop.csv", project.with_name("shop.csv"))
    shutil.rmtree(project / ".dvc" / "cache")
    for name in ("data/candidate", "data/champion"):
        shutil.rmtree(project / name)
    for file in (project / "reports").glob("*.json"):
        file.unlink()
    found = findings(project)
    [line] = [line for line in found if "the model of v1.1.0" in line]
    command = cures(line)[0].replace("…", "it was lost")
    miniature.output_of(project, "sh", "-c", command)
    assert serving(project) == "model 2"


def test_a_lost_table_is_for_its_owner_to_bring_back(project):
    """No command is named that would make it; the file itself is the cure."""
    table = (project / "data" / "shop.csv").read_bytes()
    (project / "data" / "shop.csv").unlink()
    lose(project, table.decode())
    [line] = [line for line in findings(project) if line.startswith("warning")]
    assert "data/shop.csv (md5 ce383f71c44277cd9cbf57e7710c85fd)" in line
    assert "repro" not in line
    (project / "data" / "shop.csv").write_bytes(table)
    assert findings(project) == []


def promote_the_same_number(project):
    """Let Ada push a v1.2.0, and Bob, who cannot reach her, make another model his own."""
    add_remote(project)
    git(project, "push", "-q", "--tags")
    bob = shutil.copytree(project, project.with_name("bob"), symlinks=True)
    assert run_cli(project, "promote", *WHY, "--push").returncode == 0
    git(bob, "remote", "set-url", "origin", "../nowhere.git")
    miniature.commit_candidate(bob, 4, "candidate 4")
    assert run_cli(bob, "promote", *WHY).returncode == 0
    git(bob, "remote", "set-url", "origin", "../origin.git")
    return bob


@pytest.fixture(params=["ours", "theirs"])
def twice_numbered(
    request,
    project,
):
    """Bob has done what doctor said, and merged; the merge took the pin of one side."""
    bob = promote_the_same_number(project)
    [line] = [line for line in findings(bob) if line.startswith("broken")]
    miniature.output_of(bob, "sh", "-c", cures(line)[0])
    assert miniature.run(bob, "git", "merge", "-q", "origin/main").returncode
    git(bob, "checkout", "-q", f"--{request.param}", "params.yaml", "dvc.lock")
    file = bob / "data" / "decisions.jsonl"
    lines = [line for line in file.read_text().split("\n") if line[:1] == "{"]
    file.write_text("\n".join([*lines, ""]))
    git(bob, "commit", "-qam", "Merge")
    miniature.output_of(bob, *miniature.MLOPS_NB, "repro")
    run_cli(bob, "commit")
    return bob


def of_production(top):
    return [line for line in findings(top) if "production: " in line]


def test_a_model_that_lost_its_number_gets_the_next_one(twice_numbered):
    """Whichever side the merge took; then nothing is left to say of it."""
    [line] = of_production(twice_numbered)
    [command] = [cure for cure in cures(line) if cure.startswith("mlops-nb promote")]
    done = miniature.run(twice_numbered, "sh", "-c", command.replace("…", "again"))
    assert done.stdout.startswith("v1.3.0 is in "), done.stderr
    assert of_production(twice_numbered) == []
    for version, model in {"v1.3.0": "model 4", "v1.2.0": "model 3"}.items():
        run_cli(twice_numbered, "rollback", "--to", version, *WHY)
        assert serving(twice_numbered) == model


def test_the_status_names_what_brings_lost_bytes_back(project):
    """A run would ask in vain for the bytes of a champion that nothing has."""
    lose(project, "model 2")
    model = project / "data" / "champion" / "model.skops"
    model.chmod(0o644)
    model.write_text("spoilt")
    [line] = [line for line in findings(project) if line.startswith("warning")]
    command = cures(line)[0]
    told = run_cli(project, "status").stdout
    assert command in told
    assert "repro" not in told
    miniature.output_of(project, "sh", "-c", command)
    assert serving(project) == "model 2"


def test_a_commit_that_is_none_is_told(project):
    refused = run_cli(project, "promote", "--commit", "nothing", *WHY)
    assert refused.returncode == 1
    assert "expected: --commit with a commit of this repository" in refused.stderr


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        pytest.param(
            "", ["no owner named: pages cannot say who is responsible"], id="none"
        ),
        pytest.param("Operations", [], id="named"),
    ],
)
def test_who_is_responsible_is_asked_of_those_who_can_name_them(
    tmp_path,
    owner,
    said,
):
    """Managers cannot mend settings.ini, so no page says it."""
    (tmp_path / "settings.ini").write_text(f"[report]\nowner = {owner}\n")
    assert [symptom.what for symptom in check_owner(tmp_path)] == said
