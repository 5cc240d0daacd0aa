"""PNG: chunks whose checksums are wrong, and colours and alpha of 16 bits that use fewer."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from film_files import png_chunks, ramp, save
from pneumoscope import images
from pneumoscope.errors import (
    NotA2DImage,
    TruncatedImage,
    UnreadableImage,
    UnsupportedCoding,
)
from pneumoscope.images.png import checked

GREY = ramp(70, 90)
SAMPLES = {2: 3, 4: 2, 6: 4}
"""Samples of a pixel by PNG's colour type."""


def deep(colour_type: int, white: int) -> bytes:
    """The ramp in 16 bits, its brightest pixel at ``white``; alpha is opaque."""
    count = SAMPLES[colour_type]
    stored = np.repeat(np.round(GREY / 250 * white).astype(">u2")[..., None], count, axis=2)
    if colour_type in (4, 6):
        stored[:, :, -1] = 65535
    raw = b"".join(b"\0" + row.tobytes() for row in stored)
    head = struct.pack(">IIBBBBB", 90, 70, 16, colour_type, 0, 0, 0)
    return png_chunks((b"IHDR", head), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))


@pytest.mark.parametrize("white", [4095, 30000, 65535])
@pytest.mark.parametrize("colour_type", SAMPLES)
def test_deep_colours_are_read_by_the_bits_that_they_use(colour_type: int, white: int) -> None:
    film = images.read(deep(colour_type, white))
    most = 2 ** int(white).bit_length() - 1
    np.testing.assert_allclose(film.pixels, GREY / 250 * white / most, atol=1 / 255)
    assert (film.facts.bits, film.facts.tint) == (16, 0)


def test_a_wrong_checksum_of_a_text_does_not_matter() -> None:
    sound = save(GREY, "PNG")
    text = b"\0\0\0\5tEXta\0bcdXXXX"
    damaged = sound[:33] + text + sound[33:]
    assert checked(sound, "film") is sound
    assert checked(damaged, "film") == sound
    np.testing.assert_array_equal(images.read(damaged).pixels, images.read(sound).pixels)


def test_a_wrong_checksum_of_pixels_and_a_missing_end_are_errors() -> None:
    sound = save(GREY, "PNG")
    with pytest.raises(UnreadableImage, match="checksum"):
        checked(sound[:-17] + b"\1" + sound[-16:], "film")
    with pytest.raises(TruncatedImage):
        checked(sound[:-12], "film")


def short(rows: int, kept: bytes, interlaced: int = 0) -> bytes:
    """A grey PNG whose compressed data ends properly, whatever it holds."""
    head = struct.pack(">IIBBBBB", 90, rows, 8, 0, 0, 0, interlaced)
    return png_chunks((b"IHDR", head), (b"IDAT", zlib.compress(kept)), (b"IEND", b""))


LINES = b"".join(b"\0" + row.tobytes() for row in GREY)


def test_compressed_data_that_ends_before_the_last_row_is_an_error() -> None:
    for missing in (1, 91, 30 * 91):
        with pytest.raises(TruncatedImage):
            images.read(short(70, LINES[:-missing]))
    np.testing.assert_array_equal(images.read(short(70, LINES)).levels, GREY)
    np.testing.assert_array_equal(images.read(short(70, LINES + bytes(500))).levels, GREY)


def test_a_black_end_is_no_missing_one() -> None:
    film = images.read(short(100, LINES + bytes(30 * 91)))
    np.testing.assert_array_equal(film.levels[:70], GREY)
    assert not film.levels[70:].any()


def test_an_interlaced_film_without_its_last_pass() -> None:
    passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    parts = [GREY[top::down, left::along] for top, left, down, along in passes]
    raw = b"".join(b"\0" + row.tobytes() for part in parts for row in part)
    np.testing.assert_array_equal(images.read(short(70, raw, 1)).levels, GREY)
    with pytest.raises(TruncatedImage):
        images.read(short(70, raw[:-91], 1))


def test_pixels_that_were_changed_for_iphones_are_not_supported() -> None:
    sound = short(70, LINES)
    changed = sound[:8] + png_chunks((b"CgBI", b"\x50\0\x20\2"))[8:] + sound[8:]
    with pytest.raises(UnsupportedCoding, match="iPhones"):
        images.read(changed)


def test_a_film_that_is_transparent_everywhere_is_read() -> None:
    stored = np.dstack([GREY, GREY, GREY, np.zeros_like(GREY)])
    np.testing.assert_allclose(images.read(save(stored, "PNG")).pixels, GREY / 255, atol=1e-6)


def transparent_png(colour_type: int, stored: np.ndarray, named: int) -> bytes:
    """A PNG of 16 bits in grey or colour whose pixels of one value are transparent."""
    samples = np.repeat(stored.astype(">u2")[..., None], 3 if colour_type else 1, axis=2)
    raw = b"".join(b"\0" + row.tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", 90, 70, 16, colour_type, 0, 0, 0)
    clear = struct.pack(">H", named) * samples.shape[2]
    pixels = zlib.compress(raw)
    return png_chunks((b"IHDR", head), (b"tRNS", clear), (b"IDAT", pixels), (b"IEND", b""))


@pytest.mark.parametrize("colour_type", [0, 2])
@pytest.mark.parametrize(("white", "named"), [(65535, 65535), (4095, 4095), (4095, 65535)])
def test_transparent_pixels_of_16_bits_are_black(colour_type: int, white: int, named: int) -> None:
    stored = np.round(GREY / 250 * 0.9 * white).astype(np.uint16)
    stored[:, :20] = named
    expected = stored / white
    expected[:, :20] = 0
    film = images.read(transparent_png(colour_type, stored, named))
    np.testing.assert_allclose(film.pixels, expected, atol=1 / 255)


@pytest.mark.parametrize("colour_type", [0, 2])
def test_a_transparent_value_is_one_of_16_bits(colour_type: int) -> None:
    """Pixels whose high byte alone is that of the value stay."""
    stored = GREY.astype(np.uint16) * 257
    film = images.read(transparent_png(colour_type, stored, 100 * 257 + 1))
    np.testing.assert_allclose(film.pixels, GREY / 255, atol=1e-6)
    everywhere = images.read(transparent_png(colour_type, np.full_like(stored, 9000), 9000))
    assert everywhere.pixels.min() > 0


LONG = zlib.compress(bytes(5_000_000))
TEXTS = {
    "packed": (b"zTXt", b"k\0\0" + LONG),
    "packed, international": (b"iTXt", b"k\0\1\0\0\0" + LONG),
    "profile": (b"iCCP", b"k\0\0" + LONG),
    "XMP": (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG),
    "plain": (b"tEXt", b"k\0" + b"a" * 1_000_000),
    "short files": (b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000))),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_long_texts_and_colour_profiles_are_left_out(kind: str) -> None:
    """Pillow refuses a text of more than a mebibyte, and more than 64 of them together."""
    pixels = ramp(70, 90)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = (b"IHDR", struct.pack(">IIBBBBB", 90, 70, 8, 0, 0, 0, 0))
    texts = [TEXTS[kind]] * (80 if kind in ("plain", "short files") else 1)
    film = png_chunks(head, *texts, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    np.testing.assert_array_equal(images.read(film).levels, pixels)


def test_a_long_text_that_turns_the_film_counts() -> None:
    turned = Image.Exif()
    turned[274] = 6
    lines = turned.tobytes().hex() + "00" * 1000
    text = b"Raw profile type exif\0\0" + zlib.compress(
        f"\nexif\n{len(lines) // 2:8}\n{lines}\n".encode(), 0
    )
    pixels = ramp(70, 90)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = (b"IHDR", struct.pack(">IIBBBBB", 90, 70, 8, 0, 0, 0, 0))
    film = png_chunks(head, (b"zTXt", text), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    np.testing.assert_array_equal(images.read(film).levels, np.rot90(pixels, -1))


ODD_CHUNKS = {
    "gAMA": b"\0", "cHRM": b"\0" * 5, "sRGB": b"", "pHYs": b"\0", "iCCP": b"", "zTXt": b"k\0\5" + LONG[:99],
    "acTL": b"\0", "fcTL": b"\0", "fdAT": b"\0\0\0\1x", "tRNS": b"\0", "bKGD": b"", "hIST": b"\0", "tIME": b"\0",
}  # fmt: skip


@pytest.mark.parametrize("kind", [*ODD_CHUNKS, "iCCP of another method", "one frame"])
def test_a_damaged_chunk_on_which_no_pixel_depends_is_left_out(kind: str) -> None:
    pixels = ramp(70, 90)
    others = {
        "iCCP of another method": (b"iCCP", b"k\0\5" + LONG[:99]),
        "one frame": (b"acTL", struct.pack(">II", 1, 0)),
    }
    odd = others.get(kind) or (kind.encode(), ODD_CHUNKS[kind])
    head = (b"IHDR", struct.pack(">IIBBBBB", 90, 70, 8, 0, 0, 0, 0))
    rows = (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels)))
    for chunks in ((head, odd, rows), (head, rows, odd)):
        film = png_chunks(*chunks, (b"IEND", b""))
        np.testing.assert_array_equal(images.read(film).levels, pixels)
        assert images.size_of(film) == (70, 90)


PALETTE = bytes(v for v in range(0, 250, 25) for _ in range(3))
"""Ten shades."""


@pytest.mark.parametrize("kind", [b"tEXt", b"iTXt", b"eXIf", b"PLTE"])
def test_the_palette_is_not_looked_for_in_other_chunks(kind: bytes) -> None:
    text = (b"Comment\0" + bytes(4) * (kind == b"iTXt")) * kind.endswith(b"Xt")
    head = (b"IHDR", struct.pack(">IIBBBBB", 90, 70, 8, 3, 0, 0, 0))
    other = (kind, text + b"\0\0\0\6PLTE" + bytes(1))
    indices = ramp(70, 90) // 26
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in indices))
    chunks = (head, other, (b"PLTE", PALETTE), (b"IDAT", rows), (b"IEND", b""))
    np.testing.assert_array_equal(images.read(png_chunks(*chunks)).levels, indices * 25)
    with pytest.raises(UnreadableImage, match="too few colours"):
        images.read(png_chunks(head, other, (b"PLTE", PALETTE[:27]), *chunks[3:]))


def test_an_animation_is_stated_before_the_pixels() -> None:
    pixels, control = ramp(70, 90), (b"acTL", struct.pack(">II", 2, 0))
    head = (b"IHDR", struct.pack(">IIBBBBB", 90, 70, 8, 0, 0, 0, 0))
    rows = (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels)))
    with pytest.raises(NotA2DImage, match="animation"):
        images.read(png_chunks(head, control, rows, (b"IEND", b"")))
    film = png_chunks(head, rows, control, (b"IEND", b""))
    np.testing.assert_array_equal(images.read(film).levels, pixels)
