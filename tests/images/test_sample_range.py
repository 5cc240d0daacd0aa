"""White and black of samples that do not say: one film, kept in many ways, stays the same."""

from __future__ import annotations

import numpy as np
import pytest

from film_files import tiff
from pneumoscope import images
from pneumoscope.images.sample_range import scaled

FILM = (np.mgrid[:64, :80][0] * 3 + np.mgrid[:64, :80][1] * 0.7 + 1) * (248 / 255 / 245.3)
FILM[0, 0] = 0
"""From black to 248 of 255: nothing is quite white, as in most films."""


def whole(depth_or_white: float, kind: str) -> np.ndarray:
    return np.round(FILM * depth_or_white).astype(kind)


KEPT = {
    "12 bits times 960,000": whole(4095, "u4") * np.uint32(960_000),
    "8 bits, shifted to the top": whole(255, "u4") << np.uint32(24),
    "12 bits, shifted to the top": whole(4095, "u4") << np.uint32(20),
    "12 bits, multiplied, signed": whole(4095, "i4") * np.int32(1000),
    "all of 32 bits": whole(2**32 - 1, "u4"),
    "all of 31 bits": whole(2**31 - 1, "i4"),
    "all of 64 bits": whole(2**52, "u8") * np.uint64(2**12 - 1),
    "12 bits in 32": whole(4095, "u4"),
    "12 bits in 16, signed": whole(4095, "i2"),
    "all of 15 bits": whole(32767, "i2"),
    "12 bits from -2048 on": whole(4095, "i2") - np.int16(2048),
    "16 bits from -32768 on": (whole(65535, "i4") - 32768).astype("i2"),
    "8 bits from -128 on": (whole(255, "i2") - 128).astype("i1"),
    "all of 13 bits": whole(8191, "u2"),
    "all of 15 bits, unsigned": whole(32767, "u2"),
    "12 bits from -1024 on": whole(4095, "i2") - np.int16(1024),
    "12 bits from -1024 on, in 32": whole(4095, "i4") - np.int32(1024),
    "12 bits from -1024 on, whole floats": (whole(4095, "i4") - 1024).astype("f4"),
    "12 bits from 32768 on": whole(4095, "u2") + np.uint16(32768),
    "0 to 1": FILM.astype("f4"),
    "0 to 1, double": FILM,
    "-1 to 1": (2 * FILM - 1).astype("f4"),
    "-0.5 to 0.5": (FILM - 0.5).astype("f4"),
    "0 to 255, float": (255 * FILM).astype("f4"),
    "0 to 255, half": (255 * FILM).astype("f2"),
    "0 to 4095, float": (4095 * FILM).astype("f4"),
    "0 to 4095, whole floats": whole(4095, "f8"),
    "0 to 65535, float": (65535 * FILM).astype("f8"),
}


@pytest.mark.parametrize("kept", KEPT)
def test_the_film_comes_back(kept: str) -> None:
    stored = KEPT[kept]
    pixels, _ = scaled(stored)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, FILM, atol=0.0025)
    fmt = {"u": 1, "i": 2, "f": 3}[stored.dtype.kind]
    film = images.read(tiff(stored, fmt=fmt))
    np.testing.assert_array_equal(film.pixels, pixels)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([0, 3_000_000_000], [0, 1]),  # too few values for a film: a common factor says nothing
        ([-0.5, 0.5], [0, 1]),
        ([-1024, 3071], [0, 1]),  # no offset of a storage
        ([-2048, 4000], [0, 1]),
        ([0, 100.5], [0, 1]),
        ([7, 7], [7 / 255, 7 / 255]),
    ],
)
def test_ranges_that_say_nothing_are_stretched(stored: list[float], expected: list[float]) -> None:
    kind = np.int64 if all(float(value).is_integer() for value in stored) else np.float32
    pixels, _ = scaled(np.array([stored], kind))
    np.testing.assert_allclose(pixels, [expected], atol=1e-6)


def test_a_burnt_in_marker_takes_no_part_where_the_range_is_unknown() -> None:
    stored = np.round(FILM * 1000 - 300).astype("i4")
    stored[30:35, 30:50] = 100_000
    pixels, _ = scaled(stored)
    assert (pixels[30:35, 30:50] == 1).all()
    np.testing.assert_allclose(pixels[:30], FILM[:30] / FILM.max(), atol=0.005)


def test_what_is_not_finite_is_black() -> None:
    stored = FILM.astype("f4")
    stored[3, 3:5] = np.nan, np.inf
    assert scaled(stored)[0][3, 3:5].tolist() == [0, 0]


@pytest.mark.parametrize("white", [1, 255])
def test_what_resampling_puts_beyond_black_and_white_is_cut(white: float) -> None:
    stored = FILM.astype("f4")
    stored[1, 2:4] = 1.04, -0.03
    pixels, _ = scaled(stored * np.float32(white))
    expected = np.clip(stored, 0, 1)
    np.testing.assert_allclose(pixels, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("film", "no_data"),
    [
        (FILM.astype("f4"), -9999),
        (FILM, -3.4e38),
        (whole(4095, "i2"), -32768),
        (whole(255, "f4"), -1000),
    ],
)
def test_no_data_is_black_and_takes_no_part(film: np.ndarray, no_data: float) -> None:
    stored = film.copy()
    stored[:, :10] = no_data
    pixels, _ = scaled(stored)
    assert not pixels[:, :10].any()
    np.testing.assert_allclose(pixels[:, 10:], FILM[:, 10:], atol=0.0025)
