"""Which films an evaluation takes, and what is known of them.

Films that a bundle was trained on tell nothing. So its training films are sought first: if the
data give the bundle's own split again, film by film, the films that it never saw are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumoscope.data import folders, tables
from pneumoscope.data.films import table
from pneumoscope.data.listing import KERMANY, LABELS, Listing, one_hot
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.audit.listing import class_of, open_films
from pneumoscope.evidence.evaluation.training_films import training_films

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.data import FilmSet
    from pneumoscope.data.listing import Entry

    Progress = Callable[[int, int, str], None]

AUTO, ALL = "auto", "all"
SPLITS = (AUTO, "validation", "test", "train", ALL)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The films to evaluate, not yet read.

    Attributes:
        listing: All films of the data, with the finest labels that are known.
        entries: Those to evaluate.
        split: What was taken: one of `SPLITS` but ``"auto"``.
        words: Why, in a sentence.
        training: One per bundle: its training and validation films, if the data give its split
            again; else None.
        columns: The columns of the data's table that were asked for, by film name.
        warnings: What is doubtful, in sentences.
        limits: What cannot be told, in sentences.
    """

    listing: Listing
    entries: tuple[Entry, ...]
    split: str
    words: str
    training: tuple[FilmSet | None, ...]
    columns: dict[str, dict[str, str]]
    warnings: tuple[str, ...]
    limits: tuple[str, ...]


def choose(
    root: Path,
    bundles: Sequence[Bundle],
    split: str = AUTO,
    by: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress = lambda _done, _total, _text: None,
) -> Choice:
    """Finds the films and takes a split of them.

    Args:
        root: Data folder or manifest in any layout, see `audit_listing.open_films`.
        bundles: Whose training films must be told apart.
        split: One of `SPLITS`. ``"auto"``: the films held out when the bundles were trained, if the
            data give that split again; else the data's films for testing, if there are some; else
            those that a table keeps for validation; else all.
        by: Columns of the data's table to keep.
        cache: Folder for decoded films; None for the user's.
        progress: Called with (films done, films in all, what is done).

    Raises:
        DataError: No such folder, no films, no label, or no film is left in the split.
        UsageError: The split or a column is unknown.
    """
    if split not in SPLITS:
        raise UsageError(f"split {split!r} is unknown", f"One of {', '.join(SPLITS)}.")
    found, limits = open_films(root)
    if not any(1.0 in entry.values or 0.0 in entry.values for entry in found.entries):
        raise DataError(
            f"{root}: no film has a label, so nothing can be measured",
            "Give a folder per class, or a CSV manifest; `pneumoscope predict` reads films without "
            "labels.",
        )
    kept = _columns(root, found, by)
    strict = not limits  # training could use the folder
    known: dict[str, FilmSet | None] = {}
    training = []
    for bundle in bundles:
        key = f"{bundle.meta.data.get('manifest_sha256')} {bundle.meta.task}"
        if key not in known:
            known[key] = (
                training_films(root, found, bundle.meta, cache, progress) if strict else None
            )
        training.append(known[key])
    found = _finer(found)
    entries, taken, words = _taken(found, split, training)
    if not entries:
        raise DataError(f"{root}: no film for {taken}", _splits_hint(found))
    warnings = [*found.warnings]
    if taken != "test" and (test := sum(e.split == "test" for e in found.entries)):
        warnings.append(f"films for testing that were not taken: {test:,} (--split test)")
    trained = sum(entry.split == "train" for entry in entries)
    if taken == ALL and trained:
        warnings.append(f"films that the data keep for training are among them: {trained:,}")
    return Choice(
        found, entries, taken, words, tuple(training), kept, tuple(warnings), _limits(entries)
    )


def label_of(entry: Entry, found: Listing) -> str:
    """What a film is labelled, for people; ``""`` if nothing is known."""
    name = class_of(entry, found.names)
    return name or ("no finding" if found.findings and 0.0 in entry.values else "")


def _taken(
    found: Listing, split: str, training: Sequence[FilmSet | None]
) -> tuple[tuple[Entry, ...], str, str]:
    own = [films for films in training if films is not None]
    wanted = _best(found, own) if split == AUTO else split
    if wanted in ("validation", "train") and own:
        sets = [{f.path for f in films.films if f.split == wanted} for films in own]
        common = set.intersection(*sets)
        entries = tuple(e for e in found.entries if e.name in common)
        whose = "the bundle's training" if len(training) == 1 else "each bundle's training"
        if len(own) < len(training):
            whose = f"the training of {len(own)} of {len(training)} bundles"
        words = {
            "validation": f"the films that were held out in {whose}: these data give its split again, "
            "film by film. They chose its thresholds and calibration, so they flatter",
            "train": f"the films of {whose}: figures on them say nothing about others",
        }[wanted]
        if len(own) < len(training):
            words += "; whether the other bundles were trained on them is not known"
        return entries, wanted, words
    if wanted == ALL:
        why = "all films" if split == ALL else "all films, as the data keep none apart for this"
        return found.entries, ALL, why
    entries = tuple(e for e in found.entries if e.split == wanted)
    return entries, wanted, f"the data's own films for {_purpose(wanted)}"


def _best(found: Listing, own: Sequence[FilmSet]) -> str:
    """What ``auto`` takes."""
    there = {entry.split for entry in found.entries}
    if own:
        return "validation"
    if "test" in there:
        return "test"
    # A table's split is a decision; a folder val may hold a handful (Kermany's has 16).
    return "validation" if found.obeyed and "validation" in there else ALL


def _purpose(split: str) -> str:
    return {"train": "training", "test": "testing"}.get(split, split)


def _splits_hint(found: Listing) -> str:
    there = sorted({entry.split for entry in found.entries if entry.split})
    return f"The data have films for {', '.join(there)}." if there else "Use --split all."


def _limits(entries: Sequence[Entry]) -> tuple[str, ...]:
    bare = sum(not entry.keyed for entry in entries)
    if not bare:
        return ()
    some = "" if bare == len(entries) else f" of {bare:,} of {len(entries):,} films"
    return (
        f"the patients{some} are not known: each such film counts as a patient of its own, so "
        "intervals are too narrow if patients have several films",
    )


def _columns(root: Path, found: Listing, by: Sequence[str]) -> dict[str, dict[str, str]]:
    """By film name the columns that were asked for, in the capitals that were asked for."""
    if not by:
        return {}
    file = table(root)
    if file is None:
        raise UsageError(
            f"--by {by[0]}: {root} has no table with columns", "Subgroups need a CSV manifest."
        )
    header, rows = tables.columns(file)
    lowered = {name.lower(): name for name in header}
    if missing := [name for name in by if name.lower() not in lowered]:
        raise UsageError(
            f"--by {missing[0]}: {file.name} has no such column", f"It has {', '.join(header)}."
        )
    kept = {}
    for entry in found.entries:
        row = rows.get(entry.name) or rows.get(entry.name.rsplit("/", 1)[-1]) or {}
        kept[entry.name] = {name: row.get(lowered[name.lower()], "") for name in by}
    return kept


def _finer(found: Listing) -> Listing:
    """Sub-types of the Kermany set's films in folders that say NORMAL and PNEUMONIA only."""
    if found.findings or not {*found.names} <= {"NORMAL", "PNEUMONIA"}:
        return found
    told = [
        folders.kermany_label(entry.path.name, class_of(entry, found.names))
        if 1.0 in entry.values
        else None
        for entry in found.entries
    ]
    kinds = {one[0] for one in told if one}
    if not kinds <= {*LABELS} or kinds == {LABELS[0]}:
        return found
    entries = tuple(
        replace(entry, values=one_hot(LABELS.index(one[0]), len(LABELS)))
        if one
        else replace(entry, values=(None,) * len(LABELS))
        for entry, one in zip(found.entries, told, strict=True)
    )
    return replace(found, layout=KERMANY, names=LABELS, entries=entries)
