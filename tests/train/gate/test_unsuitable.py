"""Pictures that the gate must refuse."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.train.gate import unsuitable


@pytest.mark.parametrize("kind", list(unsuitable.CHANGES))
def test_a_change_keeps_size_and_leaves_the_film_alone(kind: str) -> None:
    film = np.random.default_rng(0).integers(0, 256, (96, 96), np.uint8)
    before = film.copy()
    for seed in range(6):
        changed = unsuitable.CHANGES[kind](film, np.random.default_rng(seed))
        assert (changed.shape, changed.dtype) == ((96, 96), np.uint8)
        assert changed.std() > 0
        assert not np.array_equal(changed, film)
    np.testing.assert_array_equal(film, before)


@pytest.mark.parametrize("kind", list(unsuitable.DRAWINGS))
def test_a_drawing_is_of_its_seed(kind: str) -> None:
    _, draw = unsuitable.DRAWINGS[kind]
    first, same, other = (draw(96, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (first.shape, first.dtype) == ((96, 96), np.uint8)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
