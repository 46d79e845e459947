"""What measures calm on any table: the stages in this process, faults, and rates."""

import calm_table_faults as faults
import calm_table_summary as summary
import numpy as np
import pandas as pd
import pytest
from calm_stages import StageFolder
from calm_tables import SHARE, findings, make_params, whole_numbers

N_ROWS = 800
N_TRAIN = 600


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    size = random.normal(50, 10, N_ROWS)
    shop = random.choice(["north", "south", "west"], N_ROWS)
    code = random.integers(0, 30, N_ROWS)
    noise = random.normal(0, 1, N_ROWS)
    return pd.DataFrame(
        {
            "row": np.arange(N_ROWS),
            "size": size,
            "shop": shop,
            "code": code,
            "y": size + 3 * (shop == "west") + noise,
        }
    )


@pytest.fixture(scope="module")
def folder(rows, tmp_path_factory):
    place = tmp_path_factory.mktemp("stages") / "project"
    made = StageFolder(place, make_params("regression", "auto"))
    made.begin(rows.head(N_TRAIN))
    made.train()
    return made


@pytest.fixture
def window(rows):
    return faults.look_at(
        rows.head(N_TRAIN),
        rows.tail(N_ROWS - N_TRAIN).reset_index(drop=True),
        "regression",
        lambda name: float(name == "size"),
        np.random.default_rng(0),
    )


def test_the_stages_assess_a_window(rows, folder):
    assessment = folder.assess(rows.tail(N_ROWS - N_TRAIN))
    assert assessment.measured.rows == N_ROWS - N_TRAIN


def test_a_broken_unit_is_found_by_the_stages(window, folder):
    broken = faults.top_tenfold(window)
    before = findings(folder.assess(window.rows))
    after = findings(folder.assess(broken.rows))
    assert faults.report(broken, before, after)["found"]


def test_stages_write_into_their_folder_alone(folder):
    written = {path.name for path in folder.path.iterdir()}
    assert written == {"data", "dvc.yaml", "params.yaml", "reports"}


@pytest.mark.parametrize(
    ("make", "column"),
    [
        pytest.param(faults.top_tenfold, "size", id="unit"),
        pytest.param(faults.stuck, "size", id="stuck"),
        pytest.param(faults.renamed, "shop", id="renamed"),
        pytest.param(faults.merged_part, "code", id="codes merged"),
    ],
)
def test_a_fault_changes_the_rows_that_are_hit_alone(window, make, column):
    fault = make(window)
    kept = ~window.hit
    assert (fault.rows[column][kept] == window.rows[column][kept]).all()


@pytest.mark.parametrize(
    ("make", "column"),
    [
        pytest.param(faults.top_tenfold, "size", id="unit"),
        pytest.param(faults.renamed, "shop", id="renamed"),
        pytest.param(faults.merged_part, "code", id="codes merged"),
    ],
)
def test_a_fault_names_its_column(window, make, column):
    assert make(window).columns == (column,)


def test_a_fifth_of_the_rows_is_hit(window):
    assert window.hit.mean() == pytest.approx(faults.PART)


def test_a_label_shift_keeps_the_keys(window):
    fault = faults.other_outcomes(window)
    assert sorted(fault.rows["row"]) == sorted(window.rows["row"])


def test_codes_are_whole_numbers_that_repeat(window):
    assert window.codes == ["code"]


@pytest.mark.parametrize(
    ("finding", "is_told"),
    [
        pytest.param("drift.size", True, id="its column"),
        pytest.param("contract.range.size", True, id="its column in the contract"),
        pytest.param("drift.score_a", True, id="the score"),
        pytest.param("quality.drop.mae", True, id="a metric"),
        pytest.param("drift.shop", False, id="another column"),
    ],
)
def test_a_finding_is_about_a_fault_or_not(finding, is_told):
    fault = faults.Fault("unit", ("size",), pd.DataFrame())
    assert faults.is_about(finding, fault) == is_told


def test_tables_count_alike_however_many_splits_they_have():
    lines = [{"table": "a", "level": "act", "found": []}] * 3
    lines += [{"table": "b", "level": "ok", "found": []}]
    assert summary.page_rates(lines)["act"]["share"] == 0.5


def test_faults_of_large_windows_are_counted_apart():
    said = dict.fromkeys(summary.SAID, True)
    lines = [
        {"table": "a", "level": "ok", "found": [], "cpu": 1, "rows": rows}
        | {"faults": {"unit": said}}
        for rows in (100, summary.LARGE)
    ]
    summed = summary.summarise(lines)
    assert summed["faults"]["unit"]["windows"] == 2
    assert summed["faults_of_large"]["unit"]["windows"] == 1


def test_whole_numbers_with_gaps_stay_floats():
    assert whole_numbers(pd.Series([1.0, np.nan])).dtype == float


def test_whole_numbers_without_gaps_become_integers():
    assert whole_numbers(pd.Series([1.0, 2.0])).dtype == int


def test_the_judged_share_is_that_of_the_windows():
    params = make_params("binary", "auto")
    assert params["windows"]["current"]["share"] == SHARE
