from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import paired_tests


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
    result = paired_tests.delong(positive, first, second)
    assert (result.first, result.second) == pytest.approx([k.mean() for k in kernels])
    assert result.standard_error == pytest.approx(np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1]))


def test_delong_agrees_with_another_package() -> None:
    # MLstatkit 0.1.91, Delong_test.
    positive = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1], bool)
    first = np.array([1, 2, 3, 3, 4, 5, 6, 4, 5, 7, 8, 9.0])
    second = np.array([2, 1, 5, 3, 6, 4, 4, 3, 6, 5, 4, 8.0])
    result = paired_tests.delong(positive, first, second)
    assert (result.first, result.second) == pytest.approx((0.8857142857142857, 0.7285714285714286))
    assert (result.z, result.p_value) == pytest.approx((1.0769142997219812, 0.28151855406907333))


def test_delong_says_why_there_is_no_difference() -> None:
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


def test_mcnemar_by_hand() -> None:
    # Only the first is right on 1 film, only the second on 5.
    positive = np.ones(12, bool)
    first = np.r_[True, np.zeros(5, bool), np.ones(6, bool)]
    second = np.r_[False, np.ones(5, bool), np.ones(6, bool)]
    result = paired_tests.mcnemar(positive, first, second)
    assert (result.only_first, result.only_second) == (1, 5)
    # 2 (C(6,0) + C(6,1)) / 64 = 14 / 64; mid-p leaves out C(6,1) / 64.
    assert result.p_exact == pytest.approx(14 / 64)
    assert result.p_mid == pytest.approx(8 / 64)


def test_mcnemar_without_a_difference() -> None:
    positive = np.array([True, True, False, False])
    none = paired_tests.mcnemar(positive, positive, positive)
    assert (none.p_exact, none.p_mid) == (1.0, 1.0)
    even = paired_tests.mcnemar(
        positive, np.array([1, 0, 0, 0], bool), np.array([0, 1, 0, 0], bool)
    )
    assert (even.p_exact, even.p_mid) == pytest.approx((1.0, 0.75))
