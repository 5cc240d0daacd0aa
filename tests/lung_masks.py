"""Lung masks for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def mask(path: Path, *columns: int) -> Path:
    """A mask of 8 x 8 pixels: grey values of its first columns, 0 in the others."""
    pixels = np.zeros((8, 8), np.uint8)
    for x, grey in enumerate(columns):
        pixels[:, x] = grey
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path
