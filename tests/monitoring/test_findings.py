"""Findings are counted once."""

import numpy as np
import pandas as pd

from mlops_nb.core.messages import Message
from mlops_nb.data.profile import profile_table
from mlops_nb.monitoring.drift import measure_drift
from mlops_nb.monitoring.findings import Finding, judge_findings
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


def test_what_is_a_finding_already_is_not_noted_as_nothing_to_decide():
    about = Message.text("x")
    noted = Finding("drift.x", "drift", "x", 0.2, 0.1, "ok", about)
    broken = Finding("contract.missing.x", "contract", "x", 0.2, 0.0, "watch", about)
    assert judge_findings([broken, noted]).reasons == (about,)
    assert judge_findings([noted]).reasons[0].key == "monitor.noted"
