"""The published site: made from git and the DVC cache, whole, and written only where it changed."""

import json
import re
import shutil
from pathlib import Path

import pytest
from helpers.project import ROOT, change, run_mlops_nb, run_shell
from helpers.site import LOST, PageParts, add_run, broken_links
from ruamel.yaml import YAML

import mlops_nb.publishing.docs
import mlops_nb.publishing.publish
from mlops_nb.core.errors import UserError
from mlops_nb.lifecycle.registry import recorded_md5
from mlops_nb.publishing.publish import publish_site

STAGES = ("monitor", "evaluate", "train", "preprocess-train", "preprocess-current")
PAGES_OF_A_RUN = ("index", *STAGES, "features")


@pytest.fixture(scope="module")
def shown(
    published_once,
    tmp_path_factory,
):
    """Return a project with a history and what `publish_site` said; tests may add runs."""
    top = tmp_path_factory.mktemp("history") / "project"
    shutil.copytree(published_once, top, symlinks=True)
    return top, publish_site(top=top)


def words_of(page: str) -> str:
    """Return the words of a page: terms in them may be links to the glossary."""
    return re.sub(r"<[^>]+>", "", page)


@pytest.fixture(scope="module")
def commits(shown):
    """Return the commits of the project by their message."""
    top, _ = shown
    log = run_shell("git", "log", "--reverse", "--format=%H %s", cwd=top).stdout
    return {line.partition(" ")[2]: line.partition(" ")[0] for line in log.splitlines()}


def read(
    shown,
    path: str,
) -> str:
    """Return a page of the site."""
    _, done = shown
    return (done.path / path).read_text()


def test_every_link_leads_somewhere(shown):
    _, done = shown
    assert broken_links(done.path) == []
    assert len(list(done.path.rglob("*.html"))) > 50


def test_a_missing_page_is_seen_by_the_test_of_links(shown):
    _, done = shown
    (done.path / "docs.html").rename(done.path / "away.html")
    found = broken_links(done.path)
    (done.path / "away.html").rename(done.path / "docs.html")
    assert any(link.endswith("docs.html") for _, _, link in found)


def test_runs_are_counted_and_lost_ones_named(
    shown,
    commits,
):
    _, done = shown
    assert done.runs == 4
    assert done.lost == (commits[LOST],)
    assert "dvc fetch --all-commits" in str(done)


def test_runs_of_development_are_listed_newest_first(
    shown,
    commits,
):
    page = read(shown, "development.html")
    table = page.index("<table")
    order = [page.index(commits[name][:8], table) for name in ("Newest", LOST, "small")]
    assert order == sorted(order)
    assert "Records only" not in page
    assert f"{LOST} – pages not kept" in page
    assert 'role="img" aria-label="' in page


def test_the_start_page_has_no_commits(
    shown,
    commits,
):
    index = read(shown, "index.html")
    assert 'href="development.html"' in index
    for commit in commits.values():
        assert commit[:8] not in re.sub(r'href="[^"]*"', "", index)


@pytest.mark.parametrize("word", ["Watch", "March 2020", "0.8", "Promoted v1.0.0"])
def test_the_start_page_has_verdict_periods_and_decisions(
    shown,
    word,
):
    assert word in read(shown, "index.html")


NAVIGATION = ["index", "decisions", "versions", "challengers", "search"]


def test_documents_of_the_code_are_apart(shown):
    index = read(shown, "index.html")
    navigation = index.partition("<nav")[2].partition("</nav>")[0]
    assert re.findall(r'href="([^"]*)\.html"', navigation) == NAVIGATION
    assert 'href="docs.html"' in index.partition("</nav>")[2]


FOR_DECIDERS = [f"{name}.html" for name in NAVIGATION] + ["cards/v1.0.0.html"]
COMMAND = re.compile(r"`|\b(?:dvc|mlops-nb|make|git) [a-z]|params\.yaml|settings\.ini")


@pytest.mark.parametrize("path", FOR_DECIDERS, ids=FOR_DECIDERS)
def test_whoever_decides_is_told_no_command(
    shown,
    path,
):
    page = read(shown, path)
    for_the_team = r'<details class="fold team">.*?</details>'
    text = re.sub(r"(?s)<style.*?</style>|" + for_the_team, "", page)
    assert COMMAND.findall(re.sub(r"<[^>]+>", " ", text)) == []


@pytest.mark.parametrize("name", PAGES_OF_A_RUN, ids=PAGES_OF_A_RUN)
def test_a_page_of_a_run_gets_date_and_commit_and_nothing_else(
    shown,
    commits,
    name,
):
    top, _ = shown
    commit = commits["small"]
    page = read(shown, f"runs/{commit[:12]}/{name}.html")
    address = f"https://git.example.org/team/sales/commit/{commit}"
    assert f'<a style="color:inherit" href="{address}">' in page
    assert re.search(r'<time datetime="20\d\d-\d\d-\d\dT\d\d:\d\dZ">', page)
    rest = re.sub(r"<aside.*?</aside>", "", page, flags=re.S)
    assert abs(len(rest) - (top / "reports" / f"{name}.html").stat().st_size) < 400


def test_a_lost_run_has_no_pages(
    shown,
    commits,
):
    _, done = shown
    assert not (done.path / "runs" / commits[LOST][:12]).exists()


def test_no_password_of_the_repository_is_published(shown):
    _, done = shown
    for file in done.path.rglob("*.html"):
        assert "secret@git.example.org" not in file.read_text(), file


def test_versions_have_their_stages_runs_and_cards(
    shown,
    commits,
):
    versions = read(shown, "versions.html")
    card = json.loads(read(shown, "cards/v1.0.0.json"))
    assert "v1.0.0" in versions
    assert "prod#1" in versions
    assert f'href="runs/{commits["small"][:12]}/index.html"' in versions
    assert 'href="cards/v1.0.0.html"' in versions
    assert "v1.0.0" in read(shown, "cards/v1.0.0.html")
    assert "auc" in card["metrics"]["candidate"]


def test_decisions_and_challengers_have_addresses(shown):
    assert 'id="d-aaaa1111"' in read(shown, "decisions.html")
    assert "Release checks failed" in read(shown, "challengers.html")
    assert "Evaluation" in read(shown, "challengers/cccc3333.html")


def test_nothing_runs_on_any_page_but_the_search(shown):
    _, done = shown
    for file in done.path.rglob("*.html"):
        page = PageParts(file.read_text())
        allowed = ["search-index.js", "search.js"] if file.name == "search.html" else []
        assert page.scripts == allowed, file
        assert not page.handlers, file
        assert ("img", "x") not in page.links, file


def test_every_page_has_its_policy(shown):
    _, done = shown
    for file in done.path.rglob("*.html"):
        scripts = "script-src 'self'; " if file.name == "search.html" else ""
        policy = (
            f"default-src 'none'; {scripts}style-src 'unsafe-inline'; img-src data:"
        )
        found = re.findall(
            r'Content-Security-Policy" content="([^"]*)"', file.read_text()
        )
        assert found == [policy], file


@pytest.mark.parametrize("name", ["index", "decisions", "challengers", "development"])
def test_text_stays_text(
    shown,
    name,
):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in read(shown, f"{name}.html")


def times(folder: Path) -> dict[str, int]:
    """Return when each file of a folder was written."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): file.stat().st_mtime_ns for file in files
    }


def test_only_what_changed_is_written(shown):
    top, done = shown
    before = times(done.path)
    again = publish_site(top=top)
    assert again.written == 0
    assert again.removed == 0
    assert times(done.path) == before


def test_a_new_run_is_added_and_taken_back(shown):
    top, done = shown
    before = times(done.path)
    (done.path / "mine.txt").write_text("left alone")
    add_run(top, "One more")
    more = publish_site(top=top)
    changed = {*times(done.path).items()} - {*before.items()}
    commit = run_shell("git", "rev-parse", "HEAD", cwd=top).stdout[:12]
    of_runs = [
        name for name, _ in changed if name.startswith(("runs/", "files/", "docs"))
    ]
    assert more.runs == 5
    assert {name.split("/")[1] for name in of_runs} == {commit}
    assert len(of_runs) == len(PAGES_OF_A_RUN)

    run_shell("git", "reset", "-q", "--hard", "HEAD~1", cwd=top)
    assert publish_site(top=top).removed == len(PAGES_OF_A_RUN)
    assert not (done.path / "runs" / commit).exists()
    assert set(times(done.path)) == {*before, "mine.txt"}
    (done.path / "mine.txt").unlink()


def test_a_page_that_is_gone_is_written_again(shown):
    top, done = shown
    (done.path / "docs.html").unlink()
    assert publish_site(top=top).written == 1
    assert broken_links(done.path) == []


def test_a_project_is_no_place_for_a_site(shown):
    top, _ = shown
    with pytest.raises(UserError, match="which is a project"):
        publish_site(top, top)


def test_a_site_elsewhere_in_japanese(
    shown,
    tmp_path,
    monkeypatch,
):
    monkeypatch.setattr(mlops_nb.publishing.publish, "write_docs", lambda site, top: [])
    top, _ = shown
    settings = (top / "settings.ini").read_text()
    (top / "settings.ini").write_text(
        settings.replace("language = en", "language = ja")
    )
    try:
        done = publish_site(tmp_path / "ja", top)
    finally:
        (top / "settings.ini").write_text(settings)
    page = (done.path / "index.html").read_text()
    for word in ('lang="ja"', "概要", "要注意", "v1.0.0 を昇格", "2020年3月"):
        assert word in page or word in words_of(page), word
    assert "残っていません" in (done.path / "development.html").read_text()


@pytest.fixture
def quick(monkeypatch):
    """Publish without the pages of notebooks."""
    monkeypatch.setattr(mlops_nb.publishing.docs, "find_doc_pages", lambda top: [])
    monkeypatch.setattr(
        mlops_nb.publishing.publish, "write_extra_pages", lambda site, top, run: []
    )


def pin_version(top: Path) -> None:
    """Pin the only version in params.yaml."""
    commit = run_shell("git", "rev-list", "-n1", "flights@v1.0.0", cwd=top).stdout
    md5 = recorded_md5("flights@v1.0.0", "data/candidate", top)
    pin = {"version": "v1.0.0", "commit": commit.strip(), "md5": md5}
    change(top, champion=pin)


@pytest.fixture
def pinned(
    shown,
    tmp_path,
):
    """Return a copy of the project whose version is pinned."""
    top = tmp_path / "pinned"
    shutil.copytree(shown[0], top, symlinks=True)
    shutil.rmtree(top / "_site")
    pin_version(top)
    return top


@pytest.mark.usefixtures("quick")
def test_the_version_in_production_is_told_everywhere(pinned):
    site = publish_site(top=pinned).path
    index = (site / "index.html").read_text()
    assert "In production: v1.0.0" in index
    assert "Ada promoted it: “the gate passed”" in words_of(index)
    assert "on 743 unseen rows" in index
    assert 'href="cards/v1.0.0.html"' in index
    assert "in production since 2 May 2020" in (site / "versions.html").read_text()
    assert broken_links(site) == []


@pytest.mark.usefixtures("quick")
def test_a_version_whose_bytes_are_lost_is_told_in_words(pinned):
    shutil.rmtree(pinned / ".dvc" / "cache")
    shutil.rmtree(pinned / "reports")
    site = publish_site(top=pinned).path
    index = (site / "index.html").read_text()
    assert "In production: v1.0.0" in index
    assert "Before promotion" not in index
    assert "No result is kept here" in index
    for page in (index, (site / "versions.html").read_text()):
        assert "The model card of v1.0.0 cannot be shown" in page
    assert broken_links(site) == []


@pytest.mark.usefixtures("quick")
def test_a_shallow_clone_is_told_in_words(
    pinned,
    tmp_path,
):
    clone = tmp_path / "clone"
    run_shell("git", "commit", "-qam", "Pin", cwd=pinned)
    run_shell(
        "git", "clone", "-q", "--depth", "1", pinned.as_uri(), clone, cwd=tmp_path
    )
    site = publish_site(top=clone).path
    for name in ("index", "versions", "development"):
        assert (
            "Only the newest part of the history" in (site / f"{name}.html").read_text()
        )
    assert broken_links(site) == []


@pytest.mark.usefixtures("quick")
def test_a_project_without_a_remote_is_published(pinned):
    run_shell("git", "config", "--unset", "remote.origin.url", cwd=pinned)
    site = publish_site(top=pinned).path
    assert "commits are not linked" in (site / "development.html").read_text()
    assert broken_links(site) == []


def test_publish_refuses_a_folder_of_somebody_else(
    shown,
    tmp_path,
):
    top, _ = shown
    (tmp_path / "manifest.json").write_text(
        '{"src/main.js": {"file": "assets/main.js"}}'
    )
    (tmp_path / "keep.txt").write_text("mine")
    answer = run_mlops_nb("publish", "--to", tmp_path, cwd=top, check=False)
    left = sorted(file.name for file in tmp_path.iterdir() if file.is_file())
    assert answer.returncode == 1
    assert "holds other things" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert left == ["keep.txt", "manifest.json"]


def load_workflow(path: str) -> dict:
    """Read a workflow of this repository."""
    return YAML(typ="safe", pure=True).load((ROOT / path).read_text())


def test_the_workflow_of_github_publishes():
    steps = load_workflow(".github/workflows/pages.yml")["jobs"]["build"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    assert any("mlops_nb publish" in step.get("run", "") for step in steps)
    assert steps[-1]["with"]["path"] == "_site"


def test_the_workflow_of_gitlab_publishes():
    pages = load_workflow(".gitlab-ci.yml")["pages"]
    assert pages["variables"]["GIT_DEPTH"] == 0
    assert any("mlops_nb publish" in line for line in pages["script"])
    assert pages["artifacts"]["paths"] == ["public"]


def test_git_ignores_the_site():
    assert "_site/" in (ROOT / ".gitignore").read_text().split()
