"""The style of all plots, and how they are saved as PNG and SVG.

The dark and the light colour (a darker variant of Okabe and Ito's blue, and their orange) differ in
lightness, for colour-blind readers and black-and-white prints. Lines also differ in their strokes and
marks in their shapes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from pneumoscope.evidence.report.blocks import Plot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pneumoscope.evidence.statistics.intervals import Figure

DARK, LIGHT, GREY, INK = "#0b4f7d", "#e69f00", "#8a96a3", "#17202b"
BAND = "#c9d9e6"
_DPI = 200
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#566575",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e8ed",
    "grid.linewidth": 0.7,
    "xtick.color": "#3c4856",
    "ytick.color": "#3c4856",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": cycler(color=[DARK, LIGHT, INK, GREY])
    + cycler(linestyle=["-", "--", ":", "-."]),
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.07,  # inches
    # Text as outlines: the page must look the same where the font is not installed.
    "svg.fonttype": "path",
    "svg.hashsalt": "pneumoscope",
}


def drawn(name: str, width: float, height: float, draw: Callable[[Drawing], None]) -> Plot:
    """Draws a plot once and saves it in both formats.

    Args:
        name: File name without extension.
        width: In inches.
        height: In inches.
        draw: Draws onto an empty figure.
    """

    def make() -> Drawing:
        figure = Drawing()
        draw(figure)
        return figure

    return saved(name, width, height, make)


def saved(name: str, width: float, height: float, make: Callable[[], Drawing]) -> Plot:
    """As `drawn`, for a figure that another function creates: sets the style and the size."""
    with matplotlib.rc_context(_STYLE):
        figure = make()
        figure.set_size_inches(width, height)
        FigureCanvasAgg(figure)
        png, svg = io.BytesIO(), io.BytesIO()
        figure.savefig(png, format="png", dpi=_DPI, metadata={"Software": None})
        figure.set_layout_engine(
            "none"
        )  # keep the first layout: computing it takes as long as drawing
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return Plot(name, png.getvalue(), svg.getvalue(), width, height)


def marks(
    axes: Any,
    at: Sequence[float],
    figures: Sequence[Figure],
    *,
    colour: str = DARK,
    shape: str = "o",
    label: str = "",
    line: str = "",
    sideways: bool = False,
) -> None:
    """Draws figures with their intervals as whiskers; figures that do not exist leave a gap.

    Args:
        axes: To draw on.
        at: Position of each figure on the other axis.
        figures: As many.
        colour: Colour of all marks.
        shape: Matplotlib's marker.
        label: For the legend.
        line: Stroke of the line between the marks; none if empty.
        sideways: Whether figures are drawn along x instead of y.
    """
    known = [(x, f) for x, f in zip(at, figures, strict=True) if f.value is not None]
    if not known:
        return
    places = [x for x, _ in known]
    values = [f.value for _, f in known if f.value is not None]
    # Rounding must not make a whisker's length negative.
    below = [
        max(0.0, v - (v if f.low is None else f.low))
        for v, (_, f) in zip(values, known, strict=True)
    ]
    above = [
        max(0.0, (v if f.high is None else f.high) - v)
        for v, (_, f) in zip(values, known, strict=True)
    ]
    whiskers: dict[str, Any] = {"xerr" if sideways else "yerr": [below, above]}
    pair = (values, places) if sideways else (places, values)
    axes.errorbar(
        *pair,
        **whiskers,
        fmt=shape,
        color=colour,
        markersize=4.5,
        elinewidth=1.1,
        capsize=2,
        linestyle=line or "none",
        label=label or None,
    )


def unit_axes(axes: Any, x: str, y: str) -> None:
    """Sets both axes to [0, 1] with a square aspect ratio."""
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y)
    axes.set_aspect("equal")


def band(axes: Any, x: Sequence[float], figures: Sequence[Figure], colour: str) -> None:
    """Fills the intervals of figures along x; gaps where there is no interval."""
    low = [float("nan") if f.low is None else f.low for f in figures]
    high = [float("nan") if f.high is None else f.high for f in figures]
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)


def values(figures: Sequence[Figure]) -> list[float]:
    """The values of figures; NaN, which Matplotlib skips, where one does not exist."""
    return [float("nan") if f.value is None else f.value for f in figures]
