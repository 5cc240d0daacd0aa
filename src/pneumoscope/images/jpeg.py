"""JPEG by libjpeg-turbo through simplejpeg, which tells of its warnings.

libjpeg fills what is missing or damaged with grey, and only warns. Pillow does not pass the warnings
on, so a film that lacks its lower part looks complete. Here a warning is an error, unless it concerns
something that no pixel depends on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import TruncatedImage, UnreadableImage, UnsupportedCoding
from pneumoscope.images.jpeg_scans import (
    has_one_scan,
    jpeg_scans,
    rare_process,
    without_padding,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST_SCANS = 100
"""Encoders write about ten. Each scan visits every block of the film, however few bytes it has."""
_OFTEN_HARMLESS = ("extraneous", "Invalid SOS", "JFIF", "Adobe")
"""Words of warnings that some writers' sound files give rise to."""
_BASELINE_PARAMETERS = b"\0\x3f\0"
"""Ss, Se, Ah and Al of a sequential scan (ITU-T T.81 table B.3)."""
_JFIF_VERSION = re.compile(rb"(\xff\xe0..JFIF\0)..", re.DOTALL)
_ADOBE_TRANSFORM = re.compile(rb"(\xff\xee\0\x0eAdobe.{6})[^\0-\2]", re.DOTALL)
"""The last byte of segment APP14 (Adobe Technical Note 5116) is 0, 1 or 2."""
_HEAD_BYTES = 4096
"""The application segments in question come first."""


def luminance(
    data: bytes, name: str, rows: int = 0, columns: int = 0, *, strict: bool = True
) -> NDArray[Any]:
    """The luminance of a complete JPEG, as libjpeg's colour space grey.

    Args:
        data: From SOI; what follows EOI is ignored.
        name: What to call the film in messages.
        rows: Rows wanted: of the reduced film, rounded up, or 0 for full size.
        columns: Columns wanted, likewise.
        strict: Whether a warning is an error; False for what `jpeg_end.without_end` closed.

    Returns:
        uint8 (rows, columns).

    Raises:
        TruncatedImage: A part of the compressed data, or a scan, is missing.
        UnsupportedCoding: It is a kind of JPEG that libjpeg does not decode.
        UnreadableImage: Its data is damaged.
    """
    return _decoded(data, name, "GRAY", (rows, columns), strict)[:, :, 0]


def grey_of_colour(
    data: bytes, name: str, rows: int, columns: int, *, strict: bool = True
) -> NDArray[Any] | None:
    """The luminance of a complete JPEG in YCbCr that contains no colour at all.

    Many films are grey pictures that were stored in colour; this needs one decoding for both.

    Args:
        data: From SOI; what follows EOI is ignored.
        name: What to call the film in messages.
        rows: Rows wanted, as in `luminance`.
        columns: Columns wanted, likewise.
        strict: As in `luminance`.

    Returns:
        uint8 (rows, columns), the same as of `luminance`; None if a pixel has colour.

    Raises:
        ImageError: As `luminance`.
    """
    red, green, blue = np.moveaxis(_decoded(data, name, "RGB", (rows, columns), strict), 2, 0)
    # Equal channels are the luminance itself: so for each of the 2 ** 24 triples of Y, Cb and Cr by
    # libjpeg's integer conversion (jdcolor.c).
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return np.ascontiguousarray(red)
    return None


def check(data: bytes, name: str, *, cmyk: bool = False) -> None:
    """Raises what `luminance` would, as cheaply as possible; for films that another decoder reads.

    Args:
        data: From SOI; what follows EOI is ignored.
        name: What to call the film in messages.
        cmyk: Whether it has four components.
    """
    _decoded(data, name, "CMYK" if cmyk else "GRAY", (1, 1), strict=True)


def check_scans(data: bytes, name: str) -> None:
    """Refuses a JPEG with so many scans that decoding would take long.

    Args:
        data: From SOI.
        name: What to call the film in messages.

    Raises:
        UnreadableImage: It has more than `MOST_SCANS`.
    """
    if not has_one_scan(data):
        _refuse_many_scans(data, name)


def _refuse_many_scans(data: bytes, name: str) -> None:
    # Of a large film, counting takes as long as a tenth of decoding. A thumbnail or text before the
    # scans may contain some more markers.
    if data.count(b"\xff\xda") > MOST_SCANS:
        scans = len(jpeg_scans(data).parameters)
        if scans > MOST_SCANS:
            raise UnreadableImage(name, f"{scans:,} scans; a film has at most {MOST_SCANS}")


def _decoded(
    data: bytes, name: str, colours: str, shape: tuple[int, int], strict: bool
) -> NDArray[Any]:
    import simplejpeg

    is_single = has_one_scan(data)
    if not is_single:
        _refuse_many_scans(data, name)

    def decode(codestream: bytes) -> NDArray[Any]:
        # libjpeg-turbo takes the smallest of its scales that leaves so many rows and columns.
        pixels: NDArray[Any] = simplejpeg.decode_jpeg(
            codestream, colours, min_height=shape[0], min_width=shape[1], strict=strict
        )
        return pixels

    try:
        pixels = decode(data)
    except ValueError as error:
        if not any(word in str(error) for word in _OFTEN_HARMLESS):
            raise _error(data, name, str(error)) from error
        for mended in _mended(data):
            try:
                pixels = decode(mended)
                break
            except ValueError:
                continue
        else:
            raise _error(data, name, str(error)) from error
    if is_single or not strict:
        return pixels
    scans = jpeg_scans(data, brief=True)
    if not scans.complete:
        raise TruncatedImage(name)
    if scans.blank:
        raise UnreadableImage(name, "a part of the JPEG data is blank")
    return pixels


def _mended(data: bytes) -> Iterator[bytes]:
    """The codestream without what some writers add or set, and no pixel depends on.

    It is decoded strictly again: where the data is really damaged, a warning remains.
    """
    sound = _with_usual_headers(data)
    yield sound
    yield from without_padding(sound)


def _with_usual_headers(data: bytes) -> bytes:
    """Replaces values that libjpeg warns of by those that it assumes instead."""
    scans = jpeg_scans(data)
    if not scans.progressive:
        for at in scans.parameters:
            data = data[:at] + _BASELINE_PARAMETERS + data[at + 3 :]
    head, rest = data[:_HEAD_BYTES], data[_HEAD_BYTES:]
    head = re.sub(_JFIF_VERSION, lambda match: match[1] + b"\1\1", head, count=1)
    head = re.sub(_ADOBE_TRANSFORM, lambda match: match[1] + b"\1", head, count=1)
    return head + rest


def _error(data: bytes, name: str, warning: str) -> UnreadableImage | UnsupportedCoding:
    if "premature end" in warning.lower():
        return TruncatedImage(name)
    process = rare_process(data)
    if process:
        return UnsupportedCoding(name, process)
    # libjpeg's words hold numbers and markers only, nothing of the file's text.
    reason = re.sub(r"^.*?\(\): |^Corrupt JPEG data: ", "", warning)
    return UnreadableImage(name, f"damaged JPEG data: {reason}"[:200])
