"""Which keys of messages the package and the stage notebooks name, or put together."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache

from helpers.project import ROOT

FAMILIES = {
    "Message": "",
    "page_phrase": "report.",
}  # functions whose first argument is a key


@cache
def code_nodes() -> list[ast.AST]:
    """Return every node of the code of the package and of the stage notebooks."""
    sources = [path.read_text("utf-8") for path in (ROOT / "mlops_nb").rglob("*.py")]
    for path in (ROOT / "nbs" / "stages").glob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        sources += [
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"
        ]
    return [node for source in sources for node in ast.walk(ast.parse(source))]


def pattern_of(node: ast.AST) -> str:
    """Return a text that code puts together as a regular expression: each value is a group."""
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(pattern_of(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return pattern_of(node.left) + pattern_of(node.right)
    if isinstance(node, ast.IfExp):
        return f"(?:{pattern_of(node.body)}|{pattern_of(node.orelse)})"
    return "(.+?)"


def is_text(node: ast.AST) -> bool:
    """Whether a node is a text as written."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_built(node: ast.AST) -> bool:
    """Whether an expression puts a text together."""
    if isinstance(node, ast.BinOp):
        return is_text(node.left) or isinstance(node.left, ast.JoinedStr)
    return isinstance(node, ast.JoinedStr)


def name_of(node: ast.AST) -> str:
    """Return the name that a node gives to something, as columns and values are called by it."""
    if isinstance(node, ast.AnnAssign):
        return getattr(node.target, "id", "")
    for field in ("arg", "attr", "name"):
        if isinstance(getattr(node, field, None), str):
            return getattr(node, field)
    return ""


@cache
def named_texts() -> set[str]:
    """Return every text and every name in the code."""
    texts = {node.value.strip() for node in code_nodes() if is_text(node)}
    return texts | {name_of(node) for node in code_nodes()}


@cache
def built_texts() -> list[re.Pattern]:
    """Return the patterns of texts that the code puts together; none that fits everything."""
    patterns = {pattern_of(node) for node in code_nodes() if is_built(node)}
    return [re.compile(pattern) for pattern in patterns if re.search(r"\w", pattern)]


@cache
def template_keys() -> set[str]:
    """Return the keys that page templates name."""
    files = (ROOT / "mlops_nb" / "reporting").rglob("*")
    texts = [
        path.read_text("utf-8") for path in files if path.suffix in (".html", ".py")
    ]
    found = re.findall(r'\bt\("(\w+)"', "\n".join(texts))
    return {f"report.{word}" for word in found}


def is_named(
    text: str,
    depth: int = 3,
) -> bool:
    """Whether the code names a text, or builds it from texts that it names."""
    if text in named_texts():
        return True
    matches = [found for pattern in built_texts() if (found := pattern.fullmatch(text))]
    return depth > 0 and any(
        all_are_named(found.groups(), depth - 1) for found in matches
    )


def all_are_named(
    parts: tuple,
    depth: int,
) -> bool:
    """Whether the code names every value of a text that it built."""
    return all(is_named(part, depth) for part in parts if part)


def is_used(key: str) -> bool:
    """Whether the code names a key; one of a label, by its text, with blank or underscore."""
    head, _, rest = key.partition(".")
    if head == "label" and is_named(rest.replace("_", " ", 1)):
        return True
    return is_named(key) or key in template_keys()


def keys_of(
    node: ast.AST,
    family: str,
) -> Iterator[tuple[str, str]]:
    """Return the key, or its pattern, that an expression gives; both ways of a choice."""
    if is_text(node) and node.value:
        yield "key", family + node.value
    if is_built(node):
        yield "pattern", re.escape(family) + pattern_of(node)
    if isinstance(node, ast.IfExp):
        yield from keys_of(node.body, family)
        yield from keys_of(node.orelse, family)


def key_of_dict(node: ast.Dict) -> ast.AST | None:
    """Return what stands under "key" in a message that is written as a dictionary."""
    found = [
        value
        for name, value in zip(node.keys, node.values, strict=True)
        if is_key(name)
    ]
    return found[0] if found else None


def is_key(node: ast.AST | None) -> bool:
    """Whether a node is the text "key"."""
    return is_text(node) and node.value == "key"


def used_keys() -> Iterator[tuple[str, str]]:
    """Return how the code names messages: ("key", key) or ("pattern", pattern)."""
    for node in code_nodes():
        if isinstance(node, ast.Dict):
            yield from keys_of(key_of_dict(node), "")
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = getattr(node.func, "id", "")
        if called in FAMILIES:
            yield from keys_of(node.args[0], FAMILIES[called])
