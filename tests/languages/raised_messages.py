"""Messages and hints of errors that readers of the page, of a sheet or of a report can meet, from the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pneumoscope
from pneumoscope import errors

PACKAGE = Path(pneumoscope.__file__).parent
# Not those that only an administrator sees in a terminal.
MODULES = (
    *("images", "runtime/reader.py", "decision/reader_settings.py", "decision/rules.py"),
    *("serve/archives.py", "serve/event_streams.py", "serve/pictures.py", "serve/problems.py"),
    *("serve/routes", "serve/services.py", "serve/uploads.py", "serve/security/admission.py"),
    *("serve/security/guard.py", "serve/security/passwords.py", "serve/security/refusals.py"),
)
READERS = {"serve/node_status.py": ("NodeNotReachable", "__init__")}
"""Of these modules only what is given to these; the rest is for administrators."""
ERRORS = (errors.ImageError, errors.QueueError, errors.UnknownOperatingPoint)
"""Of the package's errors only these, and those below them."""
NOT_FOR_READERS = ("Choice", "EOFError", "Header", "ReaderSetting", "SOCKET")


def messages() -> set[str]:
    """Every literal message or hint, with ``{}`` in place of each value."""
    paths = [PACKAGE / module for module in MODULES]
    files = [f for path in paths for f in ([path] if path.suffix else sorted(path.rglob("*.py")))]
    texts = {text for file in files for text in _texts(ast.parse(file.read_text("utf-8")))}
    for module, names in READERS.items():
        tree = ast.parse((PACKAGE / module).read_text("utf-8"))
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _name(n.func) in names]
        texts |= {text for n in calls for a in n.args for text in _alternatives(a)}
    trees = [ast.parse(path.read_text("utf-8")) for path in (PACKAGE / "errors").glob("*.py")]
    classes = [n for tree in trees for n in tree.body if isinstance(n, ast.ClassDef)]
    return texts | {text for node in _below(classes) for text in _texts(node)}


def _below(classes: list[ast.ClassDef]) -> Iterator[ast.ClassDef]:
    for node in classes:
        error = getattr(errors, node.name, None)
        if isinstance(error, type) and issubclass(error, ERRORS):
            yield node


def _texts(tree: ast.AST) -> Iterator[str]:
    """Texts that are given to an error, or assigned to its message or hint."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_error(node.func):
            for argument in node.args:
                yield from _alternatives(argument)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_name(target).lower().strip("_") in ("hint", "message") for target in targets):
                yield from _alternatives(node.value)


def _is_error(function: ast.expr) -> bool:
    name = _name(function)
    return name == "__init__" or (name[:1].isupper() and name not in NOT_FOR_READERS)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _alternatives(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can be, and those that can be put into it."""
    if isinstance(node, ast.IfExp):
        yield from _alternatives(node.body)
        yield from _alternatives(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _alternatives(value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if " " in node.value.strip():
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [v.value if isinstance(v, ast.Constant) else "{}" for v in node.values]
        text = "".join(map(str, parts))
        if " " in text.strip():
            yield text
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                yield from _alternatives(value.value)
