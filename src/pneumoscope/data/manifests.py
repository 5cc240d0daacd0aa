"""Writes CSV manifests: the split of a training, or the films of several folders as one data set."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.data.boxes import text_of
from pneumoscope.data.class_names import kept_spellings, negative_first
from pneumoscope.data.layouts import find
from pneumoscope.data.listing import is_one_hot, one_hot
from pneumoscope.data.masks import with_masks
from pneumoscope.data.sources import counts_by_source
from pneumoscope.data.table_files import MISSING
from pneumoscope.errors import DataError
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pneumoscope.data.films import FilmSet
    from pneumoscope.data.listing import Entry, Listing, Targets

_NORMAL = "normal"
"""What a manifest calls a negative class whose name does not say so, such as ``"0"``."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Films of several data folders.

    Attributes:
        names: Their classes, the negative one first.
        entries: The films; ``values`` are one-hot in the order of ``names``.
        warnings: What was left out, and what is doubtful, in sentences.
    """

    names: tuple[str, ...]
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Source to class to number of films."""
        return counts_by_source((e.source, self.names[e.values.index(1.0)]) for e in self.entries)


def write_manifest(films: FilmSet, path: Path) -> None:
    """Writes the split of every film, as a manifest that `load` can read.

    Args:
        films: What `load` returned.
        path: CSV file with the columns path (relative to the file), sha256, patient, split, source
            and mask where a film has them, and one per name.
    """
    masks = films.masks or (None,) * len(films.films)
    rows = [
        {
            "path": _relative(file, path),
            "sha256": film.sha256,
            "patient": film.patient,
            "split": film.split,
            "source": film.source,
            "mask": _relative(mask, path) if mask else "",
        }
        | {
            name: "" if target is None else str(int(target))
            for name, target in zip(films.names, film.targets, strict=True)
        }
        for film, file, mask in zip(films.films, films.files, masks, strict=True)
    ]
    _write(path, rows, always=("path", "sha256", "patient", "split", *films.names))


def name_of(root: Path) -> str:
    """The name of a data folder, or of a manifest or archive without its ending."""
    root = root.resolve()
    return root.name if root.is_dir() else root.stem  # the folders v1.1 and v1.2 are not both v1


def collect(folders: Sequence[tuple[str, Path]], masks: Sequence[Path] = ()) -> Collected:
    """Lists the films of several data folders as one data set; decodes nothing.

    Films that a folder merely offers for validation (a folder ``val``) are left out, as in a training.

    Args:
        folders: A name and a data folder or manifest each, see `layouts.find`. The name is the source of
            the films that have none; ``""`` stands for the folder's own name.
        masks: Folders of lung masks, see `masks.with_masks`.

    Raises:
        DataError: A folder cannot be listed, its films have several findings, a mask folder has no mask
            of these films, no film has a label, or a film is given twice.
    """
    listings = [(name or name_of(root), find(root)) for name, root in folders]
    for source, listing in listings:
        if listing.findings and not is_one_hot(listing):
            raise DataError(f"{source}: a film has several findings or none", "One class per film.")
    films_of_name: Counter[str] = Counter()
    for _, listing in listings:
        films_of_name.update(_label(entry, listing) for entry in listing.entries)
    del films_of_name[""]
    spelling = kept_spellings(films_of_name)
    names = negative_first(sorted(set(spelling.values())))
    entries: list[Entry] = []
    warnings: list[str] = []
    for source, listing in listings:
        warnings += (f"{source}: {warning}" for warning in listing.warnings)
        kept = [e for e in listing.entries if listing.obeyed or e.split != "validation"]
        if offered := len(listing.entries) - len(kept):
            warnings.append(f"{source}: films of the folder for validation, left out: {offered:,}")
        labelled = [e for e in kept if 1.0 in e.values]
        if silent := len(kept) - len(labelled):
            warnings.append(f"{source}: films without a known label, left out: {silent:,}")
        entries += (
            _collected(
                entry,
                source,
                one_hot(names.index(spelling[_label(entry, listing)]), len(names)),
                alone=len(listings) == 1,
            )
            for entry in labelled
        )
    if not entries:
        raise DataError("no film has a label", "Name folders of labelled films.")
    _check_unique(entries)
    whole = with_masks(replace(listings[0][1], entries=tuple(entries)), masks)
    return Collected(names, whole.entries, tuple(warnings))


def write_collected(films: Collected, path: Path) -> None:
    """Writes collected films as a manifest that `load` can read.

    Args:
        films: What `collect` returned.
        path: CSV file with the columns path and mask (relative to the file), label, source, patient,
            split and boxes; columns without a value are left out.

    Raises:
        DataError: A class is called like an empty cell.
    """
    if missing := [name for name in films.names if name in MISSING]:
        raise DataError(
            f"a class is called {missing[0]}, which in a table stands for an empty cell",
            "Give the class another name.",
        )
    rows = [
        {
            "path": _relative(entry.path, path),
            "label": films.names[entry.values.index(1.0)],
            "source": entry.source,
            "patient": entry.patient,
            "split": entry.split or "",
            "mask": _relative(entry.mask, path) if entry.mask else "",
            "boxes": text_of(entry.boxes),
        }
        for entry in films.entries
    ]
    _write(path, rows, always=("path", "label", "source", "patient"))


def _label(entry: Entry, listing: Listing) -> str:
    """The class of a film, ``"normal"`` for a negative class of another meaning, ``""`` if unknown."""
    if 1.0 not in entry.values:
        return ""
    label = listing.names[entry.values.index(1.0)]
    return _NORMAL if label == listing.negative_name else label


def _collected(entry: Entry, source: str, values: Targets, *, alone: bool) -> Entry:
    """An entry in the terms of the whole; patients of different folders cannot be confused."""
    return replace(
        entry,
        values=values,
        patient=entry.patient if alone else f"{entry.source or source}/{entry.patient}",
        split=None if entry.split == "train" else entry.split,
        source=entry.source or source,
    )


def _check_unique(entries: Iterable[Entry]) -> None:
    """Refuses one film twice, which a manifest cannot hold."""
    seen: set[Path] = set()
    for entry in entries:
        path = entry.path.resolve()
        if path in seen:
            raise DataError(f"{entry.path}: is given twice", "Name each folder once.")
        seen.add(path)


def _write(path: Path, rows: Sequence[Mapping[str, str]], always: Sequence[str]) -> None:
    """Writes rows as CSV; columns other than these are left out where no row fills them."""
    columns = [name for name in rows[0] if name in always or any(row[name] for row in rows)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text.getvalue())


def _relative(file: Path, manifest: Path) -> str:
    return Path(os.path.relpath(file, manifest.parent)).as_posix()
