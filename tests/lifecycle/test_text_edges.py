"""Names, paths, reasons and authors of any kind, and listings that somebody else wrote."""

import hashlib
import json
import shutil

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli
from hypothesis import example, given, settings, strategies

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import (
    read_folder_listing,
    read_json_lines,
    split_lines,
    write_atomic,
)
from mlops_nb.core.git import run_git
from mlops_nb.lifecycle.journal import append_entry, git_identity
from mlops_nb.pipeline.data_cache import format_dvc_config, read_dvc_config

LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
QUIET = settings(max_examples=60, deadline=None)
texts = strategies.text(strategies.characters() | strategies.sampled_from(LINE_ENDS))
printable = strategies.characters(exclude_categories=("Cs", "Cc"))
names = strategies.text(printable, min_size=1, max_size=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("text")


@QUIET
@given(
    reasons=strategies.lists(texts, min_size=1, max_size=4), half=strategies.booleans()
)
@example(reasons=["note\u2028x"], half=True)
def test_a_journal_gives_back_what_was_appended(
    folder,
    reasons,
    half,
):
    path = folder / "log.jsonl"
    path.unlink(missing_ok=True)
    entries = [{"why": why + "\ud800" * half, "n": n} for n, why in enumerate(reasons)]
    written = [append_entry(path, entry) for entry in entries]
    assert read_json_lines(path) == written


@QUIET
@given(strategies.lists(texts.map(lambda text: text.replace("\n", ""))))
def test_lines_are_split_where_they_were_joined(lines):
    assert split_lines("".join(f"{line}\n" for line in lines)) == lines


@QUIET
@given(names)
@example("a'b\"c#")
@example("100%")
def test_dvcs_settings_hold_any_path_or_refuse_it(
    folder,
    name,
):
    (folder / ".dvc").mkdir(exist_ok=True)
    try:
        content = format_dvc_config({"cache": {"dir": f"/{name}/cache"}})
    except UserError:
        return
    (folder / ".dvc" / "config.local").write_bytes(content)
    assert read_dvc_config(folder) == {"cache": {"dir": f"/{name}/cache"}}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with one commit."""
    top = tmp_path_factory.mktemp("repository")
    for command in ("init -q -b main", "commit -q --allow-empty -m first"):
        miniature.output_of(top, "git", *command.split())
    return top


@settings(max_examples=15, deadline=None)
@given(names.filter(lambda name: name.strip(" .,:;<>\"\\'") and name[0] != "-"))
@example("Ada\u2028Lovelace")
@example("José 'x' #1")
def test_an_author_is_told_as_git_knows_it(
    repository,
    name,
):
    run_git("config", "user.name", name, cwd=repository)
    run_git("config", "user.email", "a@example.com", cwd=repository)
    assert git_identity(repository) == f"{name.strip()} <a@example.com>"


@pytest.mark.parametrize("name", ["a\u2028b", "a\u00a0b", "a\u3000b"], ids=ascii)
def test_a_tag_is_one_line(
    repository,
    name,
):
    run_git("tag", name, cwd=repository)
    tags = split_lines(run_git("tag", cwd=repository))
    run_git("tag", "-d", name, cwd=repository)
    assert tags == [name]


def test_bytes_that_are_no_text_go_back_to_git(repository):
    (repository / b"\xff.csv".decode("utf-8", "surrogateescape")).write_text("x")
    (repository / " first.csv").write_text("x")
    found = run_git("ls-files", "-o", "-z", cwd=repository).split("\0")
    assert sorted(filter(None, found)) == [" first.csv", "\udcff.csv"]
    run_git("add", "--", found[0], cwd=repository)


paths = strategies.text(strategies.sampled_from("ab./\\\0 ~"), max_size=8)


@settings(max_examples=300, deadline=None)
@given(strategies.lists(paths, min_size=1, max_size=3))
def test_no_listing_leads_out_of_its_folder(
    folder,
    paths,
):
    rows = [{"md5": "0" * 32, "relpath": path} for path in paths]
    content = json.dumps(rows).encode()
    digest = hashlib.md5(content).hexdigest()
    listing = write_atomic(folder / "listing", content)
    try:
        inside = read_folder_listing(listing, f"{digest}.dir")
    except UserError:
        return
    base = folder / "target"
    for path in inside:
        assert (base / path).resolve().is_relative_to(base.resolve())
        assert (base / path).resolve() != base.resolve()


def test_a_listing_that_is_a_link_is_refused(tmp_path):
    write_atomic(tmp_path / "elsewhere", "[]")
    (tmp_path / "listing").symlink_to("elsewhere")
    with pytest.raises(UserError, match="a link"):
        read_folder_listing(
            tmp_path / "listing", f"{hashlib.md5(b'[]').hexdigest()}.dir"
        )


# ---- whole commands, in a checkout of a strange name ----


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return miniature.make_project(tmp_path_factory.mktemp("source") / "project")


@pytest.mark.parametrize("name", ["c#1", "a'b\"c %(x)s ü\u2028"], ids=ascii)
def test_a_checkout_may_have_any_name(
    source,
    tmp_path,
    name,
):
    top = shutil.copytree(source, tmp_path / name / "project", symlinks=True)
    promoted = run_cli(top, "promote", "--why", "a\u2028b #1 'c'")
    assert promoted.returncode == 0, promoted.stderr
    assert "toy@v1.2.0" in git(top, "tag")
    back = run_cli(top, "rollback", "--why", "back\u2028again")
    assert back.returncode == 0, back.stderr
    reasons = [row["why"] for row in read_json_lines(top / "data" / "decisions.jsonl")]
    assert reasons[-2:] == ["a\u2028b #1 'c'", "back\u2028again"]
    assert run_cli(top, "history").returncode == 0
    assert not git(top, "status", "--porcelain")


def test_a_hostile_listing_in_the_cache_is_refused_before_anything_moves(
    source,
    tmp_path,
):
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    before = git(top, "rev-parse", "HEAD"), git(top, "tag")
    rows = [{"md5": "0" * 32, "relpath": "../../stolen"}]
    spoilt = 0
    for listing in (top / ".dvc" / "cache").rglob("*.dir"):
        listing.unlink()
        listing.write_text(json.dumps(rows))
        listing.chmod(0o444)
        spoilt += 1
    assert spoilt
    done = run_cli(top, "rollback", "--why", "x")
    assert done.returncode == 1
    assert "got" in done.stderr  # words: the listing is none of ours, and dropped
    assert (git(top, "rev-parse", "HEAD"), git(top, "tag")) == before
    assert not list(tmp_path.rglob("stolen"))
