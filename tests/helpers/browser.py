"""A real browser for pages: where it is, how wide, and what is asked of a page."""

import shutil
from pathlib import Path

PAGE_CHECKS = Path(__file__).with_name("page_checks")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 380, "height": 740}
DESKTOP = {"width": 1400, "height": 900}
CONTRAST = (PAGE_CHECKS / "contrast.js").read_text()
TEXT = (PAGE_CHECKS / "figure_text.js").read_text()


def find_chromium():
    """Return the path of a browser, None where there is none."""
    places = [
        "/usr/bin/chromium",
        shutil.which("chromium"),
        shutil.which("google-chrome"),
    ]
    found = (place for place in places if place and Path(place).exists())
    return next(found, None)


CHROMIUM = find_chromium()


def opened(
    browser,
    url,
    size,
    dark=False,
    **more,
):
    """A page, and what it asked for or complained about."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport=size, color_scheme=scheme, **more)
    page = context.new_page()
    page.said = []

    def note_request(request):
        if not request.url.startswith(("file:", "data:")):
            page.said.append(request.url)

    def dismiss(dialog):
        page.said.append(dialog.message)
        dialog.dismiss()

    page.on("request", note_request)
    page.on("console", lambda entry: page.said.append(entry.text))
    page.on("dialog", dismiss)
    page.goto(url)
    return page
