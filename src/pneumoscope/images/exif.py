"""What the Exif data of a picture says: how it is turned, and what took it (Exif 2.32).

It is read here: Pillow copies every value, so entries that share one long value take any amount of memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.ImageFile import ImageFile

CAMERA, SCREENSHOT = "camera", "screenshot"
_HEADER = b"Exif\0\0"
_ENTRY_BYTES = 12  # TIFF 6.0, section 2
_ORIENTATION = 0x0112  # 4.6.4 A
_INTEGERS = {3: 2, 4: 4}
"""Types of the integers that an orientation may be, to their bytes."""
_EXIF_IFD = 0x8769  # 4.6.3 A
_LENS = (0x829D, 0x920A)
"""F-number and focal length (4.6.5 G): X-ray systems and scanners have no lens that they could state."""
_COMMENT, _CHARACTER_CODE_BYTES = 0x9286, 8  # 4.6.5 D
_SCREENSHOT_COMMENT = "Screenshot"
"""User comment of the screenshots of iOS and macOS, in Exif, in XMP or in both."""


def read_exif(image: ImageFile) -> tuple[int, str | None]:
    """The orientation and what took the picture.

    Args:
        image: A picture, loaded; before, what took it may be missing.

    Returns:
        1 to 8; 1 is upright. `CAMERA`, `SCREENSHOT`, or None if the picture does not say.
    """
    data = _data_of(image.info)
    start = 0
    while data.startswith(_HEADER, start):
        start += len(_HEADER)
    data = data[start:]
    if data[:2] not in (b"II", b"MM"):
        return 1, _by_xmp(image)
    tiff = _Tiff(data)
    entries = tiff.entries(tiff.number(data[4:8]))
    turn = entries.get(_ORIENTATION, b"")
    value = tiff.number(turn[8 : 8 + _INTEGERS.get(tiff.number(turn[2:4]), 0)])
    exif = tiff.entries(tiff.number(entries[_EXIF_IFD][8:])) if _EXIF_IFD in entries else {}
    return value if 1 <= value <= 8 else 1, _taken_by(tiff, exif) or _by_xmp(image)


class _Tiff:
    """Exif data, which is a TIFF: its directories, of which damage loses no more than the damaged entries."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(self, part: bytes) -> int:
        return int.from_bytes(part, self._order)

    def entries(self, start: int) -> dict[int, bytes]:
        """Tag to its entry, of `_ENTRY_BYTES`."""
        first = start + 2
        end = first + _ENTRY_BYTES * self.number(self.data[start:first])
        places = range(first, min(end, len(self.data) - _ENTRY_BYTES + 1), _ENTRY_BYTES)
        parts = (self.data[at : at + _ENTRY_BYTES] for at in places)
        return {self.number(part[:2]): part for part in parts}


def _data_of(info: Mapping[Any, Any]) -> bytes:
    """The Exif data of a picture, empty without."""
    data = info.get("exif")
    if isinstance(data, bytes):  # a PNG's text may have any name
        return data
    lines = str(info.get("Raw profile type exif", "")).split("\n")[3:]  # ImageMagick's, in a PNG
    try:
        return bytes.fromhex("".join(lines))
    except ValueError:
        return b""


def _taken_by(tiff: _Tiff, entries: Mapping[int, bytes]) -> str | None:
    comment = entries.get(_COMMENT, b"")
    start = tiff.number(comment[8:]) + _CHARACTER_CODE_BYTES
    is_long = tiff.number(comment[4:8]) == _CHARACTER_CODE_BYTES + len(_SCREENSHOT_COMMENT)
    if is_long and tiff.data.startswith(_SCREENSHOT_COMMENT.encode(), start):
        return SCREENSHOT
    return CAMERA if any(tag in entries for tag in _LENS) else None


def _by_xmp(image: ImageFile) -> str | None:
    text = image.info.get("XML:com.adobe.xmp", "")  # of a PNG
    says_so = "exif:UserComment" in text and f">{_SCREENSHOT_COMMENT}<" in text
    return SCREENSHOT if says_so else None
