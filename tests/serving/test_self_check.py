"""A server is ready only with a model that gives the recorded scores."""

import json
import shutil

import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import file_digest, read_json, write_json
from mlops_nb.modeling.persistence import seal_manifest
from mlops_nb.modeling.recorded_rows import RECORDED_FILE
from mlops_nb.serving.model_slot import load_slot
from mlops_nb.serving.self_check import MOST_ROUNDING


@pytest.fixture
def change_record(
    served_model,
    tmp_path,
):
    """Return a copy of a model whose recorded scores are multiplied."""

    def change(factor):
        folder = tmp_path / "model"
        shutil.copytree(served_model, folder)
        recorded = read_json(folder / RECORDED_FILE)
        scores = [score * factor for score in recorded["scores"]["score"]]
        recorded["scores"]["score"] = scores
        (folder / RECORDED_FILE).write_text(json.dumps(recorded))
        manifest = read_json(folder / "manifest.json")
        manifest["files"][RECORDED_FILE] = file_digest(folder / RECORDED_FILE)
        write_json(folder / "manifest.json", seal_manifest(manifest))
        return folder

    return change


def test_recorded_scores_are_met_bit_for_bit(served_model):
    assert load_slot(served_model, "flights").proof.difference == 0


def test_all_recorded_rows_are_scored(served_model):
    assert load_slot(served_model, "flights").proof.rows == 50


def test_other_scores_are_refused(change_record):
    with pytest.raises(UserError, match="gave when it was made"):
        load_slot(change_record(1 + 10 * MOST_ROUNDING), "flights")


def test_other_rounding_is_served_and_said(change_record):
    proof = load_slot(change_record(1 + MOST_ROUNDING / 10), "flights").proof
    assert "to within 1e-08" in str(proof)


def test_model_of_before_is_served_and_says_so(
    served_model,
    tmp_path,
):
    folder = tmp_path / "model"
    shutil.copytree(served_model, folder)
    (folder / RECORDED_FILE).unlink()
    manifest = read_json(folder / "manifest.json")
    del manifest["files"][RECORDED_FILE]
    write_json(folder / "manifest.json", seal_manifest(manifest))
    assert "no rows were recorded" in str(load_slot(folder, "flights").proof)
