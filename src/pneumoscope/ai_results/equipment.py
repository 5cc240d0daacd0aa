"""Identity and origin of the objects: what all of them share.

References are to the DICOM standard, PS3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.multival import MultiValue

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.content_items import coded_item
from pneumoscope.ai_results.encoding import CHARACTER_SET, Value, data_set
from pneumoscope.ai_results.film_result import MANUFACTURER
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.metrics import threshold_text
from pneumoscope.render import wording
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumoscope.ai_results.film_result import FilmResult

FIRST_SERIES = 9100
"""Number of the first series: behind those of any X-ray system."""
# Of the Patient, General Study and Patient Study modules (C.7.1.1, C.7.2.1, C.7.2.2): those that
# `source_header` always sets, and those that it sets if the film has them.
_ALWAYS = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
_IF_KNOWN = (
    *("IssuerOfPatientID", "PatientAge", "StudyDescription", "PatientIdentityRemoved"),
    *("DeidentificationMethod", "TimezoneOffsetFromUTC"),
)


def common_elements(
    result: FilmResult, kind: str, number: int, description: str
) -> dict[str, Value]:
    """The elements of patient, study, series, equipment and SOP common modules, by keyword.

    Dates and times are those of the result, not the current ones: a result that is sent once more is the same
    object, byte by byte.

    Args:
        result: The result.
        kind: Name of the kind of object; each has its own series.
        number: Its place among the kinds, from 0.
        description: Series Description, at most 64 letters.
    """
    header = result.header
    date, time = result.local.strftime("%Y%m%d"), result.local.strftime("%H%M%S")
    elements: dict[str, Value] = {
        "SpecificCharacterSet": CHARACTER_SET,
        "SOPClassUID": KINDS[kind].sop_class_uid,
        "SOPInstanceUID": result.uid(kind, "instance"),
        "InstanceCreationDate": date,
        "InstanceCreationTime": time,
        "ContentDate": date,
        "ContentTime": time,
        "SeriesInstanceUID": result.uid(kind, "series"),
        "SeriesNumber": FIRST_SERIES + number,
        "SeriesDate": date,
        "SeriesTime": time,
        "SeriesDescription": description,
        "InstanceNumber": 1,
        "Manufacturer": MANUFACTURER,
        "ManufacturerModelName": result.model_name,
        "SoftwareVersions": result.software_versions,
        "DeviceSerialNumber": result.bundle.sha256,
        "DeviceUID": result.device_uid,
        "ContributingEquipmentSequence": [
            *_acquisition(header),
            _contribution(result, f"{date}{time}"),
        ],
    }
    elements |= {keyword: _value(header.get(keyword)) for keyword in _ALWAYS}
    elements |= {
        keyword: _value(header[keyword].value) for keyword in _IF_KNOWN if keyword in header
    }
    if methods := header.get("DeidentificationMethodCodeSequence"):
        elements["DeidentificationMethodCodeSequence"] = [_code_item(item) for item in methods]
    return elements


def image_elements(result: FilmResult, rows: int, columns: int) -> dict[str, Value]:
    """What pictures have besides: size, unsigned 8 bits, body part, and direction of rows and columns.

    Images need no laterality (C.7.3.1): no paired part. The direction is of type 2C (C.7.6.1), empty
    if it is not known.
    """
    header = result.header
    return {
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "BodyPartExamined": _value(header.get("BodyPartExamined", "CHEST")),
        "PatientOrientation": _value(header.get("PatientOrientation")),
    }


def reference(result: FilmResult, **more: Value) -> bytes:
    """The film as an item of a sequence of references.

    Args:
        result: The result.
        more: Other elements of the item.
    """
    return data_set(
        ReferencedSOPClassUID=str(result.header.SOPClassUID),
        ReferencedSOPInstanceUID=str(result.header.SOPInstanceUID),
        **more,
    )


def contribution_description(result: FilmResult) -> str:
    """What the bundle has contributed."""
    return (
        f"AI result of the bundle {result.bundle.title}, SHA-256 {result.bundle.sha256}. {NOTICE}"
    )


def _contribution(result: FilmResult, when: str) -> bytes:
    """The bundle as an item of the Contributing Equipment Sequence (C.12.1)."""
    return data_set(
        Manufacturer=MANUFACTURER,
        PurposeOfReferenceCodeSequence=[coded_item(codes.PROCESSING)],
        ManufacturerModelName=result.model_name,
        SoftwareVersions=result.software_versions,
        DeviceSerialNumber=result.bundle.sha256,
        DeviceUID=result.device_uid,
        ContributionDateTime=when,
        ContributionDescription=contribution_description(result),
    )


def _acquisition(header: Dataset) -> list[bytes]:
    """The X-ray system as an item of the same sequence; empty if the film does not name it."""
    if not header.get("Manufacturer"):
        return []
    known = {
        keyword: _value(header[keyword].value)
        for keyword in ("Manufacturer", "ManufacturerModelName", "StationName")
        if keyword in header
    }
    return [
        data_set(
            PurposeOfReferenceCodeSequence=[coded_item(codes.ACQUISITION)],
            ContributionDescription="Acquisition equipment of the source image(s)",
            **known,
        )
    ]


def _code_item(item: Dataset) -> bytes:
    """A code of `source_header` as an item of a sequence."""
    return data_set(**{element.keyword: _value(element.value) for element in item})


def _value(value: Any) -> Value:
    """A value of pydicom for `data_set`."""
    if value is None:
        return ""
    return [str(part) for part in value] if isinstance(value, MultiValue) else str(value)


def identifying_parameters(result: FilmResult) -> list[str]:
    """The model, for TID 4019."""
    return [f"Bundle {result.bundle.title}", f"Bundle SHA-256 {result.bundle.sha256}"]


def parameters(result: FilmResult) -> list[str]:
    """The model and its settings, for TID 4019: what a reader needs to repeat the result."""
    p = result.prediction
    lines = [*identifying_parameters(result), f"Operating point {p.operating_point.name}"]
    if p.findings:
        lines += [f"Threshold of {f.name}: {threshold_text(f.threshold)}" for f in p.findings]
    else:
        lines.append(f"Threshold: {threshold_text(p.operating_point.threshold)}")
    lines.append(f"Verdicts: {wording.ranges(p)}")
    if p.error is not None:
        lines.append(f"Error rate of the conformal sets: {wording.percent(p.error)}")
    if p.prevalence is not None:
        lines.append(f"Prevalence: {wording.percent(p.prevalence)}")
    if p.profile is not None:
        lines.append(f"Site profile: {p.profile}")
    if p.forced:
        lines.append("Verdict forced by the reader")
    lines.append(NOTICE)
    return lines
