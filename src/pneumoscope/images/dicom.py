"""DICOM films, by pydicom: which ones are taken, how their pixels are decoded and shown.

References are to the DICOM standard, PS3.3 to PS3.10.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import (
    DeflatedDicom,
    NotA2DImage,
    TruncatedImage,
    UnreadableImage,
    UnsupportedObject,
    UnsupportedSyntax,
)
from pneumoscope.images import header as h
from pneumoscope.images.codestream import check_lossless, frame_of
from pneumoscope.images.greyscale import Look, Lut, Window, grey
from pneumoscope.images.raster import COLOUR_TOLERANCE
from pneumoscope.records import FilmFacts, Radiograph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pneumoscope.images.limits import Limits

_IMPLICIT, _EXPLICIT, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_EXTENDED = "1.2.840.10008.1.2.4.51"

# Transfer syntax (PS3.6 table A-1) to the pydicom plugin that decodes it; "" is pydicom itself.
# None of them is pylibjpeg-libjpeg, which is GPL.
_PLUGINS = {
    _IMPLICIT: "",
    _EXPLICIT: "",
    _BIG: "",
    "1.2.840.10008.1.2.5": "pydicom",  # RLE Lossless
    "1.2.840.10008.1.2.4.50": "pillow",  # JPEG Baseline
    _EXTENDED: "pillow",  # JPEG Extended, 8 bits only: no decoder with a free licence does 12
    "1.2.840.10008.1.2.4.57": "gdcm",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70": "gdcm",  # JPEG Lossless SV1
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.81": "pyjpegls",  # JPEG-LS Near-lossless
    # pydicom's own way to openjpeg asks for the pylibjpeg package too; see _jpeg_2000
    "1.2.840.10008.1.2.4.90": "openjpeg",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91": "openjpeg",  # JPEG 2000
}
_NATIVE = (_IMPLICIT, _EXPLICIT, _BIG)

# SOP classes (PS3.4 B.5) that hold a film for people.
_CLASSES = frozenset(
    (
        "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography Image Storage
        "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray Image Storage - For Presentation
        *(
            f"1.2.840.10008.5.1.4.1.1.7{n}" for n in ("", ".1", ".2", ".3", ".4")
        ),  # Secondary Capture
    )
)
_DX_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
_MODALITIES = (None, "CR", "DX", "DR", "RG", "XR")  # for films without SOP class
_PHOTOMETRICS = {  # PS3.3 C.7.6.3.1.2, by samples per pixel
    1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"),
    3: ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"),
}
_VR = re.compile(rb"[A-Z]{2}")

_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"  # PS3.5 A.4, little endian
_UNDEFINED = 0xFFFFFFFF

_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}  # PS3.5 6.2, VR AS
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's mode L


def read_dicom(data: bytes, name: str, limits: Limits) -> Radiograph:
    """Decodes one film.

    Args:
        data: The whole file, with or without preamble.
        name: What to call the film in messages.
        limits: Bounds on its size.

    Returns:
        The film, inverted at most once so that 0 is air-dark.

    Raises:
        ImageError: It cannot be read, or is not one film for people.
    """
    syntax, start = _file_meta(data, name)
    if syntax == _DEFLATED:  # before anything is inflated: 249 KiB can become 500 MiB
        raise DeflatedDicom(name)
    if syntax is not None and syntax not in _PLUGINS:
        raise UnsupportedSyntax(name, _uid_name(syntax))
    implicit = not _VR.fullmatch(data[start + 4 : start + 6])  # the file may contradict itself
    syntax = syntax or (_IMPLICIT if implicit else _EXPLICIT)
    try:
        head, at = h.parse(data, start, implicit, syntax != _BIG)
    except (EOFError, OSError, struct.error) as error:  # pydicom reads on where the file ends
        raise TruncatedImage(name) from error
    _check_object(head, name)
    if at > len(data):  # the last element is longer than what is left of the file
        raise TruncatedImage(name)
    if at == len(data):
        raise NotA2DImage(name, "no pixels")
    rows, columns = _check_pixels(head, syntax, name, limits)
    stored = _decode(data, at, head, syntax, implicit, name)
    pixels, tint = _shown(stored, head)
    return Radiograph(pixels, _facts(head, rows, columns, tint, syntax))


def _file_meta(data: bytes, name: str) -> tuple[str | None, int]:
    """(Transfer Syntax UID or None, start of the data set), from group 0002 (PS3.10 7.1).

    Read here, because pydicom inflates a deflated file before one can look.
    """
    at = 132 if data[128:132] == b"DICM" else 0
    syntax = None
    while data[at : at + 2] == b"\x02\x00":
        if at + 8 > len(data):
            raise TruncatedImage(name)
        if data[at + 4 : at + 6] in (b"OB", b"OW", b"UN", b"UT", b"SQ"):
            begin, size = at + 12, int.from_bytes(data[at + 8 : at + 12], "little")
        elif _VR.fullmatch(data[at + 4 : at + 6]):
            begin, size = at + 8, int.from_bytes(data[at + 6 : at + 8], "little")
        else:  # implicit VR, against PS3.10, but seen
            begin, size = at + 8, int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at + 2 : at + 4] == b"\x10\x00":
            syntax = data[begin : begin + size].decode("latin-1").strip(" \0")
        at = begin + size
    if at + 8 > len(data):
        raise TruncatedImage(name)
    return syntax, at


def _uid_name(uid: str) -> str:
    """The UID's name in PS3.6 if it has one, else the UID, as far as it is one."""
    from pydicom.uid import UID

    known = UID(uid).name
    return str(known) if known != uid else re.sub(r"[^0-9.]", "?", uid)[:64]


def _check_object(head: h.Header, name: str) -> None:
    """Takes films for people, and says in words what else it is."""
    sop_class = head.text(h.SOP_CLASS)
    if sop_class == _DX_PROCESSING or head.text(h.INTENT) == "FOR PROCESSING":
        raise UnsupportedObject(name, "a raw detector image (For Processing), not For Presentation")
    if sop_class is None:
        modality = head.text(h.MODALITY)
        if modality not in _MODALITIES:
            raise UnsupportedObject(name, f"modality {_code(head, h.MODALITY)}, not a radiograph")
    elif sop_class not in _CLASSES:
        raise UnsupportedObject(name, f"{_uid_name(sop_class)} does not hold a plain radiograph")


def _check_pixels(head: h.Header, syntax: str, name: str, limits: Limits) -> tuple[int, int]:
    """Checks the Image Pixel module (PS3.3 C.7.6.3); returns (rows, columns)."""
    rows, columns = head.short(h.ROWS) or 0, head.short(h.COLUMNS) or 0
    frames = max(1, int(head.number(h.FRAMES, 1)))
    allocated, stored = head.short(h.ALLOCATED) or 0, _stored_bits(head)
    if syntax == _EXTENDED and stored != 8:
        raise UnsupportedSyntax(name, "JPEG Extended with 12 bits")
    limits.check(name, rows, columns, frames)
    samples = head.short(h.SAMPLES) or 1
    if samples not in _PHOTOMETRICS:
        raise UnreadableImage(name, f"{samples} samples per pixel")
    if _photometric(head) not in _PHOTOMETRICS[samples]:
        said = _code(head, h.PHOTOMETRIC)
        raise UnreadableImage(name, f"photometric interpretation {said}, {samples} samples")
    if allocated not in (1, 8, 16, 32) or not 1 <= stored <= allocated:
        raise UnreadableImage(name, f"{stored} bits stored in {allocated}")
    return rows, columns


def _photometric(head: h.Header) -> str:
    default = "RGB" if head.short(h.SAMPLES) == 3 else "MONOCHROME2"
    return (head.text(h.PHOTOMETRIC) or default).upper()


def _stored_bits(head: h.Header) -> int:
    stored = head.short(h.STORED)
    return stored if stored is not None else head.short(h.ALLOCATED) or 0


def _decode(
    data: bytes, at: int, head: h.Header, syntax: str, implicit: bool, name: str
) -> NDArray[Any]:
    """Integers (rows, columns), or (rows, columns, 3) in RGB."""
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    order: Any = "big" if syntax == _BIG else "little"
    if int.from_bytes(data[at + 2 : at + 4], order) != 0x0010:
        raise UnsupportedObject(name, "floating point pixels, not a radiograph")
    begin, length = _pixel_value(data, at, implicit, order)
    photometric = _photometric(head)
    options: dict[str, Any] = {
        "rows": head.short(h.ROWS),
        "columns": head.short(h.COLUMNS),
        "samples_per_pixel": head.short(h.SAMPLES) or 1,
        "bits_allocated": head.short(h.ALLOCATED),
        "bits_stored": _stored_bits(head),
        "pixel_representation": int(head.short(h.SIGNED) == 1),
        "photometric_interpretation": photometric,
        "planar_configuration": int(head.short(h.PLANAR) == 1),
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
        if _PLUGINS[syntax] == "openjpeg":
            return _jpeg_2000(codestream, options)
        if _PLUGINS[syntax] == "gdcm":
            check_lossless(codestream, head.short(h.ALLOCATED) or 0)
        source = encapsulate([codestream])
    decoder = get_decoder(UID(syntax))
    array, _ = decoder.as_array(source, index=0, decoding_plugin=_PLUGINS[syntax], **options)
    return array


def _pixel_value(data: bytes, at: int, implicit: bool, order: Any) -> tuple[int, int]:
    """(start, length) of the pixel data element's value."""
    vr = data[at + 4 : at + 6]
    if implicit or not _VR.fullmatch(vr):
        return at + 8, int.from_bytes(data[at + 4 : at + 8], order)
    return at + 12, int.from_bytes(data[at + 8 : at + 12], order)


def _native_bytes(head: h.Header, photometric: str) -> int:
    """Bytes of one uncompressed frame; YBR_FULL_422 shares chroma between two pixels."""
    pixels = (head.short(h.ROWS) or 0) * (head.short(h.COLUMNS) or 0)
    samples = 2 if photometric == "YBR_FULL_422" else head.short(h.SAMPLES) or 1
    return -(-pixels * samples * (head.short(h.ALLOCATED) or 0) // 8)


def _codestream(data: bytes, at: int, length: int, head: h.Header, name: str) -> bytes:
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
        rows, columns = head.short(h.ROWS), head.short(h.COLUMNS)
        if (frame.rows, frame.columns) != (rows, columns):
            raise UnreadableImage(
                name,
                f"its header says {columns} x {rows}, its frame {frame.columns} x {frame.rows}",
            )
        if frame.samples != (head.short(h.SAMPLES) or 1):
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
    if array.ndim == 3 and options["photometric_interpretation"].startswith("YBR_FULL"):
        from pydicom.pixels.processing import convert_color_space

        return convert_color_space(array, "YBR_FULL", "RGB")
    return array


def _shown(stored: NDArray[Any], head: h.Header) -> tuple[NDArray[np.float32], float]:
    """Grey float32 (rows, columns) in [0, 1], and the tint, see `FilmFacts`."""
    if _photometric(head) == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        stored = apply_color_lut(stored, head.palette())[..., :3]
        white = 2.0 ** (8 * stored.dtype.itemsize) - 1
    elif stored.ndim == 2:
        return np.ascontiguousarray(grey(stored, _look(head)), np.float32), 0.0
    else:
        white = 2.0 ** _stored_bits(head) - 1
    channels = stored.astype(np.float32) / np.float32(white)
    strayed = np.abs(channels[..., (0, 2)] - channels[..., 1:2])
    tint = float(strayed.mean(axis=(0, 1)).max()) if strayed.max() * 255 > COLOUR_TOLERANCE else 0.0
    luminance = np.clip(channels @ _LUMA.astype(np.float32), 0, 1)
    return np.ascontiguousarray(luminance, np.float32), tint


def _look(head: h.Header) -> Look:
    """Collects what turns stored values into grey, in the order of PS3.4 N.2."""
    signed = head.short(h.SIGNED) == 1
    modality = _lut(head.first_item(h.MODALITY_LUTS), signed)
    voi: Lut | Window | None = _lut(head.first_item(h.VOI_LUTS), signed)
    center, width = head.numbers(h.CENTER), head.numbers(h.WIDTH)
    if voi is None and center and width:  # the first of several (PS3.3 C.11.2.1.2)
        window = Window(center[0], width[0], (head.text(h.FUNCTION) or "LINEAR").upper())
        voi = window if window.is_valid else None
    padding = None
    first, limit = head.short(h.PADDING, signed), head.short(h.PADDING_LIMIT, signed)
    if first is not None:  # PS3.3 C.7.5.1.1.2
        last = first if limit is None else limit
        padding = (min(first, last), max(first, last))
    return Look(
        bits=_stored_bits(head),
        signed=signed,
        modality=modality,
        slope=head.number(h.SLOPE, 1.0) or 1.0,
        intercept=head.number(h.INTERCEPT, 0.0),
        voi=voi,
        # Both say the same thing, so they do not cancel: INVERSE is the shape that PS3.3 C.8.11.3
        # asks for with MONOCHROME1, and many films leave it out.
        inverse=_photometric(head) == "MONOCHROME1"
        or (head.text(h.SHAPE) or "").upper() == "INVERSE",
        padding=padding,
    )


def _lut(item: h.Header | None, signed: bool) -> Lut | None:
    """LUT Descriptor (0028,3002) and LUT Data (0028,3006), or None if they do not fit together."""
    if item is None:
        return None
    descriptor = item.shorts(h.LUT_DESCRIPTOR)
    if len(descriptor) != 3:
        return None
    count = int(descriptor[0]) or 65536  # PS3.3 C.11.1.1.1: 0 stands for 2^16
    bits = int(descriptor[2])
    entries = item.shorts(h.LUT_DATA)
    raw = item.bytes_of(h.LUT_DATA)
    if bits <= 8 and len(raw) in (count, count + count % 2) and count > 1:
        entries = np.frombuffer(raw[:count], np.uint8).astype(np.uint16)  # packed as bytes
    if not 1 <= bits <= 16 or len(entries) < count:
        return None
    vr = item.vr(h.LUT_DESCRIPTOR)
    is_signed = vr == "SS" or (vr != "US" and signed)
    first = int(descriptor[1:2].view(np.int16)[0] if is_signed else descriptor[1])
    return Lut(first, entries[:count].astype(np.int64), bits)


def _facts(head: h.Header, rows: int, columns: int, tint: float, syntax: str) -> FilmFacts:
    spacing = head.numbers(h.SPACING) or head.numbers(h.IMAGER_SPACING)
    age = re.fullmatch(r"(\d{1,3})([YMWD])", head.text(h.AGE) or "")
    return FilmFacts(
        format="DICOM",
        rows=rows,
        columns=columns,
        bits=_stored_bits(head),
        colour=tint > 0,
        tint=tint,
        modality=_code(head, h.MODALITY),
        view_position=_code(head, h.VIEW),
        body_part=_code(head, h.BODY_PART),
        row_direction=_code(head, h.ORIENTATION),
        laterality=_code(head, h.LATERALITY) or _code(head, h.SERIES_LATERALITY),
        age_years=int(age[1]) * _YEARS[age[2]] if age else None,
        pixel_spacing_mm=(spacing[0], spacing[1])
        if len(spacing) == 2 and min(spacing) > 0
        else None,
        photometric=_code(head, h.PHOTOMETRIC),
        transfer_syntax=syntax,
    )


def _code(head: h.Header, tag: int) -> str | None:
    """A code string (VR CS, PS3.5 6.2), or None if it is none: free text may hold a name."""
    text = head.text(tag)
    return text if text and re.fullmatch(r"[A-Z0-9_ ]{1,16}", text) else None
