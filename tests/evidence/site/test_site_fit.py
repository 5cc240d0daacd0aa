from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.errors import DataError
from pneumoscope.evidence.site import fit


def test_few_films_change_little_and_many_change_much() -> None:
    # Log odds that are twice too large: the scale that fits best is 1/2.
    rng = np.random.default_rng(0)
    truth = 2 * rng.standard_normal(4000)
    positive = rng.random(4000) < 1 / (1 + np.exp(-truth))
    patients = [str(i) for i in range(4000)]
    many = fit.fit(2 * truth, positive, patients)
    assert many.scale[0] == pytest.approx(0.5, abs=0.05)
    assert many.offset[0] == pytest.approx(0.0, abs=0.15)
    # The same films of 12 patients weigh 12.
    grouped = fit.fit(2 * truth, positive, [str(i % 12) for i in range(4000)])
    assert many.scale[0] < grouped.scale[0] < 1


def test_the_fit_is_where_the_penalised_slope_is_zero() -> None:
    odds, positive = np.array([1.0, -1.0]), np.array([True, False])
    calibration = fit.fit(odds, positive, ["a", "b"])
    (a,), (b,) = calibration.scale, calibration.offset
    # By symmetry no offset; 2 (1 - expit(a)) = (a - 1) / 0.5 ** 2
    assert b == pytest.approx(0)
    assert 2 * (1 - 1 / (1 + math.exp(-a))) == pytest.approx(4 * (a - 1))
    assert calibration.prevalence == 0.5


def test_swapped_labels_are_refused() -> None:
    odds = np.r_[np.full(30, -3.0), np.full(30, 3.0)]
    with pytest.raises(DataError, match="slope -") as error:
        fit.fit(odds, odds < 0, [str(i) for i in range(60)])
    assert "swapped" in error.value.hint


def test_no_patient_is_in_two_parts() -> None:
    positive = np.arange(40) < 20
    patients = [str(i // 2) for i in range(40)]
    part = fit.parts_of(positive, patients)
    assert set(part) == set(range(10))
    assert all(part[i] == part[i + 1] for i in range(0, 40, 2))
    assert all(positive[part == k].any() and not positive[part == k].all() for k in range(10))


def test_gate_limits_are_only_loosened_and_only_so_far() -> None:
    calm = np.linspace(0.1, 1.0, 100)
    assert fit.gate_limit(calm, 1.0) is None
    # 4 of 100 lie above 1; the 99th of 100 values is the conformal quantile, ceil(0.98 * 101) = 99.
    some = np.r_[np.full(96, 0.5), 1.02, 1.04, 1.06, 9.0]
    assert fit.gate_limit(some, 1.0) == 1.06
    assert fit.gate_limit(some + 1, 1.0) == 1.1
    # Of 20 films no quantile says 2 %.
    assert fit.gate_limit(np.full(20, 1.04), 1.0) == 1.1


def test_scores_of_the_bundle_give_the_same_sets_after_the_calibration() -> None:
    p = np.array([0.05, 0.3, 0.5, 0.7, 0.95])
    scores = Scores({"PNEUMONIA": Sides((0.1, 0.4, 0.9), (0.2, 0.6, 0.8))})
    calibration = Calibration((0.5,), (1.0,))
    moved = fit.carried_scores(scores, calibration, "PNEUMONIA")
    site_p = calibration.apply(np.stack([1 - p, p], axis=1), 0)[:, 1]
    before, after = scores.at(0.5), moved.at(0.5)
    for bundle_value, site_value in zip(p, site_p, strict=True):
        assert before.holds("PNEUMONIA", bundle_value) == after.holds("PNEUMONIA", site_value)
