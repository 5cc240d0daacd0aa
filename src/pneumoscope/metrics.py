"""Figures on labelled films, with patient-clustered intervals.

Films of one patient resemble each other, so an interval that treats films as independent is too
narrow: the bootstrap here draws patients, with all their films (Field and Welsh 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Weighted = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval, all in the figure's unit."""

    value: float
    low: float
    high: float


def interval_text(figure: Mapping[str, Any]) -> str:
    """A recorded interval for people: ``0.974 [0.960, 0.985]``."""
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def roc_auc(
    positive: NDArray[np.bool_], score: NDArray[np.floating[Any]], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Area under the ROC curve for many weightings of the same films at once.

    Args:
        positive: bool (n,).
        score: float (n,), higher for positive; ties count one half.
        weights: float64 (draws, n), how often each film counts.

    Returns:
        float64 (draws,); NaN where a draw holds one class only.
    """
    order = np.argsort(score, kind="stable")
    _, rank = np.unique(score[order], return_inverse=True)
    starts = np.flatnonzero(np.r_[True, np.diff(rank) > 0])
    sorted_positive = positive[order]
    sorted_weights = weights[:, order]
    up = np.add.reduceat(np.where(sorted_positive, sorted_weights, 0.0), starts, axis=1)
    down = np.add.reduceat(np.where(sorted_positive, 0.0, sorted_weights), starts, axis=1)
    below = np.cumsum(down, axis=1) - 0.5 * down
    pairs = up.sum(axis=1) * down.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (up * below).sum(axis=1) / pairs, np.nan)


def share(
    hit: NDArray[np.bool_], among: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted share of hits among a group, for many weightings; NaN where the group is empty.

    Sensitivity is the share of called among the ill, specificity the share of not called among
    the healthy, accuracy the share of right among all.
    """
    whole = weights @ among.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, weights @ (hit & among).astype(np.float64) / whole, np.nan)


def patient_bootstrap(
    figure: Weighted, patients: Sequence[str], draws: int = 2000, seed: int = 0
) -> Interval:
    """A figure on all films and its percentile interval over draws of patients.

    Args:
        figure: Takes weights float64 (draws, n), gives the figure float64 (draws,).
        patients: One key per film; films with the same key are drawn together.
        draws: Bootstrap samples.
        seed: Of the draws.

    Raises:
        UsageError: Not one film, or the figure does not exist on all films.
    """
    if not len(patients):
        raise UsageError("no films to measure")
    _, group = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    value = float(figure(np.ones((1, len(group))))[0])
    if not np.isfinite(value):
        raise UsageError("the figure does not exist on these films", "Is a class missing?")
    rng = np.random.default_rng(seed)
    count = int(group.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    sample = figure(drawn[:, group].astype(np.float64))
    low, high = np.nanpercentile(sample, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def expected_calibration_error(
    positive: NDArray[np.bool_], probability: NDArray[np.floating[Any]], bins: int = 15
) -> float:
    """ECE over bins of equal mass (Nixon et al. 2019), in [0, 1]."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return float(
        sum(
            len(part) / len(order) * abs(positive[part].mean() - probability[part].mean())
            for part in parts
        )
    )
