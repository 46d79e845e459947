"""Who is an author, and which approval counts: small histories in real git, with real keys."""

import json
import os
import shutil

import pytest
from helpers import miniature
from helpers.miniature import git

from mlops_nb.lifecycle.authors import candidate_authors
from mlops_nb.lifecycle.obstacles import is_approved
from mlops_nb.publishing.card_record import read_approvals

MD5 = "9e107d9d372bb6826bd81d3542a419d6.dir"
OLD = "0cc175b9c0f1b6a831c399e269772661.dir"
TAG = f"approve-{MD5[:8]}"
NOTEBOOK = {"cells": [{"cell_type": "code", "source": ["rows = 1"]}]}
SECTIONS = ("data", "windows", "features", "preprocess", "train", "evaluate", "monitor")
PARAMS = "".join(f"{name}: {{}}\n" for name in SECTIONS)
WINDOWS = "windows: {{train: {{end: '2013-0{}'}}, current: {{end: '2013-0{}'}}}}\n"
LOCK = """\
stages:
  code:
    cmd: python -m mlops_nb code
    deps:
    - path: nbs
    - path: shop
    - path: settings.ini
    outs:
    - path: data/code
  train:
    cmd: python scripts/train.py
    deps:
    - path: data/code
    - path: data/shop.csv
    - path: data/schema.yaml
    - path: data/history.jsonl
    outs:
    - path: data/candidate
      hash: md5
      md5: MD5
"""


def act(
    who,
    top,
    *command,
):
    """Let somebody run git."""
    name = {f"GIT_{role}_NAME": who for role in ("AUTHOR", "COMMITTER")}
    mail = {
        f"GIT_{role}_EMAIL": f"{who}@example.com" for role in ("AUTHOR", "COMMITTER")
    }
    got = miniature.run(top, "git", *command, **name, **mail)
    assert got.returncode == 0, got.stderr
    return got.stdout.strip()


def write(
    top,
    path,
    text,
):
    """Write a file, or take it away."""
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text(text)


def commit(
    who,
    top,
    message="A change",
    **files,
):
    """Let somebody commit files; `__` stands for a slash and `_DOT_` for a dot."""
    for name, text in files.items():
        write(top, name.replace("__", "/").replace("_DOT_", "."), text)
    act(who, top, "add", "-A")
    act(who, top, "commit", "-q", "--allow-empty", "-m", message)
    return git(top, "rev-parse", "HEAD")


def pin(
    top,
    commit_of_champion,
):
    """Let Eve promote a champion."""
    text = f"champion: {{version: v1.0.0, commit: {commit_of_champion}}}\n{PARAMS}"
    commit("eve", top, params_DOT_yaml=text)


@pytest.fixture
def top(tmp_path):
    """Eve's champion is in production; Ada has made the candidate from other code."""
    git(tmp_path, "init", "-q", "-b", "main")
    files = {
        "dvc.yaml": "artifacts: {shop: {path: data/candidate, type: model}}\n",
        "dvc.lock": LOCK.replace("MD5", OLD),
        "settings.ini": "[governance]\nfour_eyes = yes\n",
        "shop/features.py": "rows = 1\n",
        "scripts/train.py": "rows = 1\n",
        "nbs/stages/train.ipynb": json.dumps(NOTEBOOK),
        "data/schema.yaml": "columns: {}\n",
    }
    for path, text in files.items():
        write(tmp_path, path, text)
    pin(tmp_path, commit("eve", tmp_path, params_DOT_yaml=PARAMS))
    commit("ada", tmp_path, shop__features_DOT_py="rows = 2\n")
    commit("ada", tmp_path, dvc_DOT_lock=LOCK.replace("MD5", MD5))
    return tmp_path


def authors(top):
    return sorted(str(author) for author in candidate_authors(top))


def test_authors_are_those_since_the_champion(top):
    assert authors(top) == ["ada"]


CHANGES = {
    "features": {"shop__features_DOT_py": "rows = 3\n"},
    "a script": {"scripts__train_DOT_py": "rows = 3\n"},
    "parameters": {"params_DOT_yaml": PARAMS.replace("train: {}", "train: {seed: 1}")},
    "training window": {
        "params_DOT_yaml": PARAMS.replace("windows: {}\n", WINDOWS.format(4, 4))
    },
}
CHANGES |= {
    "contract": {"data__schema_DOT_yaml": "columns: {x: {}}\n"},
    "data": {"data__shop_DOT_csv_DOT_dvc": "outs: []\n"},
    "the pipeline": {"dvc_DOT_yaml": "stages: {train: {cmd: python x.py}}\n"},
    "versions": {"requirements_DOT_lock": "numpy==2\n"},
    "a stage": {
        "nbs__stages__train_DOT_ipynb": json.dumps(NOTEBOOK).replace(
            "rows = 1", "rows = 3"
        )
    },
    "the candidate": {"dvc_DOT_lock": LOCK.replace("MD5", "1" * 32)},
}


@pytest.mark.parametrize("files", CHANGES.values(), ids=CHANGES)
def test_who_changes_what_stages_depend_on_is_an_author(
    top,
    files,
):
    commit("bo", top, **files)
    assert "bo" in authors(top)


PROSE = {
    "dvc.lock": {"dvc_DOT_lock": LOCK.replace("MD5", MD5) + "schema: '2.0'\n"},
    "a decision": {"data__decisions_DOT_jsonl": "{}\n", "reports__x_DOT_html": "x"},
    "a comment": {"shop__features_DOT_py": '"""Words."""\nrows = 2  # of it\n'},
    "settings": {"settings_DOT_ini": "[governance]\nfour_eyes = yes\n[report]\n"},
    "a guide": {"README_DOT_md": "words\n", "docs__x_DOT_py": "x = 1\n"},
    "the title of a pipeline": {
        "dvc_DOT_yaml": "artifacts: {shop: {path: data/candidate, desc: words}}\n"
    },
}


@pytest.mark.parametrize("files", PROSE.values(), ids=PROSE)
def test_who_changes_no_result_is_no_author(
    top,
    files,
):
    commit("bo", top, **files)
    assert authors(top) == ["ada"]


def test_moving_pin_and_watched_window_makes_no_author(top):
    before = (top / "params.yaml").read_text()
    moved = before.replace("windows: {}\n", WINDOWS.format(3, 4))
    commit("ada", top, params_DOT_yaml=moved)
    moved = moved.replace("current: {end: '2013-04", "current: {end: '2013-05")
    commit("bo", top, params_DOT_yaml=moved.replace("v1.0.0", "v1.0.1"))
    assert authors(top) == ["ada"]


def test_co_authors_are_authors(top):
    message = "Pair\n\nCo-authored-by: Bo <bo@example.com>"
    commit("ada", top, message, shop__features_DOT_py="rows = 3\n")
    assert authors(top) == ["Bo", "ada"]


def test_a_merge_makes_no_author_of_who_merges(top):
    act("ada", top, "switch", "-q", "-c", "side", "HEAD~1")
    commit("cleo", top, scripts__train_DOT_py="rows = 4\n")
    act("bo", top, "switch", "-q", "main")
    act("bo", top, "merge", "-q", "--no-edit", "side")
    assert authors(top) == ["ada", "cleo"]


def test_without_a_champion_all_who_ever_changed_it_are_authors(top):
    commit("dan", top, params_DOT_yaml=PARAMS + "champion: {version: null}\n")
    assert "eve" in authors(top)


def approve(
    who,
    top,
    kind="tag",
    **more,
):
    """Let somebody approve of the candidate, maybe with settings of git."""
    options = [each for key, value in more.items() for each in ("-c", f"{key}={value}")]
    options = [option.replace("__", ".") for option in options]
    if kind == "tag":
        act(who, top, *options, "tag", "-f", "-a", f"{TAG}-{who}", "-m", "seen")
    else:
        text = f"Approve: {MD5[:8]}"
        act(who, top, *options, "commit", "-q", "--allow-empty", "-m", text)


@pytest.mark.parametrize("kind", ["tag", "commit"])
def test_the_approval_of_another_counts(
    top,
    kind,
):
    approve("ada", top, kind)
    assert not is_approved(top, MD5)
    approve("bo", top, kind)
    assert is_approved(top, MD5)


def test_a_dismissal_of_another_does_not_let_an_author_approve(top):
    commit("bo", top, dvc_DOT_lock=LOCK.replace("MD5", MD5) + "schema: '2.0'\n")
    approve("ada", top, "commit")
    assert not is_approved(top, MD5)


@pytest.mark.parametrize("robots", ["ci", "CI@example.com", "x, ci@*"])
def test_a_robot_that_trains_is_no_second_pair_of_eyes(
    top,
    robots,
):
    """Neither by its approval, nor by committing what somebody else has changed."""
    commit("ada", top, params_DOT_yaml=PARAMS.replace("train: {}", "train: {seed: 1}"))
    commit("ci", top, dvc_DOT_lock=LOCK.replace("MD5", "2" * 32 + ".dir"))
    commit("ci", top, dvc_DOT_lock=LOCK.replace("MD5", MD5))
    settings = f"[governance]\nfour_eyes = yes\nrobots = {robots}\n"
    commit("eve", top, settings_DOT_ini=settings)
    approve("ada", top)
    approve("ci", top)
    assert not is_approved(top, MD5)
    approve("bo", top)
    assert is_approved(top, MD5)


def test_another_address_of_an_author_is_the_author(top):
    (top / ".mailmap").write_text("ada <ada@example.com> <countess@example.com>\n")
    act("countess", top, "tag", "-a", TAG, "-m", "seen")
    assert not is_approved(top, MD5)


def test_a_tag_without_a_note_approves_of_nothing(top):
    act("bo", top, "tag", TAG)
    assert not is_approved(top, MD5)


@pytest.fixture
def keys(
    top,
    tmp_path_factory,
):
    """Keys of Ada and Bo that the checkout trusts, and one of Bo's that it does not."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ada", "bo", "unknown"):
        place = folder / name
        make = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place)
        miniature.output_of(folder, *make)
    lines = [
        f"{who}@example.com {(folder / who).with_suffix('.pub').read_text()}"
        for who in ("ada", "bo")
    ]
    (folder / "allowed").write_text("".join(lines))
    git(top, "config", "gpg.format", "ssh")
    allowed = os.path.relpath(folder / "allowed", top)
    git(top, "config", "gpg.ssh.allowedSignersFile", allowed)
    commit("eve", top, settings_DOT_ini="[governance]\nfour_eyes = yes\nsigned = yes\n")
    return folder


def sign(
    who,
    top,
    key,
    kind,
):
    signing = {"user__signingkey": key, "commit__gpgsign": "yes", "tag__gpgsign": "yes"}
    approve(who, top, kind, **signing)


NAME_ONLY = ("bo", "not signed, a name only")
UNKNOWN = ("bo", "signed, not verified here")
BY_ADA = ("ada@example.com", "signed, verified by git")
BY_BO = ("bo", "signed, verified by git")
SIGNED = {
    "verified": ("bo", BY_BO),
    "a name": (None, NAME_ONLY),
    "unknown key": ("unknown", UNKNOWN),
    "an author's key in another's name": ("ada", BY_ADA),
}


@pytest.mark.parametrize("kind", ["tag", "commit"])
@pytest.mark.parametrize(("key", "shown"), SIGNED.values(), ids=SIGNED)
def test_where_signatures_are_asked_for_only_they_count(
    top,
    keys,
    kind,
    key,
    shown,
):
    if key:
        sign("bo", top, keys / key, kind)
    else:
        approve("bo", top, kind)
    assert is_approved(top, MD5) == (shown == BY_BO)
    (row,) = read_approvals(MD5, top)
    assert (row["who"], row["proof"]) == shown
