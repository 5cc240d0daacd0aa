"""The result as FHIR: a DiagnosticReport with Observations and their Device, as a transaction.

Written for R5 (https://hl7.org/fhir/R5) and R4, which differ in a few elements. Everything is
``preliminary``: nobody has confirmed it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.film_result import BURNED_IN, MANUFACTURER, name_based_uid
from pneumoscope.ai_results.questions import questions_of
from pneumoscope.ai_results.reasons import coded_reasons, comments, marked_verdict
from pneumoscope.errors import UsageError
from pneumoscope.records import UNDETERMINED
from pneumoscope.render import wording
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

    from pneumoscope.ai_results.film_result import FilmResult
    from pneumoscope.ai_results.questions import Question

    Resource = dict[str, Any]

VERSIONS = R5, R4 = ("R5", "R4")
_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    codes.SCHEME: f"urn:oid:{name_based_uid('codes')}",
}
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_URI = "urn:ietf:rfc:3986"
_INTERPRETATIONS = {codes.PRESENT: "POS", codes.ABSENT: "NEG", codes.INDETERMINATE: "IND"}


def check_version(version: str) -> None:
    """Refuses a version that is not written.

    Raises:
        UsageError: It names those that are.
    """
    if version not in VERSIONS:
        raise UsageError(
            f"FHIR version {version!r} is unknown", f"Choose one of: {', '.join(VERSIONS)}."
        )


def bundle_of(result: FilmResult, version: str = R5) -> Resource:
    """A transaction Bundle: any FHIR server takes it by POST, and a second time adds nothing.

    Args:
        result: The result.
        version: One of `VERSIONS`.
    """
    check_version(version)
    device = _device(result, version)
    observations = [_verdict(result)]
    if not result.is_refused:
        observations += [_question(result, question) for question in questions_of(result)]
    for number, observation in enumerate(observations):
        observation |= {
            "identifier": [_identifier(result.uid("fhir", f"observation {number}"))],
            "device": {"reference": _url(result, "device")},
        }
    named = {f"observation {i}": resource for i, resource in enumerate(observations)}
    report = _report(result, version, [{"reference": _url(result, name)} for name in named])
    resources = {"device": device, **named, "report": report}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "timestamp": result.created.isoformat(timespec="seconds"),
        "entry": [_entry(result, name, resource) for name, resource in resources.items()],
    }


def _entry(result: FilmResult, name: str, resource: Resource) -> Resource:
    identifier = resource["identifier"][0]
    kind = resource["resourceType"]
    return {
        "fullUrl": _url(result, name),
        "resource": resource,
        "request": {
            "method": "POST",
            "url": kind,
            "ifNoneExist": f"identifier={identifier['system']}|{identifier['value']}",
        },
    }


def _url(result: FilmResult, name: str) -> str:
    return f"urn:uuid:{uuid.UUID(int=int(result.uid('fhir', name).removeprefix('2.25.')))}"


def _identifier(uid: str) -> Resource:
    return {"system": _URI, "value": f"urn:oid:{uid}"}


def _concept(code: Code, text: str = "") -> Resource:
    coding = {"system": _SYSTEMS[code.scheme_designator], "code": code.value.replace(" ", "-")}
    return {"coding": [coding | {"display": code.meaning}], "text": text or code.meaning}


def _hl7(table: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{table}", "code": code, "display": display}]}


def _about(result: FilmResult) -> Resource:
    """Patient and time, of a report as of an observation."""
    header = result.header
    resource: Resource = {"issued": result.created.isoformat(timespec="milliseconds")}
    if header.PatientID:
        identifier = {"value": header.PatientID}
        if issuer := header.get("IssuerOfPatientID"):
            identifier["assigner"] = {"display": issuer}
        resource["subject"] = {"type": "Patient", "identifier": identifier}
    if date := header.StudyDate:
        resource["effectiveDateTime"] = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return resource


def _study(result: FilmResult) -> Resource:
    uid = result.header.StudyInstanceUID
    identifier = {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}
    return {"type": "ImagingStudy", "identifier": identifier}


def _observation(result: FilmResult) -> Resource:
    category = _hl7("observation-category", "imaging", "Imaging")
    return {
        "resourceType": "Observation",
        "status": "preliminary",
        "category": [category],
        **_about(result),
        "derivedFrom": [_study(result)],
        # On each: a server may give out one without the others.
        "note": [{"text": sentence} for sentence in comments(result.prediction)],
    }


def _verdict(result: FilmResult) -> Resource:
    p = result.prediction
    resource = _observation(result) | {"code": _concept(codes.VERDICT)}
    reasons = [_concept(reason)["coding"][0] for _, reason in coded_reasons(p)]
    if result.is_refused:
        absent = _hl7("data-absent-reason", "not-performed", "Not Performed")
        resource["dataAbsentReason"] = {
            "coding": [*absent["coding"], *reasons],
            "text": " ".join(wording.reasons(p)),
        }
    else:
        resource["valueCodeableConcept"] = _concept(codes.verdict(p), marked_verdict(p))
        if p.label == UNDETERMINED:
            resource["valueCodeableConcept"]["coding"] += reasons
    return resource


def _question(result: FilmResult, question: Question) -> Resource:
    percent = {"unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    value = round(100 * question.probability, 2)
    resource = _observation(result) | {
        "code": _concept(question.concept, question.name),
        "component": [
            {"code": _concept(codes.PROBABILITY), "valueQuantity": {"value": value, **percent}}
        ],
    }
    if question.presence is not None:
        resource["valueCodeableConcept"] = _concept(question.presence)
        letter = _INTERPRETATIONS[question.presence]
        word = {"POS": "Positive", "NEG": "Negative", "IND": "Indeterminate"}[letter]
        resource["interpretation"] = [_hl7("v3-ObservationInterpretation", letter, word)]
    return resource


def _device(result: FilmResult, version: str) -> Resource:
    names = [
        {"type": "user-friendly-name", "name" if version == R4 else "value": result.model_name}
    ]
    return {
        "resourceType": "Device",
        "identifier": [_identifier(result.device_uid)],
        "manufacturer": MANUFACTURER,
        "modelNumber": result.bundle.title,
        "serialNumber": result.bundle.sha256,
        "deviceName" if version == R4 else "name": names,
        "version": [{"value": software} for software in result.software_versions],
        "note": [{"text": NOTICE}],
    }


def _report(result: FilmResult, version: str, results: list[Resource]) -> Resource:
    p = result.prediction
    resource: Resource = {
        "resourceType": "DiagnosticReport",
        "identifier": [_identifier(result.uid("fhir", "report"))],
        "status": "preliminary",
        "category": [_hl7("v2-0074", "RAD", "Radiology")],
        "code": _concept(codes.CHEST_FILM),
        **_about(result),
        "result": results,
        "imagingStudy" if version == R4 else "study": [_study(result)],
        "conclusion": f"{BURNED_IN}. {wording.summary(p)} {NOTICE}",
    }
    if not (result.is_refused or p.forced):
        resource["conclusionCode"] = [_concept(codes.verdict(p))]
    if number := result.header.AccessionNumber:
        kind = _hl7("v2-0203", "ACSN", "Accession ID")
        order = {"type": "ServiceRequest", "identifier": {"type": kind, "value": number}}
        resource["basedOn"] = [order]
    return resource
