"""A site that does not find room on its disk is as it was, and the error says so."""

import contextlib
import errno
import subprocess
from pathlib import Path

import pytest
from helpers import miniature
from helpers.miniature import run_cli

SMALL = 100_000  # bytes; less than the site of the miniature project


@pytest.fixture
def disk(tmp_path):
    """A file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={80 * SMALL}", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def project(tmp_path):
    """A project whose runs are committed."""
    return miniature.make_project(tmp_path / "project")


def fill(
    file: Path,
    left: int,
) -> None:
    """Fill a disk with a file, but for some bytes."""
    with file.open("wb", buffering=0) as filling:
        try:
            while True:
                filling.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        filling.truncate(max(filling.tell() - left, 0))


def contents(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of a folder."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def times(folder: Path) -> dict[str, int]:
    """Return when the files of a folder were written."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in files}


@pytest.mark.parametrize("left", [0, 20_000, SMALL], ids=str)
def test_a_first_site_is_not_there(project, disk, left):
    fill(disk / "filling", left)
    done = run_cli(project, "publish", "--to", disk / "site")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "nothing was changed" not in done.stderr
    assert not (disk / "site").exists()


def test_a_later_site_is_as_it_was(project, disk):
    site = disk / "site"
    assert run_cli(project, "publish", "--to", site).returncode == 0
    before = contents(site)
    (project / "settings.ini").write_text("[report]\ntitle = Another\n")
    fill(disk / "filling", SMALL)
    written = times(site)
    done = run_cli(project, "publish", "--to", site)
    assert done.returncode == 1
    assert f"{site} is as it was" in done.stderr
    assert contents(site) == before
    assert times(site).keys() == written.keys()
    (disk / "filling").unlink()
    assert run_cli(project, "publish", "--to", site).returncode == 0
    assert "Another" in (site / "index.html").read_text()
    with contextlib.suppress(FileNotFoundError):
        assert not list(site.glob(".mlops-nb-*"))
