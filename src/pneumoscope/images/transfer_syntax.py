"""Transfer syntaxes of DICOM films: which are decoded by what, and which one a file really has.

The pixels say how they are coded (PS3.5 annex A). Where the file meta information says nothing, or
something else, they are believed.
"""

from __future__ import annotations

import pneumoscope.images.dicom_tags as tags
from pneumoscope.images.codestream import begins_frame, coding_of
from pneumoscope.images.dicom_elements import UNDEFINED, Element, Layout
from pneumoscope.images.header import Header

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
GE_PRIVATE = "1.2.840.113619.5.2"
"""Implicit VR little endian with big endian pixels; private to GE, and known to DCMTK and gdcm."""
_RLE = "1.2.840.10008.1.2.5"
_JPEG = "1.2.840.10008.1.2.4."

# Transfer syntax (PS3.6 table A-1) to its coding; "" is uncompressed. What a frame says about itself
# goes before: JPEG has several codings.
CODINGS = {
    IMPLICIT: "",
    EXPLICIT: "",
    BIG: "",
    "1.2.840.10008.1.2.1.98": "encapsulated",  # Encapsulated Uncompressed Explicit VR Little Endian
    _RLE: "rle",
    f"{_JPEG}50": "jpeg",  # Baseline, process 1
    f"{_JPEG}51": "jpeg",  # Extended, processes 2 and 4
    f"{_JPEG}53": "jpeg",  # Spectral Selection, processes 6 and 8; retired
    f"{_JPEG}55": "jpeg",  # Full Progression, processes 10 and 12; retired
    f"{_JPEG}57": "jpeg-lossless",  # process 14
    f"{_JPEG}70": "jpeg-lossless",  # process 14, selection value 1
    f"{_JPEG}80": "jpeg-ls",  # lossless
    f"{_JPEG}81": "jpeg-ls",  # near-lossless
    f"{_JPEG}90": "jpeg-2000",  # lossless
    f"{_JPEG}91": "jpeg-2000",
    f"{_JPEG}201": "htj2k",  # lossless
    f"{_JPEG}202": "htj2k",  # lossless, RPCL
    f"{_JPEG}203": "htj2k",
}
# For frames in a file that names another coding or none.
_USUAL = {
    "rle": _RLE,
    "jpeg": f"{_JPEG}50",
    "jpeg-12": f"{_JPEG}51",
    "jpeg-lossless": f"{_JPEG}57",
    "jpeg-ls": f"{_JPEG}81",
    "jpeg-2000": f"{_JPEG}91",
    "htj2k": f"{_JPEG}203",
}
_ITEM = b"\xfe\xff\x00\xe0"  # PS3.5 A.4, always little endian
_MOST_HEADER = 2**16  # bytes before the frame header: tables, and an ICC profile


def layout_syntax(layout: Layout) -> str:
    """The uncompressed transfer syntax of a data set that is written so."""
    if not layout.little:
        return BIG
    return IMPLICIT if layout.implicit else EXPLICIT


def native_bytes(head: Header, length: int = 0) -> int:
    """Bytes of one uncompressed frame; YBR_FULL_422 shares chroma between two pixels.

    Args:
        head: The data set's header.
        length: Bytes at hand. If they suffice for all samples of all pixels, no chroma is shared,
            whatever the header says: some programs decompress films and leave YBR_FULL_422 there.
    """
    pixels = (head.short(tags.ROWS) or 0) * (head.short(tags.COLUMNS) or 0)
    bits = pixels * (head.short(tags.ALLOCATED) or 0)
    whole = -(-bits * (head.short(tags.SAMPLES) or 1) // 8)
    if head.photometric == "YBR_FULL_422" and length < whole:
        return -(-bits * 2 // 8)
    return whole


def is_encapsulated(data: bytes, value: Element) -> bool:
    """Whether a pixel data value consists of items, or has an undefined length as if it did."""
    if value.length == UNDEFINED:
        return True
    begins = data[value.start : value.start + 4] == _ITEM
    # An item that is the offset table holds whole entries, and lies within the value.
    table = int.from_bytes(data[value.start + 4 : value.start + 8], "little")
    return begins and table % 4 == 0 and table + 8 < value.length


def actual_syntax(
    declared: str | None, layout: Layout, data: bytes, value: Element, head: Header
) -> str:
    """The transfer syntax that fits the pixels.

    Args:
        declared: Transfer Syntax UID (0002,0010), one of `CODINGS`, or None.
        layout: How the data set is written.
        data: The whole file.
        value: The pixel data element.
        head: The data set's header.

    Returns:
        ``declared`` unless the pixels contradict it.
    """
    native = layout_syntax(layout)
    if is_encapsulated(data, value):
        coding = coding_of(_beginning(data, value))
    elif value.length < native_bytes(head) or CODINGS.get(declared or ""):
        coding = coding_of(data[value.start : value.start + value.length])
        if coding is None and value.length >= native_bytes(head):
            return native
    else:
        return native
    if coding is None:
        return declared or native
    if declared is not None and CODINGS[declared] in (coding, coding.removesuffix("-12")):
        return declared
    return _USUAL[coding]


def _beginning(data: bytes, value: Element) -> bytes:
    """The beginning of the first frame: fragments may be shorter than its header."""
    at, fragments, size = value.start, [], 0
    while data[at : at + 4] == _ITEM and size < _MOST_HEADER:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        fragments.append(data[at + 8 : at + 8 + min(length, _MOST_HEADER)])
        size += length
        at += 8 + length
    has_table = bool(fragments) and not begins_frame(fragments[0])
    return b"".join(fragments[has_table:])
