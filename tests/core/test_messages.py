"""Sentences: the same keys, placeholders and forms in each language; none unused or missing."""

import itertools
import json
import re
import string
from pathlib import Path

import pytest
from helpers.message_keys import is_used, used_keys
from helpers.project import ROOT

from mlops_nb.core.messages import Message, join_names, name_few_columns, render
from mlops_nb.core.translations import read_locale
from mlops_nb.reporting.prose import render_prose

ENGLISH = read_locale("en")
JAPANESE = read_locale("ja")
PROSE = read_locale("notebooks.ja")
STAGES = sorted((ROOT / "nbs" / "stages").glob("*.ipynb"))
COUNTED = re.compile(
    r"\{(n|of|rows|count|columns|spans|least|context|champions|converted|moved|act|watch)(:,)?\}"
    r" (\w+ )?(rows|columns|features|periods|runs|values|times|groups|parts|spans|champions"
    r"|parameters|findings)\b"
)
# a plural after a one (`1 rows`, `1 are`), and a singular after another number (`2 row`)
NOUNS = (
    "rows columns features periods runs values times groups parts spans champions parameters"
    " findings limits members versions decisions challengers breaches lines models segments"
)
ONE_OF_MANY = re.compile(
    rf"(?<![\d.,])1 (\w+ )?({NOUNS.replace(' ', '|')}|are|have|were|lie|fall)\b"
)
MANY_OF_ONE = re.compile(
    rf"(?<![\d.,])[02] (?!of)(\w+ )?({NOUNS.replace('s ', '|').removesuffix('s')})\b"
)
FORMS = ("zero", "one", "other")
COUNTING = sorted(key for key, entry in ENGLISH.items() if isinstance(entry, dict))


def forms(entry: str | dict) -> list[str]:
    """Return every template of an entry: one, or those for none, one and more of each count."""
    if isinstance(entry, str):
        return [entry]
    branches = [forms(entry[form]) for form in FORMS if form in entry]
    return [template for branch in branches for template in branch]


def counts(entry: str | dict) -> set[str]:
    """Return the values that decide between singular and plural."""
    if isinstance(entry, str):
        return set()
    branches = [counts(entry[form]) for form in FORMS if form in entry]
    return {entry["count"]}.union(*branches)


def last_form(entry: str | dict) -> str:
    """Return the form for more than one of everything."""
    return forms(entry)[-1]


def placeholders(template: str) -> set[str]:
    """Return the names of the values that a template shows."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_languages_have_the_same_keys():
    """A sentence that is missing in one language would show in another."""
    assert ENGLISH.keys() == JAPANESE.keys()


@pytest.mark.parametrize(
    "language",
    ["en", "ja", "notebooks.ja", "glossary.en", "glossary.ja", "rules.ja"],
)
def test_locale_files_are_sorted(language):
    """Keys are sorted, so that two people who add one do not meet at the end of the file."""
    path = ROOT / "mlops_nb" / "core" / "locales" / f"{language}.json"
    found = json.loads(path.read_text("utf-8"))
    text = (
        json.dumps(
            found,
            ensure_ascii=False,
            indent=1,
            sort_keys=True,
        )
        + "\n"
    )
    assert path.read_text("utf-8") == text


def test_languages_show_the_same_values():
    """What the English sentence shows, the Japanese shows, and the other way round."""
    english = {key: placeholders(last_form(entry)) for key, entry in ENGLISH.items()}
    japanese = {key: placeholders(last_form(entry)) for key, entry in JAPANESE.items()}
    assert english == japanese


@pytest.mark.parametrize("key", COUNTING, ids=COUNTING)
def test_a_singular_shows_nothing_that_the_plural_lacks(key):
    """Each form of a sentence gets by with the values that its message has."""
    known = placeholders(last_form(ENGLISH[key]))
    assert counts(ENGLISH[key]) <= known
    for form in forms(ENGLISH[key]):
        assert placeholders(form) <= known


def test_japanese_has_one_form_for_each_count():
    """Japanese nouns have no plural, so no entry needs a choice."""
    assert [key for key, entry in JAPANESE.items() if isinstance(entry, dict)] == []


def test_english_counts_have_a_singular():
    """A count before a noun in the plural needs the form for one."""
    sentences = {key: entry for key, entry in ENGLISH.items() if isinstance(entry, str)}
    bare = [key for key, sentence in sentences.items() if COUNTED.search(sentence)]
    # of two or more, always: of a single period estimate.record_one tells
    assert bare == ["compare.first", "compare.unknown_over", "estimate.record"]


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        pytest.param(0, "0 periods, and in total", id="none"),
        pytest.param(1, "1 period, and in total", id="one"),
        pytest.param(3, "3 periods, and in total", id="three"),
    ],
)
def test_a_count_chooses_the_form(
    count,
    sentence,
):
    """Only one is a singular."""
    assert str(Message("replay.table", n=count)) == sentence


def test_each_count_of_a_sentence_chooses_for_itself():
    """Two counts in a sentence do not share a form."""
    one = {"rows": 1, "n": 2, "window": "May"}
    other = {"rows": 2, "n": 1, "window": "May"}
    assert str(Message("watch.headline", **one)) == "May: 1 row, 2 limits exceeded"
    assert str(Message("watch.headline", **other)) == "May: 2 rows, 1 limit exceeded"


def test_none_has_a_form_of_its_own_where_a_number_would_sound_odd():
    """A form for none is optional: where it lacks, the plural serves."""
    assert str(Message("monitor.findings_title", n=0)) == "No limit exceeded"
    assert str(Message("report.catalogue", n=0)) == "0 features describe each row"


@pytest.mark.parametrize(
    ("names", "language", "told"),
    [
        pytest.param([], "en", "", id="none"),
        pytest.param(["A"], "en", "A", id="one"),
        pytest.param(["A", "B"], "en", "A and B", id="two"),
        pytest.param(["A", "B", "C"], "en", "A, B and C", id="three"),
        pytest.param(["風速", "湿度"], "ja", "風速と湿度", id="two in Japanese"),
        pytest.param(["A", "B"], "ja", "A と B", id="two Latin ones in Japanese"),
        pytest.param(["A", "B", "C"], "ja", "A、B、C", id="three in Japanese"),
    ],
)
def test_names_are_joined_as_a_language_does(
    names,
    language,
    told,
):
    """A list of names reads as a person writes it."""
    assert join_names(names, language) == told


@pytest.mark.parametrize(
    ("language", "told"),
    [
        pytest.param("en", "better on AUC and log loss", id="English"),
        pytest.param("ja", "AUC と対数損失", id="Japanese"),
    ],
)
def test_a_list_of_metrics_is_told_by_their_names(
    language,
    told,
):
    """A value may be a list: each of it is put into words, then all are joined."""
    message = Message("evaluate.better_only", better=["auc", "log_loss"])
    assert told in render(message.json(), language)


def test_a_list_of_many_columns_names_the_first_three():
    """What comes after the list has its own “and”."""
    few = name_few_columns(["a", "b", "c", "d", "e"])
    said = str(Message("monitor.noted", n=5, columns=few))
    assert "(a, b, c and 2 more columns)" in said


def sample(
    key: str,
    chosen: dict[str, int],
) -> str:
    """Render a sentence with these counts, and a harmless text or number for the rest."""
    entry = ENGLISH[key]
    values = dict.fromkeys(placeholders(last_form(entry)), 7.5)
    numbers = {name for form in forms(entry) for name in numeric(form)}
    texts = {name: "x" for name in values if name not in numbers}
    return str(Message(key, **(values | texts | chosen)))


def numeric(template: str) -> set[str]:
    """Return the names of the values that a template formats as numbers."""
    parts = string.Formatter().parse(template)
    return {name for _, name, spec, _ in parts if name and spec}


@pytest.mark.parametrize("key", COUNTING, ids=COUNTING)
def test_no_count_of_one_is_followed_by_a_plural(key):
    """Said with none, one and two of everything, no sentence speaks of "1 rows" or "1 are"."""
    names = sorted(counts(ENGLISH[key]))
    for numbers in itertools.product((0, 1, 2), repeat=len(names)):
        said = sample(key, dict(zip(names, numbers, strict=True)))
        assert not ONE_OF_MANY.search(said), said
        assert not MANY_OF_ONE.search(said), said


def test_a_language_without_a_file_shows_english():
    """A page is never lost for a language."""
    assert render(Message("monitor.calm").json(), "tlh") == ENGLISH["monitor.calm"]


def test_no_key_is_unused():
    """A sentence that nothing shows is removed from every language."""
    assert [key for key in ENGLISH if not is_used(key)] == []


def test_no_key_is_missing():
    """Whatever the code names is there to be shown."""
    used = {key for kind, key in used_keys() if kind == "key"}
    assert len(used) > 100
    assert used - ENGLISH.keys() == set()


def test_no_family_of_keys_is_empty():
    """A key that is put together finds at least one sentence."""
    patterns = {pattern for kind, pattern in used_keys() if kind == "pattern"}
    assert patterns
    full = {
        pattern for pattern in patterns for key in ENGLISH if re.fullmatch(pattern, key)
    }
    assert patterns - full == set()


def without_values(template: str) -> str:
    """Return the words of a template alone."""
    return " ".join(text for text, _, _, _ in string.Formatter().parse(template))


@pytest.mark.parametrize(
    "word",
    [
        pytest.param("gate", id="release checks"),
        pytest.param("alarms?", id="flag"),
    ],
)
def test_one_word_for_one_thing(word):
    """Pages for people have one word for a thing, which needs no explanation: the id of a case."""
    said = {key: map(without_values, forms(entry)) for key, entry in ENGLISH.items()}
    pattern = re.compile(rf"\b{word}\b", re.IGNORECASE)
    found = {key for key, told in said.items() if pattern.search(" ".join(told))}
    assert found == set()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_every_task_has_its_headline(task):
    """The headline's key is put together from the task."""
    assert f"evaluate.headline_{task}" in ENGLISH
    assert f"evaluate.headline_{task}_than" in ENGLISH


def prose_of(path: Path) -> list[str]:
    """Return the Markdown cells of a notebook."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [
        "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
    ]


@pytest.mark.parametrize("path", STAGES, ids=[path.stem for path in STAGES])
def test_prose_of_stages_is_english_and_translated(path):
    """The source holds English only, and every cell of it has its translation, no more."""
    prose = prose_of(path)
    assert "<div lang" not in "".join(prose)
    assert {text.strip() for text in prose} == PROSE[path.stem].keys()


def test_prose_shows_in_the_language_of_the_reader():
    """A cell of our own stages is found by its English text."""
    cell = "## Which run is best?\n"
    assert "最良の実行はどれか" in render_prose(cell, "ja", "compare")
    assert "Which run is best?" in render_prose(cell, "en", "compare")


def test_edited_prose_shows_in_english():
    """In a project of one's own, where nobody has translated it, prose stays as it was written."""
    assert "Which shop is best?" in render_prose(
        "## Which shop is best?", "ja", "compare"
    )


def test_a_translation_in_the_cell_goes_first():
    """A project of one's own translates its prose where it stands."""
    cell = '## Which run is best?\n\n<div lang="ja">\n\n## 一番は\n\n</div>'
    shown = render_prose(cell, "ja", "compare")
    assert "一番は" in shown
    assert "最良の実行はどれか" not in shown
