"""Fits calibration, operating points, conformal scores and gate limits to a site's films.

Everything that is fitted is measured on films that had no part in it: patients are divided into ten
parts, and each part is judged by a fit to the other nine (cross-fitting).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision import conformal, thresholds
from pneumoscope.decision.calibration import Calibration, log_odds
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.probability import p_positive
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.statistics.coverage import sets_of
from pneumoscope.metrics import patient_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.records import OperatingPoint

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Choose = Callable[[Rows, Array], Sequence[OperatingPoint]]

PARTS = 10
SCALE_SD, OFFSET_SD = 0.5, 2.0
"""Standard deviations of the normal priors around scale 1 and offset 0. Scales outside 0 to 2 are not
expected; a prevalence of 0.12 or 0.88 instead of 0.5 corresponds to an offset of 2."""
_REFUSED = 0.02
"""Share of a site's films that one gate limit may refuse."""
LOOSEST = 1.1
"""Maximum of a site's gate limit as a multiple of the bundle's: films beyond it are unlike those that the
bundle knows, whatever the limit is."""


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """Results for films by fits that they had no part in.

    Attributes:
        p: P(positive), (films,).
        called: Operating point to whether the film was called positive, (films,).
        holds: Whether the conformal set holds the negative class, and the positive one, bool
            (films, 2).
    """

    p: Array
    called: Mapping[str, NDArray[np.bool_]]
    holds: NDArray[np.bool_]


def fit(odds: Array, positive: NDArray[np.bool_], patients: Sequence[str]) -> Calibration:
    """Scale and offset of the log odds, shrunk towards 1 and 0 if there are few films.

    Penalised likelihood: normal priors (`SCALE_SD`, `OFFSET_SD`) around the bundle's calibration, as
    Steyerberg et al. (2004) shrink an updated model towards the old one. Films of one patient are
    similar, so all films together weigh as much as there are patients.

    Args:
        odds: The bundle's log odds, (films,).
        positive: bool (films,), with both classes.
        patients: Key of each film's patient.

    Raises:
        DataError: The scale is 0 or below: the bundle's probability contradicts the labels.
    """
    weight = len(set(patients)) / len(odds)
    x = np.stack([odds, np.ones_like(odds)], axis=1)
    centre, precision = np.array([1.0, 0.0]), np.array([SCALE_SD, OFFSET_SD]) ** -2
    w = centre.copy()
    for _ in range(100):
        p = 0.5 * (1 + np.tanh(0.5 * (x @ w)))
        slope = weight * x.T @ (p - positive) + precision * (w - centre)
        bend = weight * (x * (p * (1 - p))[:, None]).T @ x + np.diag(precision)
        step = np.linalg.solve(bend, slope)
        # The penalised loss is convex; limiting the steps keeps Newton's method from overshooting.
        w = w - step * min(1.0, 1.0 / np.abs(step).max()) if np.abs(step).max() > 0 else w
        if np.abs(step).max() < 1e-9:
            break
    if w[0] <= 0:
        raise DataError(
            f"the bundle's probability falls where films are labelled ill (slope {w[0]:.2f})",
            "Are the labels swapped? If not, the bundle is useless on these films.",
        )
    return Calibration((float(w[0]),), (float(w[1]),), prevalence=float(positive.mean()))


def own_points(positive: NDArray[np.bool_]) -> Choose:
    """Chooses operating points as a training does (`thresholds.choose`), on the given films."""

    def choose(rows: Rows, p: Array) -> Sequence[OperatingPoint]:
        return [
            replace(point, rule=_of_the_site(point.rule))
            for point in thresholds.choose(positive[rows], {"plain": p})
        ]

    return choose


def cross_fit(
    p: Array,
    negative: int,
    positive: NDArray[np.bool_],
    patients: Sequence[str],
    choose: Choose,
    error: float = DEFAULT_ERROR,
) -> CrossFit:
    """Judges every film by calibration, points and scores that were fitted to other patients.

    Args:
        p: The bundle's class probabilities, (films, classes).
        negative: Column of the negative class.
        positive: bool (films,).
        patients: Key of each film's patient.
        choose: Chooses operating points, given the rows of films and their P(positive).
        error: Error of the conformal sets.
    """
    part = parts_of(positive, patients)
    crossed_p = np.empty(len(p))
    called: dict[str, NDArray[np.bool_]] = {}
    holds = np.ones((len(p), 2), bool)
    for k in range(part.max() + 1):
        rest, held_out = np.flatnonzero(part != k), np.flatnonzero(part == k)
        calibration = fit_rows(p, negative, positive, patients, rest)
        inside = calibration.apply(p[rest], negative)
        crossed_p[held_out] = p_positive(calibration.apply(p[held_out], negative), negative)
        for point in choose(rest, p_positive(inside, negative)):
            hits = called.setdefault(point.name, np.zeros(len(p), bool))
            hits[held_out] = crossed_p[held_out] >= point.threshold
        scores = scores_of(p_positive(inside, negative), positive[rest], "site")
        try:
            limits = scores.at(error)
        except UsageError:  # too few films: every set contains both classes
            continue
        holds[held_out] = sets_of(limits, "site", crossed_p[held_out])
    return CrossFit(crossed_p, called, holds)


def fit_rows(
    p: Array, negative: int, positive: NDArray[np.bool_], patients: Sequence[str], rows: Rows
) -> Calibration:
    """`fit` on some of the films, from class probabilities (films, classes)."""
    keys = [patients[i] for i in rows]
    return fit(log_odds(p[rows], negative)[:, 0], positive[rows], keys)


def parts_of(positive: NDArray[np.bool_], patients: Sequence[str], seed: int = 0) -> Rows:
    """Part of each film, (films,), from 0: no patient is in two parts, and each has both classes.

    There are `PARTS` parts, or fewer if one class has fewer patients.
    """
    group = patient_groups(patients)
    ill = np.bincount(group, weights=positive) > 0
    well = np.bincount(group, weights=~positive) > 0
    number = max(2, min(PARTS, int(ill.sum()), int(well.sum())))
    rng = np.random.default_rng(seed)
    part = np.empty(len(ill), np.intp)
    for kind in (ill & ~well, well & ~ill, ill & well):
        order = rng.permutation(np.flatnonzero(kind))
        part[order] = np.arange(len(order)) % number
    return np.asarray(np.unique(part[group], return_inverse=True)[1], np.intp)


def scores_of(p: Array, positive: NDArray[np.bool_], name: str) -> Scores:
    """Conformal scores of one question.

    Args:
        p: P(positive), (films,).
        positive: bool (films,).
        name: Name of the question.
    """
    return Scores({name: Sides.of(p, positive)})


def carried_scores(scores: Scores, calibration: Calibration, name: str) -> Scores:
    """The bundle's scores for a site with too few films: they give the same sets as before.

    The calibration is monotone, so transformed limits separate the same films.

    Args:
        scores: The bundle's.
        calibration: The site's.
        name: Name of the question.
    """

    def moved(p: Sequence[float]) -> Array:
        ill = np.array(p, np.float64).reshape(-1, 1)
        return calibration.apply(np.hstack([1 - ill, ill]), 0)[:, 1]

    sides = scores.questions[name]
    well = 1 - moved([1 - q for q in sides.negative])
    return Scores(
        {name: Sides(conformal.scores_of(well), conformal.scores_of(moved(sides.positive)))}
    )


def kind_scores(p: Array, classes: Rows, labels: Sequence[str], negative: int) -> Scores:
    """Conformal scores of the kinds: their share of P(positive) on the films that have them."""
    others = [k for k in range(len(labels)) if k != negative]
    if len(others) < 2:
        return Scores({})
    total = np.maximum(p[:, others].sum(axis=1), 1e-12)
    return Scores(
        {}, {labels[k]: conformal.scores_of((p[:, k] / total)[classes == k]) for k in others}
    )


def gate_limit(values: Array, bundle_limit: float) -> float | None:
    """A site's limit of one gate measurement, above which films are refused.

    The bundle's limit is kept (None) unless it refuses more than 2 % of the site's films. Otherwise it is
    raised to the value that at most 2 % of new films exceed (the conformal quantile), but to at most
    `LOOSEST` times the bundle's.

    Args:
        values: Values of the site's films, (films,).
        bundle_limit: Above 0.
    """
    if np.mean(values > bundle_limit) <= _REFUSED:
        return None
    k = int(np.ceil(round((1 - _REFUSED) * (len(values) + 1), 9)))
    wanted = float(np.sort(values)[k - 1]) if k <= len(values) else np.inf
    return float(min(max(wanted, bundle_limit), LOOSEST * bundle_limit))


def _of_the_site(rule: str) -> str:
    where = " on validation films"
    return rule.removesuffix(where) + " on the site's films"
