"""Bits above Bits Stored: foreign ones are removed in every coding, the film's own are kept."""

from __future__ import annotations

import numpy as np
import pytest

import film_files as make
from film_files import BIG, EXPLICIT, IMPLICIT, dataset, dicom, lossless_jpeg, smooth, wrap, write
from pneumoscope import images
from pneumoscope.images.header import parse
from pneumoscope.images.stored_bits import film_values

SMOOTH = smooth(64, 80).astype(np.uint16) * 16  # 12 bits, up to 3,500
BOX = np.zeros(SMOOTH.shape, np.uint16)
BOX[10:20, 30:60] = 1  # an overlay
NOISE = np.random.default_rng(7).integers(0, 16, SMOOTH.shape).astype(np.uint16)

FOREIGN = {
    "overlay in bit 12": SMOOTH | BOX << 12,
    "overlays in bits 12 and 15": SMOOTH | BOX << 12 | np.roll(BOX, 20, 0) << 15,
    "all bits": SMOOTH | 0xF000,
    "noise": SMOOTH | NOISE << 12,
}


def coded(stored: np.ndarray, coding: str, **elements: object) -> bytes:
    """A film whose codestream has all 16 bits, whatever the header says."""
    ds = dataset(stored, **elements)
    whole = stored.view(np.uint16)
    if coding in (EXPLICIT, IMPLICIT, BIG):
        return write(ds, coding)
    if coding == make.LOSSLESS_SV1:
        return wrap(ds, lossless_jpeg(whole, 16, 1), coding)
    if coding == make.J2K_LOSSLESS:
        return wrap(ds, make.jpeg_2000(whole, 16), coding)
    if coding == make.RLE:
        return make.compressed(ds, coding, "pydicom")
    return wrap(ds, make.jpeg_ls(whole), coding)


CODINGS = [EXPLICIT, IMPLICIT, BIG, make.RLE, make.LOSSLESS_SV1, make.JLS, make.J2K_LOSSLESS]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_bits_are_removed(kind: str, coding: str) -> None:
    elements = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 2048, "WindowWidth": 4096}
    film = images.read(coded(FOREIGN[kind], coding, **elements))
    np.testing.assert_allclose(film.pixels, SMOOTH / 4095, atol=1e-6)


@pytest.mark.parametrize("coding", CODINGS)
def test_without_a_window_an_overlay_takes_no_range(coding: str) -> None:
    film = images.read(coded(SMOOTH | BOX << 12, coding, BitsStored=12, HighBit=11))
    low, high = SMOOTH.min(), SMOOTH.max()
    np.testing.assert_allclose(film.pixels, (SMOOTH - low) / (high - low), atol=0.01)


@pytest.mark.parametrize("coding", CODINGS)
def test_foreign_bits_above_a_signed_film(coding: str) -> None:
    signed = SMOOTH.astype(np.int16) - 2048
    dirty = ((signed & 0x0FFF) | (BOX.astype(np.int16) << 12)).astype(np.int16)
    elements = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 0, "WindowWidth": 4096}
    film = images.read(coded(dirty, coding, **elements))
    np.testing.assert_allclose(film.pixels, SMOOTH / 4095, atol=1e-6)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("bits", [12, 14, 15])
def test_a_film_of_16_bits_is_not_cut_to_fewer(bits: int, coding: str) -> None:
    stored = (np.linspace(0, 65535, 64 * 80).reshape(64, 80)).astype(np.uint16)
    elements = {"BitsStored": bits, "HighBit": bits - 1, "WindowCenter": 32768}
    film = images.read(coded(stored, coding, WindowWidth=65536, **elements))
    np.testing.assert_allclose(film.pixels, stored / 65535, atol=1e-6)


def test_a_signed_film_of_16_bits_is_not_cut_to_fewer() -> None:
    stored = np.linspace(-32768, 32767, 64 * 80).reshape(64, 80).astype(np.int16)
    film = images.read(dicom(stored, BitsStored=12, HighBit=11, WindowCenter=0, WindowWidth=65536))
    np.testing.assert_allclose(film.pixels, (stored + 32768.0) / 65535, atol=1e-4)


def test_8_bits_said_where_12_are_used() -> None:
    """Without a window a film of 8 bits has the range 0 to 255; this one has its own."""
    film = images.read(dicom(SMOOTH, BitsStored=8, HighBit=7))
    low, high = SMOOTH.min(), SMOOTH.max()
    np.testing.assert_allclose(film.pixels, (SMOOTH - low) / (high - low), atol=0.01)


@pytest.mark.parametrize("below", [0, 1, 15])
def test_high_bit_15_of_a_film_of_12_bits(below: int) -> None:
    """PS3.5 8.1.1: the film is in the upper bits of each word, and anything may be below."""
    stored = SMOOTH << 4 | BOX * below
    data = dicom(stored, BitsStored=12, HighBit=15, WindowCenter=2048, WindowWidth=4096)
    np.testing.assert_allclose(images.read(data).pixels, SMOOTH / 4095, atol=1e-6)


def test_high_bit_in_the_middle() -> None:
    stored = SMOOTH << 2 | BOX << 14 | BOX
    data = dicom(stored, BitsStored=12, HighBit=13, WindowCenter=2048, WindowWidth=4096)
    np.testing.assert_allclose(images.read(data).pixels, SMOOTH / 4095, atol=1e-6)


@pytest.mark.parametrize("high_bit", [15, 12, 0, 7, None])
def test_a_wrong_high_bit_moves_nothing(high_bit: int | None) -> None:
    data = dicom(SMOOTH, BitsStored=12, HighBit=high_bit, WindowCenter=2048, WindowWidth=4096)
    np.testing.assert_allclose(images.read(data).pixels, SMOOTH / 4095, atol=1e-6)


@pytest.mark.parametrize("high_bit", [11, 15])
def test_a_signed_film_in_upper_bits(high_bit: int) -> None:
    signed = SMOOTH.astype(np.int16) - 2048
    stored = signed << 4 if high_bit == 15 else signed
    data = dicom(stored, BitsStored=12, HighBit=high_bit, WindowCenter=0, WindowWidth=4096)
    np.testing.assert_allclose(images.read(data).pixels, SMOOTH / 4095, atol=1e-6)


def test_padding_above_bits_stored_stays_padding() -> None:
    stored = SMOOTH.copy()
    stored[:, :20] = 65535
    data = dicom(
        stored, BitsStored=12, HighBit=11, PixelPaddingValue=65535,
        WindowCenter=2048, WindowWidth=4096,
    )  # fmt: skip
    expected = SMOOTH / 4095
    expected[:, :20] = 0
    np.testing.assert_allclose(images.read(data).pixels, expected, atol=1e-6)


def test_jpeg_lossless_of_8_bits_with_7_stored() -> None:
    """gdcm ends the process if it is given Bits Stored; white is 2^7 - 1."""
    stored = (smooth(64, 80) // 2).astype(np.uint8)
    ds = dataset(stored, BitsStored=7, HighBit=6)
    film = images.read(wrap(ds, lossless_jpeg(stored, 8, 1), make.LOSSLESS_SV1))
    np.testing.assert_allclose(film.pixels, stored / 127, atol=1e-6)


@pytest.mark.parametrize(
    ("allocated", "stored_bits"),
    [
        (8, 6),
        (8, 7),
        (8, 8),
        (8, 12),
        (12, 12),
        (0, 12),
        (16, 7),
        (16, 8),
        (16, 12),
        (16, 16),
        (32, 8),
        (32, 12),
        (32, 16),
    ],
)
@pytest.mark.parametrize("precision", [8, 10, 12, 16])
def test_jpeg_lossless_whatever_the_header_allocates(
    allocated: int, stored_bits: int, precision: int
) -> None:
    most = min(precision, stored_bits)
    stored = (smooth(64, 80).astype(np.uint16) << 8) >> (16 - most)
    ds = dataset(stored, BitsAllocated=allocated, BitsStored=stored_bits, HighBit=stored_bits - 1)
    ds.WindowCenter, ds.WindowWidth = 2 ** (most - 1), 2**most
    film = images.read(wrap(ds, lossless_jpeg(stored, precision, 1), make.LOSSLESS))
    np.testing.assert_allclose(film.pixels, stored / (2**most - 1), atol=1e-6)


def test_whole_words_are_returned_as_they_are() -> None:
    head, _ = parse(write(dataset(SMOOTH), preamble=False), 0, implicit=False, little=True)
    assert film_values(SMOOTH, 16, head) is SMOOTH


def test_a_codestream_of_fewer_bits_than_stored_has_its_own_sign() -> None:
    head, _ = parse(
        write(dataset(SMOOTH.astype(np.int16)), preamble=False), 0, implicit=False, little=True
    )
    # 12 bits in words of 16: 0x800 is -2048, 0x7FF is 2047.
    words = np.array([[0x800, 0xFFF, 0, 0x7FF]], np.uint16)
    assert film_values(words, 12, head).tolist() == [[-2048, -1, 0, 2047]]


@pytest.mark.parametrize("first", [-1024, -20000])
def test_a_sign_that_the_header_denies_is_found(first: int) -> None:
    stored = SMOOTH.astype(np.int32) * 8 + first
    data = dicom(stored.astype(np.int16).view(np.uint16), BitsStored=16, HighBit=15)
    assert images.dicom.stored_values(data, "film").tolist() == stored.tolist()


@pytest.mark.parametrize("coding", CODINGS)
def test_a_sign_that_the_header_claims_is_denied_by_the_film(coding: str) -> None:
    stored = SMOOTH * 16
    data = coded(stored, coding, BitsStored=16, HighBit=15, PixelRepresentation=1)
    assert images.dicom.stored_values(data, "film").tolist() == stored.tolist()


def test_white_text_is_no_negative_value() -> None:
    stored = SMOOTH.copy()
    stored[20:24, 30:50] = 65535 - np.arange(20)
    data = dicom(stored, BitsStored=16, HighBit=15)
    assert images.dicom.stored_values(data, "film").tolist() == stored.tolist()


NOISY = SMOOTH | NOISE
"""12 bits whose lowest are noise, as those of detectors are."""


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("bits", [12, 16])
def test_bytes_in_the_wrong_order_are_turned(bits: int, coding: str) -> None:
    stored = NOISY << (bits - 12)
    elements = {"WindowCenter": 1 << (bits - 1), "WindowWidth": 1 << bits}
    film = images.read(
        coded(stored.byteswap(), coding, BitsStored=bits, HighBit=bits - 1, **elements)
    )
    np.testing.assert_allclose(film.pixels, stored / ((1 << bits) - 1), atol=1e-6)


@pytest.mark.parametrize("factor", [1, 3, 16, 128, 256])
def test_bytes_in_the_right_order_stay(factor: int) -> None:
    stored = smooth(64, 80).astype(np.uint16) * factor
    assert images.dicom.stored_values(dicom(stored), "film").tolist() == stored.tolist()


@pytest.mark.parametrize("coding", CODINGS)
def test_a_sign_that_is_repeated_above_bits_stored_is_no_foreign_bit(coding: str) -> None:
    signed = SMOOTH.astype(np.int16) - 2048
    data = coded(signed.view(np.uint16), coding, BitsStored=12, HighBit=11)
    assert images.dicom.stored_values(data, "film").tolist() == signed.tolist()


def signed_jpeg_2000(values: np.ndarray, precision: int, bits: int, **elements: object) -> bytes:
    """A film whose codestream says that it has a sign, and whose header says that it has none."""
    ds = dataset(values.view(f"u{values.itemsize}"), BitsStored=bits, HighBit=bits - 1, **elements)
    return wrap(ds, make.jpeg_2000(values, precision), make.J2K_LOSSLESS)


@pytest.mark.parametrize(
    ("precision", "bits", "center"),
    [(12, 12, 0), (16, 12, 0), (16, 16, 0), (12, 12, 2048), (16, 12, 2048)],
)
def test_jpeg_2000_with_a_sign_that_the_header_denies(
    precision: int, bits: int, center: int
) -> None:
    """Its window says whether its values are negative, or were moved down by the encoder."""
    signed = SMOOTH.astype(np.int16) - 2048
    window = {"WindowCenter": center, "WindowWidth": 4096}
    film = images.read(signed_jpeg_2000(signed, precision, bits, **window))
    np.testing.assert_allclose(film.pixels, SMOOTH / 4095, atol=1e-6)


@pytest.mark.parametrize("precision", [13, 16])
@pytest.mark.parametrize(
    ("moved", "back", "center"),
    [(1024, 1024, 2048), (1000, 1024, 2048), (600, 600, 2048), (1024, 0, 1024)],
)
def test_jpeg_2000_that_was_moved_by_less_than_half_of_its_range(
    moved: int, back: int, center: int, precision: int
) -> None:
    """By 1024 if its values allow it, else from 0 on; unless the window says that it is not moved."""
    film = SMOOTH.copy()
    if back == 600:
        film[0, 0], film[-1, -1] = 0, 4095
    signed = film.astype(np.int16) - moved
    window = {"WindowCenter": center, "WindowWidth": 4096}
    read = images.read(signed_jpeg_2000(signed, precision, 12, **window))
    expected = (signed.astype(int) + back - center + 0.5) / 4095 + 0.5
    np.testing.assert_allclose(read.pixels, np.clip(expected, 0, 1), atol=1e-6)


def test_jpeg_2000_of_8_bits_with_a_sign_that_the_header_denies() -> None:
    grey = smooth(64, 80)
    moved = (grey.astype(np.int16) - 128).astype(np.int8)
    for values in (moved, grey.view(np.int8)):
        film = images.read(signed_jpeg_2000(values, 8, 8))
        np.testing.assert_allclose(film.pixels, grey / 255, atol=1e-6)
