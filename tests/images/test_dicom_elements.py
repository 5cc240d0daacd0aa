"""Elements that break the rules of PS3.5 chapter 7, among others that do not."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.dataset import Dataset

from film_files import EXPLICIT, IMPLICIT, dataset, dicom, ramp, write
from pneumoscope import images
from pneumoscope.errors import TruncatedImage
from pneumoscope.images.dicom_elements import (
    UNDEFINED,
    Element,
    Layout,
    element_at,
    elements,
    end_of,
    layout_of,
)

TAG = b"\x27\0\x10\0"  # (0027,0010), before the image pixel module
BEFORE = b"\x28\0\x02\0"


def with_element(odd: bytes, syntax: str = EXPLICIT, **more: object) -> bytes:
    """A film with an element of ours before its pixel module."""
    data = dicom(ramp(), syntax, **more)
    at = data.index(BEFORE)
    return data[:at] + odd + data[at:]


def assert_read(data: bytes) -> None:
    np.testing.assert_allclose(images.read(data).pixels, ramp() / 255, atol=1e-6)


@pytest.mark.parametrize(
    "vr", [b"  ", b"\0\0", b"??", b"--", b"un", b"lo", b"Lo", b"XX", b"ZZ", b"O ", b" U", b"1a"]
)
@pytest.mark.parametrize("value", [b"", b"ABCD", b"ABCDEF" * 40])
def test_an_odd_vr_with_two_bytes_of_length(vr: bytes, value: bytes) -> None:
    assert_read(with_element(TAG + vr + struct.pack("<H", len(value)) + value))


@pytest.mark.parametrize("vr", [b"  ", b"??", b"ox", b"OX", b"ob", b"ow", b"un", b"XX", b"UN"])
@pytest.mark.parametrize("size", [0, 4, 70000])
def test_an_odd_vr_with_four_bytes_of_length(vr: bytes, size: int) -> None:
    assert_read(with_element(TAG + vr + b"\0\0" + struct.pack("<I", size) + b"A" * size))


@pytest.mark.parametrize("vr", [b"UN", b"OB", b"UT"])
def test_a_long_vr_with_two_bytes_of_length(vr: bytes) -> None:
    assert_read(with_element(TAG + vr + struct.pack("<H", 6) + b"ABCDEF"))


@pytest.mark.parametrize("vr", [b"LO", b"US", b"DS"])
@pytest.mark.parametrize("size", [4, 300])
def test_a_short_vr_with_four_bytes_of_length(vr: bytes, size: int) -> None:
    assert_read(with_element(TAG + vr + b"\0\0" + struct.pack("<I", size) + b"A" * size))


@pytest.mark.parametrize("size", [0, 4, 300])
def test_one_element_in_implicit_vr(size: int) -> None:
    assert_read(with_element(TAG + struct.pack("<I", size) + b"A" * size))


def test_one_element_with_a_vr_in_an_implicit_data_set() -> None:
    assert_read(with_element(TAG + b"LO\4\0ABCD", IMPLICIT))
    # 21,315 bytes: a length that reads as CS.
    size = int.from_bytes(b"CS\0\0", "little")
    assert_read(with_element(TAG + b"CS\0\0" + b"A" * size, IMPLICIT))


@pytest.mark.parametrize("vr", [b"  ", b"\0\0", b"??", b"us", b"Us", b"xs"])
def test_rows_with_an_odd_vr(vr: bytes) -> None:
    assert_read(dicom(ramp()).replace(b"\x28\0\x10\0US", b"\x28\0\x10\0" + vr))


@pytest.mark.parametrize("vr", [b"  ", b"\0\0", b"??", b"ob", b"ow", b"ox", b"OX", b"UN"])
@pytest.mark.parametrize(
    "behind", [b"", bytes(10), b"\xfc\xff\xfc\xffOB\0\0\2\0\0\0\0\0", b"junk" * 9]
)
def test_pixel_data_with_an_odd_vr(vr: bytes, behind: bytes) -> None:
    data = dicom(ramp())
    at = data.rindex(b"\xe0\x7f\x10\0OB")
    assert_read(data[:at] + b"\xe0\x7f\x10\0" + vr + data[at + 6 :] + behind)


def sequence(item: bytes, *, item_end: bytes = b"", end: bytes = b"") -> bytes:
    """A sequence and an item of undefined length."""
    head = TAG + b"SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    return head + item + item_end + end


ITEM_END, SEQUENCE_END = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
INNER = b"\x08\0\x60\0CS\2\0CT"


@pytest.mark.parametrize(
    "odd",
    [
        sequence(INNER, item_end=ITEM_END, end=SEQUENCE_END),
        sequence(INNER, end=SEQUENCE_END),  # the item's delimiter is missing
        sequence(INNER, item_end=ITEM_END),  # the sequence's delimiter is missing
        sequence(b"\x08\0\x60\0\2\0\0\0CT", item_end=ITEM_END, end=SEQUENCE_END),  # implicit
        TAG + b"SQ\0\0\0\0\0\0",
        TAG + b"SQ\0\0\xff\xff\xff\xff" + SEQUENCE_END,
        TAG + b"SQ\0\0\x0a\0\0\0" + b"\xfe\xff\0\xe0\2\0\0\0AB" + SEQUENCE_END,  # one too many
        TAG + b"UN\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\2\0\0\0AB" + SEQUENCE_END,
        sequence(
            sequence(INNER, item_end=ITEM_END, end=SEQUENCE_END), item_end=ITEM_END,
            end=SEQUENCE_END,
        ),
    ],
)  # fmt: skip
def test_sequences(odd: bytes) -> None:
    assert_read(with_element(odd))


def test_an_endless_nest_is_no_film() -> None:
    nested = TAG + b"SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    with pytest.raises(TruncatedImage):
        images.read(with_element(nested * 5000))


def test_a_table_in_an_item_of_undefined_length() -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [256, 0, 8])
    item.add_new("LUTData", "OW", np.arange(255, -1, -1, dtype="<u2").tobytes())
    item.is_undefined_length_sequence_item = True
    ds = dataset(ramp(), VOILUTSequence=[item])
    ds["VOILUTSequence"].is_undefined_length = True
    for syntax in (EXPLICIT, IMPLICIT):
        np.testing.assert_allclose(
            images.read(write(ds, syntax)).pixels, 1 - ramp() / 255, atol=1e-6
        )


@pytest.mark.parametrize(
    "behind", [bytes(1), bytes(200), b"\xfc\xff\xfc\xff", b"\r\n", b"junk" * 99]
)
def test_what_is_behind_the_pixels_is_left(behind: bytes) -> None:
    assert_read(dicom(ramp()) + behind)


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (b"\x08\0\x05\0CS\2\0", Layout(implicit=False, little=True)),
        (b"\x08\0\x05\0\2\0\0\0", Layout(implicit=True, little=True)),
        (b"\0\x08\0\x05CS\0\2", Layout(implicit=False, little=False)),
    ],
)
def test_the_layout_shows_in_the_first_element(data: bytes, layout: Layout) -> None:
    assert layout_of(data, 0) == layout


def test_where_elements_lie() -> None:
    data = (
        b"\x08\0\x60\0CS\2\0CR" + b"\x28\0\x10\0US\2\0\x40\0" + b"\xe0\x7f\x10\0OW\0\0\4\0\0\0abcd"
    )
    layout = Layout()
    assert list(elements(data, 0, len(data), layout)) == [
        Element(0x00080060, "CS", 8, 2),
        Element(0x00280010, "US", 18, 2),
        Element(0x7FE00010, "OW", 32, 4),
    ]
    cut = element_at(data[:-1], 20, len(data) - 1, layout)
    with pytest.raises(EOFError, match="7FE00010 is cut"):
        end_of(data[:-1], cut, len(data) - 1, layout)
    with pytest.raises(EOFError, match="an element is cut"):
        element_at(data, len(data) - 4, len(data), layout)


def test_an_undefined_length_needs_its_end() -> None:
    data = TAG + b"SQ\0\0\xff\xff\xff\xff"
    with pytest.raises(EOFError, match="has no end"):
        end_of(data, Element(0x00270010, "SQ", 12, UNDEFINED), len(data), Layout())
