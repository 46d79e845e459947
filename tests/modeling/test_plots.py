"""Plots of models on the page."""

import pandas as pd
import pytest

from mlops_nb.modeling.plots import dependence_plot


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
