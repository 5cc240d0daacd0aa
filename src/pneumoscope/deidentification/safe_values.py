"""Which values of a header are safe: attributes with the values that they may have.

An attribute that is not here is left out, and so is a value that does not fit: free text may hold a
name, and so may a code string or a number in the wrong place. References are to the DICOM standard.
"""

from __future__ import annotations

import re
from typing import Any

# Code strings (PS3.3 C.7, C.8), each with its defined terms as far as radiographs of chests use them.
_TERMS: dict[str, frozenset[str]] = {
    name: frozenset(terms.split())
    for name, terms in {
        "Modality": "CR DX DR RG XR OT",
        "ConversionType": "DV DI DF WSD SD SI DRW SYN",
        "BodyPartExamined": "CHEST THORAX LUNG",
        "ViewPosition": "PA AP LL RL LLO RLO LATERAL LAT",
        "Laterality": "L R",
        "ImageLaterality": "L R U B",
        "PresentationLUTShape": "IDENTITY INVERSE",
        "VOILUTFunction": "LINEAR LINEAR_EXACT SIGMOID",
        "PixelIntensityRelationship": "LIN LOG",
        "RescaleType": "US HU OD PVAL",
        "LossyImageCompression": "00 01",
    }.items()
}
# Values 1 and 2 of Image Type (C.7.6.1.1.2); those after them may be anything.
_IMAGE_TYPE = (frozenset(("ORIGINAL", "DERIVED")), frozenset(("PRIMARY", "SECONDARY")))
# Of Patient Orientation (C.7.6.1.1.1).
_DIRECTIONS = frozenset(
    ("L", "R", "A", "P", "H", "F", "LF", "RF", "LH", "RH", "LA", "RA", "LP", "RP")
)
# Numbers: from, to.
_NUMBERS: dict[str, tuple[float, float]] = {
    "KVP": (1, 400),
    "ExposureTime": (0, 100_000),
    "XRayTubeCurrent": (0, 5_000),
    "Exposure": (0, 10_000),
    "DistanceSourceToDetector": (1, 10_000),
    "DistanceSourceToPatient": (1, 10_000),
    "PixelSpacing": (0.001, 10),
    "ImagerPixelSpacing": (0.001, 10),
    "PixelIntensityRelationshipSign": (-1, 1),
    "RescaleSlope": (-1e6, 1e6),
    "RescaleIntercept": (-1e6, 1e6),
    "WindowCenter": (-1e6, 1e6),
    "WindowWidth": (-1e6, 1e6),
    "SeriesNumber": (0, 9_999),
    "InstanceNumber": (0, 9_999),
}
_VOCABULARY = frozenset(
    [
        "chest",
        "thorax",
        "lung",
        "lungs",
        "rib",
        "ribs",
        "pa",
        "ap",
        "lat",
        "lateral",
        "frontal",
        "view",
        "views",
        "single",
        "two",
        "portable",
        "bedside",
        "mobile",
        "erect",
        "supine",
        "sitting",
        "xray",
        "x-ray",
        "radiograph",
        "xr",
        "cr",
        "dx",
        "study",
        "exam",
        "image",
        "1",
        "2",
    ]
)
DEVICE = (
    "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "StationName", "SoftwareVersions",
    "DetectorID",
)  # fmt: skip
"""Kept on request: who knows the site may recognise it by them."""
DESCRIPTORS = ("StudyDescription", "SeriesDescription", "ProtocolName")
"""Kept on request, reduced to words that describe examinations of chests."""
SAFE = (*_TERMS, "ImageType", "PatientOrientation", *_NUMBERS)
"""Attributes that are kept if their values fit."""


def safe_value(keyword: str, value: Any) -> Any:
    """The value of an attribute of `SAFE` as it may stay; None if it may not."""
    if value is None:
        return None
    several = [value] if isinstance(value, str | int | float) else list(value)
    if keyword in _TERMS:
        text = str(value).strip()
        return text if text in _TERMS[keyword] else None
    if keyword == "ImageType":
        pair = [str(part).strip() for part in several[:2]]
        known = len(pair) == 2 and all(
            p in terms for p, terms in zip(pair, _IMAGE_TYPE, strict=True)
        )
        return pair if known else None
    if keyword == "PatientOrientation":
        parts = [str(part).strip() for part in several]
        return parts if parts and set(parts) <= _DIRECTIONS else None
    low, high = _NUMBERS[keyword]
    try:
        numbers = [float(number) for number in several]
    except (TypeError, ValueError):
        return None
    fitting = 1 <= len(numbers) <= 4 and all(low <= number <= high for number in numbers)
    return value if fitting else None


def cleaned_text(text: str) -> str:
    """A description with only the words of examinations of chests."""
    words = re.findall(r"[\w-]+", text)
    return " ".join(word for word in words if word.lower() in _VOCABULARY)[:64]


def safe_age(value: Any) -> str | None:
    """Patient's Age (VR AS); ages above 89 years become 90, as few people reach them."""
    match = re.fullmatch(r"(\d{3})([DWMY])", str(value or "").strip())
    if match is None:
        return None
    return "090Y" if match[2] == "Y" and int(match[1]) >= 90 else match[0]
