"""The ML Test Score: 28 rows that stand on evidence, and fall with it."""

import contextlib
import re
import shutil

import pytest
from helpers.project import ROOT
from ruamel.yaml import YAML

from mlops_nb.core.errors import UserError
from mlops_nb.core.translations import read_locale
from mlops_nb.lifecycle.statements import read_answers
from mlops_nb.publishing.evidence import Evidence, find_evidence, require_evidence
from mlops_nb.publishing.maturity import assess_maturity, read_maturity_ladders
from mlops_nb.publishing.readiness import (
    READINESS_SECTIONS,
    compute_ml_test_score,
    read_readiness_tests,
    score_readiness_test,
)
from mlops_nb.publishing.readiness_page import render_ml_test_score

READINESS_TESTS = {test.test: test for test in read_readiness_tests()}
EVIDENCE = {piece for test in READINESS_TESTS.values() for piece in test.evidence} | {
    piece
    for levels in read_maturity_ladders().values()
    for asked in levels.values()
    for piece in asked
}
# What a setting, a run or the place of the repository may switch off; the rest is code, which is
# there or was moved without its pattern.
STATE = ("params.yaml", "settings.ini", "data/", "reports/", ".github/", ".ci/")
GOVERNANCE = "nbs/guides/governance.yaml"
PROMISES = "nbs/guides/promises.yaml"
CODE = [
    piece for piece in sorted(EVIDENCE, key=str) if not piece.path.startswith(STATE)
]


def governance_records() -> list[Evidence]:
    """Return what the guide of governance quotes."""
    rule_books = YAML(typ="safe", pure=True).load(ROOT / GOVERNANCE)
    points = [point for book in rule_books.values() for point in book]
    return [
        Evidence(record["file"], record["pattern"], point["point"])
        for point in points
        for record in point.get("records", ())
    ]


def promised_tests() -> list[Evidence]:
    """Return the tests that the guide of promises quotes."""
    promises = YAML(typ="safe", pure=True).load(ROOT / PROMISES)
    rows = [row for about in promises.values() for row in about]
    return [Evidence.of_test(name) for row in rows for name in row["tests"]]


def texts_of_the_rules() -> list[str]:
    """Return whatever the page of the score says of its tests."""
    asked = [test.asks for test in READINESS_TESTS.values()]
    notes = [test.note for test in READINESS_TESTS.values() if test.note]
    shows = [piece.says for piece in EVIDENCE]
    named = ("test test_", "pipeline stage ")
    said = {*asked, *notes, *shows, *read_maturity_ladders()}
    return sorted(text for text in said if not text.startswith(named))


RECORDS = governance_records()
SIGNED = 'statements:\n- {{test: "{}", said: "Done <by> hand", by: "Ada", on: "2026-01-31"}}\n'
EACH_TEST = pytest.mark.parametrize(
    "test",
    READINESS_TESTS.values(),
    ids=[name.replace(" ", "") for name in READINESS_TESTS],
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Return a copy of the files that hold evidence, and of nothing else."""
    top = tmp_path_factory.mktemp("tree")
    paths = {path for piece in EVIDENCE for path in ROOT.glob(piece.path)}
    for path in paths | {ROOT / "data" / "card.yaml"}:
        copy = top / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return top


@pytest.fixture(scope="module")
def score():
    """Return the score of this repository."""
    return compute_ml_test_score(ROOT)


def points(
    tree,
    name: str,
) -> float:
    """Return the points of a row."""
    return score_readiness_test(READINESS_TESTS[name], tree).points


@contextlib.contextmanager
def changed(
    file,
    text: str,
):
    """Let a file have another text for as long as the block lasts."""
    before = file.read_text()
    file.write_text(text)
    try:
        yield
    finally:
        file.write_text(before)


@contextlib.contextmanager
def without(
    tree,
    piece: Evidence,
):
    """Take a piece of evidence out of the files for as long as the block lasts."""
    with contextlib.ExitStack() as stack:
        for file in tree.glob(piece.path):
            text = re.sub(piece.pattern, "", file.read_text(), flags=re.M)
            stack.enter_context(changed(file, text))
        yield


@contextlib.contextmanager
def without_file(file):
    """Take a file away for as long as the block lasts."""
    away = file.rename(file.with_name(f"gone-{file.name}"))
    try:
        yield
    finally:
        away.rename(file)


@EACH_TEST
def test_a_row_has_a_point_for_all_of_its_evidence(
    tree,
    test,
):
    row = score_readiness_test(test, tree)
    assert row.points in (0, 1)
    assert (row.points == 1) == bool(test.evidence and not row.missing)
    assert row.points or row.why.startswith("no evidence")


@EACH_TEST
def test_a_row_falls_with_each_piece_of_its_evidence(
    tree,
    test,
):
    full = score_readiness_test(test, tree).points
    for piece in test.evidence if full else ():
        with without(tree, piece):
            less = score_readiness_test(test, tree)
        assert less.points == 0, piece
        assert piece.says in less.missing, piece
        assert less.why.startswith("no evidence"), piece
    assert score_readiness_test(test, tree).points == full


@EACH_TEST
def test_a_row_falls_with_each_file_of_its_evidence(
    tree,
    test,
):
    full = score_readiness_test(test, tree).points
    for piece in test.evidence if full else ():
        if "*" not in piece.path:
            with without_file(tree / piece.path):
                assert score_readiness_test(test, tree).points == 0, piece
    assert score_readiness_test(test, tree).points == full


@EACH_TEST
def test_a_signed_statement_is_half_a_point_and_no_more(
    tree,
    test,
):
    card = tree / "data" / "card.yaml"
    full = score_readiness_test(test, tree).points
    with changed(
        card, card.read_text().replace("statements: []\n", SIGNED.format(test.test))
    ):
        statements = read_answers(tree).statements
    row = score_readiness_test(test, tree, statements)
    unsigned = score_readiness_test(test, tree, read_answers(tree).statements)
    assert [statement["test"] for statement in statements] == [test.test]
    assert row.points == (full or 0.5)
    assert full or "Ada, 2026-01-31" in row.why
    assert unsigned.points == full


@pytest.mark.parametrize(
    ("name", "path", "off", "active"),
    [
        pytest.param(
            "Model 1",
            "settings.ini",
            "four_eyes = no",
            "four_eyes = yes",
            id="four eyes",
        ),
        pytest.param(
            "Model 3",
            "params.yaml",
            "search_candidates: 0",
            "search_candidates: 9",
            id="search",
        ),
        pytest.param(
            "Model 6",
            "params.yaml",
            "checks: {minimum",
            "checks: {worst_slice: 0.6, minimum",
            id="worst slice",
        ),
        pytest.param("Monitoring 4", "params.yaml", "every: 0 ", "every: 3 ", id="age"),
    ],
)
def test_a_setting_is_evidence_when_it_is_on(
    tree,
    name,
    path,
    off,
    active,
):
    file = tree / path
    text = file.read_text()
    is_off = off in text
    other = text.replace(off, active) if is_off else text.replace(active, off)
    assert other != text, f"{path} says neither {off} nor {active}"
    before = points(tree, name)
    with changed(file, other):
        after = points(tree, name)
    assert {before, after} == {0, 1}
    assert (after == 1) == is_off


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(
            "@pytest.mark.skip(reason='later')\ndef test_quality(", id="skipped"
        ),
        pytest.param("@pytest.mark.xfail\ndef test_quality(", id="expected to fail"),
        pytest.param("# def test_quality(", id="a comment"),
    ],
)
def test_a_switched_off_test_is_no_evidence(
    tree,
    head,
):
    file = next(tree.glob("tests/**/test_quality.py"))
    with changed(file, file.read_text().replace("def test_quality(", head)):
        assert points(tree, "Monitoring 7") == 0
    assert points(tree, "Monitoring 7") == 1


def test_the_score_of_this_repository(score):
    assert len(score.rows) == 28
    assert score.score == min(score.sums.values())
    assert score.to_dict()["score"] == score.score
    assert "ML Test Score" in str(score)


@pytest.mark.parametrize("section", ["Data", "Model", "Infrastructure", "Monitoring"])
def test_a_section_has_seven_points_at_most(
    score,
    section,
):
    assert 0 <= score.sums[section] <= 7


def test_evidence_is_found_where_the_score_says(score):
    for row in score.rows:
        assert (row.points == 1) == bool(row.found and not row.missing), row.test
        for _, place in row.found:
            path, line = place.rsplit(":", 1)
            assert (ROOT / path).read_text().count("\n") >= int(line) - 1, place


def test_the_page_links_each_piece_of_evidence(score):
    page = render_ml_test_score(score, "../")
    for row in score.rows:
        for _, place in row.found:
            assert f'href="../{place.rpartition(":")[0]}"' in page, place
    assert "no evidence" in page
    assert "<script" not in page


def levels(tree) -> dict[str, int]:
    """Return the level on each ladder."""
    return {level.ladder: level.level for level in assess_maturity(tree)}


@pytest.fixture
def automatic(tree):
    """Return the tree, in which models are retrained without being asked."""
    params = tree / "params.yaml"
    promotes = tree / "tests" / "test_promotes.py"
    promotes.write_text("def test_promotes():\n    assert 1\n")
    with changed(params, params.read_text().replace("policy: propose", "policy: auto")):
        yield tree
    promotes.unlink()


def test_levels_rise_with_what_is_asked(automatic):
    settings = automatic / "settings.ini"
    told = re.search(r"(?m)^alerts *= *\S", settings.read_text())
    assert levels(automatic)["Google MLOps level"] == 1
    assert levels(automatic)["Microsoft MLOps maturity"] == (4 if told else 3)


def test_levels_fall_with_what_is_missing(automatic):
    settings = automatic / "settings.ini"
    told = re.sub(r"(?m)^alerts =.*$", "alerts = ALERT_URL", settings.read_text())
    with changed(settings, told):
        assert levels(automatic)["Microsoft MLOps maturity"] == 4
        with without(automatic, Evidence.of_stage("train")):
            found = levels(automatic)
    assert found == {"Google MLOps level": 0, "Microsoft MLOps maturity": 1}


@pytest.mark.parametrize(
    "piece", CODE, ids=[f"{piece.path}: {piece.pattern}" for piece in CODE]
)
def test_every_pattern_of_code_matches_the_code_of_today(piece):
    assert find_evidence(ROOT, piece), f"{piece.pattern} finds nothing in {piece.path}"


@pytest.mark.parametrize(
    "record",
    RECORDS,
    ids=[f"{record.says}: {record.path}: {record.pattern}" for record in RECORDS],
)
def test_every_record_of_the_guide_of_governance_is_there(record):
    assert require_evidence(ROOT, record, GOVERNANCE)


@pytest.mark.parametrize("proof", promised_tests(), ids=lambda proof: proof.says)
def test_every_test_of_the_guide_of_promises_is_there(proof):
    assert require_evidence(ROOT, proof, PROMISES)


def test_a_record_that_was_moved_is_named_with_its_file():
    moved = Evidence("mlops_nb/lifecycle/loop.py", "^def of_old", "")
    with pytest.raises(UserError) as refused:
        require_evidence(ROOT, moved, GOVERNANCE)
    assert (
        refused.value.expected
        == "the pattern ^def of_old in mlops_nb/lifecycle/loop.py"
    )
    assert GOVERNANCE in refused.value.remedy


def test_every_rule_has_its_japanese():
    missing = [
        text for text in texts_of_the_rules() if text not in read_locale("rules.ja")
    ]
    assert missing == []


def test_no_japanese_is_left_over_from_a_rule_that_is_gone():
    words_of_the_page = {*READINESS_SECTIONS, "test", "pipeline stage"}
    known = {*texts_of_the_rules(), *words_of_the_page}
    assert [text for text in read_locale("rules.ja") if text not in known] == []
