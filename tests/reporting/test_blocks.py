"""Outputs as blocks: what is empty, and what cannot be shown."""

from helpers.report_sample import shown

from mlops_nb.reporting.blocks import render_cell_output, render_safely


def test_an_empty_table_keeps_its_title():
    got = render_cell_output(
        shown({"text/markdown": "*none*"}, title="No breach"), "en", "f-"
    )
    assert "No breach" in got
    assert "none" in got
    assert (
        render_cell_output(
            shown({"text/markdown": "|a|\n|-|\n|1|"}, title="No breach"), "en", "f-"
        ).count("No breach")
        == 1
    )


def test_svg_entities_are_refused():
    entities = '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    bomb = entities + '<svg viewBox="0 0 1 1"><text>&b;</text></svg>'
    assert "could not be shown" in render_safely(
        "en", render_cell_output, shown({"image/svg+xml": bomb}), "en", "f-"
    )
