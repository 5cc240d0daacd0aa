"""What a result answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.questions import questions_of
from pneumoscope.bundle import Bundle
from result_films import result_of


def test_a_positive_verdict_and_its_kinds(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle, 200)
    first, *kinds = questions_of(result)
    assert (first.name, first.presence) == ("PNEUMONIA", codes.PRESENT)
    assert first.probability == pytest.approx(result.prediction.p_positive)
    assert [kind.name for kind in kinds] == ["bacterial", "viral"]
    assert sum(kind.probability for kind in kinds) == pytest.approx(first.probability)


def test_a_normal_film_has_no_kinds(tiny_bundle: Bundle) -> None:
    [question] = questions_of(result_of(tiny_bundle, 60))
    assert (question.name, question.presence) == ("PNEUMONIA", codes.ABSENT)


def test_a_forced_verdict_says_of_nothing_that_it_is_present(
    tiny_bundle: Bundle, findings_bundle: Bundle
) -> None:
    for result in (result_of(tiny_bundle), result_of(findings_bundle)):
        forced = replace(result, prediction=replace(result.prediction, forced=True))
        assert {q.presence for q in questions_of(forced)} == {None}


def test_each_finding_is_a_question(findings_bundle: Bundle) -> None:
    questions = {q.name: q for q in questions_of(result_of(findings_bundle, 200))}
    assert set(questions) == {"Device", "Mass", "Nodule"}
    assert questions["Mass"].presence == codes.PRESENT
    assert questions["Device"].presence == codes.ABSENT
