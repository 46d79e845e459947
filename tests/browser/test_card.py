"""The model card in a browser: it fits a phone, asks nobody and obeys no data."""

from dataclasses import replace

import pytest
from helpers.browser import CHROMIUM, opened

from mlops_nb.lifecycle.statements import CardAnswers
from mlops_nb.publishing.card_page import render_model_card
from mlops_nb.publishing.card_record import build_model_card

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here")
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)> " + "W" * 90


@pytest.fixture(scope="module")
def evil_card(
    small_once,
    tmp_path_factory,
):
    """Return the page of a card in which people have written HTML."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_NB_ROOT", str(small_once))
        card = build_model_card("HEAD")
    answers = CardAnswers(intended_use=EVIL, limits=EVIL)
    page = tmp_path_factory.mktemp("card") / "card.html"
    page.write_text(
        render_model_card(replace(card, answers=answers, missing=("ethics", EVIL)))
    )
    return page


@pytest.mark.parametrize("width", [380, 1400], ids=["phone", "desktop"])
def test_the_page_fits_asks_nobody_and_obeys_no_data(
    browser,
    evil_card,
    width,
):
    page = opened(browser, evil_card.as_uri(), {"width": width, "height": 800})
    text = page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.said == []
    assert "more information needed" in text
    assert "<script>alert(1)" in text
    assert page.locator("main svg").count() >= 2
    page.context.close()
