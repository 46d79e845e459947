"""Quality on real flights, recomputed independently from saved predictions, and no leaks."""

import sys

import numpy as np
import pandas as pd
import pytest
from helpers.project import run_mlops_nb, run_shell, sales
from scipy.stats import rankdata

BACKTEST = """
import sys
from mlops_nb.pipeline.backtest import evaluate_saved_predictions

table = evaluate_saved_predictions(sys.argv[1]).table
print(table.to_string())
"""
SHUFFLED = """
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from mlops_nb.modeling.training import train_model

rows = pd.read_parquet("data/features/train.parquet").iloc[::6].reset_index(drop=True)
rows["late"] = np.random.default_rng(0).permutation(rows["late"].to_numpy())
settings = {
    "target": "late",
    "task": "binary",
    "time": "sched_dep",
    "keys": ["flight_id"],
}
model = train_model(rows, settings, params={"max_iter": 30})
held_out = model.validation_predictions
print(roc_auc_score(held_out.y.astype(int), held_out.score), len(held_out))
"""


@pytest.fixture(scope="module")
def saved_path(ran):
    """The predictions that the guide saves."""
    guide = ran / "nbs" / "guides" / "quality.ipynb"
    command = ("nbdev-test", guide, "--n-workers", "1")
    run_shell(*command, cwd=ran, env={"PYTHONPATH": str(ran)})
    return next(path for path in ran.rglob("backtest.parquet"))


@pytest.fixture(scope="module")
def known(saved_path):
    """The saved predictions whose outcome is known."""
    saved = pd.read_parquet(saved_path)
    return saved[saved.late.notna()]


def measure_auc(
    outcome,
    score,
):
    """The AUC from ranks (Mann and Whitney 1947)."""
    positives = outcome.sum()
    ranks = rankdata(score)[outcome == 1].sum()
    smallest = positives * (positives + 1) / 2
    return (ranks - smallest) / (positives * (len(outcome) - positives))


def measure_log_loss(
    outcome,
    score,
):
    """The mean of the negative logarithm of the chance given to what came true."""
    return -np.mean(outcome * np.log(score) + (1 - outcome) * np.log1p(-score))


def read_pooled(printed):
    """The pooled line of the table that `mlops-nb backtest` prints."""
    lines = printed.splitlines()
    pooled = next(line for line in lines if "pooled" in line)
    # the line begins with its name; what follows may have more columns than have a head
    return dict(zip(lines[0].split(), pooled.split()[1:], strict=False))


def test_quality(
    ran,
    saved_path,
    known,
):
    outcome = known.late.to_numpy(float)
    score = known.score.to_numpy()
    auc = measure_auc(outcome, score)
    log_loss = measure_log_loss(outcome, score)
    assert auc >= 0.755
    assert log_loss <= 0.465
    assert known.sched_dep.dt.month.nunique() == 9
    assert len(known) > 245_000
    argv = (sys.executable, "-c", BACKTEST, saved_path)
    pooled = read_pooled(run_shell(*argv, cwd=ran).stdout)
    assert float(pooled["auc"]) == pytest.approx(auc, abs=1e-4)
    assert float(pooled["log_loss"]) == pytest.approx(log_loss, abs=1e-4)


def test_shuffled_label_cannot_be_learned(ran):
    """With the label shuffled, nothing is left: AUC one half, within its noise."""
    printed = run_shell(sys.executable, "-c", SHUFFLED, cwd=ran).stdout
    auc, count = printed.split()
    four_standard_errors = 4 / np.sqrt(12 * int(count) * 0.24)  # of the rank statistic
    assert abs(float(auc) - 0.5) < four_standard_errors


def test_a_leak_fails_the_contract(project):
    orders = sales(900)
    noise = np.random.default_rng(0).normal(0, 0.05, len(orders))
    top = project(orders.assign(told=orders.y + noise))
    run_mlops_nb("ingest", "train", cwd=top)
    refused = run_mlops_nb("run", "preprocess", "train", cwd=top, check=False)
    said = refused.stdout + refused.stderr
    assert refused.returncode
    for word in ("told", "leak", "AUC"):
        assert word in said
