"""Pages of a project: files read and written, models named as elsewhere."""

import json
import re

from helpers.report_sample import failed

from mlops_nb.pipeline.record import parse_output_digests
from mlops_nb.reporting.project_pages import render_project_page, write_report_pages


def test_render_all_reads_and_writes_files(
    tmp_path,
    plain,
):
    notebook, result, source = plain
    result = result | {
        "results": {
            "catalogue": {each["name"]: each for each in result["results"]["features"]}
        }
    }
    for path, content in (
        ("reports/monitor.ipynb", notebook),
        ("reports/monitor.json", result),
        ("nbs/stages/monitor.ipynb", source),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(json.dumps(content), "utf-8")
    (tmp_path / "settings.ini").write_text(
        "[report]\ntitle = 遅延便\nlanguage = ja\n", "utf-8"
    )
    made = write_report_pages(tmp_path)
    assert {p.name for p in made} == {
        "index.html",
        "features.html",
        "monitor.html",
    }
    assert "route_late_28d" in (tmp_path / "reports/features.html").read_text("utf-8")
    assert "<title>監視 – 遅延便</title>" in (
        tmp_path / "reports/monitor.html"
    ).read_text("utf-8")
    assert not list(tmp_path.rglob(".*.html*"))
    assert 'href="index.html"' in render_project_page(
        tmp_path, "monitor", notebook, result, source
    )
    assert "<nav" not in render_project_page(tmp_path, "train", failed()[0], None)
    assert 'href="../../reports/index.html"' in render_project_page(
        tmp_path,
        "train",
        failed()[0],
        None,
        dest=tmp_path / ".mlops" / "failed" / "train.html",
    )


def test_pages_name_the_model_as_dvc_and_the_registry_do(small_once):
    md5 = parse_output_digests((small_once / "dvc.lock").read_text())["data/candidate"]
    for name in ("train", "evaluate", "monitor"):
        first = (
            (small_once / "reports" / f"{name}.html")
            .read_text("utf-8")
            .partition("<details")[0]
        )
        assert re.search(
            rf'class="eyebrow">[^<]*(candidate|champion) {md5[:8]}', first
        ), name
    assert md5 in (small_once / "reports" / "monitor.html").read_text("utf-8")
