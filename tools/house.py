"""Sizes and habits of the code; ``tests/test_house.py`` sets the limits.

    python3 tools/house.py

prints the sizes.
"""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE, TOOLS, TESTS = ROOT / "src" / "pneumoscope", ROOT / "tools", ROOT / "tests"
BENCHMARKS = ROOT / "benchmarks"
_VAGUE_WORD = "_?(?:found|own|told|one|asked|there)"
_VAGUE_NAME = rf"(?:\w+, )*{_VAGUE_WORD}(?:, \w+)*"
VAGUE = re.compile(
    rf"^\s*{_VAGUE_NAME}(?:: [^=]+)? = |\bfor {_VAGUE_NAME} in "
    rf"|^\s*(?:async def|def|class) {_VAGUE_WORD}\b",
    re.MULTILINE | re.IGNORECASE,
)
"""Assignments, loops, functions and classes with a name that does not say what it is."""


def sources() -> list[Path]:
    """Every module of the package and every tool."""
    return sorted([*SOURCE.rglob("*.py"), *TOOLS.glob("*.py")])


def name(path: Path) -> str:
    """A file's path below the repository, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    """What an import calls a file."""
    parts = (
        path.relative_to(SOURCE.parent if SOURCE in path.parents else TOOLS).with_suffix("").parts
    )
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def lines(path: Path) -> int:
    """How many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True, slots=True)
class LongFunction:
    """A function over a number of lines.

    Attributes:
        name: Without its class.
        lines: From ``def`` to the last.
        explained: Whether a comment is directly above it and its decorators.
    """

    name: str
    lines: int
    explained: bool


def long_functions(code: str, limit: int) -> list[LongFunction]:
    """The functions of a module over a number of lines, from the top."""
    rows = code.splitlines()
    functions = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if length > limit:
                explained = rows[first - 2].lstrip().startswith("#")
                functions.append((first, LongFunction(node.name, length, explained)))
    return [function for _, function in sorted(functions, key=lambda placed: placed[0])]


@dataclass(frozen=True, slots=True)
class Positional:
    """A record that is built by position.

    Attributes:
        module: Dotted name of the module that builds it.
        line: Line of the call, from 1.
        record: The record's name.
    """

    module: str
    line: int
    record: str


def positional_records(codes: Mapping[str, str], most: int) -> list[Positional]:
    """Calls with arguments by position that build a dataclass or NamedTuple of many fields.

    Args:
        codes: Modules by dotted name; only records that they define are known.
        most: Records of up to so many fields may be built by position.
    """
    trees = {module: ast.parse(code) for module, code in codes.items()}
    scopes = {module: _names_in(module, tree) for module, tree in trees.items()}
    fields = _fields(trees, scopes)
    calls = []
    for module, tree in trees.items():
        for node, owner in _calls(tree, module):
            record = owner if _dotted(node.func) == "cls" else _resolve(node.func, module, scopes)
            if node.args and record is not None and len(fields.get(record, ())) > most:
                calls.append(Positional(module, node.lineno, record.rpartition(".")[2]))
    return sorted(calls, key=lambda call: (call.module, call.line))


def _names_in(module: str, tree: ast.Module) -> dict[str, str]:
    """What the imports and classes of a module call things, and their full dotted names."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ClassDef):
            names[node.name] = f"{module}.{node.name}"
    return names


def _resolve(node: ast.expr, module: str, scopes: Mapping[str, dict[str, str]]) -> str | None:
    """The full name of what an expression such as ``records.Film`` names, through re-exports."""
    first, _, rest = _dotted(node).partition(".")
    full = scopes[module].get(first)
    if full is None:
        return None
    full = f"{full}.{rest}" if rest else full
    owner, _, last = full.rpartition(".")
    # A package passes on what it imports.
    while owner in scopes and scopes[owner].get(last, full) != full:
        full = scopes[owner][last]
        owner, _, last = full.rpartition(".")
    return full


def _fields(
    trees: Mapping[str, ast.Module], scopes: Mapping[str, dict[str, str]]
) -> dict[str, set[str]]:
    """Dataclasses and NamedTuples by full name, with their fields and inherited ones."""
    classes = [
        (module, node)
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    fields: dict[str, set[str]] = {}
    total = -1
    # A base may come after the classes that inherit from it, so go on until nothing changes.
    while total != (total := sum(map(len, fields.values()))):
        for module, node in classes:
            bases = {_resolve(base, module, scopes) for base in node.bases}
            inherited = [fields[base] for base in bases if base in fields]
            if inherited or "typing.NamedTuple" in bases or _is_dataclass(node):
                mine = fields.setdefault(f"{module}.{node.name}", set())
                mine.update(_annotated(node), *inherited)
    return fields


def _calls(node: ast.AST, owner: str) -> Iterator[tuple[ast.Call, str]]:
    """Every call, and the full name of the class, or else module, that it is in."""
    if isinstance(node, ast.Call):
        yield node, owner
    for child in ast.iter_child_nodes(node):
        inner = f"{owner}.{child.name}" if isinstance(child, ast.ClassDef) else owner
        yield from _calls(child, inner)


def _is_dataclass(node: ast.ClassDef) -> bool:
    decorators = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return any(_dotted(d).rpartition(".")[2] == "dataclass" for d in decorators)


def _annotated(node: ast.ClassDef) -> set[str]:
    """The fields that a record's constructor takes."""
    return {
        statement.target.id
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and "ClassVar" not in ast.unparse(statement.annotation)
        and "init=False" not in ast.unparse(statement)
    }


def _dotted(node: ast.expr) -> str:
    """``"records.Film"`` of that expression; empty if it is not a name."""
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def test_share() -> float:
    """Lines of tests for each line of source."""
    return _all_lines(TESTS) / _all_lines(SOURCE)


def _all_lines(folder: Path) -> int:
    return sum(lines(path) for path in folder.rglob("*.py"))


def sizes() -> dict[str, float]:
    """The figures of the closing table: lines are counted as ``wc -l`` does."""
    modules = [lines(path) for path in SOURCE.rglob("*.py")]
    functions = [
        function
        for path in SOURCE.rglob("*.py")
        for function in long_functions(path.read_text(encoding="utf-8"), 60)
    ]
    return {
        "modules": len(modules),
        "source lines": sum(modules),
        "median module": statistics.median(modules),
        "longest module": max(modules),
        "modules over 400 lines": sum(length > 400 for length in modules),
        "functions over 60 lines": len(functions),
        "tool lines": _all_lines(TOOLS),
        "test lines": _all_lines(TESTS),
        "tests for each source line": round(test_share(), 2),
    }


if __name__ == "__main__":
    for text, value in sizes().items():
        print(f"{value:>10g}  {text}")
