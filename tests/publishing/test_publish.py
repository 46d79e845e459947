"""The published site: made from git and the DVC cache, whole, quiet, and written only where something changed."""

import hashlib
import json
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import pytest
from helpers.browser import CHROMIUM, CONTRAST, DESKTOP, PHONE, TEXT, opened
from helpers.project import ENV, ROOT, nb, sh

from mlops_nb.publishing.publish import publish_site

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def fabricate(top: Path, n: int, message="Run {i}", keep=True, size=0):
    """Add `n` commits, each with pages of its own (with `size` also numbers and notebooks) in dvc.lock and in the DVC cache; without `keep` in dvc.lock only."""
    cache = top / ".dvc" / "cache" / "files" / "md5"
    before = (top / "dvc.lock").read_text()
    for i in range(n):
        lock = (top / "dvc.lock").read_text()
        for path in sorted(
            set(
                re.findall(
                    r"path: (reports/[\w-]+\.(?:html|json|ipynb))\n"
                    if size
                    else r"path: (reports/[\w-]+\.html)\n",
                    lock,
                )
            )
        ):
            old = re.findall(rf"path: {path}\n\s+hash: md5\n\s+md5: (\w+)", lock)[-1]
            data = (cache / old[:2] / old[2:]).read_bytes() + b"\n"
            md5 = hashlib.md5(data if keep else path.encode()).hexdigest()
            if keep:
                (cache / md5[:2]).mkdir(exist_ok=True)
                (cache / md5[:2] / md5[2:]).write_bytes(data)
            lock = lock.replace(old, md5)
        (top / "dvc.lock").write_text(lock)
        sh("git", "commit", "-qam", message.format(i=i), cwd=top)
    if not keep:
        (top / "dvc.lock").write_text(before)


def add(top: Path, name: str, *lines: dict):
    with (top / "data" / name).open("a") as f:
        f.writelines(json.dumps(x) + "\n" for x in lines)


@pytest.fixture(scope="module")
def shown(small_once, tmp_path_factory):
    """A project with a history: three runs with pages, one whose pages are lost, commits that are no runs, decisions, a challenger, a version; published."""
    import shutil

    top = tmp_path_factory.mktemp("history") / "project"
    shutil.copytree(small_once, top, symlinks=True)
    shutil.rmtree(top / ".git")  # the history of the package has runs of its own
    for cmd in (
        ["git", "init", "-q", "-b", "main"],
        ["git", "config", "user.name", "t"],
        ["git", "config", "user.email", "t@example.com"],
        ["git", "add", "-A"],
        ["git", "commit", "-qm", "small"],
    ):
        sh(*cmd, cwd=top)
    first = sh("git", "rev-parse", "HEAD", cwd=top).stdout.strip()
    md5 = re.search(
        r"path: data/candidate\n\s+hash: md5\n\s+md5: (\S+)", (top / "dvc.lock").read_text()
    )[1]
    (
        sh("git", "tag", "-a", "flights@v1.0.0", "-m", "first", cwd=top),
        sh("git", "tag", "-a", "flights#prod#1", "-m", "first", cwd=top),
    )
    add(
        top,
        "decisions.jsonl",
        {
            "id": "aaaa1111",
            "at": "2020-05-01T00:00:00Z",
            "who": f"Ada {EVIL}",
            "action": "dismiss",
            "finding": "drift.price",
            "window": "2020-04",
            "why": f"a holiday {EVIL}",
        },
        {
            "id": "bbbb2222",
            "at": "2020-05-02T00:00:00Z",
            "who": "Ada",
            "action": "promote",
            "version": "v1.0.0",
            "md5": md5,
            "why": "the gate passed",
        },
    )
    add(
        top,
        "challengers.jsonl",
        {
            "id": "cccc3333",
            "at": "2020-05-03T00:00:00Z",
            "window": f"2020-04{EVIL}",
            "train": {"start": "2020-01", "end": "2020-03"},
            "commit": first,
            "md5": md5,
            "passed": False,
            "checks": [["beats_baseline", False], [EVIL, True]],
            "metrics": {"candidate": {"auc": 0.7}, "champion": {"auc": 0.75, EVIL: 1}},
        },
    )
    add(
        top,
        "history.jsonl",
        {
            "id": "dddd4444",
            "window": "2020-03",
            "champion": EVIL,
            "level": "watch",
            "findings": [{"id": EVIL, "severity": "watch"}],
            "metrics": {"auc": 0.8},
            "closed": "2020-04-01T00:00:00Z",
        },
    )
    ini = (top / "settings.ini").read_text()
    (top / "settings.ini").write_text(re.sub("(?m)^title = .*", f"title = Sales {EVIL}", ini))
    sh(
        "git",
        "config",
        "remote.origin.url",
        "https://user:secret@git.example.org/team/sales.git",
        cwd=top,
    )
    sh("git", "add", "-A", cwd=top), sh("git", "commit", "-qm", "Records only: no run", cwd=top)
    (
        fabricate(top, 1, EVIL),
        fabricate(top, 1, "Lost in a fire", keep=False),
        fabricate(top, 1, "Newest"),
    )
    return top, publish_site(top=top)


class Seen(HTMLParser):
    """Tags with links or scripts, ids, and attributes that would run something."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.scripts, self.handlers = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for k, v in attrs:
            if k in ("href", "src", "action", "srcset", "poster", "data"):
                self.links.append((tag, v or ""))
            if k == "id":
                self.ids.add(v)
            if k.startswith("on"):
                self.handlers.append((tag, k))
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))


def broken(site: Path) -> list:
    """Links that lead nowhere, and addresses outside that a browser would load by itself."""
    pages = {f: Seen(f.read_text("utf-8")) for f in sorted(site.rglob("*.html"))}
    bad = []
    for f, page in pages.items():
        for tag, link in page.links:
            at = urlsplit(link)
            if at.scheme in ("http", "https", "mailto"):
                bad += [(f, tag, link)] if tag != "a" else []
            elif at.scheme != "data":
                to = (f.parent / unquote(at.path)).resolve() if at.path else f
                if (
                    not to.is_file()
                    or not to.is_relative_to(site.resolve())
                    or (at.fragment and tag == "a" and at.fragment not in pages[to].ids)
                ):
                    bad.append((f, tag, link))
        if re.search(
            r"@import|url\(\s*['\"]?(?:https?:)?//", f.read_text("utf-8").partition("</style>")[0]
        ):
            bad.append((f, "style", "loads something"))
    return bad


def test_every_link_leads_somewhere(shown):
    _top, got = shown
    assert broken(got.path) == []
    assert len(list(got.path.rglob("*.html"))) > 50
    (got.path / "docs.html").rename(got.path / "away.html")  # the checker does see
    assert any(link.endswith("docs.html") for _, _, link in broken(got.path))
    (got.path / "away.html").rename(got.path / "docs.html")


def test_runs_with_date_and_commit(shown):
    top, got = shown
    log = [
        x.split(" ", 2)
        for x in sh("git", "log", "--reverse", "--format=%H %cI %s", cwd=top).stdout.splitlines()
    ]
    runs = {s: h for h, _, s in log if s in ("small", EVIL, "Lost in a fire", "Newest")}
    assert got.runs == 4 == len(runs)
    assert got.lost == (runs["Lost in a fire"],)
    assert "dvc pull" in str(got)
    index = (got.path / "index.html").read_text()
    assert "Records only" not in index
    assert "Lost in a fire – pages not in the cache: dvc pull" in index
    assert [
        index.index(runs[s][:8], index.index("<table"))
        for s in ("Newest", "Lost in a fire", "small")
    ] == sorted(index.index(runs[s][:8], index.index("<table")) for s in runs if s != EVIL)
    for name in (
        "index",
        "monitor",
        "evaluate",
        "train",
        "preprocess-train",
        "preprocess-current",
        "features",
    ):
        page = (got.path / "runs" / runs["small"][:12] / f"{name}.html").read_text()
        assert (
            f'<a style="color:inherit" href="https://git.example.org/team/sales/commit/{runs["small"]}">'
            in page
        )
        assert re.search(r'<time datetime="20\d\d-\d\d-\d\dT\d\d:\d\dZ">', page)
        rest = re.sub(r"<aside.*?</aside>", "", page, flags=re.S)
        assert (
            abs(len(rest) - (top / "reports" / f"{name}.html").stat().st_size) < 400
        )  # nothing else was added
    assert not (got.path / "runs" / runs["Lost in a fire"][:12]).exists()
    assert "secret@git.example.org" not in "".join(f.read_text() for f in got.path.rglob("*.html"))
    assert all(w in index for w in ("Watch", "2020-03", "0.8"))
    assert 'role="img" aria-label="' in index
    versions = (got.path / "versions.html").read_text()
    assert "v1.0.0" in versions
    assert "prod#1" in versions
    assert f'href="runs/{runs["small"][:12]}/index.html"' in versions
    card = (got.path / "cards" / "v1.0.0.html").read_text()
    assert 'href="cards/v1.0.0.html"' in versions
    assert "v1.0.0" in card
    assert (
        "auc"
        in json.loads((got.path / "cards" / "v1.0.0.json").read_text())["metrics"]["candidate"]
    )
    assert 'id="d-aaaa1111"' in (got.path / "decisions.html").read_text()
    assert "Gate failed" in (got.path / "challengers.html").read_text()
    assert "Evaluation" in (got.path / "challengers" / "cccc3333.html").read_text()


def test_text_stays_text(shown):
    _top, got = shown
    for f in got.path.rglob("*.html"):
        page = Seen(f.read_text())
        assert (
            page.scripts == (["search-index.js", "search.js"] if f.name == "search.html" else [])
            and not page.handlers
        ), f
        assert re.findall(r'Content-Security-Policy" content="([^"]*)"', f.read_text()) == [
            (
                "default-src 'none'; "
                + "script-src 'self'; " * (f.name == "search.html")
                + "style-src 'unsafe-inline'; img-src data:"
            )
        ], f
        assert not [x for x in page.links if x == ("img", "x")], f
    for name in ("index", "decisions", "challengers"):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in (got.path / f"{name}.html").read_text(), (
            name
        )


def test_only_what_changed_is_written(shown):
    top, got = shown

    def when():
        return {f: f.stat().st_mtime_ns for f in got.path.rglob("*") if f.is_file()}

    before = when()
    again = publish_site(top=top)
    assert again.written == again.removed == 0
    assert when() == before
    (got.path / "mine.txt").write_text("left alone")
    fabricate(top, 1, "One more")
    more = publish_site(top=top)
    changed = {f.relative_to(got.path).as_posix() for f, t in when().items() if before.get(f) != t}
    new = sh("git", "rev-parse", "HEAD", cwd=top).stdout[:12]
    assert more.runs == 5
    assert not [f for f in changed if f.startswith(("runs/", "files/", "docs")) and new not in f]
    assert len([f for f in changed if new in f]) == 7
    sh("git", "reset", "-q", "--hard", "HEAD~1", cwd=top)
    back = publish_site(top=top)
    assert back.removed == 7
    assert not (got.path / "runs" / new).exists()
    assert (got.path / "mine.txt").exists()
    assert set(when()) == set(before) | {got.path / "mine.txt"}
    (got.path / "mine.txt").unlink(), (got.path / "docs.html").unlink()
    assert publish_site(top=top).written == 1
    assert broken(got.path) == []


def test_other_places_and_words(shown, tmp_path, monkeypatch):
    import mlops_nb.publishing.publish
    from mlops_nb.core.errors import UserError

    monkeypatch.setattr(mlops_nb.publishing.publish, "write_docs", lambda site, top: [])
    top, _ = shown
    with pytest.raises(UserError, match="which is a project"):
        publish_site(top, top)
    (top / "settings.ini").write_text(
        (ini := (top / "settings.ini").read_text()).replace("language = en", "language = ja")
    )
    try:
        got = publish_site(tmp_path / "ja", top)
        page = (got.path / "index.html").read_text()
        assert 'lang="ja"' in page
        assert all(w in page for w in ("実行", "要注意", "キャッシュにありません"))
    finally:
        (top / "settings.ini").write_text(ini)


def site_at(dest):
    from mlops_nb.publishing.site import Site

    return Site.open(dest, {"title": "t", "lang": "en"})


FOREIGN = {
    "of Vite": '{"src/main.js": {"file": "assets/main.js"}, "keep.txt": "a"}',
    "of webpack": '{"keep.txt": "d41d8cd98f00b204e9800998ecf8427e"}',
    "with another format": '{"format": "webmanifest", "files": {"keep.txt": "a"}}',
    "that is a list": '["keep.txt"]',
    "whose files are a list": '{"format": "mlops-nb site 1", "files": ["keep.txt"]}',
    "that is no JSON": "{",
    "that is not there": "",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_folder_of_somebody_else_is_refused(tmp_path, kind):
    from mlops_nb.core.errors import UserError

    dest = tmp_path / "web"
    (dest / "src").mkdir(parents=True)
    (dest / "keep.txt").write_text("mine")
    (dest / "src" / "main.js").write_text("mine")
    if FOREIGN[kind]:
        (dest / "manifest.json").write_text(FOREIGN[kind])
    before = {f: f.read_bytes() for f in dest.rglob("*") if f.is_file()}
    with pytest.raises(UserError, match="a new or an empty folder"):
        site_at(dest)
    assert {f: f.read_bytes() for f in dest.rglob("*") if f.is_file()} == before


def test_publish_refuses_a_folder_of_somebody_else(shown, tmp_path):
    top, _ = shown
    (tmp_path / "manifest.json").write_text(FOREIGN["of Vite"])
    (tmp_path / "keep.txt").write_text("mine")
    got = nb("publish", "--to", tmp_path, cwd=top, check=False)
    assert got.returncode == 1
    assert "holds other things" in got.stderr
    assert "Traceback" not in got.stderr
    assert sorted(f.name for f in tmp_path.iterdir() if f.is_file()) == [
        "keep.txt",
        "manifest.json",
    ]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    from mlops_nb.core.errors import UserError

    (tmp_path / "web").write_text("mine")
    with pytest.raises(UserError, match="which is a file"):
        site_at(tmp_path / "web")


def test_a_manifest_that_leads_out_of_the_folder_removes_nothing(tmp_path):
    dest = tmp_path / "web"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep.txt").write_text("mine")
    first = site_at(dest)
    first.text("index.html", "a")
    first.close()
    (dest / "link").symlink_to(outside)
    (dest / "folder").mkdir()
    wrong = [
        "../outside/keep.txt",
        str(outside / "keep.txt"),
        "link/keep.txt",
        "folder",
        "..",
        ".",
        "",
    ]
    manifest = {"format": "mlops-nb site 1", "files": dict.fromkeys(["index.html", *wrong], "a")}
    (dest / "manifest.json").write_text(json.dumps(manifest))
    again = site_at(dest)
    again.text("index.html", "b")
    again.close()
    assert (outside / "keep.txt").read_text() == "mine"
    assert (dest / "folder").is_dir()
    assert (dest / "index.html").read_text() == "b"


def test_a_page_is_not_written_through_a_link(tmp_path):
    from mlops_nb.core.errors import UserError

    dest = tmp_path / "web"
    outside = tmp_path / "outside"
    outside.mkdir()
    first = site_at(dest)
    first.text("index.html", "a")
    first.close()
    (dest / "docs").symlink_to(outside)
    with pytest.raises(UserError, match="move it away"):
        site_at(dest).text("docs/index.html", "ours")
    assert not list(outside.iterdir())


def test_a_file_of_somebody_else_in_a_site_is_not_written_over(tmp_path):
    from mlops_nb.core.errors import UserError

    first = site_at(tmp_path / "web")
    first.text("index.html", "a")
    first.close()
    (tmp_path / "web" / "search.html").write_text("mine")
    again = site_at(tmp_path / "web")
    with pytest.raises(UserError, match="move it away"):
        again.text("search.html", "ours")
    assert (tmp_path / "web" / "search.html").read_text() == "mine"


def test_an_interrupted_publish_is_finished_by_the_next(tmp_path):
    """The first one was killed before it wrote its manifest: what it had written is known as its own."""
    killed = site_at(tmp_path / "web")
    killed.text("index.html", "a")
    killed.text("old/page.html", "a")
    again = site_at(tmp_path / "web")
    again.text("index.html", "b")
    assert again.close() == 1
    assert sorted(f.name for f in (tmp_path / "web").rglob("*")) == ["index.html", "manifest.json"]


def test_serve_says_where_and_ends_with_ctrl_c(shown):
    from mlops_nb.core.errors import UserError
    from mlops_nb.publishing.serve_site import create_site_server

    top, got = shown
    p = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from mlops_nb.publishing.serve_site import run_site_server as serve; serve(0)",
        ],
        cwd=top,
        env=ENV | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = p.stdout.readline().strip()
        with urlopen(url + "search.js") as r:
            assert r.status == 200
            assert r.headers["Content-Type"].startswith("text/javascript")
            assert r.headers["X-Content-Type-Options"] == "nosniff"
        with pytest.raises(UserError, match="choose another port"):
            create_site_server(int(url.rstrip("/").rpartition(":")[2]), got.path, "127.0.0.1:0")
        p.send_signal(signal.SIGINT)
        assert p.wait(20) == 0
        assert "Ctrl-C ends" in p.stdout.read()
        assert not p.stderr.read()
    finally:
        p.kill()
    with pytest.raises(UserError, match="mlops-nb publish"):
        create_site_server(0, top / "nbs", "127.0.0.1:0")


def test_workflows_publish():
    from ruamel.yaml import YAML

    def load(f):
        return YAML(typ="safe", pure=True).load((ROOT / f).read_text())

    github = load(".github/workflows/pages.yml")
    gitlab = load(".gitlab-ci.yml")
    steps = github["jobs"]["build"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    assert any("mlops_nb publish" in s.get("run", "") for s in steps)
    assert steps[-1]["with"]["path"] == "_site"
    assert gitlab["pages"]["variables"]["GIT_DEPTH"] == 0
    assert any("mlops_nb publish" in s for s in gitlab["pages"]["script"])
    assert gitlab["pages"]["artifacts"]["paths"] == ["public"]
    assert "_site/" in (ROOT / ".gitignore").read_text().split()


in_browser = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium here: install it to test the site in a browser"
)


@in_browser
@pytest.mark.parametrize(
    ("size", "dark"),
    [(PHONE, False), (DESKTOP, False), (PHONE, True)],
    ids=["phone", "desktop", "dark"],
)
def test_fits_and_is_legible(browser, shown, size, dark):
    _, got = shown
    run = sorted(got.path.glob("runs/*/monitor.html"))[0].relative_to(got.path).as_posix()
    for name in (
        "index.html",
        "challengers.html",
        "docs/guides-quality.html",
        *(
            ()
            if dark
            else (
                "versions.html",
                "docs.html",
                "docs/index.html",
                "docs/api-00_core.html",
                "search.html?q=auc",
                "cards/v1.0.0.html",
                run,
            )
        ),
    ):
        page = opened(browser, f"{got.path.as_uri()}/{name}", size, dark)
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
        assert page.evaluate(CONTRAST) == [] and page.said == [], name
        assert all(px >= 11 for px in page.evaluate(TEXT)), name
        page.context.close()


@in_browser
def test_search_from_a_folder_and_from_a_server(browser, shown):
    from threading import Thread

    from mlops_nb.publishing.serve_site import create_site_server

    _, got = shown
    with create_site_server(0, got.path, "127.0.0.1:0") as s:
        Thread(target=s.serve_forever, daemon=True).start()
        for base in (got.path.as_uri(), f"http://127.0.0.1:{s.server_address[1]}"):
            page = opened(browser, f"{base}/index.html", PHONE)
            page.get_by_role("searchbox").fill("holiday DISMISS")
            page.get_by_role("button", name="Search").click()
            page.wait_for_url("**/search.html?q=holiday+DISMISS")
            assert page.locator("#count").inner_text().endswith(": 1")
            assert page.locator("mark").first.inner_text().lower() in ("holiday", "dismiss")
            page.locator("#found a").click()
            page.wait_for_url("**/decisions.html#d-aaaa1111")
            page.goto(f"{base}/search.html?q=unheard-of-word")
            assert page.locator("#count").inner_text().endswith(": 0")
            assert page.locator("#found li").count() == 0
            page.locator("#q").fill("errors that carry their cure")
            assert page.locator("#found a", has_text="core").count() == 1
            page.goto(f"{base}/monitor.html")
            page.wait_for_url("**/runs/*/monitor.html")
            assert [x for x in page.said if not x.startswith(base)] == []
            page.context.close()
        s.shutdown()


@in_browser
def test_without_javascript(browser, shown):
    _, got = shown
    page = opened(browser, f"{got.path.as_uri()}/index.html", PHONE, java_script_enabled=False)
    page.get_by_role("link", name=re.compile(r"20\d\d-")).first.click()
    page.wait_for_url("**/runs/*/index.html")
    page.get_by_role("link", name="All runs").click()
    page.goto(f"{got.path.as_uri()}/search.html")
    assert page.get_by_text("Searching needs JavaScript").is_visible()
    page.context.close()


def test_a_qr_code_for_the_terminal():
    from mlops_nb.publishing.serve_site import reachable_url, render_qr_code

    assert re.fullmatch(r"http://\d+\.\d+\.\d+\.\d+:8700/", reachable_url("0.0.0.0", 8700))
    assert reachable_url("127.0.0.1", 80) == "http://127.0.0.1:80/"
    try:
        import segno  # noqa: F401
    except ImportError:
        assert "mlops_nb[publish]" in render_qr_code("http://127.0.0.1:8700/")
    else:
        assert len(render_qr_code("http://127.0.0.1:8700/").splitlines()) > 10
