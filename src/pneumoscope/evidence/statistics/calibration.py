"""Do probabilities mean what they say? Reliability, ECE, Brier score, slope and intercept.

All for one class against the others: P(pneumonia) as a rule. For "before temperature" give the
probabilities of `pneumoscope.metrics.with_temperature(p, 1 / T)`, T being the bundle's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import CONSTANT, ONE_CLASS
from pneumoscope.metrics import equal_mass_bins, roc_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

BINS = 15
"""As `pneumoscope.metrics.expected_calibration_error`."""
LEAST = 1e-7
"""Probabilities are kept this far from 0 and 1 before their logit: float32 saturates at 6e-8."""

STEP = 1e-4
"""Newton's method stops below this step."""


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of a reliability plot.

    Attributes:
        low: Lowest probability in the bin.
        high: Highest.
        predicted: Mean probability.
        observed: Share of positive films.
        films: How many films.
    """

    low: float
    high: float
    predicted: float
    observed: Figure
    films: int


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error over bins of equal mass.

    Attributes:
        ece: Mean over films of |observed - predicted| of their bin, in [0, 1]. Chance alone makes
            it positive, so the interval's lower end is less by ``by_chance``, and 0 unless
            perfect calibration can be ruled out.
        by_chance: The mean ECE of perfectly calibrated probabilities on films and patients
            like these.
        p_value: Share of such data with an ECE at least as large.
    """

    ece: Figure
    by_chance: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Brier:
    """Mean squared error of the probability, and its parts (Murphy 1973; Stephenson et al. 2008).

    score = reliability - resolution + uncertainty + within_bins, exactly.

    Attributes:
        score: In [0, 1]; 0 is perfect.
        reliability: Mean squared (observed - predicted) over bins; 0 is perfect.
        resolution: Mean squared (observed - prevalence) over bins; large is good.
        uncertainty: prevalence (1 - prevalence): the score of always saying the prevalence.
        within_bins: Variance of probabilities within bins less twice their covariance with the
            labels: what binning hides.
        skill: 1 - score / uncertainty; 0 is no better than the prevalence.
    """

    score: Figure
    reliability: Figure
    resolution: Figure
    uncertainty: Figure
    within_bins: Figure
    skill: Figure


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Logistic recalibration (Cox 1958): logit P(positive) = intercept + slope * logit(p).

    Attributes:
        slope: 1 is right; below 1 probabilities are too extreme, above 1 too timid.
        intercept: Of the same fit.
        in_the_large: The intercept with the slope held at 1: above 0 probabilities are too low
            on the whole.
    """

    slope: Figure
    intercept: Figure
    in_the_large: Figure


def reliability(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap, bins: int = BINS
) -> tuple[Bin, ...]:
    """The points of a reliability plot, over bins of equal mass.

    Args:
        positive: bool (films,).
        p: P(positive), (films,), in [0, 1].
        boot: Draws of the films' patients.
        bins: At most that many; equal probabilities stay together.

    Raises:
        UsageError: Lengths differ, or a probability is outside [0, 1].
    """
    p = check_probabilities(positive, p, boot)
    part = equal_mass_bins(p, bins)
    member = part[:, None] == np.arange(part.max() + 1)
    with np.errstate(invalid="ignore"):
        observed = boot.sums(member & positive[:, None]) / boot.sums(member)
    found = []
    for k in range(member.shape[1]):
        own = member[:, k]
        figure = figure_of(observed[:, k], boot, "unit", trials=boot.patients_with(own))
        inside = p[own]
        found.append(
            Bin(
                float(inside.min()),
                float(inside.max()),
                float(inside.mean()),
                figure,
                int(own.sum()),
            )
        )
    return tuple(found)


def calibration_error(
    positive: NDArray[np.bool_],
    p: NDArray[np.floating],
    boot: Bootstrap,
    bins: int = BINS,
    seed: int = 0,
) -> CalibrationError:
    """ECE with interval, beside what chance alone would give.

    Chance: labels are drawn from the probabilities themselves, with one random number for each
    patient, so that films of one patient agree as far as their probabilities do.

    Args:
        seed: Of the labels drawn. Other args as in `reliability`.
    """
    p = check_probabilities(positive, p, boot)
    part = equal_mass_bins(p, bins)
    member = (part[:, None] == np.arange(part.max() + 1)).astype(np.float64)
    sample = np.abs(boot.sums(member * (positive - p)[:, None])).sum(axis=1)
    sample /= boot.sums(np.ones((boot.films, 1)))[:, 0]
    chance = _chance(p, member, boot, seed)
    # A label that p makes certain can't differ by chance: 1e-12 absorbs rounding only.
    p_value = float(np.mean(chance >= sample[0] - 1e-12))
    found = figure_of(sample, boot, "real")
    if found.low is not None:
        low = max(0.0, found.low - float(chance.mean())) if p_value <= 0.025 else 0.0
        found = replace(found, low=low, note="lower end less what chance alone gives")
    return CalibrationError(found, float(chance.mean()), p_value)


def brier(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap, bins: int = BINS
) -> Brier:
    """Brier score and its decomposition; args as in `reliability`."""
    p = check_probabilities(positive, p, boot)
    y = positive.astype(np.float64)
    part = equal_mass_bins(p, bins)
    member = (part[:, None] == np.arange(part.max() + 1)).astype(np.float64)
    columns = np.concatenate(
        [member, member * p[:, None], member * y[:, None], ((p - y) ** 2)[:, None]], axis=1
    )
    sums = boot.sums(columns)
    mass, sum_p, sum_y = np.split(sums[:, :-1], 3, axis=1)
    whole = mass.sum(axis=1)
    share = mass / whole[:, None]
    score, rate = sums[:, -1] / whole, sum_y.sum(axis=1) / whole
    with np.errstate(invalid="ignore"):  # a draw may leave a bin empty
        predicted = np.where(mass > 0, sum_p / mass, 0.0)
        observed = np.where(mass > 0, sum_y / mass, 0.0)
    reliable = (share * (predicted - observed) ** 2).sum(axis=1)
    resolved = (share * (observed - rate[:, None]) ** 2).sum(axis=1)
    uncertain = rate * (1 - rate)
    with np.errstate(invalid="ignore", divide="ignore"):
        skill = np.where(uncertain > 0, 1 - score / uncertain, np.nan)
    return Brier(
        figure_of(score, boot, "unit"),
        figure_of(reliable, boot, "positive", biased=True),
        figure_of(resolved, boot, "positive", biased=True),
        figure_of(uncertain, boot, "positive"),
        figure_of(score - reliable + resolved - uncertain, boot, "real"),
        figure_of(skill, boot, "real", ONE_CLASS),
    )


def recalibration(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap
) -> Recalibration:
    """Calibration slope and intercepts; args as in `reliability`."""
    p = check_probabilities(positive, p, boot)
    x = special.logit(np.clip(p, LEAST, 1 - LEAST))
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
    """Fits on all films and on the draws, which begin where that on all films ends."""
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
    found = np.tile(start, (len(weights), 1))
    columns = np.stack([np.ones_like(x), x, x * x], axis=1)
    wanted = (weights * y) @ columns[:, :2]
    with np.errstate(all="ignore"):
        for _ in range(30):
            # Three times as fast as special.expit; an overflow to inf gives the right 0.
            mean = 1 / (1 + np.exp(-found[:, :1] - found[:, 1:] * x))
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
            # Half of logit(LEAST): larger steps only happen on the way to infinity.
            found = found + np.clip(step, -8.0, 8.0)
            # The error is of the order of the last step's square.
            if not np.nanmax(np.abs(step), initial=0.0) > STEP:
                break
    bad = ~(np.abs(step).max(axis=1) <= STEP)
    return np.where(bad[:, None], np.nan, found)


def _chance(p: Array, member: Array, boot: Bootstrap, seed: int) -> Array:
    """ECE of labels drawn from the probabilities, as many as there are draws."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(0, len(boot.counts) - 1, 100):
        u = rng.random((100, boot.patients))[:, boot.group]
        found.append(np.abs(((u < p) - p) @ member).sum(axis=1) / boot.films)
    return np.concatenate(found)


def check_probabilities(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap
) -> Array:
    """Probabilities as float64, if they fit the films and lie in [0, 1]; else a `UsageError`."""
    boot.check(positive=positive, probabilities=p)
    found = np.asarray(p, np.float64)
    if found.min() < 0 or found.max() > 1:
        raise UsageError("probabilities lie outside [0, 1]", "Are these logits?")
    return found
