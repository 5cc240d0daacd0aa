"""Brier score and its decomposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import ONE_CLASS
from pneumoscope.evidence.statistics.reliability import BINS, check_probabilities
from pneumoscope.metrics import equal_mass_bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WITHIN = (-0.5, 0.75)
"""Range of ``within_bins``: a variance in [0, 1/4] minus twice a covariance in [-1/4, 1/4]."""


@dataclass(frozen=True, slots=True)
class Brier:
    """Mean squared error of the probability, and its parts (Murphy 1973; Stephenson et al. 2008).

    score = reliability - resolution + uncertainty + within_bins, exactly.

    Attributes:
        score: In [0, 1]; 0 is perfect.
        reliability: Mean squared (observed - predicted) over bins; 0 is perfect.
        resolution: Mean squared (observed - prevalence) over bins; higher is better.
        uncertainty: prevalence (1 - prevalence): the score of always predicting the prevalence.
        within_bins: Variance of probabilities within bins minus twice their covariance with the
            labels: what binning hides.
        skill: 1 - score / uncertainty; 0 is no better than the prevalence.
    """

    score: Figure
    reliability: Figure
    resolution: Figure
    uncertainty: Figure
    within_bins: Figure
    skill: Figure


def brier(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap, bins: int = BINS
) -> Brier:
    """Brier score and its decomposition; args as in `reliability`."""
    positive, p = check_probabilities(positive, p, boot)
    y = positive.astype(np.float64)
    part = equal_mass_bins(p, bins)
    member = (part[:, None] == np.arange(part.max() + 1)).astype(np.float64)
    columns = np.concatenate(
        [member, member * p[:, None], member * y[:, None], ((p - y) ** 2)[:, None]], axis=1
    )
    sums = boot.sums(columns)
    mass, sum_p, sum_y = np.split(sums[:, :-1], 3, axis=1)
    total = mass.sum(axis=1)
    share = mass / total[:, None]
    score, rate = sums[:, -1] / total, sum_y.sum(axis=1) / total
    with np.errstate(invalid="ignore"):  # a draw may leave a bin empty
        predicted = np.where(mass > 0, sum_p / mass, 0.0)
        observed = np.where(mass > 0, sum_y / mass, 0.0)
    reliable = (share * (predicted - observed) ** 2).sum(axis=1)
    resolved = (share * (observed - rate[:, None]) ** 2).sum(axis=1)
    uncertain = rate * (1 - rate)
    with np.errstate(invalid="ignore", divide="ignore"):
        skill = np.where(uncertain > 0, 1 - score / uncertain, np.nan)
    return Brier(
        score=figure_of(score, boot, "unit"),
        reliability=figure_of(reliable, boot, (0.0, 1.0), bias="excess"),
        resolution=figure_of(resolved, boot, (0.0, 0.25), bias="excess"),
        uncertainty=_uncertainty(figure_of(rate, boot, "unit", trials=boot.patients)),
        within_bins=figure_of(score - reliable + resolved - uncertain, boot, _WITHIN),
        skill=figure_of(skill, boot, (-np.inf, 1.0), ONE_CLASS),
    )


def _uncertainty(rate: Figure) -> Figure:
    """rate (1 - rate), with the interval of the rate: it rises up to a rate of 0.5, then falls."""
    value = None if rate.value is None else rate.value * (1 - rate.value)
    if rate.low is None or rate.high is None:
        return Figure(value, note=rate.note)
    ends = [end * (1 - end) for end in (rate.low, rate.high)]
    high = 0.25 if rate.low <= 0.5 <= rate.high else max(ends)
    return Figure(value, min(ends), high, rate.note)
