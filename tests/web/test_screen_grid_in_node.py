"""The grey sides and the grid of a screen that the page sees, compared with `pneumoscope.images`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from film_files import save, smooth, tiff
from page_in_node import read_by_name
from pneumoscope import images

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


def screen(rows: int, columns: int, around: int = 0, down: float = 0.17) -> np.ndarray:
    """A film with the moire of a screen, except around it; the period is that after the reduction."""
    by = max(1, min(rows, columns) // 224)
    y, x = np.mgrid[:rows, :columns] / by
    moire = 25 * np.sin(2 * np.pi * (down * y + 0.23 * x))
    inner = np.zeros((rows, columns))
    inner[around : rows - around, around : columns - around] = 1
    noise = np.random.default_rng(2).normal(0, 3, (rows, columns))
    return np.clip(100 + smooth(rows, columns) / 4 + moire * inner + noise, 0, 255).astype(np.uint8)


SCREENS = {
    "JPEG": save(screen(300, 340), "JPEG", quality=90),
    "JPEG, by 4": save(screen(901, 1100), "JPEG", quality=90),
    "TIFF": tiff(screen(301, 343)),
}
OTHERS = {
    "only in the middle": tiff(screen(301, 343, around=110)),
    "lines": tiff(screen(301, 343, down=0)),
    "film": tiff(smooth(301, 343)),
    "window of a program": tiff(np.pad(smooth(280, 240), 10, constant_values=60)),
}


@pytest.mark.slow
def test_the_page_sees_what_python_sees(tmp_path: Path) -> None:
    answers = read_by_name(tmp_path, SCREENS | OTHERS)
    for name, data in (SCREENS | OTHERS).items():
        facts, expected = answers[name]["facts"], images.read(data, at_least_px=224).facts
        assert facts.get("screen_grid") is expected.screen_grid, name
        assert facts.get("grey_side") is expected.grey_side, name
        assert expected.screen_grid is (True if name in SCREENS else None), name
    assert answers["window of a program"]["facts"]["grey_side"]
