"""Figures on labelled films, and the draws of patients for their intervals.

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

    from numpy.typing import ArrayLike, NDArray

    Weighted = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_MOST_DECIMALS = 7
"""Of thresholds that are too close to each other, or to 1, for three."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval, all in the figure's unit."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interval_text(figure: Mapping[str, Any]) -> str:
    """A recorded interval for people: ``0.974 [0.960, 0.985]``, or why there is none.

    Bundles of former versions recorded percentiles of the draws, which are no interval where all
    draws agree, and have no note.
    """
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None:
        return f"not defined: {figure.get('note', '')}"
    if low is None or high is None or low == high:
        reason = figure.get("note") or "every draw of patients gives the same value"
        return f"{value:.3f} (no interval: {reason})"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def threshold_text(threshold: float, decimals: int = 3) -> str:
    """A threshold for people: ``0.433``, or ``2.5e-04``, that of a rare finding, which is not 0."""
    if threshold >= 0.001:
        return f"{threshold:.{decimals}f}"
    return f"{threshold:.{decimals - 2}e}"


def threshold_texts(thresholds: Sequence[float]) -> list[str]:
    """Several thresholds of one scale, with enough digits, at most seven, to tell them apart and from 1."""
    for decimals in range(3, _MOST_DECIMALS):
        texts = [threshold_text(threshold, decimals) for threshold in thresholds]
        is_one = any(float(text) == 1 > p for text, p in zip(texts, thresholds, strict=True))
        if len({*texts}) == len({*thresholds}) and not is_one:
            return texts
    return [threshold_text(threshold, _MOST_DECIMALS) for threshold in thresholds]


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


def average_precision(
    positive: NDArray[np.bool_], score: NDArray[np.floating[Any]], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average precision (step-wise area under precision and recall) for many weightings at once.

    Args:
        positive: bool (n,).
        score: float (n,), higher for positive; films with equal scores are called together.
        weights: float64 (draws, n), how often each film counts.

    Returns:
        float64 (draws,); NaN where a draw holds no positive film.
    """
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])
    sorted_weights = weights[:, order]
    up = np.add.reduceat(np.where(positive[order], sorted_weights, 0.0), starts, axis=1)
    called = np.cumsum(np.add.reduceat(sorted_weights, starts, axis=1), axis=1)
    hits = np.cumsum(up, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(called > 0, hits / called, 0.0)
        return np.where(hits[:, -1] > 0, (up * precision).sum(axis=1) / hits[:, -1], np.nan)


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


def patient_groups(patients: Sequence[str]) -> NDArray[np.intp]:
    """Number of each film's patient, (n,), from 0 to patients - 1.

    Raises:
        UsageError: Not one film.
    """
    if not len(patients):
        raise UsageError("no films to measure")
    return np.asarray(np.unique(np.asarray(patients, dtype=str), return_inverse=True)[1])


def patient_draws(patients: int, draws: int, seed: int) -> NDArray[np.int64]:
    """How often each patient is drawn, (draws, patients): as many with replacement as there are."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(patients, np.full(patients, 1 / patients), size=draws)


def patient_bootstrap(
    figure: Weighted, patients: Sequence[str], draws: int = 2000, seed: int = 0
) -> Interval:
    """A figure on all films and its percentile interval over draws of patients.

    For the audit's screening of shortcuts and splits. Figures close to 1 get intervals that are too
    narrow and lie too high; the figures of bundles come from `pneumoscope.evidence.statistics.intervals`
    (docs/explanation/statistics.md).

    Args:
        figure: Takes weights float64 (draws, n), gives the figure float64 (draws,).
        patients: One key per film; films with the same key are drawn together.
        draws: Bootstrap samples.
        seed: Seed of the draws.

    Raises:
        UsageError: Not one film, or the figure does not exist on all films.
    """
    group = patient_groups(patients)
    value = float(figure(np.ones((1, len(group))))[0])
    if not np.isfinite(value):
        raise UsageError("the figure does not exist on these films", "Is a class missing?")
    drawn = patient_draws(int(group.max()) + 1, draws, seed)
    sample = figure(drawn[:, group].astype(np.float64))
    low, high = np.nanpercentile(sample, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def largest_share_of_none(patients: int) -> float:
    """Upper end of the exact 95 % interval (Clopper and Pearson) of a share of which no patient is a case."""
    return float(1 - 0.025 ** (1 / patients))


def equal_mass_bins(score: NDArray[np.floating[Any]], bins: int = 15) -> NDArray[np.intp]:
    """Bin of each film, (n,), by rank: equally many films each, but equal scores stay together.

    Bins are numbered from 0 in the order of the scores, without gaps; there are fewer than
    ``bins`` if films or distinct scores are few.
    """
    _, value, count = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - 0.5 * count  # midrank - 0.5, in (0, n)
    part = np.floor(bins * middle / len(score)).astype(np.intp)
    return np.asarray(np.unique(part, return_inverse=True)[1][value])


def expected_calibration_error(
    positive: NDArray[np.bool_], probability: NDArray[np.floating[Any]], bins: int = 15
) -> float:
    """ECE over bins of equal mass (Nixon et al. 2019), in [0, 1]."""
    part = equal_mass_bins(probability, bins)
    gap = np.bincount(part, weights=np.asarray(positive, np.float64) - probability)
    return float(np.abs(gap).sum() / len(part))


def as_bools(labels: ArrayLike) -> NDArray[np.bool_]:
    """Labels as bool: True and False, or 1 and 0, which numpy would take as positions of films.

    Raises:
        UsageError: A label is something else.
    """
    values = np.asarray(labels)
    if values.dtype != np.bool_ and not np.isin(values, (0, 1)).all():
        raise UsageError("a label is neither 0 nor 1", "1 stands for positive, 0 for negative.")
    return values.astype(np.bool_, copy=False)


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Probabilities (n, classes) of logits (n, classes)."""
    z = np.asarray(logits, np.float64)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))
