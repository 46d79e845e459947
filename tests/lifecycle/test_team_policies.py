"""Commits and pushes of a command obey the checkout: its hooks, keys, addresses, credentials.

On the miniature project, with real git, DVC and ssh-keygen, against a bare repository beside it.
"""

import http.server
import json
import os
import shutil
import threading

import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

from mlops_nb.lifecycle.checkout import clone_checkout
from mlops_nb.lifecycle.registry import recorded_md5

PROMOTE = ("promote", "--why", "better", "--push")
NO_KEYGEN = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """v1.1.0 is in production, a third candidate waits; a bare repository has it all."""
    folder = tmp_path_factory.mktemp("team")
    top = miniature.make_project(folder / "project")
    miniature.share_project(top, folder / "origin.git")
    return folder


@pytest.fixture
def team(
    source,
    tmp_path,
):
    """The project and its bare repository, to be changed."""
    shutil.copytree(source, tmp_path / "team", symlinks=True)
    top = tmp_path / "team" / "project"
    git(top, "remote", "set-url", "origin", tmp_path / "team" / "origin.git")
    return top, tmp_path / "team" / "origin.git"


def write_hook(
    folder,
    name,
    *lines,
):
    """Write a shell script that git runs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(["#!/bin/sh", *lines, ""]))
    (folder / name).chmod(0o755)
    return folder / name


def state_of(
    top,
    origin,
):
    """Return all that a refused command must leave as it was."""
    there = git(origin, "for-each-ref")
    here = git(top, "for-each-ref")
    left = list((top / ".mlops").glob("change*"))
    return there, here, miniature.visible_state(top), left


def refuse(
    top,
    origin,
    *command,
):
    """Run a command that must refuse and change nothing; return what it says."""
    before = state_of(top, origin)
    got = run_cli(top, *command)
    assert got.returncode == 1, got.stdout + got.stderr
    assert state_of(top, origin) == before
    return got.stderr


def promote(top):
    got = run_cli(top, *PROMOTE)
    assert got.returncode == 0, got.stdout + got.stderr


@pytest.mark.parametrize("name", ["pre-commit", "commit-msg", "pre-push"])
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("", id="in .git"),
        pytest.param("rules/hooks", id="relative hooksPath"),
        pytest.param("ABSOLUTE", id="absolute hooksPath"),
    ],
)
def test_a_hook_that_fails_stops_a_command(
    team,
    tmp_path,
    name,
    place,
):
    top, origin = team
    hooks = top / ".git" / "hooks"
    if place:
        hooks = tmp_path / "hooks" if place == "ABSOLUTE" else top / place
        (top / ".git" / "info" / "exclude").write_text("rules/\n")
        git(top, "config", "core.hooksPath", place.replace("ABSOLUTE", str(hooks)))
    write_hook(hooks, name, "echo rule 7 of the team >&2", "exit 1")
    said = refuse(top, origin, *PROMOTE)
    assert "rule 7 of the team" in said
    assert name in said


def test_hooks_see_what_is_committed_and_pushed(
    team,
    tmp_path,
):
    """As if the command had been typed by a person: branch, message, files, remote."""
    top, origin = team
    hooks = top / ".git" / "hooks"
    write_hook(hooks, "commit-msg", 'echo "Change-Id: 7" >> "$1"')
    seen = tmp_path / "seen"
    asked = f'{{ echo "$1 $2"; cat; git log -1 --format=%B; }} > {seen}'
    write_hook(hooks, "pre-push", asked, "! git diff --quiet origin/main HEAD")
    promote(top)
    lines = seen.read_text().splitlines()
    head = git(top, "rev-parse", "HEAD")
    assert lines[0] == f"origin {origin}"
    assert lines[1].startswith(f"refs/heads/main {head} refs/heads/main ")
    assert "Change-Id: 7" in lines
    assert "Change-Id: 7" in git(top, "log", "-1", "--format=%B")


@pytest.mark.parametrize("name", ["pre-commit", "commit-msg"])
def test_a_run_is_committed_as_hooks_allow(
    team,
    name,
):
    top, _ = team
    write_hook(top / ".git" / "hooks", name, "echo rule 7 of the team", "exit 1")
    (top / "n.txt").write_text("4\n")
    before = git(top, "rev-parse", "HEAD")
    got = run_cli(top, "commit", "-m", "mine")
    assert got.returncode == 1
    assert "rule 7 of the team" in got.stderr
    assert git(top, "rev-parse", "HEAD") == before


@pytest.fixture
def key(tmp_path):
    """A key without a password."""
    place = tmp_path / "keys" / "id"
    place.parent.mkdir()
    command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place)
    miniature.output_of(tmp_path, *command)
    return place


def sign_with(
    top,
    key,
    *people,
):
    """Let the checkout sign with a key that is known to be that of some people."""
    public = key.with_suffix(".pub").read_text()
    allowed = key.with_name("allowed")
    allowed.write_text("".join(f"{who}@example.com {public}" for who in people))
    settings = {"commit.gpgsign": "true", "tag.gpgsign": "true", "gpg.format": "ssh"}
    settings["user.signingkey"] = os.path.relpath(key, top)
    settings["gpg.ssh.allowedSignersFile"] = str(allowed)
    for name, value in settings.items():
        git(top, "config", name, value)


@NO_KEYGEN
def test_commits_and_tags_are_signed_where_the_checkout_signs(
    team,
    key,
):
    top, origin = team
    sign_with(top, key, "ada")
    promote(top)
    signed = [miniature.run(top, "git", "verify-commit", "HEAD")]
    for tag in ("toy@v1.2.0", "toy#prod#3"):
        signed.append(miniature.run(top, "git", "verify-tag", tag))
    assert [each.returncode for each in signed] == [0, 0, 0], signed[-1].stderr
    assert "toy@v1.2.0" in git(origin, "tag")


@NO_KEYGEN
def test_a_promotion_needs_the_signature_of_another(
    team,
    key,
):
    """The scratch clone trusts the keys that the checkout trusts, by a path from its root."""
    top, origin = team
    (top / "settings.ini").write_text("[governance]\nfour_eyes = yes\nsigned = yes\n")
    git(top, "commit", "-qam", "Signed approvals")
    tag = f"approve-{recorded_md5('HEAD', 'data/candidate', top)[:8]}"
    sign_with(top, key, "bo")
    allowed = os.path.relpath(key.with_name("allowed"), top)
    git(top, "config", "gpg.ssh.allowedSignersFile", allowed)
    person = {"GIT_COMMITTER_NAME": "bo", "GIT_COMMITTER_EMAIL": "bo@example.com"}
    command = ("git", "tag", "-f", "-m", "seen", tag)
    miniature.run(top, *command, "--no-sign", "-a", **person)
    said = refuse(top, origin, *PROMOTE)
    assert "that of bo is a name in a tag, not signed" in said
    assert f"git tag -s {tag}" in said
    miniature.run(top, *command, "-s", **person)
    promote(top)


@NO_KEYGEN
@pytest.mark.parametrize("what", ["commit", "tag"])
def test_a_key_that_is_not_there_is_told(
    team,
    key,
    what,
):
    top, origin = team
    sign_with(top, key, "ada")
    other = {"commit": "tag", "tag": "commit"}[what]
    git(top, "config", f"{other}.gpgsign", "false")
    key.unlink()
    key.with_suffix(".pub").unlink()
    said = refuse(top, origin, *PROMOTE)
    assert f"a signed {what}, as {what}.gpgsign asks" in said
    assert "user.signingkey" in said


@NO_KEYGEN
def test_signatures_in_a_log_confuse_no_command(
    team,
    key,
):
    top, _ = team
    sign_with(top, key, "ada")
    git(top, "config", "log.showSignature", "true")
    promote(top)
    assert run_cli(top, "history").returncode == 0
    assert "v1.1.0 is back" in run_cli(top, "rollback", "--why", "worse").stdout


@pytest.mark.parametrize("address", ["absolute", "relative"])
def test_a_push_goes_to_the_push_url(
    team,
    tmp_path,
    address,
):
    top, origin = team
    incoming = tmp_path / "team" / "incoming.git"
    shutil.copytree(origin, incoming)
    before = git(origin, "for-each-ref")
    url = incoming if address == "absolute" else "../incoming.git"
    git(top, "config", "remote.origin.pushurl", url)
    promote(top)
    assert git(origin, "for-each-ref") == before
    assert git(incoming, "rev-parse", "main") == git(top, "rev-parse", "HEAD")


def test_a_push_goes_to_the_push_remote(
    team,
    tmp_path,
):
    top, origin = team
    fork = tmp_path / "team" / "fork.git"
    shutil.copytree(origin, fork)
    before = git(origin, "for-each-ref")
    git(top, "remote", "add", "mine", fork)
    git(top, "config", "remote.pushDefault", "mine")
    promote(top)
    assert git(origin, "for-each-ref") == before
    assert git(fork, "rev-parse", "main") == git(top, "rev-parse", "HEAD")


def test_a_push_goes_through_the_ssh_command(
    team,
    tmp_path,
):
    """The command stands in the checkout's settings alone, as a path from its root."""
    top, origin = team
    ssh = write_hook(
        top / ".git" / "tools",
        "ssh",
        f'echo "$@" >> {tmp_path / "asked"}',
        'for last; do :; done; exec sh -c "$last"',
    )
    git(top, "config", "core.sshCommand", f"{ssh.relative_to(top)} -i key")
    git(top, "config", "ssh.variant", "ssh")
    git(top, "remote", "set-url", "origin", f"ssh://git@host{origin}")
    promote(top)
    assert "-i key" in (tmp_path / "asked").read_text()
    assert git(origin, "rev-parse", "main") == git(top, "rev-parse", "HEAD")


class Refusing(http.server.BaseHTTPRequestHandler):
    """A server that wants another password, and notes what it was asked with."""

    def do_GET(self):
        """Refuse."""
        self.server.headers.append(dict(self.headers))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()

    def log_message(
        self,
        *words,
    ):
        """Be silent."""


@pytest.fixture
def server():
    made = http.server.HTTPServer(("127.0.0.1", 0), Refusing)
    made.headers = []
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()


def test_credentials_reach_the_server_and_no_message(
    team,
    server,
    tmp_path,
):
    """Header and credential helper of the checkout are used; what they hold is never shown."""
    top, origin = team
    helper = write_hook(
        tmp_path / "bin", "helper", "echo username=ci", "echo password=FAKE-helper"
    )
    address = f"http://127.0.0.1:{server.server_port}/x.git?token=FAKE-query"
    git(top, "remote", "set-url", "origin", address)
    git(top, "config", "http.extraheader", "X-Team-Token: FAKE-header")
    git(top, "config", "credential.helper", str(helper))
    git(top, "config", "http.proxy", "")
    said = refuse(top, origin, *PROMOTE)
    assert "the right to push" in said
    assert "FAKE" not in said
    asked = json.dumps(server.headers)
    assert "FAKE-header" in asked
    assert "Basic Y2k6RkFLRS1oZWxwZXI=" in asked


def move_origin(
    top,
    origin,
):
    """Let somebody else push first."""
    elsewhere = origin.with_name("elsewhere")
    git(origin.parent, "clone", "-q", origin, elsewhere)
    git(elsewhere, "commit", "-q", "--allow-empty", "-m", "Another's")
    git(elsewhere, "push", "-q")


def tag_in_origin(
    top,
    origin,
):
    """Let somebody else register the version first."""
    git(origin, "tag", "-a", "toy@v1.2.0", "-m", "another's", "main")


def refuse_in_origin(
    top,
    origin,
):
    write_hook(origin / "hooks", "pre-receive", "echo main is protected", "exit 1")


def refuse_update_in_origin(
    top,
    origin,
):
    write_hook(origin / "hooks", "update", "echo not by you", "exit 1")


def check_origin_out(
    top,
    origin,
):
    """Make the remote a repository whose branch somebody has checked out."""
    git(origin, "config", "core.bare", "false")
    git(origin, "config", "core.worktree", origin.parent)


def send_to_nobody(
    top,
    origin,
):
    address = "http://ci:FAKE@127.0.0.1:9/x.git"
    git(top, "config", "remote.origin.pushurl", address)


def send_to_nothing(
    top,
    origin,
):
    git(top, "config", "remote.origin.pushurl", str(origin) + "-gone")


def refuse_the_key(
    top,
    origin,
):
    said = ">&2 echo 'git@host: Permission denied (publickey).'; exit 255 #"
    git(top, "config", "core.sshCommand", said)
    git(top, "config", "remote.origin.pushurl", "git@host:x.git")


FIRST = "somebody else was first"
ADDRESS = "get-url --push origin"
REFUSALS = {
    "first": (move_origin, FIRST, "git pull"),
    "tagged-first": (tag_in_origin, FIRST, "--tags"),
    "rule": (refuse_in_origin, "main is protected", "pull request"),
    "update": (refuse_update_in_origin, "not by you", "pull request"),
}
REFUSALS |= {
    "not-bare": (check_origin_out, "checked out", "rule"),
    "away": (send_to_nobody, "no connection", ADDRESS),
    "gone": (send_to_nothing, "not reached", ADDRESS),
    "key": (refuse_the_key, "not allowed", "key, token"),
}


@pytest.mark.parametrize(("prepare", "what", "cure"), REFUSALS.values(), ids=REFUSALS)
def test_a_refused_push_is_told_as_what_it_was(
    team,
    prepare,
    what,
    cure,
):
    top, origin = team
    prepare(top, origin)
    said = " ".join(refuse(top, origin, *PROMOTE).split())
    assert what in said
    assert cure in said
    assert "FAKE" not in said
    assert (FIRST in said) == (what == FIRST)


def test_without_a_remote_nothing_is_computed(team):
    top, origin = team
    git(top, "remote", "remove", "origin")
    said = refuse(top, origin, *PROMOTE)
    assert "a remote to push to" in said
    assert "without --push" in said


def test_after_a_push_the_checkout_is_not_ahead(team):
    top, origin = team
    promote(top)
    head, *changes = git(top, "status", "-sb").splitlines()
    assert head == "## main...origin/main"
    assert not changes
    assert git(top, "rev-parse", "origin/main") == git(origin, "rev-parse", "main")


def test_settings_of_the_clone_are_as_private_as_a_password(
    team,
):
    top, _ = team
    git(top, "config", "http.extraheader", "Authorization: basic FAKE")
    clone_checkout(top, top / ".mlops" / "clone")
    config = top / ".mlops" / "clone" / ".git" / "config"
    assert config.stat().st_mode & 0o077 == 0
    assert git(config.parent.parent, "config", "http.extraheader").endswith("FAKE")
