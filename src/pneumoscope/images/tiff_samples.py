"""Samples of TIFF in layouts that Pillow does not know.

libtiff (in Pillow) only unpacks: the page is described to it anew as rows of bytes, and NumPy makes
samples of them. Tags and sections are those of TIFF 6.0.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pneumoscope.errors import TruncatedImage, UnreadableImage, UnsupportedCoding
from pneumoscope.images.tiff import (
    BITS,
    BYTEWISE,
    COLUMNS,
    COMPRESSION,
    FILL_ORDER,
    PHOTOMETRIC,
    PREDICTOR,
    ROWS,
    SAMPLES,
    STRIP_BYTES,
    STRIP_OFFSETS,
    STRIP_ROWS,
    TILE_BYTES,
    TILE_COLUMNS,
    TILE_OFFSETS,
    TILE_ROWS,
    UNCOMPRESSED,
    Page,
    unsupported,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KINDS = {
    (8, 1): "u1",
    (8, 2): "i1",
    (16, 1): "u2",
    (16, 2): "i2",
    (16, 3): "f2",
    (32, 1): "u4",
    (32, 2): "i4",
    (32, 3): "f4",
    (64, 1): "u8",
    (64, 2): "i8",
    (64, 3): "f8",
}
"""(bits, SampleFormat) to NumPy's name."""
_ROWS_AT_ONCE = 64  # of packed bits, which take a byte each while they are put together


def samples(page: Page, name: str) -> NDArray[Any]:
    """The samples as they are stored, of any depth that NumPy knows.

    Args:
        page: Of `film_page`; its size was checked.
        name: What to call the film in messages.

    Returns:
        (rows, columns, samples), of any integer or floating kind.

    Raises:
        UnsupportedCoding: The layout or the compression is another one.
        TruncatedImage: A strip or tile lies beyond the end.
    """
    bits = page.bits[0]
    is_packed = bits < 16 and bits != 8 and page.sample_format == 1
    kind = "u2" if is_packed else _KINDS.get((bits, page.sample_format))
    predictor = int(page.tags.get(PREDICTOR, 1))
    if (
        kind is None
        or len(set(page.bits)) > 1
        or page.compression not in BYTEWISE
        or predictor not in ((1,) if is_packed else (1, 2, 3))
    ):
        raise UnsupportedCoding(name, unsupported(page))
    order = "<" if page.data[:2] == b"II" else ">"
    dtype = np.dtype(kind).newbyteorder(cast("Any", order))
    planes, together = (len(page.bits), 1) if page.planar else (1, len(page.bits))
    result = []
    for plane in range(planes):
        parts = _parts(page, plane, planes, together * bits, name)
        if is_packed:
            decoded = [_of_bits(part, bits, together) for part in parts]
        else:
            decoded = [_restored(part, predictor, together, dtype) for part in parts]
        result.append(np.concatenate(decoded, axis=1)[:, : page.columns])
    return result[0] if planes == 1 else np.concatenate(result, axis=2)


def _parts(page: Page, plane: int, planes: int, pixel_bits: int, name: str) -> NDArray[np.uint8]:
    """The bytes of one plane: (tiles from left to right, rows, bytes of a tile's row)."""
    tiled, (offsets, counts) = page.tiled, page.pieces
    width = int(page.tags.get(TILE_COLUMNS, 0)) if tiled else page.columns
    row_bytes = -(-width * pixel_bits // 8)
    strip_rows = min(int(page.tags.get(STRIP_ROWS, page.rows)), page.rows)
    if page.compression == UNCOMPRESSED and not tiled and not any(counts):
        # Old writers leave the sizes out: they follow from the others.
        pieces = range(len(offsets) // planes) if planes else ()
        rows = [min(strip_rows, page.rows - i * strip_rows) for i in pieces] * planes
        counts = tuple(max(0, count) * row_bytes for count in rows)
    if not offsets or len(offsets) != len(counts) or len(offsets) % planes:
        raise UnreadableImage(name, "its strips are not listed")
    number = len(offsets) // planes
    offsets, counts = (x[plane * number : (plane + 1) * number] for x in (offsets, counts))
    if any(offset + count > len(page.data) for offset, count in zip(offsets, counts, strict=True)):
        raise TruncatedImage(name)
    tile_rows = max(1, int(page.tags.get(TILE_ROWS, 0)))
    if width < 1 or (tiled and number != -(-page.columns // width) * -(-page.rows // tile_rows)):
        raise UnreadableImage(name, "its tiles are not listed")
    across = -(-page.columns // width)  # tiles, the last of which may reach beyond the film
    entries: dict[int, tuple[int, ...]] = {
        COLUMNS: (across * row_bytes,),
        ROWS: (page.rows,),
        BITS: (8,),
        COMPRESSION: (page.compression,),
        PHOTOMETRIC: (1,),
        FILL_ORDER: (int(page.tags.get(FILL_ORDER, 1)),),
        SAMPLES: (1,),
    }
    if tiled:
        entries[TILE_COLUMNS] = (row_bytes,)
        entries[TILE_ROWS] = (tile_rows,)
        entries |= {TILE_OFFSETS: tuple(offsets), TILE_BYTES: tuple(counts)}
    else:
        entries[STRIP_ROWS] = (strip_rows,)
        entries |= {STRIP_OFFSETS: tuple(offsets), STRIP_BYTES: tuple(counts)}
    stored = _unpacked(page.data, entries).reshape(page.rows, across, row_bytes)
    return stored.transpose(1, 0, 2)


def _of_bits(part: NDArray[np.uint8], bits: int, together: int) -> NDArray[np.uint16]:
    """Samples that do not fill bytes, the highest bit first; rows begin with a byte (section 8).

    Args:
        part: uint8 (rows, bytes).
        bits: Bits of a sample, fewer than 16.
        together: Samples per pixel.

    Returns:
        (rows, columns, together), perhaps with columns of padding at the right.
    """
    rows, columns = len(part), part.shape[1] * 8 // (bits * together)
    values = np.empty((rows, columns, together), np.uint16)
    places = 1 << np.arange(bits, dtype=np.uint16)[::-1]
    for first in range(0, rows, _ROWS_AT_ONCE):
        block = slice(first, first + _ROWS_AT_ONCE)
        unpacked = np.unpackbits(part[block], axis=1)[:, : columns * together * bits]
        values[block] = unpacked.reshape(-1, columns, together, bits) @ places
    return values


def _unpacked(data: bytes, entries: dict[int, tuple[int, ...]]) -> NDArray[np.uint8]:
    """What the strips or tiles hold, (rows, bytes per row), unpacked by libtiff."""
    from PIL.TiffImagePlugin import TiffImageFile

    # An even position for the directory (section 2), behind the file itself, which is moved by 8.
    moved = {STRIP_OFFSETS, TILE_OFFSETS}
    start = 8 + len(data) + len(data) % 2
    values_at = start + 2 + 12 * len(entries) + 4
    directory, values = struct.pack("<H", len(entries)), b""
    for tag, numbers in sorted(entries.items()):
        shifted = [number + 8 for number in numbers] if tag in moved else numbers
        packed = struct.pack(f"<{len(numbers)}I", *shifted)
        if len(numbers) > 1:
            at = values_at + len(values)
            values += packed
            packed = struct.pack("<I", at)
        directory += struct.pack("<HHI", tag, 4, len(numbers)) + packed
    file = b"".join(
        (
            b"II*\0",
            struct.pack("<I", start),
            data,
            bytes(len(data) % 2),
            directory,
            bytes(4),
            values,
        )
    )
    image = TiffImageFile(BytesIO(file))
    image.load()
    return np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width)


def _restored(
    part: NDArray[np.uint8], predictor: int, together: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Undoes the predictor (section 14; Adobe's technical note 3 for floats).

    Args:
        part: uint8 (rows, bytes), of a strip's or a tile's width.
        predictor: 1 none, 2 differences of samples, 3 differences of the bytes of floats.
        together: Samples per pixel.
        dtype: Kind of a sample, with its byte order.

    Returns:
        (rows, columns, together).
    """
    part = np.ascontiguousarray(part)
    rows = len(part)
    if predictor == 3:  # each row: all first bytes, then all second bytes ..., the highest first
        summed = np.cumsum(part.reshape(rows, -1, together), axis=1, dtype=np.uint8)
        bytewise = summed.reshape(rows, dtype.itemsize, -1).transpose(0, 2, 1)
        floats = np.ascontiguousarray(bytewise).view(dtype.newbyteorder(">"))
        return floats.reshape(rows, -1, together).astype(dtype.newbyteorder("="))
    values = part.view(dtype).astype(dtype.newbyteorder("=")).reshape(rows, -1, together)
    if predictor == 1:
        return values
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.cumsum(values.view(unsigned), axis=1, dtype=unsigned).view(values.dtype)
