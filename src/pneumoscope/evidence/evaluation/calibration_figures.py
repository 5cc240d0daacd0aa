"""Calibration of one question, before and after, and with other class shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation.questions import scores_of
from pneumoscope.evidence.evaluation.settings import (
    Settings,
)
from pneumoscope.evidence.evaluation.target_results import (
    Calibration,
    CalibrationResult,
)
from pneumoscope.evidence.statistics import brier, reliability
from pneumoscope.evidence.statistics import recalibration as cal
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.prior_shift import adjust_priors, estimate_priors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.evidence.statistics.prior_shift import PriorShift

_LEAST_SHARE = 1e-4
"""Of a class, when probabilities are carried over: a share of 0 would forbid it for good."""


def calibrations(q: Question, p: Array, meta: BundleMeta, settings: Settings) -> CalibrationResult:
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
        reliability.reliability(positive, p, boot),
        reliability.calibration_error(positive, p, boot, seed=seed),
        brier.brier(positive, p, boot),
        cal.recalibration(positive, p, boot),
    )
