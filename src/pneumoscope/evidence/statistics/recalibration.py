"""Calibration slope and intercepts of probabilities of one class against the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logit
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import CONSTANT, ONE_CLASS
from pneumoscope.evidence.statistics.reliability import check_probabilities
from pneumoscope.metrics import roc_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

STEP = 1e-4
"""Newton's method stops below this step."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Logistic recalibration (Cox 1958): logit P(positive) = intercept + slope * logit(p).

    Attributes:
        slope: 1 is ideal; below 1 probabilities are too extreme, above 1 not extreme enough.
        intercept: Intercept of the same fit.
        in_the_large: The intercept with the slope fixed at 1; above 0 probabilities are too low
            on average.
    """

    slope: Figure
    intercept: Figure
    in_the_large: Figure


def recalibration(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap
) -> Recalibration:
    """Calibration slope and intercepts; args as in `reliability`."""
    positive, p = check_probabilities(positive, p, boot)
    x = logit(p)
    y = positive.astype(np.float64)
    reason = ""
    if positive.all() or not positive.any():
        reason = ONE_CLASS
        nothing = Figure(None, note=reason)
        return Recalibration(nothing, nothing, nothing)
    if np.ptp(x) == 0:
        reason = CONSTANT
    elif roc_auc(positive, p, np.ones((1, len(p))))[0] in (0.0, 1.0):
        reason = "the classes are separated completely: no finite slope fits best"
    failed = "the fit does not converge: hardly any film lies on the wrong side"
    large = figure_of(_fits(x, y, boot, slope=False)[:, 0], boot, "real", failed)
    if reason:
        nothing = Figure(None, note=reason)
        return Recalibration(nothing, nothing, large)
    both = _fits(x, y, boot, slope=True)
    slope, intercept = (figure_of(both[:, k], boot, "real", failed) for k in (1, 0))
    return Recalibration(slope, intercept, large)


def _fits(x: Array, y: Array, boot: Bootstrap, slope: bool) -> Array:
    """Fits to all films and to the draws; the latter start from the result of the former."""
    neutral = np.array([0.0, 1.0])
    start = _fit(x, y, np.ones((1, len(x))), neutral, slope)[0]
    if not np.isfinite(start).all():
        start = neutral
    return boot.over(lambda weights: _fit(x, y, weights, start, slope))


def _fit(x: Array, y: Array, weights: Array, start: Array, slope: bool) -> Array:
    """Logistic regressions of y on x for many weightings, by Newton's method.

    Returns:
        Intercept and slope, (draws, 2); NaN where Newton's method does not converge.
    """
    fits = np.tile(start, (len(weights), 1))
    columns = np.stack([np.ones_like(x), x, x * x], axis=1)
    wanted = (weights * y) @ columns[:, :2]
    with np.errstate(all="ignore"):
        for _ in range(30):
            # Three times as fast as special.expit; an overflow to inf gives the correct 0.
            mean = 1 / (1 + np.exp(-fits[:, :1] - fits[:, 1:] * x))
            weighted = weights * mean
            gradient = wanted - weighted @ columns[:, :2]
            weighted *= 1 - mean
            h = weighted @ columns
            if slope:
                bottom = h[:, 0] * h[:, 2] - h[:, 1] ** 2
                step = np.stack(
                    [
                        (h[:, 2] * gradient[:, 0] - h[:, 1] * gradient[:, 1]) / bottom,
                        (h[:, 0] * gradient[:, 1] - h[:, 1] * gradient[:, 0]) / bottom,
                    ],
                    axis=1,
                )
            else:
                step = np.stack([gradient[:, 0] / h[:, 0], np.zeros(len(h))], axis=1)
            # More than half of the largest logit, 13.8: larger steps occur only if the fit diverges.
            fits = fits + np.clip(step, -8.0, 8.0)
            # The remaining error is of the order of the last step squared.
            if not np.nanmax(np.abs(step), initial=0.0) > STEP:
                break
    bad = ~(np.abs(step).max(axis=1) <= STEP)
    return np.where(bad[:, None], np.nan, fits)
