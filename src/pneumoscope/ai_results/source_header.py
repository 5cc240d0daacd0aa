"""The header of the source film: what the objects of its result take over from it.

References are to the DICOM standard, PS3.3 and PS3.5.
"""

from __future__ import annotations

import io
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from pneumoscope.ai_results.encoding import CHARACTER_SET
from pneumoscope.ai_results.errors import NoSourceObject
from pneumoscope.ai_results.film_result import MANUFACTURER
from pneumoscope.images import sniff
from pneumoscope.images.lut_items import sound_item
from pneumoscope.images.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable


_UIDS = {
    "SOPClassUID": "SOP Class UID (0008,0016)",
    "SOPInstanceUID": "SOP Instance UID (0008,0018)",
    "StudyInstanceUID": "Study Instance UID (0020,000D)",
    "SeriesInstanceUID": "Series Instance UID (0020,000E)",
}
_TIME = r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?"  # 60: a leap second
_CODE = r"[A-Z0-9_ ]{1,16}"


def _matching(pattern: str) -> Callable[[Any], str | None]:
    def value(raw: Any) -> str | None:
        text = str(raw).strip()
        return text if re.fullmatch(pattern, text, re.ASCII) else None

    return value


def _date(raw: Any) -> str | None:
    """A day of the calendar (PS3.5 6.2, VR DA)."""
    text = _matching(r"\d{8}")(raw)
    if text is None:
        return None
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return None
    return text


def _text(most: int) -> Callable[[Any], str | None]:
    def value(raw: Any) -> str | None:
        # A backslash separates values, and control characters are not allowed (PS3.5 6.2).
        text = " ".join(map(str, raw)) if isinstance(raw, MultiValue) else str(raw)
        return re.sub(r"[\x00-\x1f\\]+", " ", text).strip()[:most] or None

    return value


# Type 2 (PS3.3 C.7.1.1, C.7.2.1): always present, empty if the film's value is missing or invalid.
_REQUIRED: dict[str, Callable[[Any], str | None]] = {
    "PatientName": _text(324),
    "PatientID": _text(64),
    "PatientBirthDate": _date,
    "PatientSex": _matching("[MFO]"),
    "StudyDate": _date,
    "StudyTime": _matching(_TIME),
    "StudyID": _text(16),
    "AccessionNumber": _text(16),
    "ReferringPhysicianName": _text(324),
}
_OPTIONAL: dict[str, Callable[[Any], str | None]] = {
    "IssuerOfPatientID": _text(64),
    "PatientAge": _matching(r"\d{3}[DWMY]"),
    "StudyDescription": _text(64),
    "PatientIdentityRemoved": _matching("YES|NO"),
    "BodyPartExamined": _matching(_CODE),
    "Laterality": _matching("[LR]"),
    "BurnedInAnnotation": _matching("YES|NO"),
    "Manufacturer": _text(64),
    "ManufacturerModelName": _text(64),
    "StationName": _text(16),
    "TimezoneOffsetFromUTC": _matching(r"[+-](0\d|1[0-4])[0-5]\d"),
}
# Of a code (PS3.3 8.8); other elements of its item are left out.
_CODE_ITEM: dict[str, Callable[[Any], str | None]] = {
    "CodeValue": _text(16),
    "CodingSchemeDesignator": _text(16),
    "CodingSchemeVersion": _text(16),
    "CodeMeaning": _text(64),
    "MappingResource": _matching(_CODE),
    "ContextGroupVersion": _matching(r"[\d.+-]{4,26}"),
    "ContextIdentifier": _matching(_CODE),
    "LongCodeValue": _text(1024),
    "URNCodeValue": _text(1024),
}
_MOST_METHODS = 100
"""Ways of de-identification that are taken over."""
_PIXELS = (
    *("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "Rows", "Columns", "NumberOfFrames", "PresentationLUTShape"),
)
_LOOKUP = (
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence"),
    *("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
)
_OTHERS = (
    *("Modality", "PatientOrientation", "DeidentificationMethod"),
    "DeidentificationMethodCodeSequence",
)
_TAGS = tuple(
    Tag(keyword) for keyword in (*_UIDS, *_REQUIRED, *_OPTIONAL, *_PIXELS, *_LOOKUP, *_OTHERS)
)
"""What is read: other elements, of which a film may have hundreds, are not even decoded."""


def source_header(data: bytes, name: str) -> Dataset:
    """What the objects of a result take over: identity, patient and study, all values valid.

    Real headers have dates that are none and texts that are too long; an archive would refuse
    objects that repeat them. The values of the pixels are not read.

    Args:
        data: The whole file; its film must have been read before, so that it is known to be one.
        name: What to call the film in messages.

    Raises:
        NoSourceObject: It is no DICOM file, or has no UIDs.
    """
    if sniff(data) != "DICOM":
        raise NoSourceObject(name, "not a DICOM film, so there is no study to put a result into")
    try:
        with quiet():
            film = dcmread(
                io.BytesIO(data), stop_before_pixels=True, force=True, specific_tags=[*_TAGS]
            )
            film.decode()
            header = _header(film, name)
    except NoSourceObject:
        raise
    # pydicom raises many kinds of errors at broken elements.
    except Exception as error:
        raise NoSourceObject(name, f"its header cannot be read ({type(error).__name__})") from error
    return header


def _header(film: Dataset, name: str) -> Dataset:
    # Otherwise a folder with results, or an archive that forwards them, would never come to an end.
    if str(film.get("Manufacturer")) == MANUFACTURER:
        raise NoSourceObject(name, "is itself a result of pneumoscope")
    header = Dataset()
    header.SpecificCharacterSet = CHARACTER_SET
    for keyword, words in _UIDS.items():
        uid = str(film.get(keyword) or "").strip("\0 ")
        if not re.fullmatch(r"[0-9.]{1,64}", uid):
            raise NoSourceObject(name, f"its header has no {words}")
        setattr(header, keyword, uid)
    for keyword, value in _REQUIRED.items():
        raw = film.get(keyword)
        setattr(header, keyword, "" if raw is None else value(raw) or "")
    for keyword, value in _OPTIONAL.items():
        if (raw := film.get(keyword)) is not None and (text := value(raw)) is not None:
            setattr(header, keyword, text)
    if header.get("PatientIdentityRemoved") == "YES":
        _add_deidentification(header, film)
    for keyword in _PIXELS:
        if film.get(keyword) is not None:
            header[keyword] = film[keyword]
    _add_grey(header, film)
    header.Modality = _matching(_CODE)(film.get("Modality", "")) or "OT"
    if orientation := _orientation(film.get("PatientOrientation")):
        header.PatientOrientation = orientation
    return header


def _add_deidentification(header: Dataset, film: Dataset) -> None:
    """How the film was de-identified (C.7.1.1), in words and as codes."""
    methods = film.get("DeidentificationMethod") or []
    values = methods if isinstance(methods, MultiValue) else [methods]
    texts = [text for value in values if (text := _text(64)(value))]
    if texts:
        header.DeidentificationMethod = texts[:_MOST_METHODS]
    items = film.get("DeidentificationMethodCodeSequence") or []
    codes = [code for item in items[:_MOST_METHODS] if (code := _code(item))]
    if codes:
        header.DeidentificationMethodCodeSequence = codes


def _code(item: Dataset) -> Dataset:
    """A code; empty if it has no meaning."""
    code = Dataset()
    for keyword, value in _CODE_ITEM.items():
        if (raw := item.get(keyword)) is not None and (text := value(raw)) is not None:
            setattr(code, keyword, text)
    return code if "CodeMeaning" in code else Dataset()


def _add_grey(header: Dataset, film: Dataset) -> None:
    """How the stored values become grey (C.11.1, C.11.2), as far as it is sound."""
    slope, intercept = film.get("RescaleSlope"), film.get("RescaleIntercept")
    if slope and intercept is not None:
        header.RescaleSlope, header.RescaleIntercept = slope, intercept
        header.RescaleType = _matching(_CODE)(film.get("RescaleType")) or "US"
    elif sound_item(film.get("ModalityLUTSequence")) is not None:
        header["ModalityLUTSequence"] = film["ModalityLUTSequence"]
    if sound_item(film.get("VOILUTSequence")) is not None:
        header["VOILUTSequence"] = film["VOILUTSequence"]
        return
    centers, widths = (_numbers(film.get(k)) for k in ("WindowCenter", "WindowWidth"))
    if centers and widths and widths[0] >= 1:  # the first of several
        header.WindowCenter, header.WindowWidth = centers[0], widths[0]
        shape = film.get("VOILUTFunction")
        if shape in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            header.VOILUTFunction = shape


def _numbers(value: Any) -> list[Any]:
    values = value if isinstance(value, MultiValue) else [value]
    return [number for number in values if number is not None]


def _orientation(value: Any) -> list[str]:
    """Patient Orientation (C.7.6.1.1.1): the direction of a row and of a column; empty if unknown."""
    parts = [str(part) for part in value] if value is not None and len(value) == 2 else []
    return parts if all(re.fullmatch("[LRAPHF]{1,3}", part) for part in parts) else []
