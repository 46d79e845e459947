"""Template and style are files that every copy of the package carries."""

import io
import tomllib
import zipfile

import pytest
from helpers.project import ROOT

from mlops_nb.cli.wheel import build_wheel
from mlops_nb.pipeline.digests import digest_presentation_files
from mlops_nb.reporting.frame import join_lines, page_css, render_page_frame

PACKAGE = ROOT / "mlops_nb"
FILES = sorted(digest_presentation_files(PACKAGE))


def test_sentences_template_and_style_are_presentation():
    """What only pages depend on is digested for the report alone."""
    assert {"core/locales/en.json", "core/locales/ja.json"} <= set(FILES)
    assert {"reporting/static/page.css", "reporting/templates/page.html"} <= set(FILES)


@pytest.mark.parametrize("file", FILES, ids=FILES)
def test_a_new_project_gets_the_file_with_the_wheel(file):
    """The wheel that a new project keeps is whole."""
    _, wheel = build_wheel()
    assert f"mlops_nb/{file}" in zipfile.ZipFile(io.BytesIO(wheel)).namelist()


@pytest.mark.parametrize("file", FILES, ids=FILES)
def test_the_package_is_built_with_the_file(file):
    """What setuptools packs is listed by patterns."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]
    area, _, inside = file.partition("/")
    packed = [
        path
        for glob in patterns[f"mlops_nb.{area}"]
        for path in (PACKAGE / area).glob(glob)
    ]
    assert PACKAGE / area / inside in packed


def test_lines_are_joined_and_paragraphs_are_lines():
    """Indentation is for whoever edits a file; a blank line is a line break on the page."""
    assert join_lines("<a>\n  b\n\n  c\n</a>\n") == "<a>b\nc</a>"


def test_style_is_compact():
    """No comment and no indentation travels with every page."""
    assert "/*" not in page_css()
    assert "  " not in page_css()


def test_a_page_begins_with_its_type():
    """Nothing stands before the doctype: browsers would guess."""
    assert render_page_frame("docs", "Docs", {}).startswith(
        "<!doctype html><html lang="
    )
