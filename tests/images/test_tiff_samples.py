"""Samples of TIFF that lie across bytes, or are described in a way that Pillow does not know."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from film_files import ramp, save, smooth, tiff
from pneumoscope import images
from pneumoscope.errors import UnreadableImage, UnsupportedCoding
from tiff_files import one_page, packed

GREY = ramp(70, 90)
UNIT = GREY / 250


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [6, 10, 12, 14])
def test_samples_across_bytes_are_read(bits: int, order: str) -> None:
    levels = np.round(UNIT * (2**bits - 1)).astype(int)
    film = images.read(one_page(packed(levels, bits), bits, order=order))
    np.testing.assert_allclose(film.pixels, levels / (2**bits - 1), atol=1e-6)
    assert film.facts.bits == bits


@pytest.mark.parametrize("kind", ["u2", "u4", "i2"])
def test_the_size_of_strips_may_be_missing(kind: str) -> None:
    stored = GREY.astype(kind) * 16
    fmt = {"t339": (2,)} if kind == "i2" else {}
    for sizes in ((), (0,)):
        film = images.read(one_page(stored.tobytes(), 8 * stored.itemsize, t279=sizes, **fmt))
        np.testing.assert_allclose(film.pixels, stored / 4095, atol=1e-6)


@pytest.mark.parametrize("kind", ["u1", "u2", "u4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_bigtiff_of_either_byte_order_is_read(order: str, kind: str) -> None:
    stored = GREY.astype(kind) * (1 if kind == "u1" else 16)
    data = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    film = images.read(one_page(data, 8 * stored.itemsize, order=order, wide=True))
    np.testing.assert_allclose(film.pixels, stored / (255 if kind == "u1" else 4095), atol=1e-6)


@pytest.mark.parametrize("order", ["<", ">"])
def test_white_of_packed_samples_is_that_of_their_depth(order: str) -> None:
    levels = np.round(UNIT * 1000).astype(int)
    film = images.read(one_page(packed(levels, 12), 12, order=order))
    np.testing.assert_allclose(film.pixels, levels / 4095, atol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_film_of_few_bits_says_how_many(bits: int) -> None:
    levels = np.round(UNIT * (2**bits - 1)).astype(int)
    assert images.read(one_page(packed(levels, bits), bits)).facts.bits == bits


def test_a_strip_without_a_position_is_missing() -> None:
    sound = tiff(ramp())
    sparse = sound.replace(struct.pack("<HHII", 273, 4, 1, 134), struct.pack("<HHII", 273, 4, 1, 0))
    assert sparse != sound
    with pytest.raises(UnreadableImage, match="a part of its pixels is missing"):
        images.read(sparse)


def test_without_a_photometric_interpretation_0_is_black() -> None:
    film = images.read(one_page(GREY.tobytes(), 8, t262=()))
    np.testing.assert_allclose(film.pixels, GREY / 255, atol=1e-6)
    colour = np.dstack([GREY] * 3)
    film = images.read(one_page(colour.tobytes(), 8, t262=(), t258=(8, 8, 8), t277=(3,)))
    np.testing.assert_allclose(film.pixels, GREY / 255, atol=0.003)
    gentle = smooth(70, 90)
    film = images.read(one_page(save(gentle, "JPEG", quality=95), 8, t259=(7,), t262=()))
    np.testing.assert_allclose(film.levels, gentle, atol=4)


def test_more_depths_than_samples_are_ignored() -> None:
    film = images.read(one_page(GREY.tobytes(), 8, t258=(8, 8, 8, 8)))
    np.testing.assert_allclose(film.pixels, GREY / 255, atol=1e-6)


def test_subsampled_colour_is_not_supported() -> None:
    with pytest.raises(UnsupportedCoding, match="subsampled colour"):
        images.read(
            one_page(bytes(35 * 45 * 6), 8, t262=(6,), t277=(3,), t258=(8, 8, 8), t530=(2, 2))
        )


@pytest.mark.parametrize("extra", [(), (999,)])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_a_fourth_sample_beside_rgb_is_alpha(kind: str, extra: tuple[int, ...]) -> None:
    most = np.iinfo(kind).max
    grey = np.round(UNIT * most).astype(kind)
    alpha = np.full_like(grey, most)
    alpha[:, :10] = 0
    stored = np.dstack([grey, grey, grey, alpha])
    tags = {"t262": (2,), "t277": (4,), "t258": (8 * grey.itemsize,) * 4, "t338": extra}
    film = images.read(one_page(stored.tobytes(), 8 * grey.itemsize, **tags))
    expected = UNIT.copy()
    expected[:, :10] = 0
    np.testing.assert_allclose(film.pixels, expected, atol=1 / 255)


def test_a_film_without_a_number_says_so() -> None:
    data = np.full((70, 90), np.nan, "f4").tobytes()
    with pytest.raises(UnreadableImage, match="no finite pixel"):
        images.read(one_page(data, 32, t339=(3,)))


def test_a_palette_of_8_bit_entries_is_read() -> None:
    film = images.read(one_page(GREY.tobytes(), 8, t262=(3,), t320=(*range(256),) * 3))
    np.testing.assert_allclose(film.pixels, GREY / 255, atol=1e-6)


@pytest.mark.parametrize("white", [4095, 65535])
def test_colours_of_16_bits_are_read_by_the_bits_that_they_use(white: int) -> None:
    stored = np.repeat(np.round(UNIT * white).astype("<u2")[..., None], 3, axis=2)
    film = images.read(one_page(stored.tobytes(), 16, t262=(2,), t277=(3,), t258=(16, 16, 16)))
    np.testing.assert_allclose(film.pixels, UNIT, atol=1 / 255)
    assert not film.facts.colour


def test_uncompressed_ycbcr_is_read() -> None:
    stored = np.dstack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 128)])
    film = images.read(
        one_page(stored.tobytes(), 8, t262=(6,), t277=(3,), t258=(8, 8, 8), t530=(1, 1))
    )
    np.testing.assert_allclose(film.pixels, GREY / 255, atol=1e-6)


def test_webp_inside_is_not_supported() -> None:
    with pytest.raises(UnsupportedCoding, match="WebP"):
        images.read(one_page(GREY.tobytes(), 8, t259=(50001,)))
