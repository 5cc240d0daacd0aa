"""PNG: checksums, which Pillow ignores or takes too seriously, and the low bytes of deep colours.

Sections are those of the PNG specification, third edition.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32, decompressobj
from zlib import error as zlib_error

import numpy as np

from pneumoscope.errors import NotA2DImage, TruncatedImage, UnreadableImage, UnsupportedCoding
from pneumoscope.images.sample_grey import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL import Image

_DEPTH, _COLOUR_TYPE, _INTERLACE = 24, 25, 28  # positions in the file, 11.2.1
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = (
    *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)),
    (1, 0, 2, 1),
)
"""First row and column, and steps between rows and columns, of interlacing (8.2)."""
_STEP_BYTES = 2**20
_TEXTS = frozenset((b"tEXt", b"zTXt", b"iTXt", b"iCCP"))
_PACKED_BYTES, _ALL_TEXT_BYTES = 2**20, 2**25
"""Pillow refuses compressed texts that are longer than the first, and texts longer than twice the second together."""
_MOST_FRAMES = 2**31
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_TRANSPARENT_BYTES = {_GREY: (2,), _RGB: (6,), _PALETTE: range(1, 257)}
"""Lengths of tRNS; one opacity for each entry of a palette, or fewer."""
_RAW_MODES = {_RGB: ("RGB", "RGB;16B", "RGB;16L"), _RGB_ALPHA: ("RGBA", "RGBA;16B", "RGBA;16L")}
"""Pillow's mode, and its names for samples of which the first or the second byte is kept."""
_HALF = 128
"""Of 255: a film of 16 bits that uses all of them is brighter somewhere."""


def checked(data: bytes, name: str) -> bytes:
    """The file without chunks that neither pixels nor facts depend on: Pillow refuses damaged ones of many kinds.

    Of the others, those whose checksums (5.3) are wrong and very long texts and colour profiles are left out, too.

    Args:
        data: The whole file.
        name: What to call the film in messages.

    Raises:
        TruncatedImage: The end is missing.
        NotA2DImage: It is an animation.
        UnreadableImage: A checksum of the header, the palette or the pixels is wrong.
        UnsupportedCoding: It was changed for iPhones.
    """
    view, at, kind, texts, has_pixels = memoryview(data), 8, b"", 0, False
    kept = [view[:8]]
    while kind != b"IEND":
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        end = at + 8 + size
        if end + 4 > len(data):
            raise TruncatedImage(name)
        if kind == b"CgBI":  # of Apple's pngcrush; its pixels have no zlib header
            raise UnsupportedCoding(name, "PNG for iPhones (CgBI)")
        is_sound = crc32(view[at + 4 : end]) == int.from_bytes(data[end : end + 4])
        is_critical = not kind[0] & 0x20  # 5.4: the case of the first letter
        if is_critical and not is_sound:
            raise UnreadableImage(name, "a checksum is wrong")
        has_pixels = has_pixels or kind == b"IDAT"
        content = data[at + 8 : end] if is_sound and not is_critical else b""
        if kind == b"acTL" and not has_pixels and _frames(content) > 1:
            raise NotA2DImage(name, "animation")
        fits = is_critical or _is_for_pillow(kind, content, data[_COLOUR_TYPE])
        if kind in _TEXTS and is_sound and fits:
            # Behind too many, none is counted: that takes time.
            length = _text_bytes(kind, content) if texts <= _ALL_TEXT_BYTES else None
            texts += _PACKED_BYTES if length is None else length
            fits = length is not None and texts <= _ALL_TEXT_BYTES
        if is_sound and fits:
            kept.append(view[at : end + 4])
        at = end + 4
    return data if sum(map(len, kept)) == at else b"".join(kept)


def _frames(content: bytes) -> int:
    """Frames that an acTL chunk (11.3.6.1) states; 0 if it is damaged."""
    frames = int.from_bytes(content[:4])
    return frames if len(content) >= 8 and frames <= _MOST_FRAMES else 0


def _is_for_pillow(kind: bytes, content: bytes, colour_type: int) -> bool:
    """Whether pixels or facts may depend on an ancillary chunk, and Pillow can read it."""
    if kind == b"tRNS":  # 11.3.1.1
        return len(content) in _TRANSPARENT_BYTES.get(colour_type, ())
    if kind == b"pHYs":  # 11.3.4.3
        return len(content) == 9
    if kind in (b"zTXt", b"iCCP"):  # the method behind the keyword is 0
        return content.partition(b"\0")[2][:1] == b"\0"
    return kind in (b"tEXt", b"iTXt", b"eXIf")


def _text_bytes(kind: bytes, content: bytes) -> int | None:
    """Bytes of a text or a colour profile (11.3.3); None for more than `_PACKED_BYTES` that are compressed."""
    rest = content.partition(b"\0")[2]  # behind the keyword
    packed = rest[1:]
    if kind == b"iTXt":
        packed = rest[2:].split(b"\0", 2)[-1] if rest[:1] == b"\1" else b""
    if kind == b"tEXt" or not packed:
        return len(content)
    try:
        length = len(decompressobj().decompress(packed, _PACKED_BYTES + 1))
    except zlib_error:
        return len(content)
    return length if length <= _PACKED_BYTES else None


def check_rows(data: bytes, image: Image.Image, name: str) -> None:
    """Refuses a film whose compressed data ends before its last row: Pillow leaves the rest black.

    Args:
        data: What `checked` returned.
        image: The same, loaded.
        name: What to call the film in messages.

    Raises:
        TruncatedImage: Rows are missing.
    """
    columns, rows = image.size
    if not data[_INTERLACE] and any(image.crop((0, rows - 1, columns, rows)).tobytes()):
        return  # inflating once more takes time
    bits = data[_DEPTH] * _CHANNELS.get(data[_COLOUR_TYPE], 1)
    needed = 0
    for top, left, down, along in _PASSES if data[_INTERLACE] else ((0, 0, 1, 1),):
        width = -(-(columns - left) // along)
        needed += max(0, -(-(rows - top) // down)) * (1 + -(-width * bits // 8)) * (width > 0)
    if _inflated_bytes(data, needed) < needed:
        raise TruncatedImage(name)


def _inflated_bytes(data: bytes, most: int) -> int:
    """How many bytes the IDAT chunks hold, counted up to ``most``."""
    stream, total = decompressobj(), 0
    for kind, start, size in _chunks(data):
        packed = data[start : start + size] if kind == b"IDAT" and total < most else b""
        while packed and not stream.eof and total < most:
            total += len(stream.decompress(packed, _STEP_BYTES))
            packed = stream.unconsumed_tail
    return total


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, position and size of the content of each chunk."""
    at = 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], at + 8, size
        at += 12 + size


def check_palette(data: bytes, image: Image.Image, name: str) -> None:
    """Refuses a film with pixels for which its palette has no entry (11.2.2): Pillow makes them black.

    Args:
        data: What `checked` returned.
        image: The same, loaded.
        name: What to call the film in messages.

    Raises:
        UnreadableImage: An entry is missing.
    """
    if data[_COLOUR_TYPE] == _PALETTE:
        sizes = [size for kind, _, size in _chunks(data) if kind == b"PLTE"]
        entries = sizes[-1] // 3 if sizes else 0
        if entries < 256 and int(np.asarray(image).max()) >= entries:
            raise UnreadableImage(name, "its palette has too few colours")


def hides_bits(data: bytes, pixels: NDArray[Any]) -> bool:
    """Whether samples of 16 bits may use fewer, of which Pillow keeps the high bytes only.

    Args:
        data: A PNG file.
        pixels: Its grey as Pillow gives it, uint8 or in [0, 1].
    """
    if data[_DEPTH] != 16 or data[_COLOUR_TYPE] not in (_RGB, _GREY_ALPHA, _RGB_ALPHA):
        return False
    return bool(pixels.max() < (_HALF if pixels.dtype == np.uint8 else _HALF / 255))


def take_transparent(data: bytes, image: Image.Image) -> int | tuple[int, ...] | None:
    """Takes what tRNS (11.3.1.1) says from a picture of 16 bits: Pillow compares it with 8 of them, or not at all.

    Args:
        data: A PNG file.
        image: The same, loaded.

    Returns:
        The sample, or three of them, of the pixels where nothing is; None without such pixels.
    """
    return image.info.pop("transparency", None) if data[_DEPTH] == 16 else None


def without_transparent(
    stored: NDArray[np.uint16], transparent: int | tuple[int, ...]
) -> NDArray[np.uint16]:
    """Samples (rows, columns, samples) with 0 where nothing is; as they are, if that is everywhere."""
    is_clear = (stored == np.array(transparent)).all(axis=2, keepdims=True)
    return stored if is_clear.all() else np.where(is_clear, np.uint16(0), stored)


def meaning_of(data: bytes) -> Meaning:
    """What the samples of a PNG of 16 bits are."""
    colour_type = data[_COLOUR_TYPE]
    extra = () if colour_type in (_GREY, _RGB) else (2,)
    return Meaning(1 if colour_type in (_GREY, _GREY_ALPHA) else 2, 16, extra)


def samples(data: bytes) -> NDArray[np.uint16]:
    """The samples of a PNG of 16 bits, (rows, columns, samples).

    Pillow decodes colours and alpha twice, once for the high and once for the low bytes.
    """
    if data[_COLOUR_TYPE] == _GREY:
        return _decoded(data, "I;16", "I;16B")[..., None]
    if data[_COLOUR_TYPE] == _GREY_ALPHA:  # two samples of 16 bits are filtered as four of 8
        pairs = _decoded(data, "RGBA", "RGBA")
        return _joined(pairs[:, :, ::2], pairs[:, :, 1::2])
    mode, first, second = _RAW_MODES[data[_COLOUR_TYPE]]
    return _joined(_decoded(data, mode, first), _decoded(data, mode, second))


def _joined(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return np.stack([low, high], axis=-1).view("<u2")[..., 0].astype(np.uint16)


def _decoded(data: bytes, mode: str, raw_mode: str) -> NDArray[Any]:
    from PIL.PngImagePlugin import PngImageFile

    image = cast("Any", PngImageFile(BytesIO(data)))
    image._mode = mode
    image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    image.load()
    return np.asarray(image)
