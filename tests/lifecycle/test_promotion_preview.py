"""`mlops-nb promote --preview` says what a promotion would bring, and changes nothing."""

from helpers.miniature import git, run_cli


def test_a_preview_needs_no_reason_and_changes_nothing(top):
    head = git(top, "rev-parse", "HEAD")
    done = run_cli(top, "promote", "--preview")
    assert done.returncode == 0, done.stderr
    assert "against v1.1.0, which is in production" in done.stdout
    assert "cannot be compared" in done.stdout  # models of scripts cannot be asked
    assert "nothing is in the way: mlops-nb promote --why …" in done.stdout
    assert git(top, "rev-parse", "HEAD") == head
    assert git(top, "status", "--porcelain") == ""


def test_a_preview_of_what_is_in_production_already(top):
    assert run_cli(top, "promote", "--why", "better").returncode == 0
    done = run_cli(top, "promote", "--preview")
    assert "is v1.2.0, which is in production already" in done.stdout


def test_a_promotion_still_needs_a_reason(source):
    done = run_cli(source, "promote")
    assert done.returncode != 0
    assert "--why" in done.stderr
