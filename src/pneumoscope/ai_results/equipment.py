"""Identity and origin of the objects: what all of them share.

References are to the DICOM standard, PS3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import highdicom as hd

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.film_result import MANUFACTURER
from pneumoscope.metrics import threshold_text
from pneumoscope.render import wording
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumoscope.ai_results.film_result import FilmResult

_FIRST_SERIES = 9100
"""Number of the first series: behind those of any X-ray system."""


def contribution(result: FilmResult) -> hd.ContributingEquipment:
    """The bundle as an item of the Contributing Equipment Sequence (C.12.1)."""
    item = hd.ContributingEquipment(
        manufacturer=MANUFACTURER,
        purpose_of_reference=codes.PROCESSING,
        manufacturer_model_name=result.model_name,
        software_versions=result.software_versions,
        device_serial_number=result.bundle.sha256,
        contribution_datetime=result.local.replace(tzinfo=None),
        contribution_description=(
            f"AI result of the bundle {result.bundle.title}, SHA-256 {result.bundle.sha256}. {NOTICE}"
        ),
    )
    item.DeviceUID = result.device_uid
    return item


def series_of(result: FilmResult, kind: str, number: int, description: str) -> dict[str, Any]:
    """The arguments by which every class of highdicom knows series, instance and equipment.

    Args:
        result: The result.
        kind: Name of the kind of object; each has a series of its own.
        number: Its place among the kinds, from 0.
        description: Series Description, at most 64 letters.
    """
    return {
        "series_instance_uid": result.uid(kind, "series"),
        "series_number": _FIRST_SERIES + number,
        "series_description": description,
        "sop_instance_uid": result.uid(kind, "instance"),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": result.model_name,
        "software_versions": result.software_versions,
        "device_serial_number": result.bundle.sha256,
        "contributing_equipment": [contribution(result)],
    }


def finished(made: Dataset, result: FilmResult) -> Dataset:
    """The object with the time of the result in place of now, and with its own text encoding.

    A result that is sent once more is then the same object, byte by byte.
    """
    made.SpecificCharacterSet = "ISO_IR 192"
    date, time = result.local.strftime("%Y%m%d"), result.local.strftime("%H%M%S")
    made.InstanceCreationDate, made.InstanceCreationTime = date, time
    made.SeriesDate, made.SeriesTime = date, time
    if made.Modality == "PR":  # has a time of its own, and no content date
        made.PresentationCreationDate, made.PresentationCreationTime = date, time
    else:
        made.ContentDate, made.ContentTime = date, time
    for item in made.ContributingEquipmentSequence:  # highdicom adds itself, now
        item.ContributionDateTime = result.local.replace(tzinfo=None)
    if "TimezoneOffsetFromUTC" in result.header:
        made.TimezoneOffsetFromUTC = result.header.TimezoneOffsetFromUTC
    made.DeviceUID = result.device_uid
    if made.Modality in ("OT", "PR", "SEG"):  # images need no laterality (C.7.3.1): no paired part
        made.BodyPartExamined = result.header.get("BodyPartExamined", "CHEST")
    if "Rows" in made:  # type 2C (C.7.6.1): the direction of rows, empty if it is not known
        made.PatientOrientation = result.header.get("PatientOrientation", "")
    return made


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
