from __future__ import annotations

import numpy as np

from pneumoscope.decision import thresholds


def test_one_condition_gives_the_best_youden_index() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(4000) < 0.5
    score = np.clip(rng.normal(0.35 + 0.3 * positive, 0.15), 0, 1)
    points = {p.name: p for p in thresholds.choose(positive, {"plain": score})}
    # Two normals of equal width: best half way between their means.
    assert abs(points["balanced"].threshold - 0.5) < 0.03
    assert (score[positive] >= points["screen"].threshold).mean() >= thresholds.SCREEN
    assert (score[~positive] < points["rule-in"].threshold).mean() >= thresholds.RULE_IN
    assert points["screen"].rule == "sensitivity >= 0.97 on validation films"
