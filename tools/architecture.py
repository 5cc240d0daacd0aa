"""The layers of the package, and the imports between its modules.

``tests/test_imports.py`` enforces them.

python tools/architecture.py           prints the import cycles; there should be none
python tools/architecture.py --draw    also draws docs/images/layers.svg; the table on the page is
                                       one of tools/reference.py
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "pneumoscope"

# A module imports only from lower layers, or from its own folder.
LAYERS = {
    "field_values": 0,
    "installation": 0,
    "errors": 1,
    "hosts": 0,
    "confinement": 0,
    "languages": 2,
    "files": 2,
    "records": 2,
    "syslog": 2,
    "metrics": 3,
    "images": 3,
    "buckets": 4,
    "data": 4,
    "decision": 4,
    "deidentification": 4,
    "bundle": 5,
    "runtime": 6,
    "render": 7,
    "ai_results": 8,
    "client": 8,
    "jobs": 8,
    "apps": 9,
    "audit_log": 9,
    "batch": 9,
    "film_metrics": 9,
    "pacs.destinations": 9,
    "watch": 9,
    "serve": 10,
    "pacs": 10,
    "evidence.statistics": 9,
    "evidence.audit": 10,
    "evidence.evaluation": 11,
    "web": 11,
    "evidence.site": 12,
    "evidence.report": 13,
    "train": 13,
    "cli": 14,
    "__main__": 15,
}


def modules() -> list[Path]:
    """Every module of the package but its root."""
    return sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def module_name(path: Path) -> str:
    """Dotted, below the package: ``"images.dicom"``, ``"images"`` for its ``__init__``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit_of(name: str) -> str:
    """The entry of `LAYERS` that a module below the package belongs to, or its first part."""
    parts = name.split(".")
    longer = ".".join(parts[:2])
    return longer if longer in LAYERS else parts[0]


def statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a module, those within others too: a tenth of the nodes that `ast.walk` visits."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            for child in getattr(node, part, ()):
                waiting.append(child)
                if isinstance(child, ast.stmt):
                    yield child


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Every module that a file imports anywhere, in functions and for types too.

    Raises:
        ValueError: It imports relatively.
    """
    names: list[str] = []
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}: relative import")
            module = node.module or ""
            # `from pneumoscope import images` names a module of the package.
            names += (module, *(f"{module}.{alias.name}" for alias in node.names))
    return tuple(names)


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a file imports, by `module_name`.

    Args:
        path: The file.
        known: The names of all modules.
    """
    names = (n.removeprefix("pneumoscope.") for n in imported(path) if n.startswith("pneumoscope."))
    return {name for name in names if name in known and name != module_name(path)}


def arrows() -> dict[str, set[str]]:
    """Every part of `LAYERS` with the other parts that it imports."""
    known = {module_name(path) for path in modules()}
    graph: dict[str, set[str]] = {name: set() for name in LAYERS}
    for path in modules():
        name = unit_of(module_name(path))
        if name in graph:
            graph[name] |= {unit_of(other) for other in imported_modules(path, known)} & set(LAYERS)
    return {name: others - {name} for name, others in graph.items()}


def parts_of(unit: str) -> dict[str, set[str]]:
    """Every folder and module directly below an entry of `LAYERS`, with those that it imports."""
    known = {module_name(path) for path in modules()}
    graph: dict[str, set[str]] = {}
    for path in modules():
        part = _part_of(unit, module_name(path))
        if part:
            imports = {_part_of(unit, other) for other in imported_modules(path, known)}
            graph.setdefault(part, set()).update(imports - {part, ""})
    return graph


def _part_of(unit: str, name: str) -> str:
    """The folder or module directly below an entry of `LAYERS` that a module belongs to, or ""."""
    return name.removeprefix(f"{unit}.").split(".")[0] if name.startswith(f"{unit}.") else ""


def summary(part: str) -> str:
    """The first sentence of a part's docstring."""
    folder = PACKAGE.joinpath(*part.split("."))
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "`")


def cycles() -> list[tuple[str, ...]]:
    """Import circles between modules, late imports and those for types among them."""
    known = {module_name(path) for path in modules()}
    graph = {module_name(path): imported_modules(path, known) for path in modules()}
    reachable = {name: _reachable(name, graph) for name in graph}
    circles = {
        tuple(sorted(other for other in reach if name in reachable[other]))
        for name, reach in reachable.items()
        if name in reach
    }
    return sorted(circles)


def _reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for name in graph[waiting.pop()] & graph.keys() - seen:
            seen.add(name)
            waiting.append(name)
    return seen


if __name__ == "__main__":
    if "--draw" in sys.argv:
        import architecture_drawing

        architecture_drawing.DRAWING.write_text(architecture_drawing.svg(), encoding="utf-8")
    for circle in cycles():
        print(*circle)
