"""The site served on this machine: it says where, and ends with Ctrl-C."""

import importlib.util
import re
import signal
import subprocess
import sys
from urllib.request import urlopen

import pytest
from helpers.project import ENV, ROOT

from mlops_nb.core.errors import UserError
from mlops_nb.publishing.search import write_search
from mlops_nb.publishing.serve_site import (
    create_site_server,
    reachable_url,
    render_qr_code,
)
from mlops_nb.publishing.site import Site

SERVE = "from mlops_nb.publishing.serve_site import run_site_server; run_site_server(0)"


@pytest.fixture
def served(tmp_path):
    """Return a project with a site, and the process that serves it."""
    (tmp_path / "dvc.yaml").write_text("stages: {}")
    (tmp_path / "settings.ini").write_text("")
    site = Site.open(tmp_path / "_site", {"title": "Sales", "lang": "en"})
    site.put_text("index.html", "A site")
    write_search(site, [])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        cwd=tmp_path,
        env=ENV | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield tmp_path, process
    process.kill()
    process.communicate()


def test_serve_says_where_and_ends_with_ctrl_c(served):
    _, process = served
    url = process.stdout.readline().strip()
    with urlopen(url + "search.js") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert "Ctrl-C ends" in process.stdout.read()
    assert not process.stderr.read()


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


def test_a_qr_code_for_the_terminal():
    code = render_qr_code("http://127.0.0.1:8700/")
    if importlib.util.find_spec("segno"):
        assert len(code.splitlines()) > 10
    else:
        assert "mlops_nb[publish]" in code
