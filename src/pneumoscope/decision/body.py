"""Where the body is on a film, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GRID = 32
"""Cells along each side of the grid on which the body is found."""
_FLAT = 8
"""Largest difference of grey levels within a row of a drawn frame."""


def body(film: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the body is: neither in a drawn frame nor connected to the border by a dark straight line.

    Args:
        film: uint8 (size, size).

    Returns:
        bool (about 32, about 32). Dark means below 0.18 of the 90th percentile or below 12 grey
        levels, as in `pneumoscope.evidence.evaluation.lung_field`. Dark lungs count as body, because
        the chest wall lies between them and the border.
    """
    from PIL import Image

    grey = np.asarray(Image.fromarray(film).reduce(max(1, film.shape[0] // _GRID)))
    bright = np.partition(grey.ravel(), (9 * grey.size) // 10)[(9 * grey.size) // 10]
    outside = grey < max(12.0, 0.18 * float(bright))
    # Python's max and min on bytes: calls of numpy would cost more than everything else here.
    levels, (rows, columns) = grey.tobytes(), grey.shape
    lines = [levels[i * columns : (i + 1) * columns] for i in range(rows)]
    top, bottom = _frame(lines), _frame(lines[::-1])
    if top < rows:  # otherwise the film is of one grey and has no frame
        outside[:top] = True
        outside[rows - bottom :] = True
    lines = [levels[j::columns] for j in range(columns)]
    left, right = _frame(lines), _frame(lines[::-1])
    if left < columns:
        outside[:, :left] = True
        outside[:, columns - right :] = True
    along = np.logical_and.accumulate
    return ~np.asarray(
        along(outside, axis=0)
        | along(outside[::-1], axis=0)[::-1]
        | along(outside, axis=1)
        | along(outside[:, ::-1], axis=1)[:, ::-1]
    )


def _frame(lines: list[bytes]) -> int:
    """How many rows from the first on belong to a drawn frame, with the mixed row after it."""
    flat = 0
    for line in lines:
        if max(line) - min(line) > _FLAT:
            break
        flat += 1
    return flat + 1 if flat else 0
