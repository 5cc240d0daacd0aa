"""A film set whose ill films are bright all over."""

from __future__ import annotations

import numpy as np

from pneumoscope.data import Film, FilmSet

SIZE = 64


def films() -> FilmSet:
    """Dark healthy films and bright ill ones."""
    records, pixels = [], []
    for i in range(40):
        ill = i % 2
        targets = (1.0 - ill, float(ill), 0.0)
        records.append(
            Film(
                path=f"{i}.png", targets=targets, patient=f"p{i}", sha256=str(i), split="validation"
            )
        )
        pixels.append(np.full((SIZE, SIZE), 200 if ill else 50, np.uint8))
    names = ("normal", "bacterial", "viral")
    return FilmSet("multiclass", names, "normal", tuple(records), np.stack(pixels), "drawn", (), ())
