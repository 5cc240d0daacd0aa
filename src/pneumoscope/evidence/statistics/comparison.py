"""Two models on the same films: is one better, and could these data show it?

`difference` accounts for several films per patient and works for any figure. The tests that readers
expect are in `paired_tests`; they assume independent films, so with several films per patient they find
differences too easily. Reports should therefore give `difference` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.calls import patients_behind, threshold_samples
from pneumoscope.evidence.statistics.intervals import (
    LEVEL,
    Bootstrap,
    Figure,
    figure_of,
    standard_error,
)
from pneumoscope.evidence.statistics.ranking import ranking_samples
from pneumoscope.metrics import as_bools

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

POWER = 0.80
"""With which the smallest detectable difference would be found."""
_LARGEST = {"mcc": 2.0, "kappa": 2.0, "lr_positive": np.inf, "lr_negative": np.inf}
"""Largest differences of the figures that are not shares."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two models on the same films, and their difference.

    Attributes:
        first: The figure of the first model; None if it does not exist.
        second: The same for the second model.
        difference: First minus second, with an interval from paired draws of patients.
        p_value: Two-sided, for no difference: difference / standard error against Student's t with
            (patients - 1) degrees of freedom, see `figure_of`; None if there is no standard error.
        detectable: Smallest true difference that such data would show at the 5 % level with 80 %
            power: 2.8 standard errors. None if there is no standard error.
        verdict: The result as a sentence.
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
    *,
    largest: float = np.inf,
    patients: int = 0,
) -> Difference:
    """The difference of any figure, from its values on the same draws.

    Args:
        first: (draws + 1,), row 0 on all films, as returned by ``ranking_samples``,
            ``threshold_samples`` and ``Bootstrap.over``.
        second: The same for the second model, from the same draws.
        boot: The draws.
        reason: Why the figure does not exist, for that case.
        sides: Names of the two models in the verdict.
        largest: Largest difference that can occur: 1 for shares, 2 for correlations.
        patients: Number of patients on whom the figures rest, see `figure_of`.

    Raises:
        UsageError: The samples have different lengths.
    """
    if first.shape != second.shape or len(first) != len(boot.counts):
        raise UsageError(f"figures of {first.shape} and {second.shape} draws cannot be paired")
    sample = first - second
    gap = figure_of(
        sample,
        boot,
        (-largest, largest),
        reason or "a model's figure does not exist on these films",
        patients=patients,
    )
    values = [float(x[0]) if np.isfinite(x[0]) else None for x in (first, second)]
    p_value = detectable = None
    verdict = f"Nothing can be said: {gap.note}."
    if gap.low is not None:
        few = min(patients or boot.patients, boot.patients)
        error, freedom = standard_error(sample, boot, few), few - 1
        p_value = float(2 * stats.t.sf(abs(sample[0]) / error, freedom))
        detectable = float(error * (stats.t.ppf(0.5 + LEVEL / 2, freedom) + stats.norm.ppf(POWER)))
        verdict = _verdict(gap, detectable, sides)
    return Difference(
        first=values[0],
        second=values[1],
        difference=gap,
        p_value=p_value,
        detectable=detectable,
        verdict=verdict,
    )


def compare(
    positive: NDArray[np.bool_],
    scores: tuple[NDArray[np.floating], NDArray[np.floating]],
    thresholds: tuple[float, float],
    boot: Bootstrap,
) -> dict[str, Difference]:
    """Every figure of `ranking.Ranking` and `calls.AtThreshold` of two models.

    Args:
        positive: bool (films,).
        scores: Scores of the first and the second model, float (films,) each.
        thresholds: Thresholds of the first and the second model.
        boot: Draws of the films' patients.

    Raises:
        UsageError: Lengths differ, or a score is NaN.
    """
    boot.check(positive=positive, first_scores=scores[0], second_scores=scores[1])
    positive = as_bools(positive)
    samples = [
        ranking_samples(positive, score, boot)
        | threshold_samples(positive, np.asarray(score) >= threshold, boot)
        for score, threshold in zip(scores, thresholds, strict=True)
    ]
    # Prevalence is a property of the films, not of a model.
    return {
        name: difference(
            samples[0][name],
            samples[1][name],
            boot,
            largest=_LARGEST.get(name, 1.0),
            patients=patients_behind(name, positive, boot),
        )
        for name in samples[0]
        if name != "prevalence"
    }


def _verdict(gap: Figure, detectable: float, sides: tuple[str, str]) -> str:
    assert gap.value is not None  # noqa: S101 - only called for figures that exist
    if gap.low is not None and gap.high is not None and not gap.low <= 0 <= gap.high:
        which = sides[0] if gap.value > 0 else sides[1]
        return f"The {which} figure is higher by {abs(gap.value):.3g}."
    return (
        f"A difference of {abs(gap.value):.3g} is smaller than what these data can detect: a true "
        f"difference has to be about {detectable:.2g} to be found with {POWER:.0%} power."
    )
