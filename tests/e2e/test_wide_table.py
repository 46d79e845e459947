"""A table of many columns: from the file to its pages, and in the monitor, in few lines."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers.project import run_mlops_nb

from mlops_nb.monitoring.column_roles import ColumnRoles
from mlops_nb.monitoring.monitor import monitor

N_ROWS = 500
N_COLUMNS = 300
N_CONSTANT = 40


def draw_wide(seed):
    """Draw numbers, names and constants; the target follows two of the numbers."""
    random = np.random.default_rng(seed)
    columns = {}
    for i in range(N_COLUMNS - N_CONSTANT - 2):
        columns[f"x_{i}"] = random.normal(size=N_ROWS).round(4)
        if i % 20 == 19:
            columns[f"x_{i}"] = random.choice(["red", "green", "blue"], N_ROWS)
    for i in range(N_CONSTANT):
        columns[f"same_{i}"] = np.full(N_ROWS, i)
    strength = columns["x_0"] - columns["x_1"] + random.normal(size=N_ROWS)
    columns["bought"] = (strength > 0).astype(int)
    columns["p"] = (1 / (1 + np.exp(-columns["x_0"]))).round(4)
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Make a project of a wide table and run it: its folder, and all that was printed."""
    work = tmp_path_factory.mktemp("wide")
    draw_wide(0).to_csv(work / "table.csv", index=False)
    asked = ("--data", "table.csv", "--target", "bought")
    made = run_mlops_nb("new", "shop", *asked, cwd=work)
    ran = run_mlops_nb("repro", "-v", cwd=work / "shop")
    printed = [made.stdout, made.stderr, ran.stdout, ran.stderr]
    return work / "shop", "\n".join(printed)


def read_page(project, name):
    """Return the text of a page, without its tags."""
    page = (project[0] / "reports" / f"{name}.html").read_text("utf-8")
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_nothing_warns(project):
    """Neither on the console, nor in a notebook."""
    notebooks = (project[0] / "reports").glob("*.ipynb")
    texts = [project[1], *(path.read_text("utf-8") for path in notebooks)]
    assert [text for text in texts if re.search(r"[a-z]Warning", text)] == []


def test_columns_that_are_left_out_share_a_line(project):
    """How many, why, the first few, and where all of them stand."""
    lines = [line for line in project[1].splitlines() if "left out " in line]
    first = "same_0, same_1, same_2 and 37 more"
    where = "all of them under features.exclude in params.yaml"
    assert lines == [
        f"  left out  {N_CONSTANT} columns: always the same ({first}; {where})"
    ]


def test_all_columns_that_are_left_out_stand_in_the_parameters(project):
    """Each with its reason."""
    params = (project[0] / "params.yaml").read_text("utf-8")
    reasons = re.findall(r"# (same_\d+): always the same", params)
    assert reasons == [f"same_{i}" for i in range(N_CONSTANT)]


def test_the_page_of_the_monitor_says_what_it_shows(project):
    """The columns that changed most, of how many, and where the others are."""
    page = read_page(project, "monitor")
    assert "All 260 columns are within their usual range" in page
    assert "the columns that changed most (full list in the JSON)" in page


def test_pages_are_small(project):
    """However many columns there are."""
    pages = (project[0] / "reports").glob("*.html")
    assert max(page.stat().st_size for page in pages) < 1_000_000


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_wide_file_is_the_table_it_holds(tmp_path, suffix):
    """The monitor sees the same in a file as in the DataFrame, and nothing warns."""
    tables = [draw_wide(seed) for seed in (1, 2)]
    files = []
    for i, table in enumerate(tables):
        files.append(tmp_path / f"{i}.{suffix}")
        if suffix == "csv":
            table.to_csv(files[i], index=False)
        else:
            table.to_parquet(files[i], index=False)
    roles = ColumnRoles("p", "bought")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.PerformanceWarning)
        of_frames = monitor(tables[0], tables[1], roles)
        of_files = monitor(*files, roles)
    written = [assessment.to_dict() for assessment in (of_frames, of_files)]
    assert written[0]["columns"] == written[1]["columns"]


def test_the_page_of_a_wide_assessment_says_how_many_it_shows():
    """The twenty that moved most, of all."""
    assessment = monitor(draw_wide(1), draw_wide(2), ColumnRoles("p", "bought"))
    assert f"The 20 of {N_COLUMNS} columns that shifted most" in assessment.html("en")
