"""Drawn films."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")

from pneumoscope.train.data import phantom


def test_the_same_seed_draws_the_same_films() -> None:
    films = phantom.films(4, 64, seed=3)
    assert (films.shape, films.dtype) == ((4, 64, 64, 1), np.uint8)
    assert (films == phantom.films(4, 64, seed=3)).all()
    assert (films != phantom.films(4, 64, seed=4)).any()
    assert all((films[i] != films[j]).any() for i in range(4) for j in range(i))


def test_lungs_are_dark_and_the_middle_is_bright() -> None:
    for film in phantom.films(8, 224)[..., 0].astype(float):
        left, right, middle = film[80:130, 50:80], film[80:130, 145:175], film[110:160, 108:128]
        assert max(left.mean(), right.mean()) < middle.mean()
