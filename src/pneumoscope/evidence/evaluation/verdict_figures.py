"""Figures of the verdicts that readers see: labels, errors, coverage, reasons of the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.gate import REFUSE
from pneumoscope.evidence.evaluation.column_values import ordered_values, values_of
from pneumoscope.evidence.evaluation.settings import SUBGROUPS
from pneumoscope.evidence.evaluation.subgroups import CLASS
from pneumoscope.evidence.evaluation.truth import film_answers
from pneumoscope.evidence.evaluation.verdict_results import (
    GateFigures,
    KindFigures,
    LabelFigures,
    ShownFigures,
    VerdictGroup,
    VerdictResult,
)
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.shares import share_figure
from pneumoscope.records import NORMAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.evaluation.outcomes import Outcomes
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.evaluation.truth import Truth
    from pneumoscope.evidence.statistics.intervals import Figure


@dataclass(frozen=True, slots=True, eq=False)
class _Films:
    """Films with their outcomes and answers.

    Attributes:
        outcomes: Outcomes of the films.
        positive: bool (films,), False where the class is not known.
        known: bool (films,).
        boot: Draws of their patients.
    """

    outcomes: Outcomes
    positive: NDArray[np.bool_]
    known: NDArray[np.bool_]
    boot: Bootstrap

    @property
    def by_class(self) -> dict[str, NDArray[np.bool_]]:
        """True class to its films."""
        names = (NORMAL, self.outcomes.rules.offered.labels.positive)
        return dict(
            zip(names, (self.known & ~self.positive, self.known & self.positive), strict=True)
        )

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Films that are called wrongly, of those whose class is known."""
        return self.known & (self.outcomes.called != self.positive)

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Films whose conformal set contains their class."""
        return np.where(self.positive, self.outcomes.in_set[:, 1], self.outcomes.in_set[:, 0])


def verdict_result(
    outcomes: Outcomes, truth: Truth, films: Sequence[EvaluatedFilm], settings: Settings
) -> VerdictResult:
    """Measures the verdicts on all films that could be read.

    Args:
        outcomes: Outcomes of the films.
        truth: Labels of the films.
        films: The films.
        settings: Sections, columns, draws.
    """
    answers = film_answers(truth)
    patients = [film.patient for film in films]
    boot = Bootstrap.of(patients, settings.draws, settings.seed)
    whole = _Films(outcomes, answers == 1.0, ~np.isnan(answers), boot)
    rules = outcomes.rules
    all_films = np.ones(len(films), bool)
    return VerdictResult(
        operating_point=rules.points[0].name,
        error=None if rules.limits is None else rules.limits.error,
        films=len(films),
        patients=boot.patients,
        known=int(whole.known.sum()),
        classes=(NORMAL, rules.offered.labels.positive),
        labels=tuple(_label(name, whole, all_films) for name in outcomes.names),
        shown=_shown(whole, all_films),
        coverage=_coverage(whole),
        kinds=tuple(_kinds(whole, truth)),
        gate=tuple(_gate(whole, all_films)),
        groups=tuple(_groups(whole, films, settings)) if SUBGROUPS in settings.sections else (),
    )


def _label(name: str, films: _Films, all_films: NDArray[np.bool_]) -> LabelFigures:
    labelled = films.outcomes.labels == name
    return LabelFigures(
        label=name,
        films=int(labelled.sum()),
        share=share_figure(labelled, all_films, films.boot),
        counts={side: int((labelled & part).sum()) for side, part in films.by_class.items()},
        by_class={
            side: share_figure(labelled, part, films.boot, f"no film of class {side}")
            for side, part in films.by_class.items()
        },
        error=share_figure(
            films.wrong,
            labelled & films.known,
            films.boot,
            f"no film of known class is labelled {name}",
        ),
    )


def _shown(films: _Films, all_films: NDArray[np.bool_]) -> ShownFigures:
    shown, (negative, positive) = films.outcomes.shown, films.by_class.values()
    right, missing = ~films.wrong, "no such film has a verdict"
    return ShownFigures(
        films=int(shown.sum()),
        share=share_figure(shown, all_films, films.boot),
        error=share_figure(films.wrong, shown & films.known, films.boot, missing),
        sensitivity=share_figure(right, shown & positive, films.boot, missing),
        specificity=share_figure(right, shown & negative, films.boot, missing),
    )


def _coverage(films: _Films) -> dict[str, Figure]:
    rules = films.outcomes.rules
    if rules.limits is None or rules.offered.labels.negative is None:
        return {}
    passed = ~films.outcomes.refused
    return {
        side: share_figure(films.covered, part & passed, films.boot, f"no film of class {side}")
        for side, part in films.by_class.items()
    }


def _kinds(films: _Films, truth: Truth) -> Iterator[KindFigures]:
    labels, decisions = films.outcomes.rules.offered.labels, films.outcomes.decisions
    if truth.classes is None:
        return
    verdict = films.outcomes.labels == labels.positive
    for kind in labels.kinds:
        of_kind = verdict & (truth.classes == labels.names.index(kind))
        if not (truth.classes == labels.names.index(kind)).any():
            continue
        covered = np.array([kind in decision.kinds for decision in decisions], bool)
        named = np.array([decision.subtype == kind for decision in decisions], bool)
        other = np.array([d.subtype not in (None, kind) for d in decisions], bool)
        missing = f"no film of kind {kind} has the verdict {labels.positive}"
        yield KindFigures(
            kind=kind,
            films=int(of_kind.sum()),
            covered=share_figure(covered, of_kind, films.boot, missing),
            named=share_figure(named, of_kind, films.boot, missing),
            misnamed=share_figure(other, of_kind, films.boot, missing),
        )


def _gate(films: _Films, all_films: NDArray[np.bool_]) -> Iterator[GateFigures]:
    levels = [
        {reason.code: reason.level for reason in decision.gate.reasons}
        for decision in films.outcomes.decisions
    ]
    refused = {
        code: np.array([level.get(code) == REFUSE for level in levels], bool)
        for code in sorted({code for level in levels for code in level})
    }
    for code in sorted(refused, key=lambda code: -int(refused[code].sum())):
        yield GateFigures(
            code=code,
            refused=int(refused[code].sum()),
            noted=sum(code in level and level[code] != REFUSE for level in levels),
            share=share_figure(refused[code], all_films, films.boot),
            by_class={
                side: int((refused[code] & part).sum()) for side, part in films.by_class.items()
            },
        )


def _groups(
    films: _Films, evaluated: Sequence[EvaluatedFilm], settings: Settings
) -> Iterator[VerdictGroup]:
    columns = {CLASS: [film.label for film in evaluated]}
    columns |= {name: [f.columns.get(name, "") for f in evaluated] for name in settings.by}
    for column, texts in columns.items():
        values = values_of(texts, column)
        for value in ordered_values(values):
            rows = np.flatnonzero(np.array(values) == value)
            yield _group((column, value), films, rows, [evaluated[int(i)] for i in rows], settings)


def _group(
    name: tuple[str, str],
    films: _Films,
    rows: NDArray[np.intp],
    evaluated: Sequence[EvaluatedFilm],
    settings: Settings,
) -> VerdictGroup:
    outcomes = films.outcomes
    part = _Films(
        type(outcomes).of([outcomes.decisions[i] for i in rows], outcomes.rules),
        films.positive[rows],
        films.known[rows],
        Bootstrap.of([film.patient for film in evaluated], settings.draws, settings.seed),
    )
    all_films = np.ones(len(rows), bool)
    return VerdictGroup(
        column=name[0],
        value=name[1],
        films=len(rows),
        patients=part.boot.patients,
        labels={
            label: share_figure(part.outcomes.labels == label, all_films, part.boot)
            for label in part.outcomes.names
        },
        shown_error=_shown(part, all_films).error,
        coverage=_coverage(part),
    )
