"""Outlines of the hot regions of a heatmap, in pixels of its film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.render.heatmap import enlarge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.ai_results.film_result import FilmResult

LEVEL = 0.5
"""A region is where the heat is at least this share of its peak."""
MOST = 5
"""Regions, the largest first."""
_SIDE = 128
"""Cells along the longer side at which outlines are drawn: finer ones would feign precision."""
_LEAST_SHARE = 0.002
"""Smallest region as a share of the film."""


def positive_regions(result: FilmResult) -> tuple[NDArray[np.float64], ...]:
    """The outlines that stand for a finding: those of a positive verdict with a reliable heatmap.

    The heat of a normal or undetermined film, or of a forced verdict, is no finding, and an outline
    would be taken for one.
    """
    p = result.prediction
    if p.label != p.positive or p.forced or p.heatmap is None or result.why_no_heatmap:
        return ()
    return heat_regions(p.heatmap, result.header.Rows, result.header.Columns)


def heat_regions(
    heatmap: NDArray[np.float32], rows: int, columns: int
) -> tuple[NDArray[np.float64], ...]:
    """The outlines of the hottest regions.

    Args:
        heatmap: float32 (h, w), >= 0.
        rows: Height of the film in pixels.
        columns: Width of the film in pixels.

    Returns:
        Closed polygons, each float64 (n, 2) of (column, row) in pixels, with the top left corner of
        the film at (0, 0) (PS3.3 C.18.6); the last point is the first. Empty if there is no heat.
    """
    import contourpy

    if not float(heatmap.max(initial=0.0)) > 0:
        return ()
    step = max(rows, columns) / _SIDE
    heat = enlarge(heatmap, max(2, round(rows / step)), max(2, round(columns / step)))
    # A cold rim closes outlines at the border of the film.
    rimmed = np.pad(heat, 1)
    h, w = heat.shape
    x = np.clip((np.arange(w + 2) - 0.5) * columns / w, 0, columns)
    y = np.clip((np.arange(h + 2) - 0.5) * rows / h, 0, rows)
    lines = contourpy.contour_generator(x, y, rimmed).lines(LEVEL)
    outlines = [np.asarray(line, np.float64) for line in lines if len(line) > 3]
    outlines.sort(key=_area, reverse=True)
    least = _LEAST_SHARE * rows * columns
    return tuple(line for line in outlines if _area(line) >= least)[:MOST]


def _area(polygon: NDArray[np.float64]) -> float:
    """Area of a closed polygon (the shoelace formula)."""
    x, y = polygon.T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2
