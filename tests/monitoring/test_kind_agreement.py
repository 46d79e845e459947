"""Cells mean the same in every table that the monitor reads, however each has them written."""

from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from mlops_nb.monitoring.column_roles import ColumnRoles
from mlops_nb.monitoring.monitor import monitor

ROWS = 2_000
RNG = np.random.default_rng(0)
PRICE = RNG.gamma(3, 400, ROWS).round(2)
OTHER = RNG.normal(size=ROWS)


def with_comma(value):
    """A number with a decimal comma."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


FORMS = {
    "dollars": "${:,.2f}".format,
    "euros": lambda value: f"{with_comma(value)} €",
    "comma": with_comma,
    "share": "{}%".format,
    "plain": str,
}


def write(
    path,
    **columns,
):
    """Write columns as a file of the kind that its name says."""
    table = pd.DataFrame(columns)
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".xlsx":
        table.to_excel(path, index=False)
    else:
        table.to_parquet(path)
    return path


def drift_of(
    name,
    reference,
    current,
    roles=None,
):
    """The line of a column, and the notes."""
    assessment = monitor(reference, current, roles or ColumnRoles())
    table = assessment.table.set_index("column")
    return table.loc[name], [str(note) for note in assessment.notes]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_numbers_are_numbers_however_a_table_has_them(
    tmp_path,
    suffix,
    form,
):
    """The reference holds floats; the same prices come as texts."""
    reference = write(tmp_path / "then.parquet", price=PRICE, other=OTHER)
    texts = [form(value) for value in PRICE]
    current = write(tmp_path / f"now{suffix}", price=texts, other=OTHER)
    line, _ = drift_of("price", reference, current)
    assert line.kind == "number"
    assert line.psi == pytest.approx(0)


def test_each_table_has_a_decimal_sign_of_its_own(tmp_path):
    texts = [FORMS["euros"](value) for value in PRICE]
    reference = write(tmp_path / "then.csv", price=texts, other=OTHER)
    texts = [FORMS["dollars"](value) for value in PRICE]
    current = write(tmp_path / "now.csv", price=texts, other=OTHER)
    line, notes = drift_of("price", reference, current)
    assert line.psi == pytest.approx(0)
    assert any("is read as" in note for note in notes)


def test_prices_that_rose_are_seen(tmp_path):
    texts = [FORMS["dollars"](value) for value in PRICE]
    reference = write(tmp_path / "then.csv", price=texts, other=OTHER)
    texts = [FORMS["dollars"](3 * value) for value in PRICE]
    current = write(tmp_path / "now.csv", price=texts, other=OTHER)
    line, _ = drift_of("price", reference, current)
    assert line.kind == "number"
    assert line.psi > 1


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_words_for_nothing_are_missing_in_both_tables(
    tmp_path,
    suffix,
):
    texts = pd.Series(PRICE).astype("str").mask(np.arange(ROWS) % 50 == 0, ".")
    reference = write(tmp_path / f"then{suffix}", price=texts, other=OTHER)
    current = write(tmp_path / "now.csv", price=texts, other=OTHER)
    line, notes = drift_of("price", reference, current)
    assert line.kind == "number"
    assert line.missing == pytest.approx(0.02)
    assert any("such as .; it counts as missing" in note for note in notes)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        pytest.param("csv", "parquet", id="only the reference"),
        pytest.param("parquet", "csv", id="only the window"),
        pytest.param("csv", "csv", id="both"),
    ],
)
def test_namibia_is_there_in_every_file(
    tmp_path,
    then,
    now,
):
    country = RNG.choice(["NA", "DE", "FR", "IT"], ROWS)
    reference = write(tmp_path / f"then.{then}", country=country, other=OTHER)
    current = write(tmp_path / f"now.{now}", country=country, other=OTHER)
    line, _ = drift_of("country", reference, current)
    assert line.missing == 0
    assert line.psi == 0


def test_blanks_around_a_value_make_no_other(tmp_path):
    answers = RNG.choice(["Yes", "No"], ROWS)
    reference = write(tmp_path / "then.csv", answer=answers, other=OTHER)
    padded = pd.Series(answers).map({"Yes": "Yes", "No": "No "})
    current = write(tmp_path / "now.csv", answer=padded, other=OTHER)
    line, _ = drift_of("answer", reference, current)
    assert line.new == 0


def test_zeros_that_a_table_of_numbers_has_lost_make_no_other_code(tmp_path):
    codes = pd.Series(RNG.choice(["02139", "10001", "94105"], ROWS))
    reference = write(tmp_path / "then.parquet", zip=codes.astype(int), other=OTHER)
    current = write(tmp_path / "now.csv", zip=codes, other=OTHER)
    line, notes = drift_of("zip", reference, current)
    assert line.psi == 0
    assert any("compared without leading zeros" in note for note in notes)


def test_a_score_and_an_outcome_may_be_written_as_shares(tmp_path):
    outcome = RNG.integers(0, 2, ROWS)
    score = np.where(outcome == 1, "90%", "12,5%")
    labels = pd.Series(outcome).astype("str").mask(np.arange(ROWS) % 10 == 0, "n/a")
    table = write(tmp_path / "rows.csv", key=range(ROWS), p=score, x=OTHER)
    outcomes = write(tmp_path / "labels.csv", key=range(ROWS), y=labels)
    roles = ColumnRoles(score="p", label="y", key="key", outcomes=outcomes)
    window = monitor(table, table, roles).measured
    assert window.realised["auc"]["value"] == 1
    assert window.realised["auc"]["n"] == ROWS * 0.9


HOURS = pd.Series(pd.date_range("2024-01-01", periods=ROWS, freq="7h"))
SINCE_1970 = HOURS - pd.Timestamp(0)
FORMS_OF_TIMES = {
    "seconds": SINCE_1970 // pd.Timedelta("1s"),
    "milliseconds": SINCE_1970 // pd.Timedelta("1ms"),
    "iso": HOURS.astype("str"),
    "points": HOURS.dt.strftime("%d.%m.%Y %H:%M"),
    "months": HOURS.dt.strftime("%b %Y"),
}
CLOCKS = FORMS_OF_TIMES | {"times": HOURS}


@pytest.mark.parametrize("form", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_times_that_nobody_named_are_not_judged(
    tmp_path,
    suffix,
    form,
):
    """They move on from one table to the next, however either has them written."""
    half = ROWS // 2
    early = write(tmp_path / "then.csv", when=form[:half], x=OTHER[:half])
    late = write(tmp_path / f"now{suffix}", when=form[half:], x=OTHER[half:])
    assessment = monitor(early, late)
    assert assessment.level == "ok"
    assert any("when holds times" in str(note) for note in assessment.notes)


def test_times_that_one_table_has_as_text_are_not_judged(tmp_path):
    early = write(tmp_path / "then.parquet", when=HOURS, x=OTHER)
    late = write(tmp_path / "now.csv", when=CLOCKS["points"], x=OTHER)
    assert monitor(early, late).level == "ok"


@pytest.mark.parametrize("label", [[1, 2, 3], [1, 2], [0, 5, 7, 9]], ids=str)
def test_a_score_that_numbers_classes_is_judged_as_a_class(label):
    truth = pd.Series(RNG.choice(label, ROWS))
    named = truth.mask(np.arange(ROWS) % 10 == 0, label[0]).astype(float)
    table = pd.DataFrame({"x": OTHER, "y": truth, "p": named})
    assessment = monitor(table, table, ColumnRoles(score="p", label="y"))
    right = (named == truth).mean()
    assert assessment.measured.realised["accuracy"]["value"] == pytest.approx(right)
    assert any("treated as classes" in str(note) for note in assessment.notes)


def test_a_score_with_decimals_is_a_quantity():
    stars = pd.Series(RNG.integers(1, 6, ROWS))
    table = pd.DataFrame({"x": OTHER, "y": stars, "p": stars + 0.25})
    assessment = monitor(table, table, ColumnRoles(score="p", label="y"))
    assert assessment.measured.realised["mae"]["value"] == pytest.approx(0.25)


def test_a_uuid_is_one_in_capitals_too():
    keys = pd.Series([str(UUID(int=i, version=4)) for i in range(1, ROWS + 1)])
    outcome = RNG.integers(0, 2, ROWS)
    rows = pd.DataFrame({"id": keys, "x": OTHER, "p": outcome * 0.5})
    labels = pd.DataFrame({"id": keys.str.upper(), "y": outcome})
    roles = ColumnRoles(score="p", label="y", key="id", outcomes=labels)
    assert monitor(rows, rows, roles).measured.realised["auc"]["n"] == ROWS
