"""Plots as Matplotlib draws them, to compare what they show with what was to be plotted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.cbook import STEP_LOOKUP_MAP
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from pneumoscope.evidence.report.blocks import Plot
from pneumoscope.evidence.report.plots import style
from pneumoscope.evidence.statistics.intervals import Figure


def all_drawings(make_plots: Callable[[], object]) -> dict[str, Drawing]:
    """What functions of ``report.plots`` draw, by name, before it is turned into pixels."""
    drawings: dict[str, Drawing] = {}

    def keep(name: str, width: float, height: float, make: Callable[[], Drawing]) -> Plot:
        drawings[name] = make()
        drawings[name].set_size_inches(width, height)
        return Plot(name, b"", b"")

    with pytest.MonkeyPatch.context() as patch, mpl.rc_context(style._STYLE):
        patch.setattr(style, "saved", keep)
        make_plots()
    return drawings


def drawing_of(plot: Callable[[], Plot]) -> Drawing:
    """What one function of ``report.plots`` draws."""
    (drawing,) = all_drawings(plot).values()
    return drawing


def axes_of(plot: Callable[[], Plot]) -> list[Axes]:
    return [axes for axes in drawing_of(plot).axes if axes.get_visible()]


def line(axes: Axes, label: str) -> Line2D:
    """The line, or the marks with whiskers, with this label."""
    (match,) = [item for item in axes.lines if item.get_label() == label]
    return match


def points(item: Line2D) -> list[tuple[float, float]]:
    """Its points (x, y), to four digits."""
    data = np.column_stack([item.get_xdata(), item.get_ydata()]).astype(float)
    return [(round(float(x), 4), round(float(y), 4)) for x, y in data]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def legend(axes: Axes) -> list[str]:
    drawn = axes.get_legend()
    return [] if drawn is None else [text.get_text() for text in drawn.get_texts()]


def marks(axes: Axes) -> list[tuple[list[tuple[float, float]], list[list[list[float]]]]]:
    """Marks with whiskers: their points, and the ends of their whiskers."""
    containers = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    drawn = []
    for container in containers:
        data, _, (whiskers,) = container
        ends: list[list[list[float]]] = np.round(whiskers.get_segments(), 4).tolist()
        drawn.append((points(data), ends))
    return drawn


def area_under(item: Line2D) -> float:
    """Under a line as it is drawn, with its steps."""
    x, y = np.asarray(item.get_xdata(), float), np.asarray(item.get_ydata(), float)
    style_of_steps: Any = item.get_drawstyle()
    if style_of_steps != "default":
        x, y = STEP_LOOKUP_MAP[style_of_steps](x, y)
    return float(np.trapezoid(y, x))


def known(value: float, reach: float = 0.1) -> Figure:
    return Figure(value, value - reach, value + reach)


MISSING = Figure(None, note="one class")
