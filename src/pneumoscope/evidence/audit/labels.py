"""Films whose labels may be wrong, by confident learning (Northcutt et al., JAIR 2021).

A classifier on the bundle's embeddings is fitted out of fold. The threshold of a class is the mean
probability that its own films get. A film that is more probable in another class is a candidate; if it
also passes the threshold of that class, it is a confident one. The most doubtful films come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.listing import KERMANY, for_task
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
        label: Its label.
        other: The class that the other films suggest.
        p_label: Out-of-fold probability of its label, in [0, 1].
        p_other: That of the other class.
        confident: Whether the threshold of the other class is passed.
    """

    film: int
    label: str
    other: str
    p_label: float
    p_other: float
    confident: bool


@dataclass(frozen=True, slots=True)
class Doubts:
    """The results of confident learning.

    Attributes:
        classes: The classes compared.
        films: Films that have one of them.
        candidates: Films whose labels may be wrong, the most doubtful first.
        silence: Why nothing was measured, or ``""``.
        seen: Whether the bundle was trained on films of this source, so that it may know their labels.
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
    films: Listing, reading: Reading, groups: Sequence[int], *, seen: bool = False
) -> Doubts:
    """Ranks films whose label the embeddings of all other patients contradict.

    Args:
        films: All films with their labels.
        reading: Values read from those that could be read.
        groups: Group of each film that was read; films of one group share a fold.
        seen: See `Doubts`.
    """
    labelled, reason = _classes(films)
    if labelled is None:
        return Doubts(classes=(), films=0, candidates=(), silence=reason)
    place = {id(films.entries[row]): i for i, row in enumerate(reading.rows)}
    kept = [
        (place[id(entry)], targets.index(1.0))
        for entry, targets in zip(labelled.entries, labelled.targets, strict=True)
        if id(entry) in place
    ]
    at, labels = (np.array([k[j] for k in kept], np.intp) for j in (0, 1))
    kept_groups = np.asarray(groups)[at]
    names = labelled.names
    sizes = [len(set(kept_groups[labels == c].tolist())) for c in range(len(names))]
    if min(sizes) < LEAST_PATIENTS:
        few = names[int(np.argmin(sizes))]
        reason = f"{few}: fewer than {LEAST_PATIENTS} patients, too few to doubt labels"
        return Doubts(classes=names, films=len(at), candidates=(), silence=reason)
    p = probabilities(reading.embedding[at], labels, kept_groups, min(FOLDS, *sizes))
    candidates = tuple(
        Doubt(
            film=int(at[i]),
            label=names[labels[i]],
            other=names[other],
            p_label=round(float(p[i, labels[i]]), 4),
            p_other=round(float(p[i, other]), 4),
            confident=confident,
        )
        for i, other, confident in doubtful(p, labels)
    )
    return Doubts(classes=names, films=len(at), candidates=candidates, seen=seen)


def doubtful(p: NDArray[np.float64], labels: NDArray[np.intp]) -> list[tuple[int, int, bool]]:
    """Films that are more probable in another class, ranked by the margin.

    Args:
        p: Out-of-fold probabilities, (n, classes).
        labels: Label of each film, (n,).

    Returns:
        Position, most probable class, and whether the threshold of that class is passed; the lowest
        p(label) - p(other) first.
    """
    limits = np.array([p[labels == c, c].mean() for c in range(p.shape[1])])
    rows, other = np.arange(len(p)), p.argmax(axis=1)
    margin = p[rows, labels] - p[rows, other]
    return [
        (int(i), int(other[i]), bool(p[i, other[i]] >= limits[other[i]]))
        for i in np.argsort(margin, kind="stable")
        if margin[i] < 0
    ]


def probabilities(
    embedding: NDArray[np.float32], labels: NDArray[np.intp], groups: NDArray[np.intp], folds: int
) -> NDArray[np.float64]:
    """Out-of-fold probabilities of a logistic regression, (n, classes)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classes = int(labels.max()) + 1
    p = np.full((len(labels), classes), 1 / classes)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for train, test in splitter.split(embedding, labels, groups):
        if not len(test) or len(set(labels[train].tolist())) < classes:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        p[test] = model.fit(embedding[train], labels[train]).predict_proba(embedding[test])
    return p


def _classes(films: Listing) -> tuple[Labelled | None, str]:
    """The classes to compare, or the reason why there are none.

    Both kinds of pneumonia of the Kermany set count as one: a film alone cannot distinguish them, so
    each would cast doubt on the other.
    """
    tasks = ("binary",) if films.layout == KERMANY else ("multiclass", "binary")
    reason = ""
    for task in tasks:
        try:
            labelled = for_task(films, task)
        except DataError as error:
            reason = str(error)
        else:
            if len({t.index(1.0) for t in labelled.targets}) > 1:
                return labelled, ""
            reason = "only one class has films"
    return None, f"labels cannot be doubted: {reason}"
