"""Sides that are one grey."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from film_files import ramp
from pneumoscope import images
from pneumoscope.images.sides import has_grey_side

FILM = ramp(200, 240)


def framed(grey: int, side: str = "top") -> np.ndarray:
    """The film with a bar of ten pixels, a fifth of which has buttons."""
    film = FILM.copy()
    bar = {"top": film[:10], "bottom": film[-10:], "left": film[:, :10].T, "right": film[:, -10:].T}
    bar[side][:, ::5] = 255 - grey
    for i in range(1, 5):
        bar[side][:, i::5] = grey
    return film


@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
@pytest.mark.parametrize("grey", [14, 60, 240])
def test_the_bar_of_a_window_is_a_grey_side(grey: int, side: str) -> None:
    assert has_grey_side(framed(grey, side))
    assert has_grey_side((framed(grey, side) / 255).astype(np.float32))


@pytest.mark.parametrize("grey", [0, 13, 243, 255])
def test_black_and_white_borders_are_those_of_films(grey: int) -> None:
    assert not has_grey_side(framed(grey))


def test_a_film_has_no_grey_side() -> None:
    assert not has_grey_side(FILM)
    thin = FILM.copy()
    thin[:1] = 60  # one row is a scratch, not a bar
    assert not has_grey_side(thin)
    assert not has_grey_side(np.full_like(FILM, 60))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_the_facts_of_a_picture_say_so(kind: str) -> None:
    for film, expected in ((framed(60), True), (FILM, None)):
        stream = io.BytesIO()
        Image.fromarray(film).save(stream, kind)
        assert images.read(stream.getvalue()).facts.grey_side is expected
