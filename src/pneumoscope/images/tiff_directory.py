"""Directories of TIFF files: read by Pillow, and changed where Pillow or libtiff would fail.

Sections are those of TIFF 6.0.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_BIG_ENDIAN_WIDE = b"MM\0+"
_LONG, _LONG8 = 4, 16
_SHARED_BYTES = 2**16
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TYPE_BYTES |= {16: 8, 17: 8, 18: 8}
"""Bytes of a value of each type (section 2; BigTIFF)."""


class _Entry(NamedTuple):
    """An entry of a directory: where it is, where its values are, and how many bytes these have."""

    at: int
    tag: int
    kind: int
    values_at: int
    size: int


class DirectoryForm(NamedTuple):
    """How the directories of a file are written.

    Attributes:
        order: ``"little"`` or ``"big"``.
        wide: BigTIFF.
    """

    order: Any
    wide: bool

    @property
    def word(self) -> int:
        """Bytes of a position."""
        return 8 if self.wide else 4

    @property
    def count_bytes(self) -> int:
        """Bytes of the number of entries."""
        return 8 if self.wide else 2

    @property
    def entry_bytes(self) -> int:
        return 20 if self.wide else 12


def form_of(data: bytes) -> DirectoryForm:
    """How the directories of a TIFF are written, by its first bytes."""
    return DirectoryForm("little" if data[:2] == b"II" else "big", data[2:4] in (b"+\0", b"\0+"))


def directory_class(header: bytes) -> Any:
    """Pillow's class of directories; it takes a big-endian BigTIFF for a TIFF."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if header[:4] != _BIG_ENDIAN_WIDE:
        return ImageFileDirectory_v2

    def big_endian_directory(header: bytes) -> Any:
        directory = cast("Any", ImageFileDirectory_v2(b"MM\0*\0\0\0\0"))
        directory._bigtiff = True
        directory.next = int.from_bytes(header[8:16])
        return directory

    return big_endian_directory


def alone(data: bytes, offset: int) -> bytes:
    """The file with this directory as its first and last one."""
    form = form_of(data)
    start = 8 if form.wide else 4
    changed = bytearray(data)
    changed[start : start + form.word] = offset.to_bytes(form.word, form.order)
    end = _end(data, offset, form)
    changed[end : end + form.word] = bytes(form.word)
    return bytes(changed)


def with_number(data: bytes, offset: int, tag: int, number: int) -> bytes:
    """The file, with the only value of a tag of type LONG or LONG8 in this directory replaced."""
    form, changed = form_of(data), bytearray(data)
    for entry in _entries(data, offset, form):
        if entry.tag == tag and entry.kind in (_LONG, _LONG8):
            changed[entry.values_at : entry.values_at + entry.size] = number.to_bytes(
                entry.size, form.order
            )
    return bytes(changed)


def entry_count(data: bytes, offset: int) -> int:
    """How many entries this directory states."""
    form = form_of(data)
    return int.from_bytes(data[offset : offset + form.count_bytes], form.order)


def lost_tags(data: bytes, offset: int) -> set[int]:
    """The tags of this directory whose values lie beyond the end of the file, or have no room in it together.

    Entries may share their values, but a file of which many do would take any amount of memory.
    """
    lost, room = set(), len(data) + _SHARED_BYTES
    for entry in _entries(data, offset, form_of(data)):
        if entry.values_at + entry.size > len(data) or entry.size > room:
            lost.add(entry.tag)
        else:
            room -= entry.size
    return lost


def without_tags(data: bytes, offset: int, tags: set[int]) -> bytes:
    """The file without these entries of this directory; all else stays in its place."""
    form = form_of(data)
    kept = [entry for entry in _entries(data, offset, form) if entry.tag not in tags]
    start, end = offset + form.count_bytes, _end(data, offset, form)
    parts = [data[entry.at : entry.at + form.entry_bytes] for entry in kept]
    directory = b"".join((*parts, data[end : end + form.word]))
    count = len(kept).to_bytes(form.count_bytes, form.order)
    return b"".join((data[:offset], count, directory, data[start + len(directory) :]))


def _end(data: bytes, offset: int, form: DirectoryForm) -> int:
    """Where a directory's entries end, and the position of the next one is."""
    return offset + form.count_bytes + entry_count(data, offset) * form.entry_bytes


def _entries(data: bytes, offset: int, form: DirectoryForm) -> Iterator[_Entry]:
    """The complete entries of a directory."""
    layout = ("<" if form.order == "little" else ">") + ("HHQQ" if form.wide else "HHII")
    last = min(_end(data, offset, form), len(data)) - form.entry_bytes
    for at in range(offset + form.count_bytes, last + 1, form.entry_bytes):
        tag, kind, count, value = struct.unpack_from(layout, data, at)
        size = count * _TYPE_BYTES.get(kind, 0)
        inside = at + form.entry_bytes - form.word
        yield _Entry(at, tag, kind, inside if size <= form.word else value, size)
