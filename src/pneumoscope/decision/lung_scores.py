"""Whether a network's lung field looks like two lungs: scores of the gate. numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE_LUNG, LUNG_DOUBT = "one-lung", "lung-doubt"
LUNG_SCORES = (ONE_LUNG, LUNG_DOUBT)
_NOTHING = 1e-6
"""Less lung than this, in cells, is none."""


def lung_scores(fields: NDArray[np.floating[Any]]) -> dict[str, NDArray[np.float64]]:
    """Scores of n films, each (n,), in [0, 1]; higher is worse.

    Args:
        fields: Float (n, h, w) in [0, 1], the probability of each cell to lie on a lung.

    Returns:
        `ONE_LUNG`: 0 for two lungs of one size with nothing between them, 1 if there is no second
        lung, or fewer than 3 columns of cells; `LUNG_DOUBT`: how unsure the network is where it sees lungs.
    """
    p = np.asarray(fields, np.float64)
    return {ONE_LUNG: _one_lung(p), LUNG_DOUBT: _doubt(p)}


def _one_lung(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """By the best cut along a column of cells.

    A cut is as good as the lower of two figures: 1 - the lung on it, of the lower of the two highest
    columns beside it; and the smaller lung's share, 1 for half.
    """
    columns = p.sum(axis=1)
    left = np.maximum.accumulate(columns, axis=1)[:, :-2]
    right = np.maximum.accumulate(columns[:, ::-1], axis=1)[:, ::-1][:, 2:]
    gap = 1 - columns[:, 1:-1] / np.maximum(np.minimum(left, right), _NOTHING)
    summed = np.cumsum(columns, axis=1)
    total = summed[:, -1:]
    smaller = np.minimum(summed[:, :-2], total - summed[:, 1:-1])
    share = 2 * smaller / np.maximum(total, _NOTHING)
    return np.asarray(1 - np.minimum(gap, share).max(axis=1, initial=0.0))


def _doubt(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of 4 p (1 - p), weighted by p; 1 if there are no lungs."""
    cells = p.reshape(len(p), -1)
    total = cells.sum(axis=1)
    doubt = (4 * cells**2 * (1 - cells)).sum(axis=1) / np.maximum(total, _NOTHING)
    return np.where(total > _NOTHING, doubt, 1.0)
