"""Scores of lung fields: two lungs, one, none, and fields that the network is unsure about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pneumoscope.decision.lung_scores import LUNG_DOUBT, ONE_LUNG, lung_scores

LEFT, RIGHT = np.s_[3:13, 2:6], np.s_[3:13, 10:14]


def field(*parts: tuple[Any, float]) -> np.ndarray[Any, Any]:
    cells = np.zeros((16, 16), np.float32)
    for place, p in parts:
        cells[place] = p
    return cells


def score(name: str, *parts: tuple[Any, float]) -> float:
    return float(lung_scores(field(*parts)[None])[name][0])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(LEFT, 1.0), (RIGHT, 1.0)], 0.0),
        ([(LEFT, 1.0)], 1.0),
        ([], 1.0),
        ([(np.s_[:, :], 1.0)], 1.0),
        # The right lung has 30 of 70 cells: 1 - 2 * 30 / 70.
        ([(LEFT, 1.0), (np.s_[3:13, 10:13], 1.0)], 1 / 7),
        # Between lungs of height 10 there are 4 cells of lung: the gap is 0.6 deep.
        ([(LEFT, 1.0), (RIGHT, 1.0), (np.s_[9:13, 6:10], 1.0)], 0.4),
    ],
)
def test_one_lung_is_0_for_two_lungs_and_1_for_one(parts: list[Any], expected: float) -> None:
    assert score(ONE_LUNG, *parts) == pytest.approx(expected)


def test_small_noise_is_no_second_lung() -> None:
    assert score(ONE_LUNG, (LEFT, 1.0), (np.s_[3:5, 12:13], 1.0)) == pytest.approx(1 - 2 * 2 / 42)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(LEFT, 1.0), (RIGHT, 1.0)], 0.0),
        ([(LEFT, 0.5), (RIGHT, 0.5)], 1.0),
        ([(LEFT, 1.0), (RIGHT, 0.5)], 1 / 3),
        ([], 1.0),
    ],
)
def test_doubt_is_that_where_the_lungs_are(parts: list[Any], expected: float) -> None:
    assert score(LUNG_DOUBT, *parts) == pytest.approx(expected)


def test_each_film_has_its_own_scores() -> None:
    fields = np.stack([field((LEFT, 1.0), (RIGHT, 1.0)), field((RIGHT, 1.0))])
    assert lung_scores(fields)[ONE_LUNG].tolist() == [0.0, 1.0]


def test_too_few_cells_for_two_lungs_are_no_error() -> None:
    assert lung_scores(np.ones((2, 2, 2)))[ONE_LUNG].tolist() == [1.0, 1.0]
