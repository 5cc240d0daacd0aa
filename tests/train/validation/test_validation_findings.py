"""Operating points and figures of several findings, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.train.validation import findings
from pneumoscope.train.validation.predictions import Validation

NAN = np.nan

# The first finding is told apart but for one pair of four, the second is known on two films, the
# third on no film.
TARGETS = np.array(
    [[1, 1, NAN], [1, NAN, NAN], [0, NAN, NAN], [0, 0, NAN], [NAN, NAN, NAN]], np.float32
)

P = np.array([[0.9, 0.8, 0.5], [0.4, 0.1, 0.5], [0.6, 0.1, 0.5], [0.2, 0.3, 0.5], [0.99, 0.5, 0.5]])

PATIENTS = ("a", "b", "c", "d", "e")


def validation() -> Validation:
    return Validation(TARGETS, PATIENTS, {"plain": P, "noise": 1 - P})


def test_thresholds_by_hand() -> None:
    points = findings.choose_operating_points(validation(), ("a", "b", "c"))
    assert [point.finding for point in points] == ["a", "b", "c"] * 3
    assert [point.name for point in points[::3]] == ["balanced", "screen", "rule-in"]
    by_name = {(point.name, point.finding): point for point in points}
    assert by_name["balanced", "b"].threshold == pytest.approx(0.55)
    # Sensitivity 1 costs half the specificity, and the other way round: the first of the best.
    assert by_name["balanced", "a"].threshold == pytest.approx(0.3)
    assert by_name["screen", "a"].threshold == by_name["balanced", "a"].threshold
    assert by_name["screen", "b"].threshold == by_name["rule-in", "b"].threshold
    assert by_name["rule-in", "a"].threshold == pytest.approx(0.6)
    assert by_name["rule-in", "a"].threshold > 0.6
    assert (by_name["balanced", "c"].threshold, by_name["balanced", "c"].rule[:17]) == (
        0.5,
        "0.5 by convention",
    )


def test_figures_tell_what_cannot_be_measured() -> None:
    points = findings.choose_operating_points(validation(), ("a", "b", "c"))
    figures = findings.figures(validation(), ("a", "b", "c"), points[:3], draws=50)
    a, c = figures["findings"]["a"], figures["findings"]["c"]
    assert (a["with"], a["without"], a["unknown"]) == (2, 2, 1)
    assert a["auc"]["value"] == pytest.approx(0.75)
    assert (a["sensitivity"]["value"], a["specificity"]["value"]) == (1.0, 0.5)
    assert (c["with"], c["unknown"]) == (0, 5)
    assert "auc" not in c
    assert figures["macro_auc"]["value"] == pytest.approx(0.875)
    assert (figures["worst"]["condition"], figures["stress"]) == (
        "noise",
        {"noise": pytest.approx(0.125)},
    )


def test_the_largest_sensitivity_and_specificity_among_many_films() -> None:
    rng = np.random.default_rng(0)
    p, ill = np.round(rng.random(300), 2), rng.random(300) < 0.3
    threshold = findings._youden(p, ill)
    each = [(p[ill] >= cut).mean() + (p[~ill] < cut).mean() for cut in (*np.unique(p), threshold)]
    assert each[-1] == pytest.approx(max(each))


def test_a_rare_finding_keeps_its_small_threshold() -> None:
    targets = np.zeros((100, 2), np.float32)
    targets[:2] = 1
    p = np.where(targets == 1, 4e-4, 2e-5).astype(np.float64)
    rare = Validation(targets, tuple(map(str, range(100))), {"plain": p, "noise": p})
    points = findings.choose_operating_points(rare, ("a", "b"))
    assert points[0].threshold == pytest.approx(2.1e-4)
    of_a = findings.figures(rare, ("a", "b"), points[:2], draws=50)["findings"]["a"]
    assert (of_a["sensitivity"]["value"], of_a["specificity"]["value"]) == (1.0, 1.0)


def test_many_rare_findings_have_an_interval() -> None:
    # Each is on one patient's film: no draw of patients has all twenty.
    targets = np.zeros((60, 20), np.float32)
    targets[np.arange(20), np.arange(20)] = 1
    p = np.random.default_rng(0).random(targets.shape)
    rare = Validation(targets, tuple(map(str, range(60))), {"plain": p, "noise": p})
    names = tuple(map(str, range(20)))
    points = findings.choose_operating_points(rare, names)
    macro_auc = findings.figures(rare, names, points[:20], draws=200)["macro_auc"]
    assert 0.3 < macro_auc["low"] < macro_auc["value"] < macro_auc["high"] < 0.8
    # By hand, of a draw without film 0: the findings 1 and 2 count.
    weights = np.ones((1, 5))
    weights[0, 0] = 0
    three = Validation(np.eye(5, 3, dtype=np.float32), ("a", "b", "c", "d", "e"), {
        "plain": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0.0]])
    })  # fmt: skip
    # Film 1 stands above its three others; film 2 ties with two and lies below one.
    assert findings.macro_auc(three)(weights)[0] == pytest.approx((1 + 1 / 3) / 2)
