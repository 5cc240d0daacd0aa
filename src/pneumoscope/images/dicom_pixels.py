"""Decodes the pixels of a DICOM film.

References are to the DICOM standard, PS3.3 to PS3.10.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pneumoscope.images.dicom_tags as tags
import pneumoscope.images.jpeg as jpeg
from pneumoscope.errors import NotA2DImage, TruncatedImage, UnreadableImage, UnsupportedObject
from pneumoscope.images.codestream import check_lossless, frame_of
from pneumoscope.images.header import Header

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXTENDED = "1.2.840.10008.1.2.4.51"

# Transfer syntax (PS3.6 table A-1) to the pydicom plugin that decodes it; "" is pydicom itself.
# None of them is pylibjpeg-libjpeg, which is GPL.
PLUGINS = {
    IMPLICIT: "",
    EXPLICIT: "",
    BIG: "",
    "1.2.840.10008.1.2.5": "pydicom",  # RLE Lossless
    "1.2.840.10008.1.2.4.50": "pillow",  # JPEG Baseline
    EXTENDED: "pillow",  # JPEG Extended, 8 bits only: no decoder with a free licence does 12
    "1.2.840.10008.1.2.4.57": "gdcm",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70": "gdcm",  # JPEG Lossless SV1
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.81": "pyjpegls",  # JPEG-LS Near-lossless
    # pydicom's own way to openjpeg asks for the pylibjpeg package too; see _jpeg_2000
    "1.2.840.10008.1.2.4.90": "openjpeg",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91": "openjpeg",  # JPEG 2000
}
_NATIVE = (IMPLICIT, EXPLICIT, BIG)

VR = re.compile(rb"[A-Z]{2}")
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"  # PS3.5 A.4, little endian
_UNDEFINED = 0xFFFFFFFF


def decode(
    data: bytes, at: int, head: Header, syntax: str, implicit: bool, name: str
) -> NDArray[Any]:
    """Integers (rows, columns), or (rows, columns, 3) in RGB."""
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    order: Any = "big" if syntax == BIG else "little"
    if int.from_bytes(data[at + 2 : at + 4], order) != 0x0010:
        raise UnsupportedObject(name, "floating point pixels, not a radiograph")
    begin, length = _pixel_value(data, at, implicit, order)
    photometric = head.photometric
    options: dict[str, Any] = {
        "rows": head.short(tags.ROWS),
        "columns": head.short(tags.COLUMNS),
        "samples_per_pixel": head.short(tags.SAMPLES) or 1,
        "bits_allocated": head.short(tags.ALLOCATED),
        "bits_stored": head.stored_bits,
        "pixel_representation": int(head.short(tags.SIGNED) == 1),
        "photometric_interpretation": photometric,
        "planar_configuration": int(head.short(tags.PLANAR) == 1),
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
        "pixel_vr": "OW" if implicit else data[at + 4 : at + 6].decode("latin-1"),
    }
    if syntax in _NATIVE:
        if length == _UNDEFINED:
            raise UnreadableImage(name, "compressed pixels in an uncompressed transfer syntax")
        value = data[begin : begin + min(length, _native_bytes(head, photometric))]
        if len(value) < _native_bytes(head, photometric):
            raise TruncatedImage(name)
        source = value + b"\0" * (len(value) % 2)
    else:
        codestream = _codestream(data, begin, length, head, name)
        if PLUGINS[syntax] == "openjpeg":
            return _jpeg_2000(codestream, options)
        if PLUGINS[syntax] == "pillow":
            if options["samples_per_pixel"] == 1:
                return jpeg.luminance(codestream, name)
            jpeg.check(codestream, name)
        if PLUGINS[syntax] == "gdcm":
            check_lossless(codestream, head.short(tags.ALLOCATED) or 0)
            return _by_gdcm(codestream, syntax, options, name)
        source = encapsulate([codestream])
    decoder = get_decoder(UID(syntax))
    array, _ = decoder.as_array(source, index=0, decoding_plugin=PLUGINS[syntax], **options)
    return array


def _pixel_value(data: bytes, at: int, implicit: bool, order: Any) -> tuple[int, int]:
    """(start, length) of the pixel data element's value."""
    vr = data[at + 4 : at + 6]
    if implicit or not VR.fullmatch(vr):
        return at + 8, int.from_bytes(data[at + 4 : at + 8], order)
    return at + 12, int.from_bytes(data[at + 8 : at + 12], order)


def _native_bytes(head: Header, photometric: str) -> int:
    """Bytes of one uncompressed frame; YBR_FULL_422 shares chroma between two pixels."""
    pixels = (head.short(tags.ROWS) or 0) * (head.short(tags.COLUMNS) or 0)
    samples = 2 if photometric == "YBR_FULL_422" else head.short(tags.SAMPLES) or 1
    return -(-pixels * samples * (head.short(tags.ALLOCATED) or 0) // 8)


def _codestream(data: bytes, at: int, length: int, head: Header, name: str) -> bytes:
    """The one frame of an encapsulated value (PS3.5 A.4), its fragments joined.

    Its own header must agree with the data set's: a decoder sets memory aside by the frame's.
    """
    end = len(data) if length == _UNDEFINED else at + length
    items: list[bytes] = []
    while data[at : at + 4] == _ITEM and at < end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            raise TruncatedImage(name)
        items.append(data[at + 8 : at + 8 + size])
        at += 8 + size
    if data[at : at + 4] != _SEQUENCE_END and at + 8 > len(data):
        raise TruncatedImage(name)
    if len(items) < 2 or not any(items[1:]):
        raise NotA2DImage(name, "no pixels")
    if len(items[0]) > 4:  # the Basic Offset Table has one entry per frame
        raise NotA2DImage(name, f"{len(items[0]) // 4} frames")
    codestream = b"".join(items[1:])
    frame = frame_of(codestream)
    if frame is not None:
        rows, columns = head.short(tags.ROWS), head.short(tags.COLUMNS)
        if (frame.rows, frame.columns) != (rows, columns):
            raise UnreadableImage(
                name,
                f"its header says {columns} x {rows}, its frame {frame.columns} x {frame.rows}",
            )
        if frame.samples != (head.short(tags.SAMPLES) or 1):
            raise UnreadableImage(name, f"its frame holds {frame.samples} samples per pixel")
    return codestream


def _jpeg_2000(codestream: bytes, options: Mapping[str, Any]) -> NDArray[Any]:
    """Decodes by pylibjpeg-openjpeg; the component transforms are undone, so colour is RGB."""
    import openjpeg

    array: NDArray[Any] = openjpeg.decode(codestream)
    signed = options["pixel_representation"] == 1
    frame = frame_of(codestream)
    if frame is not None and array.ndim == 2 and signed != (array.dtype.kind == "i"):
        # The codestream has lost the sign that the header states: take the bits as they are meant.
        array = array.view(array.dtype.str.replace(array.dtype.kind, "i" if signed else "u"))
        array = array << (8 * array.itemsize - frame.bits) >> (8 * array.itemsize - frame.bits)
    return _rgb(array, options)


def _by_gdcm(codestream: bytes, syntax: str, options: Mapping[str, Any], name: str) -> NDArray[Any]:
    import pneumoscope.images.gdcm_process as gdcm_process

    try:
        array = gdcm_process.decode(codestream, syntax, options)
    except gdcm_process.MissingData as error:
        raise TruncatedImage(name) from error
    except gdcm_process.DecoderDied as error:
        raise UnreadableImage(name, str(error)) from error
    return _rgb(array, options)


def _rgb(array: NDArray[Any], options: Mapping[str, Any]) -> NDArray[Any]:
    if array.ndim == 3 and options["photometric_interpretation"].startswith("YBR_FULL"):
        from pydicom.pixels.processing import convert_color_space

        return convert_color_space(array, "YBR_FULL", "RGB")
    return array
