"""Figures of one bundle on labelled films: questions, classes, pairs of bundles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.results import (
    CALIBRATION,
    CONFORMAL,
    DECISION,
    SUBGROUPS,
    Calibration,
    CalibrationResult,
    ClassResult,
    Curve,
    Pair,
    PointResult,
    Settings,
    TargetResult,
)
from pneumoscope.evidence.evaluation.subgroups import subgroups
from pneumoscope.evidence.statistics import calibration as cal
from pneumoscope.evidence.statistics.calls import (
    at_prevalence,
    at_threshold,
    confusion,
    most_probable,
)
from pneumoscope.evidence.statistics.comparison import compare, delong, mcnemar
from pneumoscope.evidence.statistics.coverage import conformal_coverage
from pneumoscope.evidence.statistics.decision_curve import decision_curve, risk_coverage
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.prior_shift import adjust_priors, estimate_priors
from pneumoscope.evidence.statistics.ranking import ByClass, findings, one_against_rest, ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.evaluation.results import BundleResult, EvaluatedFilm
    from pneumoscope.evidence.evaluation.truth import Truth
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.evidence.statistics.prior_shift import PriorShift
    from pneumoscope.records import OperatingPoint

_LEAST_SHARE = 1e-4
"""Of a class, when probabilities are carried over: a share of 0 would forbid it for good."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a bundle answers with yes or no, on the films whose answer is known.

    Attributes:
        name: The positive verdict, or the finding.
        negative: What the other films are called.
        column: Of `Truth.targets`.
        rows: Positions of the films, (n,).
        positive: bool (n,).
        p: P(positive), (n,).
        before: The same before calibration.
        points: Its thresholds.
        boot: Draws of the films' patients.
    """

    name: str
    negative: str
    column: int
    rows: NDArray[np.intp]
    positive: NDArray[np.bool_]
    p: Array
    before: Array
    points: tuple[OperatingPoint, ...]
    boot: Bootstrap


def scores_of(p: Array, meta: BundleMeta) -> Array:
    """P(positive) by question, (films, questions), of probabilities (films, labels)."""
    if meta.negative is None:
        return p
    # As `triage.judge` does.
    return np.clip(1.0 - p[:, [meta.labels.index(meta.negative)]], 0.0, 1.0)


def questions(
    p: Array, truth: Truth, meta: BundleMeta, patients: Sequence[str], settings: Settings
) -> tuple[Question, ...]:
    """The bundle's questions; findings that the films do not tell are left out."""
    scores, before = scores_of(p, meta), scores_of(_uncalibrated(p, meta), meta)
    found = []
    names = meta.labels if meta.negative is None else (meta.positive,)
    for k, name in enumerate(names):
        rows = np.flatnonzero(~np.isnan(truth.targets[:, k]))
        if not len(rows):
            continue
        finding = None if meta.negative is not None else name
        found.append(
            Question(
                name,
                meta.negative or f"no {name}",
                k,
                rows,
                truth.targets[rows, k] == 1.0,
                scores[rows, k],
                before[rows, k],
                tuple(point for point in meta.operating_points if point.finding == finding),
                Bootstrap.of([patients[int(i)] for i in rows], settings.draws, settings.seed),
            )
        )
    return tuple(found)


def target_result(
    question: Question,
    films: Sequence[EvaluatedFilm],
    p: Array,
    meta: BundleMeta,
    settings: Settings,
) -> TargetResult:
    """Everything about one question.

    Args:
        question: The question.
        films: All films.
        p: Probabilities (films, labels) of all films.
        meta: Of the bundle.
        settings: Sections, prevalences, draws.
    """
    q, boot = question, question.boot
    wanted = settings.sections
    default = default_point(q, meta)
    both = bool(q.positive.any() and not q.positive.all())
    called = q.p >= default.threshold
    margin = np.abs(logit(q.p) - logit(np.array(default.threshold)))
    return TargetResult(
        q.name,
        q.negative,
        len(q.rows),
        boot.patients,
        int(q.positive.sum()),
        q.rows,
        q.positive,
        q.p,
        ranking(q.positive, q.p, boot),
        _roc(q) if both else None,
        _precision_recall(q) if both else None,
        tuple(_point(q, point, point == default, settings) for point in q.points),
        _calibrations(q, p, meta, settings) if CALIBRATION in wanted else None,
        decision_curve(q.positive, q.p, boot) if DECISION in wanted else None,
        risk_coverage(called == q.positive, margin, boot) if DECISION in wanted else None,
        subgroups(q, films, default.threshold, settings) if SUBGROUPS in wanted else (),
    )


def class_result(
    p: Array, truth: Truth, meta: BundleMeta, patients: Sequence[str], settings: Settings
) -> ClassResult | None:
    """Figures of classes on the films whose class is known; None if no film's is."""
    if truth.classes is None:
        return None
    rows = np.flatnonzero(truth.classes >= 0)
    if not len(rows) or len(np.unique(truth.classes[rows])) < 2:
        return None
    boot = Bootstrap.of([patients[int(i)] for i in rows], settings.draws, settings.seed)
    own, classes = p[rows], truth.classes[rows]
    return ClassResult(
        len(rows),
        one_against_rest(classes, own, meta.labels, boot),
        most_probable(classes, own, meta.labels, boot),
        conformal_coverage(classes, own, meta.labels, boot)
        if CONFORMAL in settings.sections and boot.patients > 1
        else None,
    )


def findings_result(
    p: Array, truth: Truth, meta: BundleMeta, patients: Sequence[str], settings: Settings
) -> ByClass | None:
    """Each finding ranked, and their mean; None for bundles for classes."""
    if meta.negative is not None:
        return None
    boot = Bootstrap.of(patients, settings.draws, settings.seed)
    return findings(truth.targets, p, meta.labels, boot)


def pair_results(
    bundles: Sequence[BundleResult], patients: Sequence[str], settings: Settings
) -> tuple[Pair, ...]:
    """Every two bundles on every question that both answer."""
    return tuple(
        pair
        for i, first in enumerate(bundles)
        for second in bundles[i + 1 :]
        for pair in _pairs(first, second, patients, settings)
    )


def logit(p: Array) -> Array:
    """Log odds of probabilities, kept `calibration.LEAST` from 0 and 1."""
    return np.asarray(special.logit(np.clip(p, cal.LEAST, 1 - cal.LEAST)))


def default_point(question: Question, meta: BundleMeta) -> OperatingPoint:
    """The threshold that makes the question's labels when nobody chooses."""
    name = meta.default_operating_point
    return next(point for point in question.points if point.name == name)


def _pairs(
    first: BundleResult, second: BundleResult, patients: Sequence[str], settings: Settings
) -> list[Pair]:
    found = []
    for one in first.targets:
        for two in second.targets:
            if one.name.lower() != two.name.lower():
                continue
            rows, at, at_two = np.intersect1d(one.rows, two.rows, return_indices=True)
            same = one.positive[at] == two.positive[at_two]
            rows, at, at_two = rows[same], at[same], at_two[same]
            if not len(rows):
                continue
            boot = Bootstrap.of([patients[int(i)] for i in rows], settings.draws, settings.seed)
            positive = one.positive[at]
            scores = one.p[at], two.p[at_two]
            cuts = one.default.figures.threshold, two.default.figures.threshold
            calls = scores[0] >= cuts[0], scores[1] >= cuts[1]
            groups = {
                "accuracy": np.ones(len(rows), bool),
                "sensitivity": positive,
                "specificity": ~positive,
            }
            found.append(
                Pair(
                    first.title,
                    second.title,
                    one.name,
                    len(rows),
                    boot.patients,
                    (one.default.name, two.default.name),
                    compare(positive, scores, cuts, boot),
                    delong(positive, *scores),
                    {
                        name: mcnemar(positive[own], calls[0][own], calls[1][own])
                        for name, own in groups.items()
                        if own.any()
                    },
                )
            )
    return found


def _point(q: Question, point: OperatingPoint, default: bool, settings: Settings) -> PointResult:
    called = (q.p >= point.threshold).astype(np.intp)
    return PointResult(
        point.name,
        default,
        point.rule,
        at_threshold(q.positive, q.p, point.threshold, q.boot),
        confusion(q.positive.astype(np.intp), called, (q.negative, q.name), q.boot),
        tuple(
            at_prevalence(q.positive, q.p, point.threshold, share, q.boot)
            for share in settings.prevalences
        ),
    )


def _calibrations(q: Question, p: Array, meta: BundleMeta, settings: Settings) -> CalibrationResult:
    question = q.column if meta.negative is None else 0
    line = (meta.calibration.scale[question], meta.calibration.offset[question])
    after = _calibration(q.positive, q.p, line, q.boot, settings.seed)
    before = after
    if meta.calibration.changes(question):
        before = _calibration(q.positive, q.before, (1.0, 0.0), q.boot, settings.seed)
    shift = _prior_shift(q, p, meta)
    if shift is None:
        return CalibrationResult(before, after, None, (), None)
    shares = np.array([figure.value or 0.0 for figure in shift.priors])
    shares = np.maximum(shares, _LEAST_SHARE)
    moved = adjust_priors(p[q.rows], np.array(shift.reference), shares / shares.sum())
    corrected = _calibration(q.positive, scores_of(moved, meta)[:, 0], line, q.boot, settings.seed)
    return CalibrationResult(before, after, shift, meta.labels, corrected)


def _prior_shift(q: Question, p: Array, meta: BundleMeta) -> PriorShift | None:
    counts = meta.data.get("films", {}).get("train", {})
    share = np.array([float(counts.get(label, 0)) for label in meta.labels])
    if meta.negative is None or not (share > 0).all():
        return None
    shift = estimate_priors(p[q.rows], share / share.sum(), q.boot)
    return shift if all(figure.value is not None for figure in shift.priors) else None


def _calibration(
    positive: NDArray[np.bool_], p: Array, line: tuple[float, float], boot: Bootstrap, seed: int
) -> Calibration:
    return Calibration(
        *line,
        cal.reliability(positive, p, boot),
        cal.calibration_error(positive, p, boot, seed=seed),
        cal.brier(positive, p, boot),
        cal.recalibration(positive, p, boot),
    )


def _uncalibrated(p: Array, meta: BundleMeta) -> Array:
    """Probabilities (films, labels) as they were before calibration."""
    return meta.calibration.undo(
        p, None if meta.negative is None else meta.labels.index(meta.negative)
    )


def _roc(q: Question) -> Curve:
    from sklearn.metrics import roc_curve

    x, y, cuts = roc_curve(q.positive, q.p)
    # scikit-learn begins at infinity, which JSON does not know.
    cuts[0] = np.nextafter(cuts[1] if len(cuts) > 1 else 1.0, 2.0)
    return Curve(tuple(x.tolist()), tuple(y.tolist()), tuple(cuts.tolist()))


def _precision_recall(q: Question) -> Curve:
    from sklearn.metrics import precision_recall_curve

    precision, recall, cuts = precision_recall_curve(q.positive, q.p)
    # The last point (recall 0, precision 1) belongs to no threshold.
    return Curve(
        tuple(recall[:-1][::-1].tolist()),
        tuple(precision[:-1][::-1].tolist()),
        tuple(cuts[::-1].tolist()),
    )


def check_settings(settings: Settings) -> None:
    """Refuses settings out of range.

    Raises:
        UsageError: Naming the option.
    """
    for share in settings.prevalences:
        if not 0 < share < 1:
            raise UsageError(
                f"--prevalence {share:g} is not between 0 and 1", "0.05 stands for 5 %."
            )
    if settings.draws < 2:
        raise UsageError(f"--draws {settings.draws}", "At least 2 are needed, 2000 are usual.")
