"""A title above a table, units below its names: read past and told, or left alone."""

import pandas as pd
import pytest

from mlops_nb.cli.new_project import plan_project
from mlops_nb.data.batches import read_batches
from mlops_nb.data.excel import read_excel_table
from mlops_nb.data.sources import read_table_file
from mlops_nb.monitoring.column_roles import ColumnRoles
from mlops_nb.monitoring.monitor import monitor

NAMES = "name,weight,speed,y\n"
ROWS = "".join(f"n{i},{i}.5,{i % 7},{i % 2}\n" for i in range(100))
ABOVE = {
    "title": "Report of May\n",
    "title and a blank line": "Report of May\n\n",
    "title among empty fields": "Report of May,,,\n,,,\n",
    "facts": "Station,Berlin\nsince,2024\n\n",
    "comment": "# written by R\n",
    "separator": "sep=,\n",
}


def read_whole(file):
    """Read it as the pipeline does."""
    return read_table_file(str(file))


def read_in_batches(file):
    """Read it as `mlops-nb monitor` does."""
    (batch,) = read_batches(file)
    return batch.to_pandas()


READERS = {"whole": read_whole, "batches": read_in_batches}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "t.csv"


def require_same(
    read,
    file,
    text,
):
    """What is read of a text is what is read of the plain table."""
    file.write_text(NAMES + ROWS)
    plain = read(file)
    file.write_text(text)
    pd.testing.assert_frame_equal(read(file), plain)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("above", ABOVE.values(), ids=ABOVE)
def test_lines_above_the_names_are_read_past(
    file,
    read,
    above,
):
    require_same(read, file, above + NAMES + ROWS)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "units", [",kg,m/s,\n", "-,(kg),(m/s),(-)\n", ",[kg],,\n"], ids=str
)
def test_units_below_the_names_are_read_past(
    file,
    read,
    units,
):
    require_same(read, file, NAMES + units + ROWS)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_semicolons_that_excel_names(
    file,
    read,
):
    text = (NAMES + ROWS).replace(",", ";").replace(".", ",")
    require_same(read, file, "sep=;\n" + text)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(",x\n0,1\n1,2\n2,3\n3,4\n", id="a column without a name"),
        pytest.param("name,x\nanna,?\nbob,1\ncarl,2\ndora,3\neve,4\n", id="a blank"),
        pytest.param("2019,2020\n1,2\n2,3\n3,4\n4,5\n", id="years as names"),
        pytest.param("id,name\n1,a b\n2,c\n3,d\n4,e\n", id="texts"),
    ],
)
def test_rows_are_not_read_past(
    file,
    read,
    text,
):
    file.write_text(text)
    table = read(file)
    assert len(table) == text.count("\n") - 1
    assert [*map(str, table)][1] == text.split("\n")[0].split(",")[1]


def test_new_says_what_is_read_past(
    file,
    tmp_path,
    monkeypatch,
):
    monkeypatch.chdir(tmp_path)
    file.write_text(f"Report of May\n\n{NAMES},kg,m/s,\n{ROWS}")
    guess = plan_project("shop", "t.csv", "y").made.guess
    notes = " ".join(guess.notes)
    assert "2 lines above the column names: 'Report of May'" in notes
    assert "a line of units below the column names: kg, m/s" in notes
    assert guess.columns["weight"].kind == "number"


def test_the_monitor_says_what_is_read_past(
    file,
    tmp_path,
):
    plain = tmp_path / "plain.csv"
    plain.write_text(NAMES + ROWS)
    file.write_text(f"Report of May\n\n{NAMES},kg,m/s,\n{ROWS}")
    got = monitor(plain, file, ColumnRoles())
    notes = " ".join(map(str, got.notes))
    assert "2 lines above the column names" in notes
    assert "kg, m/s" in notes
    assert (got.table["psi"] == 0).all()


def test_a_sheet_with_title_and_units(tmp_path):
    pytest.importorskip("openpyxl")
    rows = [["Report of May", None], ["name", "weight"], [None, "kg"]]
    rows += [[f"n{i}", i + 0.5] for i in range(50)]
    pd.DataFrame(rows).to_excel(tmp_path / "t.xlsx", index=False, header=False)
    table = read_excel_table(tmp_path / "t.xlsx")
    assert [*table] == ["name", "weight"]
    assert table["weight"].sum() == 50 * 25


@pytest.mark.parametrize("text", ["{}", '"{}"'], ids=["bare", "quoted"])
def test_long_numbers_at_the_end_of_a_long_file_are_exact(
    file,
    text,
):
    """They come after the rows by which the types of a CSV file are told."""
    last = [2**53 + 1, 2**53 + 3]
    lines = [str(i) for i in range(900_000)] + [text.format(number) for number in last]
    file.write_text("key\n" + "\n".join(lines) + "\n")
    batches = [*read_batches(file)]
    assert batches[-1]["key"].to_pylist()[-2:] == last
    assert batches[0]["key"][0].as_py() == 0


def test_numbers_of_more_than_64_bits_are_texts(file):
    file.write_text("key,x\n" + "1,2\n" * 9 + f"{2**70},3\n")
    (batch,) = read_batches(file)
    assert batch["key"][9].as_py() == str(2**70)
    assert batch["x"][9].as_py() == 3
