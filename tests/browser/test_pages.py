"""Pages in a real browser: a phone and a desktop, light and dark, on screen and on paper."""

import io

import pytest
from helpers.browser import CHROMIUM, CONTRAST, DESKTOP, PHONE, TEXT, opened
from helpers.report_sample import CONFIG, code, failed, sample, table
from PIL import Image

from mlops_nb.reporting.catalogue import render_catalogue_page
from mlops_nb.reporting.page import render_stage_page
from mlops_nb.reporting.start_page import render_start_page

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium here: install it to test the pages in a browser"
)


SMALLEST_TEXT = 11  # px
CARDS_FIT = """
[...document.querySelectorAll('.stack')].every(
  table => table.parentElement.scrollWidth <= table.parentElement.clientWidth
)
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    top = tmp_path_factory.mktemp("pages")
    notebook, result, source = sample(evil=True)
    parts = (notebook, result, source)
    results = {
        "monitor": result,
        "train": {**result, "verdict": {"level": "ok"}},
        "evaluate": {**result, "verdict": {"level": "act"}},
    }
    japanese = {**CONFIG, "lang": "ja"}
    made = {
        "monitor": render_stage_page("monitor", *parts, CONFIG),
        "ja": render_stage_page("monitor", *parts, japanese),
        "failed": render_stage_page("train", *failed(), CONFIG),
        "index": render_start_page(results, CONFIG),
        "features": render_catalogue_page(result["results"]["features"], CONFIG),
    }
    for name, page in made.items():
        (top / f"{name}.html").write_text(page, "utf-8")
    return {name: (top / f"{name}.html").as_uri() for name in made}


@pytest.mark.parametrize("name", ["monitor", "ja", "failed", "index", "features"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_fits_is_legible_and_silent(
    browser,
    pages,
    name,
    dark,
    size,
):
    page = opened(browser, pages[name], size, dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate(CONTRAST) == []
    assert [size for size in page.evaluate(TEXT) if size < SMALLEST_TEXT] == []
    assert page.said == []
    page.context.close()


def test_a_phone_shows_the_answer_first(
    browser,
    pages,
):
    page = opened(browser, pages["monitor"], PHONE, java_script_enabled=False)
    for said in (
        "Watch closely",
        "1–30 April 2013",
        "Of 100 flights flagged",
        "What changed",
        "What to do",
        "Look at Newark again",
    ):
        box = page.get_by_text(said).first.bounding_box()
        assert box, said
        assert box["y"] + box["height"] <= PHONE["height"], said
    page.context.close()


TABS_OUT_OF_SIGHT = """
[...document.querySelectorAll('nav a')]
  .filter(tab => tab.getBoundingClientRect().right > document.body.clientWidth)
  .map(tab => tab.textContent.trim())
"""


@pytest.fixture(scope="module")
def tabbed(tmp_path_factory):
    """The address of a page with the tabs that a project has."""
    stages = ["preprocess-train", "preprocess-current", "train", "evaluate", "monitor"]
    config = {**CONFIG, "pages": ["index", "features", *stages]}
    page = tmp_path_factory.mktemp("tabbed") / "monitor.html"
    page.write_text(render_stage_page("monitor", *sample(), config), "utf-8")
    return page.as_uri()


@pytest.mark.parametrize("width", [320, 380, 600, 900, 1400])
def test_no_tab_is_cut(
    browser,
    tabbed,
    width,
):
    page = opened(browser, tabbed, {"width": width, "height": 740})
    assert page.evaluate("document.querySelectorAll('nav a').length") == 7
    assert page.evaluate(TABS_OUT_OF_SIGHT) == []
    page.context.close()


def test_rows_stand_as_cards_on_a_phone(
    browser,
    pages,
):
    page = opened(browser, pages["monitor"], PHONE)
    assert page.locator("table.stack td").nth(1).evaluate(
        "e => getComputedStyle(e, '::before').content"
    ) not in ("none", '""')
    assert page.evaluate(CARDS_FIT)
    page.context.close()


RATES = ("flagged", "recall", "false_alarms", "precision", "calibration_error")


@pytest.fixture
def wide_page(tmp_path):
    """The address of a page whose table needs more room than a small screen has."""
    rates = dict.fromkeys(RATES, "0.45 (0.43–0.48)")
    rows = [
        {"column": "carrier", "level": carrier, "n": 1234, **rates}
        for carrier in ("UA", "DL")
    ]
    cell = code("table(groups)", table(rows, "Errors by group"))
    page = tmp_path / "evaluate.html"
    html = render_stage_page("evaluate", {"cells": [cell]}, {}, None, CONFIG)
    page.write_text(html, "utf-8")
    return page.as_uri()


def brightness_of_the_edge(box):
    """How bright a table is at its right edge: a shadow there says that more follows."""
    shot = Image.open(io.BytesIO(box.screenshot())).convert("L")
    # beside the title: no text is there
    return shot.getpixel((shot.width - 3, shot.height // 8))


@pytest.mark.parametrize(
    ("width", "scrolls"),
    [pytest.param(1400, False, id="wide"), pytest.param(1024, True, id="narrow")],
)
def test_a_wide_table_takes_the_room_there_is_and_shows_that_it_scrolls(
    browser,
    wide_page,
    width,
    scrolls,
):
    page = opened(browser, wide_page, {"width": width, "height": 900})
    box = page.locator(".tbl .scroll")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert box.evaluate("e => e.scrollWidth > e.clientWidth") == scrolls
    assert (brightness_of_the_edge(box) < 230) == scrolls
    box.evaluate("e => e.scrollLeft = 9999")
    assert brightness_of_the_edge(box) > 250
    page.context.close()


def test_code_unfolds_without_javascript(
    browser,
    pages,
):
    page = opened(browser, pages["monitor"], PHONE, java_script_enabled=False)
    shown = page.get_by_text(
        "from mlops_nb.reporting.display import show_figure as figure"
    )
    assert not shown.is_visible()
    page.locator("summary", has_text="Code").nth(1).click()
    assert shown.is_visible()
    page.context.close()


def test_prints_on_white_without_navigation(
    browser,
    pages,
):
    page = opened(browser, pages["monitor"], DESKTOP, dark=True)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert (
        page.evaluate("getComputedStyle(document.body).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    assert page.evaluate(CONTRAST) == []
    assert len(page.pdf()) > 10_000
    page.context.close()


VISIBLE_ROWS = """
[...document.querySelectorAll('.tbl tbody tr')].filter(row => row.offsetParent).length
"""
MANY = 12
LAST_IS_BAD = {MANY - 1: "watch"}


@pytest.fixture
def long_page(tmp_path):
    """The address of a page with a long table, and figures in a row."""
    rows = [
        {
            "column": "shop",
            "value": f"shop number {i}",
            "psi": i / 97,
            "limit": 0.2517,
            "effect": -0.0123,
            "missing": 0.3512,
            "severity": LAST_IS_BAD.get(i, "ok"),
        }
        for i in range(MANY)
    ]
    figures = sample()[0]["cells"]
    drawn = [
        output
        for cell in figures
        for output in cell.get("outputs", ())
        if "image/svg+xml" in output.get("data", {})
    ]
    cells = [code("table(groups)", table(rows, "Groups")), code("draw()", *drawn)]
    page = tmp_path / "monitor.html"
    html = render_stage_page("monitor", {"cells": cells}, {}, None, CONFIG)
    page.write_text(html, "utf-8")
    return page.as_uri()


def test_a_long_table_waits_on_a_phone_until_it_is_asked_for(
    browser,
    long_page,
):
    page = opened(browser, long_page, PHONE, java_script_enabled=False)
    assert page.evaluate(VISIBLE_ROWS) == 2  # the one that says watch, and the first
    page.get_by_text(f"Show all {MANY} rows").click()
    assert page.evaluate(VISIBLE_ROWS) == MANY
    page.context.close()


@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_waits_on_paper_and_on_a_wide_screen(
    browser,
    long_page,
    media,
):
    size = DESKTOP if media == "screen" else PHONE
    page = opened(browser, long_page, size)
    page.emulate_media(media=media)
    assert page.evaluate(VISIBLE_ROWS) == MANY
    assert page.locator("figure.fig:visible").count() == 3
    assert not page.get_by_text(f"Show all {MANY} rows").is_visible()
    page.context.close()


def test_a_card_is_titled_by_what_tells_rows_apart(
    browser,
    long_page,
):
    page = opened(browser, long_page, PHONE)
    first = page.locator("table.stack tbody tr").first
    lines = first.inner_text().split()
    assert lines[:4] == ["shop", "shop", "number", "0"]
    title = first.locator(".t").all()
    tops = [cell.bounding_box()["y"] for cell in title]
    assert len(set(tops)) == 1
    page.context.close()


def test_figures_in_a_row_wait_behind_their_titles_on_a_phone(
    browser,
    long_page,
):
    page = opened(browser, long_page, PHONE, java_script_enabled=False)
    assert page.locator("figure.fig:visible").count() == 0
    page.locator("summary", has_text="Snow and fog").click()
    assert page.locator("figure.fig:visible").count() == 3
    page.context.close()
