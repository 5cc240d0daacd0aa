"""The slower sections of an evaluation: each says why it is missing if it cannot be measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pneumoscope.errors import MissingExtra, UsageError
from pneumoscope.evidence.audit import films as audit_films
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.near_duplicates import copies, united
from pneumoscope.evidence.audit.shortcut_measurement import STEPS, measure
from pneumoscope.evidence.evaluation import (
    anatomy,
    film_predictions,
    heatmap_sanity,
)
from pneumoscope.evidence.evaluation.evaluated_films import Films, TrainingOverlap
from pneumoscope.evidence.evaluation.gallery import Trained, gallery, unit_length
from pneumoscope.evidence.evaluation.heatmap_deletion import perturbation
from pneumoscope.evidence.evaluation.robustness import robustness
from pneumoscope.evidence.evaluation.section_results import Gallery, Robustness, Sanity
from pneumoscope.evidence.evaluation.settings import ANATOMY, GALLERY, ROBUSTNESS, SANITY
from pneumoscope.evidence.evaluation.views import LabelledFilms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.data.listing import Entry, Listing
    from pneumoscope.data.stress import Perturbation
    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.evaluation.context import Context, Predicted
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.runtime import Classifier

MOST_ANATOMY, MOST_RANDOMISED, MOST_PERTURBED = 500, 100, 150
"""Films that the slow sections draw: more hardly narrow their intervals (see their docstrings)."""
ONE_CLASS = "all films are of one class"


@dataclass(slots=True)
class Extra:
    """What the slower sections found of one bundle; attributes as in `evaluation.BundleResult`."""

    overlap: TrainingOverlap
    robustness: Robustness | None = None
    gallery: Gallery | None = None
    anatomy: anatomy.Anatomy | None = None
    anatomy_of: str = ""
    sanity: Sanity | None = None
    silences: dict[str, str] = field(default_factory=dict)


def slow_sections(
    one: Predicted, asked: Sequence[Question], films: Films, context: Context
) -> Extra:
    """Everything of one bundle that needs more than its predictions."""
    found = Extra(overlap_of(one, films))
    sections, clock = context.settings.sections, context.clock
    if GALLERY in sections:
        with clock("gallery"):
            found.gallery = _gallery(one, asked, films, context)
    if ROBUSTNESS in sections:
        with clock("robustness"):
            found.robustness = _robustness(one, asked, context)
        if found.robustness is None:
            found.silences[ROBUSTNESS] = "no finding has films with and without it"
    if ANATOMY in sections:
        with clock("anatomy"):
            _anatomy(found, one, asked, context)
    if SANITY in sections:
        with clock("heatmaps"):
            _sanity(found, one, context)
    return found


def overlap_of(one: Predicted, films: Films) -> TrainingOverlap:
    """Whether the films can have been training films of a bundle."""
    training = one.training
    if training is None:
        same = films.source == one.classifier.bundle.meta.data.get("source")
        words = (
            "these data do not give the bundle's training split again, so whether any film was a "
            "training film, or is of a training patient, is not known: if so, figures are too good"
        )
        if same:
            words = (
                "the films come from the set that the bundle was trained on, but its split cannot be "
                "made again from them: some may have been training films"
            )
        return TrainingOverlap(False, None, None, words)
    rows = training.rows("train")
    hashes = {training.films[int(i)].sha256 for i in rows}
    keys = {training.films[int(i)].patient for i in rows}
    twins = sum(film.pixels_sha256 in hashes for film in films.films)
    patients = sum(film.keyed and film.patient in keys for film in films.films)
    if twins or patients:
        words = (
            f"{twins:,} of {len(films.films):,} films have the pixels of a training film, {patients:,} "
            "are of a training patient: figures are too good"
        )
    else:
        words = "no film has the pixels of a training film, and none is of a training patient"
    return TrainingOverlap(True, twins, patients, words)


def shortcuts_of(
    listing: Listing,
    entries: Sequence[Entry],
    classifier: Classifier,
    context: Context,
) -> tuple[Shortcuts, ...]:
    """What the labels of the films can be told from without anatomy."""
    found = replace(listing, entries=tuple(entries))
    pairs, _ = contrasts(found)
    if not pairs:
        return ()
    read = audit_films.read_all(found.entries, classifier, context.counting("reading headers"))
    own = [found.entries[int(row)] for row in read.rows]
    same = copies(read.hashes, read.thumbs, lambda i: audit_films.film_of(own[i].path))
    patients = [entry.patient for entry in own]
    groups = united(patients, same)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        context.progress(done, STEPS * len(pairs), "shortcuts")

    return tuple(measure(pair, read, patients, groups, step) for pair in pairs)


def agreement_of(
    predicted: Sequence[Predicted], context: Context
) -> tuple[heatmap_sanity.Agreement | None, str]:
    """Whether heatmaps of several bundles agree, or why that is not known."""
    seed = context.settings.seed
    if SANITY not in context.settings.sections:
        return None, "left out on request"
    if len(predicted) < 2:
        return None, "one bundle was evaluated: there are no other seeds to agree with"
    metas = [one.classifier.bundle.meta for one in predicted]
    if len({(meta.labels, meta.source_size) for meta in metas}) > 1:
        return None, "the bundles have different labels"
    found = heatmap_sanity.agreement(
        [one.classifier for one in predicted],
        _labelled(predicted[0]).some(MOST_PERTURBED, seed),
        names=[one.title for one in predicted],
        seed=seed,
    )
    return found, ""


def _gallery(one: Predicted, asked: Sequence[Question], films: Films, context: Context) -> Gallery:
    trained = None
    if one.training is not None:
        rows = one.training.rows("train")
        vectors = film_predictions.embed(
            one.training.pixels[rows],
            [one.training.films[int(i)].sha256 for i in rows],
            one.classifier,
            context.work,
            context.counting(f"training films of {one.title}"),
        )
        trained = Trained(one.training, rows, unit_length(vectors))
    return gallery(asked, films.films, one.pixels, one.classifier, trained)


def _robustness(one: Predicted, asked: Sequence[Question], context: Context) -> Robustness | None:
    def perturbed(name: str, change: Perturbation | None) -> Array:
        perturb = (name, change) if change is not None else None
        return film_predictions.predict_pixels(
            one.pixels, one.hashes, one.classifier, context.work, perturb
        )

    return robustness(
        asked,
        one.classifier.bundle.meta,
        one.patients,
        perturbed,
        context.settings,
        context.counting(f"perturbing for {one.title}"),
    )


def _anatomy(found: Extra, one: Predicted, asked: Sequence[Question], context: Context) -> None:
    both = [q for q in asked if q.positive.any() and not q.positive.all()]
    if not both:
        found.silences[ANATOMY] = ONE_CLASS
        return
    seed = context.settings.seed
    chosen = max(both, key=lambda q: int(q.positive.sum()))
    several = one.classifier.bundle.meta.negative is None
    found.anatomy_of = chosen.name
    found.anatomy = anatomy.measure(
        one.classifier,
        _labelled(one).some(MOST_ANATOMY, seed),
        finding=chosen.name if several else None,
        seed=seed,
        step=context.counting(f"lungs for {one.title}"),
    )


def _sanity(found: Extra, one: Predicted, context: Context) -> None:
    seed, labelled = context.settings.seed, _labelled(one)
    randomised = perturbed = None
    missing = []
    try:
        randomised = heatmap_sanity.randomisation(
            one.classifier,
            labelled.some(MOST_RANDOMISED, seed),
            seed=seed,
            step=context.counting(f"random weights of {one.title}"),
        )
    except (MissingExtra, UsageError) as error:
        missing.append(f"randomised weights: {error}")
    try:
        perturbed = perturbation(
            one.classifier,
            labelled.some(MOST_PERTURBED, seed),
            seed=seed,
            step=context.counting(f"deletion for {one.title}"),
        )
    except UsageError as error:
        missing.append(f"deletion and insertion: {error}")
    if missing:
        found.silences[SANITY] = "; ".join(missing)
    if randomised or perturbed:
        found.sanity = Sanity(randomised, perturbed)


def _labelled(one: Predicted) -> LabelledFilms:
    return LabelledFilms(one.pixels, one.targets, one.patients)
