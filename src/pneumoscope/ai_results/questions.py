"""The questions that a result answers: one for each class or finding with a probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.ai_results import codes
from pneumoscope.records import UNDETERMINED

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

    from pneumoscope.ai_results.film_result import FilmResult


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a film shows something.

    Attributes:
        name: Name of the class or finding.
        concept: Its concept.
        probability: In [0, 1].
        presence: Present, absent or indeterminate; None if the result does not say.
    """

    name: str
    concept: Code
    probability: float
    presence: Code | None


def questions_of(result: FilmResult) -> list[Question]:
    """The questions of a film that was not refused, the verdict's own first.

    With several findings each is a question. With classes it is the positive one, and, if the
    verdict is positive, each of its kinds. A forced verdict says of none whether it is present: the
    film is one that the model must not judge.
    """
    p, meta = result.prediction, result.bundle.meta
    if p.findings:
        return [
            Question(
                f.name,
                codes.finding(f.name),
                f.probability,
                None if p.forced else _presence(f.present, f.undetermined),
            )
            for f in p.findings
        ]
    undetermined = p.label == UNDETERMINED
    questions = [
        Question(
            p.positive,
            codes.finding(p.positive),
            p.p_positive,
            None if p.forced else _presence(p.label == p.positive, undetermined),
        )
    ]
    if p.label == p.positive:
        questions += [
            Question(
                kind,
                codes.finding(kind),
                p.probabilities[kind],
                codes.PRESENT if kind == p.subtype and not p.forced else None,
            )
            for kind in meta.kinds
        ]
    return questions


def _presence(present: bool, undetermined: bool) -> Code:
    if undetermined:
        return codes.INDETERMINATE
    return codes.PRESENT if present else codes.ABSENT
