from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.decision import conformal
from pneumoscope.errors import UsageError


def kind_limits(p: np.ndarray, truth: np.ndarray, error: float) -> np.ndarray:
    """The limits of several classes, each from the probability of the true class."""
    kinds = {str(k): conformal.scores_of(p[truth == k, k]) for k in range(p.shape[1])}
    enough = conformal.Sides((0.5,) * 999, (0.5,) * 999)
    return np.array([*conformal.Scores({"P": enough}, kinds).at(error).kinds.values()])


def test_quantiles_by_hand() -> None:
    # Class 0: 9 films with p = 0.1 ... 0.9; error 0.2: m = floor(0.2 * 10) = 2, the second smallest.
    shares = np.arange(1, 10) / 10
    p = np.stack([np.r_[shares, 0.3, 0.4], np.r_[1 - shares, 0.7, 0.6]], axis=1)
    truth = np.r_[np.zeros(9, int), 1, 1]
    least = kind_limits(p, truth, 0.2)
    assert least[0] == pytest.approx(0.2)
    # Two films: m = floor(0.2 * 3) = 0, so the class is in every set.
    assert least[1] == 0.0


def test_the_fewest_films_that_can_leave_a_class_out() -> None:
    p = np.stack([np.linspace(0.9, 0.6, 19), np.linspace(0.1, 0.4, 19)], axis=1)
    truth = np.zeros(19, int)
    # Error 0.05: m = floor(0.05 * 20) = 1, the smallest of 19.
    assert kind_limits(p, truth, 0.05)[0] == pytest.approx(0.6)
    assert kind_limits(p[:18], truth[:18], 0.05)[0] == 0.0


def test_sets_by_hand() -> None:
    p = np.array([0.1, 0.5, 0.65], np.float32).tolist()
    wide, narrow = (
        conformal.Limits(0.05, {"P": limits}, {}) for limits in ((0.5, 0.5), (0.4, 0.7))
    )
    assert [wide.holds("P", x) for x in p] == [(True, False), (True, True), (False, True)]
    assert [narrow.holds("P", x) for x in p] == [
        (True, False), (True, False), (False, False),
    ]  # fmt: skip


def test_calibration_films_keep_the_promise_exactly() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    p = rng.dirichlet(np.ones(3), 400).astype(np.float32)
    least = kind_limits(p, truth, 0.1)
    for k in range(3):
        number = int((truth == k).sum())
        held = int((p[truth == k, k] >= least[k]).sum())
        assert held == int(np.ceil(round(0.9 * (number + 1), 9)))


def test_new_films_of_each_class_are_covered_on_average() -> None:
    """Coverage is between 0.9 and 0.9 + 1 / (n + 1) = 0.92 for 49 calibration films."""
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(400):
        positive = np.repeat([False, True], [98, 98])
        p = np.clip(rng.normal(0.35 + 0.3 * positive, 0.2), 0, 1)
        old = np.tile(np.arange(98) < 49, 2)
        limits = conformal.Scores({"P": conformal.Sides.of(p[old], positive[old])}).at(0.1)
        sets = np.array([limits.holds("P", x) for x in p[~old].tolist()])
        shares.append([sets[positive[~old] == k, k].mean() for k in (0, 1)])
    # One study's coverage has a standard deviation of about 0.06: 0.003 for the mean of 400.
    assert np.mean(shares, axis=0) == pytest.approx([0.91, 0.91], abs=0.019)


def test_what_cannot_be_calibrated_is_refused() -> None:
    p = np.full(2, 0.5)
    sides = conformal.Sides.of(p, np.array([False, True]))
    with pytest.raises(UsageError, match="error 0 "):
        conformal.Scores({"P": sides}).at(0.0)
    with pytest.raises(UsageError, match="for 3 films"):
        conformal.Sides.of(p, np.array([False, True, True]))
    with pytest.raises(UsageError, match="for 0 films"):
        conformal.Sides.of(p[:0], np.array([], bool))


def test_limits_by_hand() -> None:
    nineteen = tuple(np.round(np.arange(1, 20) / 20, 2).tolist())
    scores = conformal.Scores({"PNEUMONIA": conformal.Sides(nineteen, nineteen[9:])}, {"a": (0.3,)})
    # 10 films of the positive side support 1 / 11.
    assert scores.smallest_error == pytest.approx(1 / 11)
    # floor(0.1 * 20) = 2nd smallest, floor(0.1 * 11) = 1st; one kind's film supports no limit.
    limits = scores.at(0.1)
    assert limits.questions == {"PNEUMONIA": (0.1, 0.5)}
    assert limits.kinds == {"a": 0.0}
    assert limits.holds("PNEUMONIA", 0.899) == (True, True)
    assert limits.holds("PNEUMONIA", 0.901) == (False, True)
    assert limits.holds("PNEUMONIA", 0.499) == (True, False)


@pytest.mark.parametrize("error", [0.0, 1.0, -0.1, 1.2, float("nan")])
def test_an_error_that_is_none(error: float) -> None:
    scores = conformal.Scores({"P": conformal.Sides((0.5,) * 99, (0.5,) * 99)})
    with pytest.raises(UsageError, match="not between 0 and 1"):
        scores.at(error)


def test_an_error_that_the_films_do_not_support() -> None:
    scores = conformal.Scores({"P": conformal.Sides((0.5,) * 99, (0.5,) * 299)})
    scores.at(0.01)
    with pytest.raises(UsageError, match="smaller than") as caught:
        scores.at(0.009)
    assert caught.value.hint == "The smallest is 0.01."


def test_limits_are_those_of_the_calibration_films() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 400)
    ill = rng.beta(2 + 3 * truth, 5 - 3 * truth)
    p = np.stack([1 - ill, ill], axis=1)
    scores = conformal.Scores({"P": conformal.Sides.of(ill, truth == 1)})
    for error in (0.01, 0.05, 0.2, 0.5):
        # The k-th largest of the n probabilities of the true class, k = ceil((1 - error) (n + 1)).
        expected = np.zeros(2)
        for k in (0, 1):
            known = np.sort(p[truth == k, k])[::-1]
            expected[k] = known[int(np.ceil(round((1 - error) * (len(known) + 1), 9))) - 1]
        assert scores.at(error).questions["P"] == pytest.approx(tuple(expected), rel=2e-5)
        assert (np.array(scores.at(error).questions["P"]) <= expected).all()


def test_scores_are_rounded_down_and_thinned_to_the_safe_side() -> None:
    assert conformal.scores_of(np.array([0.12345678, 9.87654321e-7, 0.0, 1.0])) == (
        0.0,
        9.87654e-7,
        0.123456,
        1.0,
    )
    many = np.random.default_rng(4).random(5003)
    kept = conformal.scores_of(many)
    assert len(kept) == conformal.MOST_SCORES
    for error in (0.001, 0.05, 0.0537, 0.5, 0.999):
        thin = conformal.Scores({"P": conformal.Sides(kept, kept)}).at(error).questions["P"][0]
        m = int(np.floor(round(error * 5004, 9)))
        exact = np.sort(many)[m - 1]
        assert thin <= exact
        assert thin == pytest.approx(exact, abs=0.004)


def test_an_error_just_below_one_takes_the_largest_score() -> None:
    scores = conformal.Scores({"P": conformal.Sides((0.2, 0.4), (0.3, 0.6))})
    assert scores.at(1 - 1e-12).questions["P"] == (0.4, 0.6)


def test_the_limit_of_positive_verdicts_holds_in_further_groups() -> None:
    rng = np.random.default_rng(3)
    p = np.r_[rng.beta(1, 8, 600), rng.beta(6, 2, 300)]
    positive = np.repeat([False, True], [600, 300])
    other = rng.beta(3, 4, 40)
    alone = conformal.Sides.of(p, positive)
    both = conformal.Sides.of(p, positive, [other])
    assert both.positive == alone.positive
    assert len(both.negative) == len(alone.negative)
    assert list(both.negative) == sorted(both.negative)
    for error in (0.05, 0.1, 0.2):
        before = conformal.Scores({"P": alone}).at(error).questions["P"][0]
        limit = conformal.Scores({"P": both}).at(error).questions["P"][0]
        shares = [(1 - q < limit).mean() for q in (p[~positive], other)]
        assert max(shares) <= error < (1 - other < before).mean()
        assert max(shares) >= error / 2, "no stricter than the strictest group"


def test_a_group_that_is_too_small_for_an_error_counts_with_its_lowest_score() -> None:
    p = np.r_[np.linspace(0.01, 0.3, 400), np.linspace(0.6, 1, 99)]
    positive = np.repeat([False, True], [400, 99])
    scores = conformal.Scores({"P": conformal.Sides.of(p, positive, [np.linspace(0.5, 0.9, 19)])})
    assert scores.at(0.05).questions["P"][0] == pytest.approx(0.1, abs=1e-5)
    assert scores.at(0.01).questions["P"][0] == pytest.approx(0.1, abs=1e-5)
    assert scores.at(0.2).questions["P"][0] == pytest.approx(0.1 + 2 * 0.4 / 18, abs=1e-5)


def test_groups_with_lower_probabilities_change_nothing() -> None:
    p = np.linspace(0.01, 0.99, 90)
    positive = p > 0.4
    others = [p[:30], p[:30] / 2]
    assert conformal.Sides.of(p, positive, others) == conformal.Sides.of(p, positive)
