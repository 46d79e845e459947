"""Japanese sentences: one term for one thing, one way of writing numbers, ranges and blanks."""

import re

import pytest

from mlops_nb.core.translations import read_locale

SENTENCES = read_locale("ja")
PROSE = {
    f"{stage} {english[:30]}": text
    for stage, cells in read_locale("notebooks.ja").items()
    for english, text in cells.items()
}
RULES = read_locale("rules.ja")
WRITTEN = SENTENCES | PROSE | RULES
LETTER = "[ぁ-んァ-ヶー一-龯々]"


def keys_with(pattern: str) -> list[str]:
    """Return the keys of texts in which a pattern is found."""
    return [key for key, text in WRITTEN.items() if re.search(pattern, text)]


@pytest.mark.parametrize(
    "term",
    [
        pytest.param("チャンピオン", id="本番モデル"),
        pytest.param("挑戦者", id="挑戦モデル"),
        pytest.param("関門|ゲート", id="リリース前チェック"),
        pytest.param("誤報|警報", id="警告"),
        pytest.param("出どころ", id="データソース"),
        pytest.param("確実に", id="有意に"),
        pytest.param("手引き", id="ガイド"),
        pytest.param("慣用値", id="既定値"),
        pytest.param("この版|[たの]版[にはをがや]", id="バージョン"),
    ],
)
def test_one_term_for_one_thing(term):
    """Whatever a page calls a thing, all others call it so: the id of a case says how."""
    assert keys_with(term) == []


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("～| 〜|〜 ", id="ranges"),
        pytest.param(r"\d %", id="percent"),
        pytest.param(f"{LETTER}: ", id="colons"),
        pytest.param("パラメータ(?!ー)|フォルダ(?!ー)", id="long-vowels"),
        pytest.param(f"[(),] ?{LETTER}{{2}}|{LETTER}{{2}} ?[(,]", id="brackets"),
        pytest.param("[。、] ", id="blanks-behind-stops"),
    ],
)
def test_one_way_of_writing(pattern):
    """Ranges have 〜 without blanks, colons and brackets are wide, percent signs stand close."""
    assert keys_with(pattern) == []


def test_a_blank_parts_japanese_from_latin_letters_and_values():
    """A value may be a Latin word; where it is a Japanese one, the blank is left out."""
    parts = f"{LETTER}[A-Za-z0-9{{]|[A-Za-z0-9}}]{LETTER}"
    dates = (
        "report.period_",
        "report.months",
        "month.",
        "dismissal.season",
        "report.month_of_a_year",
    )
    found = [key for key in keys_with(parts) if not key.startswith(dates)]
    assert found == []
