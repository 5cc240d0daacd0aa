from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import comparison, paired_tests
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.ranking import ranking_samples


def pairs(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    """1, 0.5 or 0 for each pair (positive, negative): DeLong's kernel, spelled out."""
    gap = score[positive][:, None] - score[~positive][None, :]
    return (gap > 0) + 0.5 * (gap == 0)


@pytest.mark.parametrize("seed", range(4))
def test_delong_agrees_with_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(70) < 0.4
    first = np.round(rng.normal(positive * 1.2), 1)
    second = np.round(0.5 * first + rng.normal(positive * 0.5), 1)
    kernels = pairs(positive, first), pairs(positive, second)
    over = np.stack([k.mean(axis=1) for k in kernels])
    under = np.stack([k.mean(axis=0) for k in kernels])
    s = np.cov(over) / positive.sum() + np.cov(under) / (~positive).sum()
    found = paired_tests.delong(positive, first, second)
    assert (found.first, found.second) == pytest.approx([k.mean() for k in kernels])
    assert found.standard_error == pytest.approx(np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1]))


def test_delong_agrees_with_another_package() -> None:
    # MLstatkit 0.1.91, Delong_test.
    positive = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1], bool)
    first = np.array([1, 2, 3, 3, 4, 5, 6, 4, 5, 7, 8, 9.0])
    second = np.array([2, 1, 5, 3, 6, 4, 4, 3, 6, 5, 4, 8.0])
    found = paired_tests.delong(positive, first, second)
    assert (found.first, found.second) == pytest.approx((0.8857142857142857, 0.7285714285714286))
    assert (found.z, found.p_value) == pytest.approx((1.0769142997219812, 0.28151855406907333))


def test_delong_says_what_it_cannot() -> None:
    half = np.arange(10) < 5
    score = np.random.default_rng(0).random(10)
    same = paired_tests.delong(half, score, 2 * score)
    assert same.difference.value == 0.0
    assert same.p_value is None
    assert same.difference.note == "both models rank these films alike"
    assert paired_tests.delong(np.ones(10, bool), score, score).difference.value is None
    assert "equal" in paired_tests.delong(half, score, np.zeros(10)).difference.note
    with pytest.raises(UsageError, match="cannot be paired"):
        paired_tests.delong(half, score, score[:9])


def test_the_bootstrap_agrees_with_delong_where_films_are_independent() -> None:
    rng = np.random.default_rng(3)
    positive = rng.random(600) < 0.5
    first, second = (rng.normal(positive * d) for d in (1.2, 0.9))
    boot = Bootstrap.of([str(k) for k in range(600)])
    found = comparison.compare(positive, (first, second), (0.6, 0.45), boot)["roc_auc"]
    expected = paired_tests.delong(positive, first, second)
    assert found.difference.value == pytest.approx(expected.difference.value)
    assert found.difference.low == pytest.approx(expected.difference.low, abs=0.004)
    assert found.p_value == pytest.approx(expected.p_value, abs=0.01)


def test_copies_of_films_do_not_make_a_difference_significant() -> None:
    rng = np.random.default_rng(5)
    positive = np.arange(60) < 30
    scores = [rng.normal(positive * d) for d in (1.5, 1.0)]
    alone = Bootstrap.of([str(k) for k in range(60)])
    copied = Bootstrap.of([str(k) for k in range(60) for _ in range(9)])
    one = comparison.compare(positive, (scores[0], scores[1]), (0.5, 0.5), alone)["roc_auc"]
    nine = comparison.compare(
        np.repeat(positive, 9),
        (np.repeat(scores[0], 9), np.repeat(scores[1], 9)),
        (0.5, 0.5),
        copied,
    )["roc_auc"]
    assert nine.p_value == pytest.approx(one.p_value)
    naive = paired_tests.delong(np.repeat(positive, 9), *(np.repeat(s, 9) for s in scores))
    assert naive.p_value is not None
    assert nine.p_value is not None
    assert naive.p_value < nine.p_value / 3


def test_the_smallest_detectable_difference_is_found_with_80_percent_power() -> None:
    """A true difference of accuracy as large as `detectable` gives p < 0.05 four times in five."""
    rng = np.random.default_rng(0)
    boot = Bootstrap.of([str(k) for k in range(400)], draws=300)

    def study(better: float) -> comparison.Difference:
        second = rng.random(400) < 0.7
        first = np.where(rng.random(400) < 0.5, second, rng.random(400) < 0.7 + 2 * better)
        sums = boot.sums(np.stack([first, second], axis=1)) / 400
        return comparison.difference(sums[:, 0], sums[:, 1], boot)

    detectable = float(np.mean([study(0.0).detectable for _ in range(20)]))
    found = [study(detectable).p_value < 0.05 for _ in range(300)]
    # Standard error of 80 % in 300 trials: 2.3 %; three of them.
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_verdicts_in_words() -> None:
    rng = np.random.default_rng(1)
    positive = np.arange(200) < 100
    boot = Bootstrap.of([str(k) for k in range(200)], draws=200)
    good, poor = rng.normal(positive * 2.0), rng.normal(positive * 0.5)
    better, worse, same = (
        comparison.difference(a, b, boot)
        for a, b in [
            (
                ranking_samples(positive, x, boot)["roc_auc"],
                ranking_samples(positive, y, boot)["roc_auc"],
            )
            for x, y in [(good, poor), (poor, good), (good, good + rng.normal(size=200) * 0.05)]
        ]
    )
    assert better.verdict.startswith("The first model's figure is higher by")
    assert worse.verdict.startswith("The second model's figure is higher by")
    assert "smaller than what these data can detect" in same.verdict
    assert f"about {same.detectable:.2g} to be found with 80% power" in same.verdict
    few = Bootstrap.of(["a", "b", "c"])
    nothing = comparison.difference(np.full(2001, 0.5), np.full(2001, 0.4), few)
    assert nothing.verdict == ("Nothing can be said: 3 patients are too few, 10 are needed.")
    with pytest.raises(UsageError, match="cannot be paired"):
        comparison.difference(np.zeros(3), np.zeros(4), few)


def test_mcnemar_by_hand() -> None:
    # Only the first is right on 1 film, only the second on 5.
    positive = np.ones(12, bool)
    first = np.r_[True, np.zeros(5, bool), np.ones(6, bool)]
    second = np.r_[False, np.ones(5, bool), np.ones(6, bool)]
    found = paired_tests.mcnemar(positive, first, second)
    assert (found.only_first, found.only_second) == (1, 5)
    # 2 (C(6,0) + C(6,1)) / 64 = 14 / 64; mid-p leaves out C(6,1) / 64.
    assert found.p_exact == pytest.approx(14 / 64)
    assert found.p_mid == pytest.approx(8 / 64)


def test_mcnemar_without_a_difference() -> None:
    positive = np.array([True, True, False, False])
    none = paired_tests.mcnemar(positive, positive, positive)
    assert (none.p_exact, none.p_mid) == (1.0, 1.0)
    even = paired_tests.mcnemar(
        positive, np.array([1, 0, 0, 0], bool), np.array([0, 1, 0, 0], bool)
    )
    assert (even.p_exact, even.p_mid) == pytest.approx((1.0, 0.75))
