"""TIFF: finds the one page that is a film, and says who decodes it.

Pillow knows 8-bit pictures, 16-bit grey, and 32-bit floats; the others are for
`pneumoscope.images.tiff_samples`. Tags and sections are those of TIFF 6.0.
"""

from __future__ import annotations

from bisect import bisect_right
from io import BytesIO
from itertools import cycle, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import pneumoscope.images.jpeg as jpeg
from pneumoscope.errors import NotA2DImage, TruncatedImage, UnreadableImage, UnsupportedCoding
from pneumoscope.images.codestream import frame_of
from pneumoscope.images.jpeg_scans import rare_process
from pneumoscope.images.tiff_directory import (
    alone,
    directory_class,
    entry_count,
    form_of,
    lost_tags,
    with_number,
    without_tags,
)
from pneumoscope.images.tiff_packing import is_sound

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUBFILE, _OLD_SUBFILE, COLUMNS, ROWS, BITS, COMPRESSION = 254, 255, 256, 257, 258, 259
PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, _ORIENTATION = 262, 266, 273, 274
SAMPLES, STRIP_ROWS = 277, 278
STRIP_BYTES, _PLANAR, PREDICTOR = 279, 284, 317
TILE_COLUMNS, TILE_ROWS, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
_COLOUR_MAP, _EXTRA, _FORMAT = 320, 338, 339
_JPEG, _JPEG_TABLES = 7, 347  # technical note 2
_SUBSAMPLING = 530  # of YCbCr, section 21
_DEPTH = 32997  # ImageDepth of SGI: slices of a volume
_WEBP = 50001  # Pillow's libtiff is built without it
WHITE_IS_ZERO, RGB, PALETTE, YCBCR = 0, 2, 3, 6  # PhotometricInterpretation, section 8
_ALPHA, _UNSPECIFIED_ALPHA = 2, 999  # section 18; the second one is that of Corel Draw
_HEADER_BYTES = 8  # section 2
_MOST_FILLED_BYTES = 2**26
"""No strip is filled up by more: 4294967295 rows stand for all that there are."""
_MOST_STRIP_ROWS = 2**31 - 1
"""libtiff fails at more, except 2^32 - 1; section 8 lets a strip have any number, which means all rows."""
_NEEDED = {
    *(
        _SUBFILE,
        _OLD_SUBFILE,
        COLUMNS,
        ROWS,
        BITS,
        COMPRESSION,
        PHOTOMETRIC,
        FILL_ORDER,
        _ORIENTATION,
    ),
    *(SAMPLES, STRIP_ROWS, STRIP_OFFSETS, STRIP_BYTES, _PLANAR, PREDICTOR, TILE_COLUMNS, TILE_ROWS),
    *(TILE_OFFSETS, TILE_BYTES, _COLOUR_MAP, _EXTRA, _FORMAT, _JPEG_TABLES, _SUBSAMPLING, _DEPTH),
}
"""Tags that say how a film is to be read."""
_MOST_ENTRIES = 4096
"""Of a directory, as in libtiff."""
_MOST_PAGES = 100
"""Pages that are looked at; a film has few, and a chain of pages can be a circle."""

NAMES = {
    2: "CCITT",
    3: "CCITT",
    4: "CCITT",
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
UNCOMPRESSED = 1
BYTEWISE = frozenset((1, 5, 8, 32773, 32946, 34925, 50000))
"""Compressions that know nothing of samples: none, LZW, Deflate, PackBits, LZMA, Zstandard."""
_PACKED_DEEP = 12
"""Bits of samples across bytes of which Pillow forgets the depth."""
_SIGNED, _FLOAT = 2, 3  # SampleFormat, section 19


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
        """By default that of libtiff."""
        return int(self.tags.get(PHOTOMETRIC, RGB if len(self.bits) > 2 else 1))

    @property
    def extra(self) -> tuple[int, ...]:
        """What each sample beyond the colours is; a fourth one beside RGB is alpha if nothing says so."""
        extra = self.tags.get(_EXTRA, ())
        if not extra and self.photometric == RGB and len(self.bits) == 4:
            return (_ALPHA,)
        return tuple(_ALPHA if kind == _UNSPECIFIED_ALPHA else kind for kind in extra)

    @property
    def orientation(self) -> int:
        value = self.tags.get(_ORIENTATION, 1)
        return value if value in range(1, 9) else 1

    @property
    def colour_map(self) -> tuple[int, ...]:
        """All reds of a palette, then all greens and all blues."""
        return tuple(self.tags.get(_COLOUR_MAP, ()))

    @property
    def tiled(self) -> bool:
        return TILE_OFFSETS in self.tags

    @property
    def pieces(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Positions and sizes in bytes of its strips or tiles.

        Some writers list more than there are, or state more bytes than one has.
        """
        where, size = (TILE_OFFSETS, TILE_BYTES) if self.tiled else (STRIP_OFFSETS, STRIP_BYTES)
        count = self.piece_count
        offsets, sizes = self.tags.get(where, ())[:count], self.tags.get(size, ())[:count]
        if self.compression == UNCOMPRESSED and (needed := self.piece_bytes):
            sizes = tuple(map(min, sizes, cycle(needed)))
        return offsets, sizes

    @property
    def lists_more(self) -> bool:
        """Whether more strips or tiles are listed than there are."""
        where = TILE_OFFSETS if self.tiled else STRIP_OFFSETS
        return len(self.tags.get(where, ())) > self.piece_count

    @property
    def fill_order(self) -> int:
        return int(self.tags.get(FILL_ORDER, 1))

    @property
    def piece_bytes(self) -> tuple[int, ...]:
        """Bytes of each strip of a plane, or of each tile, when it is unpacked."""
        pixel_bits = max(self.bits) * (1 if self.planar else len(self.bits))
        if self.tiled:
            width, height = (int(self.tags.get(tag, 0)) for tag in (TILE_COLUMNS, TILE_ROWS))
            return (-(-width * pixel_bits // 8) * height,)
        height = min(max(int(self.tags.get(STRIP_ROWS, self.rows)), 1), self.rows)
        row_bytes = -(-self.columns * pixel_bits // 8)
        return tuple(
            row_bytes * min(height, self.rows - top) for top in range(0, self.rows, height)
        )

    @property
    def piece_count(self) -> int:
        """How many strips or tiles its planes have."""
        planes = len(self.bits) if self.planar else 1
        if not self.tiled:
            return planes * len(self.piece_bytes)
        width, height = (max(1, int(self.tags.get(tag, 0))) for tag in (TILE_COLUMNS, TILE_ROWS))
        return planes * -(-self.columns // width) * -(-self.rows // height)

    def piece_shapes(self) -> Iterator[tuple[int, int]]:
        """Rows of each strip or tile that belong to the film, and its columns."""
        planes = len(self.bits) if self.planar else 1
        across, width, height = 1, self.columns, int(self.tags.get(STRIP_ROWS, self.rows))
        if self.tiled:
            width, height = (int(self.tags.get(tag, 0)) for tag in (TILE_COLUMNS, TILE_ROWS))
            across = -(-self.columns // max(width, 1))
        for _ in range(planes):
            for top in range(0, self.rows, max(height, 1)):
                yield from repeat((min(height, self.rows - top), width), across)

    @property
    def filled_bytes(self) -> int:
        """Bytes of a last strip, or the only one, that was filled up to the height which the page states."""
        first = self.piece_bytes[0]
        if self.tiled or not self.rows:
            return first
        stated = max(int(self.tags.get(STRIP_ROWS, self.rows)), 1)
        filled = first // min(stated, self.rows) * stated
        return filled if filled <= first + _MOST_FILLED_BYTES else first

    @property
    def planar(self) -> bool:
        return bool(self.tags.get(_PLANAR, 1) == 2 and len(self.bits) > 1)


def film_page(data: bytes, name: str) -> Page:
    """The one page that is neither a reduced copy nor a mask of another one.

    Args:
        data: The whole file.
        name: What to call the film in messages.

    Raises:
        NotA2DImage: There are several, or none, or it is a volume.
        TruncatedImage: The directory lies beyond the end.
        UnreadableImage: The directory is broken.
    """
    data, films, pages = _films_of(data, name)
    if len(films) != 1:
        raise NotA2DImage(name, "several pages" if films else "no page but reduced copies")
    ((offset, tags),) = films
    columns, rows = int(tags.get(COLUMNS, 0)), int(tags.get(ROWS, 0))
    samples = int(tags.get(SAMPLES, 1))
    bits = tuple(tags.get(BITS, (1,)))[: max(samples, 1)]  # some writers state more
    if not 1 <= samples <= 16 or len(bits) not in (1, samples):
        raise UnreadableImage(name, f"{samples} samples per pixel")
    if (slices := int(tags.get(_DEPTH, 1))) > 1:
        raise NotA2DImage(name, f"{slices} frames")
    formats = tuple(tags.get(_FORMAT, (1,)))
    if pages > 1:
        data = alone(data, offset)
    if rows <= _MOST_STRIP_ROWS < int(tags.get(STRIP_ROWS, 0)):
        data = with_number(data, offset, STRIP_ROWS, rows)
    return Page(
        data=data,
        tags=tags,
        columns=columns,
        rows=rows,
        bits=bits * samples if len(bits) == 1 else bits,
        sample_format=formats[0] if len(set(formats)) == 1 else 0,
        compression=int(tags.get(COMPRESSION, 1)),
    )


def _films_of(data: bytes, name: str) -> tuple[bytes, list[tuple[int, Any]], int]:
    """The file as Pillow can read it, the directories that are films, two at most, and how many were looked at."""
    header = data[: 16 if form_of(data).wide else 8]
    directory = directory_class(header)
    offset = int(directory(header).next)
    films: list[tuple[int, Any]] = []
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < _MOST_PAGES:
        if offset + 2 > len(data):
            raise TruncatedImage(name)
        seen.add(offset)
        if (count := entry_count(data, offset)) > _MOST_ENTRIES:
            raise UnreadableImage(name, f"{count} entries in its directory")
        if lost := lost_tags(data, offset):  # Pillow reads no entry behind such a one
            if lost & _NEEDED:
                raise TruncatedImage(name)
            data = without_tags(data, offset, lost)
        stream = BytesIO(data)
        stream.seek(offset)
        tags = directory(header)
        tags.load(stream)
        # Bit 0: reduced copy, bit 2: mask (section 8); 2: reduced copy in the older tag.
        if not tags.get(_SUBFILE, 0) & 5 and tags.get(_OLD_SUBFILE) != 2:
            films.append((offset, tags))
            if len(films) > 1:
                break  # all the tags of many pages take memory
        offset = int(tags.next)
    return data, films, len(seen)


def check_compression(page: Page, name: str) -> None:
    """Refuses what neither Pillow nor `samples` unpacks, and damaged JPEG.

    Args:
        page: Of `film_page`.
        name: What to call the film in messages.

    Raises:
        UnsupportedCoding: The compression is not known, or colour has fewer samples than grey.
        UnreadableImage: A strip or tile is missing: it is not listed, or has the position 0 of sparse files.
        TruncatedImage, UnreadableImage: A JPEG in it is not complete, see `pneumoscope.images.jpeg`, or
            other packed data is damaged.
    """
    from PIL.TiffImagePlugin import COMPRESSION_INFO

    known = page.compression in COMPRESSION_INFO and page.compression != _WEBP
    if not known and page.compression not in BYTEWISE:
        raise UnsupportedCoding(name, unsupported(page))
    is_subsampled = set(page.tags.get(_SUBSAMPLING, ())) - {1}
    if page.photometric == YCBCR and page.compression in BYTEWISE and is_subsampled:
        raise UnsupportedCoding(name, "TIFF with subsampled colour")
    if len(page.pieces[0]) < page.piece_count:  # libtiff leaves the rest black
        missing = "its tiles are not listed" if page.tiled else "its strips are not listed"
        raise UnreadableImage(name, missing)
    if any(offset < _HEADER_BYTES for offset in page.pieces[0]):
        raise UnreadableImage(name, "a part of its pixels is missing")
    sizes, filled, starts = page.piece_bytes, page.filled_bytes, sorted({*page.pieces[0]})
    for number, (offset, count) in enumerate(zip(*page.pieces, strict=False)):
        # Some writers state more bytes than a strip has: those of the next one are not its own.
        place = bisect_right(starts, offset)
        end = min([offset + count, *starts[place : place + 1]])
        packed, size = page.data[offset:end], sizes[number % len(sizes)]
        # Of what is cut, or has the bits of each byte in reverse order, libtiff tells.
        is_checked = offset + count <= len(page.data) and page.fill_order == 1
        if is_checked and not is_sound(page.compression, packed, size, filled):
            raise UnreadableImage(name, "the TIFF data is broken")
    if page.compression != _JPEG:
        return
    tables = bytes(page.tags.get(_JPEG_TABLES, b""))
    for offset, count, (rows, columns) in zip(*page.pieces, page.piece_shapes(), strict=False):
        stream = page.data[offset : offset + count]
        if process := rare_process(stream):
            raise UnsupportedCoding(name, f"TIFF with {process} inside")
        frame = frame_of(stream)
        if frame is not None and (frame.rows < rows or frame.columns < columns):
            raise UnreadableImage(name, "a part of its pixels is missing")
        jpeg.check(tables[:-2] + stream[2:] if tables else stream, name, cmyk=page.photometric == 5)


def is_for_numpy(page: Page) -> bool:
    """Whether Pillow misreads this layout although it opens it, or drops bits of it."""
    deepest = max(page.bits)
    if form_of(page.data) == ("big", True) or page.sample_format == _SIGNED:
        return True
    if (deepest == 32 and page.sample_format == 1) or (page.planar and deepest > 8):
        return True
    if deepest == _PACKED_DEEP or (page.lists_more and page.compression == UNCOMPRESSED):
        return True
    # libtiff gives samples in the order of this machine, and Pillow swaps the bytes of floats once more.
    if page.sample_format == _FLOAT and page.data[:2] == b"MM" and page.compression != UNCOMPRESSED:
        return True
    if page.compression not in BYTEWISE:
        return False
    # Pillow keeps the high bytes of colours, divides all entries of a palette by 256, and takes
    # uncompressed YCbCr for RGB.
    return (
        PHOTOMETRIC not in page.tags  # which Pillow inverts
        or (page.photometric == RGB and deepest == 16)
        or (page.photometric == PALETTE and max(page.colour_map, default=0) < 256)
        or page.photometric == YCBCR
    )


def unsupported(page: Page) -> str:
    """What `samples` does not support about this page, in words."""
    compression = NAMES.get(page.compression, f"compression {page.compression}")
    deep = f"TIFF with {', '.join(map(str, sorted(set(page.bits))))} bits per sample"
    if page.compression in BYTEWISE:
        return f"{deep} and {len(page.bits)} samples per pixel, of this photometric kind,"
    return f"TIFF with {compression} compression"
