"""The films of a data folder, ready for training."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.cache import cache_home, cached, cached_readable
from pneumoscope.data.layouts import find
from pneumoscope.data.listing import for_task, without
from pneumoscope.data.masks import LungMasks, with_masks
from pneumoscope.data.sheet import UNKNOWN, DataSheet
from pneumoscope.data.sources import counts_by_source, leave_out
from pneumoscope.data.split import MODES, check_split, splits_of, straddling
from pneumoscope.errors import DataError
from pneumoscope.records import LEAVE_OUT, fold_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Entry, Labelled, Listing

    _Progress = Callable[[int, int], None]

FEW = 100
"""Films; with fewer, every film changes a validation figure by a point or more."""


@dataclass(frozen=True, slots=True)
class Film:
    """One labelled training film.

    Attributes:
        path: Relative to the data folder.
        targets: One per name of the set: one-hot for class tasks; for several findings 1.0, 0.0
            or None where uncertain or missing.
        patient: Key of the patient, or of the film where patients are not known. No key occurs in
            two splits, unless the set was loaded with the split ``"film"`` or ``"given"``.
        sha256: SHA-256 of the film's pixels at the cached size.
        split: ``"train"``, ``"validation"`` or ``"test"``; `load` leaves test films out.
        source: Hospital or collection, or ``""``.
    """

    path: str
    targets: tuple[float | None, ...]
    patient: str
    sha256: str
    split: str
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class FilmSet:
    """The films of a data folder, ready for training.

    Attributes:
        task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.
        names: Classes or findings in the order of the targets; for class tasks the negative class
            first, if there is one.
        negative: The class that means "nothing found", or None.
        films: One record per film, in the order of ``pixels``.
        pixels: uint8 (n, side, side), memory-mapped from the cache.
        source: Where the films come from, a sentence without its full stop.
        warnings: Doubts about the films or their split, in sentences.
        files: Path of each film.
        sheet: What is known of the data set.
        masks: Lung mask of each film (`pneumoscope.data.masks`), None where there is none; empty if
            no film has one.
        lungs: The pixels of the masks, once a training has read them.
        population: Sources of the patients that a bundle is for; empty for all.
        broken: Paths of films that were left out because they cannot be read, relative to the data
            folder.
    """

    task: str
    names: tuple[str, ...]
    negative: str | None
    films: tuple[Film, ...]
    pixels: NDArray[np.uint8]
    source: str
    warnings: tuple[str, ...]
    files: tuple[Path, ...]
    sheet: DataSheet = UNKNOWN
    masks: tuple[Path | None, ...] = ()
    lungs: LungMasks | None = None
    population: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def rows(self, split: str) -> NDArray[np.intp]:
        """Positions of the films of a split."""
        return np.flatnonzero([film.split == split for film in self.films])

    @property
    def in_population(self) -> NDArray[np.bool_]:
        """Whether each film is of the population, (n,)."""
        return np.array([not self.population or f.source in self.population for f in self.films])

    @property
    def targets(self) -> NDArray[np.float32]:
        """Targets of every film, (n, names), in {0, 1}, NaN where unknown."""
        values = [film.targets for film in self.films]
        return np.array(values, dtype=np.float32).reshape(len(values), len(self.names))

    @property
    def labels(self) -> NDArray[np.intp]:
        """Class of every film as an index into ``names``, (n,).

        Raises:
            DataError: The task is ``"multilabel"``, so that a film has no single class.
        """
        if self.task == "multilabel":
            raise DataError("films with several findings have no one class", "Use their targets.")
        return np.array([film.targets.index(1.0) for film in self.films], dtype=np.intp)

    def counts_by_source(self, split: str) -> dict[str, dict[str, int]]:
        """Films of a split by source and class or finding; empty if no film names a source.

        A film with several findings counts for each.
        """
        films = (film for film in self.films if film.split == split)
        return counts_by_source(
            (film.source, name)
            for film in films
            for name, target in zip(self.names, film.targets, strict=True)
            if target == 1.0
        )

    @property
    def films_sha256(self) -> str:
        """Hash of the pixels of all films: the same for every split and task of the same data."""
        return hashlib.sha256(json.dumps(sorted(f.sha256 for f in self.films)).encode()).hexdigest()

    @property
    def manifest_sha256(self) -> str:
        """Hash of the pixels, targets and split of every film.

        The films' order and names do not count, so it is the same wherever the films are stored.
        """
        rows = sorted((film.sha256, str(film.targets), film.split) for film in self.films)
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


# Most of its lines describe its options; the work is done by the functions that it calls.
def load(
    root: Path,
    side: int,
    *,
    task: str,
    split: str = "patient",
    share: float,
    seed: int,
    masks: Sequence[Path] = (),
    population: Sequence[str] = (),
    negative: str = "",
    skip_broken: bool = False,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FilmSet:
    """Finds, decodes and splits the films, but test films; the pixels are cached on disk.

    Args:
        root: The data folder, see `find`.
        side: Side in pixels of the cached films.
        task: ``"binary"``, ``"multiclass"`` or ``"multilabel"``.
        split: ``"patient"`` draws validation patients class by class (for several findings:
            regardless of them); ``"film"`` draws films; ``"given"`` takes the folder's own validation
            films; ``"leave-out:SOURCE"`` keeps a source for testing and draws patients of the
            others. All follow the split column of a manifest, and NIH's lists. ``"fold:2/5"`` keeps
            the second of five folds for testing, and draws patients of the others; validation films
            of such a column are dealt to the folds as well. The fold's films are in the set.
        share: Share of the patients (or films) of each class for validation, in (0, 1).
        seed: Seed of the draw.
        masks: Folders of lung masks, see `pneumoscope.data.masks`.
        population: Sources whose films are split; films of others are for training. Empty for all.
        negative: Name of the class that means "nothing found", see `find`.
        skip_broken: Whether films that are missing or cannot be read are left out, with a warning.
        cache: Folder for decoded films; None for the user's cache folder.
        progress: Called with (films done, films in all) while films are decoded.

    Raises:
        DataError: See `layouts.find`; also if films cannot be read (all are named), the labels do not
            suit the task, nothing could be held out, a patient is in two splits, or a source is unknown.
    """
    listing, split = _find_for(root, split, negative)
    listing = with_masks(listing, masks)
    fixed = _is_fixed(listing, split, root)
    offered = fixed or (fold_of(split) is not None and listing.obeyed)
    labelled = for_task(without(listing, "test", *(() if offered else ("validation",))), task)
    if not labelled.entries:
        raise DataError(f"{root}: no film is left for training", "Are all of them for testing?")
    decode = _decode_readable if skip_broken else _decode
    decoded = decode(labelled, side, cache or cache_home(), progress)
    labelled, entries = decoded.labelled, decoded.labelled.entries
    mode = "given" if fixed else split
    splits = splits_of(labelled, decoded.hashes, mode, share, seed, population=population)
    films = _films(labelled, decoded.hashes, splits)
    _check_held(films, labelled, task, fixed=fixed)
    doubts = [*_left_out(decoded.broken), *_warnings(listing, entries, films, split, fixed=fixed)]
    return FilmSet(
        task=task,
        names=labelled.names,
        negative=labelled.negative,
        films=films,
        pixels=decoded.pixels,
        source=listing.source,
        warnings=(*listing.warnings, *labelled.warnings, *doubts, *_silent(films, labelled, task)),
        files=tuple(entry.path for entry in entries),
        sheet=listing.sheet,
        masks=_masks(entries),
        population=tuple(population),
        broken=decoded.broken,
    )


@dataclass(frozen=True, slots=True)
class _Decoded:
    """Films with their pixels.

    Attributes:
        labelled: The films that could be read.
        pixels: As in `FilmSet`.
        hashes: SHA-256 of each film's pixels.
        broken: Names of films that could not be read.
    """

    labelled: Labelled
    pixels: NDArray[np.uint8]
    hashes: list[str]
    broken: tuple[str, ...] = ()


def _decode(labelled: Labelled, side: int, home: Path, progress: _Progress) -> _Decoded:
    pixels, hashes = cached([e.path for e in labelled.entries], side, home, progress)
    return _Decoded(labelled, pixels, hashes)


def _decode_readable(labelled: Labelled, side: int, home: Path, progress: _Progress) -> _Decoded:
    paths = [entry.path for entry in labelled.entries]
    pixels, hashes, reasons = cached_readable(paths, side, home, progress)
    broken = tuple(entry.name for entry in labelled.entries if entry.path in reasons)
    return _Decoded(_readable(labelled, reasons), pixels, hashes, broken)


def _readable(labelled: Labelled, broken: Mapping[Path, str]) -> Labelled:
    """The films that can be read."""
    kept = [i for i, entry in enumerate(labelled.entries) if entry.path not in broken]
    return replace(
        labelled,
        entries=tuple(labelled.entries[i] for i in kept),
        targets=tuple(labelled.targets[i] for i in kept),
        strata=tuple(labelled.strata[i] for i in kept),
    )


def _left_out(broken: Sequence[str]) -> list[str]:
    if not broken:
        return []
    names = ", ".join(broken[:3]) + (", ..." if len(broken) > 3 else "")
    return [f"films that cannot be read, left out: {len(broken):,} ({names})"]


def _films(labelled: Labelled, hashes: Sequence[str], splits: Sequence[str]) -> tuple[Film, ...]:
    return tuple(
        Film(
            path=entry.name,
            targets=targets,
            patient=entry.patient,
            sha256=sha256,
            split=split,
            source=entry.source,
        )
        for entry, targets, sha256, split in zip(
            labelled.entries, labelled.targets, hashes, splits, strict=True
        )
    )


def _masks(entries: Sequence[Entry]) -> tuple[Path | None, ...]:
    masks = tuple(entry.mask for entry in entries)
    return masks if any(masks) else ()


def _find_for(root: Path, split: str, negative: str) -> tuple[Listing, str]:
    """The films of a folder, if they can be split so, and how to split those for training."""
    if split not in MODES and not split.startswith(LEAVE_OUT) and fold_of(split) is None:
        raise DataError(
            f"split {split!r} is unknown", f"One of {', '.join(MODES)}, or {LEAVE_OUT}SOURCE."
        )
    listing = leave_out(find(root, negative), split)
    if split not in ("film", "given") and listing.obeyed:
        check_split(replace(e, split=e.split or "train") for e in listing.entries)
    return listing, "patient" if split.startswith(LEAVE_OUT) else split


def _is_fixed(listing: Listing, split: str, root: Path) -> bool:
    """Whether the layout's own validation films are taken, rather than drawn."""
    given = any(entry.split == "validation" for entry in listing.entries)
    if split == "given" and not given:
        raise DataError(
            f"{root}: has no validation films of its own",
            "Add a folder val or a manifest's column split, or use the split patient.",
        )
    return given and fold_of(split) is None and (split == "given" or listing.obeyed)


def _check_held(films: Sequence[Film], labelled: Labelled, task: str, *, fixed: bool) -> None:
    """Checks that both splits have films, and that training films cover every class."""
    train = [film.targets for film in films if film.split == "train"]
    if len(train) in (0, len(films)):
        few = "too few patients to hold some out for validation"
        none = "all films are for validation, none is for training"
        raise DataError(few if train else none, "Each class needs films of two patients or more.")
    if task == "multilabel":
        return
    known = {targets.index(1.0) for targets in train}
    if unknown := {film.targets.index(1.0) for film in films} - known:
        raise DataError(
            f"{labelled.names[min(unknown)]} has validation films but none for training",
            "Add some, or leave the class out.",
        )
    held = {film.targets.index(1.0) for film in films if film.split == "validation"}
    absent = [name for i, name in enumerate(labelled.names) if i in known - held]
    alone = len({film.patient for film in films if film.targets.index(1.0) not in held}) == 1
    if len(held) == 1 and absent and (fixed or alone):
        raise DataError(
            f"{absent[0]} has films for training but none for validation, which needs two classes",
            "Add films of another patient of this class, or leave it out.",
        )


def _warnings(
    listing: Listing, entries: Sequence[Entry], films: Sequence[Film], split: str, *, fixed: bool
) -> list[str]:
    """Doubts about the split."""
    warnings = []
    bare = sum(not entry.keyed for entry in entries)
    if bare and split != "film":
        some = "" if bare == len(entries) else f" for {bare:,} of {len(entries):,} films"
        how = "" if fixed else "split by film, so "
        warnings.append(f"no patient keys{some}: {how}films of one patient may be on both sides")
    if split == "film" and not fixed:
        warnings.append(
            "split by film: films of one patient are on both sides, so validation figures are "
            "too good"
        )
    if split != "patient" and (both := straddling(films)):
        warnings.append(f"patients in train and in validation: {len(both):,}")
    held = [film for film in films if film.split == "validation"]
    seen = {film.sha256 for film in films if film.split == "train"}
    if twins := sum(film.sha256 in seen for film in held):
        warnings.append(f"validation films that are exact duplicates of training films: {twins:,}")
    labels = Counter(sha256 for sha256, _ in {(film.sha256, film.targets) for film in films})
    if unclear := sum(labels[film.sha256] > 1 for film in films):
        warnings.append(f"films with the same pixels and different labels: {unclear:,}")
    if split == "given" and len(held) < FEW:
        warnings.append(f"only {len(held)} validation films: too few to choose anything on")
    offered = sum(entry.split == "validation" for entry in listing.entries)
    if fold_of(split) is not None and listing.obeyed:
        if offered:
            warnings.append(
                f"validation films of the data, which are dealt to the folds: {offered:,}"
            )
    elif not fixed and offered >= FEW:
        warnings.append(
            f"{offered:,} validation films of the folder are not used; the split 'given' uses them"
        )
    changed = sum(
        entry.sha256 not in ("", film.sha256) for entry, film in zip(entries, films, strict=True)
    )
    if changed:
        warnings.append(
            f"films with other pixels than the manifest says (another size, or changed): {changed:,}"
        )
    return warnings


def _silent(films: Sequence[Film], labelled: Labelled, task: str) -> list[str]:
    """Findings for which the films of one split have no known example, with or without."""
    if task != "multilabel":
        return []
    warnings = []
    for side in ("train", "validation"):
        seen: list[set[float | None]] = [set() for _ in labelled.names]
        for film in films:
            if film.split == side:
                for known, value in zip(seen, film.targets, strict=True):
                    known.add(value)
        for word, value in (("with", 1.0), ("without", 0.0)):
            names = [n for n, known in zip(labelled.names, seen, strict=True) if value not in known]
            if names:
                warnings.append(f"no {side} film is known to be {word} {', '.join(names)}")
    return warnings
