"""Concepts of verdicts, findings and reasons."""

from __future__ import annotations

import pytest
from pydicom.sr._concepts_dict import concepts

from pneumoscope.ai_results import codes
from pneumoscope.bundle import open_bundle
from pneumoscope.decision.gate import REASONS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PNEUMONIA", "233604007"),
        ("normal", "17621005"),
        ("ABNORMAL", "263654008"),
        ("bacterial", "53084003"),
        ("Pleural_Effusion", "60046008"),
        ("Pleural effusion", "60046008"),
        ("Oedema", "19242006"),
        ("COVID19", "840539006"),
        ("TB", "56717001"),
    ],
)
def test_known_names_have_snomed_codes(name: str, value: str) -> None:
    code = codes.finding(name)
    assert (code.value, code.scheme_designator) == (value, "SCT")


def test_other_names_have_codes_of_their_own_that_fit() -> None:
    code = codes.finding("Enlarged cardiomediastinum of unknown origin " + "x" * 40)
    assert code.scheme_designator == "99PNEUMOSCOPE"
    assert code.value == "Enlarged cardiom"
    assert len(code.meaning) == 64


def test_dicom_codes_are_those_of_the_standard() -> None:
    mine = [code for code in vars(codes).values() if isinstance(code, codes.Code)]
    meanings = {
        (value, scheme): meaning
        for scheme in ("DCM", "UCUM")
        for entries in concepts[scheme].values()
        for value, (meaning, _) in entries.items()
    }
    checked = [code for code in mine if code.scheme_designator in ("DCM", "UCUM")]
    assert len(checked) >= 10
    for code in checked:
        assert meanings[code.value, code.scheme_designator].lower() == code.meaning.lower()


def test_every_reason_of_the_gate_has_a_code() -> None:
    values = {codes.reason(code).value for code in REASONS}
    assert len(values) == len(REASONS)
    assert codes.reason("rotated-90").meaning == "Rotated 90"


def test_shipped_bundles_speak_snomed() -> None:
    for shipped in ("children", "adults"):
        meta = open_bundle(shipped).meta
        for name in (*meta.labels, meta.positive):
            assert codes.finding(name).scheme_designator == "SCT", name
