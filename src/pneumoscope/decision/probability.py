"""P(positive) and log odds, the two numbers on which every decision and every figure is based."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

F = TypeVar("F", bound=np.floating[Any])

LOGIT_FLOOR = 1e-6
"""Probabilities are moved this far away from 0 and 1 before their log odds are taken. Predictions are
written with six decimals, so with a smaller floor figures from a written file would differ from
figures from the network. It is also above 6e-8, where 1 - p in float32 becomes 1."""
_FURTHEST = 60.0


def p_positive(probabilities: NDArray[np.floating[Any]], negative: int) -> NDArray[np.float64]:
    """1 - P(negative).

    Args:
        probabilities: Probabilities of the classes of one film or many, (..., classes), in [0, 1].
        negative: Column of the class that means "nothing found".

    Returns:
        float64 (...), in [0, 1] even if rounding has moved P(negative) slightly outside.
    """
    p = np.asarray(probabilities)[..., negative].astype(np.float64)
    return np.asarray(np.clip(1.0 - p, 0.0, 1.0))


def p_positive_of_film(negative: float) -> float:
    """The same for one film, without numpy: 1 - P(negative), in [0, 1]."""
    return min(max(1.0 - negative, 0.0), 1.0)


def logit(p: ArrayLike) -> NDArray[np.float64]:
    """Log odds, ln(p / (1 - p)), of probabilities that are kept `LOGIT_FLOOR` away from 0 and 1.

    `pneumoscope.decision.calibration.log_odds` is different: it is the exact inverse of the network's
    last layer and must not be cut at this floor.

    Args:
        p: In [0, 1], of any shape.

    Returns:
        float64 of the same shape, within +-13.8.
    """
    kept = np.clip(np.asarray(p, np.float64), LOGIT_FLOOR, 1 - LOGIT_FLOOR)
    return np.asarray(np.log(kept / (1 - kept)))


def logistic(log_odds: NDArray[F]) -> NDArray[F]:
    """The probabilities of log odds, 1 / (1 + exp(-z)): what `logit` takes back.

    Args:
        log_odds: Of any shape. They are cut at +-60, beyond which no figure changes: no exponential
            overflows.

    Returns:
        Of the same shape and dtype, in [8.8e-27, 1].
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -_FURTHEST, _FURTHEST))))
