"""Figures of subgroups, by hand."""

from __future__ import annotations

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import evaluated_film, question, settings
from pneumoscope.evidence.evaluation.column_values import OTHERS
from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
from pneumoscope.evidence.evaluation.subgroups import subgroups

YES, NO, UNSAID = 1.0, 0.0, None


def films(places: list[str]) -> list[EvaluatedFilm]:
    return [evaluated_film(i, columns={"place": place}) for i, place in enumerate(places)]


def test_a_group_is_compared_with_all_others() -> None:
    rng = np.random.default_rng(1)
    positive = [i % 2 == 1 for i in range(200)]
    # At place B the model guesses, at A it knows.
    p = [
        float(rng.random()) if i >= 100 else 0.1 + 0.8 * ill + 0.05 * float(rng.random())
        for i, ill in enumerate(positive)
    ]
    groups = subgroups(question(p, positive), films(["A"] * 100 + ["B"] * 100), 0.5, settings())
    known, guessed = groups
    assert (known.value, known.films, known.patients, known.positives) == ("A", 100, 100, 50)
    assert known.figures["roc_auc"].value == 1.0
    assert guessed.figures["roc_auc"].value == pytest.approx(0.5, abs=0.15)
    gap = known.against_rest["roc_auc"]
    assert gap.first == 1.0
    assert gap.second == guessed.figures["roc_auc"].value
    assert gap.difference.low is not None
    assert gap.difference.low > 0
    assert gap.verdict.startswith("The group's figure is higher by 0.")


def test_small_groups_say_that_they_are_small() -> None:
    p = [0.2, 0.8] * 20
    groups = subgroups(
        question(p, [False, True] * 20), films(["A"] * 4 + [""] * 36), 0.5, settings()
    )
    assert [group.value for group in groups] == ["A", "(unknown)"]
    assert "4 patients" in groups[0].against_rest["roc_auc"].verdict
    assert groups[0].figures["roc_auc"].value == 1.0
    assert groups[0].figures["roc_auc"].low is None


def test_many_values_end_in_one_group() -> None:
    names = [f"ward {chr(97 + i % 20)}" for i in range(400)]
    groups = subgroups(
        question([0.2, 0.8] * 200, [False, True] * 200), films(names), 0.5, settings()
    )
    assert len(groups) == 13
    assert groups[-1].value == OTHERS
    assert sum(group.films for group in groups) == 400


def test_the_smaller_side_is_the_one_that_is_named() -> None:
    groups = subgroups(
        question([0.2, 0.8] * 3, [False, True] * 3), films(["A"] * 5 + ["B"]), 0.5, settings()
    )
    for group, side in zip(groups, ("the other films have", "this group has"), strict=True):
        verdict = group.against_rest["roc_auc"].verdict
        assert verdict == f"Nothing can be said: {side} 1 patient, 10 are needed."
