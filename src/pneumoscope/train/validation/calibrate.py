"""Calibration and operating points, chosen on the validation films."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision import calibration, conformal
from pneumoscope.decision.probability import p_positive
from pneumoscope.train.validation import classes, findings
from pneumoscope.train.validation.predictions import PLAIN, Validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.records import OperatingPoint


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """What is fitted to the network's probabilities on the validation films.

    Attributes:
        calibration: Makes the logits calibrated probabilities.
        validation: Predictions of the calibrated network.
        points: Operating points on these probabilities.
        conformal: Scores of the validation films for sets of classes; None if there are too few.
    """

    calibration: Calibration
    validation: Validation
    points: tuple[OperatingPoint, ...]
    conformal: conformal.Scores | None


def calibrate(
    validation: Validation,
    labels: Sequence[str],
    positive: str,
    prevalence: float | None = None,
) -> Calibrated:
    """Fits the calibration, then the operating points and conformal scores that depend on it.

    Args:
        validation: Predictions of the network before calibration.
        labels: Classes or findings.
        positive: Name of the verdict on a film that is not negative.
        prevalence: Share of ill films at which the probabilities are to hold; None for that of the
            validation films. Not used for several findings.
    """
    fitted = fit_calibration(validation)
    if prevalence is not None and fitted.prevalence is not None:
        fitted = fitted.at_prevalence(prevalence)
    after = calibrated(validation, fitted)
    points = (
        findings.choose_operating_points(after, labels)
        if after.negative is None
        else classes.choose_operating_points(after)
    )
    return Calibrated(fitted, after, points, conformal_scores(after, labels, positive))


def fit_calibration(validation: Validation) -> Calibration:
    """Fits on plain and perturbed films alike; see `pneumoscope.decision.calibration.fit`.

    Args:
        validation: Predictions of the network before calibration.
    """
    return calibration.fit(validation.probabilities, validation.truth, validation.negative)


def calibrated(validation: Validation, by: Calibration) -> Validation:
    """The validation's predictions as the calibrated network would make them."""
    moved = {name: by.apply(p, validation.negative) for name, p in validation.probabilities.items()}
    return replace(validation, probabilities=moved)


def conformal_scores(
    validation: Validation, labels: Sequence[str], positive: str
) -> conformal.Scores | None:
    """Conformal scores of the plain validation films, from which sets of classes follow.

    Perturbed films do not count: a guarantee per class applies to films like those it was
    calibrated on, and each film may count only once. The negative side holds for the films of each
    source, see `conformal.Sides.of`.

    Args:
        validation: Predictions of the calibrated network.
        labels: Classes or findings.
        positive: Name of the verdict on a film that is not negative.

    Returns:
        None if no question has `conformal.LEAST_FILMS` of either side; findings with too few
        are left out.
    """
    p, truth = validation.probabilities[PLAIN], validation.truth
    if validation.negative is None:
        names, columns = labels, [(p[:, k], truth[:, k]) for k in range(len(labels))]
    else:
        ill = p_positive(p, validation.negative)
        names, columns = (positive,), [(ill, validation.ill.astype(np.float64))]
    questions = {
        name: conformal.Sides.of(
            p_yes[~np.isnan(t)],
            t[~np.isnan(t)] == 1,
            np.array(validation.sources)[~np.isnan(t)] if validation.sources else None,
        )
        for name, (p_yes, t) in zip(names, columns, strict=True)
        if min((t == 0).sum(), (t == 1).sum()) >= conformal.LEAST_FILMS
    }
    if not questions:
        return None
    kinds = {}
    if validation.negative is not None and len(labels) > 2:
        shares = p[:, 1:] / p[:, 1:].sum(axis=1, keepdims=True)
        kinds = {
            labels[k]: conformal.scores_of(shares[truth == k, k - 1]) for k in range(1, len(labels))
        }
    return conformal.Scores(questions, kinds)
