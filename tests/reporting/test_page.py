"""Pages: what they say, what they never contain, and what happens to broken parts."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
from helpers.pages import EXTERNAL, Seen
from helpers.report_sample import CONFIG, EVIL, code, failed, prose, shown

from mlops_nb.modeling.comparison import compare_models
from mlops_nb.modeling.gate import apply_gate, evaluation_verdict
from mlops_nb.reporting.catalogue import render_catalogue_page
from mlops_nb.reporting.page import render_stage_page
from mlops_nb.reporting.start_page import render_start_page

JAPANESE = {**CONFIG, "lang": "ja"}


def test_first_screen(plain):
    notebook, result, source = plain
    page = render_stage_page("monitor", notebook, result, source, CONFIG)
    first = page[: page.index("<details")]
    for said in (
        "1–30 April 2013",
        "Of 100 flights flagged, 46 were late",
        "Watch closely",
        "Newark ranks worse",
        "27 % of flights were late",
        "Look at Newark again",
        "flights candidate 1a2b3c4d",
        "#i-watch",
    ):
        assert said in first, said
    for fact in (
        "monitor.limit",
        "0f343b0931126a20f133d67c2b018a3b",
        "Effective parameters",
    ):
        assert fact in page, fact


def test_first_run_says_so(plain):
    notebook, result, source = plain
    page = render_stage_page(
        "monitor", notebook, result | {"changed": [], "todo": []}, source, CONFIG
    )
    assert "What changed" not in page
    assert "Nothing to do." in page


def test_prose_comes_from_the_source_and_code_is_folded(plain):
    notebook, result, source = plain
    page = render_stage_page("monitor", notebook, result, source, CONFIG)
    assert "old prose" not in page
    assert "How the model fares" in page
    assert "本番" not in page
    assert "limit = 0.1</" not in page
    edited = copy.deepcopy(source)
    edited["cells"][0]["source"] = "# Renamed"
    assert "Renamed" in render_stage_page("monitor", notebook, result, edited, CONFIG)
    assert all(
        "<details" in page[: code.start()] for code in re.finditer('class="code"', page)
    )
    assert page.count("<details") >= 4
    assert "old prose" in render_stage_page("monitor", notebook, result, None, CONFIG)


def test_japanese(plain):
    notebook, result, source = plain
    page = render_stage_page("monitor", notebook, result, source, JAPANESE)
    for said in (
        'lang="ja"',
        "2013年4月1日〜30日",
        "要注意",
        "本番でのモデルの様子",
        "変わったこと",
        "監視",
        "品質",
    ):
        assert said in page, said
    assert "Labels arrive" not in page
    assert "How the model fares" not in page


def evil_pages(
    notebook,
    result,
    source,
):
    """Return a page of each kind with markup in every value."""
    names = {"title": EVIL, "owner": EVIL, "contact": f'https://x/"{EVIL}'}
    pages = {
        "stage": render_stage_page("monitor", notebook, result, source, CONFIG),
        "name": render_stage_page(EVIL, notebook, result, source, CONFIG),
        "failed": render_stage_page("train", *failed(EVIL, EVIL), CONFIG),
    }
    pages["start"] = render_start_page({"monitor": result}, CONFIG | names)
    pages["catalogue"] = render_catalogue_page(result["results"]["features"], CONFIG)
    return pages


@pytest.mark.parametrize("kind", ["stage", "start", "catalogue", "failed", "name"])
def test_data_is_never_markup(
    evil,
    kind,
):
    """Markup in data shows as text, runs nothing and fetches nothing."""
    page = evil_pages(*evil)[kind]
    seen = Seen(page)
    assert not seen.open
    assert "script" not in seen.tags
    assert not [name for name, _ in seen.attrs if name.startswith("on")]
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert not EXTERNAL.search(page.replace('href="https://x/', ""))
    assert "default-src 'none'" in page


def test_figures(plain):
    notebook, result, source = plain
    page = render_stage_page("monitor", notebook, result, source, CONFIG)
    seen = Seen(page)
    assert len(seen.ids) == len(set(seen.ids))
    assert page.count('role="img"') == 3
    assert 'aria-label="Calibration curve close to the diagonal"' in page
    assert "Snow and fog delay most" in page
    assert "Longer bars are worse" in page
    refs = set(re.findall(r'href="#([^"]+)"', page)) | set(
        re.findall(r"url\(#([^)]+)\)", page)
    )
    assert refs <= set(seen.ids)


FAILED_FIRST = (
    "Training stopped early",
    "expected: a target column `late`",
    "fix: set data.target",
    "Failed",
)


@pytest.mark.parametrize("said", FAILED_FIRST, ids=FAILED_FIRST)
def test_failed_page_says_it_first(said):
    """What failed, and what to do, comes before everything else."""
    page = render_stage_page("train", *failed(), CONFIG)
    assert said in page[page.index("<main") : page.index("<details")]


def test_failed_page_shows_our_error_by_its_message_alone():
    """The name of the exception helps nobody who uses the project."""
    page = render_stage_page("train", *failed(), CONFIG)
    assert "UserError" not in page[page.index("<main") : page.index("<details")]


def test_failed_page_folds_the_traceback_and_shows_nothing_after_the_cell():
    """The traceback is there, without colours of a terminal; later cells did not run."""
    page = render_stage_page("train", *failed(), CONFIG)
    assert "Traceback" in page
    assert "[0;31m" not in page
    assert "Drift" not in page


def test_failed_page_names_an_error_that_is_not_ours_and_escapes_it():
    """An exception of a library is told with its name, as text."""
    page = render_stage_page("train", *failed("<b>", "ValueError"), CONFIG)
    assert "ValueError: <b>" not in page
    assert "ValueError: &lt;b&gt;" in page


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"image/svg+xml": "<svg><g>"}, id="open-svg"),
        pytest.param({"image/svg+xml": "nothing"}, id="no-svg"),
        pytest.param({"text/html": None}, id="no-html"),
        pytest.param({"application/vnd.mlops-nb.say+json": 3}, id="no-message"),
    ],
)
def test_a_broken_part_is_a_box_and_no_lost_page(
    plain,
    data,
):
    notebook, result, source = copy.deepcopy(plain)
    notebook["cells"][-1]["outputs"] = [
        {"output_type": "display_data", "data": data, "metadata": {}}
    ]
    page = render_stage_page("monitor", notebook, result, source, CONFIG)
    assert "Newark is the weakest airport" in page
    assert not Seen(page).open
    if data != {"text/html": None}:
        assert "This part could not be shown" in page


@pytest.mark.parametrize(
    "result",
    [
        pytest.param({}, id="empty"),
        pytest.param(
            {"verdict": None, "parameters": None, "period": {"start": "soon"}},
            id="without-verdict",
        ),
        pytest.param(
            {"verdict": {"level": "odd"}, "headline": {"key": "no.such", "values": {}}},
            id="odd",
        ),
    ],
)
def test_a_poor_result_is_still_a_page(
    plain,
    result,
):
    assert "Quality" in render_stage_page("monitor", plain[0], result, plain[2], CONFIG)


def test_pages_stay_small(plain):
    notebook, result, source = plain
    assert (
        len(render_stage_page("monitor", notebook, result, source, CONFIG).encode())
        < 100_000
    )
    big = {
        "cells": [
            code(f"f({i})", shown({"text/plain": "遅" * 150_000})) for i in range(9)
        ]
        + [prose("after")]
    }
    page = render_stage_page("monitor", big, result, None, CONFIG)
    assert len(page.encode()) < 1_000_000
    assert "Left out to keep the page small" in page
    assert "after" in page


def test_same_input_same_bytes(plain):
    once = render_stage_page("monitor", *plain[:2], plain[2], CONFIG)
    assert once == render_stage_page(
        "monitor",
        *copy.deepcopy(plain[:2]),
        copy.deepcopy(plain[2]),
        {**CONFIG, "pages": CONFIG["pages"][::-1]},
    )


def test_every_word_is_there_in_both_languages(plain):
    notebook, result, source = plain
    for config in (CONFIG, JAPANESE):
        pages = [
            render_stage_page("monitor", notebook, result, source, config),
            render_start_page({"monitor": result, "train": None}, config),
            render_start_page({}, config),
            render_catalogue_page(result["results"]["features"], config),
            render_stage_page("train", *failed(), config),
        ]
        assert not re.findall(r"report\.[a-z_.]+", " ".join(pages))


SURELY_WORSE = {
    "en": (
        "Watch closely",
        "may be chance",
        "Significantly worse than the baseline: accuracy 0.5",
        "(baseline 0.6",
    ),
    "ja": ("要注意", "偶然の可能性", "ベースラインより有意に劣る指標：正解率"),
}


def predictions(
    odds,
    names,
):
    """Return scores and the likeliest class from odds that need not add up to one."""
    scores = odds / odds.sum(1, keepdims=True)
    table = pd.DataFrame(scores, columns=[f"score_{name}" for name in names])
    return table.assign(prediction=names[odds.argmax(1)])


@pytest.fixture(scope="module")
def worse_than_baseline():
    """Return a comparison in which log loss is better, and accuracy significantly worse."""
    odds = np.random.default_rng(0).dirichlet([1, 1, 2], 3000)
    names = np.array(["a", "b", "c"])
    drawn = [np.random.default_rng(i).choice(3, p=each) for i, each in enumerate(odds)]
    candidate = predictions(0.9 * odds + [0, 0, 0.4], names)
    models = {"candidate": candidate, "baseline": predictions(odds**1.75, names)}
    return compare_models("multiclass", names[drawn], models)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_what_is_surely_worse_than_the_baseline_is_said_first(
    plain,
    worse_than_baseline,
    lang,
):
    """A gate that looks at log loss passes a model that is right less often than its baseline.

    The page does not say OK to that.
    """
    gate = apply_gate(worse_than_baseline, {"calibration": None})
    level, reasons, todo = evaluation_verdict(worse_than_baseline, gate)
    result = {
        "verdict": {"level": level, "reasons": [reason.json() for reason in reasons]},
        "todo": [action.json() for action in todo],
    }
    page = render_stage_page(
        "evaluate", plain[0], result, None, CONFIG | {"lang": lang}
    )
    first = page[: page.index('class="two"')]
    assert gate.passed
    assert [said for said in SURELY_WORSE[lang] if said not in first] == []


def binary_predictions(
    chance,
    threshold,
):
    """Return scores, and what is flagged from a threshold on."""
    flagged = (chance >= threshold).astype(int)
    return pd.DataFrame({"score": chance, "prediction": flagged})


@pytest.mark.parametrize(
    ("baseline", "level", "key"),
    [
        pytest.param(
            lambda chance: binary_predictions(chance**1.2, 0.5),
            "ok",
            "evaluate.at_threshold",
            id="hangs on the threshold",
        ),
        pytest.param(
            lambda chance: binary_predictions(chance, 0.1),
            "watch",
            "evaluate.worse",
            id="whatever the threshold",
        ),
    ],
)
def test_the_level_follows_what_is_said_of_the_baseline(
    baseline,
    level,
    key,
):
    """What is significantly worse is never told on a green card."""
    chance = np.random.default_rng(0).uniform(size=4000)
    outcome = (np.random.default_rng(1).uniform(size=4000) < chance).astype(int)
    squeezed = 0.5 + (chance - 0.5) * 0.3  # the same order, and worse probabilities
    is_worse = level == "watch"
    models = {
        "candidate": binary_predictions(squeezed if is_worse else chance, 0.05),
        "baseline": baseline(chance),
    }
    comparison = compare_models("binary", outcome, models)
    checks = {"calibration": None, "beats_baseline": None}
    found, reasons, _ = evaluation_verdict(comparison, apply_gate(comparison, checks))
    assert found == level
    assert key in [reason.key for reason in reasons]
    assert (level == "ok") == ("evaluate.worse" not in [each.key for each in reasons])
