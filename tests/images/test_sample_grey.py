"""Grey levels out of samples."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.errors import UnsupportedCoding
from pneumoscope.images.sample_grey import Meaning, luminance_of_samples


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
    pixels, depth, tint = luminance_of_samples(stored, Meaning(1, 8 * stored.itemsize), "film")
    np.testing.assert_allclose(pixels, [expected], atol=1e-6)
    assert (depth, tint) == (bits, 0.0)


def test_what_is_transparent_lies_on_black_also_where_white_is_zero() -> None:
    stored = np.array([[[0, 65535], [0, 0], [65535, 65535]]], np.uint16)
    assert luminance_of_samples(stored, Meaning(0, 16, (2,)), "film")[0].tolist() == [[1, 0, 0]]
    assert luminance_of_samples(stored, Meaning(1, 16, (2,)), "film")[0].tolist() == [[0, 0, 1]]


def test_other_meanings_are_not_supported() -> None:
    with pytest.raises(UnsupportedCoding, match="photometric interpretation 5"):
        luminance_of_samples(samples(1, kind="u2"), Meaning(5, 16), "film")
    with pytest.raises(UnsupportedCoding, match="colour with 32 bits"):
        luminance_of_samples(np.zeros((1, 1, 3), np.float32), Meaning(2, 32), "film")


@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_alpha_that_is_the_same_everywhere_says_nothing(kind: str) -> None:
    stored = np.array([[[0, 0], [1, 0]]], kind)
    expected = luminance_of_samples(stored[:, :, :1], Meaning(1, 8 * stored.itemsize), "film")[0]
    pixels = luminance_of_samples(stored, Meaning(1, 8 * stored.itemsize, (2,)), "film")[0]
    np.testing.assert_array_equal(pixels, expected)


def test_colours_of_12_bits_in_16_are_cut_to_the_8_that_are_used() -> None:
    stored = np.repeat(np.array([[0, 1600, 4095]], np.uint16)[..., None], 3, axis=2)
    pixels, bits, tint = luminance_of_samples(stored, Meaning(2, 16), "film")
    assert (pixels.tolist(), bits, tint) == ([[0, 100, 255]], 8, 0)
    opaque = np.concatenate([stored, [[[65535], [65535], [0]]]], axis=2).astype(np.uint16)
    with_alpha = luminance_of_samples(opaque, Meaning(2, 16, (2,)), "film")[0]
    np.testing.assert_allclose(with_alpha, [[0, 100 / 255, 0]], atol=1e-6)


@pytest.mark.parametrize("factor", [1, 257])
def test_a_palette_may_have_entries_of_8_bits(factor: int) -> None:
    grey = [0, 51 * factor, 255 * factor]
    meaning = Meaning(3, 8, colour_map=tuple(grey * 3))
    pixels, _, tint = luminance_of_samples(samples(2, 1, 0, kind="u1"), meaning, "film")
    assert (pixels.tolist(), tint) == ([[255, 51, 0]], 0)
    with pytest.raises(UnsupportedCoding, match="palette"):
        luminance_of_samples(samples(3, kind="u1"), meaning, "film")


def test_the_luminance_of_ycbcr_is_its_first_sample() -> None:
    stored = np.array([[[0, 128, 128], [90, 128, 128], [255, 128, 128]]], np.uint8)
    pixels, _, tint = luminance_of_samples(stored, Meaning(6, 8), "film")
    assert (pixels.tolist(), tint) == ([[0, 90, 255]], 0)


@pytest.mark.parametrize(("bits", "kind"), [(4, "u2"), (8, "u1"), (10, "u2"), (12, "u2")])
def test_samples_that_do_not_fill_their_words_have_the_white_of_their_bits(
    bits: int, kind: str
) -> None:
    white = 2**bits - 1
    pixels, depth, _ = luminance_of_samples(
        samples(0, 3, white, kind=kind), Meaning(0, bits), "film"
    )
    np.testing.assert_allclose(pixels, [[1, 1 - 3 / white, 0]], atol=1e-6)
    assert depth == bits


def test_white_is_zero_of_32_bits_begins_at_the_largest_value() -> None:
    film = (np.arange(200) * 20_000_000 + np.arange(200) % 7).astype(np.uint32).reshape(1, -1, 1)
    pixels = luminance_of_samples(np.uint32(2**32 - 1) - film, Meaning(0, 32), "film")[0]
    np.testing.assert_allclose(pixels, film[:, :, 0] / (2**32 - 1), atol=1e-6)
