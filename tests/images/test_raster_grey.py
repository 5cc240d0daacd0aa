"""Grey levels out of samples, and out of Pillow's modes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pneumoscope.errors import UnsupportedCoding
from pneumoscope.images.raster_grey import luminance, luminance_of_samples, tint_of_chroma


def samples(*values: float, kind: str) -> np.ndarray:
    """One row of one-sample pixels."""
    return np.array(values, kind).reshape(1, -1, 1)


@pytest.mark.parametrize(
    ("stored", "expected", "bits"),
    [
        (samples(0, 4095, kind="u2"), [0, 1], 12),
        (samples(0, 4096, kind="u2"), [0, 4096 / 16383], 14),
        (samples(0, 51, 255, kind="u1"), [0, 0.2, 1], 8),
        (samples(0, 1 << 20, 1 << 30, kind="u4"), [0, 2**-10, 1], 32),
        (samples(-100, 0, 100, kind="i2"), [0, 0.5, 1], 16),
        (samples(0, 0.25, 1, kind="f8"), [0, 0.25, 1], 64),
        (samples(0, 1000, 4000, kind="f4"), [0, 0.25, 1], 32),
    ],
)
def test_samples_are_scaled_by_their_depth(
    stored: np.ndarray, expected: list[float], bits: int
) -> None:
    pixels, depth, tint = luminance_of_samples(stored, 1, (), "film")
    np.testing.assert_allclose(pixels, [expected], atol=1e-6)
    assert (depth, tint) == (bits, 0.0)


def test_what_is_transparent_lies_on_black_also_where_white_is_zero() -> None:
    stored = np.array([[[0, 65535], [0, 0], [65535, 65535]]], np.uint16)
    assert luminance_of_samples(stored, 0, (2,), "film")[0].tolist() == [[1, 0, 0]]
    assert luminance_of_samples(stored, 1, (2,), "film")[0].tolist() == [[0, 0, 1]]


def test_other_meanings_are_not_supported() -> None:
    with pytest.raises(UnsupportedCoding, match="photometric interpretation 5"):
        luminance_of_samples(samples(1, kind="u2"), 5, (), "film")
    with pytest.raises(UnsupportedCoding, match="colour with 32 bits"):
        luminance_of_samples(np.zeros((1, 1, 3), np.float32), 2, (), "film")


def test_a_grey_film_in_colours_has_no_tint() -> None:
    grey = Image.new("RGB", (8, 8), (90, 90, 90))
    assert tint_of_chroma(grey.convert("YCbCr")) == 0
    assert luminance(grey)[2] == 0
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    assert tint_of_chroma(red.convert("YCbCr")) > 0.9
