"""Reliability plot and expected calibration error of probabilities of one class against the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.metrics import as_bools, equal_mass_bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

BINS = 15
"""As `pneumoscope.metrics.expected_calibration_error`."""


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
            it positive, so the lower end of the interval is reduced by ``by_chance``, and is 0
            unless perfect calibration can be ruled out.
        by_chance: The mean ECE of perfectly calibrated probabilities on films and patients
            like these.
        p_value: Share of such data sets with an ECE at least as large.
    """

    ece: Figure
    by_chance: float
    p_value: float


def reliability(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap, bins: int = BINS
) -> tuple[Bin, ...]:
    """The points of a reliability plot, over bins of equal mass.

    Args:
        positive: bool (films,).
        p: P(positive), (films,), in [0, 1].
        boot: Draws of the films' patients.
        bins: Maximum number of bins; equal probabilities stay in one bin.

    Raises:
        UsageError: Lengths differ, or a probability is outside [0, 1].
    """
    positive, p = check_probabilities(positive, p, boot)
    part = equal_mass_bins(p, bins)
    member = part[:, None] == np.arange(part.max() + 1)
    with np.errstate(invalid="ignore"):
        observed = boot.sums(member & positive[:, None]) / boot.sums(member)
    points = []
    for k in range(member.shape[1]):
        inside = p[member[:, k]]
        figure = figure_of(observed[:, k], boot, "unit", trials=boot.patients_with(member[:, k]))
        points.append(
            Bin(
                low=float(inside.min()),
                high=float(inside.max()),
                predicted=float(inside.mean()),
                observed=figure,
                films=len(inside),
            )
        )
    return tuple(points)


def calibration_error(
    positive: NDArray[np.bool_],
    p: NDArray[np.floating],
    boot: Bootstrap,
    bins: int = BINS,
    seed: int = 0,
) -> CalibrationError:
    """ECE with its interval, and the ECE that chance alone would give.

    For the latter, labels are drawn from the probabilities themselves, with one random number per
    patient, so that films of one patient agree as far as their probabilities do.

    Args:
        seed: Seed of the drawn labels. Other args as in `reliability`.
    """
    positive, p = check_probabilities(positive, p, boot)
    part = equal_mass_bins(p, bins)
    member = (part[:, None] == np.arange(part.max() + 1)).astype(np.float64)
    sample = np.abs(boot.sums(member * (positive - p)[:, None])).sum(axis=1)
    sample /= boot.sums(np.ones((boot.films, 1)))[:, 0]
    chance = _chance(p, member, boot, seed)
    # Labels that p makes certain cannot differ by chance: 1e-12 absorbs rounding only.
    p_value = float(np.mean(chance >= sample[0] - 1e-12))
    ece = figure_of(sample, boot, (0.0, 1.0))
    if ece.low is not None:
        low = max(0.0, ece.low - float(chance.mean())) if p_value <= 0.025 else 0.0
        ece = replace(ece, low=low, note="lower end reduced by what chance alone gives")
    return CalibrationError(ece, float(chance.mean()), p_value)


def _chance(p: Array, member: Array, boot: Bootstrap, seed: int) -> Array:
    """ECE of labels drawn from the probabilities, as many as there are draws."""
    rng = np.random.default_rng(seed)
    errors = []
    for _ in range(0, len(boot.counts) - 1, 100):
        u = rng.random((100, boot.patients))[:, boot.group]
        errors.append(np.abs(((u < p) - p) @ member).sum(axis=1) / boot.films)
    return np.concatenate(errors)


def check_probabilities(
    positive: NDArray[np.bool_], p: NDArray[np.floating], boot: Bootstrap
) -> tuple[NDArray[np.bool_], Array]:
    """Labels as bool, and probabilities as float64.

    Raises:
        UsageError: They do not fit the films, a label is neither 0 nor 1, or a probability is outside
            [0, 1].
    """
    boot.check(positive=positive, probabilities=p)
    probabilities = np.asarray(p, np.float64)
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise UsageError("probabilities lie outside [0, 1]", "Are these logits?")
    return as_bools(positive), probabilities
