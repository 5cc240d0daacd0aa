"""Films composed of two, each part answering for its own class.

A network at this size sees the whole film from every cell of its last map, so it may keep its evidence in any cell,
and a heatmap then shows where the network stores, not where it looks. Here a film shares its picture with another
one, as in CutMix (Yun et al. 2019), and the average over each film's own cells must give that film's class: evidence
has to stay where it was found.
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
    """Which cells of the last map belong to the film itself; the others belong to its partner.

    Args:
        count: Films.
        side: Cells along each side of the map; `MIN_SIDE` or more.
        probability: Share of the films that are composed.
        rng: Source of chance.

    Returns:
        bool (count, side, side): all True for a film that stays whole; else a half, a rectangle or
        a mosaic of 4 x 4 blocks, never empty and never everything.
    """
    own = np.ones((count, side, side), bool)
    for cells in own:
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
    return own


def compose(
    films: NDArray[np.uint8], partners: NDArray[np.intp], own: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Puts the partner's pixels where the cells are not the film's own.

    Args:
        films: uint8 (n, size, size).
        partners: Position of each film's partner, (n,).
        own: bool (n, side, side), see `draw`.

    Returns:
        uint8 (n, size, size).
    """
    to_cell = np.arange(films.shape[1]) * own.shape[1] // films.shape[1]
    return np.where(own[:, to_cell][:, :, to_cell], films, films[partners])
