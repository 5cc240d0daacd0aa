"""The films that an evaluation takes, and what is known about them.

A bundle must not be judged by films that it was trained on. So its training films are searched first:
if the data reproduce the bundle's own split, film by film, the films that it has never seen are known.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumoscope.data import folders
from pneumoscope.data.layouts import columns_of
from pneumoscope.data.listing import KERMANY, LABELS, Listing, one_hot
from pneumoscope.data.sources import leave_out, left_out_by
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.audit.listing import class_of, open_films
from pneumoscope.evidence.evaluation.annotations import NO_ANNOTATIONS, Annotations
from pneumoscope.evidence.evaluation.demographics import facts_of
from pneumoscope.evidence.evaluation.run_films import TRAIN, RunFilms, run_films
from pneumoscope.evidence.evaluation.training_films import training_films

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.data import FilmSet
    from pneumoscope.data.listing import Entry

    Progress = Callable[[int, int, str], None]

SOURCE = "source"
AUTO, ALL = "auto", "all"
SPLITS = (AUTO, "validation", "test", "train", ALL)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The films to evaluate, not yet read.

    Attributes:
        listing: All films of the data, with the finest labels that are known.
        entries: Those to evaluate.
        split: What was taken: one of `SPLITS` except ``"auto"``.
        words: Why, a sentence.
        training: One per bundle: its training and validation films if the data reproduce its split,
            else None.
        columns: The requested columns of the data's table, by film name.
        warnings: What is doubtful, in sentences.
        limits: The limitations of the films, in sentences.
        runs: One per bundle: the films of its run, if the bundle is in its run folder, else None.
        facts: Age, sex and view of films, by film name, as far as the data's table gives them.
        left_out: Reason to the number of films of the data that were not chosen.
    """

    listing: Listing
    entries: tuple[Entry, ...]
    split: str
    words: str
    training: tuple[FilmSet | None, ...]
    columns: dict[str, dict[str, str]]
    warnings: tuple[str, ...]
    limits: tuple[str, ...]
    runs: tuple[RunFilms | None, ...]
    facts: dict[str, dict[str, str]]
    left_out: dict[str, int]


def choose(
    root: Path,
    bundles: Sequence[Bundle],
    split: str = AUTO,
    by: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress = lambda _done, _total, _text: None,
    annotations: Annotations = NO_ANNOTATIONS,
) -> Choice:
    """Finds the films and takes a split of them.

    Args:
        root: Data folder or manifest in any layout, see `audit.listing.open_films`.
        bundles: Whose training films must be identified.
        split: One of `SPLITS`. ``"auto"``: the films held out when the bundles were trained, if the
            data reproduce that split; else the data's films for testing, if there are some; else
            those that a table keeps for validation; else all.
        by: Columns of the data's table to keep.
        cache: Folder for decoded films; None for the user's.
        progress: Called with (films done, films in all, step).
        annotations: Masks and boxes beside the films.

    Raises:
        DataError: No such folder, no films, no label, no film is left in the split, or the annotations
            are of other films.
        UsageError: The split or a column is unknown.
    """
    if split not in SPLITS:
        raise UsageError(f"split {split!r} is unknown", f"One of {', '.join(SPLITS)}.")
    listing, limits = _labelled(root)
    listing = annotations.added_to(listing)
    columns = _columns(root, listing, by)
    training: Sequence[FilmSet | None] = [None] * len(bundles)
    if not limits:  # training could use the folder
        training = _training(root, listing, bundles, cache, progress)
    listing = _with_subtypes(_left_out(listing, bundles, split))
    entries, taken, words = _taken(listing, split, training)
    if not entries:
        raise DataError(f"{root}: no film for {taken}", _splits_hint(listing))
    left_out = _splits_left_out(listing, entries)
    runs = tuple(run_films(bundle) for bundle in bundles)
    if split == AUTO:
        entries, words, trained = _unseen(root, entries, words, runs)
        left_out |= {"training films of the run": trained} if trained else {}
    return Choice(
        listing=listing,
        entries=entries,
        split=taken,
        words=words,
        training=tuple(training),
        columns=columns,
        warnings=tuple(_warnings(listing, entries, taken)),
        limits=_limits(entries),
        runs=runs,
        facts=facts_of(root),
        left_out=left_out,
    )


def _labelled(root: Path) -> tuple[Listing, tuple[str, ...]]:
    """The films of the data and their limitations.

    Raises:
        DataError: No film has a label.
    """
    listing, limits = open_films(root)
    if not any(1.0 in entry.values or 0.0 in entry.values for entry in listing.entries):
        raise DataError(
            f"{root}: no film has a label, so nothing can be measured",
            "Give a folder per class, or a CSV manifest; `pneumoscope predict` reads films without "
            "labels.",
        )
    return listing, limits


def _splits_left_out(listing: Listing, entries: Sequence[Entry]) -> dict[str, int]:
    """Films of the data that are not among those chosen, by their split."""
    chosen = {entry.name for entry in entries}
    splits = Counter(e.split or "" for e in listing.entries if e.name not in chosen)
    return {
        f"for {_purpose(name)}" if name else "of no split": number
        for name, number in sorted(splits.items())
    }


def _unseen(
    root: Path, entries: tuple[Entry, ...], words: str, runs: Sequence[RunFilms | None]
) -> tuple[tuple[Entry, ...], str, int]:
    """The films that no run was trained on, why these films, and how many were left out.

    Raises:
        DataError: All films are training films.
    """
    trained = {
        path
        for run in runs
        if run is not None
        for path, split in run.splits.items()
        if split == TRAIN
    }
    kept = tuple(e for e in entries if not trained or e.path.resolve() not in trained)
    number = len(entries) - len(kept)
    if not kept:
        raise DataError(
            f"{root}: all films ({number:,}) are training films of the run",
            "Evaluate on other films; --split all takes them nevertheless.",
        )
    if number:
        words += f"; without {counted(number, 'training film')} of the run"
    return kept, words, number


def _training(
    root: Path, listing: Listing, bundles: Sequence[Bundle], cache: Path | None, progress: Progress
) -> list[FilmSet | None]:
    """Each bundle's training and validation films; bundles of the same training share them."""
    sets: dict[str, FilmSet | None] = {}
    training = []
    for bundle in bundles:
        key = f"{bundle.meta.data.get('manifest_sha256')} {bundle.meta.task}"
        if key not in sets:
            sets[key] = training_films(root, listing, bundle.meta, cache, progress)
        training.append(sets[key])
    return training


def _left_out(listing: Listing, bundles: Sequence[Bundle], split: str) -> Listing:
    """The listing whose films for testing are those of the sources that all bundles' trainings left out."""
    splits = {str(bundle.meta.recipe.get("split", "")) for bundle in bundles}
    if split not in (AUTO, "test") or len(splits) != 1:
        return listing
    left_out = {*left_out_by(*splits)}
    known = {entry.source for entry in listing.entries if entry.split != "test"}
    return leave_out(listing, *splits) if left_out <= known else listing


def label_of(entry: Entry, listing: Listing) -> str:
    """The label of a film as text; ``""`` if it is not known."""
    name = class_of(entry, listing.names)
    return name or ("no finding" if listing.findings and 0.0 in entry.values else "")


def _warnings(listing: Listing, entries: Sequence[Entry], taken: str) -> list[str]:
    warnings = [*listing.warnings]
    if taken != "test" and (test := sum(e.split == "test" for e in listing.entries)):
        warnings.append(f"films for testing that were not taken: {test:,} (--split test)")
    trained = sum(entry.split == "train" for entry in entries)
    if taken == ALL and trained:
        warnings.append(f"films that the data keep for training are among them: {trained:,}")
    return warnings


def _taken(
    listing: Listing, split: str, training: Sequence[FilmSet | None]
) -> tuple[tuple[Entry, ...], str, str]:
    """Films, split, and why these films."""
    known = [films for films in training if films is not None]
    wanted = _best(listing, known) if split == AUTO else split
    if wanted in ("validation", "train") and known:
        sets = [{f.path for f in films.films if f.split == wanted} for films in known]
        common = set.intersection(*sets)
        entries = tuple(e for e in listing.entries if e.name in common)
        whose = "the bundle's training" if len(training) == 1 else "each bundle's training"
        if len(known) < len(training):
            whose = f"the training of {len(known)} of {len(training)} bundles"
        words = {
            "validation": f"the films that were held out in {whose}: these data reproduce its split, film "
            "by film. They were used to choose thresholds and calibration, so figures on them are optimistic",
            "train": f"the films of {whose}: figures on them say nothing about other films",
        }[wanted]
        if len(known) < len(training):
            words += "; whether the other bundles were trained on them is not known"
        return entries, wanted, words
    if wanted == ALL:
        why = "all films" if split == ALL else "all films, since the data reserve none for this"
        return listing.entries, ALL, why
    entries = tuple(e for e in listing.entries if e.split == wanted)
    return entries, wanted, f"the data's own films for {_purpose(wanted)}"


def _best(listing: Listing, training: Sequence[FilmSet]) -> str:
    """The split that ``auto`` takes."""
    splits = {entry.split for entry in listing.entries}
    if training:
        return "validation"
    if "test" in splits:
        return "test"
    # A table's split is deliberate; a folder val may contain a handful (Kermany's has 16).
    return "validation" if listing.obeyed and "validation" in splits else ALL


def _purpose(split: str) -> str:
    return {"train": "training", "test": "testing"}.get(split, split)


def _splits_hint(listing: Listing) -> str:
    splits = sorted({entry.split for entry in listing.entries if entry.split})
    return f"The data have films for {', '.join(splits)}." if splits else "Use --split all."


def _limits(entries: Sequence[Entry]) -> tuple[str, ...]:
    bare = sum(not entry.keyed for entry in entries)
    if not bare:
        return ()
    some = "" if bare == len(entries) else f" of {bare:,} of {len(entries):,} films"
    return (
        f"the patients{some} are not known: each such film counts as a separate patient, so "
        "intervals are too narrow if patients have several films",
    )


def _columns(root: Path, listing: Listing, by: Sequence[str]) -> dict[str, dict[str, str]]:
    """The requested columns by film name, with the names as they were requested.

    ``source`` is known of films without a table, too, see `data.find`.
    """
    if not by:
        return {}
    files, header, rows = columns_of(root)
    lowered = {name.lower(): name for name in header}
    known = {*lowered, SOURCE} if any(entry.source for entry in listing.entries) else {*lowered}
    if missing := [name for name in by if name.lower() not in known]:
        if not files:
            raise UsageError(
                f"--by {missing[0]}: {root} has no table with columns",
                "Subgroups need a CSV manifest.",
            )
        raise UsageError(
            f"--by {missing[0]}: {files[0].name} has no such column", f"It has {', '.join(header)}."
        )
    columns = {}
    for entry in listing.entries:
        row = rows.get(entry.name) or rows.get(entry.name.rsplit("/", 1)[-1]) or {}
        columns[entry.name] = {
            name: row.get(lowered[name.lower()], "") if name.lower() in lowered else entry.source
            for name in by
        }
    return columns


def _with_subtypes(listing: Listing) -> Listing:
    """Sub-types from the Kermany set's file names, in folders that say NORMAL and PNEUMONIA only."""
    if listing.findings or not {*listing.names} <= {"NORMAL", "PNEUMONIA"}:
        return listing
    labels = [
        folders.kermany_label(entry.path.name, class_of(entry, listing.names))[0]
        if 1.0 in entry.values
        else None
        for entry in listing.entries
    ]
    kinds = {label for label in labels if label}
    if not kinds <= {*LABELS} or kinds == {LABELS[0]}:
        return listing
    entries = tuple(
        replace(
            entry,
            values=one_hot(LABELS.index(label), len(LABELS)) if label else (None,) * len(LABELS),
        )
        for entry, label in zip(listing.entries, labels, strict=True)
    )
    return replace(listing, layout=KERMANY, names=LABELS, entries=entries)
