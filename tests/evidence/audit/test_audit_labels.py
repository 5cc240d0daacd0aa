from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from audits import listed
from pneumoscope.data.listing import Listing
from pneumoscope.evidence.audit.films import Reading
from pneumoscope.evidence.audit.labels import doubtful, doubts, probabilities
from readings import reading


def test_the_confident_joint_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.55, 0.45]])
    # Thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.8 + 0.7 + 0.45) / 3 = 0.65.
    # Film 2 is called 0 and passes 0.65 of class 1; film 5 leans to 0, but 0.55 is below 0.6.
    assert doubtful(p, labels) == [(2, 1, True), (5, 0, False)]


def test_flipped_labels_come_first() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    embedding = rng.normal(size=(200, 8)).astype(np.float32)
    embedding[:, 0] += 6 * labels
    flipped = [3, 50, 120, 160]
    labels[flipped] = 1 - labels[flipped]
    p = probabilities(embedding, labels, np.arange(200), 5)
    assert {film for film, _, _ in doubtful(p, labels)[:4]} == set(flipped)
    # A class's threshold is the mean of its films, so only some of the clear ones pass it.
    assert any(sure for _, _, sure in doubtful(p, labels)[:4])


def embedded(count: int, flipped: tuple[int, ...] = (), **layout: str) -> tuple[Listing, Reading]:
    """Films of ``count`` patients each, ill and well; the embedding tells them apart."""
    films = listed(
        *((f"p{i}", "viral" if i < count else "normal", "train") for i in range(2 * count)),
        **layout,
    )
    rng = np.random.default_rng(2)
    ill = np.arange(2 * count) < count
    read = reading(ill, ["A"] * 2 * count)
    vectors = rng.normal(0, 0.3, (2 * count, 4)).astype(np.float32)
    vectors[:, 0] += np.where(ill ^ np.isin(np.arange(2 * count), flipped), 2, -2)
    return films, replace(read, embedding=vectors)


def test_the_film_with_the_wrong_label_is_named() -> None:
    films, read = embedded(30, flipped=(7,))
    result = doubts(films, read, list(range(60)))
    assert (result.classes, result.films, result.silence) == (("normal", "pneumonia"), 60, "")
    first = result.candidates[0]
    assert (first.film, first.label, first.other) == (7, "pneumonia", "normal")
    assert first.p_other > 0.5 > first.p_label
    assert result.confident == sum(doubt.confident for doubt in result.candidates) >= 1


def test_classes_of_few_patients_are_not_doubted() -> None:
    films, read = embedded(30)
    # All films of the ill class are of four patients.
    groups = [i % 4 if i < 30 else i for i in range(60)]
    result = doubts(films, read, groups)
    assert result.candidates == ()
    assert result.silence == "pneumonia: fewer than 5 patients, too few to doubt labels"


def test_a_film_that_could_not_be_read_is_left_out() -> None:
    films, read = embedded(30, flipped=(7,))
    kept = np.arange(60) != 0
    fewer = replace(read, rows=read.rows[kept], embedding=read.embedding[kept])
    result = doubts(films, fewer, list(range(59)))
    assert result.films == 59
    # Positions are those in the reading: film 7 is the seventh that was read.
    assert result.candidates[0].film == 6


def test_one_class_cannot_be_doubted() -> None:
    films, read = embedded(30)
    normal = replace(
        films, entries=tuple(replace(e, values=(1.0, 0.0, 0.0)) for e in films.entries)
    )
    result = doubts(normal, read, list(range(60)))
    assert result.silence.startswith("labels cannot be doubted: ")
    assert result.films == 0


def test_whether_the_bundle_knows_the_films_is_passed_on() -> None:
    films, read = embedded(30)
    assert doubts(films, read, list(range(60)), seen=True).seen
    assert not doubts(films, read, list(range(60))).seen
