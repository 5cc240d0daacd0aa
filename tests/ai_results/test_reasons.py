"""Coded reasons and sentences."""

from __future__ import annotations

from dataclasses import replace

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.heat_regions import positive_regions
from pneumoscope.ai_results.reasons import coded_reasons, comments, marked_verdict
from pneumoscope.bundle import Bundle
from pneumoscope.records import REFUSED, UNDETERMINED, GateReason, GateReport, Prediction
from pneumoscope.render.serialise import NOTICE
from result_films import result_of


def refused(p: Prediction) -> Prediction:
    reasons = (
        GateReason("inverted", "refuse", "black and white are exchanged", "Invert it."),
        GateReason("too-small", "note", "the film is small", ""),
    )
    return replace(p, label=REFUSED, gate=GateReport("refuse", reasons, {}))


def test_a_refused_film_gives_the_reasons_that_refused_it(tiny_bundle: Bundle) -> None:
    p = refused(result_of(tiny_bundle).prediction)
    assert [(name, value.value) for name, value in coded_reasons(p)] == [
        (codes.REFUSAL_REASON, "inverted")
    ]
    assert "Black and white are exchanged. Invert it." in comments(p)


def test_an_undetermined_film_says_why(tiny_bundle: Bundle) -> None:
    p = replace(result_of(tiny_bundle).prediction, label=UNDETERMINED, error=0.05)
    both, neither = (replace(p, classes=c) for c in (("NORMAL", "PNEUMONIA"), ()))
    other = replace(p, classes=("NORMAL",))
    values = [coded_reasons(p)[0][1].value for p in (both, neither, other)]
    assert values == ["several-classes", "no-class", "threshold"]
    outside = GateReason("outside-population", "note", "other patients", "")
    gate = GateReport("note", (outside,), {})
    assert coded_reasons(replace(both, gate=gate))[0][1].value == "outside"


def test_a_forced_verdict_is_marked_and_has_no_region(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    forced = replace(result.prediction, forced=True)
    assert marked_verdict(forced) == "PNEUMONIA (forced)"
    assert marked_verdict(result.prediction) == "PNEUMONIA"
    assert positive_regions(result)
    assert positive_regions(replace(result, prediction=forced)) == ()


def test_a_clear_verdict_has_no_reason(tiny_bundle: Bundle) -> None:
    p = result_of(tiny_bundle).prediction
    assert coded_reasons(p) == []
    assert comments(p)[0] == NOTICE
