"""Calibration before and after, and for other class shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

for module in ("scipy", "sklearn"):
    pytest.importorskip(module)

from sklearn.metrics import brier_score_loss

from evaluated import question, settings
from pneumoscope.decision.calibration import Calibration
from pneumoscope.evidence.evaluation.calibration_figures import calibrations
from pneumoscope.evidence.evaluation.questions import Question
from tiny import findings_meta, tiny_meta

RNG = np.random.default_rng(7)
N = 90
CLASSES = np.arange(N) % 3
# Half of the films normal, in the shares that the network learned them.
P = RNG.dirichlet((2, 1, 1), N) * 0.6 + 0.4 * np.eye(3)[CLASSES]
SHARES = {"films": {"train": {"normal": 50, "bacterial": 25, "viral": 25}}}


def question_of_all() -> Question:
    return question((1 - P[:, 0]).tolist(), (CLASSES > 0).tolist())


def test_probabilities_that_were_not_calibrated_are_measured_once() -> None:
    result = calibrations(question_of_all(), P, tiny_meta(), settings())
    assert result.before is result.after
    assert (result.after.scale, result.after.offset) == (1.0, 0.0)
    assert result.after.brier.score.value == pytest.approx(
        brier_score_loss(CLASSES > 0, 1 - P[:, 0])
    )


def test_before_is_measured_on_the_networks_own_probabilities() -> None:
    meta = tiny_meta(calibration=Calibration((2.0,), (-0.5,), prevalence=0.5))
    odds = np.log((1 - P[:, 0]) / P[:, 0])
    before = 1 / (1 + np.exp(-(odds + 0.5) / 2))
    given = replace(question_of_all(), before=before)
    result = calibrations(given, P, meta, settings())
    assert (result.before.scale, result.before.offset) == (1.0, 0.0)
    assert (result.after.scale, result.after.offset) == (2.0, -0.5)
    assert result.before.brier.score.value == pytest.approx(brier_score_loss(CLASSES > 0, before))
    # The scale stretches the log odds by 2, so a slope of the calibrated ones is half of the other.
    before_slope = result.before.recalibration.slope.value
    after_slope = result.after.recalibration.slope.value
    assert before_slope is not None
    assert after_slope is not None
    assert after_slope == pytest.approx(before_slope / 2, rel=1e-4)


def test_the_columns_of_findings_have_their_own_line() -> None:
    scales, offsets = (1.0, 3.0, 1.0), (0.0, 0.25, 0.0)
    meta = findings_meta(calibration=Calibration(scales, offsets))
    given = replace(question_of_all(), column=1, finding="Mass", name="Mass")
    result = calibrations(given, P, meta, settings())
    assert (result.after.scale, result.after.offset) == (3.0, 0.25)
    assert (result.prior_shift, result.corrected) == (None, None)


@pytest.mark.parametrize(
    "data",
    [{}, {"films": {"train": {"normal": 50, "bacterial": 25}}}, {"films": {"validation": {}}}],
    ids=["no record", "a class without films", "no split"],
)
def test_without_all_shares_of_training_there_is_no_prior_shift(data: dict[str, object]) -> None:
    result = calibrations(question_of_all(), P, tiny_meta(data=data), settings())
    assert (result.prior_shift, result.prior_names, result.corrected) == (None, (), None)


def test_class_shares_are_compared_with_those_of_training() -> None:
    result = calibrations(question_of_all(), P, tiny_meta(data=SHARES), settings())
    assert result.prior_shift is not None
    assert result.prior_shift.reference == (0.5, 0.25, 0.25)
    assert result.prior_names == ("normal", "bacterial", "viral")
    shares = [figure.value for figure in result.prior_shift.priors]
    assert sum(x for x in shares if x is not None) == pytest.approx(1, abs=1e-6)


def test_corrected_probabilities_follow_bayes_with_the_estimated_shares() -> None:
    result = calibrations(question_of_all(), P, tiny_meta(data=SHARES), settings())
    assert result.prior_shift is not None
    assert result.corrected is not None
    shares = np.array([figure.value for figure in result.prior_shift.priors])
    weighted = P * np.maximum(shares, 1e-4) / [0.5, 0.25, 0.25]
    corrected = 1 - weighted[:, 0] / weighted.sum(axis=1)
    assert result.corrected.brier.score.value == pytest.approx(
        brier_score_loss(CLASSES > 0, corrected), abs=1e-6
    )


def test_a_class_that_has_vanished_keeps_a_small_share() -> None:
    # Films that are certainly normal or bacterial: the share of viral ones is estimated at 0.
    p = np.tile([[0.98, 0.02, 0.0], [0.02, 0.98, 0.0]], (20, 1))
    given = question((1 - p[:, 0]).tolist(), [False, True] * 20)
    result = calibrations(given, p, tiny_meta(data=SHARES), settings())
    assert result.prior_shift is not None
    assert result.prior_shift.priors[2].value == pytest.approx(0, abs=1e-6)
    assert result.corrected is not None
    score = result.corrected.brier.score.value
    assert score is not None
    assert score < 0.002
