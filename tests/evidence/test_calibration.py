from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import brier, reliability
from pneumoscope.evidence.statistics import recalibration as calibration
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.metrics import equal_mass_bins


def alone(films: int, draws: int = 200) -> Bootstrap:
    """Every film is of a patient of its own."""
    return Bootstrap.of([str(k) for k in range(films)], draws=draws)


def honest(films: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from their probabilities."""
    rng = np.random.default_rng(seed)
    p = special.expit(rng.normal(0, 1.5, films))
    return rng.random(films) < p, p


def test_reliability_by_hand() -> None:
    positive = np.array([False, True, True, True])
    p = np.array([0.1, 0.2, 0.7, 0.8])
    low, high = reliability.reliability(positive, p, alone(4), bins=2)
    assert (low.low, low.high, low.predicted) == pytest.approx((0.1, 0.2, 0.15))
    assert (low.observed.value, high.observed.value) == (0.5, 1.0)
    assert (low.films, high.films) == (2, 2)


def test_equal_probabilities_share_a_bin() -> None:
    # Sorted labels must not make bins of zeros and bins of ones.
    positive = np.arange(40) >= 20
    assert len(reliability.reliability(positive, np.full(40, 0.5), alone(40))) == 1
    found = reliability.calibration_error(positive, np.full(40, 0.5), alone(40))
    assert found.ece.value == pytest.approx(0.0)


def test_ece_by_hand() -> None:
    positive = np.array([False, True, True, True])
    p = np.array([0.1, 0.2, 0.7, 0.8])
    found = reliability.calibration_error(positive, p, alone(4), bins=2)
    assert found.ece.value == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)


def test_ece_by_chance_by_hand() -> None:
    # One bin of one patient with p = 0.8: the label is 1 (ECE 0.2) four times in five, else 0.8.
    found = reliability.calibration_error(
        np.array([True]), np.array([0.8]), Bootstrap.of(["a"], draws=20_000), bins=1
    )
    assert found.by_chance == pytest.approx(0.8 * 0.2 + 0.2 * 0.8, abs=0.01)
    assert found.p_value == 1.0


def test_perfect_calibration_is_not_ruled_out_and_bad_one_is() -> None:
    positive, p = honest(1500)
    good = reliability.calibration_error(positive, p, alone(1500))
    assert good.ece.low == 0.0
    assert good.p_value > 0.025
    assert good.ece.value == pytest.approx(good.by_chance, rel=0.4)
    bad = reliability.calibration_error(positive, p**3, alone(1500))
    assert bad.p_value < 0.005
    assert bad.ece.low is not None
    assert bad.ece.low > 0.05


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_the_brier_score_is_the_sum_of_its_parts(bins: int) -> None:
    positive, p = honest(200)
    found = brier.brier(positive, p, alone(200), bins)
    parts = [
        getattr(found, name).value
        for name in ("reliability", "resolution", "uncertainty", "within_bins")
    ]
    assert found.score.value == pytest.approx(brier_score_loss(positive, p))
    assert parts[0] - parts[1] + parts[2] + parts[3] == pytest.approx(found.score.value)
    # Stephenson et al. (2008), eq. 5: variance within bins less twice the covariance.
    part = equal_mass_bins(p, bins)
    within = 0.0
    for k in range(part.max() + 1):
        own, y = p[part == k], positive[part == k]
        within += ((own - own.mean()) ** 2).sum() - 2 * ((own - own.mean()) * (y - y.mean())).sum()
    assert parts[3] == pytest.approx(within / 200)


def test_brier_parts_by_hand() -> None:
    # Two bins with one probability each: nothing is hidden within.
    positive = np.array([False, False, True, False, True, True])
    p = np.array([0.2, 0.2, 0.2, 0.6, 0.6, 0.6])
    found = brier.brier(positive, p, alone(6))
    assert found.reliability.value == pytest.approx(((1 / 3 - 0.2) ** 2 + (2 / 3 - 0.6) ** 2) / 2)
    assert found.resolution.value == pytest.approx((1 / 6) ** 2)
    assert found.uncertainty.value == pytest.approx(0.25)
    assert found.within_bins.value == pytest.approx(0.0, abs=1e-12)
    assert found.skill.value == pytest.approx(1 - found.score.value / 0.25)


def test_recalibration_agrees_with_scikit_learn() -> None:
    positive, p = honest(400)
    sharp = special.expit(1.8 * special.logit(p) + 0.5)
    x = special.logit(sharp)[:, None]
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, positive)
    found = calibration.recalibration(positive, sharp, alone(400))
    assert found.slope.value == pytest.approx(model.coef_[0, 0], rel=1e-4)
    assert found.intercept.value == pytest.approx(model.intercept_[0], abs=1e-4)
    # The intercept with slope 1 makes the mean probability the prevalence.
    moved = special.expit(x[:, 0] + found.in_the_large.value)
    assert moved.mean() == pytest.approx(positive.mean(), abs=1e-6)


def test_every_draw_is_fitted_as_scikit_learn_does() -> None:
    positive, p = honest(150)
    x, y = special.logit(p), positive.astype(float)
    boot = alone(150, draws=5)
    found = boot.over(lambda w: calibration._fit(x, y, w, np.array([0.0, 1.0]), True))
    for k, counts in enumerate(boot.counts):
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
        model.fit(x[:, None], positive, sample_weight=counts[boot.group])
        assert found[k] == pytest.approx([model.intercept_[0], model.coef_[0, 0]], abs=1e-4)


def test_the_slope_of_undone_calibration_is_its_scale() -> None:
    positive, p = honest(4000)
    honest_p = np.stack([1 - p, p], axis=1)
    own = Calibration((0.5,), (0.3,))
    before = own.undo(honest_p, 0)
    after, sharp = (
        calibration.recalibration(positive, q[:, 1], alone(4000)) for q in (honest_p, before)
    )
    assert sharp.slope.value == pytest.approx(after.slope.value / 2)
    assert after.slope.low is not None
    assert after.slope.high is not None
    assert after.slope.low < 1 < after.slope.high


def test_without_an_answer_the_reason_is_told() -> None:
    half = np.arange(40) >= 20
    apart = calibration.recalibration(half, np.where(half, 0.9, 0.2), alone(40))
    assert apart.slope.value is None
    assert "separated completely" in apart.slope.note
    assert apart.in_the_large.value is not None
    constant = calibration.recalibration(half, np.full(40, 0.3), alone(40))
    assert "equal" in constant.slope.note
    # logit 0.5 - logit 0.3
    assert constant.in_the_large.value == pytest.approx(0.847298, abs=1e-6)
    one = calibration.recalibration(np.ones(40, bool), np.linspace(0.1, 0.9, 40), alone(40))
    assert one.in_the_large.note == "all films are of one class"
    assert brier.brier(np.ones(40, bool), np.full(40, 0.9), alone(40)).skill.value is None
    with pytest.raises(UsageError, match="outside"):
        brier.brier(half, np.full(40, 1.5), alone(40))
