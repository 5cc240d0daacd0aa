"""Fragments of one frame, with and without what PS3.5 A.4 puts around them."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import film_files as make
from film_files import dataset, lossless_jpeg, ramp, save, smooth, write
from pneumoscope import images
from pneumoscope.errors import NotA2DImage, TruncatedImage
from pneumoscope.images.dicom_elements import UNDEFINED
from pneumoscope.images.fragments import joined

FRAME = save(smooth(), "JPEG")
FRAME += b"\0" * (len(FRAME) % 2)
END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value


def offsets(*values: int) -> bytes:
    return item(struct.pack(f"<{len(values)}I", *values))


def joined_frame(value: bytes, length: int = UNDEFINED) -> bytes:
    return joined(value, 0, length, "film")


PIECES = [FRAME[:40], FRAME[40:300], FRAME[300:]]  # the first ends before the frame header
IN_PIECES = b"".join(map(item, PIECES))


@pytest.mark.parametrize(
    "value",
    [
        item(b"") + IN_PIECES + END,
        offsets(0) + IN_PIECES + END,
        offsets(0, 48, 316) + IN_PIECES + END,  # an entry per fragment
        offsets(0, 48) + IN_PIECES + END,
        item(b"") + IN_PIECES,  # no delimiter
        item(b"") + item(FRAME),
        item(b"") + item(FRAME + bytes(6)),
        item(b"") + item(FRAME) + bytes(16),  # the data set is padded with zeros
        item(b"") + item(FRAME) + b"\xfc\xff\xfc\xffOB\0\0\2\0\0\0\0\0",  # trailing padding
        item(b"") + item(FRAME) + item(b"") + END,  # an empty fragment
        IN_PIECES + END,  # no offset table
    ],
)
def test_one_frame(value: bytes) -> None:
    assert joined_frame(value).rstrip(b"\0") == FRAME.rstrip(b"\0")


@pytest.mark.parametrize("table", [item(b""), offsets(0, 48, 316), b""])
@pytest.mark.parametrize("syntax", ["", make.EXPLICIT, make.JPEG_8, make.J2K])
def test_a_film_in_short_fragments(table: bytes, syntax: str) -> None:
    ds = dataset(smooth(), PixelData=table + IN_PIECES + END)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    data = write(ds, make.EXPLICIT, preamble=False)
    text = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = b"\2\0\x10\0UI" + struct.pack("<H", len(text)) + text
    film = images.read(bytes(128) + b"DICM" + meta + data)
    assert np.abs(film.pixels * 255 - smooth()).max() <= 4
    assert film.facts.transfer_syntax == make.JPEG_8


def test_a_fragment_of_odd_length_that_is_padded() -> None:
    odd = FRAME[:101]
    value = item(b"") + item(odd) + b"\0" + item(FRAME[101:]) + END
    assert joined_frame(value) == FRAME
    assert (
        joined_frame(item(b"") + item(odd) + item(FRAME[101:]) + END) == FRAME
    )  # and one that is not


@pytest.mark.parametrize(
    ("value", "frames"),
    [
        (item(b"") + item(FRAME) + item(FRAME) + END, 2),
        (offsets(0, len(FRAME) + 8) + item(FRAME) + item(FRAME) + END, 2),
        (offsets(0, 0) + item(FRAME) + END, 2),
        (offsets(0, 0, 0, 0) + IN_PIECES + END, 4),
    ],
)
def test_several_frames(value: bytes, frames: int) -> None:
    with pytest.raises(NotA2DImage, match=f"{frames} frames"):
        joined_frame(value)


@pytest.mark.parametrize(
    "value",
    [item(b"") + item(FRAME)[:-9], item(b"") + IN_PIECES[:-30], item(b"") + item(PIECES[0])],
)
def test_a_frame_without_an_end_is_cut(value: bytes) -> None:
    with pytest.raises(TruncatedImage):
        joined_frame(value)


def film(syntax: str, codestream: bytes, stored: np.ndarray, **elements: object) -> bytes:
    ds = dataset(stored, **elements)
    ds.PixelData = item(b"") + item(codestream + b"\0" * (len(codestream) % 2)) + END
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return write(ds, syntax)


@pytest.mark.parametrize(
    ("syntax", "codestream"),
    [
        (make.LOSSLESS_SV1, lossless_jpeg(ramp(), 8, 1)),
        (make.JLS, make.jpeg_ls(ramp())),
        (make.J2K_LOSSLESS, make.jpeg_2000(ramp(), 8)),
    ],
)
@pytest.mark.parametrize("number_of_frames", [None, 1])
def test_a_film_without_sequence_delimiter(
    syntax: str, codestream: bytes, number_of_frames: int | None
) -> None:
    elements = {} if number_of_frames is None else {"NumberOfFrames": number_of_frames}
    whole = film(syntax, codestream, ramp(), **elements)
    assert whole.endswith(END)
    np.testing.assert_allclose(images.read(whole[:-8]).pixels, ramp() / 255, atol=1e-6)
    with pytest.raises(TruncatedImage):
        images.read(whole[:-100])


def test_a_run_length_film_without_sequence_delimiter() -> None:
    whole = make.compressed(dataset(ramp()), make.RLE, "pydicom")
    np.testing.assert_allclose(images.read(whole[:-8]).pixels, ramp() / 255, atol=1e-6)


@pytest.mark.parametrize("zeros", [1, 2, 5])
@pytest.mark.parametrize("behind", [b"", b"\0\0"])
def test_zeros_before_the_end_of_jpeg_ls(zeros: int, behind: bytes) -> None:
    """CharLS rejects them, gdcm reads them."""
    codestream = make.jpeg_ls(ramp())
    assert codestream.endswith(b"\xff\xd9")
    padded = codestream[:-2] + bytes(zeros) + b"\xff\xd9" + behind
    np.testing.assert_allclose(
        images.read(film(make.JLS, padded, ramp())).pixels, ramp() / 255, atol=1e-6
    )
