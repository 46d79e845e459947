"""Findings are counted once."""

import numpy as np
import pandas as pd

from mlops_nb.data.profile import profile_table
from mlops_nb.monitoring.drift import measure_drift
from mlops_nb.monitoring.findings import judge_findings
from mlops_nb.monitoring.reference import build_reference
from mlops_nb.monitoring.rules import collect_findings


def test_the_score_is_counted_once_and_a_title_counts_its_rows():
    rng = np.random.default_rng(3)
    march = pd.DataFrame(
        {name: rng.normal(size=3000) for name in ("a", "b", "c", "d", "score")}
    )
    ref = build_reference(march)
    verdict = judge_findings(
        collect_findings(
            measure_drift(ref, profile_table(march * 2)),
            {"floors": {"auc": 0.5}},
            {"auc": {"value": 0.7}},
        )
    )
    assert [
        reason.values["n"] for reason in verdict.reasons if reason.key == "monitor.many"
    ] == [4]
    assert sum(reason.key == "monitor.score" for reason in verdict.reasons) == 1
    assert verdict.table_title().values == {"n": 5}
    assert verdict._repr_markdown_().count("\n") - 1 == 6
    assert str(verdict.table_title()) == "5 limits exceeded"
