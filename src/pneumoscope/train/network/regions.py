"""Films composed of two, each part answering for its own class.

Every cell of the last map of a network at this size sees the whole film, so the network may keep its
evidence in any cell. A heatmap then shows where the network stores evidence, not where it looks. Here
a film shares its picture with another one, as in CutMix (Yun et al. 2019), and the average over each
film's cells must give that film's class. So evidence has to stay where it is on the film.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SIDE = 4
"""Cells along each side of the map; on fewer, halves and blocks would be empty."""

_BLOCKS = 4  # of a mosaic, along each side


def draw(count: int, side: int, probability: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draws which cells of the last map a film keeps; the others belong to its partner.

    Args:
        count: Films.
        side: Cells along each side of the map; `MIN_SIDE` or more.
        probability: Share of the films that are composed.
        rng: Random generator.

    Returns:
        bool (count, side, side), True for kept cells: all of them for a film that stays whole;
        otherwise a half, a rectangle or a mosaic of 4 x 4 blocks, never none and never all.
    """
    kept = np.ones((count, side, side), bool)
    for cells in kept:
        if rng.random() < probability:
            kind = rng.integers(6)
            if kind < 2:
                border = rng.integers(side * 3 // 8, side * 5 // 8 + 1)
                (cells if kind == 0 else cells.T)[border:] = False
            elif kind == 2:
                height, width = rng.integers(side // 4, side * 3 // 4 + 1, 2)
                top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
                cells[top : top + height, left : left + width] = False
            else:
                blocks = rng.permutation(_BLOCKS**2).reshape(_BLOCKS, _BLOCKS)
                to_block = np.arange(side) * _BLOCKS // side
                most = _BLOCKS**2 * 3 // 4
                cells &= (blocks < rng.integers(_BLOCKS**2 - most, most + 1))[
                    np.ix_(to_block, to_block)
                ]
            if rng.random() < 0.5:
                np.logical_not(cells, out=cells)
    return kept


def compose(
    films: NDArray[np.uint8], partners: NDArray[np.intp], kept: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Puts the partner's pixels where a film does not keep the cells.

    Args:
        films: uint8 (n, size, size).
        partners: Position of each film's partner, (n,).
        kept: bool (n, side, side), see `draw`.

    Returns:
        uint8 (n, size, size).
    """
    to_cell = np.arange(films.shape[1]) * kept.shape[1] // films.shape[1]
    return np.where(kept[:, to_cell][:, :, to_cell], films, films[partners])
