"""A site's folder: what somebody else wrote is neither written over nor removed."""

import json
from pathlib import Path

import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import write_atomic
from mlops_nb.publishing.site import Site, all_or_nothing

FOREIGN = {
    "of Vite": '{"src/main.js": {"file": "assets/main.js"}, "keep.txt": "a"}',
    "of webpack": '{"keep.txt": "d41d8cd98f00b204e9800998ecf8427e"}',
    "with another format": '{"format": "webmanifest", "files": {"keep.txt": "a"}}',
    "that is a list": '["keep.txt"]',
    "whose files are a list": '{"format": "mlops-nb site 1", "files": ["keep.txt"]}',
    "that is no JSON": "{",
    "that is not there": "",
}


def open_site(folder: Path) -> Site:
    """Open a site in a folder."""
    return Site.open(folder, {"title": "t", "lang": "en"})


def make_site(
    folder: Path,
    text: str = "a",
) -> None:
    """Make a site of one page."""
    site = open_site(folder)
    site.put_text("index.html", text)
    site.close()


def contents(folder: Path) -> dict[Path, bytes]:
    """Return what is in the files of a folder."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def web(tmp_path) -> Path:
    """Return where the site goes."""
    return tmp_path / "web"


@pytest.fixture
def outside(tmp_path) -> Path:
    """Return a folder beside the site, with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "keep.txt").write_text("mine")
    return folder


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind)
def test_a_folder_of_somebody_else_is_refused(
    web,
    kind,
):
    (web / "src").mkdir(parents=True)
    (web / "keep.txt").write_text("mine")
    (web / "src" / "main.js").write_text("mine")
    if FOREIGN[kind]:
        (web / "manifest.json").write_text(FOREIGN[kind])
    before = contents(web)
    with pytest.raises(UserError, match="a new or an empty folder"):
        open_site(web)
    assert contents(web) == before


def test_a_file_in_place_of_the_folder_is_refused(web):
    web.write_text("mine")
    with pytest.raises(UserError, match="which is a file"):
        open_site(web)


def test_a_manifest_that_leads_out_of_the_folder_removes_nothing(
    web,
    outside,
):
    make_site(web)
    (web / "link").symlink_to(outside)
    (web / "folder").mkdir()
    away = ["../outside/keep.txt", str(outside / "keep.txt"), "link/keep.txt"]
    folders = ["folder", "..", ".", ""]
    files = dict.fromkeys(["index.html", *away, *folders], "a")
    manifest = {"format": "mlops-nb site 1", "files": files}
    (web / "manifest.json").write_text(json.dumps(manifest))
    make_site(web, "b")
    assert (outside / "keep.txt").read_text() == "mine"
    assert (web / "folder").is_dir()
    assert (web / "index.html").read_text() == "b"


def test_a_page_is_not_written_through_a_link(
    web,
    outside,
):
    make_site(web)
    (web / "docs").symlink_to(outside)
    with pytest.raises(UserError, match="move it away"):
        open_site(web).put_text("docs/index.html", "ours")
    assert [file.name for file in outside.iterdir()] == ["keep.txt"]


def test_a_file_of_somebody_else_in_a_site_is_not_written_over(web):
    make_site(web)
    (web / "search.html").write_text("mine")
    site = open_site(web)
    with pytest.raises(UserError, match="move it away"):
        site.put_text("search.html", "ours")
    assert (web / "search.html").read_text() == "mine"


def test_an_interrupted_publish_is_finished_by_the_next(web):
    """The first was killed before it wrote its manifest: what it had written is known as ours."""
    killed = open_site(web)
    killed.put_text("index.html", "a")
    killed.put_text("old/page.html", "a")
    again = open_site(web)
    again.put_text("index.html", "b")
    assert again.close() == 1
    assert sorted(file.name for file in web.rglob("*")) == [
        "index.html",
        "manifest.json",
    ]


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(".manifest.json.0123456789abcdef", id="the manifest"),
        pytest.param("old/.page.html.0123456789abcdef", id="a page"),
    ],
)
def test_half_a_file_of_a_killed_publish_goes_with_the_next(
    web,
    left,
):
    """It was killed between writing a file beside its place and moving it there."""
    if "page" in left:
        open_site(web).put_text("old/page.html", "a")
    (web / left).parent.mkdir(parents=True, exist_ok=True)
    (web / left).write_text("half")
    again = open_site(web)
    again.put_text("index.html", "b")
    again.close()
    assert not (web / left).exists()
    assert (web / "index.html").read_text() == "b"


def fail_at(
    number: int,
    monkeypatch,
) -> None:
    """Let the writing of the file of that number, counted from 1, find the disk full."""
    writes = iter(range(1, 1000))

    def write(path, data):
        if next(writes) == number:
            path.parent.mkdir(parents=True, exist_ok=True)
            raise UserError(f"to write {path}", "No space left on device", "free some")
        return write_atomic(path, data)

    monkeypatch.setattr("mlops_nb.publishing.site_folder.write_atomic", write)


@pytest.mark.parametrize("number", range(1, 6), ids=str)
@pytest.mark.parametrize("existed", [True, False], ids=["old site", "new folder"])
def test_a_publish_that_fails_leaves_the_site_as_it_was(
    web,
    number,
    existed,
    monkeypatch,
):
    if existed:
        make_site(web)
    before = contents(web)
    with monkeypatch.context() as patched:
        fail_at(number, patched)
        site = open_site(web)
        with pytest.raises(UserError), all_or_nothing(site):
            publish_three(site)
    assert contents(web) == before
    assert web.exists() == existed
    publish_three(open_site(web))
    assert (web / "index.html").read_text() == "b"


def publish_three(site: Site) -> None:
    """Make a site of three pages, one of which is changed."""
    site.put_text("index.html", "b")
    site.put_text("runs/1.html", "a")
    site.put_text("search.html", "a")
    site.close()
