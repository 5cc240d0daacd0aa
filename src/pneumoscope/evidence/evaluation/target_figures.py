"""Figures of one bundle on labelled films, by question and by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logit
from pneumoscope.evidence.evaluation.calibration_figures import calibrations
from pneumoscope.evidence.evaluation.questions import default_point
from pneumoscope.evidence.evaluation.settings import (
    CALIBRATION,
    CONFORMAL,
    DECISION,
    SUBGROUPS,
    Settings,
)
from pneumoscope.evidence.evaluation.sources import source_result
from pneumoscope.evidence.evaluation.subgroups import subgroups
from pneumoscope.evidence.evaluation.target_results import (
    ClassResult,
    ConformalResult,
    Curve,
    PointResult,
    TargetResult,
    WithVerdict,
)
from pneumoscope.evidence.statistics.calls import at_prevalence, at_threshold
from pneumoscope.evidence.statistics.confusion import confusion
from pneumoscope.evidence.statistics.coverage import recalibrated_coverage, set_coverage
from pneumoscope.evidence.statistics.decision_curve import decision_curve, risk_coverage
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.most_probable import most_probable
from pneumoscope.evidence.statistics.ranking import ByClass, findings, one_against_rest, ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.evaluation.outcomes import Outcomes
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.evaluation.truth import Truth
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.records import OperatingPoint


def target_result(
    question: Question,
    films: Sequence[EvaluatedFilm],
    p: Array,
    outcomes: Outcomes,
    meta: BundleMeta,
    settings: Settings,
) -> TargetResult:
    """All figures of one question.

    Args:
        question: The question.
        films: All films.
        p: Probabilities (films, labels) of all films.
        outcomes: What the product decides about all films.
        meta: Metadata of the bundle.
        settings: Sections, prevalences, draws.
    """
    q, boot = question, question.boot
    sections = settings.sections
    default = default_point(q, meta)
    both = bool(q.positive.any() and not q.positive.all())
    called = q.p >= default.threshold
    margin = np.abs(logit(q.p) - logit(default.threshold))
    right = called == q.positive
    return TargetResult(
        name=q.name,
        negative=q.negative,
        films=len(q.rows),
        patients=boot.patients,
        positives=int(q.positive.sum()),
        rows=q.rows,
        positive=q.positive,
        p=q.p,
        ranking=ranking(q.positive, q.p, boot),
        with_verdict=_with_verdict(q, films, outcomes, default.threshold, settings),
        roc=_roc(q) if both else None,
        precision_recall=_precision_recall(q) if both else None,
        points=tuple(_point(q, point, point == default, settings) for point in q.points),
        calibration=calibrations(q, p, meta, settings) if CALIBRATION in sections else None,
        decision=decision_curve(q.positive, q.p, boot) if DECISION in sections else None,
        risk_coverage=risk_coverage(right, margin, boot) if DECISION in sections else None,
        conformal=_conformal(q, films, outcomes, settings) if CONFORMAL in sections else None,
        subgroups=subgroups(q, films, default.threshold, settings) if SUBGROUPS in sections else (),
        sources=source_result(q, films, default.threshold, settings)
        if SUBGROUPS in sections
        else None,
    )


def class_result(
    p: Array, truth: Truth, meta: BundleMeta, patients: Sequence[str], settings: Settings
) -> ClassResult | None:
    """Figures of classes on the films whose class is known; None if there are fewer than two."""
    if truth.classes is None:
        return None
    rows = np.flatnonzero(truth.classes >= 0)
    if not len(rows) or len(np.unique(truth.classes[rows])) < 2:
        return None
    boot = Bootstrap.of([patients[int(i)] for i in rows], settings.draws, settings.seed)
    known_p, classes = p[rows], truth.classes[rows]
    return ClassResult(
        len(rows),
        one_against_rest(classes, known_p, meta.labels, boot),
        most_probable(classes, known_p, meta.labels, boot),
    )


def findings_result(
    p: Array, truth: Truth, meta: BundleMeta, patients: Sequence[str], settings: Settings
) -> ByClass | None:
    """Each finding ranked, and their mean; None for bundles for classes."""
    if meta.negative is not None:
        return None
    boot = Bootstrap.of(patients, settings.draws, settings.seed)
    return findings(truth.targets, p, meta.labels, boot)


def _among(
    q: Question, films: Sequence[EvaluatedFilm], kept: NDArray[np.bool_], settings: Settings
) -> Bootstrap:
    """Draws of the patients of some of the question's films."""
    patients = [films[i].patient for i in q.rows[kept]]
    return Bootstrap.of(patients, settings.draws, settings.seed)


def _with_verdict(
    q: Question,
    films: Sequence[EvaluatedFilm],
    outcomes: Outcomes,
    threshold: float,
    settings: Settings,
) -> WithVerdict:
    kept = outcomes.shown_of(q.finding)[q.rows]
    if not kept.any():
        return WithVerdict(films=0, patients=0, positives=0, ranking=None, figures=None)
    boot = _among(q, films, kept, settings)
    positive, p = q.positive[kept], q.p[kept]
    return WithVerdict(
        films=len(p),
        patients=boot.patients,
        positives=int(positive.sum()),
        ranking=ranking(positive, p, boot),
        figures=at_threshold(positive, p, threshold, boot),
    )


def _conformal(
    q: Question, films: Sequence[EvaluatedFilm], outcomes: Outcomes, settings: Settings
) -> ConformalResult | None:
    passed = ~outcomes.refused[q.rows]
    if not passed.any():
        return None
    boot = _among(q, films, passed, settings)
    positive, p, names = q.positive[passed], q.p[passed], (q.negative, q.name)
    limits = outcomes.rules.limits
    known = limits is not None and q.name in limits.questions
    several = boot.patients > 1 and positive.any() and not positive.all()
    return ConformalResult(
        shipped=set_coverage(positive, p, limits, q.name, names, boot)
        if limits is not None and known
        else None,
        recalibrated=recalibrated_coverage(positive, p, names, boot) if several else None,
    )


def _point(q: Question, point: OperatingPoint, default: bool, settings: Settings) -> PointResult:
    called = (q.p >= point.threshold).astype(np.intp)
    return PointResult(
        name=point.name,
        default=default,
        rule=point.rule,
        figures=at_threshold(q.positive, q.p, point.threshold, q.boot),
        confusion=confusion(q.positive.astype(np.intp), called, (q.negative, q.name), q.boot),
        at_prevalence=tuple(
            at_prevalence(q.positive, q.p, point.threshold, share, q.boot)
            for share in settings.prevalences
        ),
    )


def _roc(q: Question) -> Curve:
    from sklearn.metrics import roc_curve

    x, y, thresholds = roc_curve(q.positive, q.p)
    # scikit-learn begins at infinity, which JSON cannot represent.
    thresholds[0] = np.nextafter(thresholds[1] if len(thresholds) > 1 else 1.0, 2.0)
    return Curve(tuple(x.tolist()), tuple(y.tolist()), tuple(thresholds.tolist()))


def _precision_recall(q: Question) -> Curve:
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(q.positive, q.p)
    # The last point (recall 0, precision 1) belongs to no threshold.
    return Curve(
        tuple(recall[:-1][::-1].tolist()),
        tuple(precision[:-1][::-1].tolist()),
        tuple(thresholds[::-1].tolist()),
    )
