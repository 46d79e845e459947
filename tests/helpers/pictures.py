"""The pictures of the README: what they are made from, and a command that makes them.

`make pictures` makes them from the pages of the present run. Beside them lies a digest of what they
show; a test compares it with the pages of today, as pixels differ from machine to machine.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from mlops_nb.core.plotting import figure_to_svg
from mlops_nb.lifecycle.replay import REPLAY_FILE, load_replay

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "nbs/images"
DIGESTS = "pictures.json"
WIDTHS = {"monitor": 800, "replay": 460}  # of the screen, in points
SHARPNESS = 2  # pixels a point
WAIT = 100  # milliseconds, for a page to be laid out

FIRST_FIGURE = re.compile(r".*?</figure>", re.S)
FOLDED = re.compile(r"<details[^>]*>\s*(<summary>.*?</summary>).*?</details>", re.S)
DIGEST_IN_TEXT = re.compile(r"\b[0-9a-f]{8,64}\b")


def monitor_page(top: Path) -> str:
    """Return the page of the monitor up to its first table or figure."""
    page = (top / "reports" / "monitor.html").read_text("utf-8")
    start = FIRST_FIGURE.match(page)
    assert start, "the page of the monitor has a figure or a table"
    return f"{start[0]}</div></main></body></html>"


def replay_page(top: Path) -> str:
    """Return a page with the chart of the recorded year, drawn by the code of today."""
    drawing = figure_to_svg(load_replay(top / REPLAY_FILE).plot())
    return (
        '<!doctype html><meta charset="utf-8"><style>svg { width: 100%; height: auto }</style>'
        f"<body>{drawing}</body>"
    )


PAGES: dict[str, Callable[[Path], str]] = {
    "monitor": monitor_page,
    "replay": replay_page,
}


def normalise(page: str) -> str:
    """Take from a page what a picture of it does not show, or what changes with every model."""
    unfolded = FOLDED.sub(r"\1", page)
    return " ".join(DIGEST_IN_TEXT.sub("#", unfolded).split())


def digest_source(page: str) -> str:
    """Digest what a picture shows."""
    return hashlib.sha256(normalise(page).encode()).hexdigest()[:16]


def recorded_digests(top: Path) -> dict[str, str]:
    """Return what the pictures in the repository were made from."""
    return json.loads((top / FOLDER / DIGESTS).read_text())


def photograph(
    page: str,
    target: Path,
    width: int,
) -> None:
    """Make a picture of a page, as long as it is."""
    from helpers.browser import ARGS, CHROMIUM
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        shown = browser.new_page(
            viewport={"width": width, "height": 300},
            device_scale_factor=SHARPNESS,
        )
        shown.set_content(page)
        shown.wait_for_timeout(WAIT)
        shown.screenshot(path=target, full_page=True)
        browser.close()


def make_pictures(top: Path = ROOT) -> None:
    """Make every picture from the pages of `top`, and note what it was made from."""
    from helpers.browser import CHROMIUM

    if not CHROMIUM:
        sys.exit("no chromium here: install it to make the pictures")
    if not (top / "reports" / "monitor.html").exists():
        sys.exit("no pages here: `make run` makes them")
    digests = {}
    for name, make_page in PAGES.items():
        page = make_page(top)
        photograph(page, top / FOLDER / f"{name}.png", WIDTHS[name])
        digests[name] = digest_source(page)
        print(f"{FOLDER}/{name}.png")
    written = json.dumps(digests, indent=1, sort_keys=True)
    (top / FOLDER / DIGESTS).write_text(written + "\n")


if __name__ == "__main__":
    make_pictures()
