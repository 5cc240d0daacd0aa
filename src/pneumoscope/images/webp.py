"""WebP: its size, and whether its compressed data is whole. libwebp decodes damaged data without a word.

Sections are those of RFC 9649.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pneumoscope.errors import NotA2DImage, TruncatedImage, UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_PICTURES = (b"VP8 ", b"VP8L")
_ALPHA, _LOSSLESS = b"ALPH", b"VP8L"
_COMPRESSED = 1  # of alpha, 2.7.1.2
_SPARE_BYTES = 16
"""The last bytes without which a sound picture is incomplete; encoders write up to 4 that nothing needs."""


def size_of(data: bytes, name: str) -> tuple[int, int]:
    """(columns, rows) from the header of the first chunk (2.5 to 2.7).

    Args:
        data: The whole file.
        name: What to call the film in messages.

    Raises:
        TruncatedImage: The end is missing.
        NotA2DImage: It is an animation.
    """
    chunk = data[12:16]
    if int.from_bytes(data[4:8], "little") + 8 > len(data) or len(data) < 30:
        raise TruncatedImage(name)
    if chunk == b"VP8X":
        columns = 1 + int.from_bytes(data[24:27], "little")
        rows = 1 + int.from_bytes(data[27:30], "little")
        if data[20] & 2:
            raise NotA2DImage(name, "animation")
    elif chunk == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        columns, rows = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    else:
        columns = int.from_bytes(data[26:28], "little") & 0x3FFF
        rows = int.from_bytes(data[28:30], "little") & 0x3FFF
    return columns, rows


def check(data: bytes, name: str) -> None:
    """Refuses a picture whose data was erased or changed, also in its middle.

    A sound picture needs its data to the end. From a damaged place on, the decoder takes other symbols out
    of it: either it needs more data than there is, which is an error, or it leaves some.

    Args:
        data: A file that Pillow decodes.
        name: What to call the film in messages.

    Raises:
        UnreadableImage: The picture is complete without the last bytes of its data.
    """
    for kind, content in _chunks(data):
        if kind == _ALPHA and content and content[0] & 3 == _COMPRESSED:
            kind, content = _LOSSLESS, _header(*size_of(data, name)) + content[1:]
        if kind in _PICTURES and _is_complete(kind, content[:-_SPARE_BYTES]):
            raise UnreadableImage(name, "a part of the WebP data is damaged")


def _is_complete(kind: bytes, content: bytes) -> bool:
    from PIL.WebPImagePlugin import WebPImageFile

    try:
        WebPImageFile(BytesIO(_file_of(kind, content))).load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _header(columns: int, rows: int) -> bytes:
    """The header of a lossless picture (3.4), which compressed alpha lacks."""
    return b"\x2f" + (columns - 1 | (rows - 1) << 14).to_bytes(4, "little")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk (2.3)."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _file_of(kind: bytes, content: bytes) -> bytes:
    """A file of one chunk."""
    chunk = kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
    return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
