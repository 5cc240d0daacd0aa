"""The yes-or-no questions that a bundle answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import p_positive
from pneumoscope.evidence.statistics.intervals import Bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.evaluation.truth import Truth
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.records import OperatingPoint


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A yes-or-no question of a bundle, on the films whose answer is known.

    Attributes:
        name: The positive verdict, or the finding.
        negative: What the other films are called.
        finding: The finding; None for the verdict.
        column: Column of `Truth.targets`.
        rows: Positions of the films, (n,).
        positive: bool (n,).
        p: P(positive), (n,).
        before: The same before calibration.
        points: Its thresholds.
        boot: Draws of the films' patients.
    """

    name: str
    negative: str
    finding: str | None
    column: int
    rows: NDArray[np.intp]
    positive: NDArray[np.bool_]
    p: Array
    before: Array
    points: tuple[OperatingPoint, ...]
    boot: Bootstrap


def scores_of(p: Array, meta: BundleMeta) -> Array:
    """P(positive) by question, (films, questions), from probabilities (films, labels)."""
    if meta.negative is None:
        return p
    return p_positive(p, meta.labels.index(meta.negative))[:, None]


def questions(
    p: Array, truth: Truth, meta: BundleMeta, patients: Sequence[str], settings: Settings
) -> tuple[Question, ...]:
    """The bundle's questions; findings that no film's label tells are left out."""
    scores, before = scores_of(p, meta), scores_of(_uncalibrated(p, meta), meta)
    answered = []
    names = meta.labels if meta.negative is None else (meta.positive,)
    for k, name in enumerate(names):
        rows = np.flatnonzero(~np.isnan(truth.targets[:, k]))
        if not len(rows):
            continue
        finding = None if meta.negative is not None else name
        answered.append(
            Question(
                name=name,
                negative=meta.negative or f"no {name}",
                finding=finding,
                column=k,
                rows=rows,
                positive=truth.targets[rows, k] == 1.0,
                p=scores[rows, k],
                before=before[rows, k],
                points=tuple(p for p in meta.operating_points if p.finding == finding),
                boot=Bootstrap.of([patients[int(i)] for i in rows], settings.draws, settings.seed),
            )
        )
    return tuple(answered)


def default_point(question: Question, meta: BundleMeta) -> OperatingPoint:
    """The default threshold."""
    name = meta.default_operating_point
    return next(point for point in question.points if point.name == name)


def _uncalibrated(p: Array, meta: BundleMeta) -> Array:
    """Probabilities (films, labels) as they were before calibration."""
    return meta.calibration.undo(
        p, None if meta.negative is None else meta.labels.index(meta.negative)
    )
