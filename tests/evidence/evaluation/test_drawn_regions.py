"""Heat inside drawn regions, counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from PIL import Image

from evaluated import evaluated_film
from pneumoscope.data.boxes import Box
from pneumoscope.evidence.evaluation.drawn_regions import (
    SIDE,
    Region,
    heat_inside,
    inside_boxes,
    regions_of,
    side_of,
)
from pneumoscope.evidence.evaluation.localisation_results import BOXES, ILL_SIDE, LUNGS

EVERYWHERE = np.ones((SIDE, SIDE), bool)


def region(columns: slice, judged: slice | None = None) -> Region:
    """Whole columns of the film."""
    inside = np.zeros((SIDE, SIDE), bool)
    inside[:, columns] = True
    known = EVERYWHERE.copy()
    if judged is not None:
        known[:, judged] = False
    return Region(inside, known)


def test_a_bright_cell_in_the_left_lung() -> None:
    heat = np.zeros((8, 8))
    heat[3, 1] = 5.0
    left = region(slice(0, 84))  # three columns of cells
    assert heat_inside(heat, left) == (1.0, 3 / 8, 1.0)
    right = region(slice(112, 224))
    assert heat_inside(heat, right) == (0.0, 0.5, 0.0)


def test_a_cell_counts_by_the_part_that_is_inside() -> None:
    heat = np.zeros((8, 8))
    heat[0, 0], heat[0, 7] = 3.0, 1.0
    # Half of the first column of cells, without its centre (pixel 14).
    share, area, peak = heat_inside(heat, region(slice(0, 14)))
    assert (share, area, peak) == (pytest.approx(1.5 / 4), pytest.approx(1 / 16), 0.0)
    assert heat_inside(heat, region(slice(0, 15)))[2] == 1.0


def test_equally_hot_cells_share_the_peak() -> None:
    heat = np.zeros((4, 4))
    heat[1, 0] = heat[2, 0] = heat[1, 3] = heat[2, 2] = 2.0
    assert heat_inside(heat, region(slice(0, 56)))[2] == 0.5
    assert heat_inside(np.ones((4, 4)), region(slice(0, 56))) == (0.25, 0.25, 0.25)


def test_where_nobody_can_say_nothing_counts() -> None:
    heat = np.zeros((8, 8))
    heat[:, 0], heat[:, 1], heat[:, 7] = 1.0, 2.0, 1.0
    # Lung in the first column of cells; nobody can say about the second, which has the peak.
    share, area, peak = heat_inside(heat, region(slice(0, 28), judged=slice(28, 56)))
    assert share == pytest.approx(0.5)
    assert area == pytest.approx(1 / 7)
    assert np.isnan(peak)
    nothing = heat_inside(heat, region(slice(0, 28), judged=slice(0, 224)))
    assert all(np.isnan(value) for value in nothing)


def test_boxes() -> None:
    inside = inside_boxes([Box(0.0, 0.0, 0.5, 0.25), Box(0.5, 0.5, 0.25, 0.5)])
    assert inside[:56, :112].all()
    assert inside[112:, 112:168].all()
    assert inside.sum() == 56 * 112 + 112 * 56
    left, right = Box(0.1, 0.1, 0.5, 0.2), Box(0.4, 0.1, 0.3, 0.2)
    assert (side_of([left]), side_of([right]), side_of([left, right])) == (0, 1, None)


def test_the_regions_of_a_film(tmp_path: Path) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 0], mask[:, 4] = 255, 127
    Image.fromarray(mask).save(tmp_path / "m.png")
    film = evaluated_film(mask=tmp_path / "m.png", boxes=(Box(0.6, 0.1, 0.2, 0.2),))
    regions = regions_of(film)
    assert set(regions) == {LUNGS, BOXES, ILL_SIDE}
    assert regions[LUNGS].inside.mean() == 1 / 8
    assert regions[LUNGS].judged.mean() == 7 / 8
    assert regions[ILL_SIDE].inside[:, 112:].all()
    assert not regions[ILL_SIDE].inside[:, :112].any()
    both = evaluated_film(boxes=(Box(0.6, 0.1, 0.2, 0.2), Box(0.1, 0.1, 0.2, 0.2)))
    assert set(regions_of(both)) == {BOXES}
    assert regions_of(evaluated_film(boxes=())) == {}
