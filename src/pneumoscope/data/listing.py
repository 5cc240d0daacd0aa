"""What a data folder contains, before anything is decoded, and its labels in the terms of a task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumoscope.data.class_names import negative_first, negative_of, speaks_of_healthy
from pneumoscope.data.sheet import UNKNOWN, DataSheet
from pneumoscope.errors import DataError
from pneumoscope.records import TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.data.boxes import Box

    Targets = tuple[float | None, ...]

KERMANY = "kermany"
LABELS = ("normal", "bacterial", "viral")
"""Classes of the Kermany set, from its file names."""
NO_SUBTYPE = "pneumonia"
"""Class of a Kermany film whose name gives no sub-type; a binary task can use it."""

# CheXpert's labeller says "No Finding" even if it sees devices (Irvin et al. 2019).
_NO_PATHOLOGY = {"support devices"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One film as its layout describes it.

    Attributes:
        path: Path of the film.
        name: Its path relative to the data folder.
        values: One per name of the listing: 1.0, 0.0 or None for unknown.
        patient: Key of the patient, or of the film itself if the layout has no patient keys.
        keyed: Whether ``patient`` is a patient's key.
        split: ``"train"``, ``"validation"``, ``"test"``, or None if the layout says nothing.
        sha256: SHA-256 of the pixels, as a manifest gives it, or ``""``.
        source: Hospital or collection that the film is from, or ``""``.
        mask: Picture of the film's lungs, see `pneumoscope.data.masks`; None if there is none.
        boxes: What a reader drew around findings, see `pneumoscope.data.boxes`: empty if the reader
            drew nothing, None if nobody looked.
    """

    path: Path
    name: str
    values: Targets
    patient: str
    keyed: bool
    split: str | None
    sha256: str = ""
    source: str = ""
    mask: Path | None = None
    boxes: tuple[Box, ...] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """All films of a data folder, test films included.

    Attributes:
        layout: ``"manifest"``, ``"split folders"``, ``"class folders"``, or the name of a public
            set such as ``"nih"`` or ``"kermany"``.
        findings: Whether a film can have several of the names, or none of them.
        names: Classes or findings, including the negative one if the layout has it.
        entries: The films.
        source: Where the films come from, one sentence without its full stop.
        obeyed: Whether the layout's own validation films are a decision to follow (a manifest)
            rather than an offer (a folder called ``val``).
        warnings: Sentences.
        sheet: What is known of the data set.
        negative_name: The name that means "nothing found", if its words do not say so; else ``""``.
    """

    layout: str
    findings: bool
    names: tuple[str, ...]
    entries: tuple[Entry, ...]
    source: str
    obeyed: bool = False
    warnings: tuple[str, ...] = ()
    sheet: DataSheet = UNKNOWN
    negative_name: str = ""

    @property
    def negative(self) -> str | None:
        """The name that means "nothing found", or None."""
        return self.negative_name or negative_of(self.names)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A listing in the terms of a task.

    Attributes:
        names: Names of the targets; the negative class first, if there is one.
        negative: The negative class of a class task, or None.
        entries: The films that have a label.
        targets: One tuple per film.
        strata: One number per film: the finest class that is known, whatever the task, so that
            all tasks draw the same validation patients; 0 everywhere for several labels.
        warnings: Sentences.
    """

    names: tuple[str, ...]
    negative: str | None
    entries: tuple[Entry, ...]
    targets: tuple[Targets, ...]
    strata: tuple[int, ...]
    warnings: tuple[str, ...]


def one_hot(index: int, count: int) -> Targets:
    """1.0 at an index, 0.0 elsewhere."""
    return tuple(float(i == index) for i in range(count))


def for_task(listing: Listing, task: str) -> Labelled:
    """Translates a listing's labels.

    Args:
        listing: Films that count; test films, for example, must be removed before.
        task: One of `TASKS`.

    Returns:
        The films with a known label. For ``"binary"`` all classes but the negative one become one
        class, named ``"pneumonia"`` for the Kermany set and ``"abnormal"`` elsewhere; if there are
        only two classes, they keep their names.

    Raises:
        DataError: The task is unknown, or the labels do not suit it.
    """
    if task not in TASKS:
        raise DataError(f"task {task!r} is unknown", f"One of {', '.join(TASKS)}.")
    if task == "multilabel":
        return _findings(listing)
    if listing.findings and task == "binary":
        _check_healthy(listing)
    if listing.findings and not is_one_hot(listing):
        if task == "binary":
            return _any_finding(listing)
        raise DataError(
            "a film has several findings or none, so its class is not known",
            "Use the task multilabel, or binary for no finding against any: the key task of a recipe, or --task "
            "of `pneumoscope data check`.",
        )
    return _classes(listing, task)


def _check_healthy(listing: Listing) -> None:
    """Checks that no finding may mean healthy unless one is known to: its films would be taken for ill."""
    doubtful = [name for name in listing.names if speaks_of_healthy(name)]
    if doubtful and listing.negative is None:
        raise DataError(
            f"the finding {doubtful[0]} may mean that a film is healthy, and no other one does",
            "If it does, call it normal; else give it another name, or use the task multilabel.",
        )


def _classes(listing: Listing, task: str) -> Labelled:
    entries = tuple(e for e in listing.entries if 1.0 in e.values)
    raw = [e.values.index(1.0) for e in entries]
    used = [n for i, n in enumerate(listing.names) if i in set(raw)]
    names = negative_first(used, listing.negative)
    if listing.layout == KERMANY:
        names = ("normal", "pneumonia") if task == "binary" else LABELS
        if task == "multiclass" and NO_SUBTYPE in used:
            film = next(e for e in entries if e.values[-1] and len(e.values) > len(LABELS))
            raise DataError(
                f"{film.path.name}: the name tells neither bacteria nor virus",
                "Sub-types need names such as person12_virus_3.jpeg; the task binary needs none.",
            )
    elif len(names) < 2:
        raise DataError(
            f"only one class has films: {', '.join(names) or 'none'}",
            "At least two classes are needed: give the folder whose folders are the classes, or a table.",
        )
    negative = listing.negative if listing.negative in names else negative_of(names)
    if task == "binary" and len(names) > 2:
        if negative is None:
            raise DataError(
                f"the task binary needs to know which of {', '.join(names)} is the negative class",
                "Call it normal, name it with --negative NAME (in a recipe: negative), or use the task "
                "multiclass.",
            )
        names = (negative, "abnormal")
    grouped = len(names) == 2 and negative is not None
    classes = [
        int(listing.names[i] != negative) if grouped else names.index(listing.names[i]) for i in raw
    ]
    return Labelled(
        names=names,
        negative=negative,
        entries=entries,
        targets=tuple(one_hot(c, len(names)) for c in classes),
        strata=tuple(raw),
        warnings=_left_out(listing, entries),
    )


def _findings(listing: Listing) -> Labelled:
    if not listing.findings:
        raise DataError(
            "one class per film does not tell several findings",
            "Use the task multiclass, or a CSV manifest with a column per finding.",
        )
    negative = listing.negative
    names = tuple(n for n in listing.names if n != negative)
    if not names:
        raise DataError("no findings are named", "Name at least one besides the negative one.")
    targets = []
    for entry in listing.entries:
        known = dict(zip(listing.names, entry.values, strict=True))
        healthy = negative is not None and known[negative] == 1.0
        targets.append(
            tuple(
                0.0 if known[n] is None and healthy and n.lower() not in _NO_PATHOLOGY else known[n]
                for n in names
            )
        )
    unlabelled = sum(set(t) == {None} for t in targets)
    return Labelled(
        names=names,
        negative=None,
        entries=listing.entries,
        targets=tuple(targets),
        strata=(0,) * len(targets),
        warnings=(f"films without any known finding: {unlabelled:,}",) if unlabelled else (),
    )


def _any_finding(listing: Listing) -> Labelled:
    """No finding against any finding; films labelled as neither are left out."""
    negative = listing.negative
    entries, targets = [], []
    for entry in listing.entries:
        known = {
            name: value
            for name, value in zip(listing.names, entry.values, strict=True)
            if name.lower() not in _NO_PATHOLOGY
        }
        healthy = known.pop(negative) if negative is not None else None
        if 1.0 in known.values() or (not known and healthy == 0.0):
            targets.append((0.0, 1.0))
        elif healthy == 1.0 or (set(known.values()) == {0.0} and not _is_empty(entry, healthy)):
            targets.append((1.0, 0.0))
        else:
            continue
        entries.append(entry)
    name = negative or "No Finding"
    strata = tuple(int(t[1]) for t in targets)
    if len(set(strata)) < 2:
        raise DataError(
            "all films have a finding, or none has", "The task binary needs films of both kinds."
        )
    return Labelled(
        names=(name, "abnormal"),
        negative=name,
        entries=tuple(entries),
        targets=tuple(targets),
        strata=strata,
        warnings=_left_out(listing, entries),
    )


def _is_empty(entry: Entry, healthy: float | None) -> bool:
    """Whether all names are absent, the negative one, too: the film shows something else, or nobody knows."""
    return healthy == 0.0 and 1.0 not in entry.values


def is_one_hot(listing: Listing) -> bool:
    """Whether every film with a label has exactly one: a class per column."""
    rest = len(listing.names) - 1
    return all(
        entry.values.count(1.0) == 1 and entry.values.count(0.0) == rest
        for entry in listing.entries
        if set(entry.values) != {None}
    )


def _left_out(listing: Listing, entries: Sequence[Entry]) -> tuple[str, ...]:
    missing = len(listing.entries) - len(entries)
    return (f"films without a known label, left out: {missing:,}",) if missing else ()


def without(listing: Listing, *splits: str) -> Listing:
    """The listing without the films of some splits."""
    return replace(listing, entries=tuple(e for e in listing.entries if e.split not in splits))


def in_folder(listing: Listing, inner: str) -> Listing:
    """The listing of an inner folder, with the films' paths relative to the outer one."""

    def renamed(entry: Entry) -> Entry:
        if entry.name.startswith("/"):
            return entry
        name = f"{inner}/{entry.name}"
        of_film = not entry.keyed and entry.patient == f"file/{entry.name}"
        return replace(entry, name=name, patient=f"file/{name}" if of_film else entry.patient)

    return replace(
        listing,
        entries=tuple(map(renamed, listing.entries)),
        warnings=(*listing.warnings, f"the films are those of the folder {inner}"),
    )
