"""The section on discrimination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.confusion import confusion
from pneumoscope.evidence.report.plots.discrimination import BAND_DRAWS, precision_recall, roc
from pneumoscope.evidence.report.sections.by_target import each_target
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    counted,
    known_patients,
    plot_name,
    read,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import (
        ClassResult,
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Block
    from pneumoscope.evidence.statistics.ranking import ByClass


def discrimination(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """AUC, ROC, precision and recall; several classes."""
    yield Heading(titled(evaluation, bundle, "Discrimination"))
    yield read(
        "AUC is the chance that a positive film scores higher than a negative one: 0.5 is chance, 1 a "
        "perfect order. It says nothing of thresholds and probabilities; the next sections do."
    )
    if bundle.findings is not None:
        yield from _by_class(bundle.findings, "finding")
    yield from each_target(evaluation, bundle, _discrimination)
    if bundle.classes is not None:
        yield from _classes(evaluation, bundle, bundle.classes)


def _discrimination(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    notes, own = Footnotes(), target.ranking
    yield Paragraph(
        f"{target.name} against {target.negative}: {counted(target.films, 'film')} of "
        f"{known_patients(target.patients, evaluation.films)}, {target.positives:,} of the films positive."
    )
    yield Table(
        ("figure", "value [95 % interval]"),
        (
            ("AUC", notes.cell(own.roc_auc)),
            ("average precision", notes.cell(own.average_precision)),
        ),
        words=frozenset({1}),
    )
    yield from notes.blocks()
    if target.roc is not None:
        patients = [evaluation.films.films[i].patient for i in target.rows]
        name = plot_name(evaluation, bundle, "roc", target)
        yield Picture(
            roc(name, target, patients),
            f"ROC curve of {target.name}, left as a whole, right its upper left corner. Band: 95 % at "
            f"each point, from {BAND_DRAWS} draws of patients. Marks: operating points.",
        )
    if target.precision_recall is not None:
        name = plot_name(evaluation, bundle, "precision-recall", target)
        yield Picture(
            precision_recall(name, target),
            f"Precision and recall of {target.name}. Dotted: the share of positive films, which is "
            "what chance gives.",
        )


def _classes(evaluation: Evaluation, bundle: BundleResult, result: ClassResult) -> Iterator[Block]:
    notes, own = Footnotes(), result.most_probable
    yield Heading("Several classes", 2)
    yield Paragraph(
        f"Each of {counted(result.films, 'film')} called its most probable class, without any threshold."
    )
    keys = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "kappa")
    rows = tuple((NAMES[key], notes.cell(getattr(own, key))) for key in keys)
    yield Table(("figure", "value [95 % interval]"), rows, words=frozenset({1}))
    yield from notes.blocks()
    yield from _by_class(result.ranking, "class against the others")
    yield Picture(
        confusion(plot_name(evaluation, bundle, "confusion-classes"), own.confusion),
        "Films by label (rows) and by what they were called (columns): counts, and shares of each row.",
    )


def _by_class(result: ByClass, name: str) -> Iterator[Block]:
    notes = Footnotes()
    rows = [
        (
            label,
            "-" if own.films is None else f"{own.films:,}",
            "-" if own.positives is None else f"{own.positives:,}",
            notes.cell(own.roc_auc),
            notes.cell(own.average_precision),
        )
        for label, own in [*result.classes.items(), ("mean over all", result.macro)]
    ]
    head = (name, "films", "positive", "AUC", "average precision")
    yield Table(head, tuple(rows), strong=frozenset({len(rows) - 1}))
    yield from notes.blocks()
