"""Cells mean what they mean in whatever file they come, or it is said how they are read."""

import re

import numpy as np
import pandas as pd
import pytest
from helpers.project import ENV, read_yaml

from mlops_nb.cli.new_project import create_project
from mlops_nb.data.ingest import select_window_rows
from mlops_nb.data.settings import read_data_settings
from mlops_nb.data.sources import load_tables
from mlops_nb.data.windows import read_windows

ROWS = 400
RNG = np.random.default_rng(0)


@pytest.fixture
def new(
    tmp_path,
    monkeypatch,
):
    """A function that makes a project of columns as a file has them, and reads its rows.

    Returns:
        What was inferred, and the rows of the training window as the pipeline reads them.
    """
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)

    def make(
        target="y",
        suffix=".csv",
        **columns,
    ):
        table = pd.DataFrame({"y": np.arange(ROWS) % 2, **columns})
        path = tmp_path / f"in{suffix}"
        write = table.to_csv if suffix == ".csv" else table.to_parquet
        write(path, index=False)
        made = create_project(tmp_path / "shop", path, target)
        monkeypatch.setenv("MLOPS_NB_ROOT", str(made.path))
        params = read_yaml(made.path)
        settings = read_data_settings(params)
        window = read_windows(params)["train"]
        tables = select_window_rows(load_tables(settings, window), settings, window)
        return made.guess, tables["events"]

    return make


def repeat(*values):
    """Values, each as often as the others, in a fixed disorder."""
    return RNG.permutation(np.resize(np.array(values, dtype=object), ROWS))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param(["1.234,56", "12,50"], [12.5, 1234.56], id="decimal comma"),
        pytest.param(["1.234.567", "12,5"], [12.5, 1234567], id="points"),
        pytest.param(["1,234.5", "7"], [7, 1234.5], id="thousands"),
        pytest.param(["$16.99", "$1,200.00"], [16.99, 1200], id="dollars"),
        pytest.param(["16,99 €", "3,00 €"], [3, 16.99], id="euros"),
        pytest.param(["12%", "3.5 %"], [3.5, 12], id="percent"),
        pytest.param(["(5.00)", "7.50"], [-5, 7.5], id="in parentheses"),
        pytest.param(["1 234", "12"], [12, 1234], id="spaces"),
    ],
)
def test_numbers_are_read_however_they_are_written(
    new,
    written,
    read,
    suffix,
):
    guess, rows = new(x=repeat(*written), suffix=suffix)
    assert sorted(rows["x"].unique()) == read
    assert any(note.startswith("x: numbers") for note in guess.notes)


UNUSUAL = """
narrow spaces: 1\u202f234,5 | 12 = 12 | 1234.5
underscores: 1_000 | 12 = 12 | 1000
Indian groups: 1,23,456 | 12.5 = 12.5 | 123456
a minus behind: 0.27- | 12.5 = -.27 | 12.5
thousands in parentheses: (1,234) | 12 = -1234 | 12
letters for thousands: 1.2K | 3M = 1200 | 3e6
millions: 3,5 Mio. | 1,0 = 1 | 3.5e6
a sign in front: € 12 | € 3 = 3 | 12
Brazil: R$ 12.50 | R$ 3.00 = 3 | 12.5
crowns: 12 kr | 3 kr = 3 | 12
Arabic digits: \u0661\u0662 | \u0663 = 3 | 12
wide digits: \uff11\uff12 | 3 = 3 | 12
a dash as minus: \u20135.5 | 3 = -5.5 | 3
below a limit: <0.1 | 0.5 | 2 = .1 | .5 | 2
above a limit: >100 | 0.5 | 2 = .5 | 2 | 100
and more: 10+ | 1 | 2 = 1 | 2 | 10
"""


def name_case(line):
    """What a line of cases is about."""
    return line.split(":")[0]


@pytest.mark.parametrize("line", UNUSUAL.strip().split("\n"), ids=name_case)
def test_unusual_numbers_are_read(
    new,
    line,
):
    _, written, read = re.split(r"[:=] ?", line)
    guess, rows = new(x=repeat(*map(str.strip, written.split("|"))))
    assert sorted(rows["x"].unique()) == [*map(float, read.split("|"))]
    assert any(note.startswith("x: numbers") for note in guess.notes)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        pytest.param(["3M", "5M"], "M' may be a name", id="sizes"),
        pytest.param(["3-", "5"], "may be a name", id="grades"),
        pytest.param(["<18", ">65"], "most cells are limits", id="classes of age"),
        pytest.param(["1.5", "2.5", "9 kg"], "are no numbers", id="a unit among them"),
    ],
)
def test_what_may_be_a_number_stays_text_and_is_said(
    new,
    written,
    said,
):
    guess, rows = new(x=repeat(*written))
    assert {*rows["x"]} == {*written}
    assert said in " ".join(guess.notes)


def test_long_numbers_with_commas_keep_their_digits(new):
    first = 12_345_678_901_234_567
    numbers = [first + i for i in range(ROWS)]
    guess, rows = new(x=[f"{number:,}" for number in numbers])
    assert {*map(int, rows["x"])} <= {*numbers}
    assert "12,345,678,901,234,567" in " ".join(guess.notes)


@pytest.mark.parametrize("word", [".", "unknown", "-", "?", "n.d.", "not available"])
def test_words_for_nothing_among_numbers_are_missing(
    new,
    word,
):
    """Said with the word and how often."""
    numbers = RNG.normal(size=ROWS).round(3).astype(str).astype(object)
    numbers[:8] = word
    guess, rows = new(x=RNG.permutation(numbers))
    assert pd.api.types.is_float_dtype(rows["x"])
    assert rows["x"].isna().sum() > 0
    assert f"{word!r} (8 times) counts as missing" in guess.notes[0]


def test_na_among_numbers_is_missing_as_ever(new):
    guess, rows = new(x=repeat("1.5", "NA", "2.5"))
    assert guess.cells == {}
    assert rows["x"].isna().mean() == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.parametrize(
    "codes",
    [
        pytest.param(["NA", "DE", "FR", "ZA"], id="many"),
        pytest.param(["NA", "ZA"], id="two"),
    ],
)
def test_na_is_a_value_among_country_codes(
    new,
    codes,
):
    guess, rows = new(country=repeat(*codes))
    assert set(rows["country"]) == {*codes}
    assert "NA is a code" in guess.notes[0]


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"size": repeat("NA", "small", "big")}, id="words"),
        pytest.param(
            {"state": repeat("NA", "TX", "FL", "OH"), "x": repeat("NA", "1", "2")},
            id="where it is missing in numbers, too",
        ),
    ],
)
def test_na_is_missing_elsewhere(
    new,
    columns,
):
    _, rows = new(**columns)
    assert rows.iloc[:, 2].isna().any()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["02139", "10001", "94105"], id="leading zeros"),
        pytest.param(["007", "12"], id="of some codes"),
        pytest.param(["02139", "10001", ""], id="and blanks"),
    ],
)
def test_leading_zeros_stay(
    new,
    values,
):
    _, rows = new(code=repeat(*values))
    assert set(rows["code"].dropna()) == {value for value in values if value}


def test_one_code_with_letters_changes_no_other(new):
    """The codes are texts in every window, whether it has the odd one or not."""
    codes = repeat("92139", "10001", "94105")
    codes[7] = "K1A0B1"
    guess, rows = new(zip=codes)
    assert set(rows["zip"]) <= {"92139", "10001", "94105", "K1A0B1"}
    assert guess.cells["zip"].rule.type == "text"
    assert "zip" not in guess.exclude


def test_a_target_with_blanks_is_binary(new):
    guess, rows = new(target="left", left=repeat("Yes", "No ", "   "))
    assert guess.task == "binary"
    assert guess.positive == "Yes"
    assert set(rows["left"].dropna()) == {"Yes", "No"}
    assert rows["left"].isna().any()


def test_two_spellings_are_one_class(new):
    guess, rows = new(target="left", left=repeat("Yes", "Yes", "yes", "No"))
    assert guess.task == "binary"
    assert set(rows["left"]) == {"Yes", "No"}
    assert "'yes' counts as 'Yes'" in guess.notes[0]


def test_none_is_a_class(new):
    guess, rows = new(target="pain", pain=repeat("None", "Mild", "Severe"))
    assert guess.task == "multiclass"
    assert set(rows["pain"]) == {"None", "Mild", "Severe"}


def test_free_text_is_named_and_left_out(new):
    notes = [f"called about {i % 380}" for i in range(ROWS)]
    guess, _ = new(note=notes)
    assert "free text: 95% of the values differ, such as" in guess.exclude["note"]


def test_what_any_reader_gets_right_has_no_rule(new):
    guess, _ = new(
        x=repeat("1", "2", ""),
        other=repeat("-1.5", "2e3", "nan"),
        colour=repeat("red", "green", "blue"),
        day=pd.date_range("2020-01-01", periods=ROWS).strftime("%d.%m.%Y"),
    )
    assert guess.cells == {}


def test_cells_that_are_no_numbers_stay_for_the_contract(new):
    """A unit is no word for a missing value."""
    numbers = RNG.normal(size=ROWS).round(3).astype(str).astype(object)
    numbers[::50] = "9,5 kg"
    guess, _ = new(weight=numbers)
    assert "fix these at the source" in guess.exclude["weight"]


def test_na_is_missing_among_codes_where_another_text_has_it_so(new):
    """Airports abroad have neither city nor state: both are NA."""
    state = repeat(*["CA", "TX", "NY", "OR"] * 9, "NA")
    city = repeat(*["Fresno", "Austin", "Albany", "Salem"] * 9, "NA")
    _, rows = new(state=state, city=city)
    assert "NA" not in set(rows["state"])
