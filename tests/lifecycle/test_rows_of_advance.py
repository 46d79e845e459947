"""What `advance` says of rows: new ones, a period that has only begun, and rows that were changed.

On the miniature project, with real git and DVC.
"""

import shutil

import pandas as pd
import pytest
from helpers import miniature
from helpers.miniature import git, run_cli

TABLE = "data/shop.csv"
SECTION = {
    "keyed": "keys: [id]",
    "without key": "keys: [row]",
}


def write_rows(top, until):
    """Write ten rows a day, the last of them late in the evening of the day `until`."""
    times = pd.date_range("2013-01-01", f"{until} 23:00", freq="6h")
    rows = pd.DataFrame({"id": range(len(times)), "day": times, "x": 1, "y": ""})
    save(top, rows)
    return rows


def save(top, rows):
    table = top / TABLE
    table.unlink(missing_ok=True)  # it may be a link into the cache
    rows.to_csv(table, index=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The window of April 2013 is open; the table holds rows until its end."""
    top = miniature.make_project(tmp_path_factory.mktemp("toy") / "project", table=True)
    data = f"data: {{period: M, source: {TABLE}, depends: {TABLE}, time: day, target: y, KEYS}}"
    params = (top / "params.yaml").read_text().split("\n", 1)[1]
    (top / "params.yaml").write_text(f"{data}\n{params}")
    write_rows(top, "2013-04-30")
    record(top)
    return top


def record(top):
    miniature.output_of(top, *miniature.MLOPS_NB, "dvc", "add", "-q", TABLE)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "Rows")


@pytest.fixture(params=SECTION.values(), ids=SECTION)
def top(request, source, tmp_path):
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    params = top / "params.yaml"
    params.write_text(params.read_text().replace("KEYS", request.param))
    git(top, "commit", "-qam", "Keys")
    return top


@pytest.fixture
def keyed(source, tmp_path):
    top = shutil.copytree(source, tmp_path / "project", symlinks=True)
    params = top / "params.yaml"
    params.write_text(params.read_text().replace("KEYS", SECTION["keyed"]))
    git(top, "commit", "-qam", "Keys")
    return top


def rewrite(rows, month, count):
    """Change the values of some rows of a month."""
    changed = rows.copy()
    inside = changed.index[changed["day"].dt.month == month][:count]
    changed.loc[inside, "x"] = 9
    return changed


def test_rows_that_were_changed_are_not_called_new(top):
    rows = write_rows(top, "2013-05-31")
    save(top, rewrite(rewrite(rows, 2, 3), 3, 1))
    head = git(top, "rev-parse", "--short", "HEAD")
    done = run_cli(top, "advance")
    assert done.returncode == 0, done.stderr
    told = (
        "rows that had been seen already were changed",
        "4 rows changed (of 2013-02, 2013-03); 124 rows new",
        f"`mlops-nb repro`, then `mlops-nb compare {head} workspace`",
    )
    assert [part for part in told if part not in done.stdout] == []
    assert "new rows taken in" not in done.stdout
    assert "Changed rows: data/shop.csv: 4 rows" in git(top, "log", "--format=%s")


def test_rows_that_are_gone_are_told(top):
    rows = write_rows(top, "2013-05-31")
    save(top, rows[rows["day"].dt.month != 1])
    done = run_cli(top, "advance")
    assert "124 rows gone (of 2013-01)" in done.stdout, done.stderr


def test_a_label_that_came_late_changes_nothing_that_was_known(top):
    rows = write_rows(top, "2013-05-31")
    rows.loc[rows["day"].dt.month < 5, "y"] = "1"
    save(top, rows)
    done = run_cli(top, "advance")
    assert "new rows taken in: data/shop.csv" in done.stdout, done.stderr
    assert "seen already" not in done.stdout


def test_changed_rows_are_told_where_nothing_is_opened(keyed):
    save(keyed, rewrite(write_rows(keyed, "2013-04-30"), 2, 3))
    head = git(keyed, "rev-parse", "HEAD")
    done = run_cli(keyed, "advance")
    assert done.returncode == 0, done.stderr
    told = (
        "nothing new: the source has no rows of 2013-05 yet",
        "3 rows changed (of 2013-02)",
        "`mlops-nb compare HEAD workspace`",
    )
    assert [part for part in told if part not in done.stdout] == []
    assert git(keyed, "rev-parse", "HEAD") == head


@pytest.mark.parametrize("until", ["2013-05-03", "2013-05-20"])
@pytest.mark.parametrize("asked", [(), ("2013-05",)], ids=["next", "asked for"])
def test_a_period_that_has_only_begun_is_not_opened(keyed, until, asked):
    write_rows(keyed, until)
    record(keyed)
    head = git(keyed, "rev-parse", "HEAD")
    done = run_cli(keyed, "advance", *asked)
    assert done.returncode == 0, done.stderr
    line = f"nothing new: 2013-05 is not complete, rows have come until {until}"
    assert done.stdout == f"{line}\n"
    assert git(keyed, "rev-parse", "HEAD") == head


@pytest.mark.parametrize("until", ["2013-05-30", "2013-06-02"])
def test_a_period_that_is_complete_is_opened(keyed, until):
    write_rows(keyed, until)
    record(keyed)
    done = run_cli(keyed, "advance")
    assert done.returncode == 0, done.stderr
    assert git(keyed, "log", "-1", "--format=%s") == "Close 2013-04, open 2013-05"
