"""Draws the layers of the package from its imports, as docs/images/layers.svg.

python tools/architecture.py --draw

An arrow leads from a part to one that it imports. Of the arrows between parts those are left out
that follow from others, so that what is left can be read; the page's table names all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

from architecture import LAYERS, arrows, parts_of, summary
from reference_text import table

DRAWING = Path(__file__).parents[1] / "docs" / "images" / "layers.svg"

# Where a part is drawn in its layer, in widths of a box from the left.
COLUMNS = {
    "__main__": 2.8,
    "cli": 2.8,
    "evidence.report": 0.5,
    "evidence.site": 0.5,
    "evidence.evaluation": 0.5,
    "evidence.audit": 1.0,
    "evidence.statistics": 0.0,
    "train": 2.0,
    "serve": 3.5,
    "jobs": 3.5,
    "apps": 4.7,
    "client": 5.6,
    "render": 3.4,
    "runtime": 3.4,
    "bundle": 3.4,
    "data": 1.0,
    "decision": 2.6,
    "images": 2.6,
    "metrics": 4.2,
    "files": 1.0,
    "records": 2.2,
    "errors": 2.6,
    "installation": 2.6,
}
_BOX, _HEIGHT = (118, 30), 62
_STEP, _LEFT, _TOP = 140, 110, 24
_WIDE = {"render": 320, "errors": 320, "cli": 250}
_STYLE = """
svg { background: #fff; color-scheme: light dark }
text { font: 14px ui-monospace, "DejaVu Sans Mono", monospace; fill: #141b21; text-anchor: middle }
.layer { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #51606c; text-anchor: start }
.band { fill: #f3f5f7 }
.box { fill: #fff; stroke: #0b6681; stroke-width: 1.5 }
.arrow { fill: none; stroke: #7b8a96; stroke-width: 1.3 }
.head { fill: #7b8a96 }
@media (prefers-color-scheme: dark) {
  svg { background: #0b0f13 }
  text { fill: #e8eef3 }
  .layer { fill: #a3b1bd }
  .band { fill: #11171d }
  .box { fill: #19222a; stroke: #8fd3e8 }
  .arrow { stroke: #6b7a86 }
  .head { fill: #6b7a86 }
}
"""


def needed(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The arrows of a graph without cycles that do not follow from others."""
    below = {name: _below(name, graph) for name in graph}
    return {
        name: {n for n in others if not any(n in below[o] for o in others - {n})}
        for name, others in graph.items()
    }


def _below(name: str, graph: Mapping[str, set[str]]) -> set[str]:
    direct = graph.get(name, set())
    return direct.union(*(_below(other, graph) for other in direct))


def layers() -> str:
    """A table of the parts, the highest layer first: what each is for, and all that it imports."""
    imported = arrows()
    return table(
        ("part", "layer", "what it is for", "imports"),
        (
            (f"`{part}`", str(LAYERS[part]), summary(part), ", ".join(sorted(imported[part])))
            for part in sorted(LAYERS, key=lambda part: (-LAYERS[part], part))
        ),
    )


def layers_of_training() -> str:
    """The same for the parts of `train`; a part is one layer above the highest one that it imports."""
    graph = parts_of("train")
    layer: dict[str, int] = {}
    for part in TopologicalSorter(graph).static_order():
        layer[part] = max((layer[other] + 1 for other in graph[part]), default=0)
    return table(
        ("part", "layer", "what it is for", "imports"),
        (
            (f"`{p}`", str(layer[p]), summary(f"train.{p}"), ", ".join(sorted(graph[p])))
            for p in sorted(layer, key=lambda part: (-layer[part], part))
        ),
    )


def svg() -> str:
    """The drawing: a band for each layer, the highest above, a box for each part."""
    top = max(LAYERS.values())
    height = _TOP + (top + 1) * _HEIGHT
    width = _LEFT + int((max(map(_column, LAYERS)) + 1) * _STEP)
    bands = [
        f'<rect class="band" x="8" y="{_y(layer) - 24}" width="{width - 16}" height="48" rx="8"/>'
        f'<text class="layer" x="20" y="{_y(layer) + 4}">layer {layer}</text>'
        for layer in range(top, -1, -1)
    ]
    lines = list(_lines(needed(arrows())))
    boxes = [_box(name) for name in LAYERS]
    parts = "\n".join([*bands, *lines, *boxes])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>The layers of the package and the imports between its parts</title>\n"
        f"<style>{_STYLE}</style>\n"
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>\n'
        f"{parts}\n</svg>\n"
    )


def _y(layer: int) -> int:
    return _TOP + (max(LAYERS.values()) - layer) * _HEIGHT + _HEIGHT // 2 - 12


def _x(name: str) -> float:
    return _LEFT + (_column(name) + 0.5) * _STEP


def _column(name: str) -> float:
    """As `COLUMNS` says; a part that is not in it comes to the right of the others in its layer."""
    if name in COLUMNS:
        return COLUMNS[name]
    layer = [part for part in LAYERS if LAYERS[part] == LAYERS[name]]
    placed = max((COLUMNS[part] for part in layer if part in COLUMNS), default=0.0)
    return placed + 1.2 * (1 + [part for part in layer if part not in COLUMNS].index(name))


def _width(name: str) -> int:
    return _WIDE.get(name, max(_BOX[0], 9 * len(name)))


def _box(name: str) -> str:
    x, y, width = _x(name), _y(LAYERS[name]), _width(name)
    return (
        f'<rect class="box" x="{x - width / 2:g}" y="{y - _BOX[1] / 2:g}" width="{width}" '
        f'height="{_BOX[1]}" rx="6"/><text x="{x:g}" y="{y + 5}">{name}</text>'
    )


def _lines(graph: Mapping[str, set[str]]) -> Iterator[str]:
    """The arrows; those at one side of a box share its width, in the order of their other ends."""
    sources = {n: [name for name, others in graph.items() if n in others] for n in graph}
    for name, others in graph.items():
        for other in sorted(others):
            start = _x(name) + _port(name, other, others)
            end = _x(other) + _port(other, name, sources[other])
            yield _arrow(start, _y(LAYERS[name]), end, _y(LAYERS[other]))


def _port(name: str, other: str, others: Collection[str]) -> float:
    """Where on a box an arrow ends, from the middle."""
    # By name where two are above each other: the order of a set differs from run to run.
    place = sorted(others, key=lambda n: (_x(n), n)).index(other) + 1
    return (place / (len(others) + 1) - 0.5) * _width(name)


def _arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    y, to_y = y + _BOX[1] / 2, to_y - _BOX[1] / 2
    bend = min((to_y - y) / 2, 80)
    return (
        f'<path class="arrow" marker-end="url(#head)" d="M{x:.1f} {y:g}'
        f'C{x:.1f} {y + bend:g} {to_x:.1f} {to_y - bend:g} {to_x:.1f} {to_y:g}"/>'
    )
