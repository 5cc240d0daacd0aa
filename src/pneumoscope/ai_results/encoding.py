"""DICOM data sets as bytes, in Explicit VR Little Endian (PS3.5 7.1.2).

A structured report has about 800 elements, nearly all of them the same for every film. pydicom needs 20
microseconds for making an element and as many for writing it, every time; bytes of parts that do not
change can be kept. References are to the DICOM standard, PS3.5.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.uid import ExplicitVRLittleEndian

if TYPE_CHECKING:
    from pydicom.uid import UID

Value = (
    str | int | float | bytes | Sequence[str] | Sequence[int] | Sequence[float] | Sequence[bytes]
)
"""Of an element: texts, numbers, bytes, or the data sets of a sequence as bytes. Tags (AT) are numbers."""
CHARACTER_SET = "ISO_IR 192"
"""Of all texts: UTF-8."""

# A UUID, like all UIDs of pneumoscope's (PS3.5 B.2); any would do, but it must not change.
_IMPLEMENTATION = "2.25.12355623051092928169903584206318111294"
_NUMBERS = {"US": "H", "UL": "I", "FL": "f", "FD": "d"}
"""Formats of `struct` by VR."""
_TEXTS = {
    *("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO"),
    *("LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"),
}
_LONG = {"OB", "OW", "SQ", "UC", "UR", "UT"}
"""VRs whose length has four bytes (7.1.2); the others end at 65,534 bytes."""
_MOST_SHORT = 0xFFFE
_ITEM = b"\xfe\xff\x00\xe0"
_PIXEL_DATA = b"\xe0\x7f\x10\x00OB\0\0"
_UNDEFINED_LENGTH = b"\xff\xff\xff\xff"
_END_OF_SEQUENCE = b"\xfe\xff\xdd\xe0\0\0\0\0"


def data_set(**elements: Value) -> bytes:
    """A data set.

    Args:
        elements: Values by keyword, in any order.
    """
    known = sorted((*_known(keyword), value) for keyword, value in elements.items())
    return b"".join([_element(tag, vr, value) for tag, vr, value in known])


def file_parts(
    sop_class_uid: str, sop_instance_uid: str, syntax: UID = ExplicitVRLittleEndian
) -> list[bytes]:
    """What a file begins with: preamble and file meta information (PS3.10 7.1)."""
    meta = data_set(
        FileMetaInformationVersion=b"\0\1",
        MediaStorageSOPClassUID=sop_class_uid,
        MediaStorageSOPInstanceUID=sop_instance_uid,
        TransferSyntaxUID=syntax,
        ImplementationClassUID=_IMPLEMENTATION,
    )
    return [b"\0" * 128, b"DICM", data_set(FileMetaInformationGroupLength=len(meta)), meta]


def pixel_data(*pixels: memoryview) -> list[bytes | memoryview]:
    """Uncompressed pixels as the last element of an image, of 8 bits each.

    Args:
        pixels: Parts of the picture from top to bottom, together an even number of bytes.
    """
    return [_PIXEL_DATA, struct.pack("<I", sum(part.nbytes for part in pixels)), *pixels]


def compressed_pixel_data(frame: bytes) -> list[bytes | memoryview]:
    """One compressed frame as the last element of an image, with an empty offset table (A.4)."""
    padded = _padded(frame, b"\0")
    length = struct.pack("<I", len(padded))
    no_offsets = _ITEM + bytes(4)
    head = _PIXEL_DATA + _UNDEFINED_LENGTH + no_offsets + _ITEM + length
    return [head, padded, _END_OF_SEQUENCE]


@cache
def _known(keyword: str) -> tuple[int, str]:
    """Tag and VR of an element."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag, dictionary_VR(tag)


def _element(tag: int, vr: str, value: Value) -> bytes:
    encoded = _encoded(vr, value)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in _LONG:
        return head + struct.pack("<xxI", len(encoded)) + encoded
    if len(encoded) > _MOST_SHORT:
        raise ValueError(f"the value of {tag:08X} is too long")
    return head + struct.pack("<H", len(encoded)) + encoded


def _encoded(vr: str, value: Value) -> bytes:
    """The bytes of a value, an even number (7.1.1)."""
    if vr in _TEXTS:
        values = [value] if isinstance(value, str | int | float) else value
        text = "\\".join(map(str, values)).encode()
        return _padded(text, b"\0" if vr == "UI" else b" ")
    if isinstance(value, bytes):
        return _padded(value, b"\0")
    values = [value] if isinstance(value, str | int | float) else value
    if vr == "SQ":
        items = cast("Sequence[bytes]", values)
        return b"".join([_ITEM + struct.pack("<I", len(item)) + item for item in items])
    if vr == "AT":
        tags = cast("Sequence[int]", values)
        return b"".join([struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in tags])
    return struct.pack(f"<{len(values)}{_NUMBERS[vr]}", *values)


def _padded(value: bytes, filler: bytes) -> bytes:
    return value + filler * (len(value) % 2)
