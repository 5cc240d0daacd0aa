"""The films of an audit, with their labels and patients."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumoscope import data
from pneumoscope.data import folders
from pneumoscope.data.class_names import negative_first
from pneumoscope.data.film_files import films_below
from pneumoscope.data.layouts import MANIFEST
from pneumoscope.data.listing import Entry, Listing, one_hot
from pneumoscope.data.spelling import with_one_spelling
from pneumoscope.data.split_names import split_of
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LOOSE = "films as they lie"
"""Layout of a folder that training does not support."""
_PERSON = re.compile(r"(?:bacteria|virus)/(person\d+)")
_NORMAL = re.compile(r"normal/(?:NORMAL2-)?(IM-\d+)")


def open_films(root: Path) -> tuple[Listing, tuple[str, ...]]:
    """Lists the films of a folder or manifest, including films that training could not use.

    Args:
        root: See `data.find`; also a folder of films whose layout training does not support.

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
        films = tuple(
            Entry(
                path=path,
                name=path.relative_to(root).as_posix(),
                values=one_hot(names.index(kind), len(names)) if kind else unknown,
                patient=key or f"file/{path.relative_to(root).as_posix()}",
                keyed=key is not None,
                split=split,
            )
            for path, kind, key, split in entries
        )
        source = f"films below {root.resolve().name}"
        listing = Listing(layout=LOOSE, findings=False, names=names, entries=films, source=source)
        return with_one_spelling(listing), (f"no training could use it: {error}",)


def _loose(root: Path) -> Iterator[tuple[Path, str | None, str | None, str | None]]:
    """Path, class, patient and split of every film, as far as folder names tell."""
    for path in films_below(root):
        parts = list(path.relative_to(root).parts[:-1])
        split = None
        while parts and (split_of(parts[0]) or parts[0] == "chest_xray"):
            split = split_of(parts.pop(0)) or split
        kind = parts[0] if parts else None
        key = None
        if kind in ("NORMAL", "PNEUMONIA"):
            _, patient, keyed = folders.kermany_label(path.name, kind)
            key = patient if keyed else None
        yield path, kind, key, split


def without_subtype(patient: str) -> str | None:
    """A Kermany key without sub-type and prefix, ``personN`` or ``IM-N``; None for other keys.

    The file names of the set use the same number for several children: ``person12_bacteria`` and
    ``person12_virus`` are two patients for pneumoscope and one patient in many notebooks.
    """
    match = _PERSON.fullmatch(patient) or _NORMAL.fullmatch(patient)
    return match[1] if match else None


def class_of(entry: Entry, names: Sequence[str]) -> str:
    """The label of a film as text; ``""`` if it is not known."""
    return " | ".join(n for n, value in zip(names, entry.values, strict=True) if value == 1.0)
