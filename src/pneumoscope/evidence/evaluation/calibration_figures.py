"""Calibration of one question: before and after, and with other class shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation.questions import scores_of
from pneumoscope.evidence.evaluation.target_results import Calibration, CalibrationResult
from pneumoscope.evidence.statistics.brier import brier
from pneumoscope.evidence.statistics.prior_shift import adjust_priors, estimate_priors
from pneumoscope.evidence.statistics.recalibration import recalibration
from pneumoscope.evidence.statistics.reliability import calibration_error, reliability
from pneumoscope.evidence.statistics.smooth_calibration import smooth_calibration

if TYPE_CHECKING:
    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.evidence.statistics.prior_shift import PriorShift

_LEAST_SHARE = 1e-4
"""Of a class, when probabilities are corrected: a share of 0 would exclude the class entirely."""


def calibrations(q: Question, p: Array, meta: BundleMeta, settings: Settings) -> CalibrationResult:
    """Calibration of a question.

    Args:
        q: The question.
        p: Probabilities (films, labels) of all films.
        meta: Metadata of the bundle.
        settings: Seed of the draws.
    """
    k = q.column if meta.negative is None else 0
    line = (meta.calibration.scale[k], meta.calibration.offset[k])
    after = _calibration(q, q.p, line, settings.seed)
    before = after
    if meta.calibration.changes(k):
        before = _calibration(q, q.before, (1.0, 0.0), settings.seed)
    shift = _prior_shift(q, p, meta)
    if shift is None:
        return CalibrationResult(before, after, None, (), None)
    shares = np.array([figure.value or 0.0 for figure in shift.priors])
    shares = np.maximum(shares, _LEAST_SHARE)
    moved = adjust_priors(p[q.rows], np.array(shift.reference), shares / shares.sum())
    corrected = _calibration(q, scores_of(moved, meta)[:, 0], line, settings.seed)
    return CalibrationResult(before, after, shift, meta.labels, corrected)


def _prior_shift(q: Question, p: Array, meta: BundleMeta) -> PriorShift | None:
    counts = meta.data.get("films", {}).get("train", {})
    share = np.array([float(counts.get(label, 0)) for label in meta.labels])
    if meta.negative is None or not (share > 0).all():
        return None
    share = share / share.sum()
    if (prevalence := meta.calibration.prevalence) is not None:
        # The kinds keep their shares among the ill films.
        kinds = np.array(meta.labels) != meta.negative
        share = np.where(kinds, share * prevalence / share[kinds].sum(), 1 - prevalence)
    shift = estimate_priors(p[q.rows], share, q.boot)
    return shift if all(figure.value is not None for figure in shift.priors) else None


def _calibration(q: Question, p: Array, line: tuple[float, float], seed: int) -> Calibration:
    return Calibration(
        scale=line[0],
        offset=line[1],
        reliability=reliability(q.positive, p, q.boot),
        error=calibration_error(q.positive, p, q.boot, seed=seed),
        brier=brier(q.positive, p, q.boot),
        recalibration=recalibration(q.positive, p, q.boot),
        smooth=smooth_calibration(q.positive, p, q.boot),
    )
