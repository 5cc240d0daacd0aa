"""Figures that others have published, or that follow from a table by counting."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from scipy import stats

from patients import film_each
from pneumoscope.evidence.statistics.brier import brier
from pneumoscope.evidence.statistics.calls import at_prevalence, at_threshold
from pneumoscope.evidence.statistics.decision_curve import decision_curve, risk_coverage
from pneumoscope.evidence.statistics.most_probable import most_probable
from pneumoscope.evidence.statistics.paired_tests import delong, mcnemar
from pneumoscope.evidence.statistics.ranking import ranking
from pneumoscope.evidence.statistics.recalibration import recalibration
from pneumoscope.evidence.statistics.shares import share_figure


def table(hits: int, misses: int, false: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores of 1 for films that are called positive, else 0."""
    positive = np.repeat([True, True, False, False], [hits, misses, false, right])
    score = np.repeat([1.0, 0.0, 1.0, 0.0], [hits, misses, false, right])
    return positive, score


# Liver scans against pathology (Altman and Bland 1994, BMJ 308:1552 and 309:102).
LIVER = table(hits=231, misses=27, false=32, right=54)


def test_sensitivity_and_predictive_values_of_liver_scans() -> None:
    at = at_threshold(*LIVER, 0.5, film_each(344, draws=20))
    assert at.sensitivity.value == pytest.approx(0.90, abs=0.005)
    assert at.specificity.value == pytest.approx(0.63, abs=0.005)
    assert at.ppv.value == pytest.approx(0.88, abs=0.005)
    assert at.npv.value == pytest.approx(0.67, abs=0.005)
    assert at.prevalence.value == pytest.approx(0.75, abs=0.005)


def test_predictive_values_of_liver_scans_where_a_quarter_is_ill() -> None:
    # The second paper: PPV 0.45, NPV 0.95.
    at = at_prevalence(*LIVER, 0.5, 0.25, film_each(344, draws=20))
    assert at.ppv.value == pytest.approx(0.45, abs=0.005)
    assert at.npv.value == pytest.approx(0.95, abs=0.005)


def test_bayes_gives_back_the_predictive_values_of_the_films_themselves() -> None:
    boot = film_each(344, draws=20)
    measured = at_threshold(*LIVER, 0.5, boot)
    assert measured.prevalence.value is not None
    moved = at_prevalence(*LIVER, 0.5, measured.prevalence.value, boot)
    assert moved.ppv.value == pytest.approx(measured.ppv.value)
    assert moved.npv.value == pytest.approx(measured.npv.value)


def test_intervals_of_liver_scans_are_close_to_those_of_wilson() -> None:
    # One film per patient: a binomial share, for which Wilson's interval is the usual one.
    at = at_threshold(*LIVER, 0.5, film_each(344, draws=4000))
    for figure, hits, films in ((at.sensitivity, 231, 258), (at.specificity, 54, 86)):
        wilson = stats.binomtest(hits, films).proportion_ci(method="wilson")
        assert (figure.low, figure.high) == pytest.approx((wilson.low, wilson.high), abs=0.012)


def test_kappa_of_fifty_grants() -> None:
    # Two readers of 50 applications: 20 yes, 15 no, 5 and 10 apart: agreement 0.7, by chance 0.5.
    at = at_threshold(*table(hits=20, misses=5, false=10, right=15), 0.5, film_each(50, draws=20))
    assert at.accuracy.value == pytest.approx(0.7)
    assert at.kappa.value == pytest.approx(0.4)


def test_kappa_can_be_below_zero_where_almost_all_agree() -> None:
    # Of 125 films 118 agree, as 0.9453 would by chance.
    at = at_threshold(*table(hits=118, misses=5, false=2, right=0), 0.5, film_each(125, draws=20))
    assert at.accuracy.value == pytest.approx(0.944)
    assert at.kappa.value == pytest.approx(-0.0234, abs=1e-4)


def test_matthews_correlation_is_that_of_two_columns() -> None:
    positive, score = table(hits=30, misses=10, false=5, right=55)
    at = at_threshold(positive, score, 0.5, film_each(100, draws=20))
    assert at.mcc.value == pytest.approx(np.corrcoef(positive, score)[0, 1])


def test_likelihood_ratios_multiply_the_odds() -> None:
    at = at_threshold(*LIVER, 0.5, film_each(344, draws=20))
    odds = 258 / 86
    assert at.lr_positive.value is not None
    assert at.lr_negative.value is not None
    assert at.lr_positive.value * odds == pytest.approx(231 / 32)  # odds of the films called ill
    assert at.lr_negative.value * odds == pytest.approx(27 / 54)


def test_mcnemar_of_airway_hyperresponsiveness() -> None:
    # Fagerland, Lydersen and Laake (2013), table 1: 7 and 1 discordant pairs of 21.
    positive = np.ones(21, bool)
    before, after = np.arange(21) < 2, (np.arange(21) < 1) | (np.arange(21) >= 14)
    test = mcnemar(positive, before, after)
    assert (test.only_first, test.only_second) == (1, 7)
    assert test.p_exact == pytest.approx(0.0703, abs=5e-5)
    assert test.p_mid == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 5), (3, 9), (12, 4), (7, 7), (40, 60)])
def test_mcnemar_is_a_binomial_test(only_first: int, only_second: int) -> None:
    number = only_first + only_second
    first = np.arange(number) < only_first
    test = mcnemar(np.ones(number, bool), first, ~first)
    expected = stats.binomtest(only_first, number).pvalue
    assert test.p_exact == pytest.approx(expected)
    assert test.p_mid < test.p_exact


def test_the_auc_of_delong_is_that_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(2)
    positive = np.arange(60) < 25
    first = positive + rng.normal(0, 1, 60)
    test = delong(positive, first, rng.normal(0, 1, 60))
    u = stats.mannwhitneyu(first[positive], first[~positive])
    assert test.first == pytest.approx(u.statistic / (25 * 35))


def test_clopper_and_pearson_of_no_case_among_thirty() -> None:
    # The exact upper end is 11.6 %; the rule of three says 10 %.
    nobody = np.zeros(30, bool)
    figure = share_figure(nobody, ~nobody, film_each(30))
    exact = stats.binomtest(0, 30).proportion_ci(method="exact")
    assert (figure.low, figure.high) == (0.0, pytest.approx(exact.high))
    assert figure.high == pytest.approx(0.1157, abs=5e-5)


def test_the_auc_of_two_normal_scores_is_that_of_their_distance() -> None:
    # Binormal: AUC = Phi(d / sqrt 2), for d = 1: 0.7602.
    grid = stats.norm.ppf((np.arange(400) + 0.5) / 400)
    score = np.r_[grid, grid + 1]
    figure = ranking(np.arange(800) >= 400, score, film_each(800, draws=2)).roc_auc
    assert figure.value == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.002)


def test_always_saying_the_prevalence_has_no_skill() -> None:
    positive = np.arange(40) < 10
    score = brier(positive, np.full(40, 0.25), film_each(40))
    assert score.score.value == pytest.approx(0.25 * 0.75)
    assert score.skill.value == pytest.approx(0)
    assert score.resolution.value == pytest.approx(0)
    assert score.reliability.value == pytest.approx(0)


def test_treating_all_is_worth_nothing_at_the_prevalence() -> None:
    positive = np.arange(40) < 10
    curve = decision_curve(positive, positive * 0.8 + 0.1, film_each(40), (0.25, 0.5))
    assert curve.treat_all[0].value == pytest.approx(0)
    # A model that separates the classes finds every case at any threshold in between.
    assert [f.value for f in curve.model] == pytest.approx([0.25, 0.25])
    assert curve.gain[1].value == pytest.approx(0.25)


def test_the_best_order_of_errors_has_the_known_area() -> None:
    # Of 1000 films 200 are wrong and all are deferred first: e + (1 - e) ln(1 - e) = 0.0215.
    right = np.arange(1000) < 800
    curve = risk_coverage(right, -np.arange(1000.0), film_each(1000, draws=2), (0.8, 1.0))
    assert curve.aurc.value == pytest.approx(0.2 + 0.8 * np.log(0.8), abs=5e-4)
    assert [f.value for f in curve.risks] == pytest.approx([0.0, 0.2])


def test_slope_and_intercept_of_moved_log_odds() -> None:
    # P = 0.2, 0.5, 0.8 with exactly these shares of ill films; then odds doubled and stretched by 2.
    p = np.repeat([0.2, 0.5, 0.8], 10)
    positive = np.concatenate([np.arange(10) < round(10 * share) for share in (0.2, 0.5, 0.8)])
    exact = recalibration(positive, p, film_each(30))
    assert (exact.slope.value, exact.intercept.value) == (
        pytest.approx(1, abs=1e-6), pytest.approx(0, abs=1e-6),
    )  # fmt: skip
    odds = 2 * np.log(p / (1 - p)) + np.log(2)
    moved = recalibration(positive, 1 / (1 + np.exp(-odds)), film_each(30))
    assert moved.slope.value == pytest.approx(0.5, abs=1e-5)
    assert moved.intercept.value == pytest.approx(-0.5 * np.log(2), abs=1e-5)
    assert moved.in_the_large.value is not None
    assert moved.in_the_large.value < 0  # probabilities are too high


def test_three_classes_counted_on_fingers() -> None:
    # Called: normal 3 of 4, bacterial 1 of 2 (the other viral), viral 1 of 2 (the other normal).
    truth = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    called = np.array([0, 0, 0, 1, 1, 2, 2, 0])
    figures = most_probable(truth, np.eye(3)[called], ("n", "b", "v"), film_each(8))
    assert figures.confusion.counts == ((3, 1, 0), (0, 1, 1), (1, 0, 1))
    assert figures.accuracy.value == pytest.approx(5 / 8)
    assert figures.balanced_accuracy.value == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    # F1 = 2 TP / (labelled + called): 6 / 8, 2 / 4, 2 / 4.
    assert figures.macro_f1.value == pytest.approx((6 / 8 + 2 / 4 + 2 / 4) / 3)
    # By chance 4 x 4 + 2 x 2 + 2 x 2 of 64 agree.
    assert figures.kappa.value == pytest.approx((5 / 8 - 24 / 64) / (1 - 24 / 64))
