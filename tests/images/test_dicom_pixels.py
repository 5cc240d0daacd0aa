"""The pixel data element, uncompressed and in fragments, whole and damaged."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from film_files import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    J2K_LOSSLESS,
    JPEG_8,
    LOSSLESS_SV1,
    dataset,
    jpeg_2000,
    lossless_jpeg,
    ramp,
    save,
    smooth,
    write,
)
from pneumoscope.errors import NotA2DImage, TruncatedImage, UnreadableImage
from pneumoscope.images.dicom_elements import Layout
from pneumoscope.images.dicom_pixels import (
    PLUGINS,
    _codestream,
    decode,
    pixel_data,
)
from pneumoscope.images.header import Header, parse
from pneumoscope.images.transfer_syntax import native_bytes

STORED = ramp(64, 80)


def parsed(data: bytes, syntax: str) -> tuple[Header, int]:
    return parse(data, 0, implicit=syntax == IMPLICIT, little=syntax != BIG)


def decoded(stored: np.ndarray, syntax: str = EXPLICIT, **elements: object) -> np.ndarray:
    data = write(dataset(stored, **elements), syntax, preamble=False)
    head, at = parsed(data, syntax)
    return decode(data, at, head, syntax, syntax == IMPLICIT, "film")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_uncompressed_bytes(syntax: str) -> None:
    np.testing.assert_array_equal(decoded(STORED, syntax), STORED)


def test_signed_words() -> None:
    stored = STORED.astype(np.int16) - 100
    np.testing.assert_array_equal(decoded(stored), stored)


def test_colour_by_plane_or_by_pixel() -> None:
    colour = np.stack([STORED, STORED // 2, STORED // 3], axis=-1)
    np.testing.assert_array_equal(decoded(colour), colour)
    planes = np.ascontiguousarray(colour.transpose(2, 0, 1))
    made = decoded(colour, PlanarConfiguration=1, PixelData=planes.tobytes())
    np.testing.assert_array_equal(made, colour)


@pytest.mark.parametrize(
    ("implicit", "start", "value"),
    [
        # group, element, VR, two reserved bytes, four of length
        (False, b"\xe0\x7f\x10\x00OW\0\0\x10\0\0\0", (12, 16)),
        # group, element, four of length
        (True, b"\xe0\x7f\x10\x00\x10\0\0\0", (8, 16)),
        # Some files are implicit under an explicit name: there is no VR where one must be.
        (False, b"\xe0\x7f\x10\x00\x10\0\0\0", (8, 16)),
    ],
)
def test_where_the_value_begins(implicit: bool, start: bytes, value: tuple[int, int]) -> None:
    layout = Layout(implicit)
    assert pixel_data(start + bytes(16), 0, layout)[2:] == value
    assert pixel_data(b"xx" + start, 2, layout)[2:] == (value[0] + 2, value[1])


@pytest.mark.parametrize(
    ("elements", "bytes_"),
    [
        ({}, 64 * 80),
        ({"BitsAllocated": 1}, 64 * 80 // 8),
        ({"BitsAllocated": 32}, 64 * 80 * 4),
        ({"SamplesPerPixel": 3}, 64 * 80 * 3),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422"}, 64 * 80 * 2),
        ({"Rows": 3, "Columns": 3, "BitsAllocated": 1}, 2),  # nine bits need two bytes
    ],
)
def test_bytes_of_a_frame(elements: dict[str, object], bytes_: int) -> None:
    head, _ = parsed(write(dataset(STORED, **elements), EXPLICIT, preamble=False), EXPLICIT)
    assert native_bytes(head) == bytes_


def test_fewer_bytes_than_the_header_promises() -> None:
    with pytest.raises(TruncatedImage):
        decoded(STORED, Rows=65)


def test_bytes_for_several_frames_are_several_frames() -> None:
    """Or samples of twice the bytes that the header states, which would give noise."""
    for stored, count in ((np.vstack([STORED] * 2), 2), (np.vstack([STORED] * 3), 3)):
        with pytest.raises(NotA2DImage, match=f"{count} frames"):
            decoded(stored, Rows=64)
    with pytest.raises(NotA2DImage, match="2 frames"):
        decoded(STORED.astype(np.uint16), BitsAllocated=8, BitsStored=8, HighBit=7)
    for others in (STORED[:63], STORED * 0, STORED * 0 + 255, np.zeros((128, 80), np.uint8)):
        padded = np.vstack([STORED, others])
        np.testing.assert_array_equal(decoded(padded, Rows=64), STORED)


def test_more_bytes_than_the_header_promises_are_left() -> None:
    np.testing.assert_array_equal(decoded(STORED, Rows=60), STORED[:60])


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value


END = b"\xfe\xff\xdd\xe0\0\0\0\0"
UNDEFINED = 0xFFFFFFFF
FRAME = save(smooth(64, 80), "JPEG")


def codestream(value: bytes, length: int = UNDEFINED, **elements: object) -> bytes:
    head, _ = parsed(write(dataset(STORED, **elements), EXPLICIT, preamble=False), EXPLICIT)
    return _codestream(value, 0, length, head, "film")


def test_fragments_are_joined() -> None:
    assert codestream(item(b"") + item(FRAME) + END) == FRAME
    pieces = item(b"\0\0\0\0") + item(FRAME[:100]) + item(FRAME[100:])
    assert codestream(pieces + END) == FRAME
    assert codestream(pieces + item(b"another"), len(pieces)) == FRAME  # of a stated length


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (item(b""), TruncatedImage),
        (item(b"") + item(FRAME[:-2]), TruncatedImage),  # no end, neither of frame nor of value
        (item(b"") + item(FRAME)[:-9], TruncatedImage),
        (item(b"") + END, NotA2DImage),
        (item(b"") + item(b"") + END, NotA2DImage),
        (item(bytes(8)) + item(FRAME) + END, NotA2DImage),  # an offset table of two frames
    ],
)
def test_damaged_fragments(value: bytes, error: type[Exception]) -> None:
    with pytest.raises(error, match="film"):
        codestream(value)


def test_a_frame_must_be_what_the_header_says() -> None:
    value = item(b"") + item(FRAME) + END
    with pytest.raises(UnreadableImage, match="header says 80 x 65, its frame 80 x 64"):
        codestream(value, Rows=65)
    colour = item(b"") + item(save(np.dstack([smooth(64, 80)] * 3), "JPEG")) + END
    with pytest.raises(UnreadableImage, match="frame holds 3 samples"):
        codestream(colour)


def test_a_codestream_that_names_no_size_is_left_to_its_decoder() -> None:
    assert codestream(item(b"") + item(b"run-length") + END) == b"run-length"


@pytest.mark.parametrize(
    ("syntax", "stored", "frame"),
    [
        (JPEG_8, smooth(64, 80), FRAME),
        (LOSSLESS_SV1, STORED, lossless_jpeg(STORED, 8, 1)),
        (J2K_LOSSLESS, STORED, jpeg_2000(STORED, 8)),
    ],
)
def test_compressed_frames(syntax: str, stored: np.ndarray, frame: bytes) -> None:
    ds = dataset(stored, PixelData=encapsulate([frame]))
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    data = write(ds, EXPLICIT, preamble=False)
    head, at = parsed(data, EXPLICIT)
    made = decode(data, at, head, syntax, False, "film").astype(int)
    assert np.abs(made - stored).max() <= (3 if syntax == JPEG_8 else 0)
    with pytest.raises(UnreadableImage, match="compressed pixels in an uncompressed"):
        decode(data, at, head, EXPLICIT, False, "film")


def test_no_decoder_has_a_licence_that_binds_users() -> None:
    assert set(PLUGINS.values()) == {"", "pillow", "gdcm", "pyjpegls", "openjpeg"}
