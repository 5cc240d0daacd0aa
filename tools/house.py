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

from architecture import statements

ROOT = Path(__file__).parents[1]
SOURCE, TOOLS, TESTS = ROOT / "src" / "pneumoscope", ROOT / "tools", ROOT / "tests"
BENCHMARKS = ROOT / "benchmarks"
_VAGUE_WORD = "_?(?:found|own|told|one|asked|there)"
_VAGUE_NAME = rf"(?:\w+, )*{_VAGUE_WORD}(?:, \w+)*"
VAGUE = re.compile(
    rf"^\s*{_VAGUE_NAME}(?:: [^=]+)? = |\bfor {_VAGUE_NAME} in |\b{_VAGUE_WORD} := "
    rf"|^\s*(?:async )?def .*[(, ]{_VAGUE_WORD}: |^\s*self\.{_VAGUE_WORD}(?:: [^=]+)? = "
    rf"|^\s*(?:async def|def|class) {_VAGUE_WORD}\b",
    re.MULTILINE | re.IGNORECASE,
)
"""Assignments, loops, parameters, functions and classes with a name that does not say what it is."""


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


def texts(code: str) -> Iterator[str]:
    """The texts of a module, without its docstrings."""
    tree = ast.parse(code)
    docstrings = {id(node.value) for node in statements(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.value


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
    for node in statements(ast.parse(code)):
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
    # No tree is kept: Python would look for garbage in all of them, again and again.
    modules = {module: _Module.of(module, ast.parse(code)) for module, code in codes.items()}
    scopes = {module: content.names for module, content in modules.items()}
    fields = _fields(modules, scopes)
    calls = []
    for module, content in modules.items():
        for call in content.calls:
            record = call.owner if call.callee == "cls" else _resolve(call.callee, module, scopes)
            if record is not None and len(fields.get(record, ())) > most:
                calls.append(Positional(module, call.line, record.rpartition(".")[2]))
    return sorted(calls, key=lambda call: (call.module, call.line))


@dataclass(frozen=True, slots=True)
class _Call:
    """A call with arguments by position.

    Attributes:
        line: From 1.
        callee: Dotted name of what is called; empty if it is not a name.
        owner: Full name of the class, or else module, that it is in.
    """

    line: int
    callee: str
    owner: str


@dataclass(frozen=True, slots=True)
class _Class:
    """A class.

    Attributes:
        name: Without its module.
        bases: Dotted names of its bases, as they are written.
        is_dataclass: Whether it is decorated as one.
        fields: Those that its constructor takes, without inherited ones.
    """

    name: str
    bases: tuple[str, ...]
    is_dataclass: bool
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Module:
    """What is needed of a module's tree.

    Attributes:
        names: What its imports and classes call things, and their full dotted names.
        classes: Its classes.
        calls: Its calls with arguments by position.
    """

    names: dict[str, str]
    classes: list[_Class]
    calls: list[_Call]

    @classmethod
    def of(cls, module: str, tree: ast.Module) -> _Module:
        """Reads a tree."""
        read = cls({}, [], [])
        waiting: list[tuple[ast.AST, str]] = [(tree, module)]
        while waiting:
            node, owner = waiting.pop()
            if isinstance(node, ast.Call) and node.args:
                read.calls.append(_Call(node.lineno, _dotted(node.func), owner))
            elif isinstance(node, ast.Import | ast.ImportFrom):
                read.names.update(_imported(node))
            elif isinstance(node, ast.ClassDef):
                read.names[node.name] = f"{module}.{node.name}"
                bases = tuple(map(_dotted, node.bases))
                fields = frozenset(_annotated(node))
                read.classes.append(_Class(node.name, bases, _is_dataclass(node), fields))
                owner = f"{owner}.{node.name}"
            waiting += ((child, owner) for child in ast.iter_child_nodes(node))
        return read


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """What an import calls things, and their full dotted names."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        else:
            first = alias.name.partition(".")[0]
            yield alias.asname or first, alias.name if alias.asname else first


def _resolve(dotted: str, module: str, scopes: Mapping[str, dict[str, str]]) -> str | None:
    """The full name of what a name such as ``records.Film`` stands for, through re-exports."""
    first, _, rest = dotted.partition(".")
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
    modules: Mapping[str, _Module], scopes: Mapping[str, dict[str, str]]
) -> dict[str, set[str]]:
    """Dataclasses and NamedTuples by full name, with their fields and inherited ones."""
    classes = [(module, kind) for module, content in modules.items() for kind in content.classes]
    fields: dict[str, set[str]] = {}
    total = -1
    # A base may come after the classes that inherit from it, so go on until nothing changes.
    while total != (total := sum(map(len, fields.values()))):
        for module, kind in classes:
            bases = {_resolve(base, module, scopes) for base in kind.bases}
            inherited = [fields[base] for base in bases if base in fields]
            if inherited or "typing.NamedTuple" in bases or kind.is_dataclass:
                mine = fields.setdefault(f"{module}.{kind.name}", set())
                mine.update(kind.fields, *inherited)
    return fields


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
