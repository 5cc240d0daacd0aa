"""PackBits (TIFF 6.0 section 9), by which DICOM's RLE packs bytes, too (PS3.5 G.3)."""

from __future__ import annotations

_SPARE_BYTES = 8
"""Bytes behind the last one that sloppy encoders add."""
_MOST_SPARE_BYTES = 2**20


def unpacked(packed: bytes, size: int) -> bytearray:
    """The bytes that are packed; as many as there are, if the end is missing, and not many more than needed.

    Args:
        packed: The packed bytes.
        size: How many bytes they must be.
    """
    result = bytearray()
    extend, at, end = result.extend, 0, len(packed)
    while at < end and len(result) <= size + _MOST_SPARE_BYTES:
        count = packed[at]
        if count < 128:
            extend(packed[at + 1 : at + count + 2])
            at += count + 2
        elif count > 128:
            extend(packed[at + 1 : at + 2] * (257 - count))
            at += 2
        else:  # nothing
            at += 1
    return result


def is_whole(content: bytes | bytearray, size: int) -> bool:
    """Whether what was unpacked is what was packed.

    From a damaged place on, counts and bytes are taken for each other, so too few bytes or too many come
    out. Zeros behind the end are padding.

    Args:
        content: Unpacked bytes.
        size: How many they must be.
    """
    spare = len(content) - size
    return 0 <= spare <= _SPARE_BYTES or (spare > 0 and not any(content[size:]))
