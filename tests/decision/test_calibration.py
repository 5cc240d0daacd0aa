from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.decision.calibration import SCALES, Calibration, fit, fit_kinds, fit_line


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def of_odds(z: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Probabilities of (normal, kind, kind) from the log odds of ill and the shares of the kinds."""
    p = sigmoid(z)[:, None]
    return np.concatenate([1 - p, p * kinds], axis=1)


def test_by_hand() -> None:
    # Odds 0.5 / 0.5 = 1: log odds 0, times 2 plus ln 3 gives odds of 3.
    calibrated = Calibration((2.0,), (np.log(3),), 0.5).apply(np.array([[0.5, 0.3, 0.2]]), 0)
    # Temperature 1/2 squares the shares of the kinds: 9 to 4.
    assert calibrated[0] == pytest.approx([0.25, 0.75 * 9 / 13, 0.75 * 4 / 13])


def test_the_negative_class_may_stand_anywhere() -> None:
    calibration = Calibration((1.5,), (0.3,), 0.8)
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])
    assert calibration.apply(p[:, [1, 0, 2]], 1)[:, [1, 0, 2]] == pytest.approx(
        calibration.apply(p, 0)
    )


@pytest.mark.parametrize("negative", [0, None])
def test_what_is_undone_was_there_before(negative: int | None) -> None:
    p = np.random.default_rng(0).dirichlet([1, 1, 1], 50)
    calibration = Calibration((1.6,), (-0.7,), 0.6)
    if negative is None:
        calibration = Calibration((1.6, 0.5, 1.0), (-0.7, 2.0, 0.0))
    assert calibration.undo(calibration.apply(p, negative), negative) == pytest.approx(p, abs=1e-9)
    assert Calibration((1.0,) * len(calibration.scale), (0.0,) * len(calibration.scale)).apply(
        p, negative
    ) == pytest.approx(p, abs=1e-12)


def test_the_fit_recovers_what_was_done_to_honest_probabilities() -> None:
    rng = np.random.default_rng(1)
    z, share = rng.normal(0, 2, 6000), rng.uniform(0.05, 0.95, 6000)
    kinds = np.stack([share, 1 - share], axis=1)
    ill = rng.random(6000) < sigmoid(z)
    truth = np.where(ill, np.where(rng.random(6000) < share, 1, 2), 0)
    # What a network says that is under-confident of ill and over-confident of the kind.
    sharp = kinds**2 / (kinds**2).sum(axis=1, keepdims=True)
    fitted = fit({"plain": of_odds((z - 0.5) / 1.6, sharp)}, truth, 0)
    assert fitted.scale[0] == pytest.approx(1.6, rel=0.06)
    assert fitted.offset[0] == pytest.approx(0.5, abs=0.1)
    assert fitted.kinds_temperature == pytest.approx(2.0, rel=0.1)
    assert fitted.prevalence == ill.mean()


def test_findings_have_each_their_own() -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(-1, 2, (5000, 2))
    truth = (rng.random(z.shape) < sigmoid(z)).astype(np.float64)
    truth[rng.random(z.shape) < 0.2] = np.nan
    # Class weights raise the first; the second is over-confident.
    said = np.stack([sigmoid(z[:, 0] + 2), sigmoid(2 * z[:, 1])], axis=1)
    fitted = fit({"plain": said}, truth, None)
    assert fitted.scale == pytest.approx((1.0, 0.5), rel=0.1)
    assert fitted.offset == pytest.approx((-2.0, 0.0), abs=0.2)
    assert fitted.prevalence is None
    assert fitted.apply(said, None)[:, 0] == pytest.approx(sigmoid(z[:, 0]), abs=0.04)


def test_films_told_apart_without_error_leave_the_scale_finite() -> None:
    positive = np.repeat([0.0, 1.0], 20)
    for distance in (0.001, 1.0, 20.0):
        scale, offset = fit_line([np.where(positive == 1, distance, -distance)], positive)
        assert SCALES[0] <= scale <= SCALES[1]
        assert abs(offset) < 0.1
    # At scale 10 films at 0.001 keep the share of their class: as many of either.
    assert scale * 20 == pytest.approx(np.log(21), abs=0.01)  # Platt's target, 21 / 22


def test_a_score_that_tells_nothing_gives_the_share_of_the_ill() -> None:
    positive = np.repeat([0.0, 1.0], [90, 10])
    scale, offset = fit_line([np.full(100, 0.7)], positive)
    p = sigmoid(np.array(0.7 * scale + offset))
    assert p == pytest.approx((90 / 92 + 10 * 11 / 12) / 100, abs=0.001)
    worse = np.where(positive == 1, -2.0, 2.0) + np.random.default_rng(0).normal(0, 1, 100)
    assert fit_line([worse], positive)[0] == SCALES[0]


def test_too_few_films_change_nothing() -> None:
    positive = np.array([0.0] * 50 + [1.0] * 9 + [np.nan] * 30)
    assert fit_line([np.linspace(-1, 1, 89)], positive) == (1.0, 0.0)
    logs = np.log(np.random.default_rng(0).dirichlet([1, 1], 30))
    assert fit_kinds([logs], np.repeat([0, 1], [21, 9])) == (1.0, ())
    assert fit_kinds([np.zeros((5, 1))], np.zeros(5, int)) == (1.0, ())


@pytest.mark.slow
def test_the_kinds_get_the_shares_that_they_have() -> None:
    rng = np.random.default_rng(3)
    true = np.log(rng.dirichlet([3.0, 1.0, 1.0], 8000))
    truth = np.array([rng.choice(3, p=np.exp(row)) for row in true])
    # Class weights of a training raise the rare ones; and the network is over-confident.
    said = 2 * (true + np.array([0.0, 0.9, 1.3]))
    temperature, offsets = fit_kinds([said, said], truth)
    assert temperature == pytest.approx(2.0, rel=0.08)
    assert offsets == pytest.approx((0.0, -0.9, -1.3), abs=0.1)


def test_offsets_of_the_kinds_do_not_change_p_ill_and_can_be_undone() -> None:
    rule = Calibration((1.0,), (0.0,), 2.0, 0.5, (0.0, np.log(4)))
    p = np.array([[0.5, 0.4, 0.1], [0.1, 0.45, 0.45]])
    moved = rule.apply(p, 0)
    # Square roots of the shares, 2 to 1 and 1 to 1, times 1 and 4.
    assert moved[0] == pytest.approx([0.5, 0.5 / 3, 1.0 / 3])
    assert moved[1] == pytest.approx([0.1, 0.18, 0.72])
    assert rule.undo(moved, 0) == pytest.approx(p)
    assert rule.text == "log odds times 1.000 +0.000, kinds at temperature 2.000 +1.386"


def test_a_calibration_is_carried_to_another_prevalence() -> None:
    rule = Calibration((2.0,), (0.0,), prevalence=0.8).at_prevalence(0.5)
    assert rule == Calibration((2.0,), (pytest.approx(-np.log(4)),), prevalence=0.5)
    # Odds of 4 mean nothing where 4 of 5 films are ill.
    assert rule.apply(np.array([[1 / 3, 2 / 3]]), 0)[0] == pytest.approx([0.5, 0.5])
    with pytest.raises(ValueError, match="unknown"):
        Calibration().at_prevalence(0.5)
