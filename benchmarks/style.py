"""Measure how the code is written, beside codebases worth learning from.

`make style` prints the table and writes the guide nbs/guides/style.ipynb. Without `--write` the
table is only printed; `--rev REV` measures a commit instead of the working tree, `--package DIR`
the source of any other package, by the same definitions. Nothing is asserted here: what must
hold is in tests/test_house.py.

Each function that computes a figure says in its docstring what exactly is counted. The
definitions reproduce the figures of this project at commit 1baf217, with which the anchors in
style_anchors.json were measured too.
"""

import argparse
import ast
import hashlib
import io
import json
import re
import statistics
import subprocess
import tarfile
import tempfile
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from radon.visitors import ComplexityVisitor, Function

ROOT = Path(__file__).resolve().parent.parent
ANCHORS = Path(__file__).with_name("style_anchors.json")
GUIDE = ROOT / "nbs" / "guides" / "style.ipynb"
PACKAGE = "mlops_nb"
WIDTH = 100
COMPLEXITY = 10
SHORT = 2
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
FOREIGN_FOLDERS = {"tests", "test", "_tests", "_vendor", "vendor", "externals", "_docs"}
# Marks that nbdev writes and words to tools are no comments to a reader.
NO_COMMENT = ("# %%", "# AUTOGEN", "# noqa", "# pragma", "# type:")
NO_TEXT_TOKENS = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True)
class Module:
    """One Python file, parsed."""

    path: Path
    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        """Return the physical lines."""
        return self.text.splitlines()

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """Return the tokens, comments among them."""
        return list(tokenize.generate_tokens(io.StringIO(self.text).readline))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Return every syntax node."""
        return list(ast.walk(self.tree))

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """Return every statement except bare constants, which docstrings are."""
        return [n for n in self.nodes if isinstance(n, ast.stmt) and not is_constant(n)]

    @cached_property
    def code_lines(self) -> set[int]:
        """Return the numbers of the lines that hold code, neither comment nor docstring."""
        numbers: set[int] = set()
        for token in self.tokens:
            if token.type not in NO_TEXT_TOKENS:
                numbers.update(range(token.start[0], token.end[0] + 1))
        for node in self.nodes:
            if isinstance(node, (*DEFINITIONS, ast.Module)):
                numbers.difference_update(docstring_lines(node))
        return numbers


@dataclass(frozen=True)
class Row:
    """One line of the table: what is measured, its aim, how to read it, and who has what."""

    key: str
    label: str
    aim: str
    reading: str
    anchors: list[str]


def is_constant(node: ast.AST) -> bool:
    """Say whether a statement is a bare constant, as a docstring is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def docstring_lines(node: ast.AST) -> range:
    """Return the numbers of the lines of a definition's docstring, none without one."""
    first = node.body[0] if node.body else None
    if (
        first is None
        or not is_constant(first)
        or not isinstance(first.value.value, str)
    ):
        return range(0)
    return range(first.lineno, first.end_lineno + 1)


def count_nodes(node: ast.AST) -> int:
    """Count the syntax nodes of a piece of code, itself included."""
    return sum(1 for _ in ast.walk(node))


def percent(
    part: int,
    whole: int,
) -> float:
    """Return a share in percent, zero of nothing."""
    return 100 * part / max(whole, 1)


def per_thousand_statements(
    modules: list[Module],
    found: int,
) -> float:
    """Return a count per 1,000 statements; docstrings are not counted as statements."""
    return 1000 * found / max(sum(len(module.statements) for module in modules), 1)


def long_lines(modules: list[Module]) -> float:
    """Return the share of physical lines over 100 characters among those that are not blank."""
    lines = [line for module in modules for line in module.lines if line.strip()]
    return percent(sum(len(line) > WIDTH for line in lines), len(lines))


def shared_lines(modules: list[Module]) -> float:
    """Return the share of code lines on which two or more statements begin.

    A line of code holds neither only a comment nor a docstring. `if x: return` is two
    statements on a line.
    """
    shared = 0
    for module in modules:
        starts = Counter(statement.lineno for statement in module.statements)
        shared += sum(count > 1 for count in starts.values())
    return percent(shared, sum(len(module.code_lines) for module in modules))


def nodes_per_line(modules: list[Module]) -> float:
    """Return the median over functions of syntax nodes per physical line.

    Methods and functions in functions count for themselves too. The lines are those from `def`
    to the end, blank ones included, the function's own docstring left out.
    """
    density = []
    for module in modules:
        for node in module.nodes:
            if isinstance(node, FUNCTIONS):
                lines = node.end_lineno - node.lineno + 1 - len(docstring_lines(node))
                density.append(count_nodes(node) / max(lines, 1))
    return statistics.median(density)


def nodes_per_statement(modules: list[Module]) -> float:
    """Return the 99th percentile of syntax nodes per statement without a body of its own.

    Docstrings are left out; between two statements the percentile is interpolated.
    """
    statements = [statement for module in modules for statement in module.statements]
    sizes = [count_nodes(node) for node in statements if not hasattr(node, "body")]
    return statistics.quantiles(sizes, n=100, method="inclusive")[98]


def complex_functions(modules: list[Module]) -> float:
    """Return the share of functions and methods whose complexity by radon is above 10.

    A function in a function adds to the one around it and is not counted by itself.
    """
    blocks = [
        block
        for module in modules
        for block in ComplexityVisitor.from_ast(module.tree).blocks
    ]
    values = [block.complexity for block in blocks if isinstance(block, Function)]
    return percent(sum(value > COMPLEXITY for value in values), len(values))


def named_lambdas(modules: list[Module]) -> float:
    """Return the assignments (`=`, `: type =`, `:=`) of a lambda per 1,000 statements."""
    kinds = (ast.Assign, ast.AnnAssign, ast.NamedExpr)
    bound = [n for module in modules for n in module.nodes if isinstance(n, kinds)]
    return per_thousand_statements(
        modules, sum(isinstance(n.value, ast.Lambda) for n in bound)
    )


def ternaries(modules: list[Module]) -> float:
    """Return the conditional expressions per 1,000 statements."""
    found = sum(
        isinstance(node, ast.IfExp) for module in modules for node in module.nodes
    )
    return per_thousand_statements(modules, found)


def bound_names(node: ast.AST) -> Iterator[str]:
    """Yield the name that a node stores or takes as a parameter."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.arg) and node.arg not in ("self", "cls"):
        yield node.arg


def short_names(modules: list[Module]) -> float:
    """Return the share of bindings whose name has one or two letters.

    A binding is every place that stores a name (assignment, loop, comprehension, `with`) and
    every parameter, of lambdas too. `self`, `cls` and names of underscores only are left out;
    imports, definitions and caught exceptions are not counted.
    """
    names = [
        name
        for module in modules
        for node in module.nodes
        for name in bound_names(node)
    ]
    names = [name for name in names if name.strip("_")]
    return percent(sum(len(name) <= SHORT for name in names), len(names))


def assigned_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a module defines."""
    if isinstance(statement, DEFINITIONS):
        yield statement.name
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = getattr(statement, "targets", None) or [statement.target]
        for node in (node for target in targets for node in ast.walk(target)):
            if isinstance(node, ast.Name):
                yield node.id


def public_names(modules: list[Module]) -> float:
    """Return the median over modules of the public names that a module defines at its top.

    These are functions, classes and assigned names without an underscore in front; what is
    imported is not counted. Files without any, such as `__init__.py`, count as zero.
    """
    counts = []
    for module in modules:
        names = {
            name for statement in module.tree.body for name in assigned_names(statement)
        }
        counts.append(sum(not name.startswith("_") for name in names))
    return statistics.median(counts)


def is_comment(token: tokenize.TokenInfo) -> bool:
    """Say whether a token is a comment."""
    return token.type == tokenize.COMMENT


def comments(modules: list[Module]) -> float:
    """Return the comments per 100 lines of code.

    Comments behind code count; marks of nbdev and words to tools (`noqa`, `pragma`, `type:`) do
    not. Docstrings are neither comment nor code.
    """
    texts = [
        token.string
        for module in modules
        for token in module.tokens
        if is_comment(token)
    ]
    spoken = sum(not text.startswith(NO_COMMENT) for text in texts)
    return percent(spoken, sum(len(module.code_lines) for module in modules))


def public_definitions(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the public functions and classes of a body, and the public methods of the classes."""
    for node in body:
        if isinstance(node, DEFINITIONS) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body)


def docstrings(modules: list[Module]) -> float:
    """Return the share of public functions, classes and methods that have a docstring."""
    public = [
        node for module in modules for node in public_definitions(module.tree.body)
    ]
    return percent(sum(bool(ast.get_docstring(node)) for node in public), len(public))


def exported_cells(root: Path) -> Iterator[str]:
    """Yield the code of every exported cell of the module notebooks."""
    for path in sorted((root / "nbs" / "api").rglob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and re.search(
                r"^#\|\s*export", source, re.M
            ):
                yield source


def lone_definitions(root: Path) -> float:
    """Return the share of exported cells with exactly one function or class at their top.

    The whole is the exported cells of `nbs/api` that hold at least one; private definitions
    count like public ones, cells of imports and constants only are left out.
    """
    counts = []
    for source in exported_cells(root):
        counts.append(
            sum(isinstance(node, DEFINITIONS) for node in ast.parse(source).body)
        )
    return percent(counts.count(1), len(counts) - counts.count(0))


def imported_modules(
    module: Module,
    node: ast.AST,
    known: set[str],
) -> Iterator[str]:
    """Yield the modules of the package that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
    if not isinstance(node, ast.ImportFrom):
        return
    base = node.module or ""
    if node.level:
        package = module.name.split(".")
        above = node.level - (module.path.name == "__init__.py")
        parents = package[: len(package) - above]
        base = ".".join([*parents, *filter(None, [node.module])])
    for alias in node.names:
        inner = f"{base}.{alias.name}"
        if inner in known:
            yield inner
        elif base in known:
            yield base


def late_imports(
    node: ast.AST,
    known: set[str],
) -> Iterator[str]:
    """Yield the module of the package that a call of `import_module` names literally."""
    if not isinstance(node, ast.Call):
        return
    function = getattr(node.func, "attr", getattr(node.func, "id", ""))
    named = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    if function == "import_module":
        yield from (name for name in named if name in known)


def circles(arrows: dict[str, set[str]]) -> set[str]:
    """Return the modules that can be reached from themselves."""
    reached = {module: set(targets) for module, targets in arrows.items()}
    grown = True
    while grown:
        grown = False
        for targets in reached.values():
            more = (
                set().union(*(reached.get(target, set()) for target in targets))
                - targets
            )
            targets |= more
            grown = grown or bool(more)
    return {module for module, targets in reached.items() if module in targets}


def count_floors(arrows: dict[str, set[str]]) -> int:
    """Return the length in modules of the longest chain of imports; a circle is no longer."""
    heights: dict[str, int] = {}

    def height(module: str) -> int:
        if module not in heights:
            heights[module] = 1  # what a circle comes back to
            below = [height(target) for target in arrows.get(module, ())]
            heights[module] = 1 + max(below, default=0)
        return heights[module]

    return max((height(module) for module in list(arrows)), default=0)


def imports(modules: list[Module]) -> tuple[int, int, int]:
    """Return the import floors, the arrows, and the number of modules in circles.

    An arrow is a pair of modules of which one imports the other, anywhere in its code, relative
    or absolute, or by `import_module` with the name as a literal. `__init__.py` of the package
    itself, which holds the version only, is not counted. Floors are counted on import statements
    alone, as a call in a function decides at run time.
    """
    known = {module.name for module in modules if "." in module.name}
    stated: dict[str, set[str]] = defaultdict(set)
    called: dict[str, set[str]] = defaultdict(set)
    for module in (module for module in modules if module.name in known):
        for node in module.nodes:
            stated[module.name].update(imported_modules(module, node, known))
            called[module.name].update(late_imports(node, known))
        stated[module.name].discard(module.name)
    every = {name: stated[name] | called[name] for name in list(stated)}
    return count_floors(stated), sum(map(len, every.values())), len(circles(every))


def joined_asserts(root: Path) -> tuple[int, int]:
    """Return how many asserts of tests are an `and` at their top, and how many there are.

    All asserts in files `test_*.py` under `tests` are counted, those of helpers are not.
    """
    joined = 0
    total = 0
    for path in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assert):
                total += 1
                both = isinstance(node.test, ast.BoolOp) and isinstance(
                    node.test.op, ast.And
                )
                joined += both
    return joined, total


MODULE_FIGURES = (
    long_lines,
    shared_lines,
    nodes_per_line,
    nodes_per_statement,
    complex_functions,
    named_lambdas,
    ternaries,
    short_names,
    public_names,
    comments,
    docstrings,
)


def read_modules(package: Path) -> list[Module]:
    """Read every module of a package but generated, vendored and test code."""
    modules = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        foreign = FOREIGN_FOLDERS.intersection(parts) or path.name.startswith("test_")
        if foreign or path.name in ("_modidx.py", "conftest.py"):
            continue
        if parts[-1] == "__init__":
            parts = parts[:-1]
        modules.append(Module(path, ".".join(parts), path.read_text(encoding="utf-8")))
    return modules


def measure_package(package: Path) -> dict[str, str]:
    """Measure the source of a package; return each figure as the table shows it."""
    modules = read_modules(package)
    shown = {figure.__name__: f"{figure(modules):.1f}" for figure in MODULE_FIGURES}
    return shown | {"imports": " / ".join(map(str, imports(modules)))}


def measure_checkout(root: Path) -> dict[str, str]:
    """Measure a checkout of this project: package, module notebooks and tests."""
    joined, total = joined_asserts(root)
    return measure_package(root / PACKAGE) | {
        "lone_definitions": f"{lone_definitions(root):.1f}",
        "joined_asserts": f"{joined} of {total}",
    }


def measure_revision(revision: str) -> dict[str, str]:
    """Measure a commit of this repository without touching the working tree."""
    command = ["git", "archive", revision, "--", PACKAGE, "nbs/api", "tests"]
    archive = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    with tempfile.TemporaryDirectory(prefix="style-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        return measure_checkout(Path(folder))


def print_table(
    measured: dict[str, str],
    title: str,
) -> None:
    """Print what was measured between where the project began and where it wants to be."""
    print(f"{'':<54}{'start':>14}{title:>14}   aim")
    for row in read_rows():
        now = measured.get(row.key, "–")
        print(f"{row.label:<54}{row.anchors[0]:>14}{now:>14}   {row.aim}")


def read_anchors() -> dict:
    """Read the figures of the other codebases and of this project at its start."""
    return json.loads(ANCHORS.read_text(encoding="utf-8"))


def read_rows() -> list[Row]:
    """Return the lines of the table in their order."""
    return [Row(**row) for row in read_anchors()["rows"]]


def markdown_table(measured: dict[str, str]) -> list[str]:
    """Return the lines of the guide's table."""
    others = read_anchors()["projects"][1:]
    header = ["", "at the start", *others, "**now**", "aim"]
    lines = [table_line(header), table_line(["---"] * len(header))]
    for row in read_rows():
        now = f"**{measured[row.key]}**"
        lines.append(table_line([row.label, *row.anchors, now, row.aim]))
    return lines


def table_line(cells: Iterable[str]) -> str:
    """Return one line of a table in Markdown."""
    return "| " + " | ".join(cells) + " |"


def guide_cells(measured: dict[str, str]) -> list[str]:
    """Return the text of each cell of the guide."""
    title = (
        "# How the code is written\n\n"
        "> Whether a stranger can read it, in figures: this project at its start and now, "
        "beside codebases worth learning from. `make style` measures.\n\n"
        "The figures are shares of syntax, not of lines, wherever that was possible, so that "
        "joining or breaking lines gains nothing. Tests, vendored and generated code are left "
        "out. What exactly is counted is said by the function of each row in "
        "`benchmarks/style.py`; what must hold is checked by `tests/test_house.py`."
    )
    readings = [f"- *{row.label}*: {row.reading}" for row in read_rows()]
    return [
        title,
        "\n".join(["## The figures", "", *markdown_table(measured)]),
        "\n".join(["## How to read each row", "", *readings]),
    ]


def write_guide(measured: dict[str, str]) -> None:
    """Write the guide; the same figures make the same bytes."""
    cells = []
    for number, text in enumerate(guide_cells(measured)):
        identity = hashlib.sha256(f"style {number}".encode()).hexdigest()[:8]
        source = text.splitlines(keepends=True)
        cells.append(
            {"cell_type": "markdown", "id": identity, "metadata": {}, "source": source},
        )
    kernel = {"display_name": "python3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {
        "cells": cells,
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    text = json.dumps(
        notebook,
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
    )
    GUIDE.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Measure, print the table, and write the guide if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--rev", metavar="REV", help="measure this commit, not the working tree"
    )
    what.add_argument(
        "--package",
        type=Path,
        metavar="DIR",
        help="measure another package",
    )
    what.add_argument(
        "--write", action="store_true", help=f"write {GUIDE.relative_to(ROOT)}"
    )
    options = parser.parse_args()
    if options.rev:
        print_table(measure_revision(options.rev), options.rev[:12])
    elif options.package:
        print_table(measure_package(options.package.resolve()), options.package.name)
    else:
        measured = measure_checkout(ROOT)
        print_table(measured, "now")
        if options.write:
            write_guide(measured)


if __name__ == "__main__":
    main()
