"""Films without lungs, by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("sklearn")

from pneumoscope.evidence.evaluation.lung_views import (
    box_of,
    filled_from_around,
    places_of,
    share_hidden,
    without_lungs,
)

SIDE = 64
FIELD = np.zeros((SIDE, SIDE), bool)
FIELD[16:48, 8:24] = FIELD[16:48, 40:56] = True


def test_fills_by_hand() -> None:
    film = np.full((SIDE, SIDE), 100, np.uint8)
    film[FIELD] = 20
    np.testing.assert_array_equal(without_lungs(film, FIELD), 100)
    np.testing.assert_array_equal(without_lungs(film, ~FIELD), 20)
    np.testing.assert_array_equal(filled_from_around(film, FIELD), 100)
    ramp = np.repeat(np.arange(60, 60 + SIDE, dtype=np.uint8)[:, None], SIDE, axis=1)
    gap = filled_from_around(ramp, FIELD).astype(int) - ramp
    assert np.abs(gap).max() <= 12
    everything = np.ones_like(FIELD)
    mean = round(100 - 80 * 1024 / 4096)  # 1,024 of 4,096 pixels are lungs
    np.testing.assert_array_equal(filled_from_around(film, everything), mean)
    np.testing.assert_array_equal(without_lungs(film, everything), mean)


def test_box_by_hand() -> None:
    box = box_of(FIELD)
    assert box.sum() == 32 * 48
    assert box[16:48, 8:56].all()
    assert not box_of(np.zeros((4, 4), bool)).any()


def test_places_by_hand() -> None:
    masks = np.zeros((100, 4, 4), bool)
    masks[:, 0, 0] = True
    masks[:3, 1, 1] = True
    masks[:2, 2, 2] = True  # no more than 2 %
    assert np.argwhere(places_of(masks)).tolist() == [[0, 0], [1, 1]]


def test_every_film_counts_alike_however_large_its_lungs_are() -> None:
    small = np.zeros((SIDE, SIDE), bool)
    small[16:24, 8:16] = True
    places = np.zeros((SIDE, SIDE), bool)
    places[:, :16] = True
    # All of the small lungs, and a quarter of the large ones, which have 16 times as many pixels.
    assert FIELD.sum() == 16 * small.sum()
    assert share_hidden(np.stack([small, FIELD]), places) == (1 + 1 / 4) / 2
