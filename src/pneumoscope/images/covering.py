"""Covering parts of a film without drawing anything: the surroundings continue smoothly. numpy only.

A grey box on a film is itself a finding to a network. Here the covered part is the normalised
convolution of its surroundings (Knutsson and Westin 1993), and its edge fades.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_SIGMAS = (0.12, 0.06, 0.03)
"""Widths of the windows as shares of the longer side, the widest first."""
_GRID = 32
"""Cells along each side of the grid of `covered`: smooth content needs no more."""


def continued(grey: NDArray[Any], keep: NDArray[np.bool_]) -> Floats:
    """A smooth continuation of the kept pixels over all others.

    Weighted means over the surroundings, near ones first: ever wider windows where nothing is near.

    Args:
        grey: (rows, columns), of any number type.
        keep: bool (rows, columns); where the values may be used.

    Returns:
        float32 (rows, columns), in the unit of ``grey``; its mean if nothing is kept.
    """
    values = np.asarray(grey, np.float32)
    weight = keep.astype(np.float32)
    seen = values[keep] if keep.any() else values
    fill: Floats = np.full(values.shape, seen.mean(), np.float32)
    for share in _SIGMAS:
        down, across = (gaussian(n, share * max(values.shape)) for n in values.shape)
        near = down @ weight @ across.T
        value = down @ (values * weight) @ across.T
        part = np.clip(near / 0.1, 0, 1)
        fill = np.asarray(part * value / np.maximum(near, 1e-6) + (1 - part) * fill, np.float32)
    return fill


def covered(film: NDArray[np.uint8], masks: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Copies of a film, each with other cells covered.

    Args:
        film: uint8 (size, size).
        masks: Float (n, h, w) in [0, 1], 1 for cells to cover; enlarged bilinearly, so that the
            edge is as wide as a cell.

    Returns:
        uint8 (n, size, size).
    """
    size, cells = film.shape[0], masks.shape[1:]
    shrink = np.linspace(0, size, min(_GRID, size) + 1).astype(np.intp)[:-1]
    grey = np.add.reduceat(np.add.reduceat(film.astype(np.float32), shrink, 0), shrink, 1)
    counts = np.diff(np.append(shrink, size)).astype(np.float32)
    grey /= counts[:, None] * counts
    grid = len(shrink)
    copies = np.empty((len(masks), size, size), np.uint8)
    for copy, mask in zip(copies, masks, strict=True):
        whole = bilinear(cells[0], size) @ mask.astype(np.float32) @ bilinear(cells[1], size).T
        small = bilinear(cells[0], grid) @ mask.astype(np.float32) @ bilinear(cells[1], grid).T
        # What is half covered would shine through into its own cover.
        fill = bilinear(grid, size) @ continued(grey, small < 0.02) @ bilinear(grid, size).T
        np.rint(film + whole * (fill - film), casting="unsafe", out=copy)
    return copies


@cache
def gaussian(n: int, sigma: float) -> Floats:
    """Matrix (n, n) that smooths a column of n values; borders are mirrored, edge pixels not repeated."""
    reach = round(4 * sigma)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / max(sigma, 1e-6)) ** 2)
    period = max(2 * (n - 1), 1)
    place = np.abs(np.arange(n)[:, None] + offsets) % period
    place = np.where(place > n - 1, period - place, place)
    matrix = np.zeros((n, n))
    np.add.at(matrix, (np.arange(n)[:, None], place), weights / weights.sum())
    return matrix.astype(np.float32)


@cache
def bilinear(cells: int, size: int) -> Floats:
    """Matrix (size, cells) that enlarges a column of cells; beyond the outer centres it is constant."""
    at = (np.arange(size) + 0.5) * cells / size - 0.5
    columns = [np.interp(at, np.arange(cells), unit) for unit in np.eye(cells)]
    return np.stack(columns, axis=1).astype(np.float32)
