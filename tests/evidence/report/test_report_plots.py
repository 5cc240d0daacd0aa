"""Plots of a report."""

from __future__ import annotations

import io

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)

from PIL import Image

from pneumoscope.evidence.report.plots import discrimination
from pneumoscope.evidence.report.plots import style as plots


def test_pictures_contain_no_time_so_that_runs_agree() -> None:
    first, second = (plots.drawn("dot", 1, 1, lambda f: f.subplots().plot([0], [0])) for _ in "ab")
    assert first == second
    assert b"<dc:date>" not in first.svg
    with Image.open(io.BytesIO(first.png)) as picture:
        assert picture.size == (200, 200)


def test_the_roc_band_encloses_the_curve() -> None:
    # Scores of four films, one patient each: (0.9 ill, 0.8 healthy, 0.7 ill, 0.1 healthy).
    positive, p = np.array([1, 0, 1, 0], bool), np.array([0.9, 0.8, 0.7, 0.1])
    grid, low, high = discrimination.roc_band(positive, p, list("abcd"), draws=200)
    assert grid[0] == 0
    assert low[-1] == high[-1] == 1
    assert (low <= high).all()
    at = int(np.searchsorted(grid, 0.25))  # the curve is at 0.5 up to a false positive rate of 0.5
    assert low[at] <= 0.5 <= high[at]
