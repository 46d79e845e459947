"""Figures of the monitor say what may be chance."""

import numpy as np
import pandas as pd
import pytest
from helpers.report_sample import shown

from mlops_nb.core.plotting import figure_to_svg
from mlops_nb.data.profile import profile_table
from mlops_nb.monitoring.drift import measure_drift
from mlops_nb.monitoring.drift_figures import drift_plot, explain_drift_plot
from mlops_nb.monitoring.reference import build_reference
from mlops_nb.reporting.blocks import render_cell_output

BY_HAND = {"psi_watch": 0.1}


@pytest.fixture(scope="module")
def march():
    """Return a month of two quiet columns."""
    rng = np.random.default_rng(3)
    return pd.DataFrame({"a": rng.normal(size=5000), "b": rng.normal(size=5000)})


@pytest.fixture(scope="module")
def few(march):
    """Return the drift of sixty rows in which nothing has changed."""
    rows = march.sample(60, random_state=1)
    return measure_drift(build_reference(march), profile_table(rows), BY_HAND)


@pytest.fixture(scope="module")
def many(march):
    """Return the drift of many rows in which everything has doubled."""
    rows = march.sample(3000, random_state=1) * 2
    return measure_drift(build_reference(march), profile_table(rows), BY_HAND)


def on_page(
    table,
    lang,
):
    """Return the figure of a drift as the page shows it."""
    drawn = {"image/svg+xml": figure_to_svg(drift_plot(table))}
    reading = explain_drift_plot(table).json()
    return render_cell_output(shown(drawn, title="x", reading=reading), lang, "f-")


def ticks(table):
    """Return how many ticks of chance the figure of a drift has."""
    lines = drift_plot(table).axes[0].lines
    return sum(len(line.get_xdata()) for line in lines if line.get_marker() == "|")


def test_a_long_bar_that_may_be_chance_is_no_finding(
    few,
    many,
):
    """With few rows PSI is large by chance."""
    assert few.psi.max() > 0.25
    assert (few.severity == "ok").all()
    assert (many.severity != "ok").all()


def test_a_long_bar_that_may_be_chance_says_so(
    few,
    many,
):
    """The sentence beside the figure names what chance alone gives."""
    by_chance = (
        "how far chance alone can move a column with this few rows "
        f"(a PSI of up to {few.by_chance[0]:.2f} for {few.column[0]} with 60)"
    )
    assert by_chance in on_page(few, "en")
    assert by_chance not in on_page(many, "en")


def test_a_long_bar_that_may_be_chance_says_so_in_japanese(
    few,
    many,
):
    """So it does in Japanese."""
    assert "偶然だけでも" in on_page(few, "ja")
    assert "偶然だけでも" not in on_page(many, "ja")


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        pytest.param("en", "multiple of its own limit", id="en"),
        pytest.param("ja", "その列の限度に対する倍率", id="ja"),
    ],
)
def test_every_bar_is_explained(
    few,
    lang,
    said,
):
    """How to read a bar is said whether or not it may be chance."""
    assert said in on_page(few, lang)


def test_each_bar_that_may_be_chance_has_its_tick(
    few,
    many,
):
    """A tick marks what chance alone gives, where that is more than the limit."""
    assert ticks(few) == (few.psi > 0.1).sum()
    assert ticks(many) == 0
