"""Digests: what changes a result changes one, and nothing else does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from mlops_nb.core.errors import UserError
from mlops_nb.core.files import object_digest, read_json
from mlops_nb.core.source import parse_python, strip_comments, syntax_tree_to_lists
from mlops_nb.pipeline.digests import write_digests
from mlops_nb.pipeline.exported_modules import find_unexported_notebooks
from mlops_nb.pipeline.import_closure import (
    collect_import_closure,
    find_imports,
    find_module_file,
)
from mlops_nb.pipeline.locked_versions import (
    read_locked_versions,
    select_locked_versions,
)
from mlops_nb.pipeline.stage_code import PRESENTATION_MODULES

HOME = Path(__file__).parents[2]
SAME = {
    "docstring and comment": (
        "def f(x):\n    'Doc.'\n    return x  # c",
        "def f( x ): return (x)",
    ),
    "joined texts": ("x = 'a' \"b\"", "x='ab'"),
    "docstring of a class": ("class A:\n    'd'", "class A:\n  'other'"),
    "joined formatted texts": ("f'{a}' 'b'", "f'{a}b'"),
    "empty format": ("f'{a:}'", "f'{a}'"),
    "brackets of a tuple": ("x = (1,\n 2,\n)", "x = 1, 2"),
    "docstring of a coroutine": (
        "@d\nasync def f():\n    'x'\n    await g()",
        "@d\nasync def f(): await g()",
    ),
    "another base": ("x = 0x10", "x = 16"),
}
OTHER_VALUES = {
    "whole or not": ("x = 1", "x = 1.0"),
    "number or truth": ("x = 1", "x = True"),
    "text or bytes": ("x = 'a'", "x = b'a'"),
    "letters": ("return_ = 'text'", "return_ = 'tekst'"),
    "conversion": ("f'{a!r}'", "f'{a}'"),
}
OTHER_CODE = {
    "keyword only": ("def f(a, b): pass", "def f(a, *, b): pass"),
    "item or call": ("x = a[1]", "x = a(1)"),
    "sign": ("x = -1", "x = 1"),
    "precedence": ("a + b * c", "(a + b) * c"),
    "list or set": ("[x for x in y]", "{x for x in y}"),
    "return or yield": ("def f(x): return x", "def f(x): yield x"),
    "annotation": ("x: int = 1", "x: float = 1"),
}
OTHER = OTHER_VALUES | OTHER_CODE


def code_digest(source):
    """Return the digest of a piece of Python."""
    return object_digest(syntax_tree_to_lists(parse_python(source)))


@pytest.mark.parametrize(("first", "second"), SAME.values(), ids=SAME)
def test_same(
    first,
    second,
):
    assert code_digest(first) == code_digest(second)


@pytest.mark.parametrize(("first", "second"), OTHER.values(), ids=OTHER)
def test_other(
    first,
    second,
):
    assert code_digest(first) != code_digest(second)


def test_magics_and_await():
    inline = code_digest("%matplotlib inline\nx = await f()")
    assert inline != code_digest("%matplotlib agg\nx = await f()")
    assert (
        strip_comments("# c\nx = 1 # d\ndef f():\n    'doc'\n")
        == "x = 1\n\ndef f():\n    pass"
    )
    assert strip_comments("%time x\n") == "%time x"
    assert strip_comments("# only") == ""


@settings(max_examples=50, deadline=None)
@given(strategies.text("abc \n#", max_size=30), strategies.integers(0, 8))
def test_comments_and_blank_lines_never_count(
    comment,
    where,
):
    lines = [
        "def f(a, b=2):",
        "    if a:",
        "        return [a,",
        "                b]",
        "    return {",
        "        'k': a}",
        "",
        "x = f(1)",
    ]
    lines.insert(where, "\n".join("#" + line for line in comment.split("\n")))
    short = "def f(a, b=2):\n    if a: return [a, b]\n    return {'k': a}\nx = f(1)"
    assert code_digest("\n".join(lines)) == code_digest(short)


ODD = [
    "f'{a}' 'b' f'c'",
    "f'{a:}'",
    "f'{a!r:>{w}}' f''",
    "f'' f'{x}' ''",
    "f'{a = !r}'",
    "f'{{}}{a:%H:%M}'",
    "f'{a:{b}c}'",
    "f'{a!s:}' 'x'",
    "f'{a:{b}}'",
    "match x:\n case {'a': [1, *_]} | None: pass",
]
DIGEST_PROGRAM = """\
import json, sys
from pathlib import Path

home, odd, files = json.loads(sys.argv[1])
sys.path.insert(0, home)
from mlops_nb.core.files import object_digest
from mlops_nb.core.source import parse_python, syntax_tree_to_lists

sources = odd + [Path(file).read_text("utf-8") for file in files]
print(object_digest([syntax_tree_to_lists(parse_python(source)) for source in sources]))
"""


def pythons(version):
    """Return the interpreters of one version: on the search path, then pyenv's."""
    found = []
    for folder in os.environ["PATH"].split(os.pathsep):
        found.extend(Path(folder).glob(f"python{version}"))
    return found + sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_equal_on_every_python(version):
    files = [str(path) for path in sorted((HOME / "mlops_nb").rglob("*.py"))]
    told = json.dumps([str(HOME), ODD, files])
    got = set()
    for python in pythons(version):
        command = [python, "-c", DIGEST_PROGRAM, told]
        ran = subprocess.run(command, capture_output=True, text=True)
        if not ran.returncode:
            got.add(ran.stdout.strip())
    if not got:
        pytest.skip(f"no Python {version} here")
    sources = ODD + [Path(file).read_text("utf-8") for file in files]
    trees = [syntax_tree_to_lists(parse_python(source)) for source in sources]
    assert got == {object_digest(trees)}


def test_imports():
    got = set(
        find_imports(
            parse_python(
                "import a.b\nfrom c import d\ndef f():\n    from . import e\n    from ..g import h"
            ),
            "p.q",
        )
    )
    assert got == {"a.b", "c", "c.d", "p.q", "p.q.e", "p.g", "p.g.h"}


@pytest.fixture
def top(tmp_path):
    (tmp_path / "nbs" / "stages").mkdir(parents=True)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.nbdev]\nlib_path = "pkg"\n')
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  code: {deps: [nbs, pkg, helper.py]}\n"
    )
    (tmp_path / "requirements.lock").write_text(
        "# a comment\npandas==3.1.1 \\\n    --hash=sha256:0\n"
        "scikit_learn==1.9.1\nruamel.yaml==0.1\n"
    )
    (tmp_path / "params.yaml").write_text(
        "data: {source: data/x.csv}\nwindows: {}\nfeatures: {modules: [helper]}\npreprocess: {}\n"
        "train: {estimator: sklearn.svm.SVC}\nevaluate: {}\nmonitor: {}\nchampion: {}\n"
    )
    (tmp_path / "helper.py").write_text(
        "import pandas\ndistributions = ('ruamel.yaml',)\n\ndef weather(x): return x\n"
    )
    (tmp_path / "pkg" / "__init__.py").write_text("__version__ = '1'\n")
    (tmp_path / "pkg" / "m.py").write_text(
        "def g():\n    from .n import x\n    return x\n"
    )
    (tmp_path / "pkg" / "n.py").write_text("x = 1\n")
    stage(tmp_path, "from pkg import m\nm.g()")
    return tmp_path


def stage(
    top,
    source,
    prose="# P",
    name="train",
):
    cells = [
        {"cell_type": "markdown", "id": "a", "source": [prose]},
        {
            "cell_type": "code",
            "id": "b",
            "source": source.splitlines(True),
            "outputs": [1],
        },
    ]
    (top / "nbs" / "stages" / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))


def made(
    top,
    name="train",
):
    write_digests(top)
    return read_json(top / "data" / "code" / f"{name}.json")


def test_what_counts(
    top,
    capsys,
):
    first = made(top)
    prose = made(top, "prose")
    assert set(first["modules"]) == {"pkg", "pkg.m", "pkg.n", "helper"}
    assert first["distributions"] == {
        "pandas": "3.1.1",
        "ruamel-yaml": "0.1",
        "scikit-learn": "1.9.1",
    }
    stage(top, "from pkg import m  # why\n\nm.g()", prose="# Q")
    (top / "pkg" / "__init__.py").write_text("__version__ = '2'\n")
    (top / "pkg" / "other.py").write_text("y = 1\n")
    assert made(top) == first
    assert made(top, "prose") != prose
    assert capsys.readouterr().out == ""
    (top / "pkg" / "n.py").write_text("x = 2\n")
    assert made(top)["digest"] != first["digest"]
    assert "pkg/n.py: top level changed → train will rerun" in capsys.readouterr().out
    (top / "helper.py").write_text(
        "import pandas\ndistributions = ('ruamel.yaml',)\n\ndef weather(x): return x + 1\n"
    )
    made(top)
    assert (
        "helper.py: function weather changed → train will rerun"
        in capsys.readouterr().out
    )
    (top / "requirements.lock").write_text("pandas==3.1.2\nscikit-learn==1.9.1\n")
    made(top)
    assert "pandas 3.1.1 → 3.1.2 → ingest, train, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("params.yaml", "features: {modules: [helpr]}", "helpr is neither"),
        ("params.yaml", "train: {estimator: nowhere.to.Find}", "nowhere.to is neither"),
        ("params.yaml", "train: {estimator: numpy.ndarray}", "requirements.lock"),
        ("helper.py", "import aside", "add `- aside.py`"),
        ("helper.py", "def f(:", "expected: Python in"),
    ],
    ids=["module", "estimator", "not locked", "not in dvc.yaml", "no Python"],
)
def test_stops(
    top,
    path,
    text,
    words,
):
    (top / "aside.py").write_text("")
    if path == "params.yaml":
        key = text.partition(":")[0]
        lines = (top / path).read_text().splitlines()
        text = "\n".join(text if x.startswith(key + ":") else x for x in lines)
    (top / path).write_text(text)
    with pytest.raises(UserError) as caught:
        write_digests(top)
    assert words in str(caught.value)
    assert not (top / "data").exists()


def test_unexported(top):
    cells = [
        {"cell_type": "code", "source": "#| default_exp m"},
        {
            "cell_type": "code",
            "source": "#| export\ndef g():\n    from pkg.n import x\n    return x  # as it is",
        },
        {"cell_type": "code", "source": "#| hide\n1"},
    ]
    notebook = top / "nbs" / "m.ipynb"
    notebook.write_text(json.dumps({"cells": cells}))
    assert find_unexported_notebooks(top) == []
    cells[1]["source"] += "\ndef h(): pass"
    notebook.write_text(json.dumps({"cells": cells}))
    with pytest.raises(UserError) as caught:
        write_digests(top)
    assert "nbs/m.ipynb" in str(caught.value)
    assert "make export" in str(caught.value)


def test_this_checkout_is_exported():
    assert find_unexported_notebooks(HOME) == []


def test_other_places(
    top,
    monkeypatch,
    tmp_path_factory,
):
    aside = tmp_path_factory.mktemp("aside")
    (aside / "faraway.py").write_text("import pandas\n")
    monkeypatch.syspath_prepend(str(aside))
    assert find_module_file("faraway", top) == aside / "faraway.py"
    assert "faraway" not in sys.modules
    assert not find_module_file("os.path", top)
    assert not find_module_file("sklearn.svm", top)
    assert select_locked_versions(
        {"sklearn", "unheard"}, set(), read_locked_versions(top)
    ) == {"scikit-learn": "1.9.1"}


def test_renderer_never_counts():
    shown = ["mlops_nb.reporting.display", "mlops_nb.modeling.metrics"]
    files = collect_import_closure(shown, HOME, PRESENTATION_MODULES).files
    assert "mlops_nb.core.messages" in files
    assert "mlops_nb.reporting.page" not in files
