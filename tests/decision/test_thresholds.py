"""Operating points on validation films, by hand and on curves that are known."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.decision import thresholds
from pneumoscope.decision.thresholds import LEAST, NOISE, choose, worst_balanced_accuracy
from pneumoscope.records import OperatingPoint

TRUTH = np.array([True] * 4 + [False] * 4)


def named(points: tuple[OperatingPoint, ...]) -> dict[str, OperatingPoint]:
    return {point.name: point for point in points}


def normals(seed: int = 0, number: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two normals of equal width around 0.35 and 0.65."""
    rng = np.random.default_rng(seed)
    positive = rng.random(number) < 0.5
    return positive, np.clip(rng.normal(0.35 + 0.3 * positive, 0.15), 0, 1)


def test_the_worst_condition_by_hand() -> None:
    scores = {
        # At 0.5: 3 of 4 ill called, 4 of 4 well not.
        "plain": np.array([0.9, 0.8, 0.6, 0.4, 0.1, 0.2, 0.3, 0.4]),
        # 4 of 4 ill, 1 of 4 well.
        "bright": np.array([0.9, 0.8, 0.7, 0.6, 0.1, 0.5, 0.6, 0.7]),
    }
    assert worst_balanced_accuracy(TRUTH, scores, 0.5) == (0.625, "bright")
    # At 0.75: 2 of 4 and 4 of 4, under both.
    assert worst_balanced_accuracy(TRUTH, scores, 0.75) == (0.75, "plain")


def test_a_score_at_the_threshold_is_called() -> None:
    scores = {"plain": np.array([0.5] * 4 + [0.4] * 4)}
    assert worst_balanced_accuracy(TRUTH, scores, 0.5)[0] == 1.0


def test_one_condition_gives_the_best_youden_index() -> None:
    positive, score = normals()
    points = named(choose(positive, {"plain": score}))
    # Two normals of equal width: best half way between their means.
    assert abs(points["balanced"].threshold - 0.5) < 0.03
    assert (score[positive] >= points["screen"].threshold).mean() >= thresholds.SCREEN
    assert (score[~positive] < points["rule-in"].threshold).mean() >= thresholds.RULE_IN
    assert points["screen"].rule == "sensitivity >= 0.97 on validation films"


def test_screen_is_the_highest_and_rule_in_the_lowest_threshold_that_holds() -> None:
    positive, score = normals(1)
    points = named(choose(positive, {"plain": score}))
    screen, rule_in = points["screen"].threshold, points["rule-in"].threshold
    next_up = score[positive][score[positive] > screen].min()
    assert (score[positive] >= next_up).mean() < thresholds.SCREEN
    next_down = score[~positive][score[~positive] < rule_in].max()
    assert (score[~positive] < next_down).mean() < thresholds.RULE_IN


def test_every_condition_counts() -> None:
    positive, score = normals(2)
    scores = {
        "plain": score,
        "dark": np.clip(score - 0.1, 0, 1),
        "bright": np.clip(score + 0.1, 0, 1),
    }
    points = named(choose(positive, scores))
    for moved in scores.values():
        assert (moved[positive] >= points["screen"].threshold).mean() >= thresholds.SCREEN
        assert (moved[~positive] < points["rule-in"].threshold).mean() >= thresholds.RULE_IN
    # Between what is best for the darkest and for the brightest.
    assert abs(points["balanced"].threshold - 0.5) < 0.05
    assert "worst-case" in points["balanced"].rule
    assert points["screen"].rule.endswith("on plain and on every set of perturbed validation films")


def test_balanced_is_the_middle_of_a_flat_top() -> None:
    # Told apart anywhere from 0.3 to 0.7: every threshold between is as good.
    scores = {"plain": np.array([0.7] * 4 + [0.3] * 4)}
    points = named(choose(TRUTH, scores))
    grid = np.round(np.arange(0.02, 0.981, 0.005), 3)
    flat = [t for t in grid if worst_balanced_accuracy(TRUTH, scores, t)[0] >= 1 - NOISE]
    assert points["balanced"].threshold == pytest.approx(np.median(flat))
    assert points["balanced"].threshold == pytest.approx(0.5, abs=0.01)


def best_of_all(positive: np.ndarray, scores: dict[str, np.ndarray]) -> float:
    """The best worst-case balanced accuracy of any threshold inside (0, 1), one by one."""
    cuts = np.unique(np.clip(np.concatenate([*scores.values(), [1.0]]), LEAST, 1 - LEAST))
    return max(worst_balanced_accuracy(positive, scores, float(cut))[0] for cut in cuts)


@pytest.mark.slow
@pytest.mark.parametrize("prevalence", [0.002, 0.012, 0.1, 0.5, 0.9, 0.988, 0.998])
def test_the_best_point_is_reached_at_any_prevalence(prevalence: float) -> None:
    # Log odds of two normals one apart, calibrated: logit p = logit prevalence + x - 1 / 2.
    rng = np.random.default_rng(round(1000 * prevalence))
    positive = np.arange(4000) < max(round(4000 * prevalence), 12)
    x = rng.normal(positive * 1.0)
    score = 1 / (1 + np.exp(-(np.log(prevalence / (1 - prevalence)) + x - 0.5)))
    for scores in ({"plain": score}, {"plain": score, "dark": 0.8 * score}):
        points = named(choose(positive, scores))
        reached = worst_balanced_accuracy(positive, scores, points["balanced"].threshold)[0]
        assert reached >= best_of_all(positive, scores) - NOISE
        assert points["screen"].threshold <= points["balanced"].threshold
        assert points["balanced"].threshold <= points["rule-in"].threshold
        assert (scores["plain"][positive] >= points["screen"].threshold).mean() >= thresholds.SCREEN


KINDS = {
    "calibrated": lambda p, ill: p,
    "tied": lambda p, ill: np.round(p, 1),
    "called": lambda p, ill: np.round(p),
    "alike": lambda p, ill: np.full(len(p), p[0]),
    "certain": lambda p, ill: ill.astype(float),
    "certain and wrong": lambda p, ill: 1.0 - ill,
}
"""Name to scores, from calibrated probabilities and labels."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prevalence", [0.002, 0.012, 0.1, 0.5, 0.9, 0.988, 0.998])
def test_any_films_have_the_best_point_that_a_threshold_reaches(
    kind: str, prevalence: float
) -> None:
    rng = np.random.default_rng(round(1000 * prevalence))
    for films in (2, 3, 8, 30, 120, 500):
        ill = min(max(round(films * prevalence), 1), films - 1)  # often a single one
        positive = rng.permutation(np.arange(films) < ill)
        x = np.log(prevalence / (1 - prevalence)) + rng.normal(positive * 1.0) - 0.5
        score = KINDS[kind](1 / (1 + np.exp(-x)), positive)
        for scores in ({"plain": score}, {"plain": score, "turned": np.roll(score, 1)}):
            points = named(choose(positive, scores))
            screen, balanced, rule_in = (
                points[name].threshold for name in ("screen", "balanced", "rule-in")
            )
            assert LEAST <= screen <= balanced <= rule_in <= 1 - LEAST
            reached = worst_balanced_accuracy(positive, scores, balanced)[0]
            assert reached >= best_of_all(positive, scores) - NOISE - 1e-9
            caught = min((s[positive] >= screen).mean() for s in scores.values())
            assert caught >= thresholds.SCREEN or "cannot be reached" in points["screen"].rule
            spared = min((s[~positive] < rule_in).mean() for s in scores.values())
            assert spared >= thresholds.RULE_IN or "cannot be reached" in points["rule-in"].rule


@pytest.mark.parametrize("spread", [1e-3, 1e-5])
def test_probabilities_that_are_nearly_alike_have_a_best_point(spread: float) -> None:
    rng = np.random.default_rng(3)
    positive = np.arange(400) < 150
    scores = {"plain": 0.5012 + spread * rng.normal(positive * 2.0)}
    threshold = named(choose(positive, scores))["balanced"].threshold
    reached = worst_balanced_accuracy(positive, scores, threshold)[0]
    assert reached >= best_of_all(positive, scores) - NOISE > 0.7


def test_points_of_classes_far_apart_do_not_pass_each_other() -> None:
    points = named(choose(TRUTH, {"plain": np.array([0.9] * 4 + [0.1] * 4)}))
    # Every ill film is called even at 0.9, and none of the well ones above 0.1.
    assert points["screen"].threshold <= points["balanced"].threshold
    assert points["balanced"].threshold <= points["rule-in"].threshold
    assert points["screen"].threshold == points["rule-in"].threshold


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_thresholds_stay_inside_the_unit_interval(level: float) -> None:
    points = choose(TRUTH, {"plain": np.full(8, level)})
    assert all(0 < point.threshold < 1 for point in points)
    assert all(point.finding is None for point in points)


def test_labels_of_0_and_1_choose_the_same_points() -> None:
    positive, score = normals(number=200)
    scores = {"plain": score}
    assert choose(positive.astype(int), scores) == choose(positive, scores)
    expected = worst_balanced_accuracy(positive, scores, 0.4)
    assert worst_balanced_accuracy(positive.astype(float), scores, 0.4) == expected


def test_a_point_that_cannot_be_reached_says_so() -> None:
    """Two of four healthy films have a probability of 1, and two of four ill ones one of 0."""
    scores = {"plain": np.array([1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0])}
    rules = {name: point.rule for name, point in named(choose(TRUTH, scores)).items()}
    assert rules["screen"] == "sensitivity 0.500, as 0.97 cannot be reached, on validation films"
    assert rules["rule-in"] == "specificity 0.500, as 0.95 cannot be reached, on validation films"
