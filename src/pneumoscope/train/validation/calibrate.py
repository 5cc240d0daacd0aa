"""Calibration and operating points, chosen on the validation films."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.sources import UNNAMED
from pneumoscope.decision import calibration, conformal
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.train.validation import classes, findings
from pneumoscope.train.validation.predictions import PLAIN, Validation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

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
    left_out: Mapping[str, NDArray[np.float64]] = MappingProxyType({}),
) -> Calibrated:
    """Fits the calibration, then the operating points and conformal scores that depend on it.

    Args:
        validation: Predictions of the network before calibration.
        labels: Classes or findings.
        positive: Name of the verdict on a film that is not negative.
        prevalence: Share of ill films at which the probabilities are to hold; None for that of the
            validation films. Not used for several findings.
        left_out: See `conformal_scores`.
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
    return Calibrated(fitted, after, points, conformal_scores(after, labels, positive, left_out))


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
    validation: Validation,
    labels: Sequence[str],
    positive: str,
    left_out: Mapping[str, NDArray[np.float64]] = MappingProxyType({}),
) -> conformal.Scores | None:
    """Conformal scores of the plain validation films, from which sets of classes follow.

    Perturbed films do not count: a guarantee per class applies to films like those it was
    calibrated on, and each film may count only once. Where several sources have enough negative
    films, the limit that keeps a negative film from a positive verdict holds in each of them: pooled,
    a large source hides what happens in a small one. The positive side is not made stricter: a source
    whose positive films look healthy, or are labelled wrongly, would leave hardly any film negative.

    Args:
        validation: Predictions of the calibrated network.
        labels: Classes or findings.
        positive: Name of the verdict on a film that is not negative.
        left_out: Source to P(positive) of its negative films, by a network that was trained without that
            source; each (n,) with n at least `conformal.LEAST_FILMS`. The limit holds in these sources, too.
            Not used for several findings.

    Returns:
        None if no question has `conformal.LEAST_FILMS` of either side; findings with too few
        are left out.
    """
    p, truth = validation.probabilities[PLAIN], validation.truth
    if validation.negative is None:
        answers = {name: (p[:, k], truth[:, k]) for k, name in enumerate(labels)}
    else:
        answers = {positive: (validation.p_positive(), validation.ill.astype(np.float64))}
    answers = {
        name: (p_yes, t)
        for name, (p_yes, t) in answers.items()
        if min((t == 0).sum(), (t == 1).sum()) >= conformal.LEAST_FILMS
    }
    if not answers:
        return None
    held = {name: _sources_with_limits(validation, t == 0) for name, (_, t) in answers.items()}
    questions = {
        name: conformal.Sides.of(
            p_yes[~np.isnan(t)],
            t[~np.isnan(t)] == 1,
            [*(p_yes[films] for films in held[name].values()), *left_out.values()],
        )
        for name, (p_yes, t) in answers.items()
    }
    kinds = {}
    if validation.negative is not None and len(labels) > 2:
        shares = p[:, 1:] / p[:, 1:].sum(axis=1, keepdims=True)
        kinds = {
            labels[k]: conformal.scores_of(shares[truth == k, k - 1]) for k in range(1, len(labels))
        }
    # Of several findings, the sources in which all of their limits hold, and from which error on.
    common = sorted(set.intersection(*(set(sources) for sources in held.values())))
    fewest = {name: min(int(films[name].sum()) for films in held.values()) for name in common}
    errors = {name: 1 / (films + 1) for name, films in fewest.items()}
    unseen = {name: 1 / (len(p_negative) + 1) for name, p_negative in left_out.items()}
    return conformal.Scores(questions, kinds, errors, unseen)


def positive_share(
    scores: conformal.Scores, validation: Validation, point: OperatingPoint, positive: str
) -> float:
    """Share of the positive plain films that get the positive verdict, at `DEFAULT_ERROR`.

    As for readers, see `pneumoscope.decision.triage.judge`: the set has the positive side alone, and the operating
    point says the same. It may not: some limits are below its threshold.

    Args:
        scores: Their limits decide.
        validation: Predictions of the calibrated network, with a negative class and positive films.
        point: The operating point.
        positive: Name of the verdict on a film that is not negative.
    """
    limits = scores.at(DEFAULT_ERROR)
    p = validation.p_positive()[validation.ill]
    alone = [limits.holds(positive, value) == (False, True) for value in p.tolist()]
    return float(np.mean(alone & (p >= point.threshold)))


def _sources_with_limits(
    validation: Validation, negative: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """Sources to their negative films, if several have enough of them; empty otherwise."""
    sources = np.array(validation.sources or ("",) * len(negative), np.str_)
    films = {
        source or UNNAMED: negative & (sources == source)
        for source in sorted(set(sources.tolist()))
    }
    enough = {name: rows for name, rows in films.items() if rows.sum() >= conformal.LEAST_FILMS}
    return enough if len(enough) > 1 else {}
