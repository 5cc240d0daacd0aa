"""Reads and predicts the films of an evaluation."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.decision.decide import decide
from pneumoscope.errors import DataError
from pneumoscope.evidence.evaluation.context import Context, Predicted
from pneumoscope.evidence.evaluation.demographics import demographics
from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm, Films
from pneumoscope.evidence.evaluation.film_predictions import FilmPredictions, predict_films
from pneumoscope.evidence.evaluation.film_reading import read_films
from pneumoscope.evidence.evaluation.films import ALL, label_of
from pneumoscope.evidence.evaluation.outcomes import Outcomes
from pneumoscope.evidence.evaluation.truth import truth_of
from pneumoscope.evidence.statistics.intervals import FEWEST_PATIENTS
from pneumoscope.records import ANTIALIAS
from pneumoscope.runtime import Classifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.data.check import Broken
    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.evaluation.film_reading import DecodedFilms
    from pneumoscope.evidence.evaluation.films import Choice


_FOR_ALL = (images.SOURCE_SIZE, ANTIALIAS)
"""The form of the films that does not depend on a bundle."""


@dataclass(frozen=True, slots=True, eq=False)
class _BundlePredictions:
    title: str
    classifier: Classifier
    predictions: FilmPredictions


def predictions(
    root: Path, choice: Choice, bundles: Sequence[Bundle], context: Context
) -> tuple[Films, list[Entry], list[Predicted]]:
    """Reads and predicts the films; only films that every bundle can read are kept.

    Args:
        root: Where the films come from, for messages.
        choice: The films.
        bundles: That predict them.
        context: Settings, intermediate results, progress.

    Raises:
        DataError: No film can be read.
    """
    entries, warnings = _answerable(choice, bundles)
    decoded = _decoded(entries, bundles, context)
    files = decoded[_FOR_ALL].files
    results = [
        _predictions_of(title, bundle, entries, files, context)
        for title, bundle in zip(_titles(bundles), bundles, strict=True)
    ]
    broken: dict[int, Broken] = {}
    for failures in (
        *(part.broken for part in decoded.values()),
        *(result.predictions.broken for result in results),
    ):
        broken = failures | broken
    rows = [i for i in range(len(entries)) if i not in broken]
    if not rows:
        first = next(iter(broken.values()))
        raise DataError(f"{root}: no film can be read ({first.message})", first.hint)
    kept = [entries[i] for i in rows]
    decoded = {form: films.of(rows) for form, films in decoded.items()}
    films = _films(root, choice, kept, decoded[_FOR_ALL], warnings, broken)
    predicted = []
    for result, training, run in zip(results, choice.training, choice.runs, strict=True):
        meta = result.classifier.bundle.meta
        wall, cpu = (1000 * result.predictions.seconds / len(entries)).tolist()
        predicted.append(
            Predicted(
                title=result.title,
                classifier=result.classifier,
                truth=truth_of(kept, choice.listing, result.classifier.bundle),
                p=result.predictions.p[rows],
                outcomes=_outcomes(result, rows),
                pixels=decoded[meta.source_size, meta.resize].pixels,
                hashes=decoded[meta.source_size, meta.resize].hashes,
                patients=tuple(entry.patient for entry in kept),
                training=training,
                run=run,
                seconds=(wall, cpu),
            )
        )
    return films, kept, predicted


def _decoded(
    entries: Sequence[Entry], bundles: Sequence[Bundle], context: Context
) -> dict[tuple[int, str], DecodedFilms]:
    """The films at every side in pixels, and resized in every way, that is needed."""
    forms = {(bundle.meta.source_size, bundle.meta.resize) for bundle in bundles} | {_FOR_ALL}
    with context.clock("reading films"):
        count, threads = context.counting("reading films"), context.settings.threads
        return {
            (side, resize): read_films(entries, side, context.work, threads, count, resize)
            for side, resize in sorted(forms)
        }


def _predictions_of(
    title: str, bundle: Bundle, entries: Sequence[Entry], files: Sequence[str], context: Context
) -> _BundlePredictions:
    step = f"predicting with {title}"
    classifier = Classifier(bundle, threads=context.settings.threads)
    with context.clock(step):
        predicted = predict_films(entries, files, classifier, context.work, context.counting(step))
    return _BundlePredictions(title, classifier, predicted)


def _outcomes(result: _BundlePredictions, rows: Sequence[int]) -> Outcomes:
    rules = result.classifier.rules
    scores = (result.predictions.scores[i] for i in rows)
    return Outcomes.of([decide(film, rules) for film in scores if film is not None], rules)


def _answerable(choice: Choice, bundles: Sequence[Bundle]) -> tuple[list[Entry], list[str]]:
    """The films whose label means something to at least one bundle, and a warning about others."""
    known = np.zeros(len(choice.entries), bool)
    for bundle in bundles:
        truth = truth_of(choice.entries, choice.listing, bundle)
        known |= ~np.isnan(truth.targets).all(axis=1)
    missing = int((~known).sum())
    warnings = [f"films whose label says nothing to any bundle, left out: {missing:,}"]
    entries = [entry for entry, is_known in zip(choice.entries, known, strict=True) if is_known]
    return entries, warnings if missing else []


def _films(
    root: Path,
    choice: Choice,
    entries: Sequence[Entry],
    decoded: DecodedFilms,
    warnings: Sequence[str],
    broken: dict[int, Broken],
) -> Films:
    films = tuple(
        EvaluatedFilm(
            path=entry.name,
            label=label_of(entry, choice.listing),
            patient=entry.patient,
            keyed=entry.keyed,
            split=split,
            file_sha256=file,
            pixels_sha256=digest,
            columns=choice.columns.get(entry.name, {}),
            source=entry.source,
            mask=entry.mask,
            boxes=entry.boxes,
            facts=choice.facts.get(entry.name, {}),
        )
        for entry, split, file, digest in zip(
            entries, _splits(entries, choice), decoded.files, decoded.hashes, strict=True
        )
    )
    patients = len({film.patient for film in films})
    warnings = [*choice.warnings, *warnings]
    if twins := len(decoded.hashes) - len(set(decoded.hashes)):
        warnings.append(f"films that are exact copies of others among them: {twins:,}")
    limits = [*choice.limits]
    if patients < FEWEST_PATIENTS:
        limits.append(
            "all films are of one patient"
            if patients == 1
            else f"{patients} patients are too few for intervals, {FEWEST_PATIENTS} are needed"
        )
    if broken:
        limits.append(f"films that cannot be read are not included in any figure: {len(broken):,}")
    listed = json.dumps([(film.path, film.file_sha256) for film in films])
    return Films(
        name=root.resolve().name,
        source=choice.listing.source,
        layout=choice.listing.layout,
        split=choice.split,
        chosen=choice.words,
        films=films,
        pixels=decoded.pixels,
        patients=patients,
        keyed=sum(film.keyed for film in films),
        broken=tuple(broken[i] for i in sorted(broken)),
        warnings=tuple(warnings),
        limits=tuple(limits),
        sha256=hashlib.sha256(listed.encode()).hexdigest(),
        left_out=_left_out(choice, len(entries), broken),
        demographics=demographics(films),
    )


def _left_out(choice: Choice, read: int, broken: dict[int, Broken]) -> dict[str, int]:
    """Why films of the data are not among those that were read, with their numbers."""
    unanswered = len(choice.entries) - read - len(broken)
    reasons = dict(choice.left_out)
    if unanswered:
        reasons["label says nothing to any bundle"] = unanswered
    for code, number in Counter(film.code for film in broken.values()).most_common():
        reasons[f"could not be read: {code}"] = number
    return reasons


def _splits(entries: Sequence[Entry], choice: Choice) -> list[str]:
    """The split of each film; that of a bundle's training takes precedence over that of the data."""
    if choice.split != ALL:
        return [choice.split] * len(entries)
    training = next((films for films in choice.training if films is not None), None)
    splits = {film.path: film.split for film in training.films} if training else {}
    return [splits.get(entry.name) or entry.split or "" for entry in entries]


def _titles(bundles: Sequence[Bundle]) -> list[str]:
    """The titles of the bundles, numbered where two are equal."""
    counts = Counter(bundle.title for bundle in bundles)
    seen: Counter[str] = Counter()
    titles = []
    for bundle in bundles:
        seen[bundle.title] += 1
        several = counts[bundle.title] > 1
        titles.append(f"{bundle.title} ({seen[bundle.title]})" if several else bundle.title)
    return titles
