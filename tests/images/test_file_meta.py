"""What lies before the data set: there once, twice, in part, or not at all."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import film_files as make
from film_files import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    dataset,
    dicom,
    lossless_jpeg,
    ramp,
    smooth,
    wrap,
    write,
)
from pneumoscope import images
from pneumoscope.images.file_meta import file_meta


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + struct.pack("<H", len(value)) + value


def meta(syntax: str, *, length: int | None = None) -> bytes:
    """Group 0002 with its length (0002,0000), right or as given."""
    rest = element(0x00020010, b"UI", syntax.encode()) + element(0x00020013, b"SH", b"TEST")
    said = len(rest) if length is None else length
    return element(0x00020000, b"UL", struct.pack("<I", said)) + rest


PREFIX = bytes(128) + b"DICM"
BODY = write(dataset(ramp()), EXPLICIT, preamble=False)


@pytest.mark.parametrize(
    ("before", "syntax"),
    [
        (PREFIX + meta(EXPLICIT), EXPLICIT),
        (PREFIX + meta(EXPLICIT + " "), EXPLICIT),
        (PREFIX + meta(""), None),
        (PREFIX, None),
        (b"DICM" + meta(EXPLICIT), EXPLICIT),
        (meta(EXPLICIT), EXPLICIT),
        (bytes(128) + meta(EXPLICIT), EXPLICIT),
        (bytes(128), None),
        (b"", None),
        (PREFIX + meta(EXPLICIT, length=0), EXPLICIT),
        (PREFIX + meta(EXPLICIT, length=4000), EXPLICIT),
        (PREFIX + meta(EXPLICIT) + meta(make.JPEG_8), EXPLICIT),  # the second one says nothing
        (PREFIX + meta("") + meta(EXPLICIT), EXPLICIT),
        (PREFIX + meta(EXPLICIT) + PREFIX + meta(make.JPEG_8), EXPLICIT),
    ],
)
def test_the_first_transfer_syntax_counts(before: bytes, syntax: str | None) -> None:
    assert file_meta(before + BODY) == (syntax, len(before))
    np.testing.assert_allclose(images.read(before + BODY).pixels, ramp() / 255, atol=1e-6)


def test_a_second_file_meta_of_a_compressed_film() -> None:
    codestream = lossless_jpeg(smooth(), 8, 1)
    data = wrap(dataset(smooth()), codestream, make.LOSSLESS_SV1)
    body = data[data.index(b"\x08\0\x16\0UI") :]
    film = images.read(PREFIX + meta(make.LOSSLESS_SV1) + meta(EXPLICIT) + body)
    np.testing.assert_allclose(film.pixels, smooth() / 255, atol=1e-6)
    assert film.facts.transfer_syntax == make.LOSSLESS_SV1


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("before", [b"", bytes(128), PREFIX, b"DICM"])
def test_a_data_set_without_file_meta(syntax: str, before: bytes) -> None:
    stored = ramp().astype(np.uint16)
    ds = dataset(stored, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    if syntax == BIG:
        ds.PixelData = stored.astype(">u2").tobytes()
    film = images.read(before + write(ds, syntax, preamble=False))
    np.testing.assert_allclose(film.pixels, stored / 4095, atol=1e-6)
    assert film.facts.transfer_syntax == syntax


@pytest.mark.parametrize("cut", [4, 100, 130, 140, 170])
def test_a_cut_file_meta_ends_with_the_data(cut: int) -> None:
    data = dicom(ramp())[:cut]
    assert file_meta(data)[1] <= len(data)
