"""The smoothed calibration curve."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from patients import film_each
from pneumoscope.evidence.statistics.smooth_calibration import smooth_calibration


def test_the_curve_follows_a_known_miscalibration() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 1, 2000)
    curve = smooth_calibration(rng.random(2000) < p**1.5, p, film_each(2000))
    predicted, observed, low, high = (
        np.array(getattr(curve, name)) for name in ("predicted", "observed", "low", "high")
    )
    middle = (predicted > 0.1) & (predicted < 0.9)
    assert np.abs(observed - predicted**1.5)[middle].max() < 0.07
    inside = (low <= predicted**1.5) & (predicted**1.5 <= high)
    assert inside.mean() > 0.8
    # The diagonal is excluded where the curve is far below it.
    assert (high < predicted)[(predicted > 0.3) & (predicted < 0.6)].all()


@pytest.mark.parametrize("shift", [0.0, 0.4, -1.0])
def test_separated_classes_and_extremes_stay_in_the_unit_interval(shift: float) -> None:
    positive = np.arange(60) < 30
    p = np.clip(np.where(positive, 0.9, 0.2 + shift) + 0.05 * np.sin(np.arange(60)), 0, 1)
    curve = smooth_calibration(positive, p, film_each(60))
    assert curve is not None
    for low, middle, high in zip(curve.low, curve.observed, curve.high, strict=True):
        assert 0 <= low <= middle <= high <= 1


def test_with_few_films_there_is_no_curve() -> None:
    p = np.linspace(0.1, 0.9, 40)
    assert smooth_calibration(np.arange(40) < 3, p, film_each(40)) is None
    assert smooth_calibration(np.arange(40) < 20, np.full(40, 0.5), film_each(40)) is None
    assert smooth_calibration(np.arange(8) < 4, p[:8], film_each(8)) is None
