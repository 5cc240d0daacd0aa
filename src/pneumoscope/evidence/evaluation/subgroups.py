"""Figures of parts of the films: sub-types, and values of any column of the manifest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.column_values import MOST, ordered_values, values_of
from pneumoscope.evidence.evaluation.target_results import Subgroup
from pneumoscope.evidence.statistics.calls import at_threshold, patients_behind, threshold_samples
from pneumoscope.evidence.statistics.comparison import Difference, difference
from pneumoscope.evidence.statistics.intervals import FEWEST_PATIENTS, Bootstrap, Figure
from pneumoscope.evidence.statistics.ranking import ranking, ranking_samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.statistics.intervals import Array

CLASS = "class"
"""Stands for the column of the films' own labels."""
SIDES = ("group's", "other films'")
_FIGURES = ("roc_auc", "sensitivity", "specificity", "balanced_accuracy")


def subgroups(
    question: Question, films: Sequence[EvaluatedFilm], threshold: float, settings: Settings
) -> tuple[Subgroup, ...]:
    """Figures at the default operating point by sub-type and by column.

    Args:
        question: Films with known answers.
        films: All films.
        threshold: Threshold of the default operating point.
        settings: Columns and draws.
    """
    known = [films[i] for i in question.rows]
    groups = _subtypes(question, known, threshold, settings)
    for column in settings.by:
        values = values_of([film.columns.get(column, "") for film in known], column)
        for value in ordered_values(values):
            group = np.array([v == value for v in values])
            groups.append(_subgroup(question, known, (column, value), group, threshold, settings))
    return tuple(groups)


def _subtypes(
    q: Question, films: Sequence[EvaluatedFilm], threshold: float, settings: Settings
) -> list[Subgroup]:
    """Each positive label against all negative films, if positive films have several labels."""
    labels = np.array([film.label for film in films])
    kinds = Counter(labels[q.positive].tolist())
    if not 1 < len(kinds) <= MOST:
        return []
    groups = []
    for kind, count in sorted(kinds.items()):
        ill = q.positive & (labels == kind)
        figures = figures_of_group(q, ill | ~q.positive, threshold, settings)
        groups.append(
            Subgroup(
                column=CLASS,
                value=kind,
                films=count,
                patients=len({f.patient for f, is_ill in zip(films, ill, strict=True) if is_ill}),
                positives=count,
                figures={name: figures[name] for name in ("roc_auc", "sensitivity")},
                against_rest={},
            )
        )
    return groups


def _subgroup(
    q: Question,
    films: Sequence[EvaluatedFilm],
    name: tuple[str, str],
    group: NDArray[np.bool_],
    threshold: float,
    settings: Settings,
) -> Subgroup:
    patients = [
        len({film.patient for film, inside in zip(films, side, strict=True) if inside})
        for side in (group, ~group)
    ]
    fewest = min(patients)
    if fewest < FEWEST_PATIENTS:
        side = "this group has" if fewest == patients[0] else "the other films have"
        note = f"{side} {counted(fewest, 'patient')}, {FEWEST_PATIENTS} are needed"
        nothing = Difference(
            first=None,
            second=None,
            difference=Figure(None, note=note),
            p_value=None,
            detectable=None,
            verdict=f"Nothing can be said: {note}.",
        )
        against: Mapping[str, Difference] = dict.fromkeys(_FIGURES, nothing)
    else:
        inside, rest = _samples(q, group, threshold), _samples(q, ~group, threshold)
        reason = "one of the two groups of films has one class only"
        against = {
            figure: difference(
                inside[figure],
                rest[figure],
                q.boot,
                reason,
                SIDES,
                largest=1.0,
                patients=_fewest(figure, q, group),
            )
            for figure in _FIGURES
        }
    return Subgroup(
        column=name[0],
        value=name[1],
        films=int(group.sum()),
        patients=patients[0],
        positives=int((group & q.positive).sum()),
        figures=figures_of_group(q, group, threshold, settings),
        against_rest=against,
    )


def _fewest(figure: str, q: Question, group: NDArray[np.bool_]) -> int:
    """Patients behind a figure on the side, group or other films, that has fewer."""
    sides = (group, ~group)
    return min(
        patients_behind(figure, q.positive[side], Bootstrap(q.boot.group[side], q.boot.counts))
        for side in sides
    )


def figures_of_group(
    q: Question, group: NDArray[np.bool_], threshold: float, settings: Settings
) -> dict[str, Figure]:
    """ROC AUC, sensitivity, specificity and balanced accuracy of a part of a question's films.

    Args:
        q: The question.
        group: bool (films of the question,).
        threshold: Films at or above are called positive.
        settings: Draws.
    """
    boot = Bootstrap.of(q.boot.group[group].astype(str).tolist(), settings.draws, settings.seed)
    at = at_threshold(q.positive[group], q.p[group], threshold, boot)
    return {
        "roc_auc": ranking(q.positive[group], q.p[group], boot).roc_auc,
        "sensitivity": at.sensitivity,
        "specificity": at.specificity,
        "balanced_accuracy": at.balanced_accuracy,
    }


def _samples(q: Question, group: NDArray[np.bool_], threshold: float) -> dict[str, Array]:
    """Figures of a part of the films on the draws of all patients, so that parts can be compared."""
    boot = Bootstrap(q.boot.group[group], q.boot.counts)
    positive, p = q.positive[group], q.p[group]
    return ranking_samples(positive, p, boot) | threshold_samples(positive, p >= threshold, boot)
