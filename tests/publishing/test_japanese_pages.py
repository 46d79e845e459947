"""Pages in Japanese: no fixed English word stands on them."""

import re
import shutil
from html.parser import HTMLParser

import pytest
from helpers.project import run_mlops_nb
from helpers.site import make_history

SPOKEN = ("data-label", "aria-label", "alt")  # attributes that are read out or shown
UNREAD = ("script", "style", "pre", "code")  # code is English everywhere
WORD = re.compile(r"[A-Za-z][A-Za-z-]+")
IDS = re.compile(
    r"\S*[_/.@=\[\]\"\d]\S*|#\w+|\b[0-9a-f]{8}\b"
)  # of columns, parameters, files, versions
COMMANDS = re.compile(r"\b(mlops-nb|dvc) [ -~…]+")  # English everywhere, to be copied
# Terms of art that Japanese writes in Latin letters, and names of estimators.
TERMS = (
    "AUC RMSE PSI JS KS ROC Jensen Shannon domain pca JSON JavaScript ID UTC DVC Git kB Lock "
    "HistGradientBoostingClassifier Pipeline "
    "ML Test Score Breck et al MLOps Google Microsoft numpy scikit-learn skops"
)
# Parameters and their values, as params.yaml spells them.
PARAMETERS = (
    "act learned sample seed groups repeats top floors matter metrics window current train "
    "encoding auto estimator booster search threads threshold value true false null "
    "precision engine local checks psi auc metric revs rows result"
)
# Stages, as dvc.yaml names them, and what a terminal calls the files in the folder.
STAGES = "preprocess train champion evaluate score monitor report workspace"
# What the project itself says: its columns, labels and types.
OF_THE_PROJECT = (
    "id day shop price region category events flights north south east west small float "
    "int str"
)
# What people have written in the history of tests/helpers/site.py, and what git says of it.
OF_PEOPLE = (
    "gate Sales Ada Lost Newest carnival the in a passed fire Records only run no script alert "
    "img src onerror small Operations analytics HEAD main"
)
ALLOWED = {
    *OF_PEOPLE.split(),
    *TERMS.split(),
    *PARAMETERS.split(),
    *STAGES.split(),
    *OF_THE_PROJECT.split(),
}


class Words(HTMLParser):
    """The texts that a page shows or has read out."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.texts: list[str] = []
        self.hidden = 0
        self.feed(page)

    def handle_starttag(
        self,
        tag: str,
        attrs: list,
    ) -> None:
        """Note what an element says of itself, and whether it is code."""
        self.hidden += tag in UNREAD
        self.texts += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self.hidden -= tag in UNREAD

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if not self.hidden:
            self.texts.append(data)


def english_words(page: str) -> set[str]:
    """Return the English words of a page that nothing allows."""
    found = set()
    for text in Words(page.replace("<wbr>", "")).texts:
        found |= set(WORD.findall(IDS.sub(" ", COMMANDS.sub(" ", text))))
    return found - ALLOWED


# What people write in their own language: here, in Japanese.
ANSWERS = re.compile(
    r"^(intended_use|out_of_scope|limits|ethics|licence): .*(\n  .*)*", re.M
)
DESCRIPTION = re.compile(r"^(    desc): Will .*", re.M)


def say_in_japanese(
    file,
    texts: re.Pattern,
) -> None:
    """Put Japanese where somebody has written English."""
    text = file.read_text("utf-8")
    file.write_text(texts.sub(r"\1: 売上を予測します", text), "utf-8")


@pytest.fixture(scope="module")
def project(
    small_once,
    tmp_path_factory,
):
    """Return the small project in Japanese."""
    top = tmp_path_factory.mktemp("japanese") / "small"
    shutil.copytree(small_once, top, symlinks=True)
    settings = top / "settings.ini"
    text = settings.read_text("utf-8").replace("language = en", "language = ja")
    settings.write_text(text, "utf-8")
    say_in_japanese(top / "data" / "card.yaml", ANSWERS)
    say_in_japanese(top / "dvc.yaml", DESCRIPTION)
    return top


@pytest.fixture(scope="module")
def pages(project):
    """Return the pages of the small project in Japanese, by their names."""
    run_mlops_nb("report", cwd=project)
    paths = (project / "reports").glob("*.html")
    return {path.stem: path.read_text("utf-8") for path in paths}


@pytest.fixture(scope="module")
def site(
    project,
    tmp_path_factory,
):
    """Return the folder of its site, with a history."""
    top = tmp_path_factory.mktemp("japanese") / "published"
    make_history(project, top)
    run_mlops_nb("publish", cwd=top)
    return top / "_site"


@pytest.mark.parametrize(
    "name",
    [
        "index",
        "features",
        "preprocess-train",
        "preprocess-current",
        "train",
        "evaluate",
        "monitor",
    ],
)
def test_no_english_word_stands_on_a_japanese_page(
    name,
    pages,
):
    """Whatever is ours is translated: heads, axes, legends, verdicts, what is read out."""
    assert english_words(pages[name]) == set()


@pytest.mark.parametrize(
    "name",
    [
        "index",
        "decisions",
        "versions",
        "challengers",
        "experiments",
        "search",
        "glossary",
        "development",
        "test-score",
        "replay",
        "cards/v1.0.0",
        "challengers/cccc3333",
    ],
)
def test_no_english_word_stands_on_a_page_of_a_japanese_site(
    name,
    site,
):
    """What the site tells is translated, whatever people have written."""
    page = (site / f"{name}.html").read_text("utf-8")
    assert english_words(page) == set()


def test_no_english_word_stands_on_a_japanese_comparison(site):
    """Of two runs that are the same: the sentence that says so, and all tables."""
    run_mlops_nb("compare", "HEAD", "workspace", cwd=site.parent)
    page = site.parent / ".mlops" / "scratch" / "compare" / "reports" / "compare.html"
    assert english_words(page.read_text("utf-8")) == set()
