"""Figures of parts of the films: sub-types, and values of any column of the manifest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation.target_results import Subgroup
from pneumoscope.evidence.statistics.calls import at_threshold, threshold_samples
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
MOST = 12
"""Values of a column that are shown, the most frequent; all others make one group."""
_FIGURES = ("roc_auc", "sensitivity", "specificity", "balanced_accuracy")
_NUMBERS = 8  # distinct numbers from which on a column is cut into quarters
SIDES = ("group's", "other films'")
UNKNOWN, OTHERS = "(unknown)", "(other values)"


def subgroups(
    question: Question, films: Sequence[EvaluatedFilm], threshold: float, settings: Settings
) -> tuple[Subgroup, ...]:
    """Figures at the default operating point by sub-type and by column.

    Args:
        question: Films with known answers.
        films: All films.
        threshold: Of the default operating point.
        settings: Columns and draws.
    """
    own = [films[i] for i in question.rows]
    found = [*_subtypes(question, own, threshold, settings)]
    for column in settings.by:
        values = _values([film.columns.get(column, "") for film in own])
        for value in _ordered(values):
            group = np.array([v == value for v in values])
            found.append(_subgroup(question, own, (column, value), group, threshold, settings))
    return tuple(found)


def _subtypes(
    q: Question, own: Sequence[EvaluatedFilm], threshold: float, settings: Settings
) -> list[Subgroup]:
    """Each positive label against all negative films, where positive films have several labels."""
    labels = np.array([film.label for film in own])
    kinds = Counter(labels[q.positive].tolist())
    if not 1 < len(kinds) <= MOST:
        return []
    found = []
    for kind, count in sorted(kinds.items()):
        ill = q.positive & (labels == kind)
        group = ill | ~q.positive
        figures = _figures(q, group, threshold, settings)
        kept = {name: figures[name] for name in ("roc_auc", "sensitivity")}
        patients = len({film.patient for film, one in zip(own, ill, strict=True) if one})
        found.append(Subgroup(CLASS, kind, count, patients, count, kept, {}))
    return found


def _subgroup(
    q: Question,
    own: Sequence[EvaluatedFilm],
    name: tuple[str, str],
    group: NDArray[np.bool_],
    threshold: float,
    settings: Settings,
) -> Subgroup:
    patients = [
        len({f.patient for f, g in zip(own, side, strict=True) if g}) for side in (group, ~group)
    ]
    if min(patients) < FEWEST_PATIENTS:
        side = "this group has" if patients[0] < FEWEST_PATIENTS else "the other films have"
        note = f"{side} {min(patients)} patients, {FEWEST_PATIENTS} are needed"
        words = f"Nothing can be said: {note}."
        nothing = Difference(None, None, Figure(None, note=note), None, None, words)
        against: Mapping[str, Difference] = dict.fromkeys(_FIGURES, nothing)
    else:
        one, rest = _samples(q, group, threshold), _samples(q, ~group, threshold)
        reason = "one of the two groups of films has one class only"
        against = {f: difference(one[f], rest[f], q.boot, reason, SIDES) for f in _FIGURES}
    return Subgroup(
        *name,
        int(group.sum()),
        patients[0],
        int((group & q.positive).sum()),
        _figures(q, group, threshold, settings),
        against,
    )


def _figures(
    q: Question, group: NDArray[np.bool_], threshold: float, settings: Settings
) -> dict[str, Figure]:
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


def _values(values: Sequence[str]) -> list[str]:
    """The values, numbers in quarters of the films where there are many different ones."""
    told = [value for value in values if value]
    numbers = [_number(value) for value in told]
    if len(set(told)) <= _NUMBERS or any(number is None for number in numbers):
        common = {value for value, _ in Counter(told).most_common(MOST)}
        return [value if value in common else OTHERS if value else UNKNOWN for value in values]
    known = np.array([number for number in numbers if number is not None])
    edges = np.unique(np.quantile(known, [0, 0.25, 0.5, 0.75, 1]))
    found = []
    for value in values:
        number = _number(value)
        if number is None:
            found.append(UNKNOWN)
            continue
        k = int(np.clip(np.searchsorted(edges, number, side="right") - 1, 0, len(edges) - 2))
        last = "" if k == len(edges) - 2 else "below "
        found.append(f"{edges[k]:g} to {last}{edges[k + 1]:g}")
    return found


def _ordered(values: Sequence[str]) -> list[str]:
    """Each value once: numbers by size, words by letter, what is no value last."""

    def rank(value: str) -> tuple[bool, float, str]:
        return value in (UNKNOWN, OTHERS), _number(value.split(" ")[0]) or 0.0, value

    return sorted(set(values), key=rank)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
