"Pages in a real browser: a phone and a desktop, light and dark, on screen and on paper."

import io
import shutil
from pathlib import Path

import pytest
from report_sample import CONFIG, code, failed, sample, table

from mlops_nb import report

CHROMIUM = next(
    (
        p
        for p in ("/usr/bin/chromium", shutil.which("chromium"), shutil.which("google-chrome"))
        if p and Path(p).exists()
    ),
    None,
)
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium here: install it to test the pages in a browser"
)
ARGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split()
PHONE, DESKTOP = {"width": 380, "height": 740}, {"width": 1400, "height": 900}

CONTRAST = """() => {
  const ctx = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = c => { ctx.clearRect(0, 0, 1, 1); ctx.fillStyle = c; ctx.fillRect(0, 0, 1, 1); return [...ctx.getImageData(0, 0, 1, 1).data] };
  const lum = c => { const f = c.slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2] };
  const back = e => { for (; e; e = e.parentElement) { const b = rgb(getComputedStyle(e).backgroundColor); if (b[3] > 250) return b } return [255, 255, 255] };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || !e.getClientRects().length || ![...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim())) continue;
    const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(back(e))].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) bad.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio]);
  }
  return bad }"""
TEXT = """() => [...document.querySelectorAll('.fig text')].map(t => parseFloat(getComputedStyle(t).fontSize) * t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width)"""


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install 'mlops_nb[dev]'"
    )
    with api.sync_playwright() as p:
        b = p.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield b
        b.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    top = tmp_path_factory.mktemp("pages")
    notebook, result, source = sample(evil=True)
    made = {
        "monitor": report.page("monitor", notebook, result, source, CONFIG),
        "ja": report.page("monitor", notebook, result, source, {**CONFIG, "lang": "ja"}),
        "failed": report.page("train", *failed(), CONFIG),
        "index": report.index(
            {
                "monitor": result,
                "train": {**result, "verdict": {"level": "ok"}},
                "evaluate": {**result, "verdict": {"level": "act"}},
            },
            CONFIG,
        ),
        "features": report.catalogue_page(result["results"]["features"], CONFIG),
    }
    for name, page in made.items():
        (top / f"{name}.html").write_text(page, "utf-8")
    return {name: (top / f"{name}.html").as_uri() for name in made}


def opened(browser, url, size, dark=False, **more):
    "A page, and what it asked for or complained about."
    page = browser.new_context(
        viewport=size, color_scheme="dark" if dark else "light", **more
    ).new_page()
    page.said = []
    page.on(
        "request",
        lambda r: page.said.append(r.url) if not r.url.startswith(("file:", "data:")) else None,
    )
    page.on("console", lambda m: page.said.append(m.text))
    page.on("dialog", lambda d: (page.said.append(d.message), d.dismiss()))
    page.goto(url)
    return page


@pytest.mark.parametrize("name", ["monitor", "ja", "failed", "index", "features"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_fits_is_legible_and_silent(browser, pages, name, dark, size):
    page = opened(browser, pages[name], size, dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert (
        page.evaluate(CONTRAST) == []
        and all(px >= 11 for px in page.evaluate(TEXT))
        and page.said == []
    )
    page.context.close()


def test_a_phone_shows_the_answer_first(browser, pages):
    page = opened(browser, pages["monitor"], PHONE, java_script_enabled=False)
    for said in (
        "Watch closely",
        "1–30 April 2013",
        "Of 100 flights flagged",
        "What changed",
        "What to do",
        "Look at Newark again",
    ):
        at = page.get_by_text(said).first.bounding_box()
        assert at and at["y"] + at["height"] <= PHONE["height"], said
    page.context.close()


def test_rows_stand_as_cards_on_a_phone(browser, pages):
    page = opened(browser, pages["monitor"], PHONE)
    assert page.locator("table.stack td").nth(1).evaluate(
        "e => getComputedStyle(e, '::before').content"
    ) not in ("none", '""')
    assert page.evaluate(
        "[...document.querySelectorAll('.stack')].every(t => t.parentElement.scrollWidth <= t.parentElement.clientWidth)"
    )
    page.context.close()


def test_a_wide_table_takes_the_room_there_is_and_shows_that_it_scrolls(browser, tmp_path):
    from PIL import Image

    wide = table(
        [
            {
                "column": "carrier",
                "level": c,
                "n": 1234,
                **{
                    m: "0.45 (0.43–0.48)"
                    for m in ("flagged", "recall", "false_alarms", "precision", "calibration_error")
                },
            }
            for c in ("UA", "DL")
        ],
        "Errors by group",
    )
    (tmp_path / "evaluate.html").write_text(
        report.page("evaluate", {"cells": [code("table(groups)", wide)]}, {}, None, CONFIG), "utf-8"
    )
    for width, scrolls in ((1400, False), (1024, True)):
        page = opened(
            browser, (tmp_path / "evaluate.html").as_uri(), {"width": width, "height": 900}
        )
        box = page.locator(".tbl .scroll")
        edge = lambda: (shot := Image.open(io.BytesIO(box.screenshot())).convert("L")).getpixel(
            (shot.width - 3, shot.height // 8)
        )  # beside the title: no text is there
        assert (
            page.evaluate("document.documentElement.scrollWidth") <= width
            and box.evaluate("e => e.scrollWidth > e.clientWidth") == scrolls
        )
        assert (edge() < 230) == scrolls
        box.evaluate("e => e.scrollLeft = 9999")
        assert edge() > 250
        page.context.close()


def test_code_unfolds_without_javascript(browser, pages):
    page = opened(browser, pages["monitor"], PHONE, java_script_enabled=False)
    shown = page.get_by_text("from mlops_nb.show import figure")
    assert not shown.is_visible()
    page.locator("summary", has_text="Code").nth(1).click()
    assert shown.is_visible()
    page.context.close()


def test_prints_on_white_without_navigation(browser, pages):
    page = opened(browser, pages["monitor"], DESKTOP, dark=True)
    page.emulate_media(media="print")
    assert (
        not page.locator("nav").is_visible()
        and page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        and page.evaluate(CONTRAST) == []
    )
    assert len(page.pdf()) > 10_000
    page.context.close()
