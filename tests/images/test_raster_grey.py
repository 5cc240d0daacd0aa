"""Grey levels out of samples, and out of Pillow's modes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pneumoscope import images
from pneumoscope.images import raster_grey
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


def test_chroma_that_is_faint_on_average_needs_no_conversion() -> None:
    """No pixel's channels differ by more than the bound, so neither do they on average."""
    stray = np.arange(-8, 9)
    y, blue, red = np.meshgrid(np.arange(256), 128 + stray, 128 + stray, indexing="ij")
    bands = [Image.fromarray(x.reshape(256, -1).astype(np.uint8)) for x in (y, blue, red)]
    rgb = np.asarray(Image.merge("YCbCr", bands).convert("RGB")).astype(int)
    far_blue, far_red = (np.abs(x.reshape(256, -1) - 128) for x in (blue, red))
    bound = (1.772 + 0.344) * far_blue + 0.714 * far_red + 1.5
    assert (np.abs(rgb[..., 2] - rgb[..., 1]) <= bound).all()
    other = (1.402 + 0.714) * far_red + 0.344 * far_blue + 1.5
    assert (np.abs(rgb[..., 0] - rgb[..., 1]) <= other).all()
    assert (1.772 + 0.344 + 0.714) * raster_grey._FAINT + 1.5 <= raster_grey.COLOUR_CAST


def test_rare_noise_of_chroma_is_no_tint_and_much_of_it_is_measured() -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(60, 200, (64, 64), np.uint8)
    for share, expected in ((0.1, 0.0), (1.0, 4.0)):
        cast = np.where(rng.random(grey.shape) < share, 2, 0)
        bands = [Image.fromarray(np.asarray(x, np.uint8)) for x in (grey, 128 - cast, 128 - cast)]
        tint = 255 * tint_of_chroma(Image.merge("YCbCr", bands))
        assert tint == pytest.approx(expected, abs=2 if expected else 0)
