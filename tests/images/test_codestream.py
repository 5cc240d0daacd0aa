"""Headers of compressed frames, written down byte by byte."""

from __future__ import annotations

import struct

import pytest

from film_files import jpeg_2000, lossless_jpeg, ramp, save, smooth
from pneumoscope.images.codestream import (
    Frame,
    begins_frame,
    check_lossless,
    coding_of,
    frame_of,
    without_zeros_before_end,
)

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def frame_header(bits: int, rows: int, columns: int, *components: tuple[int, int]) -> bytes:
    """The body of a start-of-frame segment; components are (identifier, sampling factors)."""
    listed = b"".join(bytes([number, sampling, 0]) for number, sampling in components)
    return struct.pack(">BHHB", bits, rows, columns, len(components)) + listed


GREY = (1, 0x11)
# A table of two codes of one bit: categories 0 and 1.
TABLE = bytes([0]) + bytes([2] + [0] * 15) + bytes([0, 1])
SCAN = bytes([1, 1, 0, 1, 0, 0])  # one component, table 0, predictor 1


def lossless(
    frame: bytes = frame_header(8, 4, 4, GREY), table: bytes = TABLE, scan: bytes = SCAN
) -> bytes:
    return SOI + segment(0xC3, frame) + segment(0xC4, table) + segment(0xDA, scan) + b"\0" + EOI


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xF7])
def test_every_kind_of_jpeg_frame_tells_its_size(marker: int) -> None:
    data = SOI + segment(marker, frame_header(12, 300, 200, GREY))
    assert frame_of(data) == Frame(rows=300, columns=200, samples=1, bits=12)


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC])
def test_tables_and_reserved_markers_are_no_frames(marker: int) -> None:
    between = segment(marker, frame_header(8, 9, 9, GREY))
    data = SOI + between + segment(0xC0, frame_header(8, 30, 20, GREY))
    assert frame_of(data) == Frame(30, 20, 1, 8)


def test_segments_fill_bytes_and_markers_without_length_are_passed_over() -> None:
    data = (
        SOI
        + segment(0xE0, b"JFIF\0" + bytes(9))
        + b"\xff\xff"  # a fill byte before the next marker
        + segment(0xFE, b"a comment")[1:]
        + b"\xff\x01"
        + segment(0xC0, frame_header(8, 7, 5, (1, 0x22), (2, 0x11), (3, 0x11)))
    )
    assert frame_of(data) == Frame(7, 5, 3, 8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SOI,
        SOI + b"\x00" * 20,  # no marker where one must be
        SOI + EOI + bytes(20),
        SOI + segment(0xDA, SCAN) + segment(0xC0, frame_header(8, 7, 5, GREY)),  # a scan first
        SOI + segment(0xC0, frame_header(8, 7, 5, GREY))[:8],  # cut
        b"GIF89a" + bytes(40),
        b"\xff\x4f\xff\x51" + bytes(30),  # a JPEG 2000 that ends within SIZ
        b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),  # a JP2 file without a codestream
    ],
)
def test_what_names_no_size_has_none(data: bytes) -> None:
    assert frame_of(data) is None


def test_a_jpeg_2000_frame_is_what_lies_right_of_its_offset() -> None:
    # SOC, SIZ, Lsiz 41, Rsiz 0, Xsiz 90, Ysiz 70, XOsiz 10, YOsiz 6, four tile sizes, Csiz 3, Ssiz:
    # signed, 12 bits.
    data = b"\xff\x4f\xff\x51" + struct.pack(">HH8IHB", 41, 0, 90, 70, 10, 6, 1, 1, 1, 1, 3, 0x8B)
    assert frame_of(data) == Frame(rows=64, columns=80, samples=3, bits=12)
    assert frame_of(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(8) + data) == Frame(64, 80, 3, 12)


def test_real_encoders_agree() -> None:
    assert frame_of(save(smooth(64, 80), "JPEG")) == Frame(64, 80, 1, 8)
    assert frame_of(jpeg_2000(ramp(64, 80), 8)) == Frame(64, 80, 1, 8)
    assert frame_of(lossless_jpeg(ramp(16, 24), 8, 1)) == Frame(16, 24, 1, 8)


def test_a_sound_lossless_header_passes() -> None:
    check_lossless(lossless(), 8)
    check_lossless(lossless_jpeg(ramp(8, 9), 8, 2), 8)
    more = segment(0xE1, b"Exif") + segment(0xFE, b"made by hand") + segment(0xDD, b"\0\x04")
    check_lossless(SOI + more + lossless()[2:], 16)


COMPONENT_TWICE = frame_header(8, 4, 4, GREY, GREY)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SOI, "no scan"),
        (SOI + b"\xff\xc3\x00\x01", "a segment is cut"),
        (SOI + segment(0xC3, frame_header(8, 4, 4, GREY))[:-1], "a segment is cut"),
        (lossless(frame=b"\x08\0\x04\0"), "bad frame header"),
        (lossless(frame=frame_header(1, 4, 4, GREY)), "bad frame header"),  # H.1.1: 2 to 16 bits
        (lossless(frame=frame_header(9, 4, 4, GREY)), "bad frame header"),  # more than allocated
        (lossless(frame=frame_header(8, 4, 4, GREY) + b"\0"), "bad frame header"),
        (lossless(frame=COMPONENT_TWICE), "bad components"),
        (lossless(frame=frame_header(8, 4, 4, (1, 0x21))), "bad components"),
        (SOI + segment(0xC4, TABLE) + segment(0xDA, SCAN), "bad scan header"),  # no frame yet
        (lossless(scan=SCAN[:-1]), "bad scan header"),
        (lossless(scan=bytes([2, 1, 0, 2, 0, 1, 0, 0])), "bad scan header"),
        (lossless(scan=bytes([1, 7, 0, 1, 0, 0])), "a component has no Huffman table"),
        (lossless(scan=bytes([1, 1, 0x10, 1, 0, 0])), "a component has no Huffman table"),
        (lossless(scan=bytes([1, 1, 0, 0, 0, 0])), "bad predictor"),
        (lossless(scan=bytes([1, 1, 0, 8, 0, 0])), "bad predictor"),
        (lossless(scan=bytes([1, 1, 0, 1, 1, 0])), "bad predictor"),
        (SOI + segment(0xDD, b"\0\0\x04"), "bad restart interval"),
        (SOI + segment(0xC0, frame_header(8, 4, 4, GREY)), "marker C0 is out of place"),
    ],
)
def test_a_lossless_header_that_breaks_the_standard_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_lossless(data, 8)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (bytes([4]) + TABLE[1:], "bad Huffman table"),  # B.2.4.2: destinations 0 to 3
        (bytes([0]) + bytes(16), "bad Huffman table"),  # no codes
        (bytes([0]) + bytes([3] + [0] * 15) + bytes([0, 1, 2]), "bad Huffman table"),  # 3 of 1 bit
        (bytes([0]) + bytes([2] + [0] * 15) + bytes([0]), "bad Huffman table"),  # a value missing
        (bytes([0]) + bytes([0] * 4 + [18] + [0] * 11) + bytes(range(18)), "bad Huffman table"),
        (bytes([0]) + bytes([2] + [0] * 15) + bytes([0, 17]), "bad category"),  # table H.2
    ],
)
def test_a_huffman_table_is_a_prefix_code_of_categories(table: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_lossless(lossless(table=table), 8)


def test_one_segment_may_hold_several_tables() -> None:
    second = bytes([1]) + TABLE[1:]
    check_lossless(lossless(table=TABLE + second, scan=bytes([1, 1, 0x10, 1, 0, 0])), 8)


@pytest.mark.parametrize(
    ("data", "coding"),
    [
        (save(smooth(64, 80), "JPEG"), "jpeg"),
        (save(smooth(64, 80), "JPEG", progressive=True), "jpeg"),
        (SOI + segment(0xC1, frame_header(12, 8, 8, GREY)), "jpeg-12"),
        (lossless_jpeg(ramp(8, 9), 8, 1), "jpeg-lossless"),
        (SOI + segment(0xF7, frame_header(12, 8, 8, GREY)), "jpeg-ls"),
        (jpeg_2000(ramp(64, 80), 8), "jpeg-2000"),
        (jpeg_2000(ramp(64, 80), 8, codec_format=1), "jpeg-2000"),
        (b"\xff\x4f\xff\x51\x00\x29\x40\x00" + bytes(36), "htj2k"),  # bit 14 of Rsiz
        (struct.pack("<16I", 2, 64, 999, *[0] * 13) + b"runs", "rle"),
        (b"", None),
        (bytes(64), None),
        (b"\xff\xd8\xff\xd9", None),
    ],
)
def test_a_frame_shows_its_coding(data: bytes, coding: str | None) -> None:
    assert coding_of(data) == coding
    assert begins_frame(data) == (coding is not None or data[:3] == b"\xff\xd8\xff")


def test_zeros_before_the_end_are_removed() -> None:
    assert without_zeros_before_end(b"abc\0\0" + EOI + b"\0") == b"abc" + EOI
    assert without_zeros_before_end(b"abc" + EOI) == b"abc" + EOI
    assert without_zeros_before_end(b"abc\0") == b"abc\0"  # no end
