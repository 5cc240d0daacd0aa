"""Samples of TIFF that lie across bytes, or are described in a way that Pillow does not know."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from film_files import ramp
from pneumoscope import images
from pneumoscope.errors import UnsupportedCoding

GREY = ramp(70, 90)
UNIT = GREY / 250


def packed(levels: np.ndarray, bits: int) -> bytes:
    """Rows of samples, the highest bit first, each row filled up to a byte."""
    texts = ("".join(format(int(level), f"0{bits}b") for level in row) for row in levels)
    filled = (text + "0" * (-len(text) % 8) for text in texts)
    return b"".join(int(text, 2).to_bytes(len(text) // 8) for text in filled)


def written(
    data: bytes, bits: int, *, order: str = "<", wide: bool = False, **tags: tuple[int, ...]
) -> bytes:
    """A TIFF or, if wide, a BigTIFF of 70 rows and 90 columns in one strip.

    Args:
        data: The strip.
        bits: Bits per sample.
        order: "<" or ">".
        wide: BigTIFF.
        tags: Further or other entries, such as t279; none at all if the value is empty.
    """
    size, start = ("Q", 16) if wide else ("I", 8)
    entries = {256: (90,), 257: (70,), 258: (bits,), 259: (1,), 262: (1,), 273: (start,)}
    entries |= {277: (1,), 278: (70,), 279: (len(data),)}
    entries |= {int(tag[1:]): values for tag, values in tags.items()}
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if wide else 42)
    head += struct.pack(order + "HH", 8, 0) if wide else b""
    listed = [(tag, values) for tag, values in sorted(entries.items()) if values]
    values_at = start + len(data) + (8 if wide else 2) + (20 if wide else 12) * len(listed) + 8
    directory, beyond = struct.pack(order + ("Q" if wide else "H"), len(listed)), b""
    for tag, values in listed:
        kind, letter = (3, "H") if tag in (258, 320) else (4, "I")
        raw = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(raw) > struct.calcsize(size):
            raw, beyond = struct.pack(order + size, values_at + len(beyond)), beyond + raw
        directory += struct.pack(f"{order}HH{size}", tag, kind, len(values))
        directory += raw.ljust(struct.calcsize(size), b"\0")
    tail = directory + bytes(values_at - start - len(data) - len(directory)) + beyond
    return head + struct.pack(order + size, start + len(data)) + data + tail


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [6, 10, 12, 14])
def test_samples_across_bytes_are_read(bits: int, order: str) -> None:
    levels = np.round(UNIT * (2**bits - 1)).astype(int)
    film = images.read(written(packed(levels, bits), bits, order=order))
    np.testing.assert_allclose(film.pixels, levels / (2**bits - 1), atol=1e-6)
    assert film.facts.bits == bits


@pytest.mark.parametrize("kind", ["u2", "u4", "i2"])
def test_the_size_of_strips_may_be_missing(kind: str) -> None:
    stored = GREY.astype(kind) * 16
    fmt = {"t339": (2,)} if kind == "i2" else {}
    for sizes in ((), (0,)):
        film = images.read(written(stored.tobytes(), 8 * stored.itemsize, t279=sizes, **fmt))
        np.testing.assert_allclose(film.pixels, stored / 4095, atol=1e-6)


@pytest.mark.parametrize("kind", ["u1", "u2", "u4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_bigtiff_of_either_byte_order_is_read(order: str, kind: str) -> None:
    stored = GREY.astype(kind) * (1 if kind == "u1" else 16)
    data = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    film = images.read(written(data, 8 * stored.itemsize, order=order, wide=True))
    np.testing.assert_allclose(film.pixels, stored / (255 if kind == "u1" else 4095), atol=1e-6)


def test_a_palette_of_8_bit_entries_is_read() -> None:
    film = images.read(written(GREY.tobytes(), 8, t262=(3,), t320=(*range(256),) * 3))
    np.testing.assert_allclose(film.pixels, GREY / 255, atol=1e-6)


@pytest.mark.parametrize("white", [4095, 65535])
def test_colours_of_16_bits_are_read_by_the_bits_that_they_use(white: int) -> None:
    stored = np.repeat(np.round(UNIT * white).astype("<u2")[..., None], 3, axis=2)
    film = images.read(written(stored.tobytes(), 16, t262=(2,), t277=(3,), t258=(16, 16, 16)))
    np.testing.assert_allclose(film.pixels, UNIT, atol=1 / 255)
    assert not film.facts.colour


def test_uncompressed_ycbcr_is_read() -> None:
    stored = np.dstack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 128)])
    film = images.read(
        written(stored.tobytes(), 8, t262=(6,), t277=(3,), t258=(8, 8, 8), t530=(1, 1))
    )
    np.testing.assert_allclose(film.pixels, GREY / 255, atol=1e-6)


def test_webp_inside_is_not_supported() -> None:
    with pytest.raises(UnsupportedCoding, match="WebP"):
        images.read(written(GREY.tobytes(), 8, t259=(50001,)))
