"""Figures of a page as stages draw them."""

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np

from mlops_nb.core.plotting import PLOT_COLORS, apply_plot_style, figure_to_svg

SHARE_BY_WEATHER = {
    "ветер": 0.26,
    "الضباب": 0.30,
    "霧 (fog)": 0.38,
    "雪 <b>snow</b>": 0.41,
    "雨 (rain)": 0.33,
    "晴れ (clear)": 0.21,
}
CONFUSION = [[0.91, 0.09], [0.54, 0.46]]
GREY = "#555555"
MEAN_SHARE = 0.24


def draw_calibration():
    """Draw predicted beside observed shares of two models."""
    apply_plot_style()
    figure, ax = plt.subplots()
    x = np.linspace(0.02, 0.92, 10)
    ax.plot(
        [0, 1],
        [0, 1],
        "--",
        color=GREY,
        lw=1,
        label="perfect",
    )
    ax.errorbar(
        x,
        x * 0.94 + 0.02,
        yerr=0.03,
        marker="o",
        ms=5,
        label="candidate",
    )
    ax.plot(
        x,
        x * 0.8 + 0.06,
        marker="s",
        ms=4,
        label="baseline",
    )
    ax.set_xlabel("predicted share late")
    ax.set_ylabel("share late")
    ax.legend()
    return figure_to_svg(figure)


def draw_weather():
    """Draw bars whose names are in several scripts, with their values inside."""
    apply_plot_style()
    figure, ax = plt.subplots()
    shares = list(SHARE_BY_WEATHER.values())
    ax.barh(list(SHARE_BY_WEATHER), shares, color=PLOT_COLORS[:2] * 3)
    ax.set_xlabel("share late")
    ax.axvline(MEAN_SHARE, color=GREY, ls=":")
    for i, share in enumerate(shares):
        ax.text(
            share - 0.01,
            i,
            f"{share:.0%}",
            va="center",
            ha="right",
            color="white",
            fontsize=10.5,
        )
    return figure_to_svg(figure)


def draw_confusion():
    """Draw a confusion matrix as an image with a colour bar."""
    apply_plot_style()
    figure, ax = plt.subplots()
    image = ax.imshow(
        CONFUSION,
        cmap="Blues",
        vmin=0,
        vmax=1,
    )
    ax.grid(False)
    for (i, j), share in np.ndenumerate(CONFUSION):
        ax.text(
            j,
            i,
            f"{share:.0%}",
            ha="center",
            va="center",
            color="white" if share > 0.5 else "#222222",
        )
    ax.set_xticks([0, 1], ["on time", "late"])
    ax.set_yticks([0, 1], ["not flagged", "flagged"])
    figure.colorbar(image)
    return figure_to_svg(figure)
