from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import comparison, paired_tests
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.ranking import ranking_samples


def test_the_bootstrap_agrees_with_delong_where_films_are_independent() -> None:
    rng = np.random.default_rng(3)
    positive = rng.random(600) < 0.5
    first, second = (rng.normal(positive * d) for d in (1.2, 0.9))
    boot = Bootstrap.of([str(k) for k in range(600)])
    by_bootstrap = comparison.compare(positive, (first, second), (0.6, 0.45), boot)["roc_auc"]
    by_delong = paired_tests.delong(positive, first, second)
    assert by_bootstrap.difference.value == pytest.approx(by_delong.difference.value)
    assert by_bootstrap.difference.low == pytest.approx(by_delong.difference.low, abs=0.004)
    assert by_bootstrap.p_value == pytest.approx(by_delong.p_value, abs=0.01)


def test_copies_of_films_do_not_make_a_difference_significant() -> None:
    rng = np.random.default_rng(5)
    positive = np.arange(60) < 30
    scores = [rng.normal(positive * d) for d in (1.5, 1.0)]
    film_each = Bootstrap.of([str(k) for k in range(60)])
    copied = Bootstrap.of([str(k) for k in range(60) for _ in range(9)])
    single = comparison.compare(positive, (scores[0], scores[1]), (0.5, 0.5), film_each)["roc_auc"]
    ninefold = comparison.compare(
        np.repeat(positive, 9),
        (np.repeat(scores[0], 9), np.repeat(scores[1], 9)),
        (0.5, 0.5),
        copied,
    )["roc_auc"]
    assert ninefold.p_value == pytest.approx(single.p_value)
    naive = paired_tests.delong(np.repeat(positive, 9), *(np.repeat(s, 9) for s in scores))
    assert naive.p_value is not None
    assert ninefold.p_value is not None
    assert naive.p_value < ninefold.p_value / 3


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
    significant = [study(detectable).p_value < 0.05 for _ in range(300)]
    # Standard error of 80 % in 300 trials: 2.3 %; three of them.
    assert np.mean(significant) == pytest.approx(0.8, abs=0.07)


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
    unknown = comparison.difference(np.full(2001, 0.5), np.full(2001, 0.4), few)
    assert unknown.verdict == ("Nothing can be said: 3 patients are too few, 10 are needed.")
    with pytest.raises(UsageError, match="cannot be paired"):
        comparison.difference(np.zeros(3), np.zeros(4), few)
