"""Markdown that a cell computed."""

from mlops_nb.reporting.prose import render_markdown


def test_markdown_of_a_cell_shows_html_as_text_and_entities_once():
    got = render_markdown("| a |\n|---|\n| &lt;b&gt; \\| <i>x</i> |")
    assert "&lt;b&gt; | &lt;i&gt;x&lt;/i&gt;" in got
    assert 'scope="col"' in got
    got = render_markdown("[x](https://host) ![x](https://host/x.png)")
    assert "<a" not in got
    assert "<img" not in got
    assert "[x](https://host)" in got
