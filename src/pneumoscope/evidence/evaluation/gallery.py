"""Films to look at: confident mistakes, uncertain films, and training films that resemble them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.decision import explain, triage
from pneumoscope.decision.probability import logit
from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.questions import default_point
from pneumoscope.evidence.evaluation.section_results import Gallery, GalleryFilm, Neighbour
from pneumoscope.records import NORMAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.runtime import Classifier

FALSE_POSITIVE, FALSE_NEGATIVE, UNCERTAIN = "false positive", "false negative", "uncertain"
_RIGHT = "right"
EACH = 6
"""Films of each kind."""
NEAREST = 2
"""Training films of the same label, and as many of the other one."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFilms:
    """A bundle's training films.

    Attributes:
        films: The whole set.
        rows: Those of the split ``"train"``.
        embedding: float32 (rows, features), each of length 1.
    """

    films: FilmSet
    rows: NDArray[np.intp]
    embedding: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Case:
    """One film and one question.

    Attributes:
        margin: Distance from the threshold in log odds, at least 0.
        row: Position of the film among all films.
        kind: `FALSE_POSITIVE`, `FALSE_NEGATIVE` or `_RIGHT`.
        question: The question.
        place: Position of the film among the question's films.
    """

    margin: float
    row: int
    kind: str
    question: Question
    place: int


def gallery(
    questions: Sequence[Question],
    films: Sequence[EvaluatedFilm],
    pixels: NDArray[np.uint8],
    classifier: Classifier,
    training: TrainingFilms | None,
) -> Gallery:
    """The most confident mistakes and the most uncertain films, over all questions.

    Args:
        questions: Questions of the bundle.
        films: All films.
        pixels: uint8 (films, 224, 224).
        classifier: Gives heatmaps and embeddings.
        training: Training films with their embeddings, if they are available.
    """
    cases = [case for q in questions for case in _cases(q, classifier)]
    mistakes = Counter(case.kind for case in cases if case.kind != _RIGHT)
    chosen: list[tuple[_Case, str]] = []
    for kind in (FALSE_POSITIVE, FALSE_NEGATIVE):
        wrong = [case for case in cases if case.kind == kind]
        wrong.sort(key=lambda case: (-case.margin, case.row))
        chosen += [(case, kind) for case in wrong[:EACH]]
    listed = {(case.row, case.question.name) for case, _ in chosen}
    rest = [case for case in cases if (case.row, case.question.name) not in listed]
    rest.sort(key=lambda case: (case.margin, case.row))
    uncertain = [(case, UNCERTAIN) for case in rest[:EACH]]
    number = len(training.rows) if training else 0
    near = f"; nearest of {counted(number, 'training film')} beside them" if number else ""
    return Gallery(
        films=tuple(
            _film(case, kind, films, pixels, classifier, training)
            for case, kind in (*chosen, *uncertain)
        ),
        mistakes={kind: mistakes.get(kind, 0) for kind in (FALSE_POSITIVE, FALSE_NEGATIVE)},
        training_films=number,
        words=f"the most confident of {counted(sum(mistakes.values()), 'mistake')}, up to {EACH} of each kind, and "
        f"the {len(uncertain)} films nearest the threshold{near}",
    )


def unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (n, features) scaled to length 1; vectors of zeros stay zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)


def _cases(q: Question, classifier: Classifier) -> list[_Case]:
    threshold = default_point(q, classifier.bundle.meta).threshold
    margin = np.abs(logit(q.p) - logit(threshold))
    called = q.p >= threshold
    cases = []
    for i, row in enumerate(q.rows):
        kind = _RIGHT
        if called[i] != q.positive[i]:
            kind = FALSE_POSITIVE if called[i] else FALSE_NEGATIVE
        cases.append(_Case(float(margin[i]), int(row), kind, q, i))
    return cases


def _film(
    case: _Case,
    kind: str,
    films: Sequence[EvaluatedFilm],
    pixels: NDArray[np.uint8],
    classifier: Classifier,
    training: TrainingFilms | None,
) -> GalleryFilm:
    meta = classifier.bundle.meta
    q, film = case.question, np.asarray(pixels[case.row])
    p, threshold = float(q.p[case.place]), default_point(q, meta).threshold
    outputs = classifier.run(images.resample(film, meta.size)[None, ..., None])
    called = p >= threshold
    explained = q.name
    if meta.negative is not None:
        verdict = meta.positive if called else NORMAL
        explained = triage.heatmap_class(verdict, (), meta.rules.labels)
    shown = outputs.film(0)
    subject = explain.subject_of(
        film, shown.heatmaps, shown.probabilities, explained, meta.rules.labels, shown.lungs
    )
    near: tuple[Neighbour, ...] = ()
    if training is not None:
        near = _neighbours(outputs.embedding[0], bool(q.positive[case.place]), q, training)
    return GalleryFilm(
        row=case.row,
        path=films[case.row].path,
        target=q.name,
        kind=kind,
        label=films[case.row].label,
        called=q.name if called else q.negative,
        p=p,
        threshold=threshold,
        heatmap=subject.heatmap if meta.heatmaps else None,
        heatmap_class=explained,
        pixels=film,
        neighbours=near,
    )


def _neighbours(
    vector: NDArray[np.float32], positive: bool, q: Question, training: TrainingFilms
) -> tuple[Neighbour, ...]:
    """The nearest training films with the same answer, then those with the other one."""
    films = training.films
    similarity = training.embedding @ unit_length(vector[None])[0]
    targets = films.targets[training.rows]
    if films.negative is not None:
        answers = 1.0 - targets[:, films.names.index(films.negative)]
    else:
        answers = targets[:, films.names.index(q.name)]
    neighbours = []
    for same in (True, False):
        candidates = np.flatnonzero(answers == float(positive == same))
        for i in candidates[np.argsort(-similarity[candidates], kind="stable")[:NEAREST]]:
            row = int(training.rows[i])
            labels = [n for n, t in zip(films.names, films.films[row].targets, strict=True) if t]
            neighbours.append(
                Neighbour(
                    path=films.films[row].path,
                    label=" | ".join(labels) or "no finding",
                    same=same,
                    similarity=float(similarity[i]),
                    pixels=np.asarray(films.pixels[row]),
                )
            )
    return tuple(neighbours)
