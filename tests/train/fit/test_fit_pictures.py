from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope.data import Film, FilmSet
from pneumoscope.train.data import phantom
from pneumoscope.train.fit import pictures
from pneumoscope.train.recipe.augmentation import Augmentation
from pneumoscope.train.recipe.settings import Recipe

STILL = Augmentation(
    rotation=0, shear=0, scale_x=(1, 1), scale_y=(1, 1), shift=0, flip=0, crop=0, match=0,
    equalise=0, curve=0, gamma=(1, 1), contrast=(1, 1), brightness=0, shading=0, detail=0,
    sharpness_match=0, blur=0, sharpen=0, low_resolution=0, jpeg=0, noise=0, frame=0, marker=0,
    erase=0,
)  # fmt: skip


def films() -> FilmSet:
    pixels = phantom.films(8, 64)[..., 0]
    records = tuple(
        Film(
            path=f"{i}.png",
            targets=(float(i < 4), float(i >= 4)),
            patient=f"p{i}",
            sha256=str(i),
            split="train",
        )
        for i in range(8)
    )
    return FilmSet("binary", ("normal", "ill"), "normal", records, pixels, "drawn", (), ())


def cells(tmp_path: Path, regions: float) -> np.ndarray:
    """The sheet of films that no augmentation changes: (4 rows, 8 columns, 64, 64)."""
    recipe = Recipe(size=64, source_size=64, regions=regions, augment=STILL)
    pictures.contact_sheet(recipe, films(), tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    step = 64 + 4
    return np.array(
        [
            [sheet[r * step : r * step + 64, c * step : c * step + 64] for c in range(8)]
            for r in range(4)
        ]
    )


def test_the_sheet_shows_films_as_they_are_and_as_the_network_sees_them(tmp_path: Path) -> None:
    sheet = cells(tmp_path, regions=0.0)
    assert (sheet[:, 0] == films().pixels[[0, 2, 4, 7]]).all()
    assert np.abs(sheet - sheet[:, :1]).mean() < 2


def test_composed_films_hold_pixels_of_two(tmp_path: Path) -> None:
    sheet = cells(tmp_path, regions=0.5)
    assert np.abs(sheet[:, :6] - sheet[:, :1]).mean() < 2
    for column in (6, 7):
        of_film = np.abs(sheet[:, column] - sheet[:, 0]) <= 4
        of_partner = np.abs(sheet[:, column] - np.roll(sheet[:, 0], 2, axis=0)) <= 4
        assert (of_film | of_partner).mean() > 0.95
        assert (of_partner & ~of_film).any(axis=(1, 2)).all()
        assert (of_film & ~of_partner).any(axis=(1, 2)).all()
