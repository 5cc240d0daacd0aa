"""Values that may stay."""

from __future__ import annotations

import pytest

from pneumoscope.deidentification.safe_values import cleaned_text, safe_age, safe_value


@pytest.mark.parametrize(
    ("keyword", "value", "kept"),
    [
        ("Modality", "CR", "CR"),
        ("Modality", "JANE DOE", None),
        ("ImageType", ["ORIGINAL", "PRIMARY"], ["ORIGINAL", "PRIMARY"]),
        ("ImageType", ["ORIGINAL", "JANE"], None),
        ("ImageType", ["DERIVED", "PRIMARY", "POST_PROCESSED"], ["DERIVED", "PRIMARY"]),
        ("ImageType", ["PRIMARY", "ORIGINAL"], None),
        ("ImageType", "ORIGINAL", None),
        ("PatientOrientation", ["L", "F"], ["L", "F"]),
        ("KVP", 120.0, 120.0),
        ("KVP", 19561231, None),
        ("WindowCenter", "abc", None),
        ("PixelSpacing", [0.1, 0.1], [0.1, 0.1]),
        ("SeriesNumber", 123456, None),
        ("Modality", None, None),
    ],
)
def test_only_fitting_values_stay(keyword: str, value: object, kept: object) -> None:
    assert safe_value(keyword, value) == kept


def test_descriptions_keep_words_of_examinations() -> None:
    assert cleaned_text("CHEST PA/LAT for Dr. Doe, 12.3.") == "CHEST PA LAT"


@pytest.mark.parametrize(
    ("age", "kept"),
    [("031Y", "031Y"), ("095Y", "090Y"), ("005M", "005M"), ("old", None), (None, None)],
)
def test_ages(age: str | None, kept: str | None) -> None:
    assert safe_age(age) == kept
