"""JPEG, PNG, TIFF, BMP and WebP, by Pillow.

The decoder classes are called by themselves instead of through ``Image.open``: that would import
every common plugin, and warn of a decompression bomb against a process-wide limit. Sizes are
checked here, on the header.
"""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

import pneumoscope.images.jpeg as jpeg
import pneumoscope.images.png as png
import pneumoscope.images.tiff as tiff
import pneumoscope.images.tiff_samples as tiff_samples
import pneumoscope.images.webp as webp
from pneumoscope.errors import (
    ImageError,
    NotA2DImage,
    TooLarge,
    TruncatedImage,
    UnreadableImage,
    UnsupportedCoding,
)
from pneumoscope.images.erased import missing_rows
from pneumoscope.images.exif import read_exif
from pneumoscope.images.jpeg_end import without_end
from pneumoscope.images.jpeg_scans import rare_process
from pneumoscope.images.raster_grey import DEEP_MODES, luminance
from pneumoscope.images.sample_grey import Meaning, luminance_of_samples
from pneumoscope.images.sample_range import NoFinitePixel
from pneumoscope.images.screen_grid import has_screen_grid
from pneumoscope.images.sides import has_grey_side
from pneumoscope.records import FilmFacts, Radiograph

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

    from pneumoscope.images.limits import Limits

_STRIP_OFFSETS, _STRIP_BYTES = 273, 279  # TIFF 6.0, section 8
_TILE_OFFSETS, _TILE_BYTES = 324, 325  # TIFF 6.0, section 15


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
        if kind == "TIFF":
            return _of_tiff(data, name, limits)
        if kind == "PNG":
            data = png.checked(data, name)
        image = _opened(kind, data, name, limits)
        columns, rows = image.size
        missing = None
        if kind == "JPEG":
            image, (pixels, bits, tint), missing = _of_jpeg(image, data, name, at_least_px)
        else:
            image.load()
            if kind == "PNG":
                png.check_rows(data, image, name)
                png.check_palette(data, image, name)
            pixels, bits, tint = _of_png(image, data, name) if kind == "PNG" else luminance(image)
        if kind == "BMP":
            missing = missing_rows(pixels[::-1], name)  # the lowest row comes first
        if kind == "WEBP":
            webp.check(data, name)
        turn, taken_by = read_exif(image)
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
        bits=data[24] if kind == "PNG" and image.mode not in DEEP_MODES else bits,  # IHDR's depth
        colour=tint > 0,
        tint=tint,
        reduced_by=config[0] if config else 1,
        missing_rows=missing,
        taken_by=taken_by,
    )
    return _radiograph(_turned(pixels, turn), facts)


def size_of(data: bytes, kind: str, name: str) -> tuple[int, int]:
    """Rows and columns of a film by its header, turned upright; 0 if it does not state them.

    Args:
        data: The whole file.
        kind: As for `read_raster`.
        name: What to call the film in messages.

    Raises:
        ImageError: The header cannot be read.
    """
    if kind == "TIFF":
        page = tiff.film_page(data, name)
        rows, columns, turn = page.rows, page.columns, page.orientation
    else:
        image = header_of(kind, png.checked(data, name) if kind == "PNG" else data)
        (columns, rows), turn = image.size, read_exif(image)[0]
    return (columns, rows) if turn >= 5 else (rows, columns)


def _of_png(image: ImageFile, data: bytes, name: str) -> tuple[NDArray[Any], int, float]:
    """As `luminance`, of a loaded picture."""
    transparent = png.take_transparent(data, image)
    grey = luminance(image)
    if transparent is None and not png.hides_bits(data, grey[0]):
        return grey
    stored = png.samples(data)
    if transparent is not None:
        stored = png.without_transparent(stored, transparent)
    return luminance_of_samples(stored, png.meaning_of(data), name)


def _of_tiff(data: bytes, name: str, limits: Limits) -> Radiograph:
    page = tiff.film_page(data, name)
    limits.check(name, page.rows, page.columns)
    tiff.check_compression(page, name)
    image = None if tiff.is_for_numpy(page) else _opened_tiff(page)
    if image is None:
        pixels, bits, tint = luminance_of_samples(
            tiff_samples.samples(page, name),
            Meaning(page.photometric, page.bits[0], page.extra, page.colour_map),
            name,
        )
        turn = page.orientation
        rows, columns = (page.columns, page.rows) if turn >= 5 else (page.rows, page.columns)
    else:
        image.load()
        pixels, bits, tint = luminance(image)
        if image.mode in ("F", *DEEP_MODES) and page.photometric == tiff.WHITE_IS_ZERO:
            pixels = 1 - pixels  # Pillow inverts up to 8 bits only
        if image.mode == "L" and tiff.PHOTOMETRIC not in page.tags:  # JPEG, for one
            pixels = 255 - pixels  # Pillow takes 0 for white
        turn = 1  # Pillow turns it
        columns, rows = image.size
    is_plain = page.compression == tiff.UNCOMPRESSED and not page.tiled
    facts = FilmFacts(
        format="TIFF",
        rows=rows,
        columns=columns,
        bits=min(bits, max(page.bits)),  # Pillow makes 8 of fewer
        colour=tint > 0,
        tint=tint,
        missing_rows=missing_rows(pixels, name) if is_plain else None,
    )
    return _radiograph(_turned(pixels, turn), facts)


def _opened_tiff(page: tiff.Page) -> ImageFile | None:
    """The page as Pillow opens it; None if it does not know the layout."""
    try:
        return header_of("TIFF", page.data)
    except (SyntaxError, KeyError):
        return None


def _opened(kind: str, data: bytes, name: str, limits: Limits) -> ImageFile:
    """The film's header, checked against the limits."""
    if kind == "WEBP":  # Pillow allocates the canvas when it opens the file
        columns, rows = webp.size_of(data, name)
        limits.check(name, rows, columns)
    image = header_of(kind, data)
    columns, rows = image.size
    if getattr(image, "is_animated", False):
        raise NotA2DImage(name, "animation")
    limits.check(name, rows, columns)
    return image


def _error(error: Exception, kind: str, data: bytes, name: str) -> ImageError:
    """What Pillow's error means."""
    if isinstance(error, Image.DecompressionBombError):  # Pillow's limit, above a raised max_pixels
        count = re.search(r"\d+ pixels", str(error))
        return TooLarge(name, count[0] if count else "too many pixels", "that of Pillow")
    if isinstance(error, NoFinitePixel):
        return UnreadableImage(name, str(error))
    if kind == "JPEG" and (process := rare_process(data)):
        return UnsupportedCoding(name, process)
    if _is_cut(kind, data) or "truncated" in str(error).lower():
        return TruncatedImage(name)
    return UnreadableImage(name, f"the {kind} data is broken")


def _radiograph(upright: NDArray[Any], facts: FilmFacts) -> Radiograph:
    if has_grey_side(upright):
        facts = replace(facts, grey_side=True)
    if has_screen_grid(upright):
        facts = replace(facts, screen_grid=True)
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
        from pneumoscope.images.jpeg_header import JpegHeader

        return JpegHeader(stream)
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


def _of_jpeg(
    image: ImageFile, data: bytes, name: str, at_least_px: int | None
) -> tuple[ImageFile, tuple[NDArray[Any], int, float], int | None]:
    """The header, the same as `luminance`, and the number of missing rows, None if it is complete."""
    _draft(image, at_least_px)
    try:
        return image, _luminance_of_jpeg(image, data, name, strict=True), None
    except TruncatedImage:
        closed, missing = without_end(data, name, cmyk=image.mode == "CMYK")
    image = header_of("JPEG", closed)
    _draft(image, at_least_px)
    return image, _luminance_of_jpeg(image, closed, name, strict=False), missing


def _luminance_of_jpeg(
    image: ImageFile, data: bytes, name: str, *, strict: bool
) -> tuple[NDArray[Any], int, float]:
    """As `luminance`; if ``strict``, the film is complete, see `pneumoscope.images.jpeg`."""
    columns, rows = image.size
    if image.mode == "L":
        return jpeg.luminance(data, name, rows, columns, strict=strict), 8, 0.0
    if image.mode == "YCbCr":
        levels = jpeg.grey_of_colour(data, name, rows, columns, strict=strict)
        return luminance(image) if levels is None else (levels, 8, 0.0)
    if strict:
        jpeg.check(data, name, cmyk=image.mode == "CMYK")
    return luminance(image)


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
