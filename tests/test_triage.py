from __future__ import annotations

from typing import Any

import pytest

from pneumoscope.bundle import Population
from pneumoscope.records import FilmFacts, OperatingPoint
from pneumoscope.triage import label_at, likelier_kind, positive_name, warnings_for

CHILDREN = Population("children", (1.0, 5.0), ("AP", "PA"))


@pytest.mark.parametrize(("p", "label"), [(0.3, "NORMAL"), (0.4, "PNEUMONIA"), (0.9, "PNEUMONIA")])
def test_the_threshold_itself_is_pneumonia(p: float, label: str) -> None:
    assert label_at(p, OperatingPoint("x", 0.4, ""), "PNEUMONIA") == label


def test_the_likelier_kind_ignores_the_negative_class() -> None:
    assert likelier_kind({"normal": 0.5, "bacterial": 0.2, "viral": 0.3}, "normal") == "viral"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"age_years": 54.0}, "patient age 54 years is outside the training population (1 to 5"),
        ({"age_years": 0.5}, "patient age 0.5 years"),
        ({"age_years": 6.0}, "patient age 6 years"),
        ({"view_position": "LL"}, "frontal films only"),
        ({"view_position": "OBLIQUE"}, "the training films are AP, PA"),
        ({"body_part": "HAND"}, "body part HAND, not chest"),
        ({"colour": True}, "in colour"),
    ],
)
def test_a_warning_for_each_oddity(facts: dict[str, Any], expected: str) -> None:
    (warning,) = warnings_for(FilmFacts("DICOM", 300, 300, **facts), CHILDREN, None)
    assert expected in warning


@pytest.mark.parametrize(
    "facts", [{}, {"age_years": 1.0}, {"age_years": 5.9}, {"view_position": "ap"}, {"body_part": "Chest"}]
)  # fmt: skip
def test_no_warning_without_cause(facts: dict[str, Any]) -> None:
    assert warnings_for(FilmFacts("DICOM", 300, 300, **facts), CHILDREN, None) == ()


def test_a_bundle_without_a_known_population_warns_of_no_age() -> None:
    unknown = Population("whoever", None, ())
    facts = FilmFacts("DICOM", 300, 300, age_years=54.0, view_position="PA")
    assert warnings_for(facts, unknown, None) == ()


def test_pneumonia_warns_of_the_subtype() -> None:
    (warning,) = warnings_for(FilmFacts("PNG", 300, 300), CHILDREN, "viral")
    assert "cannot tell them apart" in warning


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (("normal", "bacterial", "viral"), "PNEUMONIA"),
        (("normal", "pneumonia"), "PNEUMONIA"),
        (("normal", "tuberculosis"), "TUBERCULOSIS"),
        (("normal", "covid", "tuberculosis"), "ABNORMAL"),
    ],
)
def test_what_is_not_negative_has_a_name(labels: tuple[str, ...], positive: str) -> None:
    assert positive_name(labels, "normal") == positive
