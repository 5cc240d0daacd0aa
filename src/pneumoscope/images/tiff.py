"""TIFF: finds the one page that is a film, and decodes layouts that Pillow does not know.

Pillow knows 8-bit pictures, 16-bit grey and RGB, and 32-bit floats. For the others libtiff (in Pillow)
only unpacks: the page is described to it anew as rows of bytes, and NumPy makes samples of them. Tags
and sections are those of TIFF 6.0.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

import pneumoscope.images.jpeg as jpeg
from pneumoscope.errors import NotA2DImage, TruncatedImage, UnreadableImage, UnsupportedCoding
from pneumoscope.images.jpeg_scans import rare_process

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SUBFILE, _OLD_SUBFILE, _COLUMNS, _ROWS, _BITS, _COMPRESSION = 254, 255, 256, 257, 258, 259
_PHOTOMETRIC, _FILL_ORDER, _STRIP_OFFSETS, _ORIENTATION = 262, 266, 273, 274
_SAMPLES, _STRIP_ROWS = 277, 278
_STRIP_BYTES, _PLANAR, _PREDICTOR = 279, 284, 317
_TILE_COLUMNS, _TILE_ROWS, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_EXTRA, _FORMAT = 338, 339
_JPEG, _JPEG_TABLES = 7, 347  # technical note 2
WHITE_IS_ZERO = 0
_MOST_PAGES = 100
"""Pages that are looked at; a film has few, and a chain of pages can be a circle."""

_NAMES = {
    6: "old JPEG",
    7: "JPEG",
    34677: "SGI LogLuv",
    34676: "SGI LogLuv",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    50002: "JPEG XL",
    52546: "JPEG XL",
    32908: "Pixar film",
    32909: "Pixar log",
    34661: "JBIG",
    34925: "LZMA",
    50000: "ZSTD",
    50001: "WebP",
    33007: "JPEG ALS",
    34933: "PNG",
    34934: "JPEG XR",
    22610: "JPEG XR",
}
"""Numbers of compressions to names, for messages."""
_BYTEWISE = frozenset((1, 5, 8, 32773, 32946, 34925, 50000))
"""Compressions that know nothing of samples: none, LZW, Deflate, PackBits, LZMA, Zstandard."""
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


_SIGNED = 2  # SampleFormat, section 19


class Page(NamedTuple):
    """One page.

    Attributes:
        data: A TIFF file that has this page alone.
        tags: Its directory.
        columns: Width in pixels.
        rows: Height in pixels.
        bits: Bits of each sample of a pixel.
        sample_format: 1 unsigned, 2 signed, 3 floating point (section 19).
        compression: Number of the compression.
    """

    data: bytes
    tags: Any
    columns: int
    rows: int
    bits: tuple[int, ...]
    sample_format: int
    compression: int

    @property
    def photometric(self) -> int:
        return int(self.tags.get(_PHOTOMETRIC, 1))

    @property
    def extra(self) -> tuple[int, ...]:
        return tuple(self.tags.get(_EXTRA, ()))

    @property
    def orientation(self) -> int:
        value = self.tags.get(_ORIENTATION, 1)
        return value if value in range(1, 9) else 1

    @property
    def tiled(self) -> bool:
        return _TILE_OFFSETS in self.tags

    @property
    def pieces(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Positions and sizes in bytes of its strips or tiles."""
        where, size = (_TILE_OFFSETS, _TILE_BYTES) if self.tiled else (_STRIP_OFFSETS, _STRIP_BYTES)
        return self.tags.get(where, ()), self.tags.get(size, ())

    @property
    def planar(self) -> bool:
        return bool(self.tags.get(_PLANAR, 1) == 2 and len(self.bits) > 1)


def film_page(data: bytes, name: str) -> Page:
    """The one page that is neither a reduced copy nor a mask of another one.

    Args:
        data: The whole file.
        name: What to call the film in messages.

    Raises:
        NotA2DImage: There are several, or none.
        TruncatedImage: The directory lies beyond the end.
        UnreadableImage: The directory is broken.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    stream = BytesIO(data)
    wide = data[2:4] in (b"+\0", b"\0+")  # BigTIFF
    header = stream.read(16 if wide else 8)
    offset = int(ImageFileDirectory_v2(header).next)
    films: list[tuple[int, Any]] = []
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < _MOST_PAGES:
        if offset + 2 > len(data):
            raise TruncatedImage(name)
        seen.add(offset)
        stream.seek(offset)
        tags = ImageFileDirectory_v2(header)
        cast("Any", tags).load(stream)
        # Bit 0: reduced copy, bit 2: mask (section 8); 2: reduced copy in the older tag.
        if not tags.get(_SUBFILE, 0) & 5 and tags.get(_OLD_SUBFILE) != 2:
            films.append((offset, tags))
        offset = int(tags.next)
    if len(films) != 1:
        raise NotA2DImage(name, "several pages" if films else "no page but reduced copies")
    ((offset, tags),) = films
    columns, rows = int(tags.get(_COLUMNS, 0)), int(tags.get(_ROWS, 0))
    samples = int(tags.get(_SAMPLES, 1))
    bits = tuple(tags.get(_BITS, (1,)))
    if not 1 <= samples <= 16 or len(bits) not in (1, samples):
        raise UnreadableImage(name, f"{samples} samples per pixel")
    formats = tuple(tags.get(_FORMAT, (1,)))
    return Page(
        data=data if len(seen) == 1 else _alone(data, offset, wide),
        tags=tags,
        columns=columns,
        rows=rows,
        bits=bits * samples if len(bits) == 1 else bits,
        sample_format=formats[0] if len(set(formats)) == 1 else 0,
        compression=int(tags.get(_COMPRESSION, 1)),
    )


def _alone(data: bytes, offset: int, wide: bool) -> bytes:
    """The file with this directory as its first and last one."""
    order: Any = "little" if data[:2] == b"II" else "big"
    word = 8 if wide else 4
    count_bytes, entry_bytes = (8, 20) if wide else (2, 12)
    count = int.from_bytes(data[offset : offset + count_bytes], order)
    next_at = offset + count_bytes + count * entry_bytes
    start = 8 if wide else 4
    changed = bytearray(data)
    changed[start : start + word] = offset.to_bytes(word, order)
    changed[next_at : next_at + word] = bytes(word)
    return bytes(changed)


def check_compression(page: Page, name: str) -> None:
    """Refuses compressions that neither Pillow nor `samples` knows, and damaged JPEG.

    Args:
        page: Of `film_page`.
        name: What to call the film in messages.

    Raises:
        UnsupportedCoding: The compression is not known.
        TruncatedImage, UnreadableImage: A JPEG in it is not complete, see `pneumoscope.images.jpeg`.
    """
    from PIL.TiffImagePlugin import COMPRESSION_INFO

    if page.compression not in COMPRESSION_INFO and page.compression not in _BYTEWISE:
        raise UnsupportedCoding(name, unsupported(page))
    if page.compression != _JPEG:
        return
    tables = bytes(page.tags.get(_JPEG_TABLES, b""))
    for offset, count in zip(*page.pieces, strict=False):
        stream = page.data[offset : offset + count]
        if process := rare_process(stream):
            raise UnsupportedCoding(name, f"TIFF with {process} inside")
        jpeg.check(tables[:-2] + stream[2:] if tables else stream, name, cmyk=page.photometric == 5)


def is_for_numpy(page: Page) -> bool:
    """Whether Pillow misreads this layout although it opens it: 32 bits unsigned, signed, deep planes."""
    return (
        (max(page.bits) == 32 and page.sample_format == 1)
        or page.sample_format == _SIGNED
        or (page.planar and max(page.bits) > 8)
    )


def unsupported(page: Page) -> str:
    """What `samples` does not support about this page, in words."""
    compression = _NAMES.get(page.compression, f"compression {page.compression}")
    deep = f"TIFF with {', '.join(map(str, sorted(set(page.bits))))} bits per sample"
    if page.compression in _BYTEWISE:
        return f"{deep} and {len(page.bits)} samples per pixel, of this photometric kind,"
    return f"TIFF with {compression} compression"


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
    kind = _KINDS.get((page.bits[0], page.sample_format))
    predictor = int(page.tags.get(_PREDICTOR, 1))
    if (
        kind is None
        or len(set(page.bits)) > 1
        or page.compression not in _BYTEWISE
        or predictor not in (1, 2, 3)
    ):
        raise UnsupportedCoding(name, unsupported(page))
    order = "<" if page.data[:2] == b"II" else ">"
    dtype = np.dtype(kind).newbyteorder(cast("Any", order))
    planes, together = (len(page.bits), 1) if page.planar else (1, len(page.bits))
    result = [_plane(page, plane, planes, together, dtype, name) for plane in range(planes)]
    return result[0] if planes == 1 else np.concatenate(result, axis=2)


def _plane(
    page: Page, plane: int, planes: int, together: int, dtype: np.dtype[Any], name: str
) -> NDArray[Any]:
    """One plane, (rows, columns, samples that it holds together)."""
    tiled, (offsets, counts) = page.tiled, page.pieces
    if not offsets or len(offsets) != len(counts) or len(offsets) % planes:
        raise UnreadableImage(name, "its strips are not listed")
    number = len(offsets) // planes
    offsets, counts = (x[plane * number : (plane + 1) * number] for x in (offsets, counts))
    if any(offset + count > len(page.data) for offset, count in zip(offsets, counts, strict=True)):
        raise TruncatedImage(name)
    pixel_bytes = together * dtype.itemsize
    width = int(page.tags.get(_TILE_COLUMNS, 0)) if tiled else page.columns
    if width < 1 or (tiled and number != -(-page.columns // width) * -(-page.rows // max(1, int(page.tags.get(_TILE_ROWS, 0))))):  # fmt: skip
        raise UnreadableImage(name, "its tiles are not listed")
    whole = -(-page.columns // width) * width  # with what tiles add on the right
    entries: dict[int, tuple[int, ...]] = {
        _COLUMNS: (whole * pixel_bytes,),
        _ROWS: (page.rows,),
        _BITS: (8,),
        _COMPRESSION: (page.compression,),
        _PHOTOMETRIC: (1,),
        _FILL_ORDER: (int(page.tags.get(_FILL_ORDER, 1)),),
        _SAMPLES: (1,),
    }
    if tiled:
        entries[_TILE_COLUMNS] = (width * pixel_bytes,)
        entries[_TILE_ROWS] = (int(page.tags.get(_TILE_ROWS, 0)),)
        entries |= {_TILE_OFFSETS: tuple(offsets), _TILE_BYTES: tuple(counts)}
    else:
        entries[_STRIP_ROWS] = (min(int(page.tags.get(_STRIP_ROWS, page.rows)), page.rows),)
        entries |= {_STRIP_OFFSETS: tuple(offsets), _STRIP_BYTES: tuple(counts)}
    stored = _unpacked(page.data, entries).reshape(page.rows, -1, width * pixel_bytes)
    predictor = int(page.tags.get(_PREDICTOR, 1))
    parts = [_restored(part, predictor, together, dtype) for part in stored.transpose(1, 0, 2)]
    return np.concatenate(parts, axis=1)[:, : page.columns]


def _unpacked(data: bytes, entries: dict[int, tuple[int, ...]]) -> NDArray[np.uint8]:
    """What the strips or tiles hold, (rows, bytes per row), unpacked by libtiff."""
    from PIL.TiffImagePlugin import TiffImageFile

    # An even position for the directory (section 2), behind the file itself, which is moved by 8.
    moved = {_STRIP_OFFSETS, _TILE_OFFSETS}
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
