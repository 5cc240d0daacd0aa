from __future__ import annotations

import numpy as np
import pytest

from pneumoscope import heatmap
from pneumoscope.errors import UsageError
from pneumoscope.records import Outcome


def test_enlarge_puts_the_peak_at_one_and_in_its_place() -> None:
    small = np.zeros((8, 8), np.float32)
    small[2, 5] = 0.25
    big = heatmap.enlarge(small, 80, 160)
    assert big.shape == (80, 160)
    assert big.dtype == np.float32
    assert 0.9 < big.max() <= 1.0
    row, column = np.unravel_index(big.argmax(), big.shape)
    assert (row // 10, column // 20) == (2, 5)
    assert big[60:].max() == 0


def test_an_empty_heatmap_stays_empty() -> None:
    assert heatmap.enlarge(np.zeros((8, 8), np.float32), 20, 20).max() == 0


def test_overlay_leaves_cold_regions_grey_and_colours_hot_ones() -> None:
    pixels = np.full((40, 40), 0.5, np.float32)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    mixed = heatmap.overlay(pixels, heat)
    assert mixed.shape == (40, 40, 3)
    assert mixed.dtype == np.uint8
    assert (mixed[30:, 30:] == 128).all()
    red, green, _ = mixed[3, 3].astype(int)
    assert red > green + 30


def test_opacity_zero_is_the_film() -> None:
    pixels = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    mixed = heatmap.overlay(pixels, np.ones((4, 4), np.float32), opacity=0)
    assert (mixed == np.rint(pixels * 255)[..., None]).all()


def test_the_colour_table_runs_from_blue_to_red() -> None:
    table = heatmap.colour_table().astype(int)
    assert table.shape == (256, 3)
    assert table[40, 2] > table[40, 0] + 50
    assert table[230, 0] > table[230, 2] + 100


def test_an_outcome_without_film_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="no film"):
        heatmap.overlay_of(Outcome("x.png", 0))
