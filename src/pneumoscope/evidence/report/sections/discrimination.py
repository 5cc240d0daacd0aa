"""The section on discrimination of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.confusion import confusion
from pneumoscope.evidence.report.plots.discrimination import BAND_DRAWS, precision_recall, roc
from pneumoscope.evidence.report.sections.by_target import each_target
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    how_to_read,
    known_patients,
    plot_name,
    titled,
)
from pneumoscope.evidence.statistics.intervals import Figure

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
    yield how_to_read(
        "AUC is the probability that a positive film has a higher score than a negative one: 0.5 is chance, 1 is a "
        "perfect ranking. It does not depend on thresholds or calibration, which the next sections cover."
    )
    if bundle.findings is not None:
        yield from _by_class(bundle.findings, "finding")
    yield from each_target(evaluation, bundle, _discrimination)
    if bundle.classes is not None:
        yield from _classes(evaluation, bundle, bundle.classes)


def _discrimination(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    notes, ranking = Footnotes(), target.ranking
    yield Paragraph(
        f"{target.name} against {target.negative}: {counted(target.films, 'film')} of "
        f"{known_patients(target.patients, evaluation.films)}, {target.positives:,} of the films positive. These "
        "are all films that could be read, whether or not they get a verdict. The second column is limited to "
        f"{counted(target.with_verdict.films, 'film')} with a verdict: not refused, and not undetermined."
    )
    shown, default = target.with_verdict, target.default
    missing = Figure(None, note="no film has a verdict")
    rows = [
        (
            NAMES[key],
            notes.cell(getattr(ranking, key)),
            notes.cell(getattr(shown.ranking, key, missing)),
        )
        for key in ("roc_auc", "average_precision")
    ]
    rows += [
        (
            f"{NAMES[key]} at {default.name}",
            notes.cell(getattr(default.figures, key)),
            notes.cell(getattr(shown.figures, key, missing)),
        )
        for key in ("sensitivity", "specificity", "accuracy")
    ]
    yield Table(
        ("figure", f"all {target.films:,} films", f"{shown.films:,} films with a verdict"),
        tuple(rows),
    )
    yield from notes.blocks()
    if target.roc is not None:
        patients = [evaluation.films.films[i].patient for i in target.rows]
        name = plot_name(evaluation, bundle, "roc", target)
        yield Picture(
            roc(name, target, patients),
            f"ROC curve of {target.name}: left the whole curve, right its upper left corner. Band: 95 % at "
            f"each point, from {BAND_DRAWS} draws of patients. Marks: operating points.",
        )
    if target.precision_recall is not None:
        name = plot_name(evaluation, bundle, "precision-recall", target)
        yield Picture(
            precision_recall(name, target),
            f"Precision and recall of {target.name}. Dotted: the share of positive films, which is the "
            "precision of random scores.",
        )


def _classes(evaluation: Evaluation, bundle: BundleResult, result: ClassResult) -> Iterator[Block]:
    notes, most_probable = Footnotes(), result.most_probable
    yield Heading("Several classes", 2)
    yield Paragraph(
        f"Each of {counted(result.films, 'film')} is assigned its most probable class, without a threshold."
    )
    keys = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "kappa")
    rows = tuple((NAMES[key], notes.cell(getattr(most_probable, key))) for key in keys)
    yield Table(("figure", "value [95 % interval]"), rows, words=frozenset({1}))
    yield from notes.blocks()
    yield from _by_class(result.ranking, "class against the others")
    yield Picture(
        confusion(plot_name(evaluation, bundle, "confusion-classes"), most_probable.confusion),
        "Films by label (rows) and by call (columns): counts, and shares of each row.",
    )


def _by_class(result: ByClass, name: str) -> Iterator[Block]:
    notes = Footnotes()
    rows = [
        (
            label,
            "-" if ranking.films is None else f"{ranking.films:,}",
            "-" if ranking.positives is None else f"{ranking.positives:,}",
            notes.cell(ranking.roc_auc),
            notes.cell(ranking.average_precision),
        )
        for label, ranking in [*result.classes.items(), ("mean over all", result.macro)]
    ]
    head = (name, "films", "positive", "AUC", "average precision")
    yield Table(head, tuple(rows), strong=frozenset({len(rows) - 1}))
    yield from notes.blocks()
