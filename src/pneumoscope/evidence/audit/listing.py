"""Which films an audit looks at, what they are called, and what can be asked of their labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import data, images
from pneumoscope.data import folders, listing
from pneumoscope.data.films import MANIFEST
from pneumoscope.data.listing import KERMANY, Entry, Listing, negative_first, one_hot
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

LOOSE = "films as they lie"
"""Layout of a folder that training does not know."""
MOST = 4
"""Contrasts beside the main one; more would make the report long and slow."""

_PERSON = re.compile(r"(?:bacteria|virus)/(person\d+)")
_NORMAL = re.compile(r"normal/(?:NORMAL2-)?(IM-\d+)")


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


def open_films(root: Path) -> tuple[Listing, tuple[str, ...]]:
    """Lists the films of a folder or manifest; films that training could not use are listed too.

    Args:
        root: See `data.find`; also a folder of films without a layout that training knows.

    Returns:
        The films, and why training could not use them, in sentences.

    Raises:
        DataError: There is no such folder, it holds no films, or its table is broken.
    """
    try:
        return data.find(root), ()
    except DataError as error:
        has_table = root.is_dir() and (
            (root / MANIFEST).is_file() or any(root.glob("Data_Entry_2017*.csv"))
        )
        if not root.is_dir() or has_table:
            raise
        entries = tuple(_loose(root))
        if not entries:
            raise DataError(
                f"{root}: holds no films",
                "Films are DICOM, JPEG, PNG, TIFF, BMP or WebP; hidden files do not count.",
            ) from error
        names = negative_first(sorted({kind for _, kind, _, _ in entries if kind}))
        unknown: tuple[float | None, ...] = (None,) * len(names)
        found = tuple(
            Entry(
                path,
                path.relative_to(root).as_posix(),
                one_hot(names.index(kind), len(names)) if kind else unknown,
                key or f"file/{path.relative_to(root).as_posix()}",
                key is not None,
                split,
            )
            for path, kind, key, split in entries
        )
        source = f"films below {root.resolve().name}"
        return Listing(LOOSE, False, names, found, source), (f"no training could use it: {error}",)


def _loose(root: Path) -> Iterator[tuple[Path, str | None, str | None, str | None]]:
    """Path, class, patient and split of every film, as far as folders' names tell."""
    for path in images.find_films([root]):
        parts = list(path.relative_to(root).parts[:-1])
        split = None
        while parts and (parts[0].lower() in folders.SPLITS or parts[0] == "chest_xray"):
            split = folders.SPLITS.get(parts.pop(0).lower(), split)
        kind = parts[0] if parts else None
        key = None
        if kind in ("NORMAL", "PNEUMONIA"):
            _, patient, keyed = folders.kermany_label(path.name, kind)
            key = patient if keyed else None
        yield path, kind, key, split


def without_subtype(patient: str) -> str | None:
    """A Kermany key as others read it: ``personN`` and ``IM-N``, whatever stands around; else None.

    The set's own names use one number for several children: ``person12_bacteria`` and
    ``person12_virus`` are taken for two by pneumoscope and for one by many notebooks.
    """
    match = _PERSON.fullmatch(patient) or _NORMAL.fullmatch(patient)
    return match[1] if match else None


def class_of(entry: Entry, names: Sequence[str]) -> str:
    """What a film is labelled, as people read it; ``""`` if nothing is known."""
    return " | ".join(n for n, value in zip(names, entry.values, strict=True) if value == 1.0)


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
