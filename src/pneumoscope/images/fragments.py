"""The one frame of an encapsulated pixel data value (PS3.5 A.4)."""

from __future__ import annotations

from pneumoscope.errors import NotA2DImage, TruncatedImage
from pneumoscope.images.codestream import begins_frame, coding_of
from pneumoscope.images.dicom_elements import UNDEFINED

_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"  # always little endian


def joined(data: bytes, at: int, length: int, name: str) -> bytes:
    """Joins the fragments of the only frame.

    Args:
        data: The whole file.
        at: Where the value begins.
        length: Its length, or `UNDEFINED`.
        name: What to call the film in messages.

    Raises:
        TruncatedImage: The last fragment is cut, or the value has no end and its frame neither.
        NotA2DImage: No frame, or several.
    """
    end = len(data) if length == UNDEFINED else min(len(data), at + length)
    items: list[bytes] = []
    while data[at : at + 4] == _ITEM and at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            raise TruncatedImage(name)
        items.append(data[at + 8 : at + 8 + size])
        at += 8 + size
        if size % 2 and data[at : at + 4] not in (_ITEM, _SEQUENCE_END):
            at += 1  # padded to an even length, but the padding is not counted
    has_end = data[at : at + 4] == _SEQUENCE_END or at + 8 <= len(data)
    if items and begins_frame(items[0]):
        items.insert(0, b"")  # no offset table
    codestream = b"".join(items[1:])
    if not has_end and not _is_complete(codestream):
        raise TruncatedImage(name)
    if not codestream:
        raise NotA2DImage(name, "no pixels")
    frames = _frames(items)
    if frames > 1:
        raise NotA2DImage(name, f"{frames} frames")
    return codestream


def _is_complete(codestream: bytes) -> bool:
    """Whether a frame ends as it must: with EOI or EOC, or as RLE, whose segments are counted."""
    return codestream.rstrip(b"\0").endswith(b"\xff\xd9") or coding_of(codestream) == "rle"


def _frames(items: list[bytes]) -> int:
    """Frames in an offset table and its fragments.

    The table has one entry per frame, but some writers make one per fragment: what counts then
    is how many fragments begin a frame.
    """
    table, fragments = items[0], [item for item in items[1:] if item]
    begun = sum(map(begins_frame, fragments))
    entries = len(table) // 4
    if entries > 1 and not (begun == 1 and 1 < entries <= len(fragments)):
        return entries
    return max(begun, 1)
