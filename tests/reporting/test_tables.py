"""Tables and labels in the reader's language."""

from mlops_nb.core.translations import read_locale
from mlops_nb.reporting.sanitize import sanitize_svg
from mlops_nb.reporting.tables import render_html_table


def test_labels_are_translated_in_heads_and_figures(monkeypatch):
    monkeypatch.setitem(read_locale("ja"), "label.share late", "遅延の割合")
    assert "<text>遅延の割合</text>" in sanitize_svg(
        '<svg viewBox="0 0 1 1"><text>share late</text></svg>', "f-", "x", "ja"
    )
    assert "遅延の割合</th>" in render_html_table([{"share late": 1}], "ja")
    assert "share late</th>" in render_html_table([{"share late": 1}], "en")
