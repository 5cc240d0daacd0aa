"""The table of objects: what is made of which result, and that a validator takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from film_files import DX
from pneumoscope.ai_results import objects
from pneumoscope.ai_results.errors import ObjectNotMade
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.ai_results.objects import objects_of, why_not
from pneumoscope.bundle import Bundle
from pneumoscope.records import Explanation, Settings
from result_films import result_of, validation_errors
from test_reasons import refused

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# Kinds of headers that archives really hold.
HEADERS = {
    "whole": {},
    "digital": {"SOPClassUID": DX, "Modality": "DX", "ImageLaterality": "U"},
    "captured": {"SOPClassUID": SECONDARY_CAPTURE, "Modality": "OT", "ConversionType": "WSD"},
    "bare": {
        "PatientName": None, "PatientID": None, "StudyDate": None, "StudyTime": None,
        "StudyID": None, "AccessionNumber": None, "PatientOrientation": None,
        "ReferringPhysicianName": None, "Manufacturer": None, "PatientSex": None,
    },
    "lateral words": {"Laterality": "L", "BodyPartExamined": "CHEST", "SeriesNumber": 3},
    "other script": {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Wang^XiaoDong=王^小東"},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("header", HEADERS)
def test_dciodvfy_finds_no_error(tiny_bundle: Bundle, tmp_path: Path, header: str) -> None:
    result = result_of(tiny_bundle, **HEADERS[header])
    for made in objects_of(result, [kind for kind in KINDS if kind != "fhir"]):
        assert not made.not_made
        assert validation_errors(made.content, tmp_path) == [], made.kind


def test_they_come_in_order_with_their_uids(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    made = list(objects_of(result, ["fhir", "sr"]))
    assert [m.kind for m in made] == ["sr", "fhir"]
    assert made[0].sop_instance_uid == result.uid("sr", "instance")
    assert (made[1].sop_class_uid, made[1].content[:1]) == ("", b"{")


def test_a_refused_film_has_no_pictures(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    made = objects_of(replace(result, prediction=refused(result.prediction)), KINDS)
    reasons = {m.kind: m.not_made for m in made}
    assert {kind for kind, reason in reasons.items() if reason} == {"sc", "seg", "gsps"}
    assert "refused" in reasons["sc"]


def test_without_a_heatmap_there_is_no_overlay(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle, settings=Settings(explain="none"))
    reasons = {kind: why_not(result, kind) for kind in KINDS}
    assert {kind for kind, reason in reasons.items() if reason} == {"sc", "seg"}
    assert "heatmap" in reasons["seg"]


def test_an_unreliable_heatmap_is_no_data(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    unreliable = Explanation("fast", False, 0.1, 0.5, {}, "hidden")
    hidden = replace(result, prediction=replace(result.prediction, explanation=unreliable))
    assert why_not(hidden, "seg") == "no reliable explanation"
    assert why_not(hidden, "sc") == ""


def test_a_multi_frame_object_has_no_segmentation(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle, SOPClassUID=f"{SECONDARY_CAPTURE}.2", NumberOfFrames=1)
    assert "multi-frame" in why_not(result, "seg")
    assert [m.not_made for m in objects_of(result, ["sr", "sc", "pdf"])] == ["", "", ""]


def test_a_failure_of_the_library_names_object_and_film(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("DOE^JANE is odd")

    monkeypatch.setitem(objects._MAKERS, "sr", fails)
    with pytest.raises(ObjectNotMade) as caught:
        list(objects_of(result_of(tiny_bundle), ["sr"]))
    assert str(caught.value) == "film.dcm: the object sr cannot be made (ValueError)"


def test_the_same_result_is_the_same_object_byte_by_byte(tiny_bundle: Bundle) -> None:
    """An archive takes what is sent a second time for the object that it has."""
    result = result_of(tiny_bundle)
    first, second = ({o.kind: o.content for o in objects_of(result, KINDS)} for _ in range(2))
    assert first == second
