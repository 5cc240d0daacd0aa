"""One or several bundles on labelled films: everything that `evaluation.Evaluation` holds.

``evaluation_films`` chooses the films, ``evaluation_truth`` reads their labels in a bundle's terms,
``evaluation_work`` reads and predicts them and can be killed at any time, ``evaluation_figures`` and
its neighbours measure. ``evaluation_record`` writes what came of it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import __version__, images
from pneumoscope.bundle import open_bundle
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.evaluation import figures
from pneumoscope.evidence.evaluation import films as evaluation_films
from pneumoscope.evidence.evaluation import results as ev
from pneumoscope.evidence.evaluation import work as evaluation_work
from pneumoscope.evidence.evaluation.context import Context, Predicted
from pneumoscope.evidence.evaluation.sections import agreement_of, shortcuts_of, slow_sections
from pneumoscope.evidence.evaluation.truth import truth_of
from pneumoscope.evidence.statistics.intervals import FEWEST_PATIENTS
from pneumoscope.runtime import Classifier

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.data.check import Broken
    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.evaluation.films import Choice
    from pneumoscope.evidence.evaluation.work import Read

AGREEMENT = "agreement"
PACKAGES = ("numpy", "scipy", "scikit-learn", "opencv-python-headless", "onnxruntime", "pillow")


def evaluate(
    root: Path,
    bundles: Sequence[Path | None],
    context: Context,
    cache: Path | None = None,
) -> ev.Evaluation:
    """Evaluates bundles on the films of a folder or manifest.

    Args:
        root: Labelled films in any layout, see `evaluation_films.choose`.
        bundles: Model folders; None stands for the shipped one.
        context: What to measure, and where intermediate results are kept.
        cache: Folder for decoded films of the training; None for the user's.

    Raises:
        DataError: No such folder, no films, no labels, no film can be read, or no label says
            anything to a bundle.
        BundleError: A bundle cannot be used.
        UsageError: Settings out of range, or one bundle twice.
    """
    settings = context.settings
    figures.check_settings(settings)
    opened = [open_bundle(path) for path in bundles]
    if len({bundle.sha256 for bundle in opened}) < len(opened):
        raise UsageError("the same bundle was given twice", "Compare different bundles.")
    with context.clock("choosing films"):
        choice = evaluation_films.choose(
            root, opened, settings.split, settings.by, cache, context.progress
        )
    films, entries, predicted = _predictions(root, choice, opened, context)
    results = tuple(_bundle(one, films, context) for one in predicted)
    silences: dict[str, str] = {}
    pairs = _pairs(results, films, context, silences)
    shortcuts: tuple[Shortcuts, ...] = ()
    if ev.SHORTCUTS in settings.sections:
        with context.clock("shortcuts"):
            shortcuts = shortcuts_of(choice.listing, entries, predicted[0].classifier, context)
        if not shortcuts:
            silences[ev.SHORTCUTS] = "the films' labels tell no two groups apart"
    with context.clock("heatmaps"):
        agreement, why = agreement_of(predicted, context)
    if why:
        silences[AGREEMENT] = why
    _left_out(silences, (ev.PAIRS, ev.SHORTCUTS), settings)
    return ev.Evaluation(
        films,
        results,
        pairs,
        shortcuts,
        agreement,
        silences,
        settings,
        {step: round(seconds, 3) for step, seconds in context.seconds.items()},
        __version__,
        _packages(),
        datetime.now(UTC).isoformat(timespec="seconds"),
        {step: round(seconds, 3) for step, seconds in context.cpu_seconds.items()},
    )


def _pairs(
    results: Sequence[ev.BundleResult], films: ev.Films, context: Context, silences: dict[str, str]
) -> tuple[ev.Pair, ...]:
    if ev.PAIRS not in context.settings.sections:
        return ()
    patients = [film.patient for film in films.films]
    with context.clock("bootstrap"):
        pairs = figures.pair_results(results, patients, context.settings)
    if len(results) < 2:
        silences[ev.PAIRS] = "one bundle was evaluated: there is nothing to compare it with"
    elif not pairs:
        silences[ev.PAIRS] = "no two bundles answer a common question"
    return pairs


def _predictions(
    root: Path, choice: Choice, opened: Sequence[Bundle], context: Context
) -> tuple[ev.Films, list[Entry], list[Predicted]]:
    """Reads and predicts the films; only those that every bundle could read are kept."""
    entries, warnings = _answerable(choice, opened)
    threads, work = context.settings.threads, context.work
    read = {}
    with context.clock("reading films"):
        for side in sorted({bundle.meta.source_size for bundle in opened} | {images.SOURCE_SIZE}):
            read[side] = evaluation_work.read_films(
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
            p, bad, seconds = evaluation_work.predict_films(
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
    read: Read,
    warnings: Sequence[str],
    broken: dict[int, Broken],
) -> ev.Films:
    records = tuple(
        ev.EvaluatedFilm(
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
    return ev.Films(
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


def _bundle(one: Predicted, films: ev.Films, context: Context) -> ev.BundleResult:
    bundle, meta = one.classifier.bundle, one.classifier.bundle.meta
    settings = context.settings
    asked = figures.questions(one.p, one.truth, meta, one.patients, settings)
    targets = []
    measured = context.counting(f"measuring {one.title}")
    with context.clock("bootstrap"):
        for done, question in enumerate(asked, 1):
            targets.append(figures.target_result(question, films.films, one.p, meta, settings))
            measured(done, len(asked))
        classes = figures.class_result(one.p, one.truth, meta, one.patients, settings)
        findings = figures.findings_result(one.p, one.truth, meta, one.patients, settings)
    extra = slow_sections(one, asked, films, context)
    silences = dict(extra.silences)
    if classes is None or classes.conformal is None:
        silences[ev.CONFORMAL] = _no_classes(one)
    _left_out(silences, set(ev.SECTIONS) - {ev.PAIRS, ev.SHORTCUTS}, settings)
    return ev.BundleResult(
        one.title,
        bundle.path.name,
        bundle.sha256,
        meta,
        extra.overlap,
        one.p,
        tuple(targets),
        classes,
        findings,
        extra.robustness,
        extra.gallery,
        extra.anatomy,
        extra.anatomy_of,
        extra.sanity,
        silences,
        round(one.seconds[0], 3),
        tuple(_doubts(one, targets)),
        round(one.seconds[1], 3),
    )


def _no_classes(one: Predicted) -> str:
    if one.truth.classes is None:
        return "conformal sets are of classes, this bundle tells findings"
    if (one.truth.classes >= 0).any():
        return "the films whose class is known are of one class, or of one patient"
    return "the films' classes are not known in this bundle's terms"


def _doubts(one: Predicted, targets: Sequence[ev.TargetResult]) -> Iterator[str]:
    """What these films cannot tell of this bundle."""
    meta = one.classifier.bundle.meta
    for name, count in sorted(one.truth.unanswered.items()):
        yield f"films labelled {name}, which says nothing to this bundle, left out: {count:,}"
    asked = {target.name for target in targets}
    if meta.negative is None and (silent := [n for n in meta.labels if n not in asked]):
        yield f"findings that the films' labels do not tell: {', '.join(silent)}"
    for target in targets:
        if target.positives in (0, target.films):
            only = target.name if target.positives else target.negative
            yield (
                f"{target.name}: all films are {only}, so there is no ROC AUC, and no "
                f"{'specificity' if target.positives else 'sensitivity'}"
            )
    if one.truth.classes is not None:
        counts = Counter(one.truth.classes.tolist())
        if unknown := counts.pop(-1, 0):
            yield f"films whose label does not tell which class of this bundle: {unknown:,}"
        elif missing := [n for i, n in enumerate(meta.labels) if not counts.get(i)]:
            yield f"no film of class {', '.join(missing)}"


def _left_out(silences: dict[str, str], sections: Collection[str], settings: ev.Settings) -> None:
    for section in ev.SECTIONS:
        if section in sections and section not in settings.sections:
            silences[section] = "left out on request"


def _titles(opened: Sequence[Bundle]) -> list[str]:
    counts = Counter(bundle.title for bundle in opened)
    seen: Counter[str] = Counter()
    titles = []
    for bundle in opened:
        seen[bundle.title] += 1
        several = counts[bundle.title] > 1
        titles.append(f"{bundle.title} ({seen[bundle.title]})" if several else bundle.title)
    return titles


def _packages() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
