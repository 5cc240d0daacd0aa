"""The labels of films in the terms of a bundle: data sets and bundles name classes differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.class_names import is_negative
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.data.sheet import kind_name, positive_of_kind
from pneumoscope.errors import DataError
from pneumoscope.records import ABNORMAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle, BundleMeta

UNKNOWN = -1

_ANY = {"abnormal", "positive"}
"""Names of positive classes that do not say what was found."""
_DEVICES = {"support devices"}  # films without finding may show them (Irvin et al. 2019)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Labels of films in the terms of a bundle.

    Attributes:
        targets: float64 (films, questions): 1 positive, 0 negative, NaN not known. One question
            for bundles whose films have one class, else one per finding.
        classes: Class of each film as the bundle counts them, (films,), `UNKNOWN` if the label does
            not tell; None for several findings.
        unanswered: Labels of the data that mean nothing to this bundle, to their number of films.
    """

    targets: NDArray[np.float64]
    classes: NDArray[np.intp] | None
    unanswered: dict[str, int]


def truth_of(entries: Sequence[Entry], listing: Listing, bundle: Bundle) -> Truth:
    """Translates labels.

    Classes are matched by name, ignoring case. A kind that a shipped data sheet knows, such as
    "viral", counts as its positive verdict. For ABNORMAL, everything that is not negative is
    positive. For other bundles a class with an unknown name has no meaning; its films do not count
    as positive.

    Args:
        entries: The films.
        listing: The data set with the names of its classes or findings.
        bundle: In whose terms.

    Raises:
        DataError: No film has a label that means anything to the bundle.
    """
    meta = bundle.meta
    if meta.negative is None:
        targets = np.array([_findings_of(entry, listing, meta) for entry in entries], np.float64)
        truth = Truth(targets.reshape(len(entries), len(meta.labels)), None, {})
    else:
        truth = _classes_of(entries, listing, meta)
    if np.isnan(truth.targets).all():
        wanted = (
            ", ".join(meta.labels)
            if meta.negative is None
            else f"{meta.positive} from {meta.negative}"
        )
        raise DataError(
            f"the films are labelled {', '.join(listing.names)}, which says nothing to the bundle "
            f"{bundle.title}",
            f"It tells {wanted}; films need labels of these names.",
        )
    return truth


def film_answers(truth: Truth) -> NDArray[np.float64]:
    """Whether each film is positive at all: 1, 0 or NaN (not known), (films,).

    Of several findings one is enough; a film is negative only if every finding is known to be absent.
    """
    if truth.classes is not None:
        return truth.targets[:, 0]
    present = (truth.targets == 1).any(axis=1)
    return np.where(present, 1.0, np.where((truth.targets == 0).all(axis=1), 0.0, np.nan))


_POSITIVE = -2
"""A positive class whose label does not tell which one."""


def _classes_of(entries: Sequence[Entry], listing: Listing, meta: BundleMeta) -> Truth:
    meanings = [
        meta.labels.index(str(meta.negative)) if name == listing.negative else _meaning(name, meta)
        for name in listing.names
    ]
    closed = listing.findings and listing.negative is None
    classes = [_class_of(entry, meanings, closed, meta) for entry in entries]
    unanswered: dict[str, int] = {}
    for entry, (positive, _) in zip(entries, classes, strict=True):
        if np.isnan(positive):
            names = zip(listing.names, entry.values, strict=True)
            label = " | ".join(name for name, value in names if value == 1.0) or "no label"
            unanswered[label] = unanswered.get(label, 0) + 1
    return Truth(
        np.array([[positive] for positive, _ in classes]),
        np.array([index for _, index in classes], np.intp),
        unanswered,
    )


def _meaning(name: str, meta: BundleMeta) -> int | None:
    """Index of the bundle's class, `_POSITIVE`, or None for a name that means nothing to it."""
    lower = kind_name(name)
    labels = [kind_name(label) for label in meta.labels]
    if lower in labels:
        return labels.index(lower)
    if is_negative(name):
        return meta.labels.index(str(meta.negative))
    ill = (
        lower == meta.positive.lower()
        or lower in _ANY
        or meta.positive == ABNORMAL
        or positive_of_kind(lower) == meta.positive
    )
    if not ill:
        return None
    return 1 - meta.labels.index(str(meta.negative)) if len(labels) == 2 else _POSITIVE


def _class_of(
    entry: Entry, meanings: Sequence[int | None], closed: bool, meta: BundleMeta
) -> tuple[float, int]:
    """1, 0 or NaN, and the class or `UNKNOWN`.

    Args:
        entry: The film.
        meanings: Meanings of the names of the data, see `_meaning`.
        closed: Whether a film without any finding is negative, since no name of the data is.
        meta: Metadata of the bundle.
    """
    negative = meta.labels.index(str(meta.negative))
    present = {m for m, value in zip(meanings, entry.values, strict=True) if value == 1.0}
    ill = present - {None, negative}
    if ill:
        exact = [m for m in ill if m is not None and m >= 0]
        return 1.0, exact[0] if len(exact) == 1 else UNKNOWN
    if negative in present or (closed and set(entry.values) == {0.0}):
        return 0.0, negative
    return float("nan"), UNKNOWN


def _findings_of(entry: Entry, listing: Listing, meta: BundleMeta) -> list[float]:
    values = dict(zip((_plain(name) for name in listing.names), entry.values, strict=True))
    negative = listing.negative
    healthy = negative is not None and values[_plain(negative)] == 1.0
    for name in listing.names:
        if values[_plain(name)] == 1.0 and (verdict := positive_of_kind(name)) is not None:
            values[_plain(verdict)] = 1.0
    targets = []
    for label in meta.labels:
        value = values.get(_plain(label))
        # In a folder per class, "not of this class" is not "without this finding".
        if value == 0.0 and not listing.findings:
            value = None
        if value is None and healthy and label.lower() not in _DEVICES:
            value = 0.0
        targets.append(float("nan") if value is None else value)
    return targets


def _plain(name: str) -> str:
    return name.lower().replace("_", " ")
