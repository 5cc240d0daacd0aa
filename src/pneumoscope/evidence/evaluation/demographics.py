"""Age, sex, view and source of the evaluated films by class, as far as the data give them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.ages import years_of
from pneumoscope.data.layouts import columns_of
from pneumoscope.errors import DataError
from pneumoscope.evidence.evaluation.column_values import (
    AGES,
    MOST,
    OTHERS,
    SEXES,
    UNKNOWN,
    in_one_spelling,
    plain_name,
)
from pneumoscope.evidence.evaluation.evaluated_films import Ages, Demographics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm

AGE, SEX, VIEW, SOURCE = "age", "sex", "view", "source"
_COLUMNS = {
    AGE: AGES,
    SEX: SEXES,
    VIEW: {"view", "viewposition", "projection", "appa"},
}
"""Fact to the names of columns that give it."""


def facts_of(root: Path) -> dict[str, dict[str, str]]:
    """Age, sex and view by film name, from the data's table; empty without a table."""
    try:
        _, header, rows = columns_of(root)
    except DataError:
        return {}
    columns = {
        fact: column
        for fact, names in _COLUMNS.items()
        for column in header
        if plain_name(column) in names
    }
    if not columns:
        return {}
    values = {
        fact: in_one_spelling([row.get(column, "").strip() for row in rows.values()], column)
        for fact, column in columns.items()
    }
    return {film: {fact: texts[i] for fact, texts in values.items()} for i, film in enumerate(rows)}


def demographics(films: Sequence[EvaluatedFilm]) -> tuple[Demographics, ...]:
    """All films, then those of each label if there are several; nothing if no fact is known."""
    known = [fact for fact in (AGE, SEX, VIEW, SOURCE) if any(_value(f, fact) for f in films)]
    if not known:
        return ()
    labels = sorted({film.label for film in films})
    groups = [("", list(films))]
    if 1 < len(labels) <= MOST:
        groups += [(label, [f for f in films if f.label == label]) for label in labels]
    return tuple(
        Demographics(
            label=label,
            films=len(group),
            patients=len({film.patient for film in group}),
            ages=_ages(group),
            counts={fact: _counts(films, group, fact) for fact in known if fact != AGE},
        )
        for label, group in groups
    )


def _value(film: EvaluatedFilm, fact: str) -> str:
    return film.source if fact == SOURCE else film.facts.get(fact, "")


def _ages(films: Sequence[EvaluatedFilm]) -> Ages:
    ages = [years for film in films if (years := years_of(_value(film, AGE))) is not None]
    if not ages:
        return Ages(known=0, median=None, low=None, high=None)
    low, median, high = np.quantile(ages, [0.25, 0.5, 0.75]).tolist()
    return Ages(known=len(ages), median=median, low=low, high=high)


def _counts(
    all_films: Sequence[EvaluatedFilm], films: Sequence[EvaluatedFilm], fact: str
) -> dict[str, int]:
    """Films by value, the most frequent values of all films first, then the others and the unknown."""
    common = [value for value, _ in Counter(_value(f, fact) for f in all_films).most_common()]
    shown = [value for value in common if value][:MOST]
    counts = Counter(
        value if value in shown else OTHERS if value else UNKNOWN
        for value in (_value(film, fact) for film in films)
    )
    names = [*shown, *([OTHERS] if len(shown) < len([v for v in common if v]) else [])]
    if "" in common:
        names.append(UNKNOWN)
    return {name: counts[name] for name in names}
