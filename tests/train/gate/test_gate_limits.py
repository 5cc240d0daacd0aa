"""Limits of the gate."""

from __future__ import annotations

from typing import Any

import numpy as np

from pneumoscope.decision import gate
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


def test_one_plain_film_in_a_hundred_is_noted_as_a_screen() -> None:
    names = ("unsuitable", "distance", "mirrored", "flatness", "saturation", "blur")
    scores = {name: np.full(200, 0.1) for name in names}
    scores["photo-of-a-screen"] = np.linspace(0, 0.1, 200)
    scores["screenshot"] = np.linspace(0, 0.2, 200)
    conditions = dict.fromkeys(("plain", "augmented", "stress:x"), scores)
    limit = limits.limits_of(conditions)[gate.SCREEN_NOTE]
    assert np.count_nonzero(gate.screen_probability(scores) > limit) == 2


def test_heads_that_are_sure_of_all_films_note_no_faint_doubt() -> None:
    names = ("unsuitable", "distance", "mirrored", "flatness", "saturation", "blur")
    scores = {name: np.full(9, 0.1) for name in names} | {"screenshot": np.zeros(9)}
    conditions = dict.fromkeys(("plain", "augmented", "stress:x"), scores)
    assert limits.limits_of(conditions)[gate.SCREEN_NOTE] == 0.002
