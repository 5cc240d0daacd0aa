"""Reads a film: picks the decoder by the first bytes, never by the file's ending.

A decoder is imported only when it is needed: ``raster`` (Pillow) for JPEG, PNG, TIFF, BMP and WebP,
``dicom`` (pydicom) for DICOM.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from pneumoscope.errors import ImageError, StoredAsText, UnknownFormat, UnreadableImage
from pneumoscope.images.foreign import foreign_kind, is_stored_as_text
from pneumoscope.images.formats import sniff
from pneumoscope.images.limits import MAX_BYTES, MAX_PIXELS, MIN_SIDE_PX, Limits
from pneumoscope.images.quiet import quiet
from pneumoscope.images.sources import Source, load_bytes, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumoscope.images.film_values import FilmValues
    from pneumoscope.records import Radiograph

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


def read(
    source: Source,
    *,
    at_least_px: int | None = None,
    name: str | None = None,
    min_side_px: int = MIN_SIDE_PX,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> Radiograph:
    """Reads one film.

    Args:
        source: A path, the bytes of a file, or a binary stream (read from its current position).
        at_least_px: If given, a large JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, as long
            as either side keeps at least this many pixels. ``facts.rows`` and
            ``facts.columns`` stay those of the stored film.
        name: What to call the film in messages; by default ``name_of(source)``.
        min_side_px: Fewest pixels along either side.
        max_pixels: Most rows x columns x frames, checked in the header before decoding.
        max_bytes: Most bytes of the file; of a stream no more than one byte beyond is read.

    Returns:
        The film: pixels float32 (rows, columns) in [0, 1], C-contiguous, 0 = air-dark.

    Raises:
        ImageError: One of its subclasses, for every way in which a film can be unreadable.
    """
    label = name_of(source) if name is None else name
    data = load_bytes(source, label, max_bytes)
    limits = Limits(max_pixels, min_side_px)

    def decode(kind: str) -> Radiograph:
        if kind == "DICOM":
            from pneumoscope.images.dicom import read_dicom

            return read_dicom(data, label, limits)
        from pneumoscope.images.raster import read_raster

        return read_raster(data, kind, label, limits, at_least_px)

    return _decoded(data, label, decode)


def read_values(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> FilmValues:
    """Reads one film at its full depth, with the windows and lookup tables of its header.

    Args:
        data: The whole file.
        name: What to call the film in messages.
        max_pixels: Most rows x columns x frames, checked in the header before decoding.

    Raises:
        ImageError: As for `read`.
    """
    limits = Limits(max_pixels, MIN_SIDE_PX)

    def decode(kind: str) -> FilmValues:
        if kind == "DICOM":
            from pneumoscope.images.dicom import read_values

            return read_values(data, name, limits)
        from pneumoscope.images.film_values import of_radiograph
        from pneumoscope.images.raster import read_raster

        return of_radiograph(read_raster(data, kind, name, limits, None))

    return _decoded(data, name, decode)


def size_of(source: Source) -> tuple[int, int]:
    """Rows and columns of a film, turned upright, by its header alone.

    Args:
        source: A path, the bytes of a file, or a binary stream.

    Raises:
        ImageError: The file or its header cannot be read, or states no size.
    """
    name = name_of(source)
    data = load_bytes(source, name)

    def decode(kind: str) -> tuple[int, int]:
        if kind == "DICOM":
            import pneumoscope.images.dicom as dicom

            return dicom.size_of(data, name)
        import pneumoscope.images.raster as raster

        return raster.size_of(data, kind, name)

    size = _decoded(data, name, decode)
    if min(size) < 1:
        raise UnreadableImage(name, "its header states no size")
    return size


def _decoded(data: bytes, label: str, decode: Callable[[str], _T]) -> _T:
    """Calls a decoder with the kind of the file; every failure becomes an `ImageError`."""
    kind = sniff(data)
    if kind is None:
        raise UnknownFormat(label, *foreign_kind(data[:1024]))
    try:
        with quiet():
            return decode(kind)
    except ImageError as error:
        if isinstance(error, UnreadableImage) and is_stored_as_text(data):
            raise StoredAsText(label) from error
        raise
    except MemoryError as error:
        raise UnreadableImage(label, "the memory does not suffice") from error
    except Exception as error:
        _log.debug("the %s decoder failed", kind, exc_info=True)
        if is_stored_as_text(data):
            raise StoredAsText(label) from error
        # A decoder's text may quote the file, and a DICOM header holds names: its class suffices.
        raise UnreadableImage(
            label, f"the {kind} decoder failed: {type(error).__name__}"
        ) from error
