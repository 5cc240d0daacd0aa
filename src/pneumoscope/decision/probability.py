"""P(positive) and log odds: the two numbers that every decision and every figure starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LOGIT_FLOOR = 1e-6
"""Probabilities are moved this far from 0 and 1 before their log odds are taken: predictions are
written with six decimals, so that a smaller floor would make figures from a written file differ
from those of the network. It also lies above 6e-8, where float32 can no longer tell 1 - p from 1."""


def p_positive(probabilities: NDArray[np.floating[Any]], negative: int) -> NDArray[np.float64]:
    """1 - P(negative).

    Args:
        probabilities: Of the classes of a film or of many, (..., classes), in [0, 1].
        negative: Column of the class that means "nothing found".

    Returns:
        float64 (...), in [0, 1] even where rounding left P(negative) a little outside.
    """
    p = np.asarray(probabilities)[..., negative].astype(np.float64)
    return np.asarray(np.clip(1.0 - p, 0.0, 1.0))


def logit(p: ArrayLike) -> NDArray[np.float64]:
    """Log odds, ln(p / (1 - p)), of probabilities that are kept `LOGIT_FLOOR` away from 0 and 1.

    `pneumoscope.decision.calibration.log_odds` is something else: the exact inverse of the
    network's last layer, which must not be cut here.

    Args:
        p: In [0, 1], of any shape.

    Returns:
        float64 of the same shape, within +-13.8.
    """
    kept = np.clip(np.asarray(p, np.float64), LOGIT_FLOOR, 1 - LOGIT_FLOOR)
    return np.asarray(np.log(kept / (1 - kept)))
