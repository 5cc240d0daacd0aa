"""Films to look at, chosen by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from evaluated import evaluated_film, question
from pneumoscope.bundle import Bundle
from pneumoscope.evidence.evaluation.gallery import (
    EACH,
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    UNCERTAIN,
    TrainingFilms,
    gallery,
    unit_length,
)
from pneumoscope.runtime import Classifier


def test_the_surest_mistakes_come_first_and_then_what_is_nearest_the_threshold(
    tiny_bundle: Bundle,
) -> None:
    p = [0.6, 0.9, 0.1, 0.4, 0.52, 0.99, 0.01]
    positive = [False, False, True, True, True, True, False]
    pixels = np.stack([np.full((224, 224), grey, np.uint8) for grey in range(40, 180, 20)])
    films = [evaluated_film(i) for i in range(7)]
    result = gallery([question(p, positive)], films, pixels, Classifier(tiny_bundle), None)
    # Mistakes: 0 and 1 are called positive, 2 and 3 negative; the others by distance from 0.5.
    assert [(film.row, film.kind) for film in result.films] == [
        (1, FALSE_POSITIVE), (0, FALSE_POSITIVE), (2, FALSE_NEGATIVE), (3, FALSE_NEGATIVE),
        (4, UNCERTAIN), (5, UNCERTAIN), (6, UNCERTAIN),
    ]  # fmt: skip
    assert result.mistakes == {FALSE_POSITIVE: 2, FALSE_NEGATIVE: 2}
    first, last = result.films[0], result.films[-1]
    assert (first.called, first.p, first.threshold) == ("PNEUMONIA", 0.9, 0.5)
    assert (first.heatmap_class, last.heatmap_class) == ("PNEUMONIA", "normal")
    assert first.heatmap.shape == (8, 8)
    assert first.neighbours == ()
    assert result.words.startswith(f"the most confident of 4 mistakes, up to {EACH} of each kind")


def test_neighbours_of_the_same_class_come_first(tiny_bundle: Bundle) -> None:
    # Embeddings are grey levels of 64 cells: the left half is bright, or the right one.
    left, right = np.zeros((224, 224), np.uint8), np.zeros((224, 224), np.uint8)
    left[:, :112] = right[:, 112:] = 200
    sides = np.stack([np.tile([1.0] * 4 + [0.0] * 4, 8), np.tile([0.0] * 4 + [1.0] * 4, 8)])
    training = TrainingFilms(
        films=SimpleNamespace(  # type: ignore[arg-type]
            names=("normal", "pneumonia"),
            negative="normal",
            targets=np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]),
            films=[
                SimpleNamespace(path=f"t{i}.png", targets=targets)
                for i, targets in enumerate([(1, 0), (0, 1), (0, 1)])
            ],
            pixels=np.zeros((3, 224, 224), np.uint8),
        ),
        rows=np.array([0, 1, 2]),
        embedding=unit_length(np.stack([sides[0], sides[1], sides[0]]).astype(np.float32)),
    )
    result = gallery(
        [question([0.9], [True])],
        [evaluated_film()],
        left[None],
        Classifier(tiny_bundle),
        training,
    )
    near = result.films[0].neighbours
    assert [(n.path, n.same, n.label) for n in near] == [
        ("t2.png", True, "pneumonia"), ("t1.png", True, "pneumonia"), ("t0.png", False, "normal"),
    ]  # fmt: skip
    assert [n.similarity for n in near] == pytest.approx([1.0, 0.0, 1.0], abs=0.02)
    assert result.training_films == 3


def test_vectors_of_zeros_stay_zero() -> None:
    vectors = unit_length(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    assert vectors.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0]]
