"""A smoothed calibration curve: observed share by predicted probability, without bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logistic, logit
from pneumoscope.evidence.statistics.intervals import FEWEST_PATIENTS, Bootstrap
from pneumoscope.evidence.statistics.reliability import check_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

DRAWS = 200
"""Draws of patients for the band."""
_KNOTS = (0.05, 0.35, 0.65, 0.95)
"""Quantiles of the log odds at which the pieces of the curve meet (Harrell 2015, ch. 2.4)."""
_POINTS = 60
_LEAST = 5
"""Films of either class, and different probabilities, below which no curve is fitted."""
_PENALTY = 0.01
"""Of the squared coefficients: too weak to move the curve, but classes that are separated have a curve."""
_STEPS, _ENOUGH = 40, 1e-4
"""Most steps of Newton's method, and the step below which it stops."""


@dataclass(frozen=True, slots=True)
class SmoothCurve:
    """A calibration curve with a band, over the probabilities of the middle 98 % of the films.

    Attributes:
        predicted: Probabilities, rising.
        observed: Share of positive films among those with such a probability.
        low: Lower end of the band, 95 % at each point.
        high: Upper end.
    """

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def smooth_calibration(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap
) -> SmoothCurve | None:
    """Logistic regression of the labels on a cubic spline of the log odds.

    The band is that of draws of patients (Austin and Steyerberg 2014 smooth in the same way).

    Args:
        positive: bool (films,).
        p: P(positive), (films,), in [0, 1].
        boot: Draws of the films' patients; the first `DRAWS` are used.

    Returns:
        None if there are too few films of a class, different probabilities or patients.

    Raises:
        UsageError: Lengths differ, or a probability is outside [0, 1].
    """
    positive, p = check_probabilities(positive, p, boot)
    x = logit(p)
    knots = np.unique(np.quantile(x, _KNOTS))
    few = min(int(positive.sum()), int((~positive).sum()), len(np.unique(p)))
    if few < _LEAST or len(knots) < 2 or boot.patients < FEWEST_PATIENTS:
        return None
    ends = logit(np.quantile(p, [0.01, 0.99]))
    at = np.linspace(float(ends[0]), float(ends[1]), _POINTS)
    rows, grid = (_basis(values, knots) for values in (x, at))
    first = Bootstrap(boot.group, boot.counts[: DRAWS + 1])
    lines = first.over(lambda weights: _curves(rows, positive.astype(np.float64), weights, grid))
    curve, drawn = lines[0], lines[1:][np.isfinite(lines[1:]).all(axis=1)]
    if not np.isfinite(curve).all() or not len(drawn):
        return None
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return SmoothCurve(
        predicted=tuple(logistic(at).tolist()),
        observed=tuple(curve.tolist()),
        low=tuple(np.minimum(low, curve).tolist()),
        high=tuple(np.maximum(high, curve).tolist()),
    )


def _basis(x: Array, knots: Array) -> Array:
    """Columns of a cubic spline that is a line outside the knots."""
    from sklearn.preprocessing import SplineTransformer

    spline = SplineTransformer(degree=3, knots=knots[:, None], extrapolation="linear")
    spline.fit(knots[:, None])
    return np.asarray(spline.transform(x[:, None]))


def _curves(rows: Array, y: Array, weights: Array, grid: Array) -> Array:
    """Penalised logistic regressions for many weightings, by Newton's method.

    Args:
        rows: Columns of the spline, (films, k).
        y: Labels, (films,), 0 or 1.
        weights: (draws, films).
        grid: Columns of the spline where the curves are wanted, (points, k).

    Returns:
        The curves, (draws, points); NaN where a draw has one class.
    """
    k = rows.shape[1]
    squares = (rows[:, :, None] * rows[:, None, :]).reshape(-1, k * k)
    fits = np.zeros((len(weights), k))
    for _ in range(_STEPS):
        mean = logistic(fits @ rows.T)
        gradient = (weights * (y - mean)) @ rows - _PENALTY * fits
        h = ((weights * mean * (1 - mean)) @ squares).reshape(-1, k, k) + _PENALTY * np.eye(k)
        step = np.linalg.solve(h, gradient[:, :, None])[:, :, 0]
        fits += np.clip(step, -4.0, 4.0)
        if np.abs(step).max() < _ENOUGH:
            break
    positive = weights @ y
    both = (positive > 0) & (positive < weights.sum(axis=1))
    return np.where(both[:, None], logistic(fits @ grid.T), np.nan)
