"""What all objects share."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from pneumoscope.ai_results.equipment import parameters
from pneumoscope.bundle import Bundle
from pneumoscope.records import Settings
from result_films import NAME, NUMBER, UIDS, made, result_of

KINDS = ("sr", "sc", "seg", "gsps", "pdf")


@pytest.fixture(scope="module")
def objects(tiny_bundle: Bundle) -> dict[str, object]:
    result = result_of(tiny_bundle, TimezoneOffsetFromUTC="+0000")
    return {"bundle": tiny_bundle, **{kind: made(result, kind) for kind in KINDS}}


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_is_in_the_films_study_in_a_series_of_its_own(objects, kind) -> None:
    made = objects[kind]
    assert made.StudyInstanceUID == UIDS["StudyInstanceUID"]
    assert made.SeriesInstanceUID != UIDS["SeriesInstanceUID"]
    assert (str(made.PatientName), made.PatientID) == (NAME, NUMBER)
    assert made.AccessionNumber == "A1"
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert (made.SeriesDate, made.InstanceCreationTime) == ("20260304", "050607")
    assert made.SeriesDescription.startswith("AI - not for diagnosis")


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_names_the_bundle_as_contributing_equipment(objects, kind) -> None:
    made, sha256 = objects[kind], objects["bundle"].sha256
    items = made.ContributingEquipmentSequence
    [item] = [i for i in items if i.Manufacturer == "pneumoscope"]
    assert sha256 in item.ContributionDescription
    assert item.DeviceSerialNumber == sha256
    assert item.DeviceUID == made.DeviceUID
    assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_refers_to_the_film(objects, kind) -> None:
    elements = objects[kind].iterall()
    uids = [e.value for e in elements if e.keyword == "ReferencedSOPInstanceUID"]
    assert UIDS["SOPInstanceUID"] in uids


def test_series_and_instances_differ(objects) -> None:
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID", "SeriesNumber"):
        assert len({objects[kind][keyword].value for kind in KINDS}) == len(KINDS)


def test_codes_of_any_length_are_taken_over(tiny_bundle: Bundle) -> None:
    code = Dataset()
    code.LongCodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "9" * 71, "99A", "own"
    urn = Dataset()
    urn.URNCodeValue, urn.CodeMeaning = "urn:oid:1.2", "other"
    methods = {"DeidentificationMethodCodeSequence": [code, urn]}
    result = result_of(tiny_bundle, PatientIdentityRemoved="YES", **methods)
    items = made(result, "sr").DeidentificationMethodCodeSequence
    assert items[0].LongCodeValue == "9" * 71
    assert items[1].URNCodeValue == "urn:oid:1.2"


def test_parameters_repeat_the_settings(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle, settings=Settings(operating_point="screen", prevalence=0.05))
    lines = parameters(result)
    assert f"Bundle SHA-256 {tiny_bundle.sha256}" in lines
    assert {"Operating point screen", "Threshold: 0.100", "Prevalence: 5 %"} <= set(lines)
