"""Reads and predicts the films of an evaluation."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.errors import DataError
from pneumoscope.evidence.evaluation import film_predictions, film_reading
from pneumoscope.evidence.evaluation import films as evaluation_films
from pneumoscope.evidence.evaluation.context import Context, Predicted
from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm, Films
from pneumoscope.evidence.evaluation.truth import truth_of
from pneumoscope.evidence.statistics.intervals import FEWEST_PATIENTS
from pneumoscope.runtime import Classifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.data.check import Broken
    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.evaluation.film_reading import DecodedFilms
    from pneumoscope.evidence.evaluation.films import Choice


def predictions(
    root: Path, choice: Choice, opened: Sequence[Bundle], context: Context
) -> tuple[Films, list[Entry], list[Predicted]]:
    """Reads and predicts the films; only those that every bundle could read are kept."""
    entries, warnings = _answerable(choice, opened)
    threads, work = context.settings.threads, context.work
    read = {}
    with context.clock("reading films"):
        for side in sorted({bundle.meta.source_size for bundle in opened} | {images.SOURCE_SIZE}):
            read[side] = film_reading.read_films(
                entries, side, work, threads, context.counting("reading films")
            )
    broken: dict[int, Broken] = {}
    for one in read.values():
        broken |= one.broken
    files = read[images.SOURCE_SIZE].files
    found = []
    for title, bundle in zip(_titles(opened), opened, strict=True):
        what = f"predicting with {title}"
        classifier = Classifier(bundle, threads=threads)
        with context.clock(what):
            p, bad, seconds = film_predictions.predict_films(
                entries, files, classifier, work, context.counting(what)
            )
        broken = bad | broken
        wall, cpu = (1000 * seconds / len(entries)).tolist()
        found.append((title, classifier, p, (wall, cpu)))
    kept = [i for i in range(len(entries)) if i not in broken]
    if not kept:
        first = next(iter(broken.values()))
        raise DataError(f"{root}: no film can be read ({first.message})", first.hint)
    own = [entries[i] for i in kept]
    read = {side: one.of(kept) for side, one in read.items()}
    films = _films(root, choice, own, read[images.SOURCE_SIZE], warnings, broken)
    patients = tuple(entry.patient for entry in own)
    predicted = []
    for (title, classifier, p, spent), training in zip(found, choice.training, strict=True):
        source = read[classifier.bundle.meta.source_size]
        truth = truth_of(own, choice.listing, classifier.bundle)
        predicted.append(
            Predicted(
                title, classifier, truth, p[kept], source.pixels, source.hashes, patients,
                training, spent,
            )
        )  # fmt: skip
    return films, own, predicted


def _answerable(choice: Choice, opened: Sequence[Bundle]) -> tuple[list[Entry], list[str]]:
    """The films whose label says something to at least one bundle."""
    said = np.zeros(len(choice.entries), bool)
    for bundle in opened:
        truth = truth_of(choice.entries, choice.listing, bundle)
        said |= ~np.isnan(truth.targets).all(axis=1)
    missing = int((~said).sum())
    warnings = [f"films whose label says nothing to any bundle, left out: {missing:,}"]
    entries = [entry for entry, known in zip(choice.entries, said, strict=True) if known]
    return entries, warnings if missing else []


def _films(
    root: Path,
    choice: Choice,
    entries: Sequence[Entry],
    read: DecodedFilms,
    warnings: Sequence[str],
    broken: dict[int, Broken],
) -> Films:
    records = tuple(
        EvaluatedFilm(
            entry.name,
            evaluation_films.label_of(entry, choice.listing),
            entry.patient,
            entry.keyed,
            split,
            file,
            digest,
            choice.columns.get(entry.name, {}),
        )
        for entry, split, file, digest in zip(
            entries, _splits(entries, choice), read.files, read.hashes, strict=True
        )
    )
    patients = len({film.patient for film in records})
    twins = len(read.hashes) - len(set(read.hashes))
    said = [*choice.warnings, *warnings]
    if twins:
        said.append(f"films that are exact copies of others among them: {twins:,}")
    limits = [*choice.limits]
    if patients < FEWEST_PATIENTS:
        limits.append(
            f"{patients} patients are too few for intervals, {FEWEST_PATIENTS} are needed"
        )
    if broken:
        limits.append(f"films that cannot be read count nowhere: {len(broken):,}")
    listed = json.dumps([(film.path, film.file_sha256) for film in records])
    return Films(
        root.resolve().name,
        choice.listing.source,
        choice.listing.layout,
        choice.split,
        choice.words,
        records,
        read.pixels,
        patients,
        sum(film.keyed for film in records),
        tuple(broken[i] for i in sorted(broken)),
        tuple(said),
        tuple(limits),
        hashlib.sha256(listed.encode()).hexdigest(),
    )


def _splits(entries: Sequence[Entry], choice: Choice) -> list[str]:
    """Where each film stands; the split of a bundle's training goes before that of the data."""
    if choice.split != evaluation_films.ALL:
        return [choice.split] * len(entries)
    own = next((films for films in choice.training if films is not None), None)
    held = {film.path: film.split for film in own.films} if own else {}
    return [held.get(entry.name) or entry.split or "" for entry in entries]


def _titles(opened: Sequence[Bundle]) -> list[str]:
    counts = Counter(bundle.title for bundle in opened)
    seen: Counter[str] = Counter()
    titles = []
    for bundle in opened:
        seen[bundle.title] += 1
        several = counts[bundle.title] > 1
        titles.append(f"{bundle.title} ({seen[bundle.title]})" if several else bundle.title)
    return titles
