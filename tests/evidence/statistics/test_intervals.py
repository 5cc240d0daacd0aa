from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from scipy import stats

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import (
    ALIKE,
    Bootstrap,
    Figure,
    figure_of,
    standard_error,
)
from pneumoscope.metrics import patient_bootstrap, share


def names(*films: int) -> list[str]:
    """Patient keys: the k-th patient has films[k] films."""
    return [f"p{k}" for k, number in enumerate(films) for _ in range(number)]


def mean(boot: Bootstrap, values: np.ndarray) -> np.ndarray:
    sums = boot.sums(np.stack([values, np.ones(len(values))], axis=1))
    return sums[:, 0] / sums[:, 1]


def test_row_0_is_the_films_as_they_are_and_sums_agree_with_weights() -> None:
    boot = Bootstrap.of(names(1, 3, 2), draws=50)
    values = np.arange(6.0)
    sums = boot.sums(values[:, None])[:, 0]
    assert sums[0] == 15
    assert sums == pytest.approx(boot.over(lambda w: w @ values))
    assert (boot.counts.sum(axis=1) == 3).all()


def test_draws_are_those_of_the_quick_bootstrap() -> None:
    patients = names(*[2] * 40)
    hit = np.random.default_rng(0).random(80) < 0.7
    boot = Bootstrap.of(patients, draws=200, seed=3)
    ends = np.percentile(mean(boot, hit)[1:], [2.5, 97.5])
    quick = patient_bootstrap(lambda w: share(hit, np.ones(80, bool), w), patients, 200, seed=3)
    assert ends == pytest.approx((quick.low, quick.high))


def test_standard_error_of_a_mean_is_the_textbook_one() -> None:
    values = np.random.default_rng(0).normal(size=60)
    boot = Bootstrap.of(names(*[1] * 60), draws=20_000)
    # 20,000 draws know a standard error to 1 / sqrt(40,000) = 0.5 %; five times that.
    expected = values.std(ddof=1) / np.sqrt(60)
    assert standard_error(mean(boot, values), boot) == pytest.approx(expected, rel=0.025)


def test_copies_of_a_patients_film_tell_nothing_new() -> None:
    hit = np.random.default_rng(1).random(60) < 0.8
    alone = Bootstrap.of(names(*[1] * 60))
    copied = Bootstrap.of(names(*[5] * 60))
    single = figure_of(mean(alone, hit), alone)
    fivefold = figure_of(mean(copied, np.repeat(hit, 5)), copied)
    assert (single.low, single.high) == pytest.approx((fivefold.low, fivefold.high))


@pytest.mark.parametrize(
    ("scale", "low", "high"),
    [
        # 0.8 with standard error 0.05 and t(19) = 2.093.
        ("real", 0.8 - 0.10465, 0.8 + 0.10465),
        # logit 1.38629, reach 0.10465 / 0.16 = 0.65406
        ("unit", 0.67535, 0.88497),
        # atanh 1.09861, reach 0.10465 / 0.36 = 0.29069
        ("correlation", 0.66846, 0.88305),
        # factor exp(0.10465 / 0.8) = 1.13976
        ("positive", 0.70190, 0.91181),
    ],
)
def test_ends_by_hand(scale, low: float, high: float) -> None:  # type: ignore[no-untyped-def]
    boot = Bootstrap.of(names(*[1] * 20), draws=2)
    assert stats.t.ppf(0.975, 19) == pytest.approx(2.0930, abs=1e-4)
    # Two draws c -/+ d have a standard deviation of d sqrt(2); n / (n - 1) is 20 / 19.
    d = 0.05 / np.sqrt(2) * np.sqrt(19 / 20)
    figure = figure_of(np.array([0.8, 0.8 - d, 0.8 + d]), boot, scale)
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=1e-4)


def test_all_right_has_the_exact_interval_of_the_patients() -> None:
    boot = Bootstrap.of(names(*[2] * 30))
    figure = figure_of(mean(boot, np.ones(60)), boot, trials=30)
    # 0.025 ** (1 / 30)
    assert (figure.low, figure.high) == pytest.approx((0.88430, 1.0), abs=1e-5)
    exact = stats.binomtest(30, 30).proportion_ci(method="exact")
    assert figure.low == pytest.approx(exact.low)
    none = figure_of(mean(boot, np.zeros(60)), boot, trials=30)
    assert (none.low, none.high) == pytest.approx((0.0, 1 - 0.88430), abs=1e-5)
    assert "exact" in none.note
    assert figure_of(mean(boot, np.ones(60)), boot) == Figure(1.0, note=ALIKE)


def test_a_figure_that_rests_on_few_patients_has_their_degrees_of_freedom() -> None:
    boot = Bootstrap.of(names(*[1] * 20), draws=2)
    # As above, but 6 of the 20 patients count: t(5) = 2.5706, and n / (n - 1) is 6 / 5.
    d = 0.05 / np.sqrt(2) * np.sqrt(5 / 6)
    sample = np.array([0.8, 0.8 - d, 0.8 + d])
    figure = figure_of(sample, boot, "real", patients=6)
    assert (figure.low, figure.high) == pytest.approx((0.8 - 0.12853, 0.8 + 0.12853), abs=1e-4)
    # An AUC's log odds: 1.38629 less half of 0.05 ** 2 (2 * 0.8 - 1) / 0.16 ** 2 = 0.0293.
    auc = figure_of(sample, boot, patients=6, bias="log odds")
    width = 0.12853 / 0.16
    ends = [1 / (1 + np.exp(-(1.38629 - 0.02930 + x))) for x in (-width, width)]
    assert (auc.low, auc.high) == pytest.approx(tuple(ends), abs=1e-4)
    of_one_patient = figure_of(sample, boot, patients=1)
    assert (of_one_patient.low, of_one_patient.note) == (
        None,
        "too few patients of a kind: there is one",
    )


def test_an_interval_ends_where_its_figure_ends() -> None:
    boot = Bootstrap.of(names(*[1] * 20), draws=2)
    figure = figure_of(np.array([0.9, 0.5, 1.0]), boot, (0.0, 1.0))
    assert (figure.value, figure.low, figure.high) == (0.9, pytest.approx(0.14, abs=0.02), 1.0)
    # Chance alone: the draws exceed the value by as much as the value itself.
    figure = figure_of(np.array([0.01, 0.02, 0.021]), boot, (0.0, 1.0), bias="excess")
    assert (figure.low, figure.high) == (0.0, pytest.approx(0.00152, abs=1e-5))


def test_a_missing_figure_or_interval_says_why() -> None:
    boot = Bootstrap.of(names(*[1] * 20), draws=100)
    assert figure_of(np.full(101, np.nan), boot, missing="no film is positive") == Figure(
        None, note="no film is positive"
    )
    some = np.random.default_rng(0).random(101)
    some[5:10] = np.nan
    figure = figure_of(some, boot)
    assert figure.low is None
    assert "5% of the draws" in figure.note
    one_patient, few = Bootstrap.of(names(7)), Bootstrap.of(names(2, 3, 4))
    assert (
        figure_of(np.linspace(0.1, 0.9, 2001), one_patient).note == "all films are of one patient"
    )
    assert "3 patients are too few" in figure_of(np.linspace(0.1, 0.9, 2001), few).note


def test_figures_for_people() -> None:
    assert str(Figure(0.9741, 0.96, 0.985)) == "0.974 [0.960, 0.985]"
    assert str(Figure(0.5, note=ALIKE)) == f"0.500 (no interval: {ALIKE})"
    assert str(Figure(None, note="one class")) == "not defined: one class"
    assert Figure(0.9741, 0.96, 0.985).cell("-") == "0.974 [0.960, 0.985]"
    assert Figure(0.5, note=ALIKE).cell("-") == "0.500"
    assert Figure(None, note="one class").cell("-") == "-"


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="no films"):
        Bootstrap.of([])
    with pytest.raises(UsageError, match="1 bootstrap draws"):
        Bootstrap.of(["a"], draws=1)
    boot = Bootstrap.of(["a", "b"], draws=5)
    with pytest.raises(UsageError, match="score: 3 values for 2 films"):
        boot.check(score=np.zeros(3))
    with pytest.raises(UsageError, match="score of film 1 is not a number"):
        boot.check(score=np.array([0.5, np.nan]))


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say_near_1() -> None:
    """Share 0.95 among 60 patients with three films each."""
    rng = np.random.default_rng(7)
    covered = 0
    for seed in range(600):
        rates = rng.beta(9.5, 0.5, 60)  # mean 0.95; films of one patient share a rate
        hit = rng.random((60, 3)) < rates[:, None]
        boot = Bootstrap.of(names(*[3] * 60), draws=400, seed=seed)
        figure = figure_of(mean(boot, hit.ravel()), boot, trials=60)
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= 0.95 <= figure.high
    # Standard error of 95 % in 600 trials: 0.9 %; three of them around 94 to 96 %.
    assert 0.913 <= covered / 600 <= 0.987
