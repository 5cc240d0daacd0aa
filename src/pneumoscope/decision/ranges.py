"""Where on the scale of P(positive) each verdict begins: the operating point and the conformal limits together."""

from __future__ import annotations

import math
from typing import NamedTuple

_STEP = 2.0**-53
"""1 - P changes in steps of this size for P up to 0.5, and of less beyond."""


class Ranges(NamedTuple):
    """The probabilities of each verdict; between the two values a film is UNDETERMINED.

    Attributes:
        negative_below: Films below it are negative; 0 if none is.
        positive_from: Films at or above it are positive; None if none is.
    """

    negative_below: float
    positive_from: float | None

    @property
    def limits(self) -> tuple[float, ...]:
        """Where the verdict changes, ascending: none, one or two probabilities."""
        below, start = self
        return tuple(sorted({p for p in (below, start) if p}))

    @property
    def unclear(self) -> tuple[float, float] | None:
        """The range in which films are UNDETERMINED; None if there is none."""
        if self.negative_below == self.positive_from:
            return None
        return self.negative_below, 1.0 if self.positive_from is None else self.positive_from


def ranges_of(threshold: float, limits: tuple[float, float] | None) -> Ranges:
    """The ranges of the verdicts of one question.

    A film is positive if it reaches the threshold and its conformal set contains exactly the positive
    side, and negative likewise below the threshold.

    Args:
        threshold: That of the operating point, in (0, 1).
        limits: The conformal limits of 1 - P and of P, in [0, 1]; None without sets.
    """
    if limits is None:
        return Ranges(threshold, threshold)
    borders = threshold, limits[1], _first_without_negative(limits[0])
    start = max(borders)
    return Ranges(min(borders), start if start <= 1 else None)


def _first_without_negative(limit: float) -> float:
    """The lowest P, to 2^-53, whose 1 - P is below the limit; infinite if there is none."""
    if limit <= 0:
        return math.inf
    p = 1.0 - limit
    return p if 1.0 - p < limit else p + _STEP
