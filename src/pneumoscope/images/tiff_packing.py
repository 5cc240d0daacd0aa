"""Damage in packed strips and tiles of TIFF that libtiff does not tell of: it stops as soon as it has enough bytes.

LZW needs no check: damaged codes are soon none of the table. Sections are those of TIFF 6.0.
"""

from __future__ import annotations

import zlib

from pneumoscope.images.packbits import is_whole, unpacked

DEFLATE = frozenset((8, 32946))
PACKBITS = 32773
_STEP_BYTES = _SPARE_BYTES = 2**20


def is_sound(compression: int, packed: bytes, size: int, filled: int = 0) -> bool:
    """Whether a strip or tile has a right checksum, and no other bytes come out than were packed.

    Args:
        compression: Number of the compression.
        packed: Its bytes.
        size: How many bytes it has when it is unpacked.
        filled: How many a last strip has that was filled up to the height of the others.

    Returns:
        False if it is damaged; True also for other compressions, and where libtiff tells of the damage.
    """
    if compression in DEFLATE:
        return _is_deflate_sound(packed, size)
    return compression != PACKBITS or _is_packbits_sound(packed, size, filled)


def _is_packbits_sound(packed: bytes, size: int, filled: int) -> bool:
    content = unpacked(packed, max(size, filled))
    if len(content) < size or len(content) == filled:  # libtiff tells of too few
        return True
    return is_whole(content, size)


def _is_deflate_sound(packed: bytes, size: int) -> bool:
    """Whether zlib's stream is what was packed; some writers leave out its end, which is a checksum."""
    stream = zlib.decompressobj()
    total = 0
    try:
        while packed and not stream.eof and total <= size + _SPARE_BYTES:
            total += len(stream.decompress(packed, _STEP_BYTES))
            packed = stream.unconsumed_tail
    except zlib.error:
        return False
    return total == size or (stream.eof and total <= size + _SPARE_BYTES)
