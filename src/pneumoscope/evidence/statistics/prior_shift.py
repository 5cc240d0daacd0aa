"""Class shares that differ from those of the training: estimation without labels, and correction.

If only the shares of the classes change and films within a class do not (label shift), Bayes' rule
gives the corrected probabilities. Films of another hospital differ in more than that, so the estimate
is a hint, not a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

TOLERANCE = 1e-6
"""Largest change of a class share at which the iteration has converged."""
MOST_STEPS = 5000


@dataclass(frozen=True, slots=True)
class PriorShift:
    """Class shares that explain the probabilities best (Saerens, Latinne and Decaestecker 2002).

    Attributes:
        priors: Share of each class among these films, with intervals.
        reference: The shares that the probabilities assume, (classes,).
    """

    priors: tuple[Figure, ...]
    reference: tuple[float, ...]


def adjust_priors(
    p: NDArray[np.floating], reference: NDArray[np.floating], priors: NDArray[np.floating]
) -> Array:
    """Probabilities for other class shares, by Bayes' rule.

    Args:
        p: Probabilities (films, classes).
        reference: Class shares that they assume, (classes,): those of the training films.
        priors: The new class shares, (classes,).

    Returns:
        float64 (films, classes), rows sum to 1.

    Raises:
        UsageError: Shapes do not fit, or shares are not positive (new ones: negative) or do not
            sum to 1.
    """
    given = np.asarray(p, np.float64)
    if not np.isfinite(given).all():
        raise UsageError("a probability is not a number")
    old = _shares("reference", reference, given, strictly=True)
    scaled = given * (_shares("priors", priors, given, strictly=False) / old)
    total = scaled.sum(axis=1, keepdims=True)
    if not (total > 0).all():
        raise UsageError("a film is certainly of a class whose new share is 0")
    return np.asarray(scaled / total)


def estimate_priors(
    p: NDArray[np.floating], reference: NDArray[np.floating], boot: Bootstrap
) -> PriorShift:
    """The class shares of unlabelled films, by expectation maximisation.

    Args:
        p: Calibrated probabilities (films, classes).
        reference: Class shares that they assume, (classes,).
        boot: Draws of the films' patients.

    Raises:
        UsageError: Shapes do not fit, or the reference shares are not positive or do not sum to 1.
    """
    boot.check(probabilities=p)
    old = _shares("reference", reference, np.asarray(p, np.float64), strictly=True)
    # The minimum keeps the likelihood of every film above 0 for any shares.
    ratio = np.maximum(np.asarray(p, np.float64), 1e-12) / old
    whole = _maximise(ratio, np.ones((1, len(p))), old)[0]
    # A share of 0 would remain 0 in every draw.
    start = np.maximum(whole, 1e-4)
    start /= start.sum()
    sample = boot.over(lambda weights: _maximise(ratio, weights, start))
    sample[0] = whole
    reason = f"the iteration has not converged after {MOST_STEPS} steps"
    figures = tuple(figure_of(sample[:, k], boot, "unit", reason) for k in range(p.shape[1]))
    return PriorShift(figures, tuple(old.tolist()))


def _maximise(ratio: Array, weights: Array, start: Array) -> Array:
    """Class shares (draws, classes) that maximise the likelihood; NaN without convergence.

    Args:
        ratio: p / reference, (films, classes): the films' likelihoods up to a factor each.
        weights: (draws, films).
        start: Shares to begin with, (classes,).
    """
    shares = np.tile(start, (len(weights), 1))
    total = weights.sum(axis=1, keepdims=True)
    active = np.arange(len(weights))  # rows of `shares` that `weights` still belong to
    for _ in range(MOST_STEPS):
        old = shares[active]
        new = old * ((weights / (old @ ratio.T)) @ ratio) / total
        shares[active] = new
        going = np.abs(new - old).max(axis=1) > TOLERANCE
        if not going.any():
            return shares
        if going.mean() < 0.5:  # removing fewer rows costs more than it saves
            weights, total = weights[going], total[going]
            active = active[going]
            going = going[going]
    shares[active[going]] = np.nan
    return shares


def _shares(name: str, shares: NDArray[np.floating], p: Array, strictly: bool) -> Array:
    values = np.asarray(shares, np.float64)
    if p.ndim != 2 or values.shape != (p.shape[1],):
        raise UsageError(f"{name}: shares {values.shape} for probabilities {p.shape}")
    if (values < 0).any() or (strictly and (values == 0).any()) or abs(values.sum() - 1) > 1e-6:
        raise UsageError(f"{name}: {values.tolist()} are not class shares that sum to 1")
    return values
