"""The published site in a browser: on a phone and a desk, in the dark, without scripts."""

import re
from threading import Thread

import pytest
from helpers.browser import CHROMIUM, CONTRAST, DESKTOP, PHONE, TEXT, opened

from mlops_nb.publishing.serve_site import create_site_server

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium here: install it to test the site in a browser"
)

PAGES = ("index.html", "challengers.html", "docs/guides-quality.html")
MORE_PAGES = (
    "decisions.html",
    "development.html",
    "versions.html",
    "docs.html",
    "docs/index.html",
    "docs/api-core-01_errors.html",
    "search.html?q=auc",
    "cards/v1.0.0.html",
)


SMALLEST_TEXT = 11  # px


@pytest.fixture(scope="module")
def site(published_once):
    """Return the folder of a published site."""
    return published_once / "_site"


def assert_legible(
    browser,
    site,
    name,
    size,
    dark=False,
):
    """Assert that a page is no wider than the screen, and that its text can be read."""
    page = opened(browser, f"{site.as_uri()}/{name}", size, dark)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
    assert page.evaluate(CONTRAST) == [], name
    assert page.said == [], name
    assert [size for size in page.evaluate(TEXT) if size < SMALLEST_TEXT] == [], name
    page.context.close()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_fits_and_is_legible(
    browser,
    site,
    size,
):
    run = sorted(site.glob("runs/*/monitor.html"))[0].relative_to(site).as_posix()
    for name in (*PAGES, *MORE_PAGES, run):
        assert_legible(browser, site, name, size)


def test_is_legible_in_the_dark(
    browser,
    site,
):
    for name in PAGES:
        assert_legible(browser, site, name, PHONE, dark=True)


FIRST_SCREENS = {
    "home": ("index.html", (".verdict .badge", "h1", ".now li")),
    "card": ("cards/v1.0.0.html", ("h1", ".content h2")),
}


@pytest.mark.parametrize(("name", "parts"), FIRST_SCREENS.values(), ids=FIRST_SCREENS)
def test_the_first_screen_of_a_phone_tells_what_matters(
    browser,
    site,
    name,
    parts,
):
    """Of home: state, headline and action; of the card: the model, and what it is for."""
    page = opened(browser, f"{site.as_uri()}/{name}", PHONE, java_script_enabled=False)
    for part in parts:
        box = page.locator(part).first.bounding_box()
        assert box, part
        assert box["y"] + box["height"] <= PHONE["height"], part
    page.context.close()


SCROLLS_SIDEWAYS = """
[...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth)
  .map(box => box.textContent.slice(0, 60))
"""


@pytest.mark.parametrize("name", ["test-score.html", "cards/v1.0.0.html"])
def test_no_table_scrolls_sideways_on_a_phone(
    browser,
    site,
    name,
):
    page = opened(browser, f"{site.as_uri()}/{name}", PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate(SCROLLS_SIDEWAYS) == []
    page.context.close()


MOST_SCREENS = 8


def test_the_list_of_notebooks_is_folded_on_a_phone(
    browser,
    site,
):
    page = opened(browser, f"{site.as_uri()}/docs.html", PHONE)
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height <= MOST_SCREENS * PHONE["height"]
    page.locator("summary", has_text="Modules: core").click()
    assert page.get_by_role("link", name="errors", exact=True).is_visible()
    page.context.close()


@pytest.mark.parametrize("name", ["decisions", "versions", "challengers"])
def test_the_tab_of_a_page_is_in_view_on_a_phone(
    browser,
    site,
    name,
):
    page = opened(browser, f"{site.as_uri()}/{name}.html", PHONE)
    box = page.locator("nav a[aria-current]").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert box["y"] + box["height"] <= PHONE["height"] / 4
    page.context.close()


def search_for_a_decision(
    page,
    base,
):
    """Search on the start page for a word that no notebook has, and follow the only hit."""
    page.get_by_role("searchbox").fill("carnival DISMISS")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search.html?q=carnival+DISMISS")
    assert page.locator("#count").inner_text().endswith(": 1")
    assert page.locator("mark").first.inner_text().lower() in ("carnival", "dismiss")
    page.locator("#found a").click()
    page.wait_for_url("**/decisions.html#d-aaaa1111")


def search_for_what_is_not_there(
    page,
    base,
):
    """Search for a word that no page has, then for one that a notebook has."""
    page.goto(f"{base}/search.html?q=unheard-of-word")
    assert page.locator("#count").inner_text().endswith(": 0")
    assert page.locator("#found li").count() == 0
    page.locator("#q").fill("errors that carry their cure")
    assert page.locator("#found a", has_text="errors").count() == 1


def check_search(
    browser,
    base,
):
    """Search, and follow an address that stays; nothing is loaded from elsewhere."""
    page = opened(browser, f"{base}/index.html", PHONE)
    search_for_a_decision(page, base)
    search_for_what_is_not_there(page, base)
    page.goto(f"{base}/monitor.html")
    page.wait_for_url("**/runs/*/monitor.html")
    assert [address for address in page.said if not address.startswith(base)] == []
    page.context.close()


def test_search_from_a_folder(
    browser,
    site,
):
    check_search(browser, site.as_uri())


def test_search_from_a_server(
    browser,
    site,
):
    with create_site_server(0, site, "127.0.0.1:0") as server:
        Thread(target=server.serve_forever, daemon=True).start()
        check_search(browser, f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def test_without_javascript(
    browser,
    site,
):
    page = opened(
        browser, f"{site.as_uri()}/index.html", PHONE, java_script_enabled=False
    )
    page.get_by_role("link", name="Development runs").click()
    page.get_by_role("link", name=re.compile(r"20\d\d-")).first.click()
    page.wait_for_url("**/runs/*/index.html")
    page.get_by_role("link", name="Home").click()
    page.wait_for_url(f"{site.as_uri()}/index.html")
    page.goto(f"{site.as_uri()}/search.html")
    assert page.get_by_text("Searching needs JavaScript").is_visible()
    page.context.close()
