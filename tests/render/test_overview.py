"""How many films got each verdict, and what read them."""

from __future__ import annotations

from pneumoscope.errors import UnknownFormat
from pneumoscope.records import Outcome, Prediction
from pneumoscope.render import overview
from predictions import prediction, refused, with_findings


def films(*predictions: Prediction | None) -> list[Outcome]:
    return [
        Outcome("x", i, prediction=p, error=UnknownFormat("x") if p is None else None)
        for i, p in enumerate(predictions)
    ]


def test_verdicts_are_counted_in_a_fixed_order() -> None:
    counted = films(
        None,
        refused(),
        prediction(label="UNDETERMINED"),
        prediction(),
        prediction(label="NORMAL"),
        refused(label="PNEUMONIA", forced=True),
        prediction(),
    )
    assert overview.summary(counted) == (
        "1 NORMAL, 2 PNEUMONIA, 1 PNEUMONIA (forced), 1 UNDETERMINED, 1 REFUSED, 1 not read"
    )
    assert overview.summary([]) == "no film was read"


def test_facts_name_what_read_the_films() -> None:
    p = prediction(prevalence=0.1, profile="Ward 7")
    facts = overview.facts(films(p, None), "2026-01-02", {p.bundle_sha256: "children in tests"})
    assert facts == [
        ("Date", "2026-01-02"),
        (
            "Model",
            "tiny 1 (abababababab); NORMAL below 0.500, PNEUMONIA from 0.500 "
            "(operating point balanced, error 5 %)",
        ),
        ("Made for", "Children in tests."),
        ("Site profile", "Ward 7"),
        ("Prevalence", "10 %"),
    ]
    several = overview.facts(films(with_findings()), "today", {})
    assert "ABNORMAL if a finding is present" in several[1][1]
