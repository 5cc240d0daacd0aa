"""What films are, in the terms of a bundle: data and bundles name their classes in their own ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.listing import Entry, Listing, negative_of
from pneumoscope.errors import DataError
from pneumoscope.records import ABNORMAL, PNEUMONIA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle, BundleMeta

UNKNOWN = -1

_SUBTYPES = {"bacteria": "bacterial", "virus": "viral"}
_KINDS = {"bacterial", "viral"}
_ANY = {"abnormal", "positive"}
"""Names that say that something is there, not what."""
_DEVICES = {"support devices"}  # films without finding may show them (Irvin et al. 2019)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Labels of films in the terms of a bundle.

    Attributes:
        targets: float64 (films, questions): 1 positive, 0 negative, NaN not known. One question
            for bundles whose films have one class, else one per finding.
        classes: Class of each film as the bundle counts them, (films,), `UNKNOWN` if the label does
            not say; None for several findings.
        unanswered: Labels of the data that say nothing to this bundle, to their number of films.
    """

    targets: NDArray[np.float64]
    classes: NDArray[np.intp] | None
    unanswered: dict[str, int]


def truth_of(entries: Sequence[Entry], found: Listing, bundle: Bundle) -> Truth:
    """Translates labels.

    Classes are matched by name, whatever their capitals. "bacterial" and "viral" are pneumonia;
    whatever is not negative is ABNORMAL; for other bundles a class with another name says
    nothing, rather than that the film is positive.

    Raises:
        DataError: No film's label says anything to the bundle.
    """
    meta = bundle.meta
    if meta.negative is None:
        targets = np.array([_findings_of(entry, found, meta) for entry in entries], np.float64)
        truth = Truth(targets.reshape(len(entries), len(meta.labels)), None, {})
    else:
        meanings = [_meaning(name, meta) for name in found.names]
        closed = negative_of(found.names) is None
        told = [_class_of(entry, meanings, closed and found.findings, meta) for entry in entries]
        silent: dict[str, int] = {}
        for entry, (positive, _) in zip(entries, told, strict=True):
            if np.isnan(positive):
                name = " | ".join(
                    n for n, v in zip(found.names, entry.values, strict=True) if v == 1.0
                )
                silent[name or "no label"] = silent.get(name or "no label", 0) + 1
        truth = Truth(
            np.array([[positive] for positive, _ in told]),
            np.array([index for _, index in told], np.intp),
            silent,
        )
    if np.isnan(truth.targets).all():
        tells = (
            ", ".join(meta.labels)
            if meta.negative is None
            else f"{meta.positive} from {meta.negative}"
        )
        raise DataError(
            f"the films are labelled {', '.join(found.names)}, which says nothing to the bundle "
            f"{bundle.title}",
            f"It tells {tells}; films need labels of these names.",
        )
    return truth


_POSITIVE = -2
"""Some positive class, the label does not say which."""


def _meaning(name: str, meta: BundleMeta) -> int | None:
    """Index of the bundle's class, `_POSITIVE`, or None for a name that says nothing to it."""
    lower = _SUBTYPES.get(name.lower(), name.lower())
    labels = [label.lower() for label in meta.labels]
    if lower in labels:
        return labels.index(lower)
    if negative_of([lower]):
        return meta.labels.index(str(meta.negative))
    ill = (
        lower == meta.positive.lower()
        or lower in _ANY
        or meta.positive == ABNORMAL
        or (meta.positive == PNEUMONIA and lower in _KINDS)
    )
    if not ill:
        return None
    return 1 - meta.labels.index(str(meta.negative)) if len(labels) == 2 else _POSITIVE


def _class_of(
    entry: Entry, meanings: Sequence[int | None], closed: bool, meta: BundleMeta
) -> tuple[float, int]:
    """1, 0 or NaN, and the class or `UNKNOWN`.

    Args:
        closed: No name of the data is negative, so a film without any finding is.
    """
    negative = meta.labels.index(str(meta.negative))
    said = {m for m, value in zip(meanings, entry.values, strict=True) if value == 1.0}
    ill = said - {None, negative}
    if ill:
        exact = [m for m in ill if m is not None and m >= 0]
        return 1.0, exact[0] if len(exact) == 1 else UNKNOWN
    if negative in said or (closed and set(entry.values) == {0.0}):
        return 0.0, negative
    return float("nan"), UNKNOWN


def _findings_of(entry: Entry, found: Listing, meta: BundleMeta) -> list[float]:
    values = dict(zip((_plain(name) for name in found.names), entry.values, strict=True))
    negative = negative_of(found.names)
    healthy = negative is not None and values[_plain(negative)] == 1.0
    if values.get("bacterial") == 1.0 or values.get("viral") == 1.0:
        values["pneumonia"] = 1.0
    told = []
    for label in meta.labels:
        value = values.get(_plain(label))
        # In a folder per class, "not of this class" is not "without this finding".
        if value == 0.0 and not found.findings:
            value = None
        if value is None and healthy and label.lower() not in _DEVICES:
            value = 0.0
        told.append(float("nan") if value is None else value)
    return told


def _plain(name: str) -> str:
    return name.lower().replace("_", " ")
