"""Digests: what changes a result changes one, and nothing else does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from mlops_nb.pipeline.locked_versions import read_locked_versions, select_locked_versions
from mlops_nb.pipeline.stage_code import PRESENTATION_MODULES

HOME = Path(__file__).parents[2]
SAME = [
    ("def f(x):\n    'Doc.'\n    return x  # c", "def f( x ): return (x)"),
    ("x = 'a' \"b\"", "x='ab'"),
    ("class A:\n    'd'", "class A:\n  'other'"),
    ("f'{a}' 'b'", "f'{a}b'"),
    ("f'{a:}'", "f'{a}'"),
    ("x = (1,\n 2,\n)", "x = 1, 2"),
    ("@d\nasync def f():\n    'x'\n    await g()", "@d\nasync def f(): await g()"),
    ("x = 0x10", "x = 16"),
]
OTHER = [
    ("x = 1", "x = 1.0"),
    ("x = 1", "x = True"),
    ("x = 'a'", "x = b'a'"),
    ("f'{a!r}'", "f'{a}'"),
    ("def f(a, b): pass", "def f(a, *, b): pass"),
    ("x = a[1]", "x = a(1)"),
    ("x = -1", "x = 1"),
    ("return_ = 'text'", "return_ = 'tekst'"),
    ("a + b * c", "(a + b) * c"),
    ("[x for x in y]", "{x for x in y}"),
    ("def f(x): return x", "def f(x): yield x"),
    ("x: int = 1", "x: float = 1"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_same(a, b):
    assert object_digest(syntax_tree_to_lists(parse_python(a))) == object_digest(
        syntax_tree_to_lists(parse_python(b))
    )


@pytest.mark.parametrize(("a", "b"), OTHER)
def test_other(a, b):
    assert object_digest(syntax_tree_to_lists(parse_python(a))) != object_digest(
        syntax_tree_to_lists(parse_python(b))
    )


def test_magics_and_await():
    assert object_digest(
        syntax_tree_to_lists(parse_python("%matplotlib inline\nx = await f()"))
    ) != object_digest(syntax_tree_to_lists(parse_python("%matplotlib agg\nx = await f()")))
    assert strip_comments("# c\nx = 1 # d\ndef f():\n    'doc'\n") == "x = 1\n\ndef f():\n    pass"
    assert strip_comments("%time x\n") == "%time x"
    assert strip_comments("# only") == ""


@settings(max_examples=50, deadline=None)
@given(st.text("abc \n#", max_size=30), st.integers(0, 8))
def test_comments_and_blank_lines_never_count(comment, where):
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
    lines.insert(where, "\n".join("#" + c for c in comment.split("\n")))
    assert object_digest(syntax_tree_to_lists(parse_python("\n".join(lines)))) == object_digest(
        syntax_tree_to_lists(
            parse_python("def f(a, b=2):\n    if a: return [a, b]\n    return {'k': a}\nx = f(1)")
        )
    )


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_equal_on_every_python(version):
    files = [str(f) for f in sorted((HOME / "mlops_nb").rglob("*.py"))]
    odd = [
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
    code = f"import sys; sys.path.insert(0, {str(HOME)!r})\nfrom mlops_nb.core.source import *\nfrom mlops_nb.core.files import object_digest\nprint(object_digest([syntax_tree_to_lists(parse_python(s)) for s in {odd!r} + [open(f, encoding='utf-8').read() for f in {files!r}]]))"
    found = [
        p for d in os.environ["PATH"].split(os.pathsep) for p in Path(d).glob(f"python{version}")
    ] + sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    got = [
        r.stdout.strip()
        for r in (subprocess.run([p, "-c", code], capture_output=True, text=True) for p in found)
        if not r.returncode
    ]
    if not got:
        pytest.skip(f"no Python {version} here")
    assert set(got) == {
        object_digest(
            [
                syntax_tree_to_lists(parse_python(s))
                for s in odd + [Path(f).read_text("utf-8") for f in files]
            ]
        )
    }


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
    (tmp_path / "dvc.yaml").write_text("stages:\n  code: {deps: [nbs, pkg, helper.py]}\n")
    (tmp_path / "requirements.lock").write_text(
        "# a comment\npandas==3.1.1 \\\n    --hash=sha256:0\nscikit_learn==1.9.1\nruamel.yaml==0.1\n"
    )
    (tmp_path / "params.yaml").write_text(
        "data: {source: data/x.csv}\nwindows: {}\nfeatures: {modules: [helper]}\npreprocess: {}\ntrain: {estimator: sklearn.svm.SVC}\nevaluate: {}\nmonitor: {}\nchampion: {}\n"
    )
    (tmp_path / "helper.py").write_text(
        "import pandas\ndistributions = ('ruamel.yaml',)\n\ndef weather(x): return x\n"
    )
    (tmp_path / "pkg" / "__init__.py").write_text("__version__ = '1'\n")
    (tmp_path / "pkg" / "m.py").write_text("def g():\n    from .n import x\n    return x\n")
    (tmp_path / "pkg" / "n.py").write_text("x = 1\n")
    stage(tmp_path, "from pkg import m\nm.g()")
    return tmp_path


def stage(top, source, prose="# P", name="train"):
    cells = [
        {"cell_type": "markdown", "id": "a", "source": [prose]},
        {"cell_type": "code", "id": "b", "source": source.splitlines(True), "outputs": [1]},
    ]
    (top / "nbs" / "stages" / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))


def made(top, name="train"):
    write_digests(top)
    return read_json(top / "data" / "code" / f"{name}.json")


def test_what_counts(top, capsys):
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
    assert "helper.py: function weather changed → train will rerun" in capsys.readouterr().out
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
        ("helper.py", "def f(:", "expected Python in"),
    ],
)
def test_stops(top, path, text, words):
    (top / "aside.py").write_text("")
    if path == "params.yaml":
        key = text.partition(":")[0]
        lines = (top / path).read_text().splitlines()
        text = "\n".join(text if x.startswith(key + ":") else x for x in lines)
    (top / path).write_text(text)
    with pytest.raises(UserError) as e:
        write_digests(top)
    assert words in str(e.value)
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
    nb = top / "nbs" / "m.ipynb"
    nb.write_text(json.dumps({"cells": cells}))
    assert find_unexported_notebooks(top) == []
    cells[1]["source"] += "\ndef h(): pass"
    nb.write_text(json.dumps({"cells": cells}))
    with pytest.raises(UserError) as e:
        write_digests(top)
    assert "nbs/m.ipynb" in str(e.value)
    assert "make export" in str(e.value)


def test_this_checkout_is_exported():
    assert find_unexported_notebooks(HOME) == []


def test_other_places(top, monkeypatch, tmp_path_factory):
    aside = tmp_path_factory.mktemp("aside")
    (aside / "faraway.py").write_text("import pandas\n")
    monkeypatch.syspath_prepend(str(aside))
    assert find_module_file("faraway", top) == aside / "faraway.py"
    assert "faraway" not in sys.modules
    assert not find_module_file("os.path", top)
    assert not find_module_file("sklearn.svm", top)
    assert select_locked_versions({"sklearn", "unheard"}, set(), read_locked_versions(top)) == {
        "scikit-learn": "1.9.1"
    }


def test_renderer_never_counts():
    shown = ["mlops_nb.reporting.display", "mlops_nb.modeling.metrics"]
    files = collect_import_closure(shown, HOME, PRESENTATION_MODULES).files
    assert "mlops_nb.core.messages" in files
    assert "mlops_nb.reporting.page" not in files
