"""Labelled films as arrays, and which label is ranked."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.views import (
    LabelledFilms,
    column_of,
    network_inputs,
    outputs_of,
    score_of,
    truth_of,
)
from pneumoscope.runtime import Classifier
from tiny import findings_meta, tiny_meta

META, FINDINGS = tiny_meta(), findings_meta()


def labelled(count: int = 4, labels: int = 3) -> LabelledFilms:
    pixels = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    targets = np.eye(labels)[np.arange(count) % labels]
    return LabelledFilms(pixels, targets, [f"p{i}" for i in range(count)])


def test_films_that_fit_are_accepted() -> None:
    labelled().check(META)


@pytest.mark.parametrize(
    ("films", "message"),
    [
        (labelled(0), "no films to measure"),
        (
            LabelledFilms(np.zeros((2, 8, 8), np.float32), np.eye(3)[:2], ["a", "b"]),
            r"films \(2, 8, 8\) of float32, not uint8 \(n, h, w\)",
        ),
        (
            LabelledFilms(np.zeros((2, 8, 8, 1), np.uint8), np.eye(3)[:2], ["a", "b"]),
            r"films \(2, 8, 8, 1\) of uint8, not uint8 \(n, h, w\)",
        ),
        (
            LabelledFilms(np.zeros((2, 8, 8), np.uint8), np.eye(2), ["a", "b"]),
            r"targets \(2, 2\) and 2 patients for 2 films and the bundle's 3 labels",
        ),
        (
            LabelledFilms(np.zeros((2, 8, 8), np.uint8), np.eye(3)[:2], ["a"]),
            r"targets \(2, 3\) and 1 patients for 2 films",
        ),
    ],
)
def test_films_that_do_not_fit_are_refused(films: LabelledFilms, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        films.check(META)


def test_a_sample_keeps_films_labels_and_patients_together_and_in_order() -> None:
    whole = labelled(50)
    part = whole.some(10, seed=1)
    rows = [int(film[0, 0]) for film in part.pixels]
    assert len(rows) == 10
    assert rows == sorted(set(rows))
    assert list(part.patients) == [f"p{i}" for i in rows]
    assert part.targets.tolist() == whole.targets[rows].tolist()
    assert [int(film[0, 0]) for film in whole.some(10, seed=1).pixels] == rows
    assert [int(film[0, 0]) for film in whole.some(10, seed=2).pixels] != rows


def test_a_small_set_is_taken_as_it_is() -> None:
    whole = labelled(10)
    assert whole.some(10) is whole


@pytest.mark.parametrize(
    ("finding", "expected"), [(None, [0.9, 0.2]), ("viral", [0.3, 0.1]), ("normal", [0.1, 0.8])]
)
def test_scores_rank_the_verdict_or_one_class(finding: str | None, expected: list[float]) -> None:
    p = np.array([[0.1, 0.6, 0.3], [0.8, 0.1, 0.1]])
    assert score_of(p, META, finding) == pytest.approx(expected)


def test_truth_of_the_verdict_is_everything_that_is_not_normal() -> None:
    targets = np.array([[1.0, 0, 0], [0.0, 1, 0], [0.0, np.nan, np.nan], [np.nan] * 3])
    positive, known = truth_of(targets, META, None)
    assert positive.tolist() == [False, True, True, False]
    assert known.tolist() == [True, True, True, False]
    positive, known = truth_of(targets, META, "bacterial")
    assert positive.tolist() == [False, True, False, False]
    assert known.tolist() == [True, True, False, False]


def test_a_bundle_with_findings_needs_the_name_of_one() -> None:
    assert column_of(FINDINGS, "Mass") == 1
    with pytest.raises(UsageError, match="the bundle knows several findings") as error:
        column_of(FINDINGS, None)
    assert error.value.hint == "Name one of Device, Mass, Nodule."


def test_a_label_that_the_bundle_does_not_know_is_named() -> None:
    assert column_of(META, None) is None
    with pytest.raises(UsageError, match="no label Hernia") as error:
        column_of(META, "Hernia")
    assert error.value.hint == "The bundle knows normal, bacterial, viral."


def test_outputs_do_not_depend_on_the_size_of_the_batch(conv: Classifier) -> None:
    films = np.random.default_rng(0).integers(0, 256, (70, 32, 32)).astype(np.uint8)
    inputs = network_inputs(films, 32)
    assert inputs.tolist() == films.tolist()  # already at the network's size
    whole, last = outputs_of(conv, inputs), outputs_of(conv, inputs[66:])
    assert len(whole.probabilities) == len(whole.heatmaps) == len(whole.embedding) == 70
    assert whole.probabilities[66:] == pytest.approx(last.probabilities, abs=1e-6)
    assert whole.probabilities.sum(axis=1) == pytest.approx(np.ones(70), abs=1e-5)
