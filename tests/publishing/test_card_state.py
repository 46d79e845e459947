"""The card and the challengers say on their first lines how a model stands, and since when."""

import json

import pytest

from mlops_nb.core.messages import render
from mlops_nb.publishing.card_record import tell_card_state
from mlops_nb.publishing.challenger_pages import render_challenger

PIN = "champion: {{version: {version}, md5: {md5}}}\n"
FIRST = {
    "action": "promote",
    "version": "v1.0.0",
    "md5": "aa.dir",
    "at": "2026-11-28T09:00:00Z",
}
CHALLENGER = {
    "id": "5e6f7a8b",
    "at": "2026-11-28T09:00:00Z",
    "md5": "0" * 32,
    "window": "2013-04",
    "train": {"start": "2013-01", "end": "2013-03"},
    "passed": True,
}


@pytest.fixture
def project(tmp_path):
    """Return a project that has promoted one model; another may be pinned."""
    (tmp_path / "data").mkdir()
    line = json.dumps(FIRST) + "\n"
    (tmp_path / "data" / "decisions.jsonl").write_text(line)
    sections = [
        "data",
        "windows",
        "features",
        "preprocess",
        "train",
        "evaluate",
        "monitor",
    ]
    (tmp_path / "params.yaml").write_text(
        "".join(f"{each}: {{}}\n" for each in sections)
    )
    return tmp_path


def pin(
    top,
    version,
    md5,
):
    """Pin a model."""
    with (top / "params.yaml").open("a") as file:
        file.write(PIN.format(version=version, md5=md5))


@pytest.mark.parametrize(
    ("md5", "pinned", "said"),
    [
        pytest.param(
            "aa.dir", "aa.dir", "In production since 28 November 2026", id="live"
        ),
        pytest.param(
            "aa.dir",
            "bb.dir",
            "No longer in production; it came there on 28 November 2026",
            id="replaced",
        ),
        pytest.param("cc.dir", "aa.dir", "Not in production", id="never"),
    ],
)
def test_a_card_says_whether_its_model_is_in_production(
    project,
    md5,
    pinned,
    said,
):
    pin(project, "v1.0.0", pinned)
    assert render(tell_card_state(md5, project)) == said


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        pytest.param(
            "en", "28 November 2026 · trained January 2013 to March 2013", id="English"
        ),
        pytest.param("ja", "2026年11月28日 · 学習 2013年1月〜2013年3月", id="Japanese"),
    ],
)
def test_months_of_training_are_written_as_all_dates(
    lang,
    said,
):
    assert said in render_challenger(CHALLENGER, lang)
