"""Scans of JPEG files, written down byte by byte."""

from __future__ import annotations

import struct

import pytest

from film_files import save, smooth
from pneumoscope.images.jpeg_scans import (
    has_one_scan,
    jpeg_scans,
    rare_process,
    without_padding,
)

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def frame(marker: int, components: int = 1, bits: int = 8) -> bytes:
    listed = b"".join(bytes([number, 0x11, 0]) for number in range(1, components + 1))
    return segment(marker, struct.pack(">BHHB", bits, 8, 8, components) + listed)


def scan(components: tuple[int, ...], first: int, last: int, high: int, low: int) -> bytes:
    listed = b"".join(bytes([number, 0]) for number in components)
    body = bytes([len(components)]) + listed + bytes([first, last, high << 4 | low])
    return segment(0xDA, body)


def test_a_sequential_scan_of_all_components_is_complete() -> None:
    data = SOI + frame(0xC0, 3) + scan((1, 2, 3), 0, 63, 0, 0) + b"abc\xff\0d\xff\xd0e" + EOI + b"?"
    scans = jpeg_scans(data)
    assert scans.complete
    assert scans.end == len(data) - 3
    assert scans.parameters == (data.index(b"abc") - 3,)
    assert not scans.progressive


def test_a_sequential_file_without_the_scan_of_a_component_is_not() -> None:
    two = SOI + frame(0xC0, 2) + scan((1,), 0, 63, 0, 0) + b"a"
    assert not jpeg_scans(two + EOI).complete
    assert jpeg_scans(two + scan((2,), 0, 63, 0, 0) + b"b" + EOI).complete


@pytest.mark.parametrize(
    ("data", "is_single"),
    [
        (frame(0xC0, 3) + scan((1, 2, 3), 0, 63, 0, 0), True),
        (frame(0xC1) + scan((1,), 0, 63, 0, 0), True),
        (frame(0xC0, 3) + scan((1, 2, 4), 0, 63, 0, 0), False),
        (frame(0xC0, 3) + scan((1, 2), 0, 63, 0, 0) + scan((3,), 0, 63, 0, 0), False),
        (frame(0xC0).replace(b"\1\1\x11\0", b"\2\1\x11\0\1\x11\0") + scan((1,), 0, 63, 0, 0), False),
        (frame(0xC0) + frame(0xC0) + scan((1,), 0, 63, 0, 0), False),
        (frame(0xC2) + scan((1,), 0, 0, 0, 0), False),
        (frame(0xC3) + scan((1,), 1, 0, 0, 0), False),
        (scan((1,), 0, 63, 0, 0) + frame(0xC0), False),
        (frame(0xC0), False),
    ],
)  # fmt: skip
def test_one_scan_is_a_sequential_one_of_every_component(data: bytes, is_single: bool) -> None:
    assert has_one_scan(SOI + data) is is_single
    if is_single:  # whatever follows
        assert has_one_scan(SOI + data + b"abc" + scan((1,), 0, 63, 0, 0) + EOI)
        scans = jpeg_scans(SOI + data, brief=True)
        assert scans.complete
        assert not scans.blank


def test_a_progressive_file_needs_every_coefficient_to_the_last_bit() -> None:
    parts = [
        scan((1,), 0, 0, 0, 1) + b"dc",
        scan((1,), 1, 63, 0, 1) + b"ac",
        scan((1,), 0, 0, 1, 0) + b"dc",
        scan((1,), 1, 63, 1, 0) + b"ac",
    ]
    for count in range(5):
        data = SOI + frame(0xC2) + b"".join(parts[:count]) + EOI
        assert jpeg_scans(data).complete is (count == 4)
        assert jpeg_scans(data).progressive


@pytest.mark.parametrize(
    ("first", "high", "data", "blank"),
    [
        (1, 1, bytes(64) + b"x", True),
        (1, 1, bytes(63) + b"x", False),
        (1, 1, b"x" + bytes(99), False),  # padding
        (1, 0, bytes(64) + b"x", False),  # no refinement
        (0, 1, bytes(64) + b"x", False),  # DC of a black border
    ],
)
def test_zeros_in_a_refinement_are_blank(first: int, high: int, data: bytes, blank: bool) -> None:
    coded = SOI + frame(0xC2) + scan((1,), first, 63 if first else 0, high, 0) + data + EOI
    assert jpeg_scans(coded).blank is blank


def test_a_file_without_eoi_ends_with_its_data() -> None:
    data = SOI + frame(0xC0) + scan((1,), 0, 63, 0, 0) + b"abc"
    assert jpeg_scans(data).end == len(data)
    assert jpeg_scans(SOI).end == 2


@pytest.mark.parametrize(
    ("marker", "bits", "words"),
    [
        (0xC0, 8, ""), (0xC1, 8, ""), (0xC2, 8, ""),
        (0xC1, 12, "JPEG with 12 bits per sample"), (0xC3, 16, "lossless JPEG"),
        (0xC5, 8, "hierarchical JPEG"), (0xC9, 8, "JPEG with arithmetic coding"),
        (0xF7, 8, "JPEG-LS"),
    ],
)  # fmt: skip
def test_a_rare_process_has_a_name(marker: int, bits: int, words: str) -> None:
    assert rare_process(SOI + segment(0xFE, b"text") + frame(marker, 1, bits)) == words
    assert rare_process(SOI + scan((1,), 0, 63, 0, 0) + frame(marker, 1, bits)) == ""


def test_padding_is_taken_off_but_for_up_to_three_bytes() -> None:
    head = SOI + frame(0xC0) + scan((1,), 0, 63, 0, 0)
    answers = list(without_padding(head + b"abc" + bytes(9) + EOI + b"junk"))
    assert answers == [head + b"abc" + bytes(kept) + EOI for kept in range(4)]
    whole = save(smooth(), "JPEG")
    assert whole in without_padding(whole)
