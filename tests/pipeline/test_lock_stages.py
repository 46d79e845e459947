"""dvc.lock is read in one way, whoever asks."""

import pytest
from helpers.project import ROOT

from mlops_nb.core.errors import UserError
from mlops_nb.lifecycle.authors import find_sources
from mlops_nb.lifecycle.observed_outputs import outputs_of_other_champion
from mlops_nb.lifecycle.registry import recorded_md5
from mlops_nb.lifecycle.run_history import parse_report_outputs
from mlops_nb.pipeline.data_records import parse_lock_records
from mlops_nb.pipeline.lock_stages import parse_lock_stages, read_known_stages
from mlops_nb.pipeline.record import parse_output_digests

BROKEN = {
    "a list": "- a",
    "stages that are none": "stages: [train]",
    "a stage that is none": "stages: {train: x}",
    "an output that is none": "stages: {train: {outs: [data]}}",
    "an output without a place": "stages: {train: {outs: [{md5: aa}]}}",
    "a place that is none": "stages: {train: {outs: [{path: 3}]}}",
    "no YAML": "stages: {",
    "a conflict": "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n",
}


@pytest.fixture(scope="module")
def lock():
    """The text of this repository's own."""
    return (ROOT / "dvc.lock").read_text("utf-8")


def test_every_way_to_ask_for_outputs_has_the_same_answer(lock):
    stages = parse_lock_stages(lock)
    outputs = {out["path"]: out for stage in stages.values() for out in stage["outs"]}
    digests = parse_output_digests(lock)
    assert digests == {path: out.get("md5", "") for path, out in outputs.items()}
    records = parse_lock_records(lock)
    assert {path: record.md5 for path, record in records.items()} == digests


def test_the_quick_reader_of_the_history_agrees(lock):
    """It takes reports from the text of a thousand commits, without reading YAML."""
    reports = {
        path: md5
        for path, md5 in parse_output_digests(lock).items()
        if path.startswith("reports/") and not md5.endswith(".dir")
    }
    assert parse_report_outputs(lock.encode()) == reports
    for path in ("data/candidate", "data/champion"):
        assert recorded_md5("", path, ROOT) == parse_output_digests(lock)[path]


def test_a_stage_has_all_that_one_may_have():
    stage = parse_lock_stages("stages: {train: {cmd: x, outs: null}}")["train"]
    assert stage == {"cmd": "x", "deps": [], "outs": [], "params": {}}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_told_in_words(text):
    for parse in (parse_lock_stages, parse_lock_records, parse_output_digests):
        with pytest.raises(UserError, match=r"dvc\.lock"):
            parse(text)


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_who_can_do_without_goes_on(
    tmp_path,
    text,
):
    assert read_known_stages(tmp_path) == {}
    (tmp_path / "dvc.lock").write_text(text)
    assert read_known_stages(tmp_path) == {}
    assert outputs_of_other_champion(tmp_path, "aa") == []


def test_the_sources_of_a_candidate_are_what_its_stages_read():
    sources = find_sources(ROOT)
    read = {
        dep["path"]
        for name, stage in read_known_stages(ROOT).items()
        for dep in stage["deps"]
        if name != "code"
    }
    made = parse_output_digests((ROOT / "dvc.lock").read_text("utf-8"))
    assert read - made.keys() <= {*sources.files}
