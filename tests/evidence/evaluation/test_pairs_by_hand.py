"""Two bundles on the films that both can answer, by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import evaluated_film, question, settings
from pneumoscope.evidence.evaluation.pairs import pair_results
from pneumoscope.evidence.evaluation.results import Pair
from pneumoscope.evidence.evaluation.target_figures import target_result
from pneumoscope.evidence.evaluation.target_results import TargetResult
from reported import outcomes_of
from tiny import tiny_meta

ILL = [True] * 6 + [False] * 6
FIRST = [0.9, 0.9, 0.9, 0.9, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.8]
SECOND = [0.9, 0.9, 0.2, 0.2, 0.2, 0.9, 0.1, 0.1, 0.1, 0.8, 0.8, 0.1]


def answered(p: list[float], rows: list[int] | None = None, **changes: Any) -> TargetResult:
    """A question on some of the twelve films."""
    kept = list(range(12)) if rows is None else rows
    share = np.array(p)
    probabilities = np.stack([1 - share, share, 0 * share], axis=1)
    target = replace(question([p[i] for i in kept], [ILL[i] for i in kept]), rows=np.array(kept))
    meta = tiny_meta()
    outcomes = outcomes_of(probabilities, meta)
    films = [evaluated_film(i) for i in range(12)]
    return replace(
        target_result(target, films, probabilities, outcomes, meta, settings()), **changes
    )


def pair(first: TargetResult, second: TargetResult) -> tuple[Pair, ...]:
    bundles: Any = [
        SimpleNamespace(title=title, targets=(target,))
        for title, target in (("one", first), ("two", second))
    ]
    return pair_results(bundles, [f"p{i}" for i in range(12)], settings())


def test_calls_that_differ_are_counted_on_fingers() -> None:
    (made,) = pair(answered(FIRST), answered(SECOND))
    assert (made.first, made.second, made.target) == ("one", "two", "PNEUMONIA")
    assert (made.films, made.patients, made.points) == (12, 12, ("balanced", "balanced"))
    # Ill: films 2 and 3 only by the first, 5 only by the second. Healthy: 9 and 10, and 11.
    assert (made.mcnemar["sensitivity"].only_first, made.mcnemar["sensitivity"].only_second) == (
        2, 1,
    )  # fmt: skip
    assert (made.mcnemar["specificity"].only_first, made.mcnemar["specificity"].only_second) == (
        2, 1,
    )  # fmt: skip
    assert made.mcnemar["accuracy"].only_first == 4
    sensitivity = made.differences["sensitivity"]
    assert (sensitivity.first, sensitivity.second) == (pytest.approx(4 / 6), pytest.approx(3 / 6))
    assert sensitivity.difference.value == pytest.approx(1 / 6)
    assert "prevalence" not in made.differences


def test_only_films_that_both_can_answer_are_compared() -> None:
    (made,) = pair(answered(FIRST, [0, 1, 2, 6, 7, 8]), answered(SECOND, [1, 2, 3, 7, 8, 9]))
    assert (made.films, made.patients) == (4, 4)
    # Of the films 1, 2, 7 and 8 the second misses 2.
    assert made.mcnemar["accuracy"].only_first == 1
    assert made.mcnemar["accuracy"].only_second == 0


def test_films_that_the_bundles_take_for_different_classes_are_left_out() -> None:
    second = answered(SECOND)
    other = second.positive.copy()
    other[0] = False  # to the second bundle this label is negative
    (made,) = pair(answered(FIRST), replace(second, positive=other))
    assert made.films == 11


def test_without_common_films_or_questions_there_is_no_pair() -> None:
    assert pair(answered(FIRST, [0, 6]), answered(SECOND, [1, 7])) == ()
    assert pair(answered(FIRST), answered(SECOND, name="Hernia")) == ()
    # Capitals do not make another question.
    assert len(pair(answered(FIRST), answered(SECOND, name="pneumonia"))) == 1


def test_films_of_one_class_have_no_test_of_the_other() -> None:
    ill = list(range(6))
    (made,) = pair(answered(FIRST, ill), answered(SECOND, ill))
    assert set(made.mcnemar) == {"accuracy", "sensitivity"}
    assert made.delong.p_value is None
    assert made.delong.difference.note == "all films are of one class"


def test_three_bundles_make_three_pairs() -> None:
    bundles: Any = [SimpleNamespace(title=t, targets=(answered(FIRST),)) for t in "abc"]
    made = pair_results(bundles, [f"p{i}" for i in range(12)], settings())
    assert [(p.first, p.second) for p in made] == [("a", "b"), ("a", "c"), ("b", "c")]
