"""Figures on a few films, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope import metrics
from pneumoscope.errors import UsageError
from pneumoscope.metrics import (
    as_bools,
    expected_calibration_error,
    patient_bootstrap,
    roc_auc,
    share,
)

POSITIVE = np.array([False, False, True, True])


def test_auc_by_hand_with_a_tie() -> None:
    # Pairs (positive, negative): .5 > .1, .5 = .5, .9 > .1, .9 > .5: 3.5 of 4.
    score = np.array([0.1, 0.5, 0.5, 0.9])
    assert roc_auc(POSITIVE, score, np.ones((1, 4)))[0] == pytest.approx(3.5 / 4)


def test_auc_of_weights_is_auc_of_repeated_films() -> None:
    rng = np.random.default_rng(0)
    positive, score = rng.random(40) < 0.4, np.round(rng.random(40), 1)
    weights = rng.integers(0, 4, (5, 40)).astype(float)
    for row, auc in zip(weights, roc_auc(positive, score, weights), strict=True):
        again = np.repeat(np.arange(40), row.astype(int))
        plain = roc_auc(positive[again], score[again], np.ones((1, len(again))))
        assert auc == pytest.approx(plain[0])


def test_auc_of_one_class_does_not_exist() -> None:
    assert np.isnan(roc_auc(np.ones(3, bool), np.arange(3.0), np.ones((1, 3))))[0]


def test_shares_by_hand() -> None:
    called = np.array([True, False, True, False])
    weights = np.array([[1.0, 1, 1, 1], [0, 1, 3, 1], [1, 1, 0, 0]])
    sensitivity = share(called, POSITIVE, weights)
    assert sensitivity[:2] == pytest.approx([0.5, 0.75])
    assert np.isnan(sensitivity[2])


def test_the_bootstrap_draws_patients_with_all_their_films() -> None:
    # Ten films of one patient tell no more than one film: the interval must not shrink.
    hit = np.array([True, False] * 10)
    everyone = np.ones(200, bool)
    patients = [f"p{i}" for i in range(20) for _ in range(10)]
    clustered = patient_bootstrap(lambda w: share(np.repeat(hit, 10), everyone, w), patients)
    alone = patient_bootstrap(
        lambda w: share(hit, np.ones(20, bool), w), [f"p{i}" for i in range(20)]
    )
    assert clustered.value == alone.value == 0.5
    assert (clustered.low, clustered.high) == pytest.approx((alone.low, alone.high))
    # Binomial, n = 20, p = 0.5: standard error 0.112.
    assert alone.low == pytest.approx(0.5 - 1.96 * 0.112, abs=0.03)


def test_the_bootstrap_is_seeded() -> None:
    rng = np.random.default_rng(1)
    hit, everyone = rng.random(500) < 0.7, np.ones(500, bool)
    patients = [str(i // 3) for i in range(500)]
    first, second, other = (
        patient_bootstrap(lambda w: share(hit, everyone, w), patients, seed=s) for s in (0, 0, 1)
    )
    assert first == second != other


@pytest.mark.slow
def test_the_bootstrap_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        rates = rng.beta(7, 3, 80)  # mean 0.7; films of one patient share a rate
        hit = rng.random((80, 3)) < rates[:, None]
        patients = [str(i) for i in range(80) for _ in range(3)]
        everyone = np.ones(240, bool)
        interval = patient_bootstrap(
            lambda w, hit=hit, everyone=everyone: share(hit.ravel(), everyone, w), patients, 400
        )
        covered += interval.low <= 0.7 <= interval.high
    assert 0.90 <= covered / 200 <= 0.985


def test_figures_that_do_not_exist_are_an_error_not_nan() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        patient_bootstrap(lambda w: roc_auc(np.ones(3, bool), np.arange(3.0), w), ["a", "b", "c"])
    with pytest.raises(UsageError, match="no films"):
        patient_bootstrap(lambda w: w.sum(axis=1), [])


def test_the_exact_bound_of_a_share_without_a_case() -> None:
    # Clopper and Pearson: (1 - x) ** 20 = 0.025.
    assert metrics.largest_share_of_none(20) == pytest.approx(0.16843, abs=1e-5)
    assert metrics.largest_share_of_none(1) == pytest.approx(0.975)


def test_calibration_error_by_hand() -> None:
    # Two bins of two films: |0.5 - 0.15| and |1 - 0.75|, each with half of the films.
    probability = np.array([0.1, 0.2, 0.7, 0.8])
    positive = np.array([False, True, True, True])
    error = expected_calibration_error(positive, probability, bins=2)
    assert error == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        # Precision at each ill film from the top: 1, 2/3 and 3/5, a third of the recall each.
        ([0.9, 0.8, 0.7, 0.6, 0.5], (1 + 2 / 3 + 3 / 5) / 3),
        # Films with equal scores are called together: 3 of 5 at once.
        ([0.5, 0.5, 0.5, 0.5, 0.5], 3 / 5),
        # The first two together hold one ill film, then 2/3, then 3/5.
        ([0.9, 0.9, 0.7, 0.6, 0.5], (1 / 2 + 2 / 3 + 3 / 5) / 3),
    ],
)
def test_average_precision_by_hand(score: list[float], expected: float) -> None:
    positive = np.array([True, False, True, False, True])
    precision = metrics.average_precision(positive, np.array(score), np.ones((1, 5)))
    assert precision.tolist() == pytest.approx([expected])


def test_average_precision_of_weights_is_that_of_repeated_films() -> None:
    rng = np.random.default_rng(0)
    positive, score = rng.random(12) < 0.5, rng.random(12)
    weights = rng.integers(0, 3, (4, 12)).astype(np.float64)
    precisions = metrics.average_precision(positive, score, weights)
    for row, value in zip(weights.astype(int), precisions, strict=True):
        often = metrics.average_precision(
            np.repeat(positive, row), np.repeat(score, row), np.ones((1, row.sum()))
        )
        assert value == pytest.approx(often[0])


def test_average_precision_without_ill_films_does_not_exist() -> None:
    precision = metrics.average_precision(np.zeros(3, bool), np.arange(3.0), np.ones((2, 3)))
    assert np.isnan(precision).all()


@pytest.mark.parametrize(
    ("scores", "bins", "expected"),
    [
        ([0.1, 0.2, 0.3, 0.4], 2, [0, 0, 1, 1]),
        ([0.4, 0.1, 0.3, 0.2], 2, [1, 0, 1, 0]),
        ([0.1, 0.2, 0.3], 15, [0, 1, 2]),  # no more bins than films
        ([0.5, 0.5, 0.5, 0.9], 2, [0, 0, 0, 1]),  # equal scores stay together
        ([0.5] * 4, 3, [0, 0, 0, 0]),
    ],
)
def test_bins_of_equal_mass(scores: list[float], bins: int, expected: list[int]) -> None:
    assert metrics.equal_mass_bins(np.array(scores), bins).tolist() == expected


@pytest.mark.parametrize(
    ("threshold", "text"),
    [(0.5, "0.500"), (0.4326, "0.433"), (0.001, "0.001"), (0.00025, "2.5e-04")],
)
def test_a_threshold_for_people_is_never_0(threshold: float, text: str) -> None:
    assert metrics.threshold_text(threshold) == text


def test_a_recorded_interval_for_people() -> None:
    figure = {"value": 0.9741, "low": 0.96, "high": 0.98549}
    assert metrics.interval_text(figure) == "0.974 [0.960, 0.985]"
    # Recorded by a former version: percentiles of draws that all agree are no interval.
    figure = {"value": 1.0, "low": 1.0, "high": 1.0}
    assert metrics.interval_text(figure).startswith("1.000 (no interval: every draw")
    figure = {"value": None, "low": None, "high": None, "note": "one class"}
    assert metrics.interval_text(figure) == "not defined: one class"


def test_patients_are_numbered_by_their_keys() -> None:
    assert metrics.patient_groups(["b", "a", "b", "c"]).tolist() == [1, 0, 1, 2]
    with pytest.raises(UsageError, match="no films"):
        metrics.patient_groups([])


def test_each_draw_holds_as_many_patients_as_there_are() -> None:
    drawn = metrics.patient_draws(7, 500, 3)
    assert drawn.shape == (500, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)
    assert (metrics.patient_draws(7, 500, 3) == drawn).all()
    assert (metrics.patient_draws(7, 500, 4) != drawn).any()


def test_softmax_by_hand_and_far_from_0() -> None:
    logits = np.array([[0.0, np.log(3.0)], [1000.0, 1000.0], [-1000.0, 0.0]])
    expected = np.array([[0.25, 0.75], [0.5, 0.5], [0, 1]])
    assert metrics.softmax(logits) == pytest.approx(expected)


def test_shares_of_nobody_do_not_exist() -> None:
    hit, nobody = np.array([True, False]), np.zeros(2, bool)
    assert np.isnan(metrics.share(hit, nobody, np.ones((3, 2)))).all()
    weights = np.array([[1.0, 1.0], [3.0, 1.0]])
    assert metrics.share(hit, ~nobody, weights).tolist() == [0.5, 0.75]


def test_labels_of_0_and_1_are_true_and_false() -> None:
    for labels in ([1, 0, 1], np.array([1, 0, 1], np.uint8), np.array([1.0, 0.0, 1.0])):
        assert as_bools(labels).tolist() == [True, False, True]
    kept = np.array([True, False])
    assert as_bools(kept) is kept


@pytest.mark.parametrize("labels", [[1, 2], [-1, 1], [0.5, 1], [1, np.nan]])
def test_other_labels_are_refused(labels: list[float]) -> None:
    with pytest.raises(UsageError, match="neither 0 nor 1"):
        as_bools(labels)
