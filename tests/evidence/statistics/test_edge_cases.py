"""Any films give a figure in its range, a reason in words or a clear error, never NaN."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")
pytest.importorskip("hypothesis", reason="needs the [dev] extra")

from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from evaluated import evaluated_film, question, settings
from pneumoscope.decision.conformal import Limits
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.sources import source_result
from pneumoscope.evidence.evaluation.subgroups import subgroups
from pneumoscope.evidence.statistics import (
    brier,
    calls,
    comparison,
    coverage,
    decision_curve,
    most_probable,
    paired_tests,
    prior_shift,
    ranking,
    recalibration,
    reliability,
    shares,
)
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure

QUICK = example_settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
LABELS = ("a", "b", "c")


@st.composite
def studies(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, Bootstrap]:
    """1 to 30 films: any labels, scores with ties and at 0 and 1, any patients."""
    number = draw(st.integers(1, 30))
    truth = draw(st.lists(st.integers(0, 2), min_size=number, max_size=number))
    grid = st.sampled_from([0.0, 1e-9, 0.2, 0.5, 0.5, 0.7, 1.0])
    ill = draw(st.lists(grid, min_size=number, max_size=number))
    most = draw(st.integers(0, number - 1))
    patients = draw(st.lists(st.integers(0, most), min_size=number, max_size=number))
    p = np.array(ill)
    boot = Bootstrap.of([str(k) for k in patients], draws=20)
    return np.array(truth), np.stack([1 - p, 0.6 * p, 0.4 * p], axis=1), boot


def figures(result: Any) -> list[Figure]:
    """All figures anywhere in a result, and a check that no other number in it is NaN."""
    if isinstance(result, Figure):
        return [result]
    if is_dataclass(result):
        return [f for field in fields(result) for f in figures(getattr(result, field.name))]
    if isinstance(result, dict):
        return [f for value in result.values() for f in figures(value)]
    if isinstance(result, tuple | list):
        return [f for value in result for f in figures(value)]
    assert not isinstance(result, float) or np.isfinite(result)
    return []


RANGES = {
    "mcc": (-1, 1), "kappa": (-1, 1), "lr_positive": (0, np.inf), "lr_negative": (0, np.inf),
    "resolution": (0, 0.25), "uncertainty": (0, 0.25), "within_bins": (-0.5, 0.75),
    "skill": (-np.inf, 1), "slope": (-np.inf, np.inf), "intercept": (-np.inf, np.inf),
    "in_the_large": (-np.inf, np.inf),
}  # fmt: skip
"""Name of a figure to its range; all others are shares."""


def named_figures(result: Any, name: str = "") -> list[tuple[tuple[float, float], Figure]]:
    """All figures anywhere in a result with their ranges."""
    if isinstance(result, Figure):
        return [(RANGES.get(name, (0, 1)), result)]
    if isinstance(result, comparison.Difference):
        low, high = RANGES.get(name, (0, 1))
        return [((low - high, high - low), result.difference)]
    if isinstance(result, paired_tests.DeLong):
        return [((-1, 1), result.difference)]
    if isinstance(result, decision_curve.DecisionCurve):
        odds = [t / (1 - t) for t in result.thresholds]
        benefit, gain = [(-o, 1) for o in odds], [(-max(1, o), min(1, o)) for o in odds]
        curves = ((result.model, benefit), (result.treat_all, benefit), (result.gain, gain))
        return [pair for line, ends in curves for pair in zip(ends, line, strict=True)]
    if is_dataclass(result):
        return [p for f in fields(result) for p in named_figures(getattr(result, f.name), f.name)]
    if isinstance(result, dict):
        return [p for key, value in result.items() for p in named_figures(value, key)]
    if isinstance(result, tuple | list):
        return [p for value in result for p in named_figures(value, name)]
    return []


def check(result: Any) -> None:
    for figure in figures(result):
        numbers = [x for x in (figure.value, figure.low, figure.high) if x is not None]
        assert all(type(x) is float and np.isfinite(x) for x in numbers), figure
        assert (figure.low is None) == (figure.high is None), figure
        assert figure.note or len(numbers) == 3, figure
        if len(numbers) == 3:
            assert figure.low <= figure.high, figure
        if figure.value is None:
            assert figure.low is None
    for (lowest, highest), figure in named_figures(result):
        if figure.value is not None:
            # Rounding may move a value over an end; never an interval.
            assert lowest - 1e-9 <= figure.value <= highest + 1e-9, figure
        if figure.low is not None:
            assert lowest <= figure.low <= figure.high <= highest, figure


def check_figures(positive: np.ndarray, score: np.ndarray, boot: Bootstrap) -> None:
    """The figures of one question at one threshold."""
    check(ranking.ranking(positive, score, boot))
    check(calls.at_threshold(positive, score, 0.5, boot))
    check(calls.at_prevalence(positive, score, 0.5, 0.01, boot))
    check(reliability.reliability(positive, score, boot))
    check(reliability.calibration_error(positive, score, boot))
    check(brier.brier(positive, score, boot))
    check(recalibration.recalibration(positive, score, boot))


@pytest.mark.slow
@QUICK
@given(studies())
def test_two_classes(study: tuple[np.ndarray, np.ndarray, Bootstrap]) -> None:
    truth, p, boot = study
    positive, score = truth > 0, 1 - p[:, 0]
    check_figures(positive, score, boot)
    check(decision_curve.decision_curve(positive, score, boot, (0.1, 0.5)))
    check(decision_curve.risk_coverage((score >= 0.5) == positive, np.abs(score - 0.5), boot))
    check(comparison.compare(positive, (score, score[::-1]), (0.5, 0.2), boot))
    check(paired_tests.delong(positive, score, score[::-1]))
    check(paired_tests.mcnemar(positive, score >= 0.5, score >= 0.2))
    check(shares.share_figure(score >= 0.5, positive, boot))
    limits = Limits(0.2, {"P": (0.4, 0.3)}, {})
    check(coverage.set_coverage(positive, score, limits, "P", ("a", "b"), boot))
    if boot.patients > 1:
        check(coverage.recalibrated_coverage(positive, score, ("a", "b"), boot, 0.2))


def test_labels_of_0_and_1_give_the_figures_of_false_and_true() -> None:
    """As they come out of a CSV; numpy takes whole numbers as positions of films."""
    rng = np.random.default_rng(0)
    positive = rng.random(40) < 0.4
    score, other = (np.clip(0.3 * positive + 0.6 * rng.random(40), 0, 1) for _ in range(2))
    boot = Bootstrap.of([str(i) for i in range(40)], draws=20)
    limits = Limits(0.2, {"P": (0.4, 0.3)}, {})
    measures = (
        lambda y: ranking.ranking(y, score, boot),
        lambda y: calls.at_threshold(y, score, 0.5, boot),
        lambda y: calls.at_prevalence(y, score, 0.5, 0.01, boot),
        lambda y: reliability.reliability(y, score, boot),
        lambda y: reliability.calibration_error(y, score, boot),
        lambda y: brier.brier(y, score, boot),
        lambda y: recalibration.recalibration(y, score, boot),
        lambda y: decision_curve.decision_curve(y, score, boot, (0.1, 0.5)),
        lambda y: comparison.compare(y, (score, other), (0.5, 0.4), boot),
        lambda y: paired_tests.delong(y, score, other),
        lambda y: paired_tests.mcnemar(y, score >= 0.5, other >= 0.4),
        lambda y: coverage.set_coverage(y, score, limits, "P", ("a", "b"), boot),
        lambda y: coverage.recalibrated_coverage(y, score, ("a", "b"), boot, 0.2),
    )
    for measure in measures:
        expected = measure(positive)
        for kind in (np.int64, np.uint8, np.float64):
            assert measure(positive.astype(kind)) == expected
        with pytest.raises(UsageError, match="neither 0 nor 1"):
            measure(positive + 1)


EXTREMES = {
    "perfect": lambda ill, rng: np.where(ill, 0.9, 0.1),
    "perfect but one": lambda ill, rng: np.where(
        ill, 0.9, np.where(np.arange(len(ill)), 0.1, 0.95)
    ),
    "certain": lambda ill, rng: ill.astype(float),
    "certain and wrong": lambda ill, rng: 1.0 - ill,
    "constant": lambda ill, rng: np.full(len(ill), 0.3),
    "calibrated": lambda ill, rng: np.clip(ill.mean() + 0.2 * rng.normal(size=len(ill)), 0, 1),
    "tied": lambda ill, rng: np.round(
        np.clip(0.3 + 0.4 * ill + 0.3 * rng.random(len(ill)), 0, 1), 1
    ),
    "tiny": lambda ill, rng: 1e-7 * (1 + ill + rng.random(len(ill))),
}
"""Name to P(positive) of films that are ill or not."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXTREMES)
@pytest.mark.parametrize(("ill_films", "films"), [(1, 40), (6, 206), (20, 40), (39, 40), (40, 40)])
@pytest.mark.parametrize("films_each", [1, 4])
def test_no_interval_leaves_its_figures_range(
    kind: str, ill_films: int, films: int, films_each: int
) -> None:
    rng = np.random.default_rng(films)
    positive = np.arange(films) >= films - ill_films
    score = EXTREMES[kind](positive, rng)
    boot = Bootstrap.of([str(i // films_each) for i in range(films)], draws=200)
    check_figures(positive, score, boot)
    check(decision_curve.decision_curve(positive, score, boot))
    check(decision_curve.risk_coverage((score >= 0.5) == positive, np.abs(score - 0.5), boot))
    other = np.clip(score + 0.2 * rng.normal(size=films), 0, 1)
    check(comparison.compare(positive, (score, other), (0.5, 0.4), boot))
    check(paired_tests.delong(positive, score, other))


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXTREMES)
@pytest.mark.parametrize(("ill_films", "films"), [(1, 12), (2, 40), (20, 40), (20, 60), (39, 40)])
def test_no_interval_of_a_group_or_a_source_leaves_its_range(
    kind: str, ill_films: int, films: int
) -> None:
    rng = np.random.default_rng(films)
    positive = rng.permutation(np.arange(films) < ill_films)
    places, ages = rng.choice(["a", "b", ""], films), rng.choice(["5", "999", "060Y", ""], films)
    score = EXTREMES[kind](positive, rng)
    # Of the place b mostly wrong, so that differences come close to 1.
    turned = (places == "b") & (rng.random(films) < 0.9)
    whole = question(np.where(turned, 1 - score, score).tolist(), positive.tolist())
    evaluated = [
        evaluated_film(i, source=str(place), columns={"place": str(place), "age": str(age)})
        for i, (place, age) in enumerate(zip(places, ages, strict=True))
    ]
    chosen = settings(by=("place", "age"), draws=100)
    for group in subgroups(whole, evaluated, 0.5, chosen):
        check((group.figures, group.against_rest))
    check(source_result(whole, evaluated, 0.5, chosen))


@QUICK
@given(studies())
def test_several_classes(study: tuple[np.ndarray, np.ndarray, Bootstrap]) -> None:
    truth, p, boot = study
    check(ranking.one_against_rest(truth, p, LABELS, boot))
    check(most_probable.most_probable(truth, p, LABELS, boot))
    check(prior_shift.estimate_priors(p, np.array([0.5, 0.3, 0.2]), boot))


@QUICK
@given(studies(), st.data())
def test_missing_labels(
    study: tuple[np.ndarray, np.ndarray, Bootstrap], data: st.DataObject
) -> None:
    truth, p, boot = study
    label = np.eye(3)[truth]
    cells = st.lists(st.booleans(), min_size=label.size, max_size=label.size)
    label[np.array(data.draw(cells)).reshape(label.shape)] = np.nan
    check(ranking.findings(label, p, LABELS, boot))


@QUICK
@given(studies())
def test_the_order_of_films_does_not_matter(
    study: tuple[np.ndarray, np.ndarray, Bootstrap],
) -> None:
    truth, p, boot = study
    turned = Bootstrap(boot.group[::-1], boot.counts)
    positive, score = truth > 0, 1 - p[:, 0]
    pairs = [
        (
            ranking.ranking(positive, score, boot),
            ranking.ranking(positive[::-1], score[::-1], turned),
        ),
        (
            reliability.calibration_error(positive, score, boot),
            reliability.calibration_error(positive[::-1], score[::-1], turned),
        ),
    ]
    for straight, reversed_ in pairs:
        for first, second in zip(figures(straight), figures(reversed_), strict=True):
            assert (first.value, first.low, first.note) == (
                second.value if first.value is None else pytest.approx(second.value, abs=1e-9),
                second.low if first.low is None else pytest.approx(second.low, abs=1e-6),
                second.note,
            )
