"""De-identifies one film: a new data set with safe values and the pixels, and nothing else.

References are to the DICOM standard, PS3.3 and PS3.15.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

import pneumoscope
from pneumoscope.deidentification.burned_in import blank, text_sides
from pneumoscope.deidentification.safe_values import (
    DESCRIPTORS,
    DEVICE,
    SAFE,
    cleaned_text,
    safe_age,
    safe_value,
)
from pneumoscope.errors import ImageError, UnreadableImage, UnsupportedObject
from pneumoscope.images import read, sniff
from pneumoscope.images.dicom import stored_values
from pneumoscope.images.lut_items import sound_item
from pneumoscope.images.quiet import quiet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.deidentification.keys import Key

RETAINABLE = ("dates", "device", "characteristics", "descriptors")
"""What can be kept on request; see `Options`."""
REFUSE, BLANK, KEEP = BURNED_IN = ("refuse", "blank", "keep")
"""What is done with a film that seems to have text burnt in."""
_CLEANED_PIXELS = "pixels"
# The profile and its options (PS3.16 CID 7050).
_CODES = {
    "": ("113100", "Basic Application Confidentiality Profile"),
    "dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "characteristics": ("113108", "Retain Patient Characteristics Option"),
    "descriptors": ("113105", "Clean Descriptors Option"),
    _CLEANED_PIXELS: ("113101", "Clean Pixel Data Option"),
}
_UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
_EMPTY = (
    "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
    "ReferringPhysicianName", "Manufacturer",
)  # fmt: skip
_EMPTY_IN_IMAGES = (
    "BodyPartExamined", "ViewPosition", "SeriesNumber", "InstanceNumber", "Laterality",
    "PatientOrientation",
)  # fmt: skip
"""Of type 2, so that they must be there (C.7.3.1, C.7.6.1, C.8.1.1)."""
_PIXELS = frozenset(
    ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
     "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData")
)  # fmt: skip


class BurnedInText(ImageError, ValueError):
    """Text seems to be burnt into the film."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{name}: {what}",
            "Look at the film; then blank its borders with --burned-in blank, or pass it with "
            "--burned-in keep.",
        )


@dataclass(frozen=True, slots=True)
class Options:
    """What is kept, and what is done with burnt-in text.

    Attributes:
        retain: Of `RETAINABLE`: ``"dates"`` (shifted by days that are the same for all films of a
            patient), ``"device"``, ``"characteristics"`` (sex and age), ``"descriptors"`` (cleaned).
        burned_in: One of `BURNED_IN`.
    """

    retain: tuple[str, ...] = ()
    burned_in: str = REFUSE


@dataclass(frozen=True, slots=True, eq=False)
class DeidentifiedFilm:
    """A film without its patient.

    Attributes:
        content: The bytes of the new file.
        patient: Pseudonym of the patient.
        sop_instance_uid: Its new SOP Instance UID.
        actions: Of each attribute of the film: tag, keyword ("" for a private one), and what was
            done: kept, replaced, emptied, shifted, cleaned, rewritten or removed.
    """

    content: bytes
    patient: str
    sop_instance_uid: str
    actions: tuple[tuple[str, str, str], ...]


def deidentified(
    data: bytes, name: str, key: Key, options: Options = Options()
) -> DeidentifiedFilm:
    """De-identifies a film.

    Args:
        data: The whole file.
        name: What to call it in messages.
        key: Makes the pseudonyms.
        options: What is kept.

    Raises:
        ImageError: It is not a DICOM film, cannot be decoded, has a header that cannot be read or
            copied, or seems to have text burnt in.
    """
    if sniff(data) != "DICOM":
        raise UnsupportedObject(name, "not a DICOM film")
    film = read(data, name=name)
    with quiet():
        stored = stored_values(data, name)
        try:
            return _cleaned(data, stored, film.pixels, name, key, options)
        except ImageError:
            raise
        # pydicom raises many kinds of errors at broken elements.
        except Exception as error:
            reason = f"its header cannot be read, {type(error).__name__}"
            raise UnreadableImage(name, reason) from error


def _cleaned(
    data: bytes,
    stored: NDArray[Any],
    pixels: NDArray[np.float32],
    name: str,
    key: Key,
    options: Options,
) -> DeidentifiedFilm:
    source = dcmread(io.BytesIO(data), stop_before_pixels=True, force=True)
    source.decode()
    if source.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise UnsupportedObject(name, "a film with a palette of colours")
    sides = text_sides(pixels)
    copy = _header(source, data, key, options)
    # Blanking the borders does not remove text in the middle, so a declared YES stays.
    kept = options.burned_in == KEEP and sides
    copy.BurnedInAnnotation = "YES" if kept or _declares_text(source) else "NO"
    without_text = _without_text(stored, sides, source, name, options.burned_in)
    if without_text is not stored:
        copy.DeidentificationMethodCodeSequence.append(_code(_CLEANED_PIXELS))
    _add_pixels(copy, without_text, source)
    return DeidentifiedFilm(
        content=_file_of(copy),
        patient=str(copy.PatientID),
        sop_instance_uid=str(copy.SOPInstanceUID),
        actions=tuple(_actions(source, copy, options)),
    )


def _without_text(
    stored: NDArray[Any], sides: tuple[str, ...], source: Dataset, name: str, policy: str
) -> NDArray[Any]:
    """The same array, or a copy whose borders with text are blank."""
    if policy == KEEP:
        return stored
    if policy == BLANK and sides:
        inverted = source.get("PhotometricInterpretation") == "MONOCHROME1"
        return blank(stored, sides, int(stored.max() if inverted else stored.min()))
    if sides:
        raise BurnedInText(name, f"text seems to be burnt in ({', '.join(sides)})")
    if _declares_text(source):
        raise BurnedInText(name, "its header says that text is burnt in")
    return stored


def _declares_text(source: Dataset) -> bool:
    return str(source.get("BurnedInAnnotation", "")).strip().upper() == "YES"


def _identity(source: Dataset, data: bytes) -> str:
    """What tells a patient from others: the number, or else name and birth date, or else the film."""
    number = str(source.get("PatientID") or "").strip().casefold()
    if number:
        return f"number {number}"
    name = " ".join(str(source.get("PatientName") or "").replace("^", " ").split()).casefold()
    birth = str(source.get("PatientBirthDate") or "").strip()
    if name:
        return f"name {name} {birth}"
    return _film(data)


def _film(data: bytes) -> str:
    """What tells a film from others without any of its attributes."""
    return f"film {hashlib.sha256(data).hexdigest()}"


def _header(source: Dataset, data: bytes, key: Key, options: Options) -> Dataset:
    """The new header; only what is named here is in it."""
    copy, identity = Dataset(), _identity(source, data)
    copy.SpecificCharacterSet = "ISO_IR 192"
    sop_class = str(source.get("SOPClassUID") or SecondaryCaptureImageStorage)
    # A multi-frame object of one frame becomes a plain one.
    several = sop_class.startswith(f"{SecondaryCaptureImageStorage}.")
    copy.SOPClassUID = SecondaryCaptureImageStorage if several else sop_class
    for keyword in _UIDS:
        uid = str(source.get(keyword) or "").strip("\0 ")
        # Films without UIDs are in one study of their patient, but each is a separate film.
        owner = _film(data) if keyword == "SOPInstanceUID" and not uid else identity
        setattr(copy, keyword, key.uid(uid or f"{keyword} of {owner}"))
    copy.PatientID = copy.PatientName = key.patient(identity)
    for keyword in _EMPTY:
        setattr(copy, keyword, "")
    for keyword in SAFE:
        if (value := safe_value(keyword, source.get(keyword))) is not None:
            setattr(copy, keyword, value)
    _add_tables(copy, source)
    for option in options.retain:
        _RETAIN[option](copy, source, identity, key)
    _complete(copy)
    copy.PatientIdentityRemoved = "YES"
    copy.DeidentificationMethod = (
        f"pneumoscope {pneumoscope.__version__}: PS3.15 Basic Profile, other values removed"
    )
    copy.DeidentificationMethodCodeSequence = [_code(option) for option in ("", *options.retain)]
    modified = "MODIFIED" if "dates" in options.retain else "REMOVED"
    copy.LongitudinalTemporalInformationModified = modified
    return copy


def _add_tables(copy: Dataset, source: Dataset) -> None:
    """Lookup tables (C.11.1, C.11.2): numbers only, as many as their descriptor says."""
    for keyword in ("ModalityLUTSequence", "VOILUTSequence"):
        if (sound := sound_item(source.get(keyword))) is None:
            continue
        item = Dataset()
        for name in ("LUTDescriptor", "LUTData"):
            item[name] = sound[name]
        if keyword == "ModalityLUTSequence":
            item.ModalityLUTType = "US"
        setattr(copy, keyword, [item])


def _complete(copy: Dataset) -> None:
    """Adds what the film's class requires, as far as it is the same for every film of a chest."""
    for keyword in _EMPTY_IN_IMAGES:
        if keyword not in copy:
            setattr(copy, keyword, "" if "Number" not in keyword else None)
    if copy.SOPClassUID == SecondaryCaptureImageStorage and "ConversionType" not in copy:
        copy.ConversionType = "WSD"
    if copy.SOPClassUID == DigitalXRayImageStorageForPresentation:  # C.8.11
        copy.PresentationIntentType = "FOR PRESENTATION"
        copy.ImageType = copy.get("ImageType") or ["DERIVED", "PRIMARY"]
        copy.ImageLaterality = copy.get("ImageLaterality") or "U"
        copy.AcquisitionContextSequence = []
        copy.DetectorType = copy.PositionerType = ""
        region = Dataset()
        region.CodeValue, region.CodingSchemeDesignator = "816094009", "SCT"
        region.CodeMeaning = "Chest"
        copy.AnatomicRegionSequence = [region]
        del copy.Laterality


def _code(option: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = _CODES[option]
    item.CodingSchemeDesignator = "DCM"
    return item


def _retain_dates(copy: Dataset, source: Dataset, identity: str, key: Key) -> None:
    shift = timedelta(days=key.days(identity))
    for keyword in _DATES:
        try:
            date = datetime.strptime(str(source.get(keyword) or ""), "%Y%m%d")
            setattr(copy, keyword, (date - shift).strftime("%Y%m%d"))
        except (ValueError, OverflowError):
            continue
    for keyword in _TIMES:
        digits = str(source.get(keyword) or "")[:6]
        if len(digits) == 6 and digits.isdecimal() and digits < "240000":
            setattr(copy, keyword, digits)


def _retain_device(copy: Dataset, source: Dataset, _identity: str, _key: Key) -> None:
    for keyword in DEVICE:
        if value := source.get(keyword):
            setattr(copy, keyword, value)


def _retain_characteristics(copy: Dataset, source: Dataset, _identity: str, _key: Key) -> None:
    sex = str(source.get("PatientSex") or "").strip()
    copy.PatientSex = sex if sex in ("M", "F", "O") else ""
    if age := safe_age(source.get("PatientAge")):
        copy.PatientAge = age


def _retain_descriptors(copy: Dataset, source: Dataset, _identity: str, _key: Key) -> None:
    for keyword in DESCRIPTORS:
        if text := cleaned_text(str(source.get(keyword) or "")):
            setattr(copy, keyword, text)


_RETAIN = {
    "dates": _retain_dates,
    "device": _retain_device,
    "characteristics": _retain_characteristics,
    "descriptors": _retain_descriptors,
}


def _add_pixels(copy: Dataset, stored: NDArray[Any], source: Dataset) -> None:
    """Pixels without compression: comments of a codestream and foreign bits are gone."""
    signed, colour = stored.dtype.kind == "i", stored.ndim == 3
    size = 1 if stored.dtype.itemsize == 1 and not signed else 2
    values = stored.astype(("<i2" if signed else "<u2") if size == 2 else np.uint8)
    declared = int(source.get("BitsStored") or 8 * size)
    limit = int(values.max(initial=0))
    fits = declared <= 8 * size and (signed or limit < 2**declared)
    copy.Rows, copy.Columns = values.shape[:2]
    copy.SamplesPerPixel = 3 if colour else 1
    inverted = source.get("PhotometricInterpretation") == "MONOCHROME1"
    copy.PhotometricInterpretation = (
        "RGB" if colour else "MONOCHROME1" if inverted else "MONOCHROME2"
    )
    if colour:
        copy.PlanarConfiguration = 0
    copy.BitsAllocated = 8 * size
    copy.BitsStored = declared if fits else 8 * size
    copy.HighBit = copy.BitsStored - 1
    copy.PixelRepresentation = int(signed)
    copy.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    copy["PixelData"].VR = "OW" if size == 2 else "OB"


def _file_of(copy: Dataset) -> bytes:
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    copy.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _actions(source: Dataset, copy: Dataset, options: Options) -> list[tuple[str, str, str]]:
    rows = []
    for element in source:
        keyword = "" if element.tag.is_private else str(element.keyword)
        tag = f"({element.tag.group:04X},{element.tag.element:04X})"
        rows.append((tag, keyword, _action(keyword, element.value, copy, options)))
    return [*rows, ("(7FE0,0010)", "PixelData", "rewritten")]


def _action(keyword: str, value: Any, copy: Dataset, options: Options) -> str:
    if not keyword or keyword not in copy:
        return "removed"
    if keyword in _PIXELS:
        return "rewritten"
    if keyword in (*_UIDS, "PatientID", "PatientName", "DeidentificationMethod"):
        return "replaced"
    if copy[keyword].value in ("", None):
        return "emptied"
    if keyword in DESCRIPTORS:
        return "cleaned"
    if keyword in _DATES and "dates" in options.retain:
        return "shifted"
    if keyword == "ImageType" and copy.ImageType != value:
        return "cleaned"
    return "kept"
