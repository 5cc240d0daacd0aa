"""Outlines of hot regions."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.ai_results.heat_regions import heat_regions, positive_regions
from pneumoscope.bundle import Bundle
from result_films import result_of


def test_a_hot_quarter_is_outlined() -> None:
    heat = np.zeros((8, 8), np.float32)
    heat[:4, 4:] = 3
    [outline] = heat_regions(heat, 400, 800)
    assert np.array_equal(outline[0], outline[-1])
    low, high = outline.min(axis=0), outline.max(axis=0)
    # The heat falls to half its peak at the border of the quarter, give or take a cell of the grid.
    assert low == pytest.approx([400, 0], abs=15)
    assert high == pytest.approx([800, 200], abs=15)


def test_the_largest_region_comes_first_and_specks_are_left_out() -> None:
    heat = np.zeros((16, 16), np.float32)
    heat[1:3, 1:3], heat[8:14, 8:14] = 1, 1
    small, large = (heat_regions(part, 160, 160)[0] for part in (heat * (heat.sum() > 0), heat))
    outlines = heat_regions(heat, 160, 160)
    assert len(outlines) == 2
    assert outlines[0].min() > 70
    assert np.array_equal(small, large)


def test_no_heat_has_no_outline() -> None:
    assert heat_regions(np.zeros((8, 8), np.float32), 100, 100) == ()


def test_only_a_positive_verdict_has_regions(tiny_bundle: Bundle) -> None:
    assert positive_regions(result_of(tiny_bundle, 200))
    assert positive_regions(result_of(tiny_bundle, 60)) == ()
