"""The lungs of a lung field, by hand."""

from __future__ import annotations

import numpy as np

from pneumoscope.decision.lung_regions import GRID, lung_grid, resized


def test_the_lungs_are_where_the_enlarged_field_is_above_one_half() -> None:
    field = np.zeros((8, 8))
    field[:, :4] = 0.9
    grid = lung_grid(field)
    assert (grid.shape, grid.dtype) == ((GRID, GRID), np.bool_)
    # Cells have 8 squares. Between the centres of the cells 3 and 4 the field falls from 0.9 to 0;
    # it is 0.5 at 4/9 of this, 31.56 squares from the left.
    assert np.flatnonzero(grid[20]).tolist() == list(range(32))
    assert not lung_grid(np.full((8, 8), 0.5)).any()


def test_a_map_keeps_its_values_at_the_centres_and_at_the_border() -> None:
    cells = np.arange(4.0).reshape(2, 2)
    large = resized(cells)
    assert large.dtype == np.float32
    assert large[0, 0] == 0
    assert large[-1, 0] == 2
    assert (large[GRID // 2 - 1, 0] + large[GRID // 2, 0]) / 2 == 1
