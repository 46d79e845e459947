"""A suspected leak is accepted in one step."""

import pytest
from helpers.project import read_yaml

from mlops_nb.cli.commands import run_command
from mlops_nb.data.contract import DataContract

PARAMS = """data:
  source: data/in.csv
  target: y
  task: binary
  keys: [id]
windows:
  train: {share: 0.75}
  current: {share: 0.25}
features:
  modules: []
  columns: auto
  exclude: %s
preprocess: {}
train: {}
evaluate: {}
monitor: {}
champion: {}
"""
ITEMS = """
  - fee
  - old one"""
LINES = """
    - "fee"  # predicts y alone
    - 'old one'  # always the same  """
REASONS = """  columns: auto
  # fee: predicts y alone
  # old one: always the same
"""
CONTRACT = """# mine
leak_ok: []
columns:
  id: {type: integer, unique: true}
  y: {type: integer}
  fee: {type: number}
  x: {type: number}  # reviewed by me
"""


@pytest.fixture
def checkout(
    tmp_path,
    monkeypatch,
):
    """A project that leaves some columns out."""

    def write(exclude):
        (tmp_path / "params.yaml").write_text(PARAMS % exclude)
        (tmp_path / "dvc.yaml").write_text("stages: {}\n")
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "schema.yaml").write_text(CONTRACT)
        monkeypatch.setenv("MLOPS_NB_ROOT", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("exclude", "column", "left"),
    [
        pytest.param(ITEMS, "fee", ["old one"], id="a line each"),
        pytest.param(LINES, "fee", ["old one"], id="a line and a reason each"),
        pytest.param(LINES.split("\n    - 'old")[0], "fee", [], id="the only line"),
        pytest.param("[fee, old one]", "fee", ["old one"], id="a list"),
        pytest.param("[fee]", "fee", [], id="a list of one"),
        pytest.param("[]", "fee", [], id="not left out"),
    ],
)
def test_one_step_accepts_a_leak(
    checkout,
    exclude,
    column,
    left,
):
    top = checkout(exclude)
    assert run_command(["accept-leak", column]) == 0
    assert read_yaml(top)["features"]["exclude"] == left
    assert DataContract.read(top / "data" / "schema.yaml").leak_ok == (column,)


def test_what_people_wrote_stays(checkout):
    top = checkout(LINES)
    run_command(["accept-leak", "fee"])
    edited = (top / "params.yaml").read_text()
    assert edited == PARAMS % LINES.replace('\n    - "fee"  # predicts y alone', "")
    contract = (top / "data" / "schema.yaml").read_text()
    assert contract == CONTRACT.replace("leak_ok: []", 'leak_ok: ["fee"]')


def test_the_reason_goes_with_the_column(checkout):
    top = checkout(ITEMS)
    path = top / "params.yaml"
    text = path.read_text().replace("  columns: auto\n", REASONS)
    path.write_text(text)
    run_command(["accept-leak", "fee"])
    left = text.replace("  # fee: predicts y alone\n", "").replace("\n  - fee", "")
    assert path.read_text() == left


@pytest.mark.parametrize("column", ["fees", "y", "id"])
def test_what_cannot_be_a_feature_is_refused(
    checkout,
    column,
    capsys,
):
    top = checkout(LINES)
    assert run_command(["accept-leak", column]) == 1
    assert "expected: a column of the table" in capsys.readouterr().err
    assert (top / "params.yaml").read_text() == PARAMS % LINES
