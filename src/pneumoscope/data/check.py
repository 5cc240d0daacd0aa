"""What is in a data folder: classes, broken films, duplicates, patients."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.data import cache, duplicates, listing
from pneumoscope.data.layouts import find
from pneumoscope.data.listing import KERMANY, NO_SUBTYPE
from pneumoscope.data.sources import counts_by_source, unsupported, unsupported_words
from pneumoscope.data.split import straddling
from pneumoscope.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data.duplicates import Duplicate
    from pneumoscope.data.listing import Entry, Listing

UNSPLIT = "films"
"""Name of the split where the layout has none."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A film that cannot be read.

    Attributes:
        path: Relative to the data folder.
        code: Class of the error.
        message: What is wrong.
        hint: What to do.
    """

    path: str
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Twin:
    """Films that show the same picture.

    Attributes:
        paths: Relative to the data folder.
        exact: Whether their pixels are the same.
        correlation: See `duplicates.Duplicate`.
        across: What they differ in: ``"split"``, ``"class"``, ``"patient"``.
    """

    paths: tuple[str, ...]
    exact: bool
    correlation: float
    across: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Result of `check`.

    Attributes:
        layout: See `listing.Listing`.
        source: Where the films come from.
        task: The task that the classes were counted for.
        names: Classes or findings.
        films: Split to number of films, ``"films"`` where there are no splits.
        counts: Split to class to number of films that have it.
        unknown: Split to finding to number of films for which it is not known.
        patients: Split to number of patients, None where keys are missing.
        broken: Films that cannot be read.
        twins: Duplicates among the others.
        warnings: Sentences.
        sources: Source to class to number of films; empty if no film names a source.
        masks: Number of films with a lung mask.
        boxes: Number of films on which a reader drew boxes, or found nothing to draw.
    """

    layout: str
    source: str
    task: str
    names: tuple[str, ...]
    films: dict[str, int]
    counts: dict[str, dict[str, int]]
    unknown: dict[str, dict[str, int]]
    patients: dict[str, int | None]
    broken: tuple[Broken, ...]
    twins: tuple[Twin, ...]
    warnings: tuple[str, ...]
    sources: dict[str, dict[str, int]]
    masks: int
    boxes: int


def check(
    root: Path,
    task: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    negative: str = "",
) -> Report:
    """Reads every film of a data folder, test films too, and counts.

    Args:
        root: See `layouts.find`.
        task: The task to count classes for; None for the one that uses most of the labels.
        progress: Called with (films done, films in all).
        negative: Name of the class that means "nothing found", see `layouts.find`.

    Raises:
        DataError: The layout is not known, or the labels do not suit the task.
    """
    films = find(root, negative)
    task = task or _natural_task(films)
    labelled = listing.for_task(films, task)
    hashes: list[str] = []
    thumbs: list[NDArray[np.uint8]] = []
    whole: list[Entry] = []
    broken = []
    for done, (entry, result) in enumerate(_read(films.entries), 1):
        if isinstance(result, ImageError):
            broken.append(Broken(entry.name, result.code, str(result), result.hint))
        else:
            whole.append(entry)
            hashes.append(result[0])
            thumbs.append(result[1])
        progress(done, len(films.entries))
    pictures = duplicates.duplicates(hashes, np.stack(thumbs)) if thumbs else ()
    splits = list(dict.fromkeys(_split(entry) for entry in films.entries))
    sources = _sources(labelled)
    return Report(
        layout=films.layout,
        source=films.source,
        task=task,
        names=labelled.names,
        films=dict(Counter(_split(entry) for entry in films.entries)),
        counts=_tally(labelled, splits, 1.0),
        unknown=_tally(labelled, splits, None) if task == "multilabel" else {},
        patients={split: _patients(films, split) for split in splits},
        broken=tuple(broken),
        twins=tuple(_twin(picture, whole) for picture in pictures),
        warnings=(
            *films.warnings,
            *labelled.warnings,
            *_warnings(films),
            *_without_negative(labelled, task),
            *_one_sided(sources, labelled.names),
        ),
        sources=sources,
        masks=sum(entry.mask is not None for entry in films.entries),
        boxes=sum(entry.boxes is not None for entry in films.entries),
    )


def _without_negative(labelled: listing.Labelled, task: str) -> list[str]:
    if task == "multilabel" or labelled.negative is not None:
        return []
    return [
        f"no class of {', '.join(labelled.names)} means that nothing was found: a training needs "
        "--negative NAME (in a recipe or data sheet: negative)"
    ]


def _tally(
    labelled: listing.Labelled, splits: Sequence[str], value: float | None
) -> dict[str, dict[str, int]]:
    """Films whose target has a value, by split and name."""
    with_targets = list(zip(labelled.entries, labelled.targets, strict=True))
    return {
        split: {
            name: sum(t[i] == value for e, t in with_targets if _split(e) == split)
            for i, name in enumerate(labelled.names)
        }
        for split in splits
    }


def _one_sided(sources: Mapping[str, Mapping[str, int]], names: Sequence[str]) -> list[str]:
    words = unsupported_words(unsupported(sources, names))
    return [words] if words else []


def _sources(labelled: listing.Labelled) -> dict[str, dict[str, int]]:
    return counts_by_source(
        (entry.source, name)
        for entry, target in zip(labelled.entries, labelled.targets, strict=True)
        for name, value in zip(labelled.names, target, strict=True)
        if value == 1.0
    )


def _natural_task(films: Listing) -> str:
    if films.findings:
        return "multilabel"
    return "binary" if films.layout == KERMANY and NO_SUBTYPE in films.names else "multiclass"


def _read(
    entries: tuple[Entry, ...],
) -> Iterator[tuple[Entry, tuple[str, NDArray[np.uint8]] | ImageError]]:
    """Each film's hash and thumbnail, or why it cannot be read."""

    def hash_and_thumbnail(entry: Entry) -> tuple[str, NDArray[np.uint8]] | ImageError:
        try:
            pixels = cache.film(entry.path, images.SOURCE_SIZE)
        except ImageError as error:
            return error
        return hashlib.sha256(pixels.tobytes()).hexdigest(), duplicates.thumbnail(pixels)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from zip(entries, pool.map(hash_and_thumbnail, entries), strict=True)


def _twin(picture: Duplicate, whole: list[Entry]) -> Twin:
    entries = [whole[i] for i in picture.films]
    differences: dict[str, set[object]] = {
        "split": {_split(entry) for entry in entries},
        "class": {entry.values for entry in entries},
        "patient": {entry.patient if entry.keyed else None for entry in entries},
    }
    return Twin(
        tuple(entry.name for entry in entries),
        picture.exact,
        picture.correlation,
        tuple(name for name, values in differences.items() if len(values) > 1),
    )


def _patients(films: Listing, split: str) -> int | None:
    entries = [entry for entry in films.entries if _split(entry) == split]
    return len({e.patient for e in entries}) if all(e.keyed for e in entries) else None


def _warnings(films: Listing) -> list[str]:
    warnings = []
    bare = sum(not entry.keyed for entry in films.entries)
    if bare:
        warnings.append(f"no patient keys for {bare:,} of {len(films.entries):,} films")
    if both := straddling(films.entries):
        named = ", ".join(both[:3]) + (" ..." if len(both) > 3 else "")
        warnings.append(f"patients in two splits: {len(both):,} ({named})")
    return warnings


def _split(entry: Entry) -> str:
    return entry.split or UNSPLIT
