"""Ranges and probabilities that make no sense."""

from __future__ import annotations

import pytest

from pneumoscope.train.recipe.augmentation import Augmentation


@pytest.mark.parametrize("name", ["flip", "crop", "jpeg", "erase"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_probabilities_lie_between_0_and_1(name: str, value: float) -> None:
    Augmentation(**{name: 1.0})
    with pytest.raises(ValueError, match=f"{name} is a probability"):
        Augmentation(**{name: value})


@pytest.mark.parametrize("name", ["scale_x", "gamma", "noise_sigma", "detail_sigma"])
@pytest.mark.parametrize("limits", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_ranges_ascend_from_above_0(name: str, limits: tuple[float, float]) -> None:
    Augmentation(**{name: (1.0, 1.0)})
    with pytest.raises(ValueError, match=f"{name} needs 0 < low <= high"):
        Augmentation(**{name: limits})
