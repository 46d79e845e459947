"""The pictures of the README show the pages of today; `make pictures` makes them."""

import re

import pytest
from helpers.pictures import FOLDER, PAGES, ROOT, digest_source, recorded_digests

STALE = "the picture is not of the present page: `make run && make pictures`"
PAGE = "<body><p>AUC 0.76, champion d7e3d5e6</p><details><summary>Code</summary>x</details>"


def test_the_picture_of_the_year_is_current():
    assert digest_source(PAGES["replay"](ROOT)) == recorded_digests(ROOT)["replay"], (
        STALE
    )


def test_the_picture_of_the_monitor_is_current(ran):
    assert digest_source(PAGES["monitor"](ran)) == recorded_digests(ROOT)["monitor"], (
        STALE
    )


def test_the_readme_shows_every_picture():
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = re.findall(rf"\({FOLDER}/(\w+)\.png\)", readme)
    there = [path.stem for path in (ROOT / FOLDER).glob("*.png")]
    assert sorted(shown) == sorted(there)
    assert sorted(shown) == sorted(recorded_digests(ROOT))


@pytest.mark.parametrize(
    ("changed", "is_stale"),
    [
        pytest.param(PAGE.replace("0.76", "0.77"), True, id="a number"),
        pytest.param(PAGE.replace("<p>", '<p class="x">'), True, id="its look"),
        pytest.param(
            PAGE.replace("d7e3d5e6", "0123abcd"), False, id="digest of a model"
        ),
        pytest.param(PAGE.replace("</summary>x", "</summary>y"), False, id="folded"),
        pytest.param(PAGE.replace(" 0.76", "\n0.76"), False, id="a blank"),
    ],
)
def test_what_makes_a_picture_stale(
    changed,
    is_stale,
):
    assert (digest_source(changed) != digest_source(PAGE)) == is_stale
