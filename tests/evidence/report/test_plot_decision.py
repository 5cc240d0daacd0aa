"""Plots of decisions: net benefit, risk by coverage, predictive values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import drawings
from drawings import MISSING, known
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.plots.decision import decision, predictive_values, risk_coverage
from pneumoscope.evidence.statistics.calls import AtPrevalence
from pneumoscope.evidence.statistics.decision_curve import DecisionCurve, RiskCoverage

CURVE = DecisionCurve(
    thresholds=(0.2, 0.5),
    model=(known(0.4), known(0.3)),
    treat_all=(known(0.25), known(-0.2)),
    gain=(known(0.15), known(0.3)),
)


def test_net_benefit_is_drawn_for_the_model_for_all_and_for_none() -> None:
    (axes,) = drawings.axes_of(lambda: decision("d", CURVE, []))
    assert drawings.points(drawings.line(axes, "act on the model")) == [(0.2, 0.4), (0.5, 0.3)]
    assert drawings.points(drawings.line(axes, "treat all")) == [(0.2, 0.25), (0.5, -0.2)]
    assert set(drawings.line(axes, "treat none").get_ydata()) == {0}
    low, high = axes.get_ylim()
    assert low < 0 < 0.4 < high


def test_operating_points_stand_at_their_thresholds() -> None:
    named = [("balanced", 0.5), ("screen", 0.1)]
    (axes,) = drawings.axes_of(lambda: decision("d", CURVE, named))
    assert drawings.texts(axes) == ["balanced", "screen"]
    assert [text.xy[0] for text in axes.texts] == [0.5, 0.1]


def test_a_model_that_is_worse_than_nothing_still_has_a_visible_zero() -> None:
    worse = replace(CURVE, model=(known(-0.4), known(-0.3)))
    (axes,) = drawings.axes_of(lambda: decision("d", worse, []))
    low, high = axes.get_ylim()
    assert low < 0 < high


def test_risk_falls_with_the_films_kept_and_is_compared_with_random_deferral() -> None:
    curve = RiskCoverage(
        coverages=(0.5, 1.0), risks=(known(0.1), known(0.2)), aurc=known(0.12), full=known(0.2)
    )
    (axes,) = drawings.axes_of(lambda: risk_coverage("r", curve))
    kept = drawings.line(axes, "most confident films kept")
    assert drawings.points(kept) == [(0.5, 0.1), (1.0, 0.2)]
    assert set(drawings.line(axes, "films deferred at random").get_ydata()) == {0.2}
    assert axes.get_ylim()[0] == 0
    (axes,) = drawings.axes_of(lambda: risk_coverage("r", replace(curve, full=MISSING)))
    assert drawings.legend(axes) == ["most confident films kept"]


def with_rates(record: Evaluation, sensitivity: float, specificity: float):  # type: ignore[no-untyped-def]
    """The first question with one operating point of these rates, measured at a prevalence of 5 %."""
    target = record.bundles[0].targets[0]
    point = target.points[0]
    figures = replace(
        point.figures, sensitivity=known(sensitivity), specificity=known(specificity),
        prevalence=known(0.66),
    )  # fmt: skip
    at = AtPrevalence(0.05, known(0.32), known(0.99))
    return replace(target, points=(replace(point, figures=figures, at_prevalence=(at,)),))


def test_predictive_values_follow_bayes(record: Evaluation) -> None:
    target = with_rates(record, 0.9, 0.8)
    (axes,) = drawings.axes_of(lambda: predictive_values("p", target))
    # At a prevalence of 20 %: of 100 films 18 hits and 16 false alarms, 64 right and 2 missed.
    for label, expected in (("PPV", 18 / 34), ("NPV", 64 / 66)):
        item = drawings.line(axes, label)
        assert np.interp(0.2, item.get_xdata(), item.get_ydata()) == pytest.approx(
            expected, abs=1e-3
        )
    assert drawings.line(axes, "these films").get_xdata()[0] == 0.66
    assert [points for points, _ in drawings.marks(axes)] == [[(0.05, 0.32)], [(0.05, 0.99)]]


def test_a_point_without_false_alarms_has_a_ppv_of_1(record: Evaluation) -> None:
    (axes,) = drawings.axes_of(lambda: predictive_values("p", with_rates(record, 0.5, 1.0)))
    assert set(drawings.line(axes, "PPV").get_ydata()) == {1.0}


def test_a_point_that_calls_nothing_has_no_ppv(record: Evaluation) -> None:
    (axes,) = drawings.axes_of(lambda: predictive_values("p", with_rates(record, 0.0, 1.0)))
    assert np.isnan(np.asarray(drawings.line(axes, "PPV").get_ydata(), float)).all()


def test_films_of_one_class_give_no_lines(record: Evaluation) -> None:
    target = with_rates(record, 0.9, 0.8)
    point = target.points[0]
    figures = replace(point.figures, specificity=MISSING, prevalence=MISSING)
    bare = replace(target, points=(replace(point, figures=figures, at_prevalence=()),))
    (axes,) = drawings.axes_of(lambda: predictive_values("p", bare))
    assert axes.lines[:] == []
    assert axes.get_legend() is None
