"""What must not change a figure, and what must mirror it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from scipy import optimize

from patients import calibrated, three_classes
from pneumoscope.decision.conformal import Limits
from pneumoscope.evidence.statistics.brier import brier
from pneumoscope.evidence.statistics.calls import AtThreshold, at_threshold
from pneumoscope.evidence.statistics.comparison import compare
from pneumoscope.evidence.statistics.coverage import set_coverage
from pneumoscope.evidence.statistics.decision_curve import risk_coverage
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure
from pneumoscope.evidence.statistics.most_probable import most_probable
from pneumoscope.evidence.statistics.paired_tests import delong, mcnemar
from pneumoscope.evidence.statistics.prior_shift import adjust_priors, estimate_priors
from pneumoscope.evidence.statistics.ranking import ranking
from pneumoscope.evidence.statistics.recalibration import recalibration
from pneumoscope.evidence.statistics.reliability import calibration_error

POSITIVE, P = calibrated(90, seed=3)
BOOT = Bootstrap.of([str(i // 2) for i in range(90)], draws=60)


def same(first: Figure, second: Figure, sign: float = 1.0) -> None:
    """Value and interval agree, or are each other's negative."""
    ends = (second.low, second.high) if sign > 0 else (second.high, second.low)
    expected = [
        x if x is None else pytest.approx(sign * x, abs=1e-9) for x in (second.value, *ends)
    ]
    assert [first.value, first.low, first.high] == expected


MIRRORED = {
    "sensitivity": "specificity",
    "ppv": "npv",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "mcc": "mcc",
    "kappa": "kappa",
}


@pytest.mark.parametrize(("name", "mirror"), MIRRORED.items())
def test_exchanged_classes_exchange_the_sides(name: str, mirror: str) -> None:
    whole = at_threshold(POSITIVE, P, 0.4, BOOT)
    # Called negative below 0.4 becomes called positive above -0.4; no score is equal to it.
    turned = at_threshold(~POSITIVE, -P, -0.4, BOOT)
    same(getattr(turned, mirror), getattr(whole, name))
    same(getattr(turned, name), getattr(whole, mirror))


def test_the_auc_and_the_slope_of_the_other_class_are_the_same() -> None:
    same(ranking(~POSITIVE, -P, BOOT).roc_auc, ranking(POSITIVE, P, BOOT).roc_auc)
    first, second = recalibration(POSITIVE, P, BOOT), recalibration(~POSITIVE, 1 - P, BOOT)
    assert second.slope.value == pytest.approx(first.slope.value, abs=1e-6)
    assert second.intercept.value == pytest.approx(-(first.intercept.value or 0), abs=1e-6)
    assert second.in_the_large.value == pytest.approx(-(first.in_the_large.value or 0), abs=1e-6)


def test_the_brier_score_of_the_other_class_is_the_same() -> None:
    first, second = brier(POSITIVE, P, BOOT), brier(~POSITIVE, 1 - P, BOOT)
    for field in fields(first):
        same(getattr(second, field.name), getattr(first, field.name))


def test_coverage_of_exchanged_classes_is_exchanged() -> None:
    limits, turned = (Limits(0.1, {"P": sides}, {}) for sides in ((0.6, 0.3), (0.3, 0.6)))
    first = set_coverage(POSITIVE, P, limits, "P", ("a", "b"), BOOT)
    second = set_coverage(~POSITIVE, 1 - P, turned, "P", ("b", "a"), BOOT)
    for name in ("a", "b"):
        same(second.by_class[name], first.by_class[name])
    for name in ("undetermined", "empty", "single", "error_of_single"):
        same(getattr(second, name), getattr(first, name))


@pytest.mark.parametrize(
    "transform", [lambda p: 10 * p - 3, np.exp, lambda p: np.log(p / (1 - p))],
    ids=["line", "exp", "logit"],
)  # fmt: skip
def test_a_ranking_does_not_depend_on_the_scale_of_the_score(
    transform: Callable[[np.ndarray], np.ndarray],
) -> None:
    first, second = ranking(POSITIVE, P, BOOT), ranking(POSITIVE, transform(P), BOOT)
    same(second.roc_auc, first.roc_auc)
    same(second.average_precision, first.average_precision)
    other = np.random.default_rng(5).random(90)
    plain, transformed = delong(POSITIVE, P, other), delong(POSITIVE, transform(P), other)
    assert transformed.p_value == pytest.approx(plain.p_value)


def test_exchanged_models_turn_the_sign() -> None:
    other = np.clip(P + np.random.default_rng(6).normal(0, 0.2, 90), 0, 1)
    forth = compare(POSITIVE, (P, other), (0.5, 0.4), BOOT)
    back = compare(POSITIVE, (other, P), (0.4, 0.5), BOOT)
    for name, difference in forth.items():
        assert (back[name].first, back[name].second) == (difference.second, difference.first)
        same(back[name].difference, difference.difference, sign=-1)
        assert back[name].p_value == pytest.approx(difference.p_value)
        assert back[name].detectable == pytest.approx(difference.detectable)
    delong_forth, delong_back = delong(POSITIVE, P, other), delong(POSITIVE, other, P)
    same(delong_back.difference, delong_forth.difference, sign=-1)
    assert delong_back.p_value == pytest.approx(delong_forth.p_value)
    first, second = mcnemar(POSITIVE, P > 0.5, other > 0.5), mcnemar(POSITIVE, other > 0.5, P > 0.5)
    assert (second.only_first, second.only_second) == (first.only_second, first.only_first)
    assert (second.p_exact, second.p_mid) == pytest.approx((first.p_exact, first.p_mid))


def test_a_model_does_not_differ_from_itself() -> None:
    for difference in compare(POSITIVE, (P, P), (0.5, 0.5), BOOT).values():
        assert difference.difference.value in (0.0, None)
        assert difference.p_value is None


def every_figure(result: AtThreshold) -> list[Figure]:
    values = [getattr(result, field.name) for field in fields(result)]
    return [value for value in values if isinstance(value, Figure)]


def test_copies_of_all_films_of_every_patient_change_nothing() -> None:
    # Each film three times, with the same patients: the same shares and the same intervals.
    thrice = np.repeat(np.arange(90), 3)
    boot = Bootstrap(BOOT.group[thrice], BOOT.counts)
    once = every_figure(at_threshold(POSITIVE, P, 0.4, BOOT))
    again = every_figure(at_threshold(POSITIVE[thrice], P[thrice], 0.4, boot))
    for first, second in zip(once, again, strict=True):
        same(second, first)
    same(ranking(POSITIVE[thrice], P[thrice], boot).roc_auc, ranking(POSITIVE, P, BOOT).roc_auc)
    ece, ece_thrice = (
        calibration_error(POSITIVE[rows], P[rows], draws)
        for rows, draws in ((np.arange(90), BOOT), (thrice, boot))
    )
    assert ece_thrice.ece.value == pytest.approx(ece.ece.value)


def test_the_names_of_patients_do_not_matter_for_the_value() -> None:
    other = Bootstrap.of([f"patient {99 - i // 2}" for i in range(90)], draws=60)
    first, second = at_threshold(POSITIVE, P, 0.4, BOOT), at_threshold(POSITIVE, P, 0.4, other)
    for figure, same_figure in zip(every_figure(first), every_figure(second), strict=True):
        assert figure.value == same_figure.value
        assert (figure.low is None) == (same_figure.low is None)


def test_the_seed_decides_the_draws() -> None:
    patients = [str(i // 2) for i in range(90)]
    first, again, other = (Bootstrap.of(patients, draws=60, seed=seed) for seed in (4, 4, 5))
    assert (first.counts == again.counts).all()
    assert not (first.counts == other.counts).all()


def test_the_order_of_classes_changes_no_figure_over_all() -> None:
    truth, p, boot = three_classes()
    turn = np.array([2, 0, 1])  # class k is now at place turn[k]
    turned_p = np.empty_like(p)
    turned_p[:, turn] = p
    first = most_probable(truth, p, ("a", "b", "c"), boot)
    second = most_probable(turn[truth], turned_p, ("b", "c", "a"), boot)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "kappa"):
        same(getattr(second, name), getattr(first, name))
    counts, turned = np.array(first.confusion.counts), np.array(second.confusion.counts)
    assert (turned[np.ix_(turn, turn)] == counts).all()


def test_a_correction_for_class_shares_can_be_undone() -> None:
    _, p, _ = three_classes()
    p = p / p.sum(axis=1, keepdims=True)
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
    moved = adjust_priors(p, old, new)
    assert moved.sum(axis=1) == pytest.approx(np.ones(len(p)))
    assert adjust_priors(moved, new, old) == pytest.approx(p)
    assert adjust_priors(p, old, old) == pytest.approx(p)


def test_estimated_class_shares_are_the_likeliest() -> None:
    _, p, boot = three_classes()
    p = p / p.sum(axis=1, keepdims=True)
    old = np.array([0.5, 0.3, 0.2])
    estimated = [figure.value for figure in estimate_priors(p, old, boot).priors]

    def loss(free: np.ndarray) -> float:
        shares = np.r_[free, 1 - free.sum()]
        return -float(np.log((p / old) @ np.maximum(shares, 1e-12)).sum())

    best = optimize.minimize(
        loss, [1 / 3, 1 / 3], bounds=[(0, 1)] * 2,
        constraints={"type": "ineq", "fun": lambda free: 1 - free.sum()}, tol=1e-10,
    )  # fmt: skip
    assert estimated[:2] == pytest.approx(best.x.tolist(), abs=1e-3)


def test_errors_at_full_coverage_are_those_of_all_films() -> None:
    right = (P >= 0.5) == POSITIVE
    for confidence in (np.abs(P - 0.5), -np.abs(P - 0.5), np.zeros(90)):
        curve = risk_coverage(right, confidence, BOOT, (1.0,))
        same(curve.risks[0], curve.full)
        assert curve.full.value == pytest.approx(1 - right.mean())
    # Confidence that says nothing: the risk is the same at any coverage.
    even = risk_coverage(right, np.zeros(90), BOOT, (0.1, 0.5, 1.0))
    assert len({figure.value for figure in even.risks}) == 1
    assert even.aurc.value == pytest.approx(even.full.value)
