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
from pneumoscope.evidence.statistics.ranking import ranking_samples

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


def _verdict(found: Figure, detectable: float, sides: tuple[str, str]) -> str:
    assert found.value is not None  # noqa: S101 - only called for figures that exist
    if found.low is not None and found.high is not None and not found.low <= 0 <= found.high:
        which = sides[0] if found.value > 0 else sides[1]
        return f"The {which} figure is higher by {abs(found.value):.3g}."
    return (
        f"A difference of {abs(found.value):.3g} is smaller than what these data can detect: a true "
        f"difference has to be about {detectable:.2g} to be found with {POWER:.0%} power."
    )
