"""The value of a model for decisions: net benefit, and the errors that deferring films avoids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.reliability import check_probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

THRESHOLDS = tuple(k / 100 for k in range(1, 100))
COVERAGES = tuple(k / 20 for k in range(1, 21))


@dataclass(frozen=True, slots=True)
class DecisionCurve:
    """Net benefit by threshold probability (Vickers and Elkin 2006), at these films' prevalence.

    A threshold of 0.2 means that four unnecessary treatments are accepted for one necessary one. Net
    benefit is the number of necessary treatments per film minus the unnecessary ones at that rate.

    Attributes:
        thresholds: In (0, 1).
        model: Net benefit of treating the films whose probability reaches the threshold.
        treat_all: Net benefit of treating all films; treating none has net benefit 0.
        gain: Gain of the model compared with the better of treating all and none.
    """

    thresholds: tuple[float, ...]
    model: tuple[Figure, ...]
    treat_all: tuple[Figure, ...]
    gain: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Errors among the most confident films (Geifman and El-Yaniv 2017).

    Attributes:
        coverages: Share of films kept, in (0, 1].
        risks: Share of errors among the films kept, the most confident first.
        aurc: Area under that curve: the mean risk over all coverages; 0 is perfect.
        full: Risk with every film kept, 1 - accuracy; random deferral has this risk at any coverage.
    """

    coverages: tuple[float, ...]
    risks: tuple[Figure, ...]
    aurc: Figure
    full: Figure


def decision_curve(
    positive: NDArray[np.bool_],
    p: NDArray[np.floating],
    boot: Bootstrap,
    thresholds: Sequence[float] = THRESHOLDS,
) -> DecisionCurve:
    """Net benefit of a model over thresholds.

    Args:
        positive: bool (films,).
        p: Calibrated P(positive), (films,), in [0, 1].
        boot: Draws of the films' patients.
        thresholds: In (0, 1).

    Raises:
        UsageError: Lengths differ, or a value is out of range.
    """
    positive, p = check_probabilities(positive, p, boot)
    at = np.asarray(thresholds, np.float64)
    if not len(at) or not ((at > 0) & (at < 1)).all():
        raise UsageError("thresholds of a decision curve lie between 0 and 1")
    called = p[:, None] >= at
    ill = positive[:, None]
    sums = boot.sums(np.concatenate([called & ill, called & ~ill, ill, np.ones_like(ill)], axis=1))
    hits, false = sums[:, : len(at)], sums[:, len(at) : 2 * len(at)]
    rate, whole = sums[:, -2:-1] / sums[:, -1:], sums[:, -1:]
    odds = at / (1 - at)
    model = (hits - false * odds) / whole
    everyone = rate - (1 - rate) * odds
    gain = model - np.maximum(everyone, 0.0)
    # At worst every film is treated and none is positive.
    benefit = [(-float(o), 1.0) for o in odds]
    better = [(-max(1.0, float(o)), min(1.0, float(o))) for o in odds]
    return DecisionCurve(
        thresholds=tuple(at.tolist()),
        model=_figures(model, boot, benefit),
        treat_all=_figures(everyone, boot, benefit),
        gain=_figures(gain, boot, better),
    )


def risk_coverage(
    right: NDArray[np.bool_],
    confidence: NDArray[np.floating],
    boot: Bootstrap,
    coverages: Sequence[float] = COVERAGES,
) -> RiskCoverage:
    """Risk by coverage, if the least confident films are left to a reader.

    Args:
        right: Whether the model calls the film correctly, bool (films,).
        confidence: float (films,), such as the largest probability, or the distance from the
            operating point. Films with equal confidence are kept or deferred together.
        boot: Draws of the films' patients.
        coverages: Shares of films to keep, in (0, 1].

    Raises:
        UsageError: Lengths differ, or a coverage is out of range.
    """
    boot.check(right=right, confidence=confidence)
    kept = np.asarray(coverages, np.float64)
    if not len(kept) or not ((kept > 0) & (kept <= 1)).all():
        raise UsageError("coverages lie above 0 and up to 1")
    order = np.argsort(-np.asarray(confidence), kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(confidence[order]) != 0])
    wrong = ~right[order]

    def curve(weights: Array) -> Array:
        ordered = weights[:, order]
        mass = np.add.reduceat(ordered, starts, axis=1)
        films = np.cumsum(mass, axis=1)
        errors = np.cumsum(np.add.reduceat(np.where(wrong, ordered, 0.0), starts, axis=1), axis=1)
        whole = films[:, -1:]
        # Before the first film of a draw the risk is undefined; its weight is 0.
        risk = np.where(films > 0, errors / np.maximum(films, 1.0), 0.0)
        area = (risk * mass).sum(axis=1, keepdims=True) / whole
        # 1e-9 films: a coverage of 0.3 of ten films is three films despite rounding.
        first = [(films >= c * whole - 1e-9).argmax(axis=1) for c in kept]
        return np.concatenate(
            [risk[np.arange(len(risk))[:, None], np.stack(first, axis=1)], area], axis=1
        )

    sample = boot.over(curve)
    number = len(order)
    most_confident = [order[: int(np.ceil(c * number - 1e-9))] for c in kept]
    patients = [len(np.unique(boot.group[films])) for films in most_confident]
    full = boot.sums((~right)[:, None])[:, 0] / boot.sums(np.ones((boot.films, 1)))[:, 0]
    return RiskCoverage(
        tuple(kept.tolist()),
        tuple(figure_of(sample[:, k], boot, "unit", trials=patients[k]) for k in range(len(kept))),
        figure_of(sample[:, -1], boot, "unit"),
        figure_of(full, boot, "unit", trials=boot.patients),
    )


def _figures(
    samples: Array, boot: Bootstrap, ranges: Sequence[tuple[float, float]]
) -> tuple[Figure, ...]:
    return tuple(figure_of(samples[:, k], boot, ends) for k, ends in enumerate(ranges))
