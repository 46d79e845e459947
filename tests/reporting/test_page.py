"""Pages: what they say, what they never contain, and what happens to broken parts."""

import copy
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from helpers.report_sample import CONFIG, EVIL, code, failed, md, sample, shown

from mlops_nb.core.plotting import figure_to_svg
from mlops_nb.core.translations import read_locale
from mlops_nb.data.profile import profile_table
from mlops_nb.modeling.comparison import compare_models
from mlops_nb.modeling.gate import apply_gate, evaluation_verdict
from mlops_nb.modeling.plots import dependence_plot
from mlops_nb.monitoring.drift import measure_drift
from mlops_nb.monitoring.drift_figures import drift_plot, explain_drift_plot
from mlops_nb.monitoring.findings import judge_findings
from mlops_nb.monitoring.reference import build_reference
from mlops_nb.monitoring.rules import collect_findings
from mlops_nb.pipeline.reproduce import parse_output_digests
from mlops_nb.reporting.blocks import render_cell_output, render_safely
from mlops_nb.reporting.catalogue import render_catalogue_page
from mlops_nb.reporting.page import render_stage_page
from mlops_nb.reporting.project_pages import render_project_page, write_report_pages
from mlops_nb.reporting.prose import render_markdown, render_prose
from mlops_nb.reporting.sanitize import sanitize_svg
from mlops_nb.reporting.start_page import render_start_page
from mlops_nb.reporting.tables import render_html, render_html_table

JA = {**CONFIG, "lang": "ja"}
EXTERNAL = re.compile(
    r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(\s*["']?(https?:)?//""", re.I
)


@pytest.fixture(scope="module")
def plain():
    return sample()


@pytest.fixture(scope="module")
def evil():
    return sample(evil=True)


class Seen(HTMLParser):
    """Elements, attributes and balance of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attrs, self.open, self.ids = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attrs += attrs
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in ("meta", "link", "br", "hr", "img", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


def test_first_screen(plain):
    notebook, result, source = plain
    page = render_stage_page("monitor", notebook, result, source, CONFIG)
    first = page[: page.index("<details")]
    for said in (
        "1–30 April 2013",
        "Of 100 flights flagged, 46 were late",
        "Watch closely",
        "Newark ranks worse",
        "27 % of flights were late",
        "Look at Newark again",
        "flights candidate 1a2b3c4d",
        "#i-watch",
    ):
        assert said in first, said
    for fact in ("monitor.limit", "0f343b0931126a20f133d67c2b018a3b", "Effective parameters"):
        assert fact in page, fact


def test_first_run_says_so(plain):
    notebook, result, source = plain
    page = render_stage_page(
        "monitor", notebook, result | {"changed": [], "todo": []}, source, CONFIG
    )
    assert "No earlier period is compared with here." in page
    assert "Nothing to do." in page


def test_prose_comes_from_the_source_and_code_is_folded(plain):
    notebook, result, source = plain
    page = render_stage_page("monitor", notebook, result, source, CONFIG)
    assert "old prose" not in page
    assert "How the model fares" in page
    assert "本番" not in page
    assert "limit = 0.1</" not in page
    edited = copy.deepcopy(source)
    edited["cells"][0]["source"] = "# Renamed"
    assert "Renamed" in render_stage_page("monitor", notebook, result, edited, CONFIG)
    assert all("<details" in page[: m.start()] for m in re.finditer('class="code"', page))
    assert page.count("<details") >= 4
    assert "old prose" in render_stage_page("monitor", notebook, result, None, CONFIG)


def test_japanese(plain):
    notebook, result, source = plain
    page = render_stage_page("monitor", notebook, result, source, JA)
    for said in (
        'lang="ja"',
        "2013年4月1日～30日",
        "要注意",
        "本番でのモデルの様子",
        "変わったこと",
        "監視",
        "品質",
    ):
        assert said in page, said
    assert "Labels arrive" not in page
    assert "How the model fares" not in page


def test_labels_are_translated_in_heads_and_figures(monkeypatch):
    monkeypatch.setitem(read_locale("ja"), "label.share late", "遅延の割合")
    assert "<text>遅延の割合</text>" in sanitize_svg(
        '<svg viewBox="0 0 1 1"><text>share late</text></svg>', "f-", "x", "ja"
    )
    assert "遅延の割合</th>" in render_html_table([{"share late": 1}], "ja")
    assert "share late</th>" in render_html_table([{"share late": 1}], "en")


def test_data_is_never_markup(evil):
    notebook, result, source = evil
    for page in (
        render_stage_page("monitor", notebook, result, source, CONFIG),
        render_start_page(
            {"monitor": result},
            {**CONFIG, "title": EVIL, "owner": EVIL, "contact": f'https://x/"{EVIL}'},
        ),
        render_catalogue_page(result["results"]["features"], CONFIG),
        render_stage_page("train", *failed(EVIL, EVIL), CONFIG),
        render_stage_page(EVIL, *evil, CONFIG),
    ):
        seen = Seen(page)
        assert not seen.open
        assert "script" not in seen.tags
        assert not any(k.startswith("on") for k, _ in seen.attrs)
        assert "&lt;script&gt;alert(1)" in page
        assert "<script" not in page
        assert not EXTERNAL.search(page.replace('href="https://x/', ""))
        assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "bad",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" jAvascript:alert(1)">x</a>',
        "<a href='data:text/html,x'>x</a>",
        "<iframe src=//host></iframe>",
        "<style>@import '//host'</style>",
        "<base href=//host>",
        "<form action=//host><input></form>",
        "<math><mtext></p><img src=x onerror=alert(1)>",
        "<p style='background:url(//host)'>",
        "<table><td><script>alert(1)",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "</main></body><b>",
        "<!--><img src=x onerror=alert(1)>-->",
        "<img src='https://host/x.png'>",
        "<meta http-equiv=refresh content=0>",
        "<a><b><i></a>",
        "<object data=//host>",
    ],
)
@pytest.mark.parametrize("show", [render_html, render_prose, render_markdown])
def test_sanitizing(show, bad):
    got = show(bad)
    seen = Seen(f"<div>{got}</div>")
    assert not seen.open
    assert not {
        "script",
        "iframe",
        "object",
        "style",
        "base",
        "form",
        "input",
        "meta",
        "svg",
        "math",
        "main",
        "body",
    } & set(seen.tags)
    assert not [
        a
        for a in seen.attrs
        if a[0].startswith("on")
        or a[0] in ("style", "srcdoc")
        or re.match(r"(?i)\s*(javascript|data:text|(https?:)?//)", a[1] or "")
    ]


def test_markdown_of_a_cell_shows_html_as_text_and_entities_once():
    got = render_markdown("| a |\n|---|\n| &lt;b&gt; \\| <i>x</i> |")
    assert "&lt;b&gt; | &lt;i&gt;x&lt;/i&gt;" in got
    assert 'scope="col"' in got
    got = render_markdown("[x](https://host) ![x](https://host/x.png)")
    assert "<a" not in got
    assert "<img" not in got
    assert "[x](https://host)" in got


def test_an_empty_table_keeps_its_title():
    got = render_cell_output(shown({"text/markdown": "*none*"}, title="No breach"), "en", "f-")
    assert "No breach" in got
    assert "none" in got
    assert (
        render_cell_output(
            shown({"text/markdown": "|a|\n|-|\n|1|"}, title="No breach"), "en", "f-"
        ).count("No breach")
        == 1
    )


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        '<foreignObject><body onload="x()"/></foreignObject>',
        '<a href="javascript:x()"><text>x</text></a>',
        '<image href="https://host/x.png"/>',
        '<use href="//host/x.svg#a"/>',
        '<path style="fill: url(https://host/x)"/>',
        "<style>@import '//host'</style>",
        '<rect onclick="x()" fill="u\\72l(//host)"/>',
        '<animate attributeName="href" to="javascript:x()"/>',
        '<set attributeName="onload" to="x()"/>',
    ],
)
def test_svg_draws_and_does_nothing_else(inner):
    got = sanitize_svg(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="x()">{inner}<rect width="3" height="3"/></svg>',
        "f1-",
        "a",
    )
    assert not re.search("script|host|onload|onclick|foreign|style>|animate|<set", got)
    assert "<rect" in got


def test_svg_entities_are_refused():
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg viewBox="0 0 1 1"><text>&b;</text></svg>'
    assert "could not be shown" in render_safely(
        "en", render_cell_output, shown({"image/svg+xml": bomb}), "en", "f-"
    )


def test_figures(plain):
    notebook, result, source = plain
    seen = Seen(page := render_stage_page("monitor", notebook, result, source, CONFIG))
    assert len(seen.ids) == len(set(seen.ids))
    assert page.count('role="img"') == 3
    assert 'aria-label="Calibration curve close to the diagonal"' in page
    assert "Snow and fog delay most" in page
    assert "Longer bars are worse" in page
    refs = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))
    assert refs <= set(seen.ids)


def test_failed_page_says_it_first():
    page = render_stage_page("train", *failed(), CONFIG)
    top = page[page.index("<main") : page.index("<details")]
    assert "Training stopped before its end" in top
    assert "expected a target column `late`" in top
    assert "to do set data.target" in top
    assert "UserError" not in top
    assert "Failed" in top
    assert "Traceback" in page
    assert "[0;31m" not in page
    assert "Drift" not in page
    assert "ValueError: <b>" not in (
        page := render_stage_page("train", *failed("<b>", "ValueError"), CONFIG)
    )
    assert "ValueError: &lt;b&gt;" in page


@pytest.mark.parametrize(
    "data",
    [
        {"image/svg+xml": "<svg><g>"},
        {"image/svg+xml": "nothing"},
        {"text/html": None},
        {"application/vnd.mlops-nb.say+json": 3},
    ],
)
def test_a_broken_part_is_a_box_and_no_lost_page(plain, data):
    notebook, result, source = copy.deepcopy(plain)
    notebook["cells"][-1]["outputs"] = [
        {"output_type": "display_data", "data": data, "metadata": {}}
    ]
    page = render_stage_page("monitor", notebook, result, source, CONFIG)
    assert "Newark is the weakest airport" in page
    assert not Seen(page).open
    if data != {"text/html": None}:
        assert "This part could not be shown" in page


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"verdict": None, "parameters": None, "period": {"start": "soon"}},
        {"verdict": {"level": "odd"}, "headline": {"key": "no.such", "values": {}}},
    ],
)
def test_a_poor_result_is_still_a_page(plain, result):
    assert "Quality" in render_stage_page("monitor", plain[0], result, plain[2], CONFIG)


def test_pages_stay_small(plain):
    notebook, result, source = plain
    assert len(render_stage_page("monitor", notebook, result, source, CONFIG).encode()) < 100_000
    big = {
        "cells": [code(f"f({i})", shown({"text/plain": "遅" * 150_000})) for i in range(9)]
        + [md("after")]
    }
    page = render_stage_page("monitor", big, result, None, CONFIG)
    assert len(page.encode()) < 1_000_000
    assert "Left out to keep the page small" in page
    assert "after" in page


def test_same_input_same_bytes(plain):
    once = render_stage_page("monitor", *plain[:2], plain[2], CONFIG)
    assert once == render_stage_page(
        "monitor",
        *copy.deepcopy(plain[:2]),
        copy.deepcopy(plain[2]),
        {**CONFIG, "pages": CONFIG["pages"][::-1]},
    )


def test_index_leads_with_the_worst(plain):
    result = plain[1]
    ok = {
        **result,
        "verdict": {"level": "ok", "reasons": []},
        "headline": {"key": "", "values": {"text": "All well in training."}},
    }
    page = render_start_page({"train": ok, "monitor": result, "preprocess-train": ok}, CONFIG)
    assert re.search(r"<h1[^>]*>Of 100 flights", page)
    assert page.count('class="card"') == 2
    assert "All well in training." in page
    assert 'href="preprocess-train.html"' in page
    assert (
        "Evaluation stopped before its end"
        in re.search(
            r"<h1.*?</h1>", render_start_page({"monitor": result, "evaluate": None}, CONFIG)
        )[0]
    )
    assert "make run" in render_start_page({}, CONFIG)


def test_every_word_is_there_in_both_languages(plain):
    notebook, result, source = plain
    for config in (CONFIG, JA):
        pages = [
            render_stage_page("monitor", notebook, result, source, config),
            render_start_page({"monitor": result, "train": None}, config),
            render_start_page({}, config),
            render_catalogue_page(result["results"]["features"], config),
            render_stage_page("train", *failed(), config),
        ]
        assert not re.findall(r"report\.[a-z_.]+", " ".join(pages))


def test_render_all_reads_and_writes_files(tmp_path, plain):
    notebook, result, source = plain
    result = result | {
        "results": {"catalogue": {f["name"]: f for f in result["results"]["features"]}}
    }
    for path, content in (
        ("reports/monitor.ipynb", notebook),
        ("reports/monitor.json", result),
        ("nbs/stages/monitor.ipynb", source),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(json.dumps(content), "utf-8")
    (tmp_path / "settings.ini").write_text("[report]\ntitle = 遅延便\nlanguage = ja\n", "utf-8")
    made = write_report_pages(tmp_path)
    assert {p.name for p in made} == {
        "index.html",
        "features.html",
        "monitor.html",
    }
    assert "route_late_28d" in (tmp_path / "reports/features.html").read_text("utf-8")
    assert "<title>監視 – 遅延便</title>" in (tmp_path / "reports/monitor.html").read_text("utf-8")
    assert not list(tmp_path.rglob(".*.html*"))
    assert 'href="index.html"' in render_project_page(tmp_path, "monitor", notebook, result, source)
    assert "<nav" not in render_project_page(tmp_path, "train", failed()[0], None)
    assert 'href="../../reports/index.html"' in render_project_page(
        tmp_path, "train", failed()[0], None, dest=tmp_path / ".mlops" / "failed" / "train.html"
    )


def test_pages_name_the_model_as_dvc_and_the_registry_do(small_once):
    md5 = parse_output_digests((small_once / "dvc.lock").read_text())["data/candidate"]
    for name in ("train", "evaluate", "monitor"):
        first = (
            (small_once / "reports" / f"{name}.html").read_text("utf-8").partition("<details")[0]
        )
        assert re.search(rf'class="eyebrow">[^<]*(candidate|champion) {md5[:8]}', first), name
    assert md5 in (small_once / "reports" / "monitor.html").read_text("utf-8")


def test_what_is_surely_worse_than_the_baseline_is_said_first(plain):
    """A gate that looks at log loss passes a model that is right less often than its baseline: the page does not say OK to that."""
    P = np.random.default_rng(0).dirichlet([1, 1, 2], 3000)
    names = np.array(["a", "b", "c"])
    truth = names[[np.random.default_rng(i).choice(3, p=p) for i, p in enumerate(P)]]

    def soft(P):
        return pd.DataFrame(
            P / P.sum(1, keepdims=True), columns=[f"score_{c}" for c in names]
        ).assign(prediction=names[P.argmax(1)])

    both = compare_models(
        "multiclass", truth, {"candidate": soft(0.9 * P + [0, 0, 0.4]), "baseline": soft(P**1.75)}
    )
    gate = apply_gate(both, {"calibration": None})
    level, reasons, todo = evaluation_verdict(both, gate)
    for config, words in (
        (
            CONFIG,
            (
                "Watch closely",
                "may be chance",
                "Surely worse than the baseline: accuracy 0.5",
                "(baseline 0.6",
            ),
        ),
        (JA, ("要注意", "偶然の可能性", "基準より確実に劣る指標：正解率")),
    ):
        page = render_stage_page(
            "evaluate",
            plain[0],
            {
                "verdict": {"level": level, "reasons": [r.json() for r in reasons]},
                "todo": [t.json() for t in todo],
            },
            None,
            config,
        )
        for said in words:
            assert gate.passed and said in page[: page.index('class="two"')], said


def test_a_long_bar_that_may_be_chance_says_so(plain):
    rng = np.random.default_rng(3)
    march = pd.DataFrame({"a": rng.normal(size=5000), "b": rng.normal(size=5000)})
    ref = build_reference(march)
    hand = {"psi_watch": 0.1}
    few, many = (
        measure_drift(ref, profile_table(march.sample(n, random_state=1) * scale), hand)
        for n, scale in ((60, 1), (3000, 2))
    )
    assert few.psi.max() > 0.25
    assert (few.severity == "ok").all()
    assert (many.severity != "ok").all()
    for config, word in (
        (
            CONFIG,
            f"what chance alone gives with so few rows (a PSI of up to {few.by_chance[0]:.2f} for {few.column[0]} with 60)",
        ),
        (JA, "偶然だけでも"),
    ):

        def show(table):
            return render_cell_output(
                shown(
                    {"image/svg+xml": figure_to_svg(drift_plot(table))},
                    title="x",
                    reading=explain_drift_plot(table).json(),
                ),
                config["lang"],
                "f-",
            )

        assert word in show(few)
        assert "multiple of its own limit" in show(few).replace(
            "その列の限度の倍数", "multiple of its own limit"
        )
        assert word not in show(many)

    def ticks(table):
        return sum(
            len(l.get_xdata()) for l in drift_plot(table).axes[0].lines if l.get_marker() == "|"
        )

    assert ticks(few) == (few.psi > 0.1).sum()
    assert ticks(many) == 0


def test_the_score_is_counted_once_and_a_title_counts_its_rows():
    rng = np.random.default_rng(3)
    march = pd.DataFrame({c: rng.normal(size=3000) for c in ("a", "b", "c", "d", "score")})
    ref = build_reference(march)
    v = judge_findings(
        collect_findings(
            measure_drift(ref, profile_table(march * 2)),
            {"floors": {"auc": 0.5}},
            {"auc": {"value": 0.7}},
        )
    )
    assert [r.values["n"] for r in v.reasons if r.key == "monitor.many"] == [4]
    assert sum(r.key == "monitor.score" for r in v.reasons) == 1
    assert v.table_title().values == {"n": 5, "kept": 1}
    assert v._repr_markdown_().count("\n") - 1 == 6
    assert str(v.table_title()) == "5 beyond a limit, 1 within an agreed one"


@pytest.mark.parametrize(
    "values", [["sandy", "clay", "loam"], [1.0, 2.0, 3.0]], ids=["text", "number"]
)
def test_a_legend_of_classes_lies_beside_the_points(values):
    fig = dependence_plot(
        pd.DataFrame(
            {
                "value": values,
                "score_early": [0.2, 0.5, 0.3],
                "score_late": [0.5, 0.2, 0.4],
                "score_on time": 0.3,
            }
        ),
        "soil",
    )
    fig.canvas.draw()
    (legend,), axes = fig.legends, fig.axes[0]
    assert axes.get_legend() is None
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())
