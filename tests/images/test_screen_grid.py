"""The pixel grid of a screen in a photograph."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from film_files import dicom, smooth
from pneumoscope import images
from pneumoscope.images.screen_grid import PLACES, SIDE, has_screen_grid, peaks

ROWS, COLUMNS = 320, 384
FILM = smooth(ROWS, COLUMNS)
GREY = np.full((ROWS, COLUMNS), 128.0)


def waves(down: float, along: float, height: float = 20) -> np.ndarray:
    """A plane wave: so many waves in `SIDE` pixels."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return np.asarray(height * np.sin(2 * np.pi * (down * y + along * x) / SIDE))


def levels(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def noisy(picture: np.ndarray) -> np.ndarray:
    return levels(picture + np.random.default_rng(1).normal(0, 3, picture.shape))


def test_a_peak_is_the_power_of_a_wave() -> None:
    picture = levels(GREY + waves(11, 13))
    # Half the height times the sum of the window, 32 x 32; the least usual power is that of 16 waves.
    expected = (10 * 32**2) ** 2 * (11**2 + 13**2) ** 1.5 / (0.25 * 64**2 * 16**3)
    assert peaks(picture) == pytest.approx([expected] * len(PLACES), rel=0.01)
    assert peaks(picture / np.float32(255)) == pytest.approx(peaks(picture), rel=1e-4)


@pytest.mark.parametrize(("down", "along"), [(11, 13), (-9.4, 5.3), (3, 20), (25, 4)])
def test_moire_on_a_film_is_the_grid_of_a_screen(down: float, along: float) -> None:
    photograph = noisy(GREY + waves(down, along))
    assert has_screen_grid(photograph)
    assert has_screen_grid(photograph / np.float32(255))


@pytest.mark.parametrize(
    ("down", "along"),
    [
        (0, 13),  # lines of an anti-scatter grid
        (13, 0),
        (3, 4),  # ribs
        (8, 16),  # blocks of a JPEG
        (-24, 8),
    ],
)
def test_what_films_have_is_no_grid(down: float, along: float) -> None:
    assert not has_screen_grid(noisy(GREY + waves(down, along)))


@pytest.mark.parametrize(
    ("patches", "expected"),
    [((0, 1, 2), True), ((0, 3, 4), True), ((0, 4), False), ((1, 2, 3, 4), False)],
)
def test_the_middle_and_two_other_patches_must_show_it(
    patches: tuple[int, ...], expected: bool
) -> None:
    picture = GREY.copy()
    for down, along in (PLACES[i] for i in patches):
        y, x = (ROWS - SIDE) * down // 4, (COLUMNS - SIDE) * along // 4
        patch = np.s_[y : y + SIDE, x : x + SIDE]
        picture[patch] += waves(11, 13)[patch]
    assert has_screen_grid(noisy(picture)) is expected


def test_a_film_has_no_grid() -> None:
    assert not has_screen_grid(FILM)
    assert not has_screen_grid(noisy(GREY))
    assert not has_screen_grid(levels(GREY))
    assert not has_screen_grid(noisy(GREY + waves(11, 13))[: SIDE - 1])
    assert has_screen_grid(noisy(GREY + waves(11, 13))[:SIDE])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "JPEG"])
def test_the_facts_of_a_picture_say_so(kind: str) -> None:
    for film, expected in ((noisy(GREY + waves(11, 13)), True), (FILM, None)):
        stream = io.BytesIO()
        Image.fromarray(film).save(stream, kind)
        facts = images.read(stream.getvalue()).facts
        assert facts.screen_grid is expected


def test_a_dicom_film_is_no_photograph() -> None:
    film = noisy(GREY + waves(11, 13))
    assert images.read(dicom(film.astype(np.uint16))).facts.screen_grid is None
