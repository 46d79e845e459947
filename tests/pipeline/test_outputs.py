"""The outputs of a stage take their places all together, whatever fails between two of them."""

import errno
import os
import shutil

import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.pipeline.outputs import publish_outputs
from mlops_nb.pipeline.staging import worded_write_errors

LISTED = ["data/model", "data/new", "reports/a.json", "reports/b.json"]
FAILURES = {f"move {n}": (shutil, "move", n) for n in range(1, 5)} | {
    f"replace {n}": (os, "replace", n) for n in range(1, 6)
}
FULL = OSError(errno.ENOSPC, "No space left on device")


def write(
    top,
    word,
    paths=LISTED,
):
    """Write outputs: `data/…` are folders."""
    for path in paths:
        file = top / path / "file" if path.startswith("data") else top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{word} {path}")


def contents(top):
    """The files of a folder, those that are hidden too."""
    files = [file for file in top.rglob("*") if file.is_file()]
    return {file.relative_to(top).as_posix(): file.read_text() for file in files}


@pytest.fixture
def places(tmp_path):
    """A staging folder with all outputs, and a project that has most of them already."""
    write(tmp_path / "staged", "new")
    write(tmp_path / "top", "old", [path for path in LISTED if path != "data/new"])
    return tmp_path / "staged", tmp_path / "top"


def fail_at(
    monkeypatch,
    module,
    name,
    *numbers,
):
    """Let the calls of these numbers of a function fail, as on a full disk."""
    real = getattr(module, name)
    calls = []

    def counted(*args, **options):
        calls.append(args)
        if len(calls) in numbers:
            raise FULL
        return real(*args, **options)

    monkeypatch.setattr(module, name, counted)
    return calls


def test_all_take_their_places(places):
    staged, top = places
    expected = contents(staged)
    publish_outputs(staged, top, LISTED)
    assert contents(top) == expected


@pytest.mark.parametrize(("module", "name", "number"), FAILURES.values(), ids=FAILURES)
def test_none_does_where_one_fails(
    places,
    monkeypatch,
    module,
    name,
    number,
):
    staged, top = places
    before = contents(top)
    calls = fail_at(monkeypatch, module, name, number)
    with (
        pytest.raises(UserError, match="no output was changed"),
        worded_write_errors("x"),
    ):
        publish_outputs(staged, top, LISTED)
    assert len(calls) >= number
    assert contents(top) == before


def test_a_file_system_without_second_names_will_do(
    places,
    monkeypatch,
):
    staged, top = places
    expected = contents(staged)
    fail_at(monkeypatch, os, "link", 1, 2)
    publish_outputs(staged, top, LISTED)
    assert contents(top) == expected


def test_what_cannot_be_put_back_is_named(
    places,
    monkeypatch,
):
    staged, top = places
    fail_at(monkeypatch, os, "replace", 5, 6, 7)
    with pytest.raises(UserError) as refused, worded_write_errors("x"):
        publish_outputs(staged, top, LISTED)
    assert "no output was changed" not in str(refused.value)
    assert "all others are as before" in refused.value.found
    named = [path for path in LISTED if f"{top / path}" in refused.value.found]
    after = contents(top)
    for path in set(LISTED) - {*named, "data/new"}:
        name = f"{path}/file" if path.startswith("data") else path
        assert after[name] == f"old {path}"
    assert named


def test_what_a_killed_run_left_is_no_obstacle(places):
    staged, top = places
    expected = contents(staged)
    (top / "reports" / ".a.json.mlops-nb-old").write_text("left")
    (top / "data" / ".model.mlops-nb-new").mkdir()
    publish_outputs(staged, top, LISTED)
    assert contents(top) == expected
    assert not (top / "data" / ".model.mlops-nb-new").exists()
