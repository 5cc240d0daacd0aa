"""The films to look at: confident mistakes, doubts, and training films that resemble them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.decision import triage
from pneumoscope.decision.probability import logit
from pneumoscope.evidence.evaluation.questions import default_point
from pneumoscope.evidence.evaluation.section_results import Gallery, GalleryFilm, Neighbour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.runtime import Classifier

FALSE_POSITIVE, FALSE_NEGATIVE, UNCERTAIN = "false positive", "false negative", "uncertain"
EACH = 6
"""Films of each kind."""
NEAREST = 2
"""Training films of the same label, and as many of the other one."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A bundle's training films.

    Attributes:
        films: The whole set.
        rows: Those of the split ``"train"``.
        embedding: float32 (rows, features), of length 1 each.
    """

    films: FilmSet
    rows: NDArray[np.intp]
    embedding: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Case:
    margin: float  # logits from the threshold, positive on the side of the call
    row: int
    kind: str
    question: Question
    place: int  # among the question's films


def gallery(
    asked: Sequence[Question],
    films: Sequence[EvaluatedFilm],
    pixels: NDArray[np.uint8],
    classifier: Classifier,
    trained: Trained | None,
) -> Gallery:
    """The most confident mistakes and the most uncertain films, over all questions.

    Args:
        asked: The bundle's questions.
        films: All films.
        pixels: uint8 (films, 224, 224).
        classifier: Gives heatmaps and embeddings.
        trained: Training films with their embeddings, if they are at hand.
    """
    cases = [case for q in asked for case in _cases(q, classifier)]
    mistakes = Counter(case.kind for case in cases if case.kind != "right")
    shown = []
    for kind in (FALSE_POSITIVE, FALSE_NEGATIVE):
        own = [case for case in cases if case.kind == kind]
        shown += sorted(own, key=lambda case: (-case.margin, case.row))[:EACH]
    doubts = sorted(cases, key=lambda case: (case.margin, case.row))
    listed = {(case.row, case.question.name) for case in shown}
    doubts = [c for c in doubts if (c.row, c.question.name) not in listed][:EACH]
    found = [_film(case, case.kind, films, pixels, classifier, trained) for case in shown]
    found += [_film(case, UNCERTAIN, films, pixels, classifier, trained) for case in doubts]
    number = len(trained.rows) if trained else 0
    near = f"; nearest of {number:,} training films beside them" if number else ""
    return Gallery(
        tuple(found),
        {kind: mistakes.get(kind, 0) for kind in (FALSE_POSITIVE, FALSE_NEGATIVE)},
        number,
        f"the most confident of {sum(mistakes.values()):,} mistakes, up to {EACH} of each kind, and "
        f"the {len(doubts)} films nearest the threshold{near}",
    )


def unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; rows of zeros stay so."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)


def _cases(q: Question, classifier: Classifier) -> list[_Case]:
    threshold = default_point(q, classifier.bundle.meta).threshold
    margin = np.abs(logit(q.p) - logit(threshold))
    called = q.p >= threshold
    return [
        _Case(
            float(margin[i]),
            int(row),
            "right"
            if called[i] == q.positive[i]
            else FALSE_POSITIVE
            if called[i]
            else FALSE_NEGATIVE,
            q,
            i,
        )
        for i, row in enumerate(q.rows)
    ]


def _film(
    case: _Case,
    kind: str,
    films: Sequence[EvaluatedFilm],
    pixels: NDArray[np.uint8],
    classifier: Classifier,
    trained: Trained | None,
) -> GalleryFilm:
    meta = classifier.bundle.meta
    q, film = case.question, np.asarray(pixels[case.row])
    p, threshold = float(q.p[case.place]), default_point(q, meta).threshold
    outputs = classifier.run(images.resample(film, meta.size)[None, ..., None])
    called = p >= threshold
    explained = q.name
    if meta.negative is not None:
        named = dict(zip(meta.labels, outputs.probabilities[0].tolist(), strict=True))
        explained = triage.likelier_kind(named, meta.negative) if called else meta.negative
    near: tuple[Neighbour, ...] = ()
    if trained is not None:
        near = _neighbours(outputs.embedding[0], bool(q.positive[case.place]), q, trained)
    return GalleryFilm(
        case.row,
        films[case.row].path,
        q.name,
        kind,
        films[case.row].label,
        q.name if called else q.negative,
        p,
        threshold,
        outputs.heatmaps[0, meta.labels.index(explained)],
        explained,
        film,
        near,
    )


def _neighbours(
    vector: NDArray[np.float32], positive: bool, q: Question, trained: Trained
) -> tuple[Neighbour, ...]:
    """The nearest of the same answer, then of the other one."""
    films = trained.films
    likeness = trained.embedding @ unit_length(vector[None])[0]
    targets = films.targets[trained.rows]
    if films.negative is not None:
        answers = 1.0 - targets[:, films.names.index(films.negative)]
    else:
        answers = targets[:, films.names.index(q.name)]
    found = []
    for same in (True, False):
        own = np.flatnonzero(answers == float(positive == same))
        for i in own[np.argsort(-likeness[own], kind="stable")[:NEAREST]]:
            row = int(trained.rows[i])
            labels = [n for n, t in zip(films.names, films.films[row].targets, strict=True) if t]
            found.append(
                Neighbour(
                    films.films[row].path,
                    " | ".join(labels) or "no finding",
                    same,
                    float(likeness[i]),
                    np.asarray(films.pixels[row]),
                )
            )
    return tuple(found)
