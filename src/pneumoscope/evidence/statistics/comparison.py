"""Two models on the same films: is one better, and could these data tell?

`difference` respects that films of one patient belong together and goes for any figure. DeLong's
and McNemar's tests are what readers expect; both take films as independent, so with several films
a patient they find differences too easily, and the report should lead with `difference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.intervals import (
    LEVEL,
    Bootstrap,
    Figure,
    figure_of,
    standard_error,
)
from pneumoscope.evidence.statistics.ranking import CONSTANT, ONE_CLASS, ranking_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

POWER = 0.80
"""With which the smallest detectable difference would be found."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two models on the same films, and their difference.

    Attributes:
        first: The figure of the first model, None if it does not exist.
        second: Of the second.
        difference: First minus second, interval from paired draws of patients.
        p_value: Two-sided, of no difference: difference / standard error against Student's t with
            (patients - 1) degrees of freedom; None if there is no standard error.
        detectable: Smallest true difference that data like these would find at the 5 % level with
            80 % power: 2.8 standard errors. None if there is no standard error.
        verdict: The result in words.
    """

    first: float | None
    second: float | None
    difference: Figure
    p_value: float | None
    detectable: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class DeLong:
    """DeLong's test of two correlated ROC AUCs (1988); films count as independent.

    Attributes:
        difference: First minus second, with DeLong's interval.
        standard_error: Of the difference; None if it does not exist.
        z: Difference / standard error, or None.
        p_value: Two-sided normal, or None; ``difference.note`` says why.
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
        only_first: Films that only the first model calls rightly.
        only_second: Films that only the second calls rightly.
        p_exact: Two-sided binomial; never finds more than it should, often less.
        p_mid: The mid-p variant, closer to the nominal level (Fagerland et al. 2013).
    """

    only_first: int
    only_second: int
    p_exact: float
    p_mid: float


def difference(
    first: Array,
    second: Array,
    boot: Bootstrap,
    reason: str = "",
    sides: tuple[str, str] = ("first model's", "second model's"),
) -> Difference:
    """The difference of any figure, from its values on the same draws.

    Args:
        first: (draws + 1,), row 0 on all films, as ``ranking_samples``, ``threshold_samples`` and
            ``Bootstrap.over`` give them.
        second: Of the other model, with the same ``boot``.
        boot: The draws.
        reason: Why the figure does not exist, if it does not.
        sides: Whose figures the two are, for the verdict.

    Raises:
        UsageError: The samples have different lengths.
    """
    if first.shape != second.shape or len(first) != len(boot.counts):
        raise UsageError(f"figures of {first.shape} and {second.shape} draws cannot be paired")
    gap = first - second
    found = figure_of(gap, boot, "real", reason or "a model's figure does not exist on these films")
    one, two = (float(x[0]) if np.isfinite(x[0]) else None for x in (first, second))
    if found.low is None:
        return Difference(one, two, found, None, None, f"Nothing can be said: {found.note}.")
    error = standard_error(gap, boot)
    freedom = boot.patients - 1
    p_value = float(2 * stats.t.sf(abs(gap[0]) / error, freedom))
    detectable = float(error * (stats.t.ppf(0.5 + LEVEL / 2, freedom) + stats.norm.ppf(POWER)))
    return Difference(one, two, found, p_value, detectable, _verdict(found, detectable, sides))


def compare(
    positive: NDArray[np.bool_],
    scores: tuple[NDArray[np.floating], NDArray[np.floating]],
    thresholds: tuple[float, float],
    boot: Bootstrap,
) -> dict[str, Difference]:
    """Every figure of `ranking.Ranking` and `calls.AtThreshold` of two models.

    Args:
        positive: bool (films,).
        scores: Of the first and the second model, float (films,) each.
        thresholds: Each model's own.
        boot: Draws of the films' patients.

    Raises:
        UsageError: Lengths differ, or a score is NaN.
    """
    boot.check(first_scores=scores[0], second_scores=scores[1])
    both = [
        ranking_samples(positive, score, boot)
        | threshold_samples(positive, np.asarray(score) >= threshold, boot)
        for score, threshold in zip(scores, thresholds, strict=True)
    ]
    # Prevalence belongs to the films, not to a model.
    return {
        name: difference(both[0][name], both[1][name], boot)
        for name in both[0]
        if name != "prevalence"
    }


def delong(
    positive: NDArray[np.bool_], first: NDArray[np.floating], second: NDArray[np.floating]
) -> DeLong:
    """DeLong's test, by the fast algorithm of Sun and Xu (2014).

    Args:
        positive: bool (films,).
        first: Scores of the first model, float (films,).
        second: Of the second.

    Raises:
        UsageError: Lengths differ, or there are no films.
    """
    if not len(positive) == len(first) == len(second) or not len(positive):
        raise UsageError(
            f"{len(positive)} labels, {len(first)} and {len(second)} scores cannot be paired"
        )
    reason = ""
    if positive.all() or not positive.any():
        reason = ONE_CLASS
    elif np.ptp(first) == 0 or np.ptp(second) == 0:
        reason = CONSTANT
    elif positive.sum() < 2 or (~positive).sum() < 2:
        reason = "a class has one film only"
    if reason:
        return DeLong(None, None, Figure(None, note=reason), None, None, None)
    (below, above), (below_two, above_two) = (_components(positive, s) for s in (first, second))
    one, two = float(below.mean()), float(below_two.mean())
    gap = one - two
    variance = (below - below_two).var(ddof=1) / len(below)
    variance += (above - above_two).var(ddof=1) / len(above)
    if variance < 1e-20:  # rounding of components that agree
        same = Figure(gap, note="both models rank these films alike")
        return DeLong(one, two, same, None, None, None)
    error = float(np.sqrt(variance))
    reach = float(stats.norm.ppf(0.5 + LEVEL / 2)) * error
    z = gap / error
    found = Figure(gap, gap - reach, gap + reach, "DeLong's; films count as independent")
    return DeLong(one, two, found, error, z, float(2 * stats.norm.sf(abs(z))))


def mcnemar(
    positive: NDArray[np.bool_], first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> McNemar:
    """McNemar's test of whether two models' accuracies differ.

    Args:
        positive: bool (films,); limit all three to the ill (healthy) films for sensitivity
            (specificity).
        first: What the first model calls positive, bool (films,).
        second: What the second does.

    Raises:
        UsageError: Lengths differ, or there are no films.
    """
    if not len(positive) == len(first) == len(second) or not len(positive):
        raise UsageError(
            f"{len(positive)} labels, {len(first)} and {len(second)} calls cannot be paired"
        )
    right, other = first == positive, second == positive
    b, c = int((right & ~other).sum()), int((other & ~right).sum())
    if b + c == 0:
        return McNemar(0, 0, 1.0, 1.0)
    tail = float(stats.binom.cdf(min(b, c), b + c, 0.5))
    exact = min(1.0, 2 * tail)
    here = float(stats.binom.pmf(min(b, c), b + c, 0.5))
    # Exactly this result counts half, on both sides; with b == c both sides are the same.
    return McNemar(b, c, exact, 2 * tail - here if b != c else 1 - here / 2)


def _components(positive: NDArray[np.bool_], score: NDArray[np.floating]) -> tuple[Array, Array]:
    """Share of negatives below each positive film, and of positives above each negative film."""
    ranks = stats.rankdata(score)
    ill, healthy = positive.sum(), (~positive).sum()
    below = (ranks[positive] - stats.rankdata(score[positive])) / healthy
    above = 1 - (ranks[~positive] - stats.rankdata(score[~positive])) / ill
    return below, above


def _verdict(found: Figure, detectable: float, sides: tuple[str, str]) -> str:
    assert found.value is not None  # noqa: S101 - only called for figures that exist
    if found.low is not None and found.high is not None and not found.low <= 0 <= found.high:
        which = sides[0] if found.value > 0 else sides[1]
        return f"The {which} figure is higher by {abs(found.value):.3g}."
    return (
        f"A difference of {abs(found.value):.3g} is smaller than what these data can detect: a true "
        f"difference has to be about {detectable:.2g} to be found with {POWER:.0%} power."
    )
