"""Limits of the gate."""

from __future__ import annotations

from typing import Any

import numpy as np

from pneumoscope.train.gate import limits


def test_no_limit_is_so_wide_that_nothing_passes_it() -> None:
    rng = np.random.default_rng(0)
    names = ("unsuitable", "distance", "mirrored", "flatness", "saturation", "blur")

    def scores(high: float) -> dict[str, np.ndarray[Any, Any]]:
        drawn = {name: rng.uniform(0, 0.3, 100) for name in names}
        drawn["unsuitable"][:10] = high
        return drawn

    chosen = limits.limits_of(
        {"plain": scores(0.2), "augmented": scores(0.99999), "stress:x": scores(0.2)}
    )
    assert chosen["unsuitable"] == 0.99
