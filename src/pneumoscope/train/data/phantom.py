"""Drawn films: not of any patient, never used for training, always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def films(count: int, size: int, seed: int = 0) -> NDArray[np.uint8]:
    """Two dark lungs, a bright middle and ribs, each a little different, some with opacities.

    Args:
        count: Number of films.
        size: Side in pixels.
        seed: Seed of the differences between the films.

    Returns:
        uint8 (count, size, size, 1), 0 dark.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_film(size, rng, opacity=i % 2 == 1) for i in range(count)])[..., None]


def _film(size: int, rng: np.random.Generator, *, opacity: bool) -> NDArray[np.uint8]:
    film = np.full((224, 224), rng.uniform(130, 180), np.float32)
    for side in (-1, 1):
        x = int(112 + side * rng.uniform(42, 52))
        axes = (int(rng.uniform(30, 38)), int(rng.uniform(62, 78)))
        cv2.ellipse(film, (x, 115), axes, side * 6, 0, 360, rng.uniform(40, 80), -1)
        for rib in range(6):
            y = int(60 + 20 * rib + rng.uniform(-3, 3))
            cv2.ellipse(film, (x, y), (axes[0], 9), side * 15, 180, 360, 120.0, 2)
        if opacity and rng.random() < 0.7:
            spot = np.zeros_like(film)
            y = int(rng.uniform(90, 160))
            cv2.circle(spot, (x, y), int(rng.uniform(12, 26)), rng.uniform(50, 110), -1)
            film += cv2.GaussianBlur(spot, (0, 0), 9)
    cv2.ellipse(film, (122, 135), (26, 42), 20, 0, 360, 190.0, -1)
    film = cv2.GaussianBlur(film, (0, 0), 2.0) + rng.normal(0, 4, film.shape)
    small = cv2.resize(film, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)
