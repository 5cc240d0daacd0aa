"""The reference of the error codes: tree, messages, hints and HTTP statuses."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pneumoscope.ai_results.errors
import pneumoscope.deidentification.film
import pneumoscope.pacs.destinations.errors
import pneumoscope.pacs.errors
import pneumoscope.serve.app
from pneumoscope import errors
from pneumoscope.errors import PneumoscopeError
from pneumoscope.serve import problems
from reference_text import prose, table

NOT_OVER_HTTP = (
    errors.BundleError, errors.ProfileError, errors.MissingExtra, errors.ServerError,
    errors.ConversionError, errors.BenchError, errors.AccountError, errors.UnsafeAddress,
    errors.AuditLogDamaged, errors.TrainingError, pneumoscope.pacs.destinations.errors.DeliveryFailed,
    pneumoscope.pacs.errors.TooManyFilms,
)  # fmt: skip
"""Errors that no request is answered with: they end a command, or the start of the server."""
UNDER_ANOTHER_NAME = {errors.QueueFull: problems.Busy, errors.DiskFull: problems.NoRoom}
"""Errors with those that the server answers with instead; see `problems.as_refusal`."""


def known(kind: type[PneumoscopeError] = PneumoscopeError) -> Iterator[type[PneumoscopeError]]:
    """Every class below one, parents before children, as they are defined."""
    for child in sorted(_children(kind), key=_place):
        yield child
        yield from known(child)


def _children(kind: type[PneumoscopeError]) -> list[type[PneumoscopeError]]:
    # Tests define classes of their own.
    return [
        child
        for child in kind.__subclasses__()
        if child.__module__.startswith("pneumoscope.") and not child.__name__.startswith("_")
    ]


def _place(kind: type) -> tuple[int, str, int]:
    """The order of the tree in the docstring; other classes follow in that of their modules."""
    tree = re.findall(r"\w+", errors.__doc__ or "")
    known_at = tree.index(kind.__name__) if kind.__name__ in tree else len(tree)
    return known_at, kind.__module__, inspect.findsource(kind)[1]


def status(kind: type[PneumoscopeError]) -> int | None:
    """The HTTP status with which the server answers this error; None if it never does."""
    if issubclass(kind, NOT_OVER_HTTP) or kind in UNDER_ANOTHER_NAME:
        return None
    return int(problems.problem(errors.restored(kind, "", ""))["status"])


def statuses() -> str:
    """HTTP status to the codes that come with it, each an anchor of the problem types."""
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for kind in known():
        number = status(kind)
        if number is not None:
            name = kind.__name__
            link = f'<a id="{name.lower()}"></a>[`{name}`](errors.md#{name.lower()})'
            by_status[number].append(link)
    return table(
        ("status", "codes"), ((str(n), ", ".join(links)) for n, links in sorted(by_status.items()))
    )


def codes() -> str:
    """Every error under a heading of its name, those of one branch together."""
    branches = sorted(_children(PneumoscopeError), key=_place)
    parts, alone = [], ["## Others"]
    for kind in branches:
        if not _children(kind):
            alone += [f"### `{kind.__name__}`", *_entry(kind)]
            continue
        parts += [f"## `{kind.__name__}`", *_entry(kind)]
        for child in known(kind):
            parts += [f"### `{child.__name__}`", *_entry(child)]
    return "\n\n".join([*parts, *alone])


def _entry(kind: type[PneumoscopeError]) -> Iterator[str]:
    meaning = _meaning(kind)
    if meaning:
        yield meaning
    message, hint = words(kind)
    lines = [f"- Message: {message}"] if message else []
    lines += [f"- Hint: {hint}"] if hint else []
    linked = [
        _link(b) if _ours(b) else f"`{b.__name__}`"
        for b in kind.__bases__
        if b is not PneumoscopeError
    ]
    lines += [f"- Also a: {', '.join(linked)}"] if linked else []
    number = status(kind)
    lines += [f"- HTTP status: {number}"] if number else []
    if kind in UNDER_ANOTHER_NAME:
        lines.append(f"- Over HTTP: {_link(UNDER_ANOTHER_NAME[kind])}")
    if lines:
        yield "\n".join(lines)


def _link(kind: type) -> str:
    return f"[`{kind.__name__}`](#{kind.__name__.lower()})"


def _ours(kind: type) -> bool:
    return issubclass(kind, PneumoscopeError)


def _meaning(kind: type[PneumoscopeError]) -> str:
    if "__doc__" in vars(kind) and kind.__doc__:
        return prose(kind.__doc__)
    text = _of_the_tree().get(kind.__name__, "")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _of_the_tree() -> dict[str, str]:
    """What the tree in the docstring of `pneumoscope.errors` says of each class."""
    lines = re.findall(r"── (\w+)[ ]*(?:\(\w+\))?[ ]*(.*)", errors.__doc__ or "")
    return {name: text.strip() for name, text in lines}


def words(kind: type[PneumoscopeError], given: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Message and hint that a class gives itself.

    Args:
        kind: The class.
        given: Arguments of its ``__init__`` that are known; others become words in braces.

    Returns:
        Message and hint; empty where the class leaves them to the place that raises it.
    """
    given = given or {}
    owner = next(c for c in kind.__mro__ if "__init__" in vars(c))
    if owner is PneumoscopeError:
        return given.get("message", ""), given.get("hint", "")
    tree = ast.parse(textwrap.dedent(inspect.getsource(vars(owner)["__init__"])))
    said = {"message": "", "hint": ""}
    replaced = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            parent = owner.__mro__[1]
            names = list(inspect.signature(parent).parameters)
            passed = dict(zip(names, node.args, strict=False))
            passed |= {word.arg: word.value for word in node.keywords if word.arg}
            texts = {name: _template(value, given) for name, value in passed.items()}
            said["message"], said["hint"] = words(parent, texts)
        elif isinstance(node, ast.Assign):
            target = ast.unparse(node.targets[0]).removeprefix("self.")
            if target in said:
                replaced[target] = _template(node.value, given)
    said |= replaced
    return said["message"].replace("{message}", ""), said["hint"].replace("{hint}", "")


def _template(node: ast.expr, given: Mapping[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_template(part, given) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _template(node.value, given)
    if isinstance(node, ast.Name):
        return given.get(node.id, f"{{{node.id}}}")
    if isinstance(node, ast.IfExp):
        return f"{_template(node.body, given)}; or: {_template(node.orelse, given)}"
    if isinstance(node, ast.BoolOp):  # a parameter, or else what the class says by itself
        first: Any = node.values[0]
        return given.get(getattr(first, "id", ""), "") or _template(node.values[-1], given)
    names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return f"{{{names[-1]}}}" if names else ""
