"""Where the lungs are on a film, from the lung field of a network. numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.images.covering import bilinear

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = 64
"""Squares along each side of the grid on which lungs and heat are compared; the maps of a network have
8 to 16 cells along each side."""


def lung_grid(field: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """The lungs on a grid, as an outline of them is drawn.

    Args:
        field: Float (h, w) in [0, 1], the probability of each cell to lie on a lung.

    Returns:
        bool (GRID, GRID), True where the resized field is above 0.5.
    """
    return resized(field) > 0.5


def resized(
    cells: NDArray[np.floating[Any]], shape: tuple[int, ...] = (GRID, GRID)
) -> NDArray[np.float32]:
    """A map of cells (h, w), resized bilinearly to float32 of a shape (rows, columns)."""
    rows, columns = (bilinear(n, m) for n, m in zip(cells.shape, shape, strict=True))
    return np.asarray(rows @ np.asarray(cells, np.float32) @ columns.T)
