"""DICOM films, by pydicom: which ones are accepted, and what their headers say.

References are to the DICOM standard, PS3.3 to PS3.10.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pneumoscope.images.dicom_tags as tags
from pneumoscope.errors import (
    DeflatedDicom,
    NotA2DImage,
    OnlyPadding,
    StoredAsText,
    TruncatedImage,
    UnreadableImage,
    UnsupportedCoding,
    UnsupportedObject,
    UnsupportedSyntax,
)
from pneumoscope.images.dicom_display import shown
from pneumoscope.images.dicom_elements import UNDEFINED, layout_of
from pneumoscope.images.dicom_pixels import (
    decode,
    decode_incomplete,
    missing_rows_of_native,
    pixel_data,
)
from pneumoscope.images.file_meta import file_meta, is_element
from pneumoscope.images.film_values import FilmValues, of_dicom, of_radiograph
from pneumoscope.images.foreign import is_stored_as_text
from pneumoscope.images.greyscale import EveryPixelIsPadding
from pneumoscope.images.header import Header, parse
from pneumoscope.images.limits import Limits
from pneumoscope.images.lookup_tables import IncompletePalette
from pneumoscope.images.transfer_syntax import (
    CODINGS,
    DEFLATED,
    GE_PRIVATE,
    actual_syntax,
    is_encapsulated,
)
from pneumoscope.records import FilmFacts, Radiograph

if TYPE_CHECKING:
    from numpy.typing import NDArray


_LIMITS = Limits()
FILM_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography Image Storage
    "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray Image Storage - For Presentation
    *(f"1.2.840.10008.5.1.4.1.1.7{n}" for n in ("", ".1", ".2", ".3", ".4")),  # Secondary Capture
)
"""SOP classes (PS3.4 B.5) that hold a film for people."""
_DX_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
_MODALITIES = (None, "CR", "DX", "DR", "RG", "XR")  # for films without SOP class
_PHOTOMETRICS = {  # PS3.3 C.7.6.3.1.2, by samples per pixel
    1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"),
    3: ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"),
}

_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}  # PS3.5 6.2, VR AS


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
    stored, head, syntax, missing = _decoded(data, name, limits)
    try:
        pixels, tint = shown(stored, head)
    except EveryPixelIsPadding as error:
        raise OnlyPadding(name) from error
    except IncompletePalette as error:
        raise UnreadableImage(name, "its palette is incomplete") from error
    return Radiograph(pixels, replace(_facts(head, tint, syntax), missing_rows=missing))


def read_values(data: bytes, name: str, limits: Limits) -> FilmValues:
    """A film at its full depth.

    Args:
        data: The whole file, with or without preamble.
        name: What to call the film in messages.
        limits: Bounds on its size.

    Raises:
        ImageError: It cannot be read, or is not one film for people.
    """
    stored, head, _, _ = _decoded(data, name, limits)
    try:
        values = of_dicom(stored, head)
    except EveryPixelIsPadding as error:
        raise OnlyPadding(name) from error
    return values or of_radiograph(read_dicom(data, name, limits))


def stored_values(data: bytes, name: str) -> NDArray[Any]:
    """The values of a film as its file stores them, before any lookup table or window.

    Args:
        data: The whole file, with or without preamble.
        name: What to call the film in messages.

    Returns:
        Integers (rows, columns), or (rows, columns, 3) in RGB; foreign bits are removed.

    Raises:
        ImageError: It cannot be read, or is not one film for people.
    """
    stored, _, syntax, missing = _decoded(data, name, _LIMITS)
    if missing is not None and CODINGS[syntax]:  # filled by a decoder
        raise TruncatedImage(name)
    return stored


def size_of(data: bytes, name: str) -> tuple[int, int]:
    """Rows and columns of a film by its header; 0 if it does not state them.

    Args:
        data: The whole file, with or without preamble.
        name: What to call the film in messages.

    Raises:
        ImageError: The header cannot be read.
    """
    _, start = file_meta(data)
    layout = layout_of(data, start)
    try:
        head, _ = parse(data, start, layout.implicit, layout.little)
    except EOFError as error:
        raise TruncatedImage(name) from error
    return head.short(tags.ROWS) or 0, head.short(tags.COLUMNS) or 0


def _decoded(
    data: bytes, name: str, limits: Limits
) -> tuple[NDArray[Any], Header, str, int | None]:
    """Stored values, header and transfer syntax of a film, and its missing rows, None if complete."""
    declared, start = file_meta(data)
    if start + 8 > len(data):
        raise TruncatedImage(name)
    layout = layout_of(data, start)
    if declared == DEFLATED and not is_element(data, start, layout):
        # Before anything is inflated: 249 KiB can become 500 MiB.
        raise DeflatedDicom(name)
    if declared in (DEFLATED, GE_PRIVATE):  # is neither; or has big endian pixels, which show it
        declared = None
    if declared is not None and declared not in CODINGS:
        raise UnsupportedSyntax(name, _uid_name(declared))
    try:
        head, at = parse(data, start, layout.implicit, layout.little)
        _check_object(head, name)
        if at == len(data):
            raise NotA2DImage(name, "no pixels")
        value = pixel_data(data, at, layout)
    except EOFError as error:
        raise TruncatedImage(name) from error
    if value.tag != tags.PIXELS[-1]:
        raise UnsupportedObject(name, "floating point pixels, not a radiograph")
    _check_pixels(head, name, limits, is_encapsulated(data, value))
    is_longer = value.length != UNDEFINED and len(data) > value.start + value.length
    if is_longer and is_stored_as_text(data):  # its pixels are there, but moved
        raise StoredAsText(name)
    syntax = actual_syntax(declared, layout, data, value, head)
    try:
        stored = decode(data, at, head, syntax, layout.implicit, name)
        missing = missing_rows_of_native(data, at, head, syntax, layout.implicit, name)
    except TruncatedImage:
        stored, missing = decode_incomplete(data, at, head, syntax, layout.implicit, name)
    return stored, head, syntax, missing


def _uid_name(uid: str) -> str:
    """The UID's name in PS3.6 if it has one, else the UID, as far as it is one."""
    from pydicom.uid import UID

    known = UID(uid).name
    return str(known) if known != uid else re.sub(r"[^0-9.]", "?", uid)[:64]


def _check_object(head: Header, name: str) -> None:
    """Takes films for people, and says in words what else it is."""
    sop_class = head.text(tags.SOP_CLASS)
    if sop_class == _DX_PROCESSING or head.text(tags.INTENT) == "FOR PROCESSING":
        raise UnsupportedObject(name, "a raw detector image (For Processing), not For Presentation")
    if sop_class is None:
        modality = head.text(tags.MODALITY)
        if modality not in _MODALITIES:
            raise UnsupportedObject(
                name, f"modality {_code(head, tags.MODALITY)}, not a radiograph"
            )
    elif sop_class not in FILM_CLASSES:
        raise UnsupportedObject(name, f"{_uid_name(sop_class)} does not hold a plain radiograph")


def _check_pixels(head: Header, name: str, limits: Limits, compressed: bool) -> None:
    """Checks the Image Pixel module (PS3.3 C.7.6.3).

    A compressed frame has its own precision, so wrong bits in the header do no harm.
    """
    rows, columns = head.short(tags.ROWS) or 0, head.short(tags.COLUMNS) or 0
    frames = max(1, int(head.number(tags.FRAMES, 1)))
    allocated, stored = head.short(tags.ALLOCATED) or 0, head.stored_bits
    limits.check(name, rows, columns, frames)
    samples = head.short(tags.SAMPLES) or 1
    if not any(head.photometric in names for names in _PHOTOMETRICS.values()):
        # ARGB, CMYK, YBR_PARTIAL_420, or a name of the program that wrote the film
        said = _code(head, tags.PHOTOMETRIC)
        raise UnsupportedCoding(name, f"photometric interpretation {said}")
    if samples not in _PHOTOMETRICS:
        raise UnreadableImage(name, f"{samples} samples per pixel")
    if head.photometric not in _PHOTOMETRICS[samples]:
        said = _code(head, tags.PHOTOMETRIC)
        raise UnreadableImage(name, f"photometric interpretation {said}, {samples} samples")
    sound = 1 <= stored <= 32 if compressed else 1 <= stored <= allocated <= 64
    if sound and not compressed and allocated not in (1, 8, 16, 32):  # such as 12, packed
        raise UnsupportedCoding(name, f"uncompressed pixels of {allocated} bits")
    if not sound:
        raise UnreadableImage(name, f"{stored} bits stored in {allocated}")


def _facts(head: Header, tint: float, syntax: str) -> FilmFacts:
    spacing = head.numbers(tags.SPACING) or head.numbers(tags.IMAGER_SPACING)
    age = re.fullmatch(r"(\d{1,3})([YMWD])", head.text(tags.AGE) or "")
    return FilmFacts(
        format="DICOM",
        rows=head.short(tags.ROWS) or 0,
        columns=head.short(tags.COLUMNS) or 0,
        bits=head.stored_bits,
        colour=tint > 0,
        tint=tint,
        modality=_code(head, tags.MODALITY),
        view_position=_code(head, tags.VIEW),
        body_part=_code(head, tags.BODY_PART),
        row_direction=_code(head, tags.ORIENTATION),
        laterality=_code(head, tags.LATERALITY) or _code(head, tags.SERIES_LATERALITY),
        age_years=int(age[1]) * _YEARS[age[2]] if age else None,
        pixel_spacing_mm=(spacing[0], spacing[1])
        if len(spacing) == 2 and min(spacing) > 0
        else None,
        photometric=_code(head, tags.PHOTOMETRIC),
        transfer_syntax=syntax,
    )


def _code(head: Header, tag: int) -> str | None:
    """A code string (VR CS, PS3.5 6.2), or None if it is none: free text may hold a name."""
    text = head.text(tag)
    return text if text and re.fullmatch(r"[A-Z0-9_ ]{1,16}", text) else None
