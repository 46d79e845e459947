"""A real browser for pages: where it is, how wide, and what is asked of a page."""

import shutil
from pathlib import Path

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


def opened(
    browser,
    url,
    size,
    dark=False,
    **more,
):
    """A page, and what it asked for or complained about."""
    page = browser.new_context(
        viewport=size, color_scheme="dark" if dark else "light", **more
    ).new_page()
    page.said = []
    page.on(
        "request",
        lambda r: (
            page.said.append(r.url)
            if not r.url.startswith(("file:", "data:"))
            else None
        ),
    )
    page.on("console", lambda m: page.said.append(m.text))
    page.on("dialog", lambda d: (page.said.append(d.message), d.dismiss()))
    page.goto(url)
    return page
