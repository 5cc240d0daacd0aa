"""How much is missing of a JPEG that lacks its end.

A decoder fills what is missing with grey. What it makes of the rest depends on nothing else, so the
rows that change with what is put in the place of the missing data are those that are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import TruncatedImage
from pneumoscope.images.jpeg_scans import jpeg_scans, restart_interval, without_padding

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_MISSING = 0.01
"""Share of the rows that may be missing; a film that lacks more is not read."""
_EOI = b"\xff\xd9"
_BLOCK_BYTES = 32
"""Zeros that one block of 8 x 8 coefficients takes at most with usual tables: 63 codes of 4 bits."""
_OTHER_BYTES = b"\xaa\x55\x33\xcc"
_MOST_BLOCKS_PER_MCU = 10  # ITU-T T.81 B.2.3


def without_end(data: bytes, name: str, *, cmyk: bool = False) -> tuple[bytes, int]:
    """A JPEG that lacks its end, closed so that decoders read it, and the number of missing rows.

    Args:
        data: The codestream, from SOI; libjpeg warned of a premature end.
        name: What to call the film in messages.
        cmyk: Whether it has four components.

    Returns:
        The codestream with EOI behind what is there, and in how many of the lowest rows luminance
        is missing, at full size; 0 if no pixel depends on what is missing.

    Raises:
        TruncatedImage: More than `MOST_MISSING` of the rows are missing, or something else is.
    """
    colours = "CMYK" if cmyk else "GRAY"
    scans = jpeg_scans(data)
    if not scans.complete or scans.blank:
        raise TruncatedImage(name)
    body = data[: scans.end].rstrip(b"\xff")  # half of EOI, or of FF 00, which gives no byte
    closed = body + _EOI
    if _has_bytes_left(closed, colours):
        raise TruncatedImage(name)
    pixels = _lenient(closed, colours)
    rows, columns = pixels.shape[:2]
    blocks = (int(MOST_MISSING * rows) // 8 + 3) * (columns // 8 + 2)
    if not _is_rest_sound(body + _filling(body, blocks, bytes(1)) + _EOI, colours):
        raise TruncatedImage(name)
    differs = np.zeros(rows, bool)
    for byte in (bytes(1), _OTHER_BYTES):
        other = _lenient(body + _filling(body, blocks, byte) + _EOI, colours)
        differs |= (other != pixels).any(axis=(1, 2))
    missing = rows - int(differs.argmax()) if differs.any() else 0
    if missing > MOST_MISSING * rows:
        raise TruncatedImage(name)
    return closed, missing


def _lenient(data: bytes, colours: str) -> NDArray[Any]:
    import simplejpeg

    pixels: NDArray[Any] = simplejpeg.decode_jpeg(data, colours, strict=False)
    return pixels


def _has_bytes_left(closed: bytes, colours: str) -> bool:
    """Whether the film needs less data than there is, even without padding: a table or a scan is damaged."""
    import simplejpeg

    for codestream in (closed, *without_padding(closed)):
        try:
            simplejpeg.decode_jpeg(codestream, colours)
        except ValueError as error:
            if "extraneous" in str(error):
                continue
        return False
    return True


def _is_rest_sound(filled: bytes, colours: str) -> bool:
    """Whether nothing but the end is missing: with more data than is needed, that is the only flaw.

    libjpeg's first warning counts. If data is missing before the end, or more than the filling has,
    it tells of that.
    """
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(filled, colours)
    except ValueError as error:
        return "extraneous" in str(error)
    return True


def _filling(body: bytes, blocks: int, byte: bytes) -> bytes:
    """Bytes for some blocks, with the restart markers that follow the last one."""
    interval, last = restart_interval(body)
    if not interval:
        return byte * (blocks * _BLOCK_BYTES // len(byte))
    size = min(interval * _MOST_BLOCKS_PER_MCU, blocks) * _BLOCK_BYTES
    count = blocks // interval + 2
    return b"".join(
        byte * (size // len(byte)) + bytes([0xFF, 0xD0 + (last + 1 + i) % 8]) for i in range(count)
    )
