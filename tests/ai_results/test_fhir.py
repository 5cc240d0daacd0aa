"""FHIR resources, checked by fhir.resources where it is installed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pneumoscope.ai_results.fhir import VERSIONS, bundle_of
from pneumoscope.ai_results.reasons import comments
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.records import UNDETERMINED
from result_films import NAME, NUMBER, UIDS, result_of
from test_reasons import refused


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    entries = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in entries if resource["resourceType"] == kind]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid(tiny_bundle: Bundle, findings_bundle: Bundle, version: str) -> None:
    module = {"R5": "fhir.resources.bundle", "R4": "fhir.resources.R4B.bundle"}[version]
    model = pytest.importorskip(module, reason="needs fhir.resources").Bundle
    result = result_of(tiny_bundle)
    for each in (
        result,
        replace(result, prediction=refused(result.prediction)),
        replace(result, prediction=replace(result.prediction, forced=True)),
        replace(result, prediction=replace(result.prediction, label=UNDETERMINED, error=0.05)),
        result_of(tiny_bundle, PatientID=None, StudyDate=None, AccessionNumber=None),
        result_of(findings_bundle),
    ):
        model.model_validate(bundle_of(each, version))


def test_the_report_is_preliminary_and_names_the_study(tiny_bundle: Bundle) -> None:
    bundle = bundle_of(result_of(tiny_bundle))
    [report] = resources(bundle, "DiagnosticReport")
    assert report["status"] == "preliminary"
    assert report["study"][0]["identifier"]["value"] == f"urn:oid:{UIDS['StudyInstanceUID']}"
    assert report["conclusion"].startswith("AI - not for diagnosis. PNEUMONIA")
    assert report["subject"]["identifier"]["value"] == NUMBER
    assert NAME.split("^")[0] not in str(bundle)
    [old] = resources(bundle_of(result_of(tiny_bundle), "R4"), "DiagnosticReport")
    assert "imagingStudy" in old
    assert "study" not in old


def test_references_resolve(tiny_bundle: Bundle) -> None:
    bundle = bundle_of(result_of(tiny_bundle))
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    [report] = resources(bundle, "DiagnosticReport")
    observations = resources(bundle, "Observation")
    assert len(report["result"]) == len(observations) == 4
    assert {item["reference"] for item in report["result"]} <= set(urls)
    assert all(o["device"]["reference"] in urls for o in observations)
    [device] = resources(bundle, "Device")
    assert device["serialNumber"] == tiny_bundle.sha256


def test_the_same_result_is_the_same_transaction(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    assert bundle_of(result) == bundle_of(result)
    conditions = [entry["request"]["ifNoneExist"] for entry in bundle_of(result)["entry"]]
    assert len(set(conditions)) == len(conditions)


def test_probability_and_presence(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    verdict, pneumonia, *_ = resources(bundle_of(result), "Observation")
    assert verdict["valueCodeableConcept"]["coding"][0]["code"] == "233604007"
    assert pneumonia["valueCodeableConcept"]["text"] == "Present"
    assert pneumonia["interpretation"][0]["coding"][0]["code"] == "POS"
    value = pneumonia["component"][0]["valueQuantity"]
    assert value["value"] == pytest.approx(100 * result.prediction.p_positive, abs=0.005)
    assert value["code"] == "%"


def test_a_refused_film_has_a_reason_in_place_of_a_value(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    bundle = bundle_of(replace(result, prediction=refused(result.prediction)))
    [verdict] = resources(bundle, "Observation")
    assert "valueCodeableConcept" not in verdict
    codes = [coding["code"] for coding in verdict["dataAbsentReason"]["coding"]]
    assert codes == ["not-performed", "inverted"]
    [report] = resources(bundle, "DiagnosticReport")
    assert "conclusionCode" not in report


def test_a_forced_verdict_is_no_finding(tiny_bundle: Bundle, findings_bundle: Bundle) -> None:
    for result in (result_of(tiny_bundle), result_of(findings_bundle)):
        p = replace(refused(result.prediction), label=result.prediction.label, forced=True)
        bundle = bundle_of(replace(result, prediction=p))
        verdict, *questions = resources(bundle, "Observation")
        assert verdict["valueCodeableConcept"]["text"] == f"{p.label} (forced)"
        assert questions
        for question in questions:
            assert not {"valueCodeableConcept", "interpretation"} & set(question)
        for observation in (verdict, *questions):
            notes = [note["text"] for note in observation["note"]]
            assert notes == comments(p)
            assert any("forced" in note for note in notes)
        [report] = resources(bundle, "DiagnosticReport")
        assert "conclusionCode" not in report
        assert "forced" in report["conclusion"]


def test_the_conclusion_has_single_full_stops(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    for p in (result.prediction, refused(result.prediction)):
        [report] = resources(bundle_of(replace(result, prediction=p)), "DiagnosticReport")
        assert ".." not in report["conclusion"]


def test_an_unknown_version_names_the_known_ones(tiny_bundle: Bundle) -> None:
    with pytest.raises(UsageError) as caught:
        bundle_of(result_of(tiny_bundle), "R3")
    assert caught.value.hint == "Choose one of: R5, R4."
