"""Operating points and figures of classes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.decision import thresholds
from pneumoscope.records import OperatingPoint
from pneumoscope.train.validation import classes
from pneumoscope.train.validation.predictions import Validation
from validations import overlapping, validation


def worst(v: Validation, threshold: float) -> tuple[float, str]:
    scores = {name: v.p_positive(name) for name in v.probabilities}
    return thresholds.worst_balanced_accuracy(v.ill, scores, threshold)


def test_the_worst_condition_counts() -> None:
    v = validation(
        plain=[0.1, 0.2, 0.8, 0.9], blur=[0.1, 0.6, 0.7, 0.9], noise=[0.1, 0.2, 0.3, 0.9]
    )
    assert worst(v, 0.65) == (0.75, "noise")
    assert worst(v, 0.25) == (0.75, "blur")


def test_the_balanced_point_lies_in_the_middle_of_the_best() -> None:
    v = validation(plain=[0.1, 0.2, 0.8, 0.9], blur=[0.1, 0.4, 0.7, 0.9])
    points = {p.name: p for p in classes.choose_operating_points(v)}
    assert points["balanced"].threshold == pytest.approx(0.55, abs=0.02)


def test_screen_and_rule_in_keep_their_promise_under_every_condition() -> None:
    v = overlapping(shift=0.05)
    points = {q.name: q.threshold for q in classes.choose_operating_points(v)}
    sensitivity = [(v.p_positive(c)[v.ill] >= points["screen"]).mean() for c in v.probabilities]
    specificity = [(v.p_positive(c)[~v.ill] < points["rule-in"]).mean() for c in v.probabilities]
    assert 0.97 <= min(sensitivity) < 0.98
    assert 0.95 <= min(specificity) < 0.96
    assert points["screen"] < points["balanced"] < points["rule-in"]


def test_points_never_cross_where_the_classes_lie_far_apart() -> None:
    v = validation(plain=[0.1, 0.2, 0.8, 0.9], blur=[0.1, 0.4, 0.7, 0.9])
    points = {q.name: q.threshold for q in classes.choose_operating_points(v)}
    assert points["screen"] <= points["balanced"] <= points["rule-in"]


def test_figures_by_hand() -> None:
    v = validation(plain=[0.1, 0.6, 0.8, 0.9], blur=[0.1, 0.2, 0.3, 0.9])
    point = OperatingPoint("x", 0.5, "")
    figures = classes.figures(v, point, draws=50)
    assert figures["films"] == figures["patients"] == 4
    plain = figures["plain"]
    assert plain["auc"]["value"] == 1.0
    assert plain["sensitivity"]["value"] == 1.0
    assert plain["specificity"]["value"] == 0.5
    assert plain["accuracy"]["value"] == 0.75
    assert plain["balanced_accuracy"]["value"] == 0.75
    # argmax: normal, bacterial (p .6: .4 .42 .18), bacterial, bacterial; truth 0 0 1 2.
    assert plain["class_accuracy"]["value"] == 0.5
    assert figures["stress"]["blur"]["sensitivity"]["value"] == 0.5
    assert figures["worst"]["balanced_accuracy"]["condition"] == "blur"


def test_the_calibration_error_is_measured_at_the_share_of_ill_films() -> None:
    # Honest where half of the films are ill. Here three in four are: odds of 1 / 3 and 3 become 1 and 9.
    p_at_half = np.repeat([0.25, 0.75], [300, 500])
    ill = np.concatenate([np.arange(300) < 150, np.arange(500) < 450])
    kept = np.stack([1 - p_at_half, p_at_half], axis=1)
    v = Validation(ill.astype(int), tuple(map(str, range(800))), {"plain": kept, "blur": kept})
    point = OperatingPoint("balanced", 0.5, "by hand", None)
    raw = classes.figures(v, point, draws=10)
    assert raw["plain"]["ece"] == pytest.approx((300 * 0.25 + 500 * 0.15) / 800)
    carried = classes.figures(v, point, 0.5, draws=10)
    assert carried["plain"]["ece"] == pytest.approx(0, abs=1e-9)
    assert carried["stress_ece"] == pytest.approx(0, abs=1e-9)
