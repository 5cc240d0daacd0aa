"""JPEG, PNG, TIFF, BMP and WebP, by Pillow.

The decoder classes are called by themselves instead of through ``Image.open``: that would import
every common plugin, and warn of a decompression bomb against a process-wide limit. Sizes are
checked here, on the header.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

import pneumoscope.images.jpeg as jpeg
from pneumoscope.errors import (
    ImageError,
    NotA2DImage,
    TooLarge,
    TruncatedImage,
    UnreadableImage,
    UnsupportedCoding,
)
from pneumoscope.images.jpeg_scans import rare_process
from pneumoscope.records import FilmFacts, Radiograph

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

    from pneumoscope.images.limits import Limits

# Grey levels of 255 by which channels, or chroma from its centre, may stray in a grey film: JPEG's
# quantisation leaves a few.
COLOUR_TOLERANCE = 8

_ORIENTATION = 0x0112  # Exif 2.32, 4.6.4 A
_PHOTOMETRIC, _STRIP_OFFSETS, _STRIP_BYTES = 262, 273, 279  # TIFF 6.0, section 8
_TILE_OFFSETS, _TILE_BYTES = 324, 325  # TIFF 6.0, section 15
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_DEPTHS = (8, 10, 12, 14)  # bits of detectors whose films are kept in 16-bit files


def read_raster(
    data: bytes, kind: str, name: str, limits: Limits, at_least_px: int | None
) -> Radiograph:
    """Decodes one film.

    Args:
        data: The whole file.
        kind: ``"JPEG"``, ``"PNG"``, ``"TIFF"``, ``"BMP"`` or ``"WEBP"``.
        name: What to call the film in messages.
        limits: Bounds on its size.
        at_least_px: Least sides of a reduced JPEG, or None for full size.

    Returns:
        The film, turned upright.

    Raises:
        ImageError: It cannot be read, or is not one film of fitting size.
    """
    try:
        image = _opened(kind, data, name, limits)
        columns, rows = image.size
        if kind == "JPEG":
            _draft(image, at_least_px)
            pixels, bits, tint = _of_jpeg(image, data, name)
        else:
            if kind == "PNG":
                _check_png(data, name)
            image.load()
            pixels, bits, tint = _grey(image)
        if kind == "TIFF" and image.mode in ("F", *_DEEP_MODES) and _white_is_zero(image):
            pixels = 1 - pixels  # Pillow inverts up to 8 bits only
        turn = 1 if kind == "TIFF" else _orientation(image)  # Pillow turns TIFF itself
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        raise _error(error, kind, data, name) from error
    if turn >= 5:
        rows, columns = columns, rows
    config = getattr(image, "decoderconfig", ()) if kind == "JPEG" else ()
    facts = FilmFacts(
        format=kind,
        rows=rows,
        columns=columns,
        bits=data[24] if kind == "PNG" and image.mode not in _DEEP_MODES else bits,  # IHDR's depth
        colour=tint > 0,
        tint=tint,
        reduced_by=config[0] if config else 1,
    )
    return _radiograph(_turned(pixels, turn), facts)


def _opened(kind: str, data: bytes, name: str, limits: Limits) -> ImageFile:
    """The film's header, checked against the limits."""
    if kind == "WEBP":  # Pillow allocates the canvas when it opens the file
        columns, rows = _webp_size(data, name)
        limits.check(name, rows, columns)
    image = header_of(kind, data)
    columns, rows = image.size
    if getattr(image, "is_animated", False):
        raise NotA2DImage(name, "animation" if kind in ("PNG", "WEBP") else "several pages")
    limits.check(name, rows, columns)
    return image


def _error(error: Exception, kind: str, data: bytes, name: str) -> ImageError:
    """What Pillow's error means."""
    if isinstance(error, Image.DecompressionBombError):  # Pillow's limit, above a raised max_pixels
        count = re.search(r"\d+ pixels", str(error))
        return TooLarge(name, count[0] if count else "too many pixels", "that of Pillow")
    if kind == "JPEG" and (process := rare_process(data)):
        return UnsupportedCoding(name, process)
    if _is_cut(kind, data) or "truncated" in str(error).lower():
        return TruncatedImage(name)
    return UnreadableImage(name, f"the {kind} data is broken")


def _radiograph(upright: NDArray[Any], facts: FilmFacts) -> Radiograph:
    if upright.dtype == np.uint8:
        return Radiograph(np.divide(upright, np.float32(255), dtype=np.float32), facts, upright)
    return Radiograph(upright, facts)


def header_of(kind: str, data: bytes) -> ImageFile:
    """A film's header; only WebP sets memory aside for pixels.

    Args:
        kind: What `images.sniff` said: ``"JPEG"``, ``"PNG"``, ``"TIFF"``, ``"BMP"`` or ``"WEBP"``.
        data: The whole file.
    """
    stream = BytesIO(data)
    if kind == "JPEG":
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile(stream)
    if kind == "PNG":
        from PIL.PngImagePlugin import PngImageFile

        return PngImageFile(stream)
    if kind == "TIFF":
        from PIL.TiffImagePlugin import TiffImageFile

        return TiffImageFile(stream)
    if kind == "BMP":
        from PIL.BmpImagePlugin import BmpImageFile

        return BmpImageFile(stream)
    from PIL.WebPImagePlugin import WebPImageFile

    return WebPImageFile(stream)


def _webp_size(data: bytes, name: str) -> tuple[int, int]:
    """(columns, rows) from the header of the first chunk (RFC 9649, 2.5 to 2.7)."""
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


def _check_png(data: bytes, name: str) -> None:
    """Checks the chunks' checksums (PNG 5.3): Pillow lets wrong ones of pixel data pass."""
    from zlib import crc32

    view, at, kind = memoryview(data), 8, b""
    while kind != b"IEND":
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        end = at + 8 + size
        if end + 4 > len(data):
            raise TruncatedImage(name)
        is_critical = not kind[0] & 0x20  # PNG 5.4: the case of the first letter
        if is_critical and crc32(view[at + 4 : end]) != int.from_bytes(data[end : end + 4]):
            raise UnreadableImage(name, "a checksum is wrong")
        at = end + 4


def _draft(image: ImageFile, at_least_px: int | None) -> None:
    """Asks libjpeg for YCbCr, whose Y is the luminance, and for fewer pixels if allowed."""
    film = cast("Any", image)  # Pillow's stub of draft() knows nothing of None
    mode = None
    if image.mode == "RGB":
        transform = image.info.get("adobe_transform")
        ids = tuple(layer[0] for layer in film.layer)
        # libjpeg's own rule (jdapimin.c, default_decompress_parms): only these hold RGB as it is.
        is_rgb = "jfif" not in image.info and (
            transform == 0 or (transform is None and ids in ((82, 71, 66), (114, 103, 98)))
        )
        mode = None if is_rgb else "YCbCr"
    if mode or at_least_px:
        film.draft(mode, (at_least_px, at_least_px) if at_least_px else None)


def _of_jpeg(image: ImageFile, data: bytes, name: str) -> tuple[NDArray[Any], int, float]:
    """As `_grey`; the film is complete, see `pneumoscope.images.jpeg`."""
    if image.mode in ("L", "YCbCr"):
        columns, rows = image.size
        levels = jpeg.luminance(data, name, rows, columns)
        return levels, 8, 0.0 if image.mode == "L" else _tint_of_chroma(image)
    jpeg.check(data, name, cmyk=image.mode == "CMYK")
    return _grey(image)


def _tint_of_chroma(image: Image.Image) -> float:
    spread = [extreme for band in image.split()[1:] for extreme in _extrema(band)]
    if max(abs(value - 128) for value in spread) <= COLOUR_TOLERANCE:
        return 0.0
    return _tint(image.convert("RGB"))


def _grey(image: Image.Image) -> tuple[NDArray[Any], int, float]:
    """Luminance (rows, columns), bits per sample, and the tint, see `FilmFacts`.

    It is uint8 where the film holds 8-bit grey, else float32 in [0, 1]. Luminance is ITU-R 601-2 luma, as Pillow's mode L; what is transparent lies on black.
    """
    mode = image.mode
    if mode == "L" and "transparency" not in image.info:
        return _levels(image), 8, 0.0
    if mode == "1":
        return _levels(image.convert("L")), 1, 0.0
    if mode == "YCbCr":
        return _levels(image.getchannel("Y")), 8, _tint_of_chroma(image)
    if mode in _DEEP_MODES:
        return _deep(np.asarray(image).astype(np.int32))
    if mode == "F":
        return _floating(np.asarray(image))
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or image.has_transparency_data:
        if mode in ("La", "RGBa"):
            image = image.convert(mode[:-1] + "A")
        image = image.convert("RGBA")
        grey = _unit(image.convert("RGB").convert("L")) * _unit(image.getchannel("A"))
        return grey, 8, 0.0 if mode in ("LA", "La", "L") else _tint(image)
    rgb = image if mode == "RGB" else image.convert("RGB")
    return _levels(rgb.convert("L")), 8, _tint(rgb)


def _levels(image: Image.Image) -> NDArray[np.uint8]:
    return np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width)


def _unit(image: Image.Image) -> NDArray[np.float32]:
    """8-bit grey as float32 in [0, 1]; multiplied by 255 it gives the stored value again."""
    return np.divide(_levels(image), np.float32(255), dtype=np.float32)


def _extrema(band: Image.Image) -> tuple[int, int]:
    low, high = cast("tuple[int, int]", band.getextrema())
    return int(low), int(high)


def _tint(image: Image.Image) -> float:
    """Mean difference of red and blue from green, in [0, 1]; 0 if it is but the noise of JPEG."""
    from PIL import ImageChops, ImageStat

    red, green, blue = image.split()[:3]
    differences = [ImageChops.difference(green, other) for other in (red, blue)]
    if max(_extrema(difference)[1] for difference in differences) <= COLOUR_TOLERANCE:
        return 0.0
    return max(float(ImageStat.Stat(difference).mean[0]) for difference in differences) / 255


def _deep(stored: NDArray[np.int32]) -> tuple[NDArray[np.float32], int, float]:
    """Scales 9 to 16 bits by the smallest usual depth that holds the brightest pixel."""
    low, high = int(stored.min()), int(stored.max())
    if low < 0 or high > 65535:  # signed or 32-bit: the file does not say what white is
        return _stretched(stored.astype(np.float64), low, high), 32 if high > 65535 else 16, 0.0
    bits = next((depth for depth in _DEPTHS if high < 1 << depth), 16)
    return np.divide(stored, np.float32((1 << bits) - 1), dtype=np.float32), bits, 0.0


def _floating(stored: NDArray[np.float32]) -> tuple[NDArray[np.float32], int, float]:
    """Takes [0, 1] as it is and stretches any other range; what is not finite becomes the least."""
    finite = np.isfinite(stored)
    if not finite.any():
        raise ValueError("no finite pixel")
    low, high = float(stored[finite].min()), float(stored[finite].max())
    filled = np.where(finite, stored, np.float32(low))
    if low >= 0 and high <= 1:
        return filled, 32, 0.0
    return _stretched(filled.astype(np.float64), low, high), 32, 0.0


def _stretched(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float32]:
    span = high - low or 1.0
    return ((values - low) / span).astype(np.float32)


def _white_is_zero(image: ImageFile) -> bool:
    return bool(cast("Any", image).tag_v2.get(_PHOTOMETRIC) == 0)


def _orientation(image: ImageFile) -> int:
    """The Exif orientation, 1 to 8; 1 is upright."""
    if "exif" not in image.info and "Raw profile type exif" not in image.info:
        return 1  # Pillow's Exif reader costs an import
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 (broken Exif does not make the film unreadable)
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undoes an Exif orientation: 2 mirrored, 3 upside down, 4 flipped, 5 to 8 on its side."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if pixels.dtype != np.uint8:
        return np.ascontiguousarray(pixels, np.float32)
    return np.ascontiguousarray(pixels)


def _is_cut(kind: str, data: bytes) -> bool:
    """Whether the end of a file is missing, judged by its own end marks and lengths."""
    if kind == "JPEG":
        return b"\xff\xd9" not in data[-64:]  # some writers pad behind the end
    if kind == "PNG":
        return b"IEND" not in data[-64:]
    if kind == "BMP":
        return int.from_bytes(data[2:6], "little") > len(data)
    if kind == "TIFF":
        return _tiff_is_cut(data)
    return False  # WebP was checked on opening


def _tiff_is_cut(data: bytes) -> bool:
    """Whether the directory, or a strip or tile that it names, lies beyond the end."""
    order = "little" if data[:2] == b"II" else "big"
    wide = data[2:4] in (b"+\0", b"\0+")  # BigTIFF
    start = int.from_bytes(data[8:16] if wide else data[4:8], cast("Any", order))
    if start + 2 > len(data):
        return True
    try:
        tags = cast("Any", header_of("TIFF", data)).tag_v2
        for where, size in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
            ends = zip(tags.get(where, ()), tags.get(size, ()), strict=False)
            if any(offset + count > len(data) for offset, count in ends):
                return True
    except Exception:  # noqa: BLE001 (a directory that cannot be read says nothing of its end)
        return False
    return False
