"""An executed notebook, its result and its source, as the pipeline would leave them: late flights, April 2013."""

from mlops_nb.core.formatting import markdown_table
from mlops_nb.core.messages import MESSAGE_MIME_TYPE, message_to_json
from mlops_nb.core.plotting import PLOT_COLORS, apply_plot_style, figure_to_svg

EVIL = "<script>alert(1)</script>"


def code(
    source,
    *outputs,
    id=None,
    tags=(),
):
    return {
        "cell_type": "code",
        "id": id or f"c{abs(hash(source)) % 10**6}",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": list(outputs),
        "execution_count": 1,
    }


def md(
    source,
    id="m",
):
    return {"cell_type": "markdown", "id": id, "source": source, "metadata": {}}


def shown(
    data,
    **meta,
):
    return {
        "output_type": "display_data",
        "data": data,
        "metadata": {"mlops_nb": {k: message_to_json(v) for k, v in meta.items()}},
    }


def message(sentence):
    return {
        "output_type": "execute_result",
        "execution_count": 1,
        "data": {MESSAGE_MIME_TYPE: message_to_json(sentence), "text/plain": "key {}"},
        "metadata": {},
    }


def table(
    rows,
    title,
    reading="",
):
    return shown(
        {"text/markdown": markdown_table(rows), "text/plain": "table"},
        title=title,
        reading=reading,
    )


def figures():
    """Three figures as stages draw them."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import numpy as np

    apply_plot_style()
    fig, ax = plt.subplots()
    x = np.linspace(0.02, 0.92, 10)
    ax.plot(
        [0, 1],
        [0, 1],
        "--",
        color="#555555",
        lw=1,
        label="perfect",
    )
    (
        ax.errorbar(
            x,
            x * 0.94 + 0.02,
            yerr=0.03,
            marker="o",
            ms=5,
            label="candidate",
        ),
        ax.plot(
            x,
            x * 0.8 + 0.06,
            marker="s",
            ms=4,
            label="baseline",
        ),
    )
    ax.set_xlabel("predicted share late")
    ax.set_ylabel("share late")
    ax.legend()
    one = figure_to_svg(fig)
    fig, ax = plt.subplots()
    names = [
        "晴れ (clear)",
        "雨 (rain)",
        "雪 <b>snow</b>",
        "霧 (fog)",
        "الضباب",
        "ветер",
    ][::-1]
    ax.barh(
        names, [0.21, 0.33, 0.41, 0.38, 0.30, 0.26][::-1], color=PLOT_COLORS[:2] * 3
    )
    ax.set_xlabel("share late")
    ax.axvline(0.24, color="#555555", ls=":")
    for i, v in enumerate([0.21, 0.33, 0.41, 0.38, 0.30, 0.26][::-1]):
        ax.text(
            v - 0.01,
            i,
            f"{v:.0%}",
            va="center",
            ha="right",
            color="white",
            fontsize=10.5,
        )
    two = figure_to_svg(fig)
    fig, ax = plt.subplots()
    im = ax.imshow(
        [[0.91, 0.09], [0.54, 0.46]],
        cmap="Blues",
        vmin=0,
        vmax=1,
    )
    ax.grid(False)
    for i, r in enumerate([[0.91, 0.09], [0.54, 0.46]]):
        for j, v in enumerate(r):
            ax.text(
                j,
                i,
                f"{v:.0%}",
                ha="center",
                va="center",
                color="white" if v > 0.5 else "#222222",
            )
    ax.set_xticks([0, 1], ["on time", "late"])
    ax.set_yticks([0, 1], ["not flagged", "flagged"])
    fig.colorbar(im)
    return one, two, figure_to_svg(fig)


def sample(evil=False):
    """(notebook, result, source) of `monitor`; with markup in every data value if `evil`."""
    bad = EVIL if evil else "EWR"
    one, two, three = figures()
    slices = [
        {
            "slice": f"origin {bad}",
            "n": 9_531,
            "AUC": 0.731,
            "AUC 95 %": ".714 – .748",
            "champion": 0.744,
            "late": 0.301,
            "severity": "watch",
        },
        {
            "slice": "carrier US & Co",
            "n": 1_699,
            "AUC": 0.747,
            "AUC 95 %": ".712 – .781",
            "champion": 0.739,
            "late": 0.203,
            "severity": "ok",
        },
        {
            "slice": "a_long_category_name_without_any_break_point_in_it",
            "n": 7_202,
            "AUC": 0.769,
            "AUC 95 %": ".751 – .786",
            "champion": None,
            "late": 0.187,
            "severity": "ok",
        },
    ]
    source = {
        "cells": [
            md(
                "# How the model fares in production\n\n> Quality, drift and what to do, for one period of production data.\n\n"
                'Scores are compared with the *reference*, the profile saved with the model.\n\n<div lang="ja">\n\n# 本番でのモデルの様子\n\n> 一期間の本番データについて、品質とドリフト、すべきことを示します。\n\n</div>',
                "m0",
            ),
            code("limit = 0.1  # PSI", id="a", tags=["parameters"]),
            md(
                '## Quality\n\nLabels arrive after landing, so quality is known with a delay of a day.\n\n<div lang="ja">\n\n## 品質\n\nラベルは着陸後に届きます。\n\n</div>',
                "m1",
            ),
            code(
                "from mlops_nb.reporting.display import show_figure as figure, show_table as table\n\ndef share(x):\n    # of rows\n    return x.mean()",
                id="b",
            ),
            code('figure(calibration, "…")', id="c"),
            code("table(slices)", id="d"),
            md("## Drift", "m2"),
            code("frame.describe()", id="e"),
        ]
    }
    ran = [
        [],
        [
            message(
                "The model ranks as well as when it was trained, and its probabilities may be taken at face value."
            )
        ],
        [
            shown(
                {"image/svg+xml": one, "text/plain": "figure"},
                title="Probabilities hold: of flights scored 50 %, 49 % were late",
                reading="On the dashed line, predicted and observed shares agree; bars are 95 % intervals.",
                alt="Calibration curve close to the diagonal",
            ),
            shown(
                {"image/svg+xml": two, "text/plain": "figure"},
                title="Snow and fog delay most",
                reading="Longer bars are worse; the dotted line is the mean of all flights.",
                alt=f"Bars of the share late by weather {bad}",
            ),
            shown(
                {"image/svg+xml": three, "text/plain": "figure"},
                title="Of 100 flights flagged, 46 were late",
                reading="Each row adds up to 100 %.",
                alt="Confusion matrix",
            ),
        ],
        [
            table(
                slices,
                "Newark is the weakest airport",
                "Worst first; AUC with its 95 % interval.",
            )
        ],
        [
            {
                "output_type": "stream",
                "name": "stdout",
                "text": ["30 columns compared, ", f"2 beyond their limit {bad}\n"],
            },
            {
                "output_type": "stream",
                "name": "stderr",
                "text": "UserWarning: few rows\n",
            },
            {
                "output_type": "execute_result",
                "execution_count": 4,
                "metadata": {},
                "data": {
                    "text/plain": "…",
                    "text/html": '<div><style scoped>.dataframe tbody tr th {vertical-align: middle;}</style><table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>PSI</th><th>p</th></tr></thead>'
                    f"<tbody><tr><th>wind_gust</th><td>0.214</td><td>0.001</td></tr><tr><th>{bad.replace('<', '&lt;')}</th><td>0.012</td><td>0.6</td></tr></tbody></table></div>",
                },
            },
        ],
    ]
    runs = iter(ran)
    cells = [
        {**c, "outputs": next(runs)}
        if c["cell_type"] == "code"
        else {**c, "source": "old prose"}
        for c in source["cells"]
    ]
    cells.insert(2, code("limit = 0.1", id="p", tags=["injected-parameters"]))
    result = {
        "stage": "monitor",
        "window": "current",
        "model": f"flights candidate 1a2b3c4d{EVIL if evil else ''}",
        "period": {"start": "2013-04-01", "end": "2013-04-30"},
        "headline": message_to_json(
            "Of 100 flights flagged, 46 were late; 43 when the model was trained."
        ),
        "verdict": {
            "level": "watch",
            "reasons": [
                message_to_json(
                    f"Newark ranks worse than in training: AUC .731 instead of .752{EVIL if evil else ''}."
                )
            ],
        },
        "changed": [
            message_to_json(
                "Wind gusts are stronger than in January–March (PSI 0.21, limit 0.10)."
            ),
            message_to_json("27 % of flights were late, 22 % in training."),
        ],
        "todo": [
            message_to_json(
                "Look at Newark again with May's data; retrain if it stays below .74."
            )
        ],
        "parameters": {
            "monitor": {
                "limit": 0.1,
                "columns": "auto",
                "tests": ["psi", "ks"],
                "seed": None,
            },
            "evil" if not evil else EVIL: "x",
        },
        "provenance": {
            "data": "0f343b0931126a20f133d67c2b018a3b",
            "code": "d41d8cd98f00b204e9800998ecf8427e",
            "params": "9e107d9d372bb6826bd81d3542a419d6",
            "lock": "e4d909c290d0fb1ca068ffaddf22cbd0",
            "model": None,
        },
        "results": {
            "auc": 0.766,
            "features": [
                {
                    "name": "route_late_28d",
                    "dtype": "float32",
                    "sources": ["arrivals"],
                    "lookback": "28D",
                    "owner": "Operations analytics",
                    "sentence": f"Share of flights on the same route that arrived late in the last 28 days{EVIL if evil else ''}",
                    "digest": "5d41402abc4b2a76b9719d911017c592",
                },
                {
                    "name": "wind_gust",
                    "dtype": "float32",
                    "sources": ["weather"],
                    "lookback": "6h",
                    "owner": "Operations analytics",
                    "sentence": "Strongest gust at the origin, known three hours before departure",
                    "digest": "7d793037a0760186574b0282f2f435e7",
                },
            ],
        },
    }
    return (
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
        result,
        source,
    )


def failed(
    message='expected a target column `late`\n     got columns hour, lat. Did you mean "lat"?\n   to do set data.target in params.yaml',
    name="UserError",
):
    """The executed notebook of a stage that stopped in its third cell."""
    notebook, _, source = sample()
    cells = notebook["cells"][:5]
    cells[-1] = {
        **cells[-1],
        "outputs": [
            {
                "output_type": "error",
                "ename": name,
                "evalue": message,
                "traceback": [
                    "\x1b[0;31m---------\x1b[0m",
                    f"File data.py:12 {EVIL}",
                    f"{name}: {message}",
                ],
            }
        ],
    }
    return {**notebook, "cells": cells}, None, source


CONFIG = {
    "title": "Late flights from New York",
    "owner": "Operations analytics",
    "contact": "operations-analytics@example.com",
    "lang": "en",
    "pages": [
        "evaluate",
        "features",
        "monitor",
        "preprocess-current",
        "preprocess-train",
        "train",
    ],
}
