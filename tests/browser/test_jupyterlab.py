"""Notebooks in a real JupyterLab, driven by a headless browser: Run All, save, a terminal; nothing that git or DVC track changes."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from helpers.project import ENV, ROOT, run_shell

CHROMIUM = next(
    (
        p
        for p in (
            "/usr/bin/chromium",
            shutil.which("chromium"),
            shutil.which("google-chrome"),
        )
        if p and Path(p).exists()
    ),
    None,
)
pytestmark = [
    pytest.mark.skipif(
        not CHROMIUM,
        reason="no chromium here: install it to test the notebooks in JupyterLab",
    ),
    pytest.mark.skipif(
        not (Path(sys.executable).parent / "jupyter-lab").exists(),
        reason="no JupyterLab here: pip install 'mlops_nb[dev]'",
    ),
]
STAGES = sorted(p.stem for p in (ROOT / "nbs" / "stages").glob("*.ipynb"))
KEPT = [
    *(f"nbs/stages/{s}.ipynb" for s in STAGES),
    "nbs/guides/explore.ipynb",
]  # without outputs
PANEL = "jupyterapp.shell.currentWidget"
READY = f"() => window.jupyterapp && {PANEL} && {PANEL}.sessionContext && {PANEL}.sessionContext.session?.kernel?.status == 'idle' && {PANEL}.content.model.cells.length > 1"
CELLS = f"[...{PANEL}.content.model.cells].filter(c => c.type == 'code' && c.sharedModel.getSource().trim())"
DONE = f"() => {PANEL}.sessionContext.session.kernel.status == 'idle' && ({CELLS}.every(c => c.executionCount) || {CELLS}.some(c => c.outputs.toJSON().some(o => o.output_type == 'error')))"


def tracked(top: Path) -> dict:
    """Everything that a run in the browser must not touch: git's view, DVC's outputs, the notebooks' bytes."""
    from dvc.repo import Repo

    with Repo(str(top)) as repo:
        outs, status = (
            {
                str(o): o.get_hash().value
                for stage in repo.index.stages
                for o in stage.outs
            },
            repo.status(),
        )
    return {
        "git": run_shell("git", "status", "--porcelain", cwd=top).stdout,
        "dvc": status,
        "outs": outs,
        "notebooks": {p: (top / p).read_bytes() for p in KEPT},
    }


@pytest.fixture(scope="module")
def ran(
    ran,
    tmp_path_factory,
):
    """A copy: other workers look at the original meanwhile."""
    return shutil.copytree(ran, tmp_path_factory.mktemp("lab") / "clone", symlinks=True)


@pytest.fixture(scope="module")
def lab(
    ran,
    tmp_path_factory,
):
    """`make lab` in the clone, with this environment in the place of its `.venv` and an empty home. Its address."""
    home = tmp_path_factory.mktemp("home")
    port = (s := socket.create_server(("127.0.0.1", 0))).getsockname()[1]
    s.close()
    (ran / ".git" / "info" / "exclude").write_text(".venv\n")
    (venv := ran / ".venv").symlink_to(sys.prefix)
    args = f"--no-browser --allow-root --expose-app-in-browser --port={port} --port-retries=0 --IdentityProvider.token=t"
    env = {k: v for k, v in ENV.items() if not k.startswith("JUPYTER")} | {
        "HOME": str(home),
        "PYTHONPATH": str(ran),
        "SHELL": "/bin/sh",
        "PATH": os.environ["PATH"],
    }
    log = (home.parent / "lab.log").open("w+")
    server = subprocess.Popen(
        ["make", "-o", ".venv/dev.ok", "lab", f"ARGS={args}"],
        cwd=ran,
        env=env,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    f"{url}/api?token=t", timeout=5
                )
                break
            except OSError:
                assert server.poll() is None, (home.parent / "lab.log").read_text()[
                    -3000:
                ]
                time.sleep(0.5)
        yield url
        assert not (home / ".jupyter").exists()
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)
        venv.unlink()


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install 'mlops_nb[dev]'"
    )
    with api.sync_playwright() as p:
        b = p.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--no-proxy-server",
                "--disable-background-networking",
            ],
        )
        yield b.new_context(viewport={"width": 1200, "height": 1000})
        b.close()


@pytest.fixture
def page(
    browser,
    lab,
    tmp_path,
):
    """A tab; what it shows at the end is kept as a screenshot."""
    tab = browser.new_page()
    tab.set_default_timeout(120_000)
    tab.asked = []
    tab.on(
        "request",
        lambda r: (
            tab.asked.append(r.url)
            if not r.url.startswith((lab, "data:", "blob:", lab.replace("http", "ws")))
            else None
        ),
    )
    yield tab
    tab.screenshot(path=tmp_path / "end.png")
    tab.evaluate(f"() => window.jupyterapp && {PANEL}?.sessionContext?.shutdown()")
    tab.close()


def run_all(
    page,
    url,
) -> list:
    """Open a notebook, Run All by the menu, wait, save by the keyboard; the outputs of every cell."""
    page.goto(url)
    page.wait_for_function(READY)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    start = time.monotonic()
    page.wait_for_function(DONE)
    print(f"{url}: {time.monotonic() - start:.1f} s of cells")
    page.keyboard.press("Control+s")
    page.wait_for_function(f"() => !{PANEL}.context.model.dirty")
    outputs = page.evaluate(f"() => {CELLS}.map(c => c.outputs.toJSON())")
    errors = [
        o
        for cell in outputs
        for o in cell
        if o["output_type"] == "error" or o.get("name") == "stderr"
    ]
    assert not errors, json.dumps(errors)[:3000]
    assert page.get_by_role("dialog").count() == 0
    assert not page.asked
    return outputs


def kinds(outputs) -> set:
    return {k for cell in outputs for o in cell for k in o.get("data", {})}


def needs_the_record(
    state,
    needed=True,
):
    if needed and "dvc.lock" in state["git"]:
        pytest.skip(
            "compares with HEAD, whose outputs this run did not reproduce: commit dvc.lock"
        )


@pytest.fixture(scope="module")
def untouched(ran):
    return tracked(ran)


@pytest.mark.parametrize(
    "stage", ["evaluate", "preprocess", "replay"]
)  # with a window, with a model, with neither; the others run in the pipeline and in test_experiments.py
def test_stage_notebook_runs_all_and_leaves_no_trace(
    page,
    lab,
    ran,
    stage,
    untouched,
):
    before = untouched
    outputs = run_all(page, f"{lab}/lab/tree/nbs/stages/{stage}.ipynb?token=t&reset")
    assert {"text/markdown", "application/vnd.mlops-nb.say+json"} <= kinds(outputs)
    assert list((ran / ".mlops" / "scratch").rglob(f"reports/{stage}*.json"))
    assert tracked(ran) == before
    assert not before["dvc"]


def test_exploration_notebook(
    page,
    lab,
    ran,
    untouched,
):
    before = untouched
    needs_the_record(before)
    outputs = run_all(page, f"{lab}/lab/tree/nbs/guides/explore.ipynb?token=t&reset")
    assert {"text/html", "text/markdown", "image/png"} <= kinds(outputs)
    page.evaluate(
        f"() => {PANEL}.content.scrollToItem([...{PANEL}.content.model.cells].findIndex(c => c.sharedModel.getSource().startsWith('show_last_page(')))"
    )
    page.frame_locator(".jp-OutputArea iframe").get_by_role(
        "heading", level=1
    ).wait_for()  # `show_last_page("monitor")`: the page itself
    assert tracked(ran) == before


def test_starts_on_the_index_with_a_working_terminal_and_dvc_in_cells(
    page,
    lab,
    ran,
):
    page.goto(f"{lab}/?token=t")
    page.wait_for_url("**/lab/tree/nbs/index.ipynb*")
    page.wait_for_function(READY)
    cell = "const {kernel} = jupyterapp.shell.currentWidget.sessionContext.session; let text = ''; const f = kernel.requestExecute({code}); f.onIOPub = m => text += m.content.text || ''; await f.done; return text"
    said = page.evaluate(
        "async code => {" + cell + "}",
        "!dvc repro --dry 2>&1 | tail -1\n!command -v python",
    )
    assert "up to date" in said and f"{ran}/.venv/bin/python" in said, said
    page.evaluate("() => jupyterapp.commands.execute('terminal:create-new')")
    page.wait_for_selector(".jp-Terminal .xterm-helper-textarea", state="attached")
    page.keyboard.type(
        "(pwd; command -v python dvc; dvc repro --dry) > .mlops/terminal.txt 2>&1; echo end >> .mlops/terminal.txt\n"
    )
    said = ran / ".mlops" / "terminal.txt"
    for _ in range(120):
        if said.exists() and said.read_text().endswith("end\n"):
            break
        page.wait_for_timeout(500)
    lines = said.read_text().splitlines()
    assert (
        lines[:2] == [str(ran), f"{ran}/.venv/bin/python"] and "up to date" in lines[-2]
    ), lines
    assert not page.get_by_text("official Jupyter news").count()
    assert not page.asked


def test_the_git_filter_alone_keeps_a_notebook_clean(ran):
    """Saved with outputs by something that knows nothing of the project's configuration."""
    import nbformat

    for name in KEPT:
        raw = (ran / name).read_bytes()
        other = nbformat.reads(raw.decode(), as_version=4)
        other.metadata = {
            "kernelspec": {"name": "x", "display_name": "Mine (3.12)"},
            "language_info": {"name": "python", "version": "3.12.1"},
        }
        for c in filter(lambda c: c.cell_type == "code", other.cells):
            c.execution_count, c.metadata["scrolled"], c.outputs = (
                3,
                True,
                [nbformat.v4.new_output("stream", text="x")],
            )
        got = subprocess.run(
            [sys.executable, ".jupyter/strip.py"],
            cwd=ran,
            input=nbformat.writes(other).encode(),
            capture_output=True,
            check=True,
        ).stdout
        assert got == raw
        assert (
            run_shell("git", "check-attr", "filter", name, cwd=ran)
            .stdout.strip()
            .endswith("stripped")
        )
