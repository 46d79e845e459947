"""Commands change a line of params.yaml, not the way in which it is written."""

import difflib
import sys

import pytest
from helpers import miniature
from helpers.miniature import git, output_of, run_cli
from helpers.shipped import SHIPPED

from mlops_nb.core.params_text import is_settled

DVC = (sys.executable, "-m", "dvc")
DOUBLE_QUOTES = """\
data: {period: M, source: "shop.csv"}
windows: {train: {start: "2013-01", end: "2013-03"}, current: {start: "2013-04", end: "2013-04"}}
features: {}
preprocess: {}
train:
    seed:   0   # aligned as I like it
evaluate: {}
monitor: {}
champion: {version: null, commit: null, md5: null}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A miniature project."""
    return miniature.make_project(tmp_path_factory.mktemp("style") / "project")


def use_params(
    top,
    text,
):
    """Commit a run of these parameters."""
    git(top, "reset", "-q", "--hard", "HEAD")
    (top / "params.yaml").write_text(text)
    output_of(top, *miniature.MLOPS_NB, "dvc", "repro", "-q")
    git(top, "add", "-A")
    git(top, "commit", "-q", "--allow-empty", "-m", "parameters")


def changed_lines(
    before,
    after,
):
    """The lines that went and came."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


def test_plain_dvc_changes_one_line_of_what_we_write(made):
    text = (SHIPPED / "params.yaml").read_text("utf-8")
    use_params(made, text)
    output_of(made, *DVC, "exp", "run", "-q", "-S", "train.seed=1")
    after = (made / "params.yaml").read_text("utf-8")
    assert changed_lines(text, after)[0] == "-   seed: 0"
    assert changed_lines(text, after)[1] == "+   seed: 1"
    assert len(changed_lines(text, after)) == 2


def test_our_dvc_changes_one_line_of_another_style(made):
    use_params(made, DOUBLE_QUOTES)
    command = ("dvc", "exp", "run", "-q", "-S", "train.seed=1")
    output_of(made, *miniature.MLOPS_NB, *command)
    expected = DOUBLE_QUOTES.replace("seed:   0", "seed:   1")
    assert (made / "params.yaml").read_text("utf-8") == expected


def test_a_challenger_changes_its_window_alone(made):
    use_params(made, DOUBLE_QUOTES)
    done = run_cli(made, "retrain", "--periods", "2")
    assert done.returncode == 0, done.stderr
    refs = "refs/exps"
    challengers = git(made, "for-each-ref", "--format=%(refname)", refs).splitlines()
    found = [git(made, "show", f"{ref}:params.yaml") + "\n" for ref in challengers]
    expected = DOUBLE_QUOTES.replace('start: "2013-01"', 'start: "2013-02"')
    assert expected in found


def test_a_promotion_changes_the_pin_alone(made):
    use_params(made, DOUBLE_QUOTES)
    done = run_cli(made, "promote", "--why", "w")
    assert done.returncode == 0, done.stderr
    after = (made / "params.yaml").read_text("utf-8")
    assert changed_lines(DOUBLE_QUOTES, after)[0].startswith("- champion: {version:")
    assert len(changed_lines(DOUBLE_QUOTES, after)) == 2


def test_a_promotion_leaves_a_text_that_dvc_does_not_change(made):
    text = (SHIPPED / "params.yaml").read_text("utf-8")
    use_params(made, text)
    done = run_cli(made, "promote", "--why", "w")
    assert done.returncode == 0, done.stderr
    after = (made / "params.yaml").read_text("utf-8")
    changed = [line.split(":")[0] for line in changed_lines(text, after)]
    pin = ["  version", "  commit", "  md5"]
    assert sorted(changed) == sorted([f"{sign} {key}" for sign in "+-" for key in pin])
    assert is_settled(after)
