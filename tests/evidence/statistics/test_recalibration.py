from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from scipy import special
from sklearn.linear_model import LogisticRegression

from patients import calibrated, film_each
from pneumoscope.decision.calibration import Calibration
from pneumoscope.evidence.statistics import recalibration


def test_recalibration_agrees_with_scikit_learn() -> None:
    positive, p = calibrated(400)
    sharp = special.expit(1.8 * special.logit(p) + 0.5)
    x = special.logit(sharp)[:, None]
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, positive)
    line = recalibration.recalibration(positive, sharp, film_each(400))
    assert line.slope.value == pytest.approx(model.coef_[0, 0], rel=1e-4)
    assert line.intercept.value == pytest.approx(model.intercept_[0], abs=1e-4)
    # The intercept with slope 1 makes the mean probability the prevalence.
    moved = special.expit(x[:, 0] + line.in_the_large.value)
    assert moved.mean() == pytest.approx(positive.mean(), abs=1e-6)


def test_every_draw_is_fitted_as_scikit_learn_does() -> None:
    positive, p = calibrated(150)
    x, y = special.logit(p), positive.astype(float)
    boot = film_each(150, draws=5)
    lines = boot.over(lambda w: recalibration._fit(x, y, w, np.array([0.0, 1.0]), True))
    for k, counts in enumerate(boot.counts):
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
        model.fit(x[:, None], positive, sample_weight=counts[boot.group])
        assert lines[k] == pytest.approx([model.intercept_[0], model.coef_[0, 0]], abs=1e-4)


def test_the_slope_of_undone_calibration_is_its_scale() -> None:
    positive, p = calibrated(4000)
    p_of_classes = np.stack([1 - p, p], axis=1)
    fitted = Calibration((0.5,), (0.3,))
    before = fitted.undo(p_of_classes, 0)
    after, sharp = (
        recalibration.recalibration(positive, q[:, 1], film_each(4000))
        for q in (p_of_classes, before)
    )
    assert sharp.slope.value == pytest.approx(after.slope.value / 2)
    assert after.slope.low is not None
    assert after.slope.high is not None
    assert after.slope.low < 1 < after.slope.high


def test_a_missing_slope_has_a_reason() -> None:
    half = np.arange(40) >= 20
    apart = recalibration.recalibration(half, np.where(half, 0.9, 0.2), film_each(40))
    assert apart.slope.value is None
    assert "separated completely" in apart.slope.note
    assert apart.in_the_large.value is not None
    constant = recalibration.recalibration(half, np.full(40, 0.3), film_each(40))
    assert "equal" in constant.slope.note
    # logit 0.5 - logit 0.3
    assert constant.in_the_large.value == pytest.approx(0.847298, abs=1e-6)
    one_class = recalibration.recalibration(
        np.ones(40, bool), np.linspace(0.1, 0.9, 40), film_each(40)
    )
    assert one_class.in_the_large.note == "all films are of one class"
