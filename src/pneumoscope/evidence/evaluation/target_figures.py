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
from pneumoscope.evidence.evaluation.subgroups import subgroups
from pneumoscope.evidence.evaluation.target_results import (
    ClassResult,
    Curve,
    PointResult,
    TargetResult,
)
from pneumoscope.evidence.statistics.calls import at_prevalence, at_threshold
from pneumoscope.evidence.statistics.confusion import confusion
from pneumoscope.evidence.statistics.coverage import conformal_coverage
from pneumoscope.evidence.statistics.decision_curve import decision_curve, risk_coverage
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.most_probable import most_probable
from pneumoscope.evidence.statistics.ranking import ByClass, findings, one_against_rest, ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.evaluation.truth import Truth
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.records import OperatingPoint


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
    margin = np.abs(logit(q.p) - logit(default.threshold))
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
        calibrations(q, p, meta, settings) if CALIBRATION in wanted else None,
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
