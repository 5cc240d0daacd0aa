"""Pairs of groups of films whose labels a shortcut could predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.listing import KERMANY, NO_SUBTYPE, Listing, for_task
from pneumoscope.errors import DataError
from pneumoscope.evidence.audit.listing import class_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST = 4
"""Contrasts in addition to the main one; more would make the report long and slow."""


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """Two groups of films that a score may distinguish.

    Attributes:
        positive: Name of the first group, such as ``"pneumonia"``.
        negative: Name of the other.
        rows: Positions of the films of both, (n,).
        truth: Whether each is in the positive group, (n,).
    """

    positive: str
    negative: str
    rows: NDArray[np.intp]
    truth: NDArray[np.bool_]

    @property
    def name(self) -> str:
        """Such as ``"pneumonia against normal"``."""
        return f"{self.positive} against {self.negative}"

    def among(self, rows: NDArray[np.intp]) -> list[tuple[int, bool]]:
        """The contrast's films among others, by their positions there, with their truth.

        Args:
            rows: Positions of the others among all films, (m,).
        """
        place = {int(row): i for i, row in enumerate(rows)}
        return [
            (place[int(row)], bool(truth))
            for row, truth in zip(self.rows, self.truth, strict=True)
            if int(row) in place
        ]


def contrasts(films: Listing) -> tuple[tuple[Contrast, ...], str]:
    """The pairs of groups whose labels a shortcut could predict, the most important first.

    Args:
        films: The data set.

    Returns:
        Contrasts, and why there are none, or fewer than possible; else ``""``.
    """
    made = [*_main(films), *(_findings(films) if films.findings else _classes(films))]
    if not made:
        known = sorted({class_of(e, films.names) for e in films.entries} - {""})
        what = f"all labelled films are {known[0]}" if len(known) == 1 else "no film has a label"
        return (), f"{what}, so nothing can be said of what gives the label away"
    left = len(made) - MOST - 1
    return tuple(made[: MOST + 1]), f"contrasts not looked at: {left}" if left > 0 else ""


def _main(films: Listing) -> Iterator[Contrast]:
    """Any positive class or finding against none, if the labels tell."""
    try:
        labelled = for_task(films, "binary")
    except DataError:
        return
    place = {id(entry): i for i, entry in enumerate(films.entries)}
    rows = np.array([place[id(entry)] for entry in labelled.entries], np.intp)
    truth = np.array([targets[1] == 1.0 for targets in labelled.targets], bool)
    if truth.any() and not truth.all():
        yield Contrast(labelled.names[1], labelled.names[0], rows, truth)


def _classes(films: Listing) -> Iterator[Contrast]:
    """Each positive class against the other ones."""
    classes = np.array(
        [e.values.index(1.0) if 1.0 in e.values else -1 for e in films.entries], np.intp
    )
    negative = films.negative
    used = [
        i
        for i, name in enumerate(films.names)
        if (classes == i).any()
        and name != negative
        and not (films.layout == KERMANY and name == NO_SUBTYPE)
    ]
    if len(used) < 2 or (len(used) == 2 and negative is None):
        return
    rows = np.flatnonzero(np.isin(classes, used))
    if len(used) == 2:  # the second against the first is enough
        yield Contrast(films.names[used[1]], films.names[used[0]], rows, classes[rows] == used[1])
        return
    for i in sorted(used, key=lambda i: -int((classes == i).sum())):
        yield Contrast(films.names[i], "other classes", rows, classes[rows] == i)


def _findings(films: Listing) -> Iterator[Contrast]:
    """Each finding against films without it, the most frequent first."""
    try:
        labelled = for_task(films, "multilabel")
    except DataError:
        return
    values = np.array([[np.nan if t is None else t for t in row] for row in labelled.targets])
    for i in np.argsort(-np.nansum(values, axis=0), kind="stable"):
        rows = np.flatnonzero(~np.isnan(values[:, i]))
        truth = values[rows, i] == 1.0
        if truth.any() and not truth.all():
            yield Contrast(labelled.names[i], f"no {labelled.names[i]}", rows, truth)
