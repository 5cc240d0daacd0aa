"""The slower sections of an evaluation; a section that cannot be measured gives the reason."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pneumoscope.errors import MissingExtra, UsageError
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.films import read_all
from pneumoscope.evidence.audit.near_duplicates import copies_among, united
from pneumoscope.evidence.audit.shortcut_measurement import STEPS, measure
from pneumoscope.evidence.evaluation import anatomy, film_predictions, heatmap_sanity
from pneumoscope.evidence.evaluation.gallery import TrainingFilms, gallery, unit_length
from pneumoscope.evidence.evaluation.heatmap_deletion import perturbation
from pneumoscope.evidence.evaluation.localisation import NOTHING_DRAWN, localisation
from pneumoscope.evidence.evaluation.overlap import overlap_of
from pneumoscope.evidence.evaluation.robustness import robustness
from pneumoscope.evidence.evaluation.section_results import Gallery, Robustness, Sanity
from pneumoscope.evidence.evaluation.settings import (
    ANATOMY,
    GALLERY,
    LOCALISATION,
    ROBUSTNESS,
    SANITY,
)
from pneumoscope.evidence.evaluation.views import LabelledFilms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.data.listing import Entry, Listing
    from pneumoscope.data.stress import Perturbation
    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.evaluation.context import Context, Predicted
    from pneumoscope.evidence.evaluation.evaluated_films import Films, TrainingOverlap
    from pneumoscope.evidence.evaluation.localisation_results import Localisation
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.runtime import Classifier

MOST_ANATOMY, MOST_RANDOMISED, MOST_PERTURBED = 500, 100, 150
"""Films that the slow sections sample: more would hardly narrow their intervals."""
ONE_CLASS = "all films are of one class"
NO_HEATMAPS = "the model gives no heatmaps"


@dataclass(slots=True)
class SlowSections:
    """Results of the slower sections for one bundle; attributes as in `results.BundleResult`."""

    overlap: TrainingOverlap
    robustness: Robustness | None = None
    gallery: Gallery | None = None
    anatomy: anatomy.Anatomy | None = None
    anatomy_of: str = ""
    localisation: Localisation | None = None
    sanity: Sanity | None = None
    silences: dict[str, str] = field(default_factory=dict)


def slow_sections(
    predicted: Predicted, questions: Sequence[Question], films: Films, context: Context
) -> SlowSections:
    """Everything about one bundle that needs more than its predictions.

    Args:
        predicted: The bundle.
        questions: Questions of the bundle.
        films: The evaluated films.
        context: Settings, intermediate results, progress.
    """
    results = SlowSections(overlap=overlap_of(predicted, films))
    sections, clock = context.settings.sections, context.clock
    if GALLERY in sections:
        with clock("gallery"):
            results.gallery = _gallery(predicted, questions, films, context)
    if ROBUSTNESS in sections:
        with clock("robustness"):
            results.robustness = _robustness(predicted, questions, context)
        if results.robustness is None:
            results.silences[ROBUSTNESS] = "no finding has films with and without it"
    if ANATOMY in sections:
        with clock("anatomy"):
            _anatomy(results, predicted, questions, context)
    with_heat = predicted.classifier.bundle.meta.heatmaps
    if not with_heat:
        results.silences |= dict.fromkeys({LOCALISATION, SANITY} & set(sections), NO_HEATMAPS)
    if LOCALISATION in sections and with_heat:
        with clock("localisation"):
            results.localisation = localisation(predicted, questions, films.films, context)
        if results.localisation is None:
            results.silences[LOCALISATION] = NOTHING_DRAWN
    if SANITY in sections and with_heat:
        with clock("heatmaps"):
            _sanity(results, predicted, context)
    return results


def shortcuts_of(
    listing: Listing, entries: Sequence[Entry], classifier: Classifier, context: Context
) -> tuple[Shortcuts, ...]:
    """How well the labels of the films can be predicted without anatomy.

    Args:
        listing: The data set.
        entries: The evaluated films.
        classifier: Gives embeddings.
        context: Progress.
    """
    evaluated = replace(listing, entries=tuple(entries))
    pairs, _ = contrasts(evaluated)
    if not pairs:
        return ()
    reading = read_all(entries, classifier, context.counting("reading headers"))
    readable = [entries[int(row)] for row in reading.rows]
    patients = [entry.patient for entry in readable]
    groups = united(patients, copies_among(readable, reading))
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        context.progress(done, STEPS * len(pairs), "shortcuts")

    return tuple(measure(pair, reading, patients, groups, step) for pair in pairs)


def agreement_of(
    predicted: Sequence[Predicted], context: Context
) -> tuple[heatmap_sanity.Agreement | None, str]:
    """Whether the heatmaps of several bundles agree, or the reason why that was not measured."""
    settings = context.settings
    if SANITY not in settings.sections:
        return None, "left out on request"
    if len(predicted) < 2:
        return None, "one bundle was evaluated: there are no other seeds to agree with"
    metas = [bundle.classifier.bundle.meta for bundle in predicted]
    if not all(meta.heatmaps for meta in metas):
        return None, NO_HEATMAPS
    if len({(meta.labels, meta.source_size) for meta in metas}) > 1:
        return None, "the bundles have different labels"
    agreement = heatmap_sanity.agreement(
        [bundle.classifier for bundle in predicted],
        _labelled(predicted[0]).some(MOST_PERTURBED, settings.seed),
        names=[bundle.title for bundle in predicted],
        draws=settings.draws,
        seed=settings.seed,
    )
    return agreement, ""


def _gallery(
    predicted: Predicted, questions: Sequence[Question], films: Films, context: Context
) -> Gallery:
    training = None
    if predicted.training is not None:
        rows = predicted.training.rows("train")
        vectors = film_predictions.embed(
            predicted.training.pixels[rows],
            [predicted.training.films[int(i)].sha256 for i in rows],
            predicted.classifier,
            context.work,
            context.counting(f"training films of {predicted.title}"),
        )
        training = TrainingFilms(predicted.training, rows, unit_length(vectors))
    return gallery(questions, films.films, predicted.pixels, predicted.classifier, training)


def _robustness(
    predicted: Predicted, questions: Sequence[Question], context: Context
) -> Robustness | None:
    def perturbed(name: str, change: Perturbation | None) -> Array:
        return film_predictions.predict_pixels(
            predicted.pixels,
            predicted.hashes,
            predicted.classifier,
            context.work,
            (name, change) if change is not None else None,
        )

    return robustness(
        questions,
        predicted.classifier.bundle.meta,
        predicted.patients,
        perturbed,
        context.settings,
        context.counting(f"perturbing for {predicted.title}"),
    )


def _anatomy(
    results: SlowSections, predicted: Predicted, questions: Sequence[Question], context: Context
) -> None:
    both = [q for q in questions if q.positive.any() and not q.positive.all()]
    if not both:
        results.silences[ANATOMY] = ONE_CLASS
        return
    settings = context.settings
    chosen = max(both, key=lambda q: int(q.positive.sum()))
    results.anatomy_of = chosen.name
    results.anatomy = anatomy.measure(
        predicted.classifier,
        _labelled(predicted).some(MOST_ANATOMY, settings.seed),
        finding=chosen.finding,
        draws=settings.draws,
        seed=settings.seed,
        step=context.counting(f"lungs for {predicted.title}"),
    )


def _sanity(results: SlowSections, predicted: Predicted, context: Context) -> None:
    settings, labelled = context.settings, _labelled(predicted)
    randomised = perturbed = None
    missing = []
    try:
        randomised = heatmap_sanity.randomisation(
            predicted.classifier,
            labelled.some(MOST_RANDOMISED, settings.seed),
            draws=settings.draws,
            seed=settings.seed,
            step=context.counting(f"random weights of {predicted.title}"),
        )
    except (MissingExtra, UsageError) as error:
        missing.append(f"randomised weights: {error}")
    try:
        perturbed = perturbation(
            predicted.classifier,
            labelled.some(MOST_PERTURBED, settings.seed),
            draws=settings.draws,
            seed=settings.seed,
            step=context.counting(f"deletion for {predicted.title}"),
        )
    except UsageError as error:
        missing.append(f"deletion and insertion: {error}")
    if missing:
        results.silences[SANITY] = "; ".join(missing)
    if randomised or perturbed:
        results.sanity = Sanity(randomised, perturbed)


def _labelled(predicted: Predicted) -> LabelledFilms:
    return LabelledFilms(predicted.pixels, predicted.targets, predicted.patients)
