"""Decodes the pixels of a DICOM film.

References are to the DICOM standard, PS3.3 to PS3.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import pneumoscope.images.dicom_tags as tags
import pneumoscope.images.jpeg as jpeg
import pneumoscope.images.jpeg_2000 as jpeg_2000
import pneumoscope.images.rle as rle
from pneumoscope.errors import NotA2DImage, TruncatedImage, UnreadableImage
from pneumoscope.images.codestream import (
    Frame,
    check_lossless,
    coding_of,
    frame_of,
    without_zeros_before_end,
)
from pneumoscope.images.dicom_elements import UNDEFINED, Element, Layout, element_at
from pneumoscope.images.erased import missing_rows
from pneumoscope.images.fragments import joined
from pneumoscope.images.jpeg_end import without_end
from pneumoscope.images.stored_bits import film_values
from pneumoscope.images.transfer_syntax import (
    BIG,
    CODINGS,
    EXPLICIT,
    is_encapsulated,
    native_bytes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.images.header import Header

# Coding to the pydicom plugin that decodes it, or to the library that is called by itself; "" is no
# library. None of them is pylibjpeg-libjpeg, which is GPL.
PLUGINS = {
    "": "",
    "encapsulated": "",
    "rle": "",  # pydicom takes damaged data for padding; see `rle`
    "jpeg": "pillow",
    "jpeg-12": "gdcm",  # lossy, more than 8 bits
    "jpeg-lossless": "gdcm",
    "jpeg-ls": "pyjpegls",
    # pydicom's own way to openjpeg asks for the pylibjpeg package too; see _jpeg_2000
    "jpeg-2000": "openjpeg",
    "htj2k": "openjpeg",
}
# The transfer syntaxes by which pydicom's plugins and gdcm know a coding.
_KNOWN_AS = {
    "jpeg": "1.2.840.10008.1.2.4.50",
    "jpeg-12": "1.2.840.10008.1.2.4.51",
    "jpeg-lossless": "1.2.840.10008.1.2.4.57",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
}

_ROW_STEP = 16  # rows that tell what three samples are
_NO_CHROMA = 128  # of 8 bits (PS3.3 C.7.6.3.1.2)


def decode(
    data: bytes, at: int, head: Header, syntax: str, implicit: bool, name: str
) -> NDArray[Any]:
    """Integers (rows, columns), or (rows, columns, 3) in RGB; foreign bits are removed."""
    value = pixel_data(data, at, Layout(implicit, syntax != BIG))
    allocated = head.short(tags.ALLOCATED) or 0
    if not CODINGS[syntax]:
        if is_encapsulated(data, value) and value.length == UNDEFINED:
            raise UnreadableImage(name, "compressed pixels in an uncompressed transfer syntax")
        length = native_bytes(head, value.length)
        if _has_frames(data, value, length):
            raise NotA2DImage(name, f"{value.length // length} frames")  # whatever the header says
        frame = data[value.start : value.start + min(value.length, length)]
        return film_values(_native(frame, head, syntax, value.vr, name), allocated, head)
    codestream = _codestream(data, value.start, value.length, head, name)
    coding = coding_of(codestream) or CODINGS[syntax]
    if coding == "encapsulated":
        frame = codestream[: native_bytes(head, len(codestream))]
        return film_values(_native(frame, head, EXPLICIT, value.vr, name), allocated, head)
    about = frame_of(codestream)
    width = allocated if about is None else about.bits
    pixels = _decompressed(codestream, coding, about, head, name)
    return film_values(_as_stated(pixels, head), width, head)


def decode_incomplete(
    data: bytes, at: int, head: Header, syntax: str, implicit: bool, name: str
) -> tuple[NDArray[Any], int]:
    """As `decode`, of a film of which `decode` says that its end is missing.

    Returns:
        Its values, and how many of its lowest rows are missing.

    Raises:
        TruncatedImage: It is no JPEG of 8 bits, or more is missing than `jpeg_end` allows.
    """
    value = pixel_data(data, at, Layout(implicit, syntax != BIG))
    if not CODINGS[syntax]:
        raise TruncatedImage(name)
    codestream = _codestream(data, value.start, value.length, head, name)
    coding = coding_of(codestream)
    if coding != "jpeg":
        raise TruncatedImage(name)
    options = _options(head, 8, frame_of(codestream))
    closed, missing = without_end(codestream, name)
    if options["samples_per_pixel"] == 1:
        pixels = jpeg.luminance(closed, name, strict=False)
    else:
        pixels = _by_pillow(closed, options)
    return film_values(_as_stated(pixels, head), 8, head), missing


def missing_rows_of_native(
    data: bytes, at: int, head: Header, syntax: str, implicit: bool, name: str
) -> int | None:
    """How many of the lowest rows of an uncompressed film were erased; None if none was.

    Raises:
        UnreadableImage: Rows between others were erased.
    """
    allocated = head.short(tags.ALLOCATED) or 0
    if CODINGS[syntax] or allocated < 8:
        return None
    value = pixel_data(data, at, Layout(implicit, syntax != BIG))
    samples = head.short(tags.SAMPLES) or 1
    columns = (head.short(tags.COLUMNS) or 0) * (1 if head.short(tags.PLANAR) == 1 else samples)
    order = f"{'>' if syntax == BIG else '<'}u{allocated // 8}"
    size = native_bytes(head, value.length)
    words = np.frombuffer(data, order, size // (allocated // 8), value.start)
    if len(words) % columns:  # shared chroma
        return None
    return missing_rows(words.reshape(-1, columns), name)


def pixel_data(data: bytes, at: int, layout: Layout) -> Element:
    """The pixel data element, which begins at a position."""
    return element_at(data, at, len(data), layout)


def _options(head: Header, allocated: int, frame: Frame | None = None) -> dict[str, Any]:
    """What pydicom must know: whole words without a sign, because `film_values` does the rest."""
    samples, photometric = head.short(tags.SAMPLES) or 1, head.photometric
    if frame is not None and frame.samples == 1:
        samples, photometric = 1, "MONOCHROME2"
    return {
        "rows": head.short(tags.ROWS),
        "columns": head.short(tags.COLUMNS),
        "samples_per_pixel": samples,
        "bits_allocated": allocated,
        "bits_stored": allocated,
        "pixel_representation": 0,
        "photometric_interpretation": photometric,
        "planar_configuration": 0,  # that of a compressed frame is its own affair (PS3.5 8.2)
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
        "pixel_vr": "OW",
    }


def _native(frame: bytes, head: Header, syntax: str, vr: str | None, name: str) -> NDArray[Any]:
    """Uncompressed pixels."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    if len(frame) < native_bytes(head, len(frame)):
        raise TruncatedImage(name)
    options = _options(head, head.short(tags.ALLOCATED) or 0)
    options |= {
        "pixel_vr": vr if vr in ("OB", "OW") else "OW",
        "planar_configuration": int(head.short(tags.PLANAR) == 1),
        "as_rgb": False,
    }
    if len(frame) > native_bytes(head):
        options["photometric_interpretation"] = "YBR_FULL"
    source = frame + b"\0" * (len(frame) % 2)
    array, _ = get_decoder(UID(syntax)).as_array(source, index=0, decoding_plugin="", **options)
    return _rgb(array, head.photometric)


def _has_frames(data: bytes, value: Element, length: int) -> bool:
    """Whether uncompressed pixels are those of several frames of so many bytes, and the others are not empty."""
    is_whole = length > 0 and value.start + value.length <= len(data)
    if not is_whole or value.length <= length + 1 or value.length % length > 1:
        return False
    others = np.frombuffer(data, np.uint8, value.length - length, value.start + length)
    others = others[: len(others) - value.length % length]
    return bool((others != others[0]).any())


def _codestream(data: bytes, at: int, length: int, head: Header, name: str) -> bytes:
    """The one frame of a compressed value, its fragments joined.

    Its own header must agree with the data set's: a decoder sets memory aside by the frame's.
    """
    value = Element(0, None, at, length)
    if (
        length != UNDEFINED
        and not is_encapsulated(data, value)
        and coding_of(data[at : at + length])
    ):
        codestream = data[at : at + length]  # not in fragments, against PS3.5 A.4
    else:
        codestream = joined(data, at, length, name)
    frame = frame_of(codestream)
    if frame is not None:
        rows, columns = head.short(tags.ROWS), head.short(tags.COLUMNS)
        if (frame.rows, frame.columns) != (rows, columns):
            raise UnreadableImage(
                name,
                f"its header says {columns} x {rows}, its frame {frame.columns} x {frame.rows}",
            )
        # Some programs write a grey frame, and a header of colour.
        if frame.samples not in (1, head.short(tags.SAMPLES) or 1):
            raise UnreadableImage(name, f"its frame holds {frame.samples} samples per pixel")
    return codestream


def _decompressed(
    codestream: bytes, coding: str, frame: Frame | None, head: Header, name: str
) -> NDArray[Any]:
    """Calls the decoder of a coding."""
    options = _options(head, head.short(tags.ALLOCATED) or 0, frame)
    if frame is not None:  # a codestream's own precision counts, not the bits of the header
        options |= {"bits_stored": frame.bits, "bits_allocated": 8 if frame.bits <= 8 else 16}
    decoder = PLUGINS[coding]
    if coding.startswith("jpeg") and decoder != "openjpeg":
        jpeg.check_scans(codestream, name)
    if decoder == "openjpeg":
        return _jpeg_2000(codestream, head, name)
    if coding == "jpeg-ls":
        return _by_charls(codestream, options, name)
    if decoder == "gdcm":
        return _in_child(codestream, coding, options, name)
    if coding == "rle":
        shape, samples = (options["rows"], options["columns"]), options["samples_per_pixel"]
        array = rle.decode(codestream, shape, samples, options["bits_allocated"], name)
        return _rgb(array, options["photometric_interpretation"])
    if options["samples_per_pixel"] == 1:
        return jpeg.luminance(codestream, name)
    jpeg.check(codestream, name)
    return _by_pillow(codestream, options)


def _by_pillow(codestream: bytes, options: dict[str, Any]) -> NDArray[Any]:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    decoder, source = get_decoder(UID(_KNOWN_AS["jpeg"])), encapsulate([codestream])
    options = options | {"as_rgb": True}  # a frame says what its samples are
    array, _ = decoder.as_array(source, index=0, decoding_plugin=PLUGINS["jpeg"], **options)
    return array


def _by_charls(codestream: bytes, options: dict[str, Any], name: str) -> NDArray[Any]:
    try:
        return _in_child(codestream, "jpeg-ls", options, name)
    except UnreadableImage:  # it stopped the decoder
        raise
    except ValueError:
        # CharLS rejects zero bytes between the last coded byte and EOI, which others wrote.
        trimmed = without_zeros_before_end(codestream)
        if trimmed == codestream:
            raise
        return _in_child(trimmed, "jpeg-ls", options, name)


def _in_child(codestream: bytes, coding: str, options: dict[str, Any], name: str) -> NDArray[Any]:
    import pneumoscope.images.codec_process as codec_process

    if coding == "jpeg-lossless":
        check_lossless(codestream, 16)
    try:
        array = codec_process.decode(codestream, _KNOWN_AS[coding], options)
    except codec_process.MissingData as error:
        raise TruncatedImage(name) from error
    except codec_process.DecoderDied as error:
        raise UnreadableImage(name, str(error)) from error
    return _rgb(array, options["photometric_interpretation"])


def _jpeg_2000(codestream: bytes, head: Header, name: str) -> NDArray[Any]:
    """Decodes by pylibjpeg-openjpeg; the component transforms are undone, so colour is RGB."""
    import openjpeg

    jpeg_2000.check(codestream[max(codestream.find(b"\xff\x4f\xff\x51"), 0) :], name)
    return _rgb(openjpeg.decode(codestream), head.photometric)


def _as_stated(pixels: NDArray[Any], head: Header) -> NDArray[Any]:
    """Three equal samples for a grey frame whose header states three."""
    is_grey = pixels.ndim == 2 and head.short(tags.SAMPLES) == 3
    return np.repeat(pixels[..., None], 3, axis=2) if is_grey else pixels


def _rgb(array: NDArray[Any], photometric: str) -> NDArray[Any]:
    """Three samples as RGB; those of a grey film say themselves whether they are RGB or luminance and chroma.

    Some programs convert a film and leave its Photometric Interpretation as it was.
    """
    if array.ndim != 3:
        return array
    rows = array[::_ROW_STEP]
    if photometric.startswith("YBR_FULL"):
        if (rows[..., 1:] == rows[..., :1]).all():
            return array
        from pydicom.pixels.processing import convert_color_space

        return convert_color_space(array, "YBR_FULL", "RGB")
    is_chroma = array.dtype == np.uint8 and (rows[..., 1:] == _NO_CHROMA).all()
    return np.repeat(array[..., :1], 3, axis=2) if is_chroma else array
