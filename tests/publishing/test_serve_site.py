"""The site served on this machine: it says where, and ends with Ctrl-C."""

import contextlib
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection
from threading import Thread
from urllib.request import urlopen

import pytest
from helpers.project import ENV, ROOT

from mlops_nb.core.errors import UserError
from mlops_nb.publishing import serve_site
from mlops_nb.publishing.search import write_search
from mlops_nb.publishing.serve_site import (
    create_site_server,
    find_lan_address,
    reachable_url,
    render_qr_code,
    run_site_server,
)
from mlops_nb.publishing.site import Site

SERVE = (
    "from mlops_nb.publishing.serve_site import run_site_server; run_site_server(0{})"
)


@pytest.fixture
def project(tmp_path):
    """Return a project with a site."""
    (tmp_path / "dvc.yaml").write_text("stages: {}")
    (tmp_path / "settings.ini").write_text("")
    site = Site.open(tmp_path / "_site", {"title": "Sales", "lang": "en"})
    site.put_text("index.html", "A site")
    write_search(site, [])
    return tmp_path


@contextlib.contextmanager
def serving(
    top,
    options="",
):
    """Serve the site of a project in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(options)],
        cwd=top,
        env=ENV | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def served(project):
    """Return a project with a site, and the process that serves it."""
    with serving(project) as process:
        yield project, process


def test_serve_says_where_and_ends_with_ctrl_c(served):
    _, process = served
    url = process.stdout.readline().strip()
    with urlopen(url + "search.js") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stdout.read() == "Ctrl-C ends\n"
    assert not process.stderr.read()


def test_without_lan_only_this_machine_can_ask(served):
    _, process = served
    url = process.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:")
    own = find_lan_address()
    if own:
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError):
            HTTPConnection(own, port, timeout=20).request("GET", "/")


@pytest.mark.skipif(not find_lan_address(), reason="this machine is in no network")
def test_with_lan_other_machines_can_ask(project):
    with serving(project, ", lan=True") as process:
        url = process.stdout.readline().strip()
        assert url.startswith(f"http://{find_lan_address()}:")
        with urlopen(url) as answer:
            assert answer.read() == b"A site"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        printed = process.stdout.read()
    assert printed.startswith(render_qr_code(url))
    assert "Everybody in this network" in printed


def test_lan_without_a_network_is_refused(
    project,
    monkeypatch,
):
    monkeypatch.setattr(serve_site, "find_lan_address", str)
    with pytest.raises(UserError, match="leave `--lan` out"):
        run_site_server(0, project / "_site", "127.0.0.1:0", lan=True)


def test_an_address_without_a_route_is_found_by_name(monkeypatch):
    monkeypatch.setattr(serve_site, "_address_towards", raise_unreachable)
    monkeypatch.setattr(serve_site.socket, "gethostbyname", lambda name: "192.168.7.5")
    assert find_lan_address() == "192.168.7.5"


def test_a_loopback_address_is_none_in_a_network(monkeypatch):
    monkeypatch.setattr(serve_site, "_address_towards", raise_unreachable)
    monkeypatch.setattr(serve_site.socket, "gethostbyname", lambda name: "127.0.1.1")
    assert find_lan_address() == ""


def raise_unreachable(other):
    """Be a machine without a way out of its network."""
    raise OSError("Network is unreachable")


def test_a_port_that_is_taken_is_refused(served):
    top, process = served
    url = process.stdout.readline().strip()
    port = int(url.rstrip("/").rpartition(":")[2])
    with pytest.raises(UserError, match="choose another port"):
        create_site_server(port, top / "_site", "127.0.0.1:0")


def test_a_folder_without_a_site_is_refused(tmp_path):
    with pytest.raises(UserError, match="mlops-nb publish"):
        create_site_server(0, tmp_path, "127.0.0.1:0")


def test_the_address_for_others():
    assert re.fullmatch(
        r"http://\d+\.\d+\.\d+\.\d+:8700/", reachable_url("0.0.0.0", 8700)
    )
    assert reachable_url("127.0.0.1", 80) == "http://127.0.0.1:80/"


HALF_BLOCKS = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}  # light is drawn


def read_modules(code):
    """Return which modules of a printed QR code are dark, row by row."""
    rows = []
    for line in code.splitlines():
        halves = [HALF_BLOCKS[character] for character in line]
        rows += [list(half) for half in zip(*halves, strict=True)]
    return rows


def test_a_qr_code_for_the_terminal():
    segno = pytest.importorskip("segno")
    url = "http://192.168.178.20:8700/"
    expected = [list(row) for row in segno.make(url, micro=False).matrix_iter(border=2)]
    found = read_modules(render_qr_code(url))[: len(expected)]
    assert found == expected


def test_without_the_extra_the_code_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "segno", None)
    assert "mlops_nb[publish]" in render_qr_code("http://192.168.178.20:8700/")


def make_site_with_links(top):
    """Make a site that has folders, and links inside and out of it."""
    folder = top / "_site"
    (folder / "runs").mkdir(parents=True)
    (folder / "index.html").write_text("A site")
    (folder / "runs" / "page.html").write_text("A page")
    (folder / "same.html").symlink_to("index.html")
    (top / "secret.txt").write_text("secret")
    (top / "outside").mkdir()
    (top / "outside" / "index.html").write_text("secret")
    (folder / "out.txt").symlink_to(top / "secret.txt")
    (folder / "out").symlink_to(top / "outside")
    (folder / "up").symlink_to("..")
    return folder


def ask_server(
    port,
    path,
    host,
    method,
):
    """Return status and body of an answer; `host` may name the port."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    if host is not None:
        connection.putheader("Host", host.format(port=port))
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.fixture
def site(tmp_path):
    """Serve a site; yields a function of path, Host and method."""
    folder = make_site_with_links(tmp_path)
    with create_site_server(0, folder, "127.0.0.1:0") as server:
        Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]

        def ask(
            path,
            host="127.0.0.1",
            method="GET",
        ):
            return ask_server(port, path, host, method)

        yield ask
        server.shutdown()


OWN_HOSTS = ("127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "127.0.0.1:9999")


@pytest.mark.parametrize("host", OWN_HOSTS, ids=repr)
def test_its_own_names_are_answered(
    site,
    host,
):
    assert site("/", host) == (200, "A site")


STRANGE_HOSTS = ("evil.example:{port}", "evil.example", "127.0.0.1.evil.example", "")
STRANGE_HOSTS += ("localhost@evil.example", "evil.example#localhost", "10.9.8.7", None)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("host", STRANGE_HOSTS, ids=repr)
def test_another_name_is_not_answered(
    site,
    host,
    method,
):
    status, body = site("/", host, method)
    assert status == 421
    assert "A site" not in body


@pytest.mark.parametrize("path", ["/runs/", "/up/", "/nothing/"])
def test_folders_are_not_listed(
    site,
    path,
):
    status, body = site(path)
    assert status == 404
    assert "page.html" not in body


HOSTILE_PATHS = ("/out.txt", "/out/", "/out/index.html", "/up/secret.txt")
HOSTILE_PATHS += ("/../secret.txt", "/%2e%2e/secret.txt", "/runs/..%2f..%2fsecret.txt")


@pytest.mark.parametrize("path", HOSTILE_PATHS, ids=repr)
def test_no_way_leads_out(
    site,
    path,
):
    status, body = site(path)
    assert status == 404
    assert "secret" not in body


def test_a_link_inside_is_followed(site):
    assert site("/same.html") == (200, "A site")
    assert site("/runs/page.html") == (200, "A page")


def test_a_path_that_is_none_is_not_there(site):
    assert site("/a%00b")[0] == 404
