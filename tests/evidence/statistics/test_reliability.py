from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")


from patients import calibrated, film_each
from pneumoscope.evidence.statistics import reliability
from pneumoscope.evidence.statistics.intervals import Bootstrap


def test_reliability_by_hand() -> None:
    positive = np.array([False, True, True, True])
    p = np.array([0.1, 0.2, 0.7, 0.8])
    low, high = reliability.reliability(positive, p, film_each(4), bins=2)
    assert (low.low, low.high, low.predicted) == pytest.approx((0.1, 0.2, 0.15))
    assert (low.observed.value, high.observed.value) == (0.5, 1.0)
    assert (low.films, high.films) == (2, 2)


def test_equal_probabilities_share_a_bin() -> None:
    # Sorted labels must not make bins of zeros and bins of ones.
    positive = np.arange(40) >= 20
    assert len(reliability.reliability(positive, np.full(40, 0.5), film_each(40))) == 1
    error = reliability.calibration_error(positive, np.full(40, 0.5), film_each(40))
    assert error.ece.value == pytest.approx(0.0)


def test_ece_by_hand() -> None:
    positive = np.array([False, True, True, True])
    p = np.array([0.1, 0.2, 0.7, 0.8])
    error = reliability.calibration_error(positive, p, film_each(4), bins=2)
    assert error.ece.value == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)


def test_ece_by_chance_by_hand() -> None:
    # One bin of one patient with p = 0.8: the label is 1 (ECE 0.2) four times in five, else 0.8.
    error = reliability.calibration_error(
        np.array([True]), np.array([0.8]), Bootstrap.of(["a"], draws=20_000), bins=1
    )
    assert error.by_chance == pytest.approx(0.8 * 0.2 + 0.2 * 0.8, abs=0.01)
    assert error.p_value == 1.0


def test_perfect_calibration_is_not_ruled_out_and_bad_one_is() -> None:
    positive, p = calibrated(1500)
    good = reliability.calibration_error(positive, p, film_each(1500))
    assert good.ece.low == 0.0
    assert good.p_value > 0.025
    assert good.ece.value == pytest.approx(good.by_chance, rel=0.4)
    bad = reliability.calibration_error(positive, p**3, film_each(1500))
    assert bad.p_value < 0.005
    assert bad.ece.low is not None
    assert bad.ece.low > 0.05
