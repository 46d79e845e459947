"""A broken CSV file: which file, which line, how many fields, and what to do."""

import pytest

from mlops_nb.core.errors import UserError
from mlops_nb.data.batches import read_batches
from mlops_nb.data.sources import read_table_file

GOOD = ["id,x,p", *(f"{i},{i},.5" for i in range(60))]


def with_line(
    line,
    text,
):
    """Return the text of a file whose line of that number, from 1, is another."""
    lines = list(GOOD)
    lines[line - 1] = text
    return "\n".join(lines) + "\n"


def read_whole(file):
    """Read it as the pipeline does."""
    read_table_file(str(file))


def read_in_batches(file):
    """Read it as `mlops-nb monitor` does."""
    list(read_batches(file))


@pytest.mark.parametrize(
    "read",
    [pytest.param(read_whole, id="whole"), pytest.param(read_in_batches, id="batches")],
)
@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        pytest.param(
            with_line(40, "1,2,.5,9"),
            "3 fields in each line of sales.csv",
            "4 in line 40",
            id="a long line",
        ),
        pytest.param(
            "id,x,p\n" + "1,2,.5,\n" * 60,
            "3 fields in each line of sales.csv",
            "4 in line 2",
            id="all lines are longer than the first",
        ),
        pytest.param(
            with_line(40, '1,"2,.5'),
            "quotes in sales.csv that are closed",
            "line 40",
            id="a quote is open",
        ),
        pytest.param("", "a table in sales.csv", "an empty file", id="empty"),
    ],
)
def test_a_broken_line_is_named(
    tmp_path,
    read,
    text,
    expected,
    found,
):
    file = tmp_path / "sales.csv"
    file.write_text(text)
    with pytest.raises(UserError) as refused:
        read(file)
    assert expected in refused.value.expected
    assert found in refused.value.found
    assert refused.value.remedy
    assert "Error" not in str(refused.value)


def test_a_short_line_is_named_where_a_table_is_monitored(tmp_path):
    file = tmp_path / "sales.csv"
    file.write_text(with_line(40, "1,2"))
    with pytest.raises(UserError) as refused:
        read_in_batches(file)
    assert refused.value.found == "2 in line 40"


@pytest.mark.parametrize(
    "read",
    [pytest.param(read_whole, id="whole"), pytest.param(read_in_batches, id="batches")],
)
def test_a_good_file_is_read(
    tmp_path,
    read,
):
    file = tmp_path / "sales.csv"
    file.write_text(with_line(40, '1,"2\n3",.5'))
    read(file)
