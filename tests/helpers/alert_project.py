"""A project of four files, which is enough for alerts, and findings to announce."""

import json
import subprocess
import sys
from pathlib import Path

from helpers.project import ENV, ROOT

from mlops_nb.core.files import write_json
from mlops_nb.core.messages import VERDICT_LEVELS, Message
from mlops_nb.monitoring.findings import Finding
from mlops_nb.publishing.outbox import ALERT_STATE_PATH

FAST = {"tries": 2, "wait": 0.02, "limit": 20}
STAGES = ("features", "preprocess", "train", "evaluate", "monitor")
GOOD_AUC = {"auc": {"value": 0.65, "low": 0.6, "high": 0.7, "n": 900}}
PARAMS = """\
data: {{period: M, as_of: null}}
windows: {{current: {{start: '{window}', end: '{window}'}}}}
champion: {{version: v1.0.0}}
"""
IMPORT = "from mlops_nb.publishing.alerts import announce_findings as announce"


def drift(
    column="price",
    value=0.15,
    limit=0.1,
    severity="watch",
) -> Finding:
    """Return the finding that a column drifts."""
    said = Message(
        "monitor.drift",
        column=column,
        value=value,
        limit=limit,
        source=Message("monitor.from_learned", spans=12),
        matter=Message("monitor.matters", effect=0.03),
    )
    return Finding(f"drift.{column}", "drift", column, value, limit, severity, said)


def auc_drop(
    value=0.65,
    severity="act",
) -> Finding:
    """Return the finding that the AUC has fallen."""
    said = Message(
        "monitor.drop",
        metric="auc",
        value=value,
        n=900,
        before=0.76,
        limit=0.684,
        low=0.6,
        high=0.67,
    )
    return Finding("quality.drop.auc", "quality", "auc", value, 0.684, severity, said)


def events(result) -> list[tuple[str, str]]:
    """Return what was announced: (event, finding)."""
    return [(event["event"], event["finding"]) for event in result.events]


class AlertProject:
    """Four files: enough for alerts."""

    def __init__(self, top: Path):
        """Make the folder and its files."""
        self.top = top
        (top / "data").mkdir(parents=True)
        (top / "dvc.yaml").write_text("stages: {}\n")
        self.open("2013-04")
        self.settings("")

    def open(self, window: str) -> None:
        """Make a window the current one."""
        sections = "".join(f"{stage}: {{}}\n" for stage in STAGES)
        (self.top / "params.yaml").write_text(PARAMS.format(window=window) + sections)

    def settings(
        self,
        alerts: str,
        **more: str,
    ) -> None:
        """Write the settings, with the targets of alerts."""
        base = {"title": "Late flights", "base_url": "https://example.com/flights/"}
        entries = base | {"alerts": alerts} | more
        lines = [f"{key} = {value}\n" for key, value in entries.items()]
        (self.top / "settings.ini").write_text("[all]\n" + "".join(lines))

    def monitored(
        self,
        *findings: Finding,
        metrics: dict | None = None,
        scored: int = 900,
    ) -> None:
        """Write what the monitor found in the current window."""
        severities = [finding.severity for finding in findings]
        level = max(severities, key=VERDICT_LEVELS.index, default="ok")
        results = {
            "findings": [finding.to_dict() for finding in findings],
            "metrics": GOOD_AUC if metrics is None else metrics,
            "drift": [
                {"column": column, "n": scored} for column in ("price", "size", "shop")
            ],
            "scored": scored,
            "rows": 1000,
            "labelled": 900,
        }
        report = {
            "model": "champion 1234",
            "verdict": {"level": level},
            "results": results,
        }
        write_json(self.top / "reports" / "monitor.json", report)

    def add_line(
        self,
        name: str,
        **entry,
    ) -> None:
        """Add an entry to a journal."""
        with (self.top / "data" / name).open("a") as journal:
            journal.write(json.dumps(entry) + "\n")

    def decided(
        self,
        action: str,
        finding: str,
        window: str,
        day: str = "2013-05-01",
        **more,
    ) -> None:
        """Add a decision about a finding."""
        self.add_line(
            "decisions.jsonl",
            id=f"{action} {finding}",
            at=f"{day}T00:00:00Z",
            action=action,
            finding=finding,
            window=window,
            why="known",
            **more,
        )

    def outbox(self) -> list[dict]:
        """Return the messages that are kept."""
        return json.loads((self.top / ALERT_STATE_PATH).read_text())["outbox"]

    def contents(self) -> dict[Path, bytes]:
        """Return every file with its bytes."""
        return {
            path: path.read_bytes() for path in self.top.rglob("*") if path.is_file()
        }

    def start(
        self,
        code: str,
        stdin=None,
        **env: str,
    ) -> subprocess.Popen:
        """Print the value of an expression, in which `announce` announces, in another process."""
        place = {
            "MLOPS_NB_ROOT": str(self.top),
            "PYTHONPATH": str(ROOT),
            "NO_PROXY": "127.0.0.1",
        }
        return subprocess.Popen(
            [sys.executable, "-c", f"{IMPORT}\nprint({code})"],
            cwd=self.top,
            env=ENV | place | env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
