"""An executed notebook, its result and its source, as the pipeline would leave them.

They tell of late flights in April 2013.
"""

from helpers.report_figures import draw_calibration, draw_confusion, draw_weather

from mlops_nb.core.formatting import markdown_table
from mlops_nb.core.messages import MESSAGE_MIME_TYPE, message_to_json

EVIL = "<script>alert(1)</script>"
OWNER = "Operations analytics"
CONFIG = {
    "title": "Late flights from New York",
    "owner": OWNER,
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
SLICE_COLUMNS = ("slice", "n", "AUC", "AUC 95 %", "champion", "late", "severity")
LONG_NAME = "a_long_category_name_without_any_break_point_in_it"
INTRODUCTION = """# How the model fares in production

> Quality, drift and what to do, for one period of production data.

Scores are compared with the *reference*, the profile saved with the model.

<div lang="ja">

# 本番でのモデルの様子

> 一期間の本番データについて、品質とドリフト、すべきことを示します。

</div>"""
QUALITY = """## Quality

Labels arrive after landing, so quality is known with a delay of a day.

<div lang="ja">

## 品質

ラベルは着陸後に届きます。

</div>"""
DEFINITION = """from mlops_nb.reporting.display import show_figure as figure, show_table as table

def share(x):
    # of rows
    return x.mean()"""
NOT_FOUND = """expected: a target column `late`
     got: columns hour, lat. Did you mean "lat"?
     fix: set data.target in params.yaml"""


def code(
    source,
    *outputs,
    cell_id=None,
    tags=(),
):
    """Return a code cell that has run."""
    return {
        "cell_type": "code",
        "id": cell_id or f"c{abs(hash(source)) % 10**6}",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": list(outputs),
        "execution_count": 1,
    }


def prose(
    source,
    cell_id="m",
):
    """Return a cell of Markdown."""
    return {"cell_type": "markdown", "id": cell_id, "source": source, "metadata": {}}


def shown(
    data,
    **words,
):
    """Return what `show_figure` and `show_table` leave: data, and what is said of them."""
    texts = {name: message_to_json(text) for name, text in words.items()}
    return {
        "output_type": "display_data",
        "data": data,
        "metadata": {"mlops_nb": texts},
    }


def message(sentence):
    """Return the output of a cell that ends with a message."""
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
    """Return a table that is shown."""
    data = {"text/markdown": markdown_table(rows), "text/plain": "table"}
    return shown(data, title=title, reading=reading)


def figure(
    svg,
    title,
    reading,
    alt,
):
    """Return a figure that is shown."""
    data = {"image/svg+xml": svg, "text/plain": "figure"}
    return shown(
        data,
        title=title,
        reading=reading,
        alt=alt,
    )


def printed(
    name,
    text,
):
    """Return what a cell has printed."""
    return {"output_type": "stream", "name": name, "text": text}


def frame(column):
    """Return a DataFrame as pandas shows it, with one of its row labels as given."""
    html = (
        "<div><style scoped>.dataframe tbody tr th {vertical-align: middle;}</style>"
        '<table border="1" class="dataframe"><thead><tr style="text-align: right;">'
        "<th></th><th>PSI</th><th>p</th></tr></thead>"
        "<tbody><tr><th>wind_gust</th><td>0.214</td><td>0.001</td></tr><tr>"
        f"<th>{column.replace('<', '&lt;')}</th><td>0.012</td><td>0.6</td></tr>"
        "</tbody></table></div>"
    )
    return {
        "output_type": "execute_result",
        "execution_count": 4,
        "metadata": {},
        "data": {"text/plain": "…", "text/html": html},
    }


def slices(airport):
    """Return the groups of the table, the worst first."""
    rows = [
        (f"origin {airport}", 9_531, 0.731, ".714 – .748", 0.744, 0.301, "watch"),
        ("carrier US & Co", 1_699, 0.747, ".712 – .781", 0.739, 0.203, "ok"),
        (LONG_NAME, 7_202, 0.769, ".751 – .786", None, 0.187, "ok"),
    ]
    return [dict(zip(SLICE_COLUMNS, row, strict=True)) for row in rows]


def source_cells():
    """Return the notebook's cells before it runs."""
    return [
        prose(INTRODUCTION, "m0"),
        code("limit = 0.1  # PSI", cell_id="a", tags=["parameters"]),
        prose(QUALITY, "m1"),
        code(DEFINITION, cell_id="b"),
        code('figure(calibration, "…")', cell_id="c"),
        code("table(slices)", cell_id="d"),
        prose("## Drift", "m2"),
        code("frame.describe()", cell_id="e"),
    ]


def shown_figures(airport):
    """Return the three figures of a cell."""
    calibration = figure(
        draw_calibration(),
        "Probabilities hold: of flights scored 50 %, 49 % were late",
        "On the dashed line, predicted and observed shares agree; "
        "bars are 95 % intervals.",
        "Calibration curve close to the diagonal",
    )
    weather = figure(
        draw_weather(),
        "Snow and fog delay most",
        "Longer bars are worse; the dotted line is the mean of all flights.",
        f"Bars of the share late by weather {airport}",
    )
    confusion = figure(
        draw_confusion(),
        "Of 100 flights flagged, 46 were late",
        "Each row adds up to 100 %.",
        "Confusion matrix",
    )
    return [calibration, weather, confusion]


def outputs_by_cell(airport):
    """Return what each code cell has left."""
    quality = message(
        "The model ranks as well as when it was trained, and its probabilities may be "
        "taken at face value."
    )
    weakest = table(
        slices(airport),
        "Newark is the weakest airport",
        "Worst first; AUC with its 95 % interval.",
    )
    # in pieces, as nbformat may keep it
    counts = ["30 columns compared, ", f"2 beyond their limit {airport}\n"]
    drift = [
        printed("stdout", counts),
        printed("stderr", "UserWarning: few rows\n"),
        frame(airport),
    ]
    return [[], [quality], shown_figures(airport), [weakest], drift]


def executed_cells(
    cells,
    airport,
):
    """Return the cells as a run leaves them: with outputs, and prose of that time."""
    left = iter(outputs_by_cell(airport))
    executed = []
    for cell in cells:
        if cell["cell_type"] == "code":
            executed.append({**cell, "outputs": next(left)})
        else:
            executed.append({**cell, "source": "old prose"})
    injected = code("limit = 0.1", cell_id="p", tags=["injected-parameters"])
    executed.insert(2, injected)
    return executed


def features(markup):
    """Return the features that the result describes."""
    route = {
        "name": "route_late_28d",
        "dtype": "float32",
        "sources": ["arrivals"],
        "lookback": "28D",
        "owner": OWNER,
        "sentence": "Share of flights on the same route that arrived late in the last "
        f"28 days{markup}",
        "digest": "5d41402abc4b2a76b9719d911017c592",
    }
    gust = {
        "name": "wind_gust",
        "dtype": "float32",
        "sources": ["weather"],
        "lookback": "6h",
        "owner": OWNER,
        "sentence": "Strongest gust at the origin, known three hours before departure",
        "digest": "7d793037a0760186574b0282f2f435e7",
    }
    return [route, gust]


def judgement(markup):
    """Return what the result says: headline, verdict, what changed and what to do."""
    sentences = {
        "headline": "Of 100 flights flagged, 46 were late; 43 when the model was trained.",
        "reason": "Newark ranks worse than in training: AUC .731 instead of .752"
        f"{markup}.",
        "gusts": "Wind gusts are stronger than in January–March (PSI 0.21, limit 0.10).",
        "late": "27 % of flights were late, 22 % in training.",
        "todo": "Look at Newark again with May's data; retrain if it stays below .74.",
    }
    said = {name: message_to_json(text) for name, text in sentences.items()}
    return {
        "headline": said["headline"],
        "verdict": {"level": "watch", "reasons": [said["reason"]]},
        "changed": [said["gusts"], said["late"]],
        "todo": [said["todo"]],
    }


def provenance():
    """Return the digests of what the result was made from."""
    return {
        "data": "0f343b0931126a20f133d67c2b018a3b",
        "code": "d41d8cd98f00b204e9800998ecf8427e",
        "params": "9e107d9d372bb6826bd81d3542a419d6",
        "lock": "e4d909c290d0fb1ca068ffaddf22cbd0",
        "model": None,
    }


def monitor_result(markup):
    """Return the result of `monitor`."""
    parameters = {
        "limit": 0.1,
        "columns": "auto",
        "tests": ["psi", "ks"],
        "seed": None,
    }
    head = {
        "stage": "monitor",
        "window": "current",
        "model": f"flights candidate 1a2b3c4d{markup}",
        "period": {"start": "2013-04-01", "end": "2013-04-30"},
    }
    tail = {
        "parameters": {"monitor": parameters, markup or "evil": "x"},
        "provenance": provenance(),
        "results": {"auc": 0.766, "features": features(markup)},
    }
    return head | judgement(markup) | tail


def sample(evil=False):
    """(notebook, result, source) of `monitor`; with markup in every data value if `evil`."""
    airport = EVIL if evil else "EWR"
    source = {"cells": source_cells()}
    notebook = {
        "cells": executed_cells(source["cells"], airport),
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return notebook, monitor_result(EVIL if evil else ""), source


def failed(
    message=NOT_FOUND,
    name="UserError",
):
    """The executed notebook of a stage that stopped in its third cell."""
    notebook, _, source = sample()
    *cells, last = notebook["cells"][:5]
    error = {
        "output_type": "error",
        "ename": name,
        "evalue": message,
        "traceback": [
            "\x1b[0;31m---------\x1b[0m",
            f"File data.py:12 {EVIL}",
            f"{name}: {message}",
        ],
    }
    cells.append({**last, "outputs": [error]})
    return {**notebook, "cells": cells}, None, source
