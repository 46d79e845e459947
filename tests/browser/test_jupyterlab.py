"""Notebooks in a real JupyterLab, driven by a headless browser: Run All, save, a terminal.

Nothing that git or DVC track changes.
"""

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
from helpers.browser import CHROMIUM
from helpers.project import ENV, ROOT, run_shell

from mlops_nb.core.messages import render

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
STAGES = sorted(path.stem for path in (ROOT / "nbs" / "stages").glob("*.ipynb"))
# without outputs
KEPT = [*(f"nbs/stages/{stage}.ipynb" for stage in STAGES), "nbs/guides/explore.ipynb"]
PANEL = "jupyterapp.shell.currentWidget"
READY = f"""() => window.jupyterapp && {PANEL} && {PANEL}.sessionContext
  && {PANEL}.sessionContext.session?.kernel?.status == 'idle'
  && {PANEL}.content.model.cells.length > 1"""
CELLS = f"""[...{PANEL}.content.model.cells].filter(
  cell => cell.type == 'code' && cell.sharedModel.getSource().trim())"""
FAILED = "cell.outputs.toJSON().some(output => output.output_type == 'error')"
DONE = f"""() => {PANEL}.sessionContext.session.kernel.status == 'idle'
  && ({CELLS}.every(cell => cell.executionCount) || {CELLS}.some(cell => {FAILED}))"""
SCROLL_TO_PAGE = f"""() => {PANEL}.content.scrollToItem(
  [...{PANEL}.content.model.cells].findIndex(
    cell => cell.sharedModel.getSource().startsWith('show_last_page(')))"""
PICTURES = "[...document.querySelectorAll('.jp-Notebook img')]"
EXECUTE = f"""async code => {{
  const {{kernel}} = {PANEL}.sessionContext.session;
  let text = '';
  const future = kernel.requestExecute({{code}});
  future.onIOPub = message => text += message.content.text || '';
  await future.done;
  return text }}"""
OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--expose-app-in-browser",
    "--port-retries=0",
    "--IdentityProvider.token=t",
)
BROWSER_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
]


def tracked(top: Path) -> dict:
    """Everything that a run in the browser must not touch.

    Git's view, DVC's outputs, the notebooks' bytes.
    """
    from dvc.repo import Repo

    with Repo(str(top)) as repo:
        outputs = [out for stage in repo.index.stages for out in stage.outs]
        digests = {str(out): out.get_hash().value for out in outputs}
        status = repo.status()
    return {
        "git": run_shell("git", "status", "--porcelain", cwd=top).stdout,
        "dvc": status,
        "outs": digests,
        "notebooks": {name: (top / name).read_bytes() for name in KEPT},
    }


@pytest.fixture(scope="module")
def ran(
    ran,
    tmp_path_factory,
):
    """A copy: other workers look at the original meanwhile."""
    return shutil.copytree(ran, tmp_path_factory.mktemp("lab") / "clone", symlinks=True)


def free_port():
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def lab_environment(
    top,
    home,
):
    """The variables of a user with an empty home, who has set nothing of Jupyter's."""
    env = {name: ENV[name] for name in ENV if not name.startswith("JUPYTER")}
    own = {"HOME": str(home), "PYTHONPATH": str(top), "SHELL": "/bin/sh"}
    return env | own | {"PATH": os.environ["PATH"]}


def wait_until_it_answers(
    url,
    server,
    log,
):
    """Return when the server answers; two minutes are enough."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(240):
        try:
            direct.open(f"{url}/api?token=t", timeout=5)
            return
        except OSError:
            assert server.poll() is None, log.read_text()[-3000:]
            time.sleep(0.5)


@pytest.fixture(scope="module")
def lab(
    ran,
    tmp_path_factory,
):
    """`make lab` in the clone, with this environment in the place of its `.venv`.

    The home is empty. Its address.
    """
    home = tmp_path_factory.mktemp("home")
    log = home.parent / "lab.log"
    port = free_port()
    (ran / ".git" / "info" / "exclude").write_text(".venv\n")
    venv = ran / ".venv"
    venv.symlink_to(sys.prefix)
    args = " ".join([*OPTIONS, f"--port={port}"])
    with log.open("w+") as file:
        server = subprocess.Popen(
            ["make", "-o", ".venv/dev.ok", "lab", f"ARGS={args}"],
            cwd=ran,
            env=lab_environment(ran, home),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(url, server, log)
        yield url
        assert not (home / ".jupyter").exists()
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)
        venv.unlink()


@pytest.fixture(scope="module")
def browser(playwright_driver):
    """A window of a browser of its own, as wide as a notebook needs."""
    chromium = playwright_driver.chromium.launch(
        executable_path=CHROMIUM, args=BROWSER_ARGS
    )
    yield chromium.new_context(viewport={"width": 1200, "height": 1000})
    chromium.close()


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
    own = (lab, "data:", "blob:", lab.replace("http", "ws"))

    def note_request(request):
        if not request.url.startswith(own):
            tab.asked.append(request.url)

    tab.on("request", note_request)
    yield tab
    tab.screenshot(path=tmp_path / "end.png")
    tab.evaluate(f"() => window.jupyterapp && {PANEL}?.sessionContext?.shutdown()")
    tab.close()


def run_all(
    page,
    url,
) -> list:
    """Open a notebook, Run All by the menu, wait, save by the keyboard.

    The outputs of every cell.
    """
    page.goto(url)
    page.wait_for_function(READY)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    start = time.monotonic()
    page.wait_for_function(DONE)
    print(f"{url}: {time.monotonic() - start:.1f} s of cells")
    page.keyboard.press("Control+s")
    page.wait_for_function(f"() => !{PANEL}.context.model.dirty")
    outputs = page.evaluate(f"() => {CELLS}.map(cell => cell.outputs.toJSON())")
    errors = [
        output
        for cell in outputs
        for output in cell
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert not errors, json.dumps(errors)[:3000]
    assert page.get_by_role("dialog").count() == 0
    assert not page.asked
    return outputs


def kinds(outputs) -> set:
    """The media types of the outputs."""
    bundles = [output.get("data", {}) for cell in outputs for output in cell]
    return {media_type for bundle in bundles for media_type in bundle}


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


# with a window, with a model, with neither; the others run in the pipeline and in
# tests/e2e/test_experiments.py
@pytest.mark.parametrize("stage", ["evaluate", "preprocess", "replay"])
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
    page.evaluate(SCROLL_TO_PAGE)
    # `show_last_page("monitor")`: the page itself
    shown = page.frame_locator(".jp-OutputArea iframe")
    shown.get_by_role("heading", level=1).wait_for()
    assert tracked(ran) == before


def test_operate_runs_to_its_end_and_shows_refusals_as_tables(
    page,
    lab,
    ran,
    untouched,
):
    before = untouched
    outputs = run_all(page, f"{lab}/lab/tree/nbs/guides/operate.ipynb?token=t&reset")
    shown = json.dumps(outputs)
    # no reason is given, so nothing is promoted, answered or taken back
    assert shown.count("| not done | because |") == 3
    assert tracked(ran) == before


def test_links_of_a_page_lead_from_page_to_page(
    page,
    lab,
):
    page.goto(f"{lab}/lab/tree/reports/index.html?token=t&reset")
    shown = page.frame_locator(".jp-HTMLViewer iframe")
    for name in ("monitor", "evaluate", "train", "index"):
        with page.expect_response(f"**/files/reports/{name}.html*") as answer:
            shown.locator(f"a[href='{name}.html']").first.click()
        assert answer.value.status == 200
        shown.get_by_role("heading", level=1).wait_for()


PLACES = {
    "a stage": ("train", "nbs/stages/train.ipynb"),
    "a guide": ("operate", "nbs/guides/operate.ipynb"),
    "the reports": ("the overview", "reports/index.html"),
}


@pytest.mark.parametrize(("link", "path"), PLACES.values(), ids=PLACES)
def test_the_landing_page_leads_to(
    page,
    lab,
    link,
    path,
):
    page.goto(f"{lab}/lab/tree/nbs/index.ipynb?token=t&reset")
    page.get_by_role("link", name=link, exact=True).first.click()
    page.wait_for_function(f"() => {PANEL}?.context?.path == '{path}'")


def test_the_landing_page_shows_its_pictures(
    page,
    lab,
):
    page.goto(f"{lab}/lab/tree/nbs/index.ipynb?token=t&reset")
    page.wait_for_function(f"() => {PICTURES}.length == 2")
    page.wait_for_function(f"() => {PICTURES}.every(picture => picture.naturalWidth)")


def test_an_executed_notebook_opens_with_its_headline_and_figures(
    page,
    lab,
    ran,
):
    file = ran / "reports" / "evaluate.ipynb"
    before = file.read_bytes()
    result = json.loads(file.with_suffix(".json").read_text("utf-8"))
    page.goto(f"{lab}/lab/tree/reports/evaluate.ipynb?token=t&reset")
    headline = page.locator(".jp-Notebook").get_by_role("heading", level=1)
    headline.first.wait_for()
    assert headline.first.inner_text().startswith(render(result["headline"]))
    outputs = page.evaluate(f"() => {CELLS}.map(cell => cell.outputs.toJSON())")
    pages = [output["data"]["text/html"] for cell in outputs for output in cell]
    assert sum("<img" in shown for shown in pages) >= 5
    page.wait_for_function(f"() => {PICTURES}.some(picture => picture.naturalWidth)")
    assert not page.evaluate(f"() => {PANEL}.context.contentsModel.writable")
    assert file.read_bytes() == before


def type_into_a_terminal(
    page,
    commands,
):
    """Open a terminal and type a line."""
    page.evaluate("() => jupyterapp.commands.execute('terminal:create-new')")
    page.wait_for_selector(".jp-Terminal .xterm-helper-textarea", state="attached")
    page.keyboard.type(f"{commands}\n")


def wait_for_lines(
    page,
    path,
):
    """The lines of a file, once its last one is `end`; a minute is enough."""
    for _ in range(120):
        if path.exists() and path.read_text().endswith("end\n"):
            break
        page.wait_for_timeout(500)
    return path.read_text().splitlines()


def test_starts_on_the_index_with_a_working_terminal_and_dvc_in_cells(
    page,
    lab,
    ran,
):
    page.goto(f"{lab}/?token=t")
    page.wait_for_url("**/lab/tree/nbs/index.ipynb*")
    page.wait_for_function(READY)
    commands = "!dvc repro --dry 2>&1 | tail -1\n!command -v python"
    said = page.evaluate(EXECUTE, commands)
    assert "up to date" in said
    assert f"{ran}/.venv/bin/python" in said
    said = ".mlops/terminal.txt"
    commands = f"(pwd; command -v python dvc; dvc repro --dry) > {said} 2>&1"
    type_into_a_terminal(page, f"{commands}; echo end >> {said}")
    lines = wait_for_lines(page, ran / said)
    assert lines[:2] == [str(ran), f"{ran}/.venv/bin/python"], lines
    assert "up to date" in lines[-2], lines
    assert not page.get_by_text("official Jupyter news").count()
    assert not page.asked


def save_with_outputs(raw):
    """What another program makes of a notebook: outputs, counts, and its own kernel."""
    import nbformat

    notebook = nbformat.reads(raw.decode(), as_version=4)
    notebook.metadata = {
        "kernelspec": {"name": "x", "display_name": "Mine (3.12)"},
        "language_info": {"name": "python", "version": "3.12.1"},
    }
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = 3
            cell.metadata["scrolled"] = True
            cell.outputs = [nbformat.v4.new_output("stream", text="x")]
    return nbformat.writes(notebook).encode()


@pytest.mark.parametrize("name", KEPT, ids=KEPT)
def test_the_git_filter_alone_keeps_a_notebook_clean(
    ran,
    name,
):
    """Saved with outputs by something that knows nothing of the project's configuration."""
    raw = (ran / name).read_bytes()
    stripped = subprocess.run(
        [sys.executable, ".jupyter/strip.py"],
        cwd=ran,
        input=save_with_outputs(raw),
        capture_output=True,
        check=True,
    ).stdout
    assert stripped == raw
    attribute = run_shell("git", "check-attr", "filter", name, cwd=ran).stdout
    assert attribute.strip().endswith("stripped")
