"""The spread of figures over seeds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from pneumoscope.evidence.evaluation.seeds import seed_spreads
from pneumoscope.evidence.statistics.intervals import Figure


def bundle(seed: int, auc: float, name: str = "small") -> Any:
    figure = Figure(0.9)
    point = SimpleNamespace(balanced_accuracy=figure, sensitivity=figure, specificity=figure)
    target = SimpleNamespace(
        name="ill",
        ranking=SimpleNamespace(roc_auc=Figure(auc), average_precision=Figure(None)),
        default=SimpleNamespace(figures=point),
        calibration=None,
    )
    meta = SimpleNamespace(recipe={"name": name, "seed": seed}, name=name)
    return SimpleNamespace(meta=meta, targets=(target,))


def test_seeds_of_one_recipe_by_hand() -> None:
    (spread,) = seed_spreads([bundle(1, 0.8), bundle(2, 0.9), bundle(3, 0.85, name="other")])
    assert (spread.recipe, spread.target, spread.seeds) == ("small", "ill", (1, 2))
    auc = spread.figures["roc_auc"]
    assert (auc.mean, auc.lowest, auc.highest) == pytest.approx((0.85, 0.8, 0.9))
    # 0.05 sqrt(2), with n - 1.
    assert auc.sd == pytest.approx(0.0707, abs=1e-4)
    # A figure that does not exist has no spread.
    assert "average_precision" not in spread.figures


def test_one_seed_has_no_spread() -> None:
    assert seed_spreads([bundle(1, 0.8), bundle(1, 0.9)]) == ()
