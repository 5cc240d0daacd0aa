"""Figures and operating points of a network that distinguishes classes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision import thresholds
from pneumoscope.decision.prevalence import at_prevalence
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.named_figures import named_figure
from pneumoscope.metrics import expected_calibration_error, roc_auc, share
from pneumoscope.train.validation.predictions import PLAIN, Validation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.metrics import Weighted
    from pneumoscope.records import OperatingPoint


def choose_operating_points(validation: Validation) -> tuple[OperatingPoint, ...]:
    """``balanced``, ``screen`` and ``rule-in``, on plain and perturbed validation films alike.

    See `pneumoscope.decision.thresholds.choose`.
    """
    scores = {name: validation.p_positive(name) for name in validation.probabilities}
    return thresholds.choose(validation.ill, scores)


def measures(
    validation: Validation, threshold: float | NDArray[np.float64], condition: str = PLAIN
) -> dict[str, Weighted]:
    """The figures of one condition at one threshold, or one per film (n,), as functions of weights (draws, n)."""
    truth, ill = validation.truth, validation.ill
    everyone = np.ones(len(truth), bool)
    p = validation.p_positive(condition)
    called = p >= threshold
    right = validation.probabilities[condition].argmax(axis=1) == truth
    return {
        "auc": lambda w: roc_auc(ill, p, w),
        "accuracy": lambda w: share(called == ill, everyone, w),
        "sensitivity": lambda w: share(called, ill, w),
        "specificity": lambda w: share(~called, ~ill, w),
        "balanced_accuracy": lambda w: 0.5 * (share(called, ill, w) + share(~called, ~ill, w)),
        "f1": lambda w: _f1(called, ill, w),
        "class_accuracy": lambda w: share(right, everyone, w),
    }


def figures(
    validation: Validation,
    point: OperatingPoint,
    prevalence: float | None = None,
    draws: int = 2000,
) -> dict[str, Any]:
    """The figures of the model card, each with a patient-clustered 95 % interval.

    Args:
        validation: Predictions of the calibrated network.
        point: The operating point that they are measured at.
        prevalence: Share of ill films at which the probabilities hold; None for that of these films.
        draws: Number of draws of the patient bootstrap.

    Returns:
        ``plain``: auc, accuracy, sensitivity, specificity, balanced_accuracy, f1, class_accuracy
        (of the most probable class) and ece, of probabilities carried to the share of ill films
        among these; ``stress``: name of each perturbation to the same
        figures without ece; ``worst``: name and value of the worst auc, balanced_accuracy and
        class_accuracy under stress.
    """
    boot = Bootstrap.of(validation.patients, draws)
    by_condition = {
        name: {
            key: asdict(named_figure(key, figure, validation.ill, boot))
            for key, figure in measures(validation, point.threshold, name).items()
        }
        for name in validation.probabilities
    }
    stress = {name: by_condition[name] for name in by_condition if name != PLAIN}

    def worst(figure: str) -> dict[str, Any]:
        name = min(stress, key=lambda n: stress[n][figure]["value"])
        return {"condition": name, **stress[name][figure]}

    return {
        "draws": draws,
        "films": len(validation.truth),
        "patients": len(set(validation.patients)),
        "operating_point": asdict(point),
        "plain": {
            **by_condition[PLAIN],
            "ece": _calibration_error(validation, PLAIN, prevalence),
        },
        "stress": stress,
        "stress_ece": float(
            np.mean([_calibration_error(validation, name, prevalence) for name in stress])
        ),
        "worst": {
            "auc": worst("auc"),
            "balanced_accuracy": worst("balanced_accuracy"),
            "class_accuracy": worst("class_accuracy"),
        },
    }


def p_among_films(
    validation: Validation, condition: str, prevalence: float | None
) -> NDArray[np.float64]:
    """P(positive) at the films' own share of ill ones, (n,).

    Args:
        validation: The probabilities.
        condition: Under which the films were predicted.
        prevalence: That of the probabilities; None if it is the films' own.
    """
    p = validation.p_positive(condition)
    return p if prevalence is None else at_prevalence(p, prevalence, float(validation.ill.mean()))


def _calibration_error(validation: Validation, condition: str, prevalence: float | None) -> float:
    p = p_among_films(validation, condition, prevalence)
    return expected_calibration_error(validation.ill, p)


def _f1(
    called: NDArray[np.bool_], ill: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    hits = weights @ (called & ill).astype(np.float64)
    with np.errstate(invalid="ignore"):  # NaN where a draw has neither called nor ill films
        return np.asarray(2 * hits / (weights @ (called.astype(np.float64) + ill)))
