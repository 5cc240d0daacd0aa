"""Operating points: thresholds that are chosen on validation films and then kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logit
from pneumoscope.metrics import as_bools
from pneumoscope.records import OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Scores = Mapping[str, NDArray[np.float64]]

SCREEN, RULE_IN = 0.97, 0.95
"""Minimum sensitivity of ``screen`` and minimum specificity of ``rule-in``."""
NOISE = 0.005
"""Smaller than the standard error (0.008) of the worst balanced accuracy on about 780 films."""
LEAST = 1e-7
"""Thresholds stay this far inside (0, 1): the probabilities of a rare disease are small."""


def worst_balanced_accuracy(
    positive: NDArray[np.bool_], scores: Scores, threshold: float
) -> tuple[float, str]:
    """Lowest balanced accuracy over all conditions at one threshold, and its condition; see `choose`."""
    positive = as_bools(positive)
    results = {}
    for name, score in scores.items():
        called = score >= threshold
        results[name] = 0.5 * (called[positive].mean() + (~called[~positive]).mean())
    worst = min(results, key=results.__getitem__)
    return float(results[worst]), worst


def choose(positive: NDArray[np.bool_], scores: Scores) -> tuple[OperatingPoint, ...]:
    """``balanced``, ``screen`` and ``rule-in``, each chosen over all conditions.

    ``balanced`` has a worst-case balanced accuracy within `NOISE` of the best that any threshold
    reaches (with one condition, the best Youden index), see `_balanced`. ``screen`` is the highest
    threshold with the required sensitivity under every condition, and ``rule-in`` the lowest with
    the required specificity. If the classes are so well separated that one of them would be on the
    wrong side of ``balanced``, it equals ``balanced``.

    Args:
        positive: bool (n,), with films of both classes.
        scores: Name of the condition (untouched films, a perturbation) to P(positive), (n,).
    """
    positive = as_bools(positive)
    balanced = _balanced(positive, scores)
    screen = min(
        float(np.quantile(s[positive], 1 - SCREEN, method="lower")) for s in scores.values()
    )
    rule_in = max(
        float(np.quantile(s[~positive], RULE_IN, method="higher")) for s in scores.values()
    )
    best, everywhere = "best balanced accuracy", "on validation films"
    if len(scores) > 1:
        best = "best worst-case balanced accuracy over plain and perturbed films"
        everywhere = "on plain and on every set of perturbed validation films"
    screen = inside(min(screen, balanced))
    rule_in = inside(max(float(np.nextafter(rule_in, 2.0)), balanced))
    caught = min(float((s[positive] >= screen).mean()) for s in scores.values())
    spared = min(float((s[~positive] < rule_in).mean()) for s in scores.values())
    return (
        OperatingPoint("balanced", balanced, best),
        OperatingPoint("screen", screen, f"{_reached('sensitivity', caught, SCREEN)} {everywhere}"),
        OperatingPoint(
            "rule-in", rule_in, f"{_reached('specificity', spared, RULE_IN)} {everywhere}"
        ),
    )


def _reached(figure: str, value: float, least: float) -> str:
    """The rule of a point: no threshold below 1 spares healthy films with a probability of 1."""
    if value >= least:
        return f"{figure} >= {least}"
    return f"{figure} {value:.3f}, as {least} cannot be reached,"


def _balanced(positive: NDArray[np.bool_], scores: Scores) -> float:
    """The middle of the thresholds whose worst balanced accuracy is within `NOISE` of the best.

    The curve is flat at its top; a threshold in the middle does not depend on a few films. The
    middle is taken over thresholds in steps of 0.005. That grid misses the best where it lies near
    0 or 1 (a rare or a very common disease) or where all probabilities are alike. Then the middle
    is taken, in log odds, over all thresholds between two films around the best.
    """
    cuts = _cuts(scores)
    exact = _worst_of(positive, scores, cuts)
    grid = np.round(np.arange(0.02, 0.981, 0.005), 3)
    worst = _worst_of(positive, scores, grid)
    middle = float(np.median(grid[worst >= worst.max() - NOISE]))
    if worst_balanced_accuracy(positive, scores, middle)[0] >= exact.max() - NOISE:
        return middle
    return _middle_of_the_top(cuts, exact)


def _cuts(scores: Scores) -> NDArray[np.float64]:
    """Every threshold that calls the films of some condition differently, between two scores each."""
    values = np.unique(np.concatenate(list(scores.values())))
    between = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [1.0]])
    return np.unique(np.clip(between, LEAST, 1 - LEAST))


def _worst_of(
    positive: NDArray[np.bool_], scores: Scores, thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`worst_balanced_accuracy` of many thresholds, (thresholds,)."""
    worst = np.ones(len(thresholds))
    for score in scores.values():
        ill, healthy = np.sort(score[positive]), np.sort(score[~positive])
        missed = np.searchsorted(ill, thresholds, "left") / len(ill)
        spared = np.searchsorted(healthy, thresholds, "left") / len(healthy)
        worst = np.minimum(worst, 0.5 * (1 - missed + spared))
    return worst


def _middle_of_the_top(cuts: NDArray[np.float64], worst: NDArray[np.float64]) -> float:
    """Of the cuts around the best without a gap, the one in the middle of their log odds."""
    top = worst >= worst.max() - NOISE
    best = int(worst.argmax())
    below, above = np.flatnonzero(~top[:best]), np.flatnonzero(~top[best:])
    first = int(below[-1]) + 1 if len(below) else 0
    last = best + int(above[0]) - 1 if len(above) else len(cuts) - 1
    odds = logit(cuts[first : last + 1])
    return float(cuts[first + int(np.abs(odds - 0.5 * (odds[0] + odds[-1])).argmin())])


def inside(threshold: float) -> float:
    """A threshold at least `LEAST` from 0 and 1."""
    return float(np.clip(threshold, LEAST, 1 - LEAST))
