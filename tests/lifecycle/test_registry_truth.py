"""The registry is one truth in every clone: tags, pin, decisions, and what lies in the folder.

On the miniature project, with real git and DVC.
"""

import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, output_of, run_cli

from mlops_nb.core.config import read_params
from mlops_nb.lifecycle.checkout import set_params
from mlops_nb.lifecycle.registry import list_versions

WHY = ("--why", "better")
MOVERS = {
    "promote": ("promote", *WHY),
    "rollback": ("rollback", *WHY),
    "decide": ("decide", "drift.x", "--dismiss", *WHY),
    "retrain": ("retrain", "--periods", "2"),
    "advance": ("advance", "--policy", "auto"),
}
CLONES = {
    "shallow": (("--depth", "1"), ("fetch", "-q", "--tags", "--unshallow")),
    "without tags": (("--no-tags",), ("fetch", "-q", "--tags")),
}
BOOKMARKS = ("v1.0", "toy@v9.9.9", "toy#prod#9")  # without a note
NOTED = ("toy@v2", "toy@vX.1.0", "toy@v01.2.0", "toy#prod")
READERS = {
    "history": ("history",),
    "history of a version": ("history", "v1.0.0"),
    "status": ("status",),
    "doctor": ("doctor",),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return a folder with `project`, its remote `origin.git` and DVC's `store`."""
    folder = tmp_path_factory.mktemp("world")
    top = miniature.make_project(folder / "project", table=True)
    miniature.share_project(top, folder / "origin.git", folder / "store")
    return folder


@pytest.fixture
def project(
    world,
    tmp_path,
):
    """Return a copy of the project, whose remotes are its own."""
    for name in ("origin.git", "store", "project"):
        shutil.copytree(world / name, tmp_path / name, symlinks=True)
    git(tmp_path / "project", "remote", "set-url", "origin", tmp_path / "origin.git")
    return tmp_path / "project"


def clone(
    project,
    *options,
):
    """Clone the remote, and bring the outputs from the store beside it."""
    top = project.with_name("clone")
    address = f"file://{project.with_name('origin.git')}"
    output_of(project.parent, "git", "clone", "-q", *options, address, top)
    output_of(top, *miniature.MLOPS_NB, "dvc", "pull", "-q")
    return top


def serving(top):
    return (top / "data" / "champion" / "model.skops").read_text()


@pytest.fixture(scope="module")
def bookmarked(
    world,
    tmp_path_factory,
):
    """A project with tags of all kinds that are not the registry's."""
    top = tmp_path_factory.mktemp("bookmarked") / "project"
    shutil.copytree(world / "project", top, symlinks=True)
    run_cli(top, "doctor", "--push")
    for name in BOOKMARKS:
        git(top, "tag", name)
    for name in NOTED:
        git(top, "tag", "-a", name, "-m", "mine")
    git(top, "tag", "-a", "toy@v7.0.0", "-m", "of a tag", "toy@v1.0.0")
    git(top, "tag", "-a", "toy@v8.0.0", "-m", "of a file", "HEAD:n.txt")
    return top


@pytest.mark.parametrize("command", READERS.values(), ids=READERS)
def test_tags_of_somebody_else_stop_no_command(
    bookmarked,
    command,
):
    done = run_cli(bookmarked, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_tags_of_somebody_else_are_no_versions(bookmarked):
    versions = [version.version for version in list_versions(bookmarked)]
    assert versions == ["v1.0.0", "v1.1.0"]


def test_a_version_leaves_out_a_number_that_is_taken(project):
    git(project, "tag", "toy@v1.2.0")
    git(project, "tag", "v1.0")
    done = run_cli(project, *MOVERS["promote"])
    assert "v1.3.0 is in prod" in done.stdout, done.stderr


@pytest.mark.parametrize("command", MOVERS.values(), ids=MOVERS)
@pytest.mark.parametrize(("options", "cure"), CLONES.values(), ids=CLONES)
def test_a_clone_is_told_what_it_lacks(
    project,
    options,
    cure,
    command,
):
    """Nothing is written, and the message names what brings the tags."""
    top = clone(project, *options)
    before = miniature.visible_state(top)
    done = run_cli(top, *command)
    assert done.returncode == 1
    for part in ("--tags", *cure[3:]):
        assert part in done.stderr
    assert miniature.visible_state(top) == before


@pytest.mark.parametrize(("options", "cure"), CLONES.values(), ids=CLONES)
def test_the_cure_of_a_clone_is_enough(
    project,
    options,
    cure,
):
    top = clone(project, *options)
    assert run_cli(top, "doctor").returncode == 2
    git(top, *cure)
    assert run_cli(top, "doctor").returncode == 0
    done = run_cli(top, *MOVERS["promote"])
    assert "v1.2.0 is in prod" in done.stdout, done.stderr


def described_versions(top):
    """Return what the tags say, but when they were made and by whom."""
    return [
        (version.version, version.commit, version.md5, version.stages)
        for version in list_versions(top)
    ]


def test_tags_that_nobody_has_are_made_again(project):
    """`doctor` gives the commands; what they make is what was there."""
    before = described_versions(project)
    tags = git(project, "tag").split("\n")
    git(project, "tag", "-d", *tags)
    git(project, "push", "-q", "--delete", "origin", *tags)
    refused = run_cli(project, *MOVERS["promote"])
    assert "doctor" in refused.stderr
    told = run_cli(project, "doctor").stdout
    line = next(line for line in told.splitlines() if "tags:" in line)
    commands = [part for part in line.split("`") if part.startswith("git tag -a")]
    for command in commands:
        output_of(project, "sh", "-c", command)
    assert described_versions(project) == before


def test_a_version_that_a_colleague_has_pushed_is_asked_for(project):
    other = clone(project)
    done = run_cli(other, *MOVERS["promote"], "--push")
    assert done.returncode == 0, done.stderr
    refused = run_cli(project, *MOVERS["promote"])
    assert refused.returncode == 1
    for part in ("toy@v1.2.0", "somebody else was first", "git fetch --tags"):
        assert part in refused.stderr


def test_a_remote_that_is_gone_is_no_obstacle(project):
    project.with_name("origin.git").rename(project.with_name("gone.git"))
    done = run_cli(project, *MOVERS["promote"])
    assert "v1.2.0 is in prod" in done.stdout, done.stderr
    assert run_cli(project, "doctor").returncode == 1


def merge_keeping(
    top,
    other,
    side,
):
    """Merge another clone's branch; of what conflicts, the decisions of both are kept."""
    git(top, "fetch", "-q", "--no-tags", other, "main")
    assert miniature.run(top, "git", "merge", "-q", "FETCH_HEAD").returncode
    git(top, "checkout", "-q", f"--{side}", "params.yaml", "dvc.lock")
    file = top / "data" / "decisions.jsonl"
    lines = [line for line in file.read_text().split("\n") if line[:1] == "{"]
    file.write_text("\n".join([*lines, ""]))
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "Merge")


@pytest.fixture(params=["ours", "theirs"])
def merged(
    request,
    project,
):
    """Ada promoted, Bob rolled back, both wrote toy#prod#3; Ada has merged Bob's branch."""
    bob = shutil.copytree(project, project.with_name("bob"), symlinks=True)
    assert run_cli(bob, *MOVERS["rollback"]).returncode == 0
    assert run_cli(project, *MOVERS["promote"]).returncode == 0
    merge_keeping(project, bob, request.param)
    return project, {"ours": "v1.2.0", "theirs": "v1.0.0"}[request.param]


def test_two_clones_that_wrote_the_same_number_are_noticed(merged):
    top, pinned = merged
    told = run_cli(top, "status").stdout
    assert "contradiction" in told
    assert f"mlops-nb rollback --to {pinned} --why" in told
    assert run_cli(top, "doctor").returncode == 2
    refused = run_cli(top, *MOVERS["rollback"])
    assert refused.returncode == 1
    assert "--to" in refused.stderr


def test_two_clones_agree_again_after_the_cure(merged):
    """The pin stays or moves as it was said; then nothing contradicts it any more."""
    top, pinned = merged
    done = run_cli(top, "rollback", "--to", pinned, *WHY)
    assert done.returncode == 0, done.stderr
    assert "contradiction" not in run_cli(top, "status").stdout
    assert run_cli(top, "doctor").returncode == 0
    assert serving(top) == {"v1.0.0": "model 1", "v1.2.0": "model 3"}[pinned]
    assert miniature.visible_state(top)


@pytest.fixture
def pulled(project):
    """A clone whose branch has come by `git pull`, as after a push whose process died."""
    top = clone(project)
    assert run_cli(project, *MOVERS["promote"], "--push").returncode == 0
    git(top, "pull", "-q", "--tags")
    return top


def test_what_lies_there_of_another_version_is_named(pulled):
    assert read_params(pulled / "params.yaml")["champion"]["version"] == "v1.2.0"
    assert serving(pulled) == "model 2"
    told = run_cli(pulled, "status").stdout
    assert "data/champion is not of v1.2.0" in told
    assert run_cli(pulled, "doctor").returncode == 1


def test_nothing_to_do_is_said_only_when_it_is_so(pulled):
    first = run_cli(pulled, *MOVERS["promote"])
    assert first.stdout.count("fixed: ") == 1, first.stderr
    assert serving(pulled) == "model 3"
    second = run_cli(pulled, *MOVERS["promote"])
    assert "nothing to do" in second.stdout


def test_a_record_of_another_champion_is_no_answer(project):
    """A pin that came without its record: the numbers are not told as those of the version."""
    first = list_versions(project)[0]
    pin = {"version": first.version, "commit": first.commit, "md5": first.md5}
    set_params(project, "champion", **pin)
    git(project, "commit", "-q", "-am", "The pin alone")
    told = run_cli(project, "status").stdout
    assert "how it does is not known" in told
    assert "reports/monitor.json" in told
    done = run_cli(project, "rollback", "--to", "v1.0.0", *WHY)
    assert done.returncode == 0, done.stderr
    assert serving(project) == "model 1"
    assert "not known" not in run_cli(project, "status").stdout


def test_a_model_that_was_taken_back_is_not_offered(project):
    assert run_cli(project, *MOVERS["promote"]).returncode == 0
    assert run_cli(project, *MOVERS["rollback"]).returncode == 0
    told = run_cli(project, "status").stdout
    assert "v1.1.0" in told
    assert "mlops-nb promote" not in told


def test_a_candidate_that_is_the_champion_is_in_production(project):
    set_params(project, "champion", version=None, commit=None, md5=None)
    told = run_cli(project, "status").stdout
    assert "is not in production" not in told


def test_a_period_without_rows_is_nothing_new(project):
    """A scheduler gets one sentence and a zero; nothing is committed."""
    data = "data: {period: M, source: data/shop.csv, depends: data/shop.csv, time: day, target: y}"
    params = (project / "params.yaml").read_text().split("\n", 1)[1]
    (project / "params.yaml").write_text(f"{data}\n{params}")
    git(project, "commit", "-q", "-am", "A column of times")
    head = git(project, "rev-parse", "HEAD")
    for command in (("advance",), ("advance", "2013-06"), ("advance", "2099-01")):
        done = run_cli(project, *command)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("nothing new: "), done.stdout
        assert done.stdout.count("\n") == 1
    assert git(project, "rev-parse", "HEAD") == head


def test_doctor_finds_spoilt_and_lost_objects(project):
    shutil.rmtree(project.with_name("store"))
    cache = project / ".dvc" / "cache" / "files" / "md5"
    models = {}
    for file in cache.glob("??/*"):
        models[file.read_bytes()] = file
    models[b"model 1"].unlink()
    assert "rollback --to v1.0.0 --rebuild" in run_cli(project, "doctor").stdout
    assert run_cli(project, "doctor").returncode == 1
    models[b"model 3"].chmod(0o644)
    models[b"model 3"].write_text("spoilt")
    done = run_cli(project, "doctor")
    assert "other bytes" in done.stdout
    assert done.returncode == 2


def test_doctor_changes_nothing(project):
    before = miniature.visible_state(project)
    files = sorted(project.rglob("*"))
    assert run_cli(project, "doctor").returncode == 0
    assert sorted(project.rglob("*")) == files
    assert miniature.visible_state(project) == before
