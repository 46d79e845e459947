"""The rules of the house that no linter sees, checked on the syntax tree.

    python tests/helpers/house.py                  counts per file and rule
    python tests/helpers/house.py PATH...          every breach in these files or folders, counts

A module and the notebook it is exported from are checked together whichever is named. Exported
cells are checked as part of their module, and as cells by rule 7.

1. One statement a line.
2. At most 60 syntax nodes in a simple statement or in the head of a compound one, at most 250 in
   a function.
3. Cyclomatic complexity by radon of at most 10.
4. No lambda bound to a name, no ternary in a ternary, no comprehension in a comprehension, no
   tuple assigned to a tuple (but for a swap).
5. Names of one or two letters only from SHORT_NAMES, and none as a parameter of a public function
   (but for X and y where scikit-learn prescribes them).
6. A public name is defined in one module, nobody uses another module's private names, and only
   the command line imports the package inside functions.
7. An exported cell holds one public definition, or a private helper of one, has at most 60 lines
   and no data, and an example with visible output follows a public definition and its helpers.
8. A cell of a stage notebook has at most 12 lines of calls and assignments: no lambda, no
   condition in a comprehension, no definition, branch or loop.
9. A test makes one claim per assert, and parametrised cases have ids.

Exceptions are listed in house_exceptions.toml: one definition and one rule each, with the reason.
"""

import argparse
import ast
import io
import json
import re
import tokenize
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import dropwhile
from pathlib import Path

from radon.visitors import ComplexityVisitor, Function

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
EXCEPTIONS = HERE / "house_exceptions.toml"
PACKAGE = "mlops_nb"
MOST_EXCEPTIONS = 25

STATEMENT_NODES = 60
FUNCTION_NODES = 250
COMPLEXITY = 10
SHORT = 2
SHORT_NAMES = {
    "i",
    "j",
    "k",
    "n",
    "x",
    "y",
    "X",
    "p",
    "q",
    "df",
    "ax",
    "np",
    "pd",
    "id",
}
ESTIMATOR_METHODS = {
    "decision_function",
    "fit",
    "fit_transform",
    "partial_fit",
    "predict",
    "predict_proba",
    "score",
    "transform",
}
CELL_LINES = 60
STAGE_LINES = 12
TEXT_LENGTH = 200  # of a string that is no docstring; longer ones are data
LITERAL_LENGTH = 20  # entries of a literal; longer ones are data
CASE_LENGTH = 40  # up to here the id that pytest makes of a value can be read

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
BINDINGS = (ast.Assign, ast.AnnAssign, ast.NamedExpr)
TUPLES = (ast.Tuple, ast.List)
LITERALS = (ast.Dict, ast.List, ast.Set, ast.Tuple)
BRANCHES = (*DEFINITIONS, ast.If, ast.For, ast.While, ast.Try, ast.Match)
BODIES = (ast.stmt, ast.ExceptHandler, ast.match_case)

Found = Iterator[tuple[ast.AST, str]]


@dataclass(frozen=True, order=True)
class Breach:
    """One place where one rule is not kept."""

    file: str
    rule: int
    definition: str
    line: int
    detail: str

    @property
    def key(self) -> tuple[str, str, int]:
        """Return what an exception has to name: file, definition and rule."""
        return self.file, self.definition, self.rule


@dataclass(frozen=True)
class Code:
    """A piece of Python to check: a module, or a cell of a notebook."""

    file: str
    text: str
    cell: str = ""
    module: str = ""  # for a cell, the module that its notebook is exported to

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree."""
        return ast.parse(self.text, self.file)

    @cached_property
    def lines(self) -> list[str]:
        """Return the physical lines."""
        return self.text.splitlines()

    @cached_property
    def owners(self) -> dict[ast.AST, str]:
        """Return for every node the name of the definition it stands in."""
        found: dict[ast.AST, str] = {}

        def visit(
            node: ast.AST,
            owner: str,
        ) -> None:
            for child in ast.iter_child_nodes(node):
                name = owner
                if isinstance(child, DEFINITIONS):
                    name = f"{owner}.{child.name}".lstrip(".")
                found[child] = name or next(assigned_names(child), "")
                visit(child, found[child])

        visit(self.tree, "")
        return found

    def all(self, kinds: type | tuple) -> Iterator:
        """Yield the nodes of some kinds."""
        return (node for node in self.owners if isinstance(node, kinds))

    def breach(
        self,
        rule: int,
        node: ast.AST,
        detail: str,
    ) -> Breach:
        """Return a breach at a node."""
        definition = self.owners.get(node) or (
            f"cell {self.cell}" if self.cell else "<module>"
        )
        return Breach(self.file, rule, definition, getattr(node, "lineno", 1), detail)


@dataclass(frozen=True)
class Cell:
    """A code cell of a notebook."""

    code: Code
    exported: bool
    hidden: bool
    shows: bool


def count_nodes(node: ast.AST) -> int:
    """Count the syntax nodes of a piece of code, itself included."""
    return sum(1 for _ in ast.walk(node))


def is_private(name: str) -> bool:
    """Say whether a name is private to where it is defined."""
    return name.startswith("_") and not name.endswith("__")


def assigned_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement defines: its own, or those it assigns."""
    if isinstance(node, DEFINITIONS):
        yield node.name
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = getattr(node, "targets", None) or [node.target]
        for part in (part for target in targets for part in ast.walk(target)):
            if isinstance(part, ast.Name):
                yield part.id


def is_own(node: ast.AST) -> bool:
    """Say whether an import statement imports from the package itself."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").split(".")[0] == PACKAGE
    return any(alias.name.split(".")[0] == PACKAGE for alias in node.names)


def shared_lines(code: Code) -> Found:
    """Rule 1: a statement is the first thing on its line."""
    for node in code.all(ast.stmt):
        if code.lines[node.lineno - 1][: node.col_offset].strip():
            yield node, "a second statement on the line"


def large_pieces(code: Code) -> Found:
    """Rule 2: statements and functions are small, counted in syntax nodes."""
    for node in code.all(ast.stmt):
        parts = [
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, BODIES)
        ]
        size = 1 + sum(count_nodes(part) for part in parts)
        if size > STATEMENT_NODES and not isinstance(node, DEFINITIONS):
            yield (
                node,
                f"a statement of {size} syntax nodes, {STATEMENT_NODES} are allowed",
            )
    for node in code.all(FUNCTIONS):
        size = count_nodes(node)
        if size > FUNCTION_NODES:
            yield (
                node,
                f"a function of {size} syntax nodes, {FUNCTION_NODES} are allowed",
            )


def complex_functions(code: Code) -> Found:
    """Rule 3: few ways lead through a function."""
    at_line = {node.lineno: node for node in code.all(FUNCTIONS)}
    for node in code.all(FUNCTIONS):
        at_line.update({decorator.lineno: node for decorator in node.decorator_list})
    for block in ComplexityVisitor.from_ast(code.tree).blocks:
        if isinstance(block, Function) and block.complexity > COMPLEXITY:
            yield (
                at_line[block.lineno],
                f"complexity {block.complexity}, {COMPLEXITY} is allowed",
            )


def nests(
    node: ast.AST,
    kinds: type | tuple,
) -> bool:
    """Say whether a node of some kinds holds another of them."""
    return any(
        isinstance(inner, kinds) for inner in ast.walk(node) if inner is not node
    )


def is_parallel(node: ast.Assign) -> bool:
    """Say whether a tuple is assigned to a tuple, other than by a swap."""
    target = node.targets[0]
    if not isinstance(target, TUPLES) or not is_list(node.value):
        return False
    return {*map(ast.unparse, target.elts)} != {*map(ast.unparse, node.value.elts)}


def binds_lambda(node: ast.AST) -> bool:
    """Say whether a lambda gets a name, perhaps one of several."""
    values = node.value.elts if is_list(node.value) else [node.value]
    return any(isinstance(value, ast.Lambda) for value in values)


def hidden_steps(code: Code) -> Found:
    """Rule 4: expressions do not nest what needs a name, and names are given one by one."""
    for node in filter(binds_lambda, code.all(BINDINGS)):
        yield node, "a lambda bound to a name"
    for kinds, what in ((ast.IfExp, "ternary"), (COMPREHENSIONS, "comprehension")):
        for node in code.all(kinds):
            if nests(node, kinds):
                yield node, f"a {what} in a {what}"
    for node in filter(is_parallel, code.all(ast.Assign)):
        yield node, "a tuple assigned to a tuple"


def bound_names(code: Code) -> Found:
    """Yield every node that binds a name, and the name; imported names keep theirs."""
    for node in code.owners:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id
        elif isinstance(node, ast.arg):
            yield node, node.arg
        elif isinstance(node, (*DEFINITIONS, ast.ExceptHandler)):
            yield node, node.name or ""
        elif isinstance(node, ast.alias):
            yield node, node.asname or ""


def is_short(name: str) -> bool:
    """Say whether a name has one or two letters; `_` is no name."""
    return 0 < len(name) <= SHORT and name.strip("_") != ""


def public_functions(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the public functions of a body and the public methods of its public classes."""
    for node in body:
        if isinstance(node, FUNCTIONS) and not is_private(node.name):
            yield node
        elif isinstance(node, ast.ClassDef) and not is_private(node.name):
            yield from public_functions(node.body)


def public_parameters(code: Code) -> Iterator[tuple[ast.arg, ast.AST]]:
    """Yield the parameters of public functions, each with its function."""
    for function in public_functions(code.tree.body):
        for node in ast.walk(function.args):
            if isinstance(node, ast.arg):
                yield node, function


def short_names(code: Code) -> Found:
    """Rule 5: a name says what a thing is."""
    parameters = dict(public_parameters(code))
    for node, function in parameters.items():
        prescribed = function.name in ESTIMATOR_METHODS and node.arg in ("X", "y")
        if is_short(node.arg) and not prescribed:
            yield node, f"a parameter `{node.arg}` of the public {function.name}"
    for node, name in bound_names(code):
        if node not in parameters and is_short(name) and name not in SHORT_NAMES:
            yield node, f"the name `{name}`"


def own_imports(code: Code) -> Iterator[tuple[ast.AST, ast.alias]]:
    """Yield what is imported from other modules of the package, with its statement."""
    for node in filter(is_own, code.all(IMPORTS)):
        if not code.module or getattr(node, "module", "") != code.module:
            yield from ((node, alias) for alias in node.names)


def private_uses(code: Code) -> Found:
    """Rule 6: what is private to a module stays there."""
    imported = set()
    for node, alias in own_imports(code):
        imported.add(alias.asname or alias.name)
        if is_private(alias.name):
            yield node, f"imports the private `{alias.name}`"
    for node in filter(lambda node: is_private(node.attr), code.all(ast.Attribute)):
        if isinstance(node.value, ast.Name) and node.value.id in imported:
            yield node, f"uses the private `{node.value.id}.{node.attr}`"


def loads_own_module(node: ast.Call) -> bool:
    """Say whether a call is `import_module` with the name of one of the package's modules."""
    named = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    own = any(str(name).split(".")[0] == PACKAGE for name in named)
    return own and ast.unparse(node.func).endswith("import_module")


def imports_own(node: ast.AST) -> bool:
    """Say whether a node imports from the package, by statement or by call."""
    if isinstance(node, ast.Call):
        return loads_own_module(node)
    return isinstance(node, IMPORTS) and is_own(node)


def late_imports(code: Code) -> Found:
    """Rule 6: a package imports itself at the top, where everybody sees it."""
    if re.match(rf"{PACKAGE}/(cli\.py|cli/|__main__\.py)", code.file):
        return
    inside = {part for function in code.all(FUNCTIONS) for part in ast.walk(function)}
    for node in filter(imports_own, code.owners):
        if node in inside:
            yield node, f"`{ast.unparse(node)}` inside a function"


def is_list(node: ast.AST) -> bool:
    """Say whether an expression is a list or tuple written out."""
    return isinstance(node, TUPLES)


def joined_claims(code: Code) -> Found:
    """Rule 9: a test that fails says which claim is wrong."""
    for node in code.all(ast.Assert):
        test = node.test
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            yield node, "claims joined by `and`"
        if isinstance(test, ast.Call) and ast.unparse(test.func) == "all":
            yield from (
                (node, "claims joined by `all`")
                for arg in test.args[:1]
                if is_list(arg)
            )


def has_own_id(case: ast.AST) -> bool:
    """Say whether pytest can name a case: it is told an id, or the case is a short constant."""
    if isinstance(case, ast.Constant):
        return len(str(case.value)) <= CASE_LENGTH
    return isinstance(case, ast.Call) and any(
        word.arg == "id" for word in case.keywords
    )


def nameless_cases(code: Code) -> Found:
    """Rule 9: a case has a name that the report of a failure shows."""
    for node in code.all(ast.Call):
        if not ast.unparse(node.func).endswith("parametrize"):
            continue
        if any(word.arg == "ids" for word in node.keywords):
            continue
        cases = node.args[1] if node.args[1:] else None
        if not isinstance(cases, LITERALS[1:]) or not all(map(has_own_id, cases.elts)):
            yield node, "parametrised cases without ids"


def stage_cells(code: Code) -> Found:
    """Rule 8: a cell of a stage notebook is one step and decides nothing."""
    lines = [line for line in code.lines if line.strip()]
    if len(lines) > STAGE_LINES:
        yield code.tree, f"{len(lines)} lines, {STAGE_LINES} are allowed"
    for node in code.owners:
        if isinstance(node, ast.Lambda):
            yield node, "a lambda"
        if isinstance(node, ast.comprehension) and node.ifs:
            yield node.target, "a comprehension with a condition"
        if isinstance(node, BRANCHES):
            yield node, f"a {type(node).__name__.removesuffix('Def').lower()} in a step"


def literals_of_data(code: Code) -> Found:
    """Rule 7: data are in files, not in cells."""
    docstrings = {node.value for node in code.all(ast.Expr)}
    for node in code.all((ast.Constant, *LITERALS)):
        if isinstance(node, ast.Constant):
            long_text = isinstance(node.value, str) and len(node.value) > TEXT_LENGTH
            if long_text and node not in docstrings:
                yield node, f"a text of {len(node.value)} characters"
            continue
        size = len(node.keys if isinstance(node, ast.Dict) else node.elts)
        if size > LITERAL_LENGTH:
            yield node, f"a literal of {size} entries"


def crowded_cells(code: Code) -> Found:
    """Rule 7: an exported cell is about one thing and fits on a screen."""
    names = [node.name for node in code.tree.body if isinstance(node, DEFINITIONS)]
    public = [name for name in names if not name.startswith("_")]
    if len(public) > 1:
        yield code.tree, f"{len(public)} public definitions: {', '.join(public)}"
    if not public and len(names) > 1:
        yield (
            code.tree,
            f"private helpers apart from what they help: {', '.join(names)}",
        )
    if len(code.lines) > CELL_LINES:
        yield code.tree, f"{len(code.lines)} lines, {CELL_LINES} are allowed"


def holds_helpers(cell: Cell) -> bool:
    """Say whether a cell exports private definitions only, helpers of a public one."""
    names = [node.name for node in cell.code.tree.body if isinstance(node, DEFINITIONS)]
    return cell.exported and bool(names) and all(name.startswith("_") for name in names)


def missing_examples(
    cell: Cell,
    after: Cell | None,
) -> Found:
    """Rule 7: what follows a public definition and its helpers shows what it does."""
    tops = [node for node in cell.code.tree.body if isinstance(node, DEFINITIONS)]
    public = any(not node.name.startswith("_") for node in tops)
    example = after is not None and after.shows and not (after.exported or after.hidden)
    if public and not example:
        yield cell.code.tree, "no example with visible output follows"


def check_notebook(cells: list[Cell]) -> Iterator[Breach]:
    """Check the exported cells of a notebook, in their order, by rule 7."""
    for place, cell in enumerate(cells):
        if cell.exported:
            after = next(dropwhile(holds_helpers, cells[place + 1 :]), None)
            found = [*crowded_cells(cell.code), *literals_of_data(cell.code)]
            for node, detail in [*found, *missing_examples(cell, after)]:
                yield cell.code.breach(7, node, detail)


EVERYWHERE: dict[Callable[[Code], Found], int] = {
    shared_lines: 1,
    large_pieces: 2,
    complex_functions: 3,
    hidden_steps: 4,
    short_names: 5,
    private_uses: 6,
}
SOMEWHERE: dict[str, dict[Callable[[Code], Found], int]] = {
    f"{PACKAGE}/": {late_imports: 6},
    "nbs/stages/": {stage_cells: 8},
    "tests/": {joined_claims: 9, nameless_cases: 9},
}


def check_code(code: Code) -> Iterator[Breach]:
    """Check one piece of code by every rule that needs to see no other."""
    rules = dict(EVERYWHERE)
    for folder, more in SOMEWHERE.items():
        if code.file.startswith(folder):
            rules |= more
    for find, rule in rules.items():
        for node, detail in find(code):
            yield code.breach(rule, node, detail)


def check_public_names(modules: Iterable[Code]) -> Iterator[Breach]:
    """Check that a public name is defined in one module only, rule 6."""
    places = defaultdict(dict)
    for code in modules:
        for node in code.tree.body:
            for name in assigned_names(node):
                if not name.startswith("_"):
                    places[name].setdefault(code.file, (code, node))
    for name, by_file in places.items():
        for file, (code, node) in by_file.items():
            others = ", ".join(sorted(by_file.keys() - {file}))
            if others:
                line = getattr(node, "lineno", 1)
                yield Breach(
                    code.file, 6, name, line, f"the public `{name}` is also in {others}"
                )


def without_magics(source: str) -> str:
    """Return a cell's code with IPython's own lines left blank."""
    if source.startswith("%%"):
        return ""
    return re.sub(r"^[ \t]*[%!].*$", "", source, flags=re.M)


def exported_module(notebook: dict) -> str:
    """Return the dotted name of the module a notebook is exported to, empty without one."""
    for cell in notebook["cells"]:
        match = re.search(r"^#\|\s*default_exp\s+(\S+)", "".join(cell["source"]), re.M)
        if match:
            return f"{PACKAGE}.{match[1]}"
    return ""


def read_notebook(
    path: Path,
    root: Path = ROOT,
) -> list[Cell]:
    """Read the code cells of a notebook."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    file = path.relative_to(root).as_posix()
    module = exported_module(notebook)
    cells = []
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        code = Code(file, without_magics(source), cell.get("id", str(number)), module)
        exported = re.search(r"^#\|\s*export", source, re.M) is not None
        hidden = re.search(r"^#\|\s*(hide|include:\s*false)", source, re.M) is not None
        cells.append(Cell(code, exported, hidden, bool(cell.get("outputs"))))
    return cells


def read_code(root: Path = ROOT) -> tuple[list[Code], list[list[Cell]]]:
    """Read everything the rules hold for: modules and tests, and the cells of notebooks."""
    files = [
        path
        for folder in (PACKAGE, "tests", "benchmarks")
        for path in root.glob(f"{folder}/**/*.py")
    ]
    scripts = []
    for path in sorted(files):
        if path.name != "_modidx.py":
            text = path.read_text(encoding="utf-8")
            scripts.append(Code(path.relative_to(root).as_posix(), text))
    notebooks = sorted(root.glob("nbs/**/*.ipynb"))
    return scripts, [read_notebook(path, root) for path in notebooks]


def is_module(code: Code) -> bool:
    """Say whether a piece of code is a module of the package."""
    return code.file.startswith(f"{PACKAGE}/")


def check(root: Path = ROOT) -> list[Breach]:
    """Check everything; return the breaches in order, exceptions among them."""
    scripts, notebooks = read_code(root)
    found = list(check_public_names(filter(is_module, scripts)))
    for code in scripts:
        found.extend(check_code(code))
    for cells in notebooks:
        found.extend(check_notebook(cells))
        for cell in (cell for cell in cells if not cell.exported):
            found.extend(check_code(cell.code))
    return sorted(found)


def read_exceptions(path: Path = EXCEPTIONS) -> list[dict]:
    """Read the list of exceptions."""
    return tomllib.loads(path.read_text(encoding="utf-8")).get("exception", [])


def key_of_exception(entry: dict) -> tuple[str, str, int]:
    """Return what an exception is about: file, definition and rule."""
    return entry["file"], entry["definition"], entry["rule"]


def apply_exceptions(
    breaches: list[Breach],
    exceptions: list[dict],
) -> tuple[list[Breach], list[dict]]:
    """Return the breaches that no exception covers, and the exceptions that cover none."""
    keys = {key_of_exception(entry) for entry in exceptions}
    found = {breach.key for breach in breaches}
    left = [breach for breach in breaches if breach.key not in keys]
    return left, [entry for entry in exceptions if key_of_exception(entry) not in found]


def waived_codes(code: Code) -> int:
    """Count what comments take from the linter and the formatter, one for each code they name."""
    count = 0
    for token in tokenize.generate_tokens(io.StringIO(code.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        count += len(re.findall(r"fmt:\s*(?:off|skip)", token.string))
        for codes in re.findall(
            r"noqa(?::\s*([A-Z]+\d+(?:[\s,]+[A-Z]+\d+)*))?", token.string
        ):
            count += max(len(re.findall(r"[A-Z]+\d+", codes)), 1)
    return count


def count_waivers(root: Path = ROOT) -> int:
    """Count every `noqa`, `fmt: off` and per-file ignore of the project."""
    scripts, notebooks = read_code(root)
    cells = [cell.code for cells in notebooks for cell in cells if not cell.exported]
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    lint = settings.get("tool", {}).get("ruff", {}).get("lint", {})
    ignored = sum(len(codes) for codes in lint.get("per-file-ignores", {}).values())
    return ignored + sum(waived_codes(code) for code in [*scripts, *cells])


def count_breaches(breaches: Iterable[Breach]) -> dict[str, dict[str, int]]:
    """Return the number of breaches per file and rule."""
    counts: dict[str, Counter] = defaultdict(Counter)
    for breach in breaches:
        counts[breach.file][str(breach.rule)] += 1
    return {file: dict(sorted(rules.items())) for file, rules in sorted(counts.items())}


def sum_by_rule(counts: dict[str, dict[str, int]]) -> Counter:
    """Return the number of breaches per rule over all files."""
    total: Counter = Counter()
    for rules in counts.values():
        total.update(rules)
    return total


def lies_in(
    file: str,
    places: set[str],
) -> bool:
    """Say whether a file is one of some places or lies below one of them."""
    return "." in places or any(f"{file}/".startswith(f"{place}/") for place in places)


def companions(
    paths: list[Path],
    root: Path = ROOT,
) -> set[str]:
    """Return the files under some paths, with the notebook of each module and the reverse."""
    named = {path.resolve().relative_to(root).as_posix() for path in paths}
    inside = set(named)
    pairs = {}
    for path in root.glob("nbs/**/*.ipynb"):
        module = exported_module(json.loads(path.read_text(encoding="utf-8")))
        if module:
            pairs[path.relative_to(root).as_posix()] = module.replace(".", "/") + ".py"
    for notebook, module in pairs.items():
        if lies_in(notebook, named) or lies_in(module, named):
            inside |= {notebook, module}
    return inside


def print_counts(counts: dict[str, dict[str, int]]) -> None:
    """Print the number of breaches per file and rule."""
    rules = [str(rule) for rule in range(1, 10)]
    print(f"{'breaches of rule':<44}" + "".join(f"{rule:>6}" for rule in rules))
    total = {"all": dict(sum_by_rule(counts))} if len(counts) != 1 else {}
    for file, found in (counts | total).items():
        print(f"{file:<44}" + "".join(f"{found.get(rule) or '·':>6}" for rule in rules))


def main() -> None:
    """Print the breaches."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
    )
    options = parser.parse_args()
    breaches, _ = apply_exceptions(check(), read_exceptions())
    if options.paths:
        places = companions(options.paths)
        breaches = [breach for breach in breaches if lies_in(breach.file, places)]
        for breach in breaches:
            place = f"{breach.file}:{breach.line}"
            print(f"{place} {breach.definition} [rule {breach.rule}] {breach.detail}")
    print_counts(count_breaches(breaches))


if __name__ == "__main__":
    main()
