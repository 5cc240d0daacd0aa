"""What lies before the data set of a DICOM file: preamble, prefix and file meta information."""

from __future__ import annotations

from pneumoscope.images.dicom_elements import (
    VRS,
    Layout,
    element_at,
    end_of,
    layout_of,
    tag_at,
)

_MEDIA_CLASS, _TRANSFER_SYNTAX = 0x00020002, 0x00020010
_PREAMBLE = 128  # bytes, PS3.10 7.1
_PREFIX = b"DICM"


def file_meta(data: bytes) -> tuple[str | None, int]:
    """Reads group 0002 (PS3.10 7.1), which is always explicit VR little endian, or ought to be.

    Read here, because pydicom inflates a deflated file before one can look. Some files have a
    second group 0002, or a whole second beginning; what counts is the first transfer syntax.

    Args:
        data: The whole file. Preamble, prefix and group 0002 may be missing.

    Returns:
        Transfer Syntax UID (0002,0010), None if it is missing or empty, and where the data set
        begins: at most the length of the data.
    """
    uids, start = _uids(data)
    return uids.get(_TRANSFER_SYNTAX), start


def media_class(data: bytes) -> str | None:
    """Media Storage SOP Class UID (0002,0002), None if it is missing or empty.

    Args:
        data: The file, or its beginning.
    """
    return _uids(data)[0].get(_MEDIA_CLASS)


def _uids(data: bytes) -> tuple[dict[int, str], int]:
    """The first value of each UID that counts, by tag, and where the data set begins."""
    uids: dict[int, str] = {}
    at = _after_prefix(data, 0)
    while at + 8 <= len(data):
        layout = layout_of(data, at)
        if tag_at(data, at, layout.little) >> 16 != 0x0002:
            again = _after_prefix(data, at)
            if again == at:
                break
            at = again
            continue
        try:
            element = element_at(data, at, len(data), layout)
            at = end_of(data, element, len(data), layout)
        except EOFError:
            return uids, len(data)
        if element.tag in (_MEDIA_CLASS, _TRANSFER_SYNTAX) and element.tag not in uids:
            text = data[element.start : at].decode("latin-1").strip(" \0")
            uids |= {element.tag: text} if text else {}
    return uids, at


def _after_prefix(data: bytes, at: int) -> int:
    """Position behind a preamble and prefix; either may be missing."""
    for start in (at + _PREAMBLE, at):
        if data[start : start + 4] == _PREFIX:
            return start + 4
    bare = at + _PREAMBLE
    if at == 0 and not any(data[:bare]) and is_element(data, bare, layout_of(data, bare)):
        return bare
    return at


def is_element(data: bytes, at: int, layout: Layout) -> bool:
    """Whether an element of the first groups with a VR begins at a position."""
    group = tag_at(data, at, layout.little) >> 16
    return 0x0002 <= group <= 0x0010 and data[at + 4 : at + 6] in VRS
