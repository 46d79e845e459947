"""Plots of models on the page."""

import numpy as np
import pandas as pd
import pytest

from mlops_nb.core.plotting import figure_to_svg
from mlops_nb.modeling.plots import confusion_plot, dependence_plot


@pytest.mark.parametrize(
    "values", [["sandy", "clay", "loam"], [1.0, 2.0, 3.0]], ids=["text", "number"]
)
def test_a_legend_of_classes_lies_beside_the_points(values):
    fig = dependence_plot(
        pd.DataFrame(
            {
                "value": values,
                "score_early": [0.2, 0.5, 0.3],
                "score_late": [0.5, 0.2, 0.4],
                "score_on time": 0.3,
            }
        ),
        "soil",
    )
    fig.canvas.draw()
    (legend,) = fig.legends
    axes = fig.axes[0]
    assert axes.get_legend() is None
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


TRADES = [
    "Heating repair and replacement",
    "Plumbing",
    "Air conditioning installation",
    "Electrical wiring and lighting",
    "Roofing and gutter maintenance",
    "Window and door replacement",
    "Kitchen and bathroom remodeling",
    "Landscaping and garden maintenance",
]
NUMBERED = [f"class {i}" for i in range(20)]
WIDE = ["暖房の修理と交換の作業", "配管", "エアコンの設置工事", "電気配線と照明"]


def confused(
    names,
    without_rows=None,
):
    """Return a table of what was taken for what, and one class without a row."""
    counts = 3 + 40 * np.eye(len(names), dtype=int)
    if without_rows is not None:
        counts[without_rows] = 0
    return pd.DataFrame(counts, names, names)


def boxes_of(texts):
    """Return where texts that say something stand."""
    return [text.get_window_extent() for text in texts if text.get_text()]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(TRADES, id="long names"),
        pytest.param(TRADES[:2], id="two long names"),
        pytest.param(["setosa", "versicolor", "virginica"], id="short names"),
        pytest.param(["not\nlate", "late"], id="two lines"),
        pytest.param(NUMBERED[:12], id="many"),
        pytest.param(NUMBERED, id="too many"),
        pytest.param(WIDE, id="wide letters"),
    ],
)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_text_of_a_confusion_matrix_stands_on_another(names):
    figure = confusion_plot(confused(names))
    figure.canvas.draw()
    axes = figure.axes[0]
    frame = figure.bbox
    sides = (axes.get_xticklabels(), axes.get_yticklabels(), axes.texts)
    for texts in sides:
        boxes = boxes_of(texts)
        for i, box in enumerate(boxes):
            assert box.x0 >= frame.x0 - 1
            assert box.x1 <= frame.x1 + 1
            assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_every_word_of_a_class_can_be_read():
    shown = figure_to_svg(confusion_plot(confused(TRADES)))
    for word in " ".join(TRADES).split():
        assert word in shown


def test_a_class_without_rows_has_a_dash():
    axes = confusion_plot(confused(TRADES, without_rows=3)).axes[0]
    said = [text.get_text() for text in axes.texts]
    assert said[3 * 8 : 4 * 8] == ["–"] * 8
    assert "nan" not in said
    assert "–" not in said[: 3 * 8]


def test_the_rarest_of_very_many_classes_are_one():
    axes = confusion_plot(confused(NUMBERED)).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 12
    assert labels[-1] == "12. other (9)"
