"""Lines 4 and 5 on real flights: quality, recomputed independently from saved predictions, and no leaks."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.project import ENV, run_mlops_nb, run_shell, sales
from scipy.stats import rankdata


@pytest.fixture(scope="module")
def backtest(ran):
    """The predictions that the guide saves, and what `mlops-nb backtest` says of them."""
    run_shell(
        "nbdev-test",
        ran / "nbs" / "guides" / "quality.ipynb",
        "--n-workers",
        "1",
        cwd=ran,
        env={"PYTHONPATH": str(ran)},
    )
    path = next(p for p in ran.rglob("backtest.parquet"))
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from mlops_nb.pipeline.backtest import evaluate_saved_predictions; print(evaluate_saved_predictions({str(path)!r}).table.to_string())",
        ],
        cwd=ran,
        env=ENV,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return said, pd.read_parquet(path)


def test_quality(backtest):
    said, saved = backtest
    known = saved[saved.late.notna()]
    y = known.late.to_numpy(float)
    p = known.score.to_numpy()
    pos = y.sum()
    auc = (rankdata(p)[y == 1].sum() - pos * (pos + 1) / 2) / (
        pos * (len(y) - pos)
    )  # Mann and Whitney 1947
    log_loss = -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))
    assert auc >= 0.755 and log_loss <= 0.465, (auc, log_loss)
    assert known.sched_dep.dt.month.nunique() == 9
    assert len(known) > 245_000
    pooled = dict(
        zip(
            said.splitlines()[0].split(),
            next(x for x in said.splitlines() if "pooled" in x).split()[1:],
            strict=False,
        )
    )
    assert float(pooled["auc"]) == pytest.approx(auc, abs=1e-4)
    assert float(pooled["log_loss"]) == pytest.approx(log_loss, abs=1e-4)


def test_shuffled_label_cannot_be_learned(ran):
    """With the label shuffled, nothing is left: AUC one half, within its noise."""
    code = """
import numpy as np, pandas as pd
from sklearn.metrics import roc_auc_score
from mlops_nb.modeling.training import train_model
d = pd.read_parquet("data/features/train.parquet").iloc[::6].reset_index(drop=True)
d["late"] = np.random.default_rng(0).permutation(d["late"].to_numpy())
v = train_model(d, {"target": "late", "task": "binary", "time": "sched_dep", "keys": ["flight_id"]}, params={"max_iter": 30}).validation_predictions
print(roc_auc_score(v.y.astype(int), v.score), len(v))
"""
    auc, n = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ran,
        env=ENV,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert abs(float(auc) - 0.5) < 4 / np.sqrt(
        12 * int(n) * 0.24
    )  # four standard errors of the rank statistic


def test_a_leak_fails_the_contract(project):
    d = sales(900)
    top = project(d.assign(told=d.y + np.random.default_rng(0).normal(0, 0.05, len(d))))
    run_mlops_nb("ingest", "train", cwd=top)
    got = run_mlops_nb("run", "preprocess", "train", cwd=top, check=False)
    said = got.stdout + got.stderr
    assert got.returncode and "told" in said and "leak" in said and "AUC" in said, said
