"""Tables in which nothing has moved, split at random by a new project: its page says ok."""

import numpy as np
import pandas as pd
import pytest
from helpers.project import read_results, run_mlops_nb

ROWS = 3000


def draw_gaps(rng):
    """Where the outcome lacks, so does a column."""
    x = rng.normal(size=ROWS)
    y = (x + rng.normal(size=ROWS) > 0).astype(float)
    is_gone = rng.random(ROWS) < 0.15
    x = np.where(is_gone, np.nan, x)
    table = pd.DataFrame({"x": x, "z": rng.normal(size=ROWS)})
    return table.assign(y=np.where(is_gone, np.nan, y))


def draw_two_names(rng):
    """A rare outcome that nothing tells, and few different scores."""
    table = pd.DataFrame({"g": rng.choice(["a", "b"], ROWS)})
    table["h"] = rng.choice(["u", "v", "w"], ROWS)
    return table.assign(y=(rng.random(ROWS) < 0.02).astype(int))


def draw_calls(rng):
    """An outcome that hangs on one column of few whole numbers."""
    calls = rng.poisson(4, ROWS)
    risk = 1 / (1 + np.exp(2 - 0.4 * calls))
    table = pd.DataFrame({"plan": rng.choice(["s", "m", "l"], ROWS), "calls": calls})
    return table.assign(y=(rng.random(ROWS) < risk).astype(int))


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(draw_gaps, id="gaps"),
        pytest.param(draw_two_names, id="two names"),
        pytest.param(draw_calls, id="calls"),
    ],
)
def test_a_random_split_is_calm(
    draw,
    tmp_path,
):
    draw(np.random.default_rng(0)).to_csv(tmp_path / "rows.csv", index=False)
    asked = ("--data", "rows.csv", "--target", "y")
    run_mlops_nb("new", "shop", *asked, cwd=tmp_path)
    top = tmp_path / "shop"
    run_mlops_nb("repro", cwd=top)
    found = {each["id"] for each in read_results(top, "monitor")["findings"]}
    assert found <= {"quality.unknown"}
    page = (top / "reports" / "monitor.html").read_text("utf-8")
    assert "its shadow" in page
    assert "columns are within their usual range" in page
    assert (top / "data" / "champion" / "shadow.skops").exists()
