from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from sklearn.metrics import brier_score_loss

from patients import calibrated, film_each
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import brier
from pneumoscope.metrics import equal_mass_bins


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_the_brier_score_is_the_sum_of_its_parts(bins: int) -> None:
    positive, p = calibrated(200)
    score = brier.brier(positive, p, film_each(200), bins)
    parts = [
        getattr(score, name).value
        for name in ("reliability", "resolution", "uncertainty", "within_bins")
    ]
    assert score.score.value == pytest.approx(brier_score_loss(positive, p))
    assert parts[0] - parts[1] + parts[2] + parts[3] == pytest.approx(score.score.value)
    # Stephenson et al. (2008), eq. 5: variance within bins less twice the covariance.
    part = equal_mass_bins(p, bins)
    within = 0.0
    for k in range(part.max() + 1):
        inside, y = p[part == k], positive[part == k]
        within += ((inside - inside.mean()) ** 2).sum() - 2 * (
            (inside - inside.mean()) * (y - y.mean())
        ).sum()
    assert parts[3] == pytest.approx(within / 200)


def test_brier_parts_by_hand() -> None:
    # Two bins with one probability each: nothing is hidden within.
    positive = np.array([False, False, True, False, True, True])
    p = np.array([0.2, 0.2, 0.2, 0.6, 0.6, 0.6])
    score = brier.brier(positive, p, film_each(6))
    assert score.reliability.value == pytest.approx(((1 / 3 - 0.2) ** 2 + (2 / 3 - 0.6) ** 2) / 2)
    assert score.resolution.value == pytest.approx((1 / 6) ** 2)
    assert score.uncertainty.value == pytest.approx(0.25)
    assert score.within_bins.value == pytest.approx(0.0, abs=1e-12)
    assert score.skill.value == pytest.approx(1 - score.score.value / 0.25)


def test_the_skill_of_one_class_does_not_exist() -> None:
    assert brier.brier(np.ones(40, bool), np.full(40, 0.9), film_each(40)).skill.value is None
    with pytest.raises(UsageError, match="outside"):
        brier.brier(np.arange(40) >= 20, np.full(40, 1.5), film_each(40))


@pytest.mark.parametrize(("patients", "prevalence"), [(150, 0.5), (300, 0.7), (300, 0.03)])
def test_well_calibrated_probabilities_have_a_narrow_interval(
    patients: int, prevalence: float
) -> None:
    """Their reliability is 0 but for chance: an interval in log units has no upper end."""
    rng = np.random.default_rng(patients)
    p = rng.beta(4 * prevalence, 4 * (1 - prevalence), patients)
    score = brier.brier(rng.random(patients) < p, p, film_each(patients)).reliability
    assert 0 <= score.low < 0.002
    assert score.high < 6 / patients


def test_the_uncertainty_has_the_interval_of_the_share() -> None:
    # 12 of 60: 0.2 0.8 = 0.16; with 30 of 60 the interval of the share contains 0.5, the maximum.
    score = brier.brier(np.arange(60) < 12, np.full(60, 0.2), film_each(60)).uncertainty
    assert score.value == pytest.approx(0.16)
    assert 0.08 < score.low < 0.16 < score.high < 0.23
    half = brier.brier(np.arange(60) < 30, np.full(60, 0.5), film_each(60)).uncertainty
    assert (half.value, half.high) == pytest.approx((0.25, 0.25))
