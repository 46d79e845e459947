"""What data can never bring onto a page."""

import re

import pytest
from helpers.pages import Seen

from mlops_nb.reporting.prose import render_markdown, render_prose
from mlops_nb.reporting.sanitize import sanitize_svg
from mlops_nb.reporting.tables import render_html

HOSTILE_HTML = {
    "script": "<script>alert(1)</script>",
    "onerror": "<img src=x onerror=alert(1)>",
    "svg-onload": "<svg/onload=alert(1)>",
    "javascript": '<a href="javascript:alert(1)">x</a>',
    "javascript-disguised": '<a href=" jAvascript:alert(1)">x</a>',
    "data-link": "<a href='data:text/html,x'>x</a>",
    "iframe": "<iframe src=//host></iframe>",
    "style": "<style>@import '//host'</style>",
    "base": "<base href=//host>",
    "form": "<form action=//host><input></form>",
    "math": "<math><mtext></p><img src=x onerror=alert(1)>",
    "style-attribute": "<p style='background:url(//host)'>",
    "open-table": "<table><td><script>alert(1)",
    "noscript": "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "closing-page": "</main></body><b>",
    "comment": "<!--><img src=x onerror=alert(1)>-->",
    "foreign-image": "<img src='https://host/x.png'>",
    "meta": "<meta http-equiv=refresh content=0>",
    "misnested": "<a><b><i></a>",
    "object": "<object data=//host>",
}
HOSTILE_SVG = {
    "script": "<script>alert(1)</script>",
    "foreign-object": '<foreignObject><body onload="x()"/></foreignObject>',
    "link": '<a href="javascript:x()"><text>x</text></a>',
    "foreign-image": '<image href="https://host/x.png"/>',
    "foreign-use": '<use href="//host/x.svg#a"/>',
    "foreign-fill": '<path style="fill: url(https://host/x)"/>',
    "style": "<style>@import '//host'</style>",
    "escaped-url": '<rect onclick="x()" fill="u\\72l(//host)"/>',
    "animate": '<animate attributeName="href" to="javascript:x()"/>',
    "set": '<set attributeName="onload" to="x()"/>',
}
NEVER_SHOWN = {
    "script",
    "iframe",
    "object",
    "style",
    "base",
    "form",
    "input",
    "meta",
} | {
    "svg",
    "math",
    "main",
    "body",
}
LEADS_AWAY = re.compile(r"(?i)\s*(javascript|data:text|(https?:)?//)")


@pytest.mark.parametrize("bad", HOSTILE_HTML.values(), ids=HOSTILE_HTML)
@pytest.mark.parametrize(
    "show",
    [
        pytest.param(render_html, id="html"),
        pytest.param(render_prose, id="prose"),
        pytest.param(render_markdown, id="markdown"),
    ],
)
def test_sanitizing(
    show,
    bad,
):
    """Nothing runs, nothing is fetched, and every element is closed."""
    got = show(bad)
    seen = Seen(f"<div>{got}</div>")
    assert not seen.open
    assert not NEVER_SHOWN & set(seen.tags)
    assert not [name for name, _ in seen.attrs if name.startswith("on")]
    assert not {"style", "srcdoc"} & {name for name, _ in seen.attrs}
    assert not [value for _, value in seen.attrs if LEADS_AWAY.match(value or "")]


@pytest.mark.parametrize("inner", HOSTILE_SVG.values(), ids=HOSTILE_SVG)
def test_svg_draws_and_does_nothing_else(inner):
    """What is no drawing goes, and the drawing stays."""
    got = sanitize_svg(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="x()">'
        f'{inner}<rect width="3" height="3"/></svg>',
        "f1-",
        "a",
    )
    assert not re.search("script|host|onload|onclick|foreign|style>|animate|<set", got)
    assert "<rect" in got
