"""Answers about the study."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.checklists.facts import Answer, Facts
from pneumoscope.evidence.report.checklists.study import ANSWERS


def facts(record: Evaluation, **changes: object) -> Facts:
    (bundle, *_) = record.bundles
    return Facts(record, replace(bundle, meta=replace(bundle.meta, **changes)))  # type: ignore[arg-type]


def test_the_title_needs_a_network(record: Evaluation) -> None:
    made = ANSWERS["method"](facts(record, recipe={"network": "densenet121"}))
    assert made == Answer(
        "Evaluation of a deep network, densenet121, for PNEUMONIA. Not recorded: a paper's title.",
        "in part",
    )
    assert ANSWERS["method"](facts(record, recipe={})) is None


def test_internal_validation_is_told_only_if_both_numbers_are_recorded(record: Evaluation) -> None:
    made = ANSWERS["internal"](facts(record, validation={"films": 1046, "patients": 703}))
    assert made is not None
    assert made.text.startswith(
        "The bundle records figures on 1,046 held-out films of 703 patients."
    )
    for half in ({"films": 1046}, {"patients": 703}):
        assert ANSWERS["internal"](facts(record, validation=half)) is None


def test_nothing_claims_an_external_test(record: Evaluation) -> None:
    assert ANSWERS["external"](facts(record)) is None


@pytest.mark.parametrize("key", ["no_trial", "no_assessor", "no_patients"])
def test_what_a_study_of_stored_films_cannot_have_does_not_apply(
    record: Evaluation, key: str
) -> None:
    made = ANSWERS[key](facts(record))
    assert made is not None
    assert made.status == "not applicable"


@pytest.mark.parametrize(
    "key", ["summary", "background", "design", "setting", "implications", "interpretation",
            "availability", "data_availability"],
)  # fmt: skip
def test_what_a_record_tells_only_half_is_answered_in_part(record: Evaluation, key: str) -> None:
    made = ANSWERS[key](facts(record))
    assert made is not None
    assert made.status == "in part"
    assert "Not recorded: " in made.text


def test_intended_use_and_population_come_from_the_bundle(record: Evaluation) -> None:
    made = ANSWERS["background"](facts(record, intended_use="Second reading in children"))
    assert made is not None
    assert made.text.startswith(
        "Second reading in children. Trained on: children in tests. Not recorded:"
    )


def test_software_and_bundle_are_named_by_version_and_hash(record: Evaluation) -> None:
    made = ANSWERS["availability"](facts(record))
    assert made is not None
    assert "pneumoscope 0.1" in made.text
    assert record.bundles[0].sha256 in made.text
