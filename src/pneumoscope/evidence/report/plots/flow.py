"""A flow figure: from the films of the data to the verdicts that readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.evidence.report.plots.style import GREY, INK, drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.report.blocks import Plot

_WIDE, _LINE, _GAP = 6.9, 0.16, 0.5
"""Width, height of a line of text and gap between boxes, in inches."""


def flow(
    name: str,
    films: tuple[str, Sequence[str]],
    read: str,
    verdicts: Sequence[str],
) -> Plot:
    """Films of the data, films left out, films read, and their verdicts, from top to bottom.

    Args:
        name: File name without extension.
        films: Text of the first box, and the lines of the box of films left out (none if empty).
        read: Text of the second box.
        verdicts: Text of each box at the bottom.
    """
    start, left_out = films
    middle = max(0.8, _box(left_out) + 0.2)
    height = _box([start]) + middle + _box([read]) + _GAP + max(_box([v]) for v in verdicts) + 0.2

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        axes.set(xlim=(0, _WIDE), ylim=(0, height))
        axes.axis("off")
        centre = 1.75
        top = height - 0.1 - _box([start]) / 2
        second = top - _box([start]) / 2 - middle - _box([read]) / 2
        boxes = [(centre, top, start), (centre, second, read)]
        _arrow(axes, (centre, top - _box([start]) / 2), (centre, second + _box([read]) / 2))
        if left_out:
            side = top - _box([start]) / 2 - middle / 2
            _arrow(axes, (centre, side), (_WIDE - 3.4, side))
            _text(axes, _WIDE - 3.3, side, "\n".join(left_out), "left")
        bottom = 0.1 + max(_box([v]) for v in verdicts) / 2
        for k, text in enumerate(verdicts):
            x = _WIDE * (k + 0.5) / len(verdicts)
            _arrow(axes, (centre, second - _box([read]) / 2), (x, bottom + _box([text]) / 2))
            boxes.append((x, bottom, text))
        for x, y, text in boxes:
            _text(axes, x, y, text, "center")

    return drawn(name, _WIDE, height, draw)


def _box(lines: Sequence[str]) -> float:
    """Height of a box in inches."""
    return 0.1 + _LINE * sum(1 + line.count("\n") for line in lines)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 1.2})


def _text(axes: Any, x: float, y: float, text: str, align: str) -> None:
    axes.text(
        x,
        y,
        text,
        ha=align,
        va="center",
        fontsize=8,
        multialignment=align,
        bbox={
            "boxstyle": "round,pad=0.4",
            "facecolor": "white",
            "edgecolor": INK,
            "linewidth": 0.8,
        },
    )
