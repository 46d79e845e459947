"""The metrics file for Prometheus, read by Prometheus's own parser."""

import math

import pytest
from helpers.alert_project import auc_drop, drift

from mlops_nb.core.messages import Message
from mlops_nb.monitoring.findings import Finding
from mlops_nb.publishing.alerts import announce_findings
from mlops_nb.publishing.metrics_export import export_prometheus

ODD = 'a "quoted" \\ back\\n slash\nnew line, {x="y"} é'
RUNS = """\
{"stage": "train", "seconds": 9.0}
{"stage": "train", "seconds": 2.5}
"""


@pytest.fixture
def project(here):
    """Return a project with findings, metrics and two runs of a stage."""
    here.settings("", prometheus=".mlops/out/metrics.prom")
    unmeasured = Finding(
        "contract.type.x", "contract", "x", None, None, "act", Message.text("x")
    )
    metrics = {"auc": {"value": 0.65}, "recall": {"value": None}}
    here.monitored(auc_drop(), drift(ODD, 0.31), unmeasured, metrics=metrics)
    (here.top / ".mlops").mkdir()
    (here.top / ".mlops" / "runs.jsonl").write_text(RUNS)
    return here


@pytest.fixture
def families(project):
    """Return what the parser reads, by name."""
    parser = pytest.importorskip("prometheus_client.parser")
    parsed = parser.text_string_to_metric_families(export_prometheus())
    return {family.name: family for family in parsed}


@pytest.fixture
def samples(families):
    """Return every value, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families.values()
        for sample in family.samples
    }


def finding(
    name: str,
    severity: str,
) -> tuple:
    """Return name and labels of a finding."""
    return "mlops_nb_finding", (("id", name), ("severity", severity))


def test_the_file_is_written_whole(project):
    folder = project.top / ".mlops" / "out"
    text = export_prometheus()
    assert (folder / "metrics.prom").read_text() == text
    assert not list(folder.glob(".*"))
    assert text.endswith("\n")


def test_every_family_is_a_gauge_with_a_sentence(
    project,
    families,
):
    assert {family.type for family in families.values()} == {"gauge"}
    assert all(family.documentation for family in families.values())
    text = export_prometheus()
    assert text.count("# TYPE") == 7
    assert text.count("# HELP") == 7


def test_prometheus_text(samples):
    assert (
        samples["mlops_nb_verdict", (("model", "v1.0.0"), ("window", "2013-04"))] == 2
    )
    assert samples["mlops_nb_rows", ()] == 1000
    assert samples["mlops_nb_labelled", ()] == 900
    assert samples[finding(f"drift.{ODD}", "watch")] == 0.31
    assert samples[finding("quality.drop.auc", "act")] == 0.65
    assert samples["mlops_nb_metric", (("name", "auc"),)] == 0.65
    assert samples["mlops_nb_stage_seconds", (("stage", "train"),)] == 2.5
    assert len(samples) == 10


def test_what_has_no_value_is_not_a_number(samples):
    assert math.isnan(samples["mlops_nb_metric", (("name", "recall"),)])
    assert math.isnan(samples[finding("contract.type.x", "act")])


def test_announcing_writes_the_file(project):
    announce_findings()
    text = (project.top / ".mlops" / "out" / "metrics.prom").read_text()
    assert "mlops_nb_alerts_waiting 0" in text
