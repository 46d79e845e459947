"""A text that is none in UTF-8 is read in a guessed encoding and told, or refused in words."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from mlops_nb.cli.monitoring_commands import monitor_command
from mlops_nb.cli.new_project import plan_project
from mlops_nb.core.errors import UserError
from mlops_nb.monitoring.column_roles import ColumnRoles
from mlops_nb.monitoring.monitor import monitor
from mlops_nb.monitoring.table_reading import TableFile

ROWS = 200
# Moscow, Kazan, Tula in cp1251; Athens, Patras, Volos in cp1253
CYRILLIC = b"\xcc\xee\xf1\xea\xe2\xe0 \xca\xe0\xe7\xe0\xed\xfc \xd2\xf3\xeb\xe0"
GREEK = b"\xc1\xe8\xde\xed\xe1 \xd0\xdc\xf4\xf1\xe1 \xc2\xfc\xeb\xef\xf2"
TOWNS = {
    "cp1251": CYRILLIC.decode("cp1251").split(),
    "koi8-r": CYRILLIC.decode("cp1251").split(),
    "cp1253": GREEK.decode("cp1253").split(),
    "cp1252": ["Zürich", "Köln", "Málaga"],
    "cp932": ["東京", "おおさか", "横浜"],
}


def write_towns(
    path,
    encoding,
    towns=(),
):
    """Write a table of towns in an encoding."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "town": np.resize([*towns] or TOWNS[encoding], ROWS),
            "x": rng.normal(size=ROWS).round(3),
            "y": rng.integers(0, 2, ROWS),
        }
    )
    path.write_bytes(table.to_csv(index=False).encode(encoding))
    return path


@pytest.fixture
def file(
    tmp_path,
    monkeypatch,
):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp1252", "cp932"], ids=str)
def test_a_guess_is_told_with_words_of_the_file(
    file,
    encoding,
):
    write_towns(file, encoding)
    plan = plan_project("shop", file, "y")
    assert plan.made.encoding == encoding
    assert {*plan.frame["town"]} == {*TOWNS[encoding]}
    told = next(note for note in plan.made.guess.notes if "no text in UTF-8" in note)
    assert f"read as {encoding}: {TOWNS[encoding][0]}" in told
    assert "--encoding" in told


def test_words_that_nobody_knows_are_asked_about(file):
    write_towns(file, "cp1253")
    with pytest.raises(UserError, match="--encoding, such as cp1253"):
        plan_project("shop", file, "y")
    plan = plan_project("shop", file, "y", encoding="cp1253")
    assert {*plan.frame["town"]} == {*TOWNS["cp1253"]}
    assert plan.made.encoding == "cp1253"


@pytest.mark.parametrize(
    ("name", "encoding", "expected"),
    [
        pytest.param("t.csv", "nix", "the name of an encoding", id="unknown"),
        pytest.param("t.csv", "utf-8", "no text in utf-8", id="another"),
        pytest.param("t.parquet", "cp1251", "for CSV or JSON", id="Parquet"),
    ],
)
def test_an_encoding_that_cannot_be_is_refused(
    file,
    name,
    encoding,
    expected,
):
    write_towns(file, "cp1251")
    pd.DataFrame({"x": range(ROWS), "y": [0, 1] * 100}).to_parquet("t.parquet")
    with pytest.raises(UserError, match=expected):
        plan_project("shop", name, "y", encoding=encoding)


def test_a_broken_byte_in_utf8_is_named(file):
    write_towns(file, "utf-8", TOWNS["cp1252"])
    content = file.read_bytes().replace("Köln".encode(), b"K\xf6ln", 1)
    file.write_bytes(content)
    with pytest.raises(UserError, match="1 other bytes, first in line 3: K\ufffdln"):
        plan_project("shop", file, "y")


@pytest.mark.parametrize("encoding", ["cp1251", "cp1253", "utf-16"], ids=str)
def test_the_monitor_reads_a_named_encoding(
    file,
    tmp_path,
    encoding,
):
    towns = TOWNS["cp1253" if encoding == "cp1253" else "cp1251"]
    plain = write_towns(tmp_path / "plain.csv", "utf-8", towns)
    write_towns(file, encoding, towns)
    with pytest.raises(UserError, match="UTF-8"):
        monitor(plain, file, ColumnRoles())
    got = monitor(plain, TableFile(file, encoding), ColumnRoles())
    assert got.table.set_index("column").loc["town", "psi"] == 0


def test_an_encoding_is_of_the_file_that_is_not_utf8(
    file,
    tmp_path,
):
    """Of two tables one may be UTF-8, whatever the option says of the other."""
    towns = TOWNS["cp1251"]
    write_towns(tmp_path / "plain.csv", "utf-8", towns)
    write_towns(file, "cp1251")
    tables = ["--reference", "plain.csv", "--current", "t.csv"]
    result = CliRunner().invoke(monitor_command, [*tables, "--encoding", "cp1251"])
    assert result.output.startswith("t: ok")
    assert "town" not in result.output


def test_a_named_encoding_of_a_text_in_utf8_is_told(file):
    write_towns(file, "utf-8", TOWNS["cp1252"])
    notes = plan_project("shop", file, "y", encoding="cp1252").made.guess.notes
    assert any("is text in UTF-8, and was read as cp1252" in note for note in notes)
