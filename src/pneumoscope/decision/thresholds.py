"""Operating points: thresholds that are chosen on validation films and then kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.records import OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SCREEN, RULE_IN = 0.97, 0.95
"""Minimum sensitivity of ``screen`` and minimum specificity of ``rule-in``."""
NOISE = 0.005
"""Smaller than the standard error (0.008) of the worst balanced accuracy on about 780 films."""


def worst_balanced_accuracy(
    positive: NDArray[np.bool_], scores: Mapping[str, NDArray[np.float64]], threshold: float
) -> tuple[float, str]:
    """Lowest balanced accuracy over all conditions at one threshold, and its condition; see `choose`."""
    results = {}
    for name, score in scores.items():
        called = score >= threshold
        results[name] = 0.5 * (called[positive].mean() + (~called[~positive]).mean())
    worst = min(results, key=results.__getitem__)
    return float(results[worst]), worst


def choose(
    positive: NDArray[np.bool_], scores: Mapping[str, NDArray[np.float64]]
) -> tuple[OperatingPoint, ...]:
    """``balanced``, ``screen`` and ``rule-in``, each chosen over all conditions.

    ``balanced`` has the best worst-case balanced accuracy (with one condition, the best Youden
    index). Its curve is flat at the top, so the point is the middle of all thresholds within
    `NOISE` of the best; otherwise a few films would determine it. ``screen`` is the highest
    threshold with the required sensitivity under every condition, and ``rule-in`` the lowest with
    the required specificity. If the classes are so well separated that one of them would be on the
    wrong side of ``balanced``, it equals ``balanced``.

    Args:
        positive: bool (n,), with films of both classes.
        scores: Name of the condition (untouched films, a perturbation) to P(positive), (n,).
    """
    grid = np.round(np.arange(0.02, 0.981, 0.005), 3)
    worst = np.array([worst_balanced_accuracy(positive, scores, t)[0] for t in grid])
    balanced = float(np.median(grid[worst >= worst.max() - NOISE]))
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
    return (
        OperatingPoint("balanced", balanced, best),
        OperatingPoint(
            "screen", _inside(min(screen, balanced)), f"sensitivity >= {SCREEN} {everywhere}"
        ),
        OperatingPoint(
            "rule-in",
            _inside(max(float(np.nextafter(rule_in, 2.0)), balanced)),
            f"specificity >= {RULE_IN} {everywhere}",
        ),
    )


def _inside(threshold: float) -> float:
    return float(np.clip(threshold, 0.001, 0.999))
