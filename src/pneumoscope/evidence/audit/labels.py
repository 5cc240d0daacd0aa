"""Films whose label the others doubt: confident learning (Northcutt et al., JAIR 2021).

A classifier on the bundle's embeddings is fitted out of fold. A class's threshold is the mean
probability that its own films get. A film that is likelier of another class is a candidate; if it passes
that class's threshold as well, it is a confident one. The most doubtful come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data import listing
from pneumoscope.data.listing import KERMANY
from pneumoscope.errors import DataError
from pneumoscope.evidence.audit.shortcut_measurement import FOLDS, LEAST_PATIENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Labelled, Listing
    from pneumoscope.evidence.audit.films import Reading


@dataclass(frozen=True, slots=True)
class Doubt:
    """A film whose label may be wrong.

    Attributes:
        film: Its position in the reading.
        label: What it is called.
        other: What the other films suggest.
        p_label: Out-of-fold probability of its label, in [0, 1].
        p_other: That of the other class.
        confident: Whether the other class's threshold is passed.
    """

    film: int
    label: str
    other: str
    p_label: float
    p_other: float
    confident: bool


@dataclass(frozen=True, slots=True)
class Doubts:
    """What confident learning found.

    Attributes:
        classes: The classes compared.
        films: Films that have one of them.
        candidates: Films whose labels may be wrong, the most doubtful first.
        silence: Why nothing was looked at, or ``""``.
        seen: Whether the bundle was trained on films of this source, so that it knows their labels.
    """

    classes: tuple[str, ...]
    films: int
    candidates: tuple[Doubt, ...]
    silence: str = ""
    seen: bool = False

    @property
    def confident(self) -> int:
        """Number of confident candidates."""
        return sum(doubt.confident for doubt in self.candidates)


def doubts(
    found: Listing, reading: Reading, groups: Sequence[int], *, seen: bool = False
) -> Doubts:
    """Ranks films whose label the embeddings of all other patients contradict.

    Args:
        found: All films with their labels.
        reading: Of those that could be read.
        groups: Of each film of the reading; films of one group share a fold.
        seen: See `Doubts`.
    """
    labelled, reason = _classes(found)
    if labelled is None:
        return Doubts((), 0, (), reason)
    place = {id(found.entries[row]): i for i, row in enumerate(reading.rows)}
    kept = [
        (place[id(entry)], targets.index(1.0))
        for entry, targets in zip(labelled.entries, labelled.targets, strict=True)
        if id(entry) in place
    ]
    at, own = (np.array([k[j] for k in kept], np.intp) for j in (0, 1))
    held = np.asarray(groups)[at]
    sizes = [len(set(held[own == c].tolist())) for c in range(len(labelled.names))]
    if min(sizes) < LEAST_PATIENTS:
        few = labelled.names[int(np.argmin(sizes))]
        return Doubts(
            labelled.names, len(at), (), f"{few}: fewer than {LEAST_PATIENTS} patients, too few to doubt labels"
        )  # fmt: skip
    p = probabilities(reading.embedding[at], own, held, min(FOLDS, *sizes))
    return Doubts(
        labelled.names,
        len(at),
        tuple(
            Doubt(
                int(at[i]),
                labelled.names[own[i]],
                labelled.names[other],
                round(float(p[i, own[i]]), 4),
                round(float(p[i, other]), 4),
                confident,
            )
            for i, other, confident in doubtful(p, own)
        ),
        seen=seen,
    )


def doubtful(p: NDArray[np.float64], own: NDArray[np.intp]) -> list[tuple[int, int, bool]]:
    """Films that are likelier of another class, ranked by normalised margin.

    Args:
        p: Out-of-fold probabilities, (n, classes).
        own: Label of each film, (n,).

    Returns:
        Position, likeliest class, and whether that class's threshold is passed; the lowest
        p(label) - p(other) first.
    """
    limits = np.array([p[own == c, c].mean() for c in range(p.shape[1])])
    rows, other = np.arange(len(p)), p.argmax(axis=1)
    margin = p[rows, own] - p[rows, other]
    return [
        (int(i), int(other[i]), bool(p[i, other[i]] >= limits[other[i]]))
        for i in np.argsort(margin, kind="stable")
        if margin[i] < 0
    ]


def probabilities(
    embedding: NDArray[np.float32], own: NDArray[np.intp], groups: NDArray[np.intp], folds: int
) -> NDArray[np.float64]:
    """Out-of-fold probabilities of a logistic regression, (n, classes)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classes = int(own.max()) + 1
    p = np.full((len(own), classes), 1 / classes)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for train, test in splitter.split(embedding, own, groups):
        if not len(test) or len(set(own[train].tolist())) < classes:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        p[test] = model.fit(embedding[train], own[train]).predict_proba(embedding[test])
    return p


def _classes(found: Listing) -> tuple[Labelled | None, str]:
    """The classes to compare. Of the Kermany set both kinds of pneumonia are one: a film alone cannot
    tell them apart, so each would doubt the other."""
    tasks = ("binary",) if found.layout == KERMANY else ("multiclass", "binary")
    reason = ""
    for task in tasks:
        try:
            labelled = listing.for_task(found, task)
        except DataError as error:
            reason = str(error)
        else:
            if len({t.index(1.0) for t in labelled.targets}) > 1:
                return labelled, ""
            reason = "only one class has films"
    return None, f"labels cannot be doubted: {reason}"
