"""Data elements as they stand in a file, sound and broken."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

import pneumoscope.images.dicom_tags as tags
from film_files import EXPLICIT, IMPLICIT, PATIENT, dataset, write
from pneumoscope.images.header import Header, parse


def element(tag: int, vr: bytes, value: bytes, order: str = "<") -> bytes:
    """One explicit element with a short length."""
    group, number = tag >> 16, tag & 0xFFFF
    return (
        struct.pack(f"{order}HH", group, number) + vr + struct.pack(f"{order}H", len(value)) + value
    )


def header(*elements: tuple[int, bytes, bytes], order: str = "<") -> Header:
    data = b"".join(element(*parts, order=order) for parts in sorted(elements))
    return parse(data, 0, implicit=False, little=order == "<")[0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("vr", "kind"), [("FL", "f"), ("FD", "d"), ("US", "H"), ("SS", "h"), ("UL", "I"), ("SL", "i")]
)
def test_numbers_are_read_from_binary_elements_too(vr: str, kind: str, order: str) -> None:
    value = struct.pack(f"{order}2{kind}", 2048, 7)
    assert header((tags.CENTER, vr.encode(), value), order=order).numbers(tags.CENTER) == (2048, 7)
    cut = header((tags.CENTER, vr.encode(), value[:-1]), order=order)
    assert cut.numbers(tags.CENTER) == (2048,)


def test_a_binary_number_that_is_none_is_ignored() -> None:
    head = header((tags.CENTER, b"FD", struct.pack("<d", float("nan"))))
    assert head.numbers(tags.CENTER) == ()


def test_texts_are_stripped_and_the_first_of_several() -> None:
    head = header((tags.MODALITY, b"CS", b" CR\\DX\0"), (tags.BODY_PART, b"CS", b"  "))
    assert head.text(tags.MODALITY) == "CR"
    assert head.text(tags.BODY_PART) is None
    assert head.text(tags.VIEW) is None
    assert len(head) == 2


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (b"12", (12.0,)),
        (b" 1.5\\-2e3 \0", (1.5, -2000.0)),
        (b"2048,5\\3", (2048.5, 3.0)),  # the comma of a language
        (b"1\\\\2", (1.0, 2.0)),  # an empty value among others
        (b"", ()),
        (b"1\\two ", ()),
        (b"nan ", ()),
        (b"1\\inf ", ()),
        (b"\xb5m", ()),
    ],
)
def test_decimal_strings_are_finite_numbers_or_none_at_all(
    value: bytes, numbers: tuple[float, ...]
) -> None:
    head = header((tags.CENTER, b"DS", value))
    assert head.numbers(tags.CENTER) == numbers
    assert head.number(tags.CENTER, 7.0) == (numbers[0] if numbers else 7.0)
    assert head.number(tags.WIDTH, -1.0) == -1.0


@pytest.mark.parametrize("order", ["<", ">"])
def test_shorts_follow_the_byte_order_of_the_file(order: str) -> None:
    value = struct.pack(f"{order}2H", 0xFFFE, 3)
    head = header((tags.PADDING, b"US", value), order=order)
    assert head.shorts(tags.PADDING).tolist() == [65534, 3]
    assert (head.short(tags.PADDING), head.short(tags.PADDING, signed=True)) == (65534, -2)
    assert head.short(tags.PADDING_LIMIT) is None
    assert head.vr(tags.PADDING) == "US"
    assert head.bytes_of(tags.PADDING) == value
    assert head.bytes_of(tags.PADDING_LIMIT) == b""


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_short_may_be_written_in_another_way(order: str) -> None:
    for vr, value in ((b"IS", b"64"), (b"DS", b"64.0"), (b"UL", struct.pack(f"{order}I", 64))):
        assert header((tags.ROWS, vr, value), order=order).short(tags.ROWS) == 64
    assert header((tags.ROWS, b"IS", b"many"), order=order).short(tags.ROWS) is None


def test_half_a_short_is_none() -> None:
    assert header((tags.PADDING, b"US", b"\x01\x00\x02")).shorts(tags.PADDING).tolist() == [1]
    assert header((tags.PADDING, b"US", b"\x01")).short(tags.PADDING) is None


@pytest.mark.parametrize(
    ("elements", "photometric", "bits"),
    [
        ([], "MONOCHROME2", 0),
        ([(tags.SAMPLES, b"US", b"\3\0")], "RGB", 0),
        ([(tags.PHOTOMETRIC, b"CS", b"monochrome1 ")], "MONOCHROME1", 0),
        ([(tags.ALLOCATED, b"US", b"\x10\0")], "MONOCHROME2", 16),
        ([(tags.ALLOCATED, b"US", b"\x10\0"), (tags.STORED, b"US", b"\x0c\0")], "MONOCHROME2", 12),
    ],
)
def test_what_is_missing_has_its_usual_value(
    elements: list[tuple[int, bytes, bytes]], photometric: str, bits: int
) -> None:
    head = header(*elements)
    assert (head.photometric, head.stored_bits) == (photometric, bits)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_the_first_item_of_a_sequence_is_a_header_too(syntax: str) -> None:
    ds = dataset(np.zeros((2, 2), np.uint8))
    ds.VOILUTSequence = [_table(3), _table(9)]
    data = write(ds, syntax, preamble=False)
    head, _ = parse(data, 0, implicit=syntax == IMPLICIT, little=True)
    item = head.first_item(tags.VOI_LUTS)
    assert item is not None
    assert item.shorts(tags.LUT_DESCRIPTOR).tolist() == [2, 3, 8]
    assert item.shorts(tags.LUT_DATA).tolist() == [0, 255]
    assert head.first_item(tags.MODALITY_LUTS) is None


def test_an_empty_sequence_has_no_first_item() -> None:
    ds = dataset(np.zeros((2, 2), np.uint8))
    ds.VOILUTSequence = []
    head, _ = parse(write(ds, EXPLICIT, preamble=False), 0, implicit=False, little=True)
    assert head.first_item(tags.VOI_LUTS) is None


def _table(first: int) -> Any:
    from pydicom.dataset import Dataset

    table = Dataset()
    table.LUTDescriptor, table.LUTData = [2, first, 8], [0, 255]
    table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "US"
    return table


def test_names_are_never_kept() -> None:
    data = write(dataset(np.zeros((2, 2), np.uint8)), EXPLICIT, preamble=False)
    assert PATIENT.encode() in data
    head, at = parse(data, 0, implicit=False, little=True)
    assert not any(tag >> 16 == 0x0010 for tag in head._elements)
    # It stops where the pixels begin.
    assert data[at : at + 4] == struct.pack("<HH", 0x7FE0, 0x0010)


def test_a_data_set_without_pixels_is_read_to_its_end() -> None:
    data = element(tags.MODALITY, b"CS", b"CR")
    assert parse(data, 0, implicit=False, little=True)[1] == len(data)


@pytest.mark.parametrize("kept", [9, 5])
def test_a_cut_element_is_an_error(kept: int) -> None:
    data = element(tags.MODALITY, b"CS", b"CR") + element(tags.VIEW, b"CS", b"AP")[:kept]
    with pytest.raises(EOFError, match="is cut"):
        parse(data, 0, implicit=False, little=True)
