"""Pairs of groups of films whose labels a shortcut could predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data import listing
from pneumoscope.data.listing import KERMANY, Listing
from pneumoscope.errors import DataError
from pneumoscope.evidence.audit.listing import class_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST = 4
"""Contrasts beside the main one; more would make the report long and slow."""


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """Two groups of films that a score may tell apart.

    Attributes:
        positive: Name of the one group, such as ``"pneumonia"``.
        negative: Name of the other.
        rows: Positions of the films of both, (n,).
        truth: Whether each is of the positive group, (n,).
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
        """Those of its films that are among some, by their positions there, with their truth.

        Args:
            rows: Positions among all films, (m,).
        """
        place = {int(row): i for i, row in enumerate(rows)}
        return [
            (place[int(row)], bool(truth))
            for row, truth in zip(self.rows, self.truth, strict=True)
            if int(row) in place
        ]


def contrasts(found: Listing) -> tuple[tuple[Contrast, ...], str]:
    """The pairs of groups whose labels a shortcut could give away, the most important first.

    Returns:
        Contrasts, and why there are none (or fewer than there could be), or ``""``.
    """
    made = [*_main(found), *(_findings(found) if found.findings else _rest(found))]
    if not made:
        known = sorted({class_of(e, found.names) for e in found.entries} - {""})
        what = f"all labelled films are {known[0]}" if len(known) == 1 else "no film has a label"
        return (), f"{what}, so nothing can be said of what gives the label away"
    left = len(made) - MOST - 1
    return tuple(made[: MOST + 1]), f"contrasts not looked at: {left}" if left > 0 else ""


def _main(found: Listing) -> Iterator[Contrast]:
    """Something against nothing, if the labels tell."""
    try:
        labelled = listing.for_task(found, "binary")
    except DataError:
        return
    place = {id(entry): i for i, entry in enumerate(found.entries)}
    rows = np.array([place[id(entry)] for entry in labelled.entries], np.intp)
    truth = np.array([targets[1] == 1.0 for targets in labelled.targets], bool)
    if truth.any() and not truth.all():
        yield Contrast(labelled.names[1], labelled.names[0], rows, truth)


def _rest(found: Listing) -> Iterator[Contrast]:
    """Each class against the other ones of its side."""
    own = np.array([e.values.index(1.0) if 1.0 in e.values else -1 for e in found.entries], np.intp)
    negative = listing.negative_of(found.names)
    used = [
        i
        for i, name in enumerate(found.names)
        if (own == i).any()
        and name != negative
        and not (found.layout == KERMANY and name == listing.NO_SUBTYPE)
    ]
    if len(used) < 2 or (len(used) == 2 and negative is None):
        return
    rows = np.flatnonzero(np.isin(own, used))
    # Of two classes the second against the first says all.
    for i in used[1:] if len(used) == 2 else sorted(used, key=lambda i: -int((own == i).sum())):
        other = found.names[used[0]] if len(used) == 2 else "other classes"
        yield Contrast(found.names[i], other, rows, own[rows] == i)


def _findings(found: Listing) -> Iterator[Contrast]:
    try:
        labelled = listing.for_task(found, "multilabel")
    except DataError:
        return
    values = np.array([[np.nan if t is None else t for t in row] for row in labelled.targets])
    for i in np.argsort(-np.nansum(values, axis=0), kind="stable"):
        rows = np.flatnonzero(~np.isnan(values[:, i]))
        truth = values[rows, i] == 1.0
        if truth.any() and not truth.all():
            yield Contrast(labelled.names[i], f"no {labelled.names[i]}", rows, truth)
