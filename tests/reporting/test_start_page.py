"""The start page leads with the worst."""

import re

from helpers.report_sample import CONFIG

from mlops_nb.reporting.start_page import render_start_page


def test_index_leads_with_the_worst(plain):
    result = plain[1]
    calm = {
        **result,
        "verdict": {"level": "ok", "reasons": []},
        "headline": {"key": "", "values": {"text": "All well in training."}},
    }
    page = render_start_page(
        {"train": calm, "monitor": result, "preprocess-train": calm}, CONFIG
    )
    assert re.search(r"<h1[^>]*>Of 100 flights", page)
    assert page.count('class="card"') == 2
    assert "All well in training." in page
    assert 'href="preprocess-train.html"' in page
    assert (
        "Evaluation stopped early"
        in re.search(
            r"<h1.*?</h1>",
            render_start_page({"monitor": result, "evaluate": None}, CONFIG),
        )[0]
    )
    assert "make run" in render_start_page({}, CONFIG)
