"""The tests of DeLong and McNemar for two models on the same films; both assume independent films."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import LEVEL, Figure
from pneumoscope.evidence.statistics.ranking import CONSTANT, ONE_CLASS
from pneumoscope.metrics import as_bools

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array


@dataclass(frozen=True, slots=True)
class DeLong:
    """DeLong's test of two correlated ROC AUCs (1988); films count as independent.

    Attributes:
        difference: First minus second, with DeLong's interval.
        standard_error: Standard error of the difference; None if it does not exist.
        z: Difference / standard error, or None.
        p_value: Two-sided normal, or None; ``difference.note`` gives the reason.
    """

    first: float | None
    second: float | None
    difference: Figure
    standard_error: float | None
    z: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test of two models' calls; films count as independent.

    Attributes:
        only_first: Films that only the first model calls correctly.
        only_second: Films that only the second model calls correctly.
        p_exact: Two-sided binomial; conservative.
        p_mid: The mid-p variant, closer to the nominal level (Fagerland et al. 2013).
    """

    only_first: int
    only_second: int
    p_exact: float
    p_mid: float


def delong(
    positive: NDArray[np.bool_], first: NDArray[np.floating], second: NDArray[np.floating]
) -> DeLong:
    """DeLong's test, by the fast algorithm of Sun and Xu (2014).

    Args:
        positive: bool (films,).
        first: Scores of the first model, float (films,).
        second: Scores of the second model.

    Raises:
        UsageError: Lengths differ, or there are no films.
    """
    if not len(positive) == len(first) == len(second) or not len(positive):
        raise UsageError(
            f"{len(positive)} labels, {len(first)} and {len(second)} scores cannot be paired"
        )
    positive = as_bools(positive)
    reason = ""
    if positive.all() or not positive.any():
        reason = ONE_CLASS
    elif np.ptp(first) == 0 or np.ptp(second) == 0:
        reason = CONSTANT
    elif positive.sum() < 2 or (~positive).sum() < 2:
        reason = "a class has one film only"
    if reason:
        return _untested(None, None, Figure(None, note=reason))
    (below, above), (below_two, above_two) = (_components(positive, s) for s in (first, second))
    auc, auc_two = float(below.mean()), float(below_two.mean())
    gap = auc - auc_two
    variance = (below - below_two).var(ddof=1) / len(below)
    variance += (above - above_two).var(ddof=1) / len(above)
    if variance < 1e-20:  # rounding of components that agree
        return _untested(auc, auc_two, Figure(gap, note="both models rank these films alike"))
    error = float(np.sqrt(variance))
    reach = float(stats.norm.ppf(0.5 + LEVEL / 2)) * error
    z = gap / error
    return DeLong(
        first=auc,
        second=auc_two,
        difference=Figure(
            gap,
            max(gap - reach, -1.0),
            min(gap + reach, 1.0),
            "DeLong's; films count as independent",
        ),
        standard_error=error,
        z=z,
        p_value=float(2 * stats.norm.sf(abs(z))),
    )


def _untested(first: float | None, second: float | None, difference: Figure) -> DeLong:
    return DeLong(
        first=first,
        second=second,
        difference=difference,
        standard_error=None,
        z=None,
        p_value=None,
    )


def mcnemar(
    positive: NDArray[np.bool_], first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> McNemar:
    """McNemar's test of a difference between the accuracies of two models.

    Args:
        positive: bool (films,); limit all three to the ill (healthy) films for sensitivity
            (specificity).
        first: Whether the first model calls each film positive, bool (films,).
        second: The same for the second model.

    Raises:
        UsageError: Lengths differ, or there are no films.
    """
    if not len(positive) == len(first) == len(second) or not len(positive):
        raise UsageError(
            f"{len(positive)} labels, {len(first)} and {len(second)} calls cannot be paired"
        )
    positive, first, second = as_bools(positive), as_bools(first), as_bools(second)
    right, other = first == positive, second == positive
    b, c = int((right & ~other).sum()), int((other & ~right).sum())
    if b + c == 0:
        return McNemar(0, 0, 1.0, 1.0)
    tail = float(stats.binom.cdf(min(b, c), b + c, 0.5))
    exact = min(1.0, 2 * tail)
    at_result = float(stats.binom.pmf(min(b, c), b + c, 0.5))
    # This very result counts half, on both sides; with b == c both sides are the same.
    return McNemar(b, c, exact, 2 * tail - at_result if b != c else 1 - at_result / 2)


def _components(positive: NDArray[np.bool_], score: NDArray[np.floating]) -> tuple[Array, Array]:
    """Share of negatives below each positive film, and of positives above each negative film."""
    ranks = stats.rankdata(score)
    ill, healthy = positive.sum(), (~positive).sum()
    below = (ranks[positive] - stats.rankdata(score[positive])) / healthy
    above = 1 - (ranks[~positive] - stats.rankdata(score[~positive])) / ill
    return below, above
