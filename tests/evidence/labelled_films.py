"""Labelled films of noise and with bright spots, for tests of heatmaps."""

from __future__ import annotations

import numpy as np

from pneumoscope.evidence.evaluation.views import LabelledFilms

RNG = np.random.default_rng(0)


def noise_films(count: int = 24, side: int = 32) -> LabelledFilms:
    """Noise of three classes, two films per patient; different with every call."""
    pixels = RNG.integers(0, 256, (count, side, side)).astype(np.uint8)
    targets = np.eye(3)[np.arange(count) % 3]
    return LabelledFilms(pixels, targets, [str(i // 2) for i in range(count)])


def bright_spots(count: int = 20) -> LabelledFilms:
    """Bright films with a white spot in a corner each."""
    pixels = np.full((count, 32, 32), 120, np.uint8)
    for i, film in enumerate(pixels):
        x, y = (i % 2) * 20, (i // 2 % 2) * 20
        film[y : y + 12, x : x + 12] = 255
    return LabelledFilms(
        pixels, np.tile([0.0, 1.0, 0.0], (count, 1)), [str(i) for i in range(count)]
    )
