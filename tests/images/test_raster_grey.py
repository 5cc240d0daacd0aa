"""Grey levels out of samples, and out of Pillow's modes."""

from __future__ import annotations

from PIL import Image

from pneumoscope.images.raster_grey import luminance, tint_of_chroma


def test_a_grey_film_in_colours_has_no_tint() -> None:
    grey = Image.new("RGB", (8, 8), (90, 90, 90))
    assert tint_of_chroma(grey.convert("YCbCr")) == 0
    assert luminance(grey)[2] == 0
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    assert tint_of_chroma(red.convert("YCbCr")) > 0.9
