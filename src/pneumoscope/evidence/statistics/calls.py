"""Figures of two classes at one threshold: accuracy, sensitivity, predictive values and others.

All are computed from confusion matrices of draws of patients; ``tests/evidence/statistics/test_calls.py`` compares
them, weighted, with scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.confusion import kappa, mcc, tables
from pneumoscope.evidence.statistics.intervals import ALIKE, Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import ONE_CLASS, smaller_class
from pneumoscope.metrics import as_bools, largest_share_of_none

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array, Scale


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Figures of two classes at one threshold: a film at or above it is called positive.

    Attributes:
        lr_positive: Sensitivity / (1 - specificity), in [0, inf).
        lr_negative: (1 - sensitivity) / specificity, in [0, inf).
        mcc: Matthews' correlation, in [-1, 1].
        kappa: Cohen's kappa between call and label, in [-1, 1].
        prevalence: Share of positive films, on which PPV, NPV, accuracy and F1 depend.
    """

    threshold: float
    accuracy: Figure
    balanced_accuracy: Figure
    sensitivity: Figure
    specificity: Figure
    ppv: Figure
    npv: Figure
    f1: Figure
    mcc: Figure
    kappa: Figure
    lr_positive: Figure
    lr_negative: Figure
    prevalence: Figure


@dataclass(frozen=True, slots=True)
class AtPrevalence:
    """Predictive values where another share of films is positive.

    Attributes:
        prevalence: That share, in (0, 1).
    """

    prevalence: float
    ppv: Figure
    npv: Figure


_NO_POSITIVE, _NO_NEGATIVE = "no film is positive", "no film is negative"
_THRESHOLD: dict[str, tuple[Scale, str]] = {
    "accuracy": ("unit", ""),
    "balanced_accuracy": ("unit", ONE_CLASS),
    "sensitivity": ("unit", _NO_POSITIVE),
    "specificity": ("unit", _NO_NEGATIVE),
    "ppv": ("unit", "no film is called positive"),
    "npv": ("unit", "no film is called negative"),
    "f1": ("unit", "no film is positive or called so"),
    "mcc": ("correlation", "all films are of one class, or all are called alike"),
    "kappa": ("correlation", "label and call are one and the same class for all films"),
    "lr_positive": ("positive", "no negative film is called positive (infinite), or one class"),
    "lr_negative": ("positive", "no negative film is called negative (infinite), or one class"),
    "prevalence": ("unit", ""),
}
"""Name to scale, and to the reason why the figure does not exist."""
SHARES = {
    "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv", "prevalence",
}  # fmt: skip
"""Figures that are 1 only if all of these patients are called correctly: at 1 they have an exact interval."""


def at_threshold(
    positive: NDArray[np.bool_], score: NDArray[np.floating], threshold: float, boot: Bootstrap
) -> AtThreshold:
    """All figures of two classes at one threshold.

    Args:
        positive: bool (films,).
        score: float (films,); films at or above the threshold are called positive.
        threshold: In the unit of the score.
        boot: Draws of the films' patients.

    Raises:
        UsageError: Lengths differ, or a score is NaN.
    """
    boot.check(positive=positive, score=score)
    positive = as_bools(positive)
    called = np.asarray(score) >= threshold
    samples = threshold_samples(positive, called, boot)
    behind = {name: patients_behind(name, positive, boot) for name in _THRESHOLD}
    behind |= {"ppv": boot.patients_with(called), "npv": boot.patients_with(~called)}
    return AtThreshold(
        threshold=threshold,
        **{
            name: figure_of(
                samples[name],
                boot,
                scale,
                reason,
                trials=behind[name] if name in SHARES else 0,
                patients=behind[name],
            )
            for name, (scale, reason) in _THRESHOLD.items()
        },
    )


def patients_behind(figure: str, positive: NDArray[np.bool_], boot: Bootstrap) -> int:
    """Number of patients on whom a figure of `AtThreshold` or `ranking.Ranking` rests.

    Args:
        figure: Name of the figure. Of PPV and NPV, those of the smaller class: their own depend on the
            calls.
        positive: bool (films,).
        boot: Draws of the films' patients.
    """
    if figure in ("accuracy", "prevalence", "class_accuracy"):
        return boot.patients
    if figure in ("sensitivity", "specificity"):
        return boot.patients_with(positive if figure == "sensitivity" else ~positive)
    return smaller_class(positive, boot)


def threshold_samples(
    positive: NDArray[np.bool_], called: NDArray[np.bool_], boot: Bootstrap
) -> dict[str, Array]:
    """The figures of `AtThreshold` by name, on all films and all draws, (draws + 1,) each.

    Args:
        positive: bool (films,).
        called: bool (films,), whether each film is called positive.
        boot: Draws of the films' patients.

    Returns:
        NaN where a figure does not exist.
    """
    boot.check(positive=positive, called=called)
    truth, calls = (as_bools(labels).astype(np.intp) for labels in (positive, called))
    table = tables(truth, calls, 2, boot)
    (tn, fp), (fn, tp) = np.moveaxis(table, 0, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        figures = {
            "accuracy": (tp + tn) / (tp + fn + fp + tn),
            "balanced_accuracy": 0.5 * (sensitivity + specificity),
            "sensitivity": sensitivity,
            "specificity": specificity,
            "ppv": tp / (tp + fp),
            "npv": tn / (tn + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "mcc": mcc(table),
            "kappa": kappa(table),
            "lr_positive": sensitivity / (1 - specificity),
            "lr_negative": (1 - sensitivity) / specificity,
            "prevalence": (tp + fn) / (tp + fn + fp + tn),
        }
    return {name: np.where(np.isfinite(x), x, np.nan) for name, x in figures.items()}


def at_prevalence(
    positive: NDArray[np.bool_],
    score: NDArray[np.floating],
    threshold: float,
    prevalence: float,
    boot: Bootstrap,
) -> AtPrevalence:
    """PPV and NPV by Bayes' rule for another prevalence, with the same sensitivity and specificity.

    Args:
        prevalence: In (0, 1). Other args as in `at_threshold`.

    Raises:
        UsageError: The prevalence is out of range, lengths differ, or a score is NaN.
    """
    if not 0 < prevalence < 1:
        raise UsageError(f"prevalence {prevalence:g} is not between 0 and 1")
    boot.check(positive=positive, score=score)
    positive = as_bools(positive)
    samples = threshold_samples(positive, np.asarray(score) >= threshold, boot)
    sensitivity, specificity = samples["sensitivity"], samples["specificity"]
    hits, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    misses, right = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    with np.errstate(invalid="ignore", divide="ignore"):
        ppv, npv = hits / (hits + false), right / (right + misses)
    reason = "one class is missing, or all films are called alike"
    few = smaller_class(positive, boot)
    values = AtPrevalence(
        prevalence,
        figure_of(ppv, boot, "unit", reason, patients=few),
        figure_of(npv, boot, "unit", reason, patients=few),
    )
    # Without a single mistake on one side, its exact bound still limits the predictive value.
    if values.ppv == Figure(1.0, note=ALIKE):
        false_low = largest_share_of_none(boot.patients_with(~positive)) * (1 - prevalence)
        values = replace(values, ppv=_bounded(hits[0] / (hits[0] + false_low), "specificity"))
    if values.npv == Figure(1.0, note=ALIKE):
        misses_low = largest_share_of_none(boot.patients_with(positive)) * prevalence
        values = replace(values, npv=_bounded(right[0] / (right[0] + misses_low), "sensitivity"))
    return values


def _bounded(low: float, side: str) -> Figure:
    return Figure(1.0, float(low), 1.0, f"from the exact interval of {side}, which is 1 here")
