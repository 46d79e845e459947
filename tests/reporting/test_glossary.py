"""Terms of art are explained where they first stand on a page, once, in both languages."""

import re

import pytest

from mlops_nb.core.translations import read_locale
from mlops_nb.reporting.frame import render_page_frame
from mlops_nb.reporting.glossary import explain_terms, read_glossary, render_terms

LANGUAGES = ("en", "ja")


def on_page(
    body: str,
    lang: str = "en",
) -> str:
    """Put a body on a page and explain its terms."""
    return explain_terms(f'<head></head><main id="main">{body}</main><footer/>', lang)


def test_languages_have_the_same_terms():
    """A term that is explained in one language is explained in the other."""
    assert read_locale("glossary.en").keys() == read_locale("glossary.ja").keys()


@pytest.mark.parametrize("lang", LANGUAGES, ids=LANGUAGES)
def test_no_word_stands_for_two_terms(lang):
    """Each word leads to one meaning."""
    words = [word for term in read_glossary(lang).values() for word in term["words"]]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("lang", LANGUAGES, ids=LANGUAGES)
def test_each_term_is_found_by_its_own_words(lang):
    """Whatever stands for a term on a page becomes a link to its meaning."""
    for key, term in read_glossary(lang).items():
        for word in term["words"]:
            assert f'href="#term-{key}"' in on_page(word, lang), word


@pytest.mark.parametrize("lang", LANGUAGES, ids=LANGUAGES)
def test_meanings_are_sentences(lang):
    """A meaning ends as a sentence does."""
    end = {"en": ".", "ja": "。"}[lang]
    assert all(term["meaning"].endswith(end) for term in read_glossary(lang).values())


def test_a_term_is_explained_once_and_listed_at_the_end():
    """The second time it is plain text."""
    page = on_page("<p>An AUC of .8; the AUC before</p>")
    assert page.count('href="#term-auc"') == 1
    assert page.count('<dt id="term-auc">') == 1
    assert "; the AUC before" in page


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('<a href="x">AUC</a>', id="link"),
        pytest.param("<code>AUC</code>", id="code"),
        pytest.param("<pre><b>x</b> AUC</pre>", id="listing"),
        pytest.param("<svg><title>AUC</title><text>AUC</text></svg>", id="figure"),
        pytest.param("<summary>AUC</summary>", id="button"),
        pytest.param('<p class="eyebrow">AUC</p>', id="small print"),
        pytest.param('<img alt="AUC > .8">', id="attribute"),
        pytest.param("from gate to gate, MAUC, F1x, re-recall", id="other words"),
    ],
)
def test_what_is_no_plain_text_stays_as_it_is(body):
    """Links, code and figures hold no links to meanings."""
    assert on_page(body) == f'<head></head><main id="main">{body}</main><footer/>'


def test_the_longest_word_counts():
    """Concept drift is not drift, and several champions are a champion."""
    page = on_page("concept drift of champions")
    assert re.findall('href="#term-([^"]+)"', page) == ["concept-drift", "champion"]


def test_text_after_a_skipped_element_is_read():
    """What stands inside of another link of the same kind does not end it."""
    page = on_page("<code>AUC</code> AUC")
    assert page.count('href="#term-auc"') == 1


def test_pages_explain_themselves_unless_they_are_told_not_to():
    """A page of the documentation is full of terms and explains none."""
    shown = render_page_frame("x", "The champion", {"lang": "en"})
    plain = render_page_frame("x", "The champion", {"lang": "en"}, explains=False)
    assert 'href="#term-champion"' in shown
    assert "term-" not in plain


def test_a_glossary_lists_every_term():
    """The page of all terms has a place for each."""
    keys = list(read_glossary("ja"))
    assert render_terms(keys, "ja").count("<dt ") == len(keys)


def test_a_badge_holds_no_link():
    """A term in a badge is explained where it stands in a sentence."""
    badge = '<main id="main"><b class="badge ok">リリース前チェック合格</b></main>'
    assert explain_terms(badge, "ja") == badge
