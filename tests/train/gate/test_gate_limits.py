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


def test_one_plain_film_in_a_hundred_is_noted_as_a_screen() -> None:
    rng = np.random.default_rng(0)
    names = ("unsuitable", "distance", "mirrored", "flatness", "saturation", "blur")

    def limit(screen: float) -> float:
        scores = {name: rng.uniform(0, 0.3, 200) for name in names}
        scores["photo-of-a-screen"] = np.r_[np.full(196, 0.001), np.full(4, screen)]
        scores["screenshot"] = np.full(200, 0.002)
        conditions = dict.fromkeys(("plain", "augmented", "stress:x"), scores)
        return limits.limits_of(conditions)["screen-note"]

    assert limit(0.02) == 0.022
    assert limit(0.001) == 0.003


def test_heads_that_are_sure_of_all_films_note_no_faint_doubt() -> None:
    names = ("unsuitable", "distance", "mirrored", "flatness", "saturation", "blur")
    scores = {name: np.full(9, 0.1) for name in (*names, "screenshot")} | {
        "screenshot": np.zeros(9)
    }
    conditions = dict.fromkeys(("plain", "augmented", "stress:x"), scores)
    assert limits.limits_of(conditions)["screen-note"] == 0.002
