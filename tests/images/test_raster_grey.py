"""Grey levels out of samples, and out of Pillow's modes."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from pneumoscope import images
from pneumoscope.images.raster_grey import luminance, tint_of_chroma


def test_a_grey_film_in_colours_has_no_tint() -> None:
    grey = Image.new("RGB", (8, 8), (90, 90, 90))
    assert tint_of_chroma(grey.convert("YCbCr")) == 0
    assert luminance(grey)[2] == 0
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    assert tint_of_chroma(red.convert("YCbCr")) > 0.9


@pytest.mark.parametrize(
    ("blue", "expected"),
    [(93, 0), (94, 4 / 255), (99, 9 / 255)],  # 3 levels may be chroma that was rounded
)
def test_a_faint_cast_over_the_whole_picture_is_colour(blue: int, expected: float) -> None:
    assert luminance(Image.new("RGB", (8, 8), (90, 90, blue)))[2] == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_faint_cast_is_colour_in_every_format(kind: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (80, 80), (96, 91, 88)).save(stream, kind)
    facts = images.read(stream.getvalue()).facts
    assert facts.colour
    assert facts.tint == pytest.approx(5 / 255, abs=1.5 / 255)


def test_little_colour_on_a_part_of_a_film_is_noise() -> None:
    film = Image.new("RGB", (8, 8), (90, 90, 90))
    film.paste((90, 90, 98), (0, 0, 8, 3))  # 8 levels at most, 3 on average
    assert luminance(film)[2] == 0
    film.paste((90, 90, 98), (0, 3, 1, 4))
    assert luminance(film)[2] == pytest.approx(8 * 25 / 64 / 255)
    film = Image.new("YCbCr", (8, 8), (90, 127, 127))
    assert tint_of_chroma(film) == 0
    assert tint_of_chroma(Image.new("YCbCr", (8, 8), (90, 126, 128))) > 0
