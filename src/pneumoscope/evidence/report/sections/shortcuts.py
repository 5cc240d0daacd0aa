"""The section on shortcuts of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.audit.shortcuts import ALL, FILE, PICTURE, THUMBNAIL
from pneumoscope.evidence.evaluation.settings import SHORTCUTS
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.forest import bars
from pneumoscope.evidence.report.words import (
    how_to_read,
    known_patients,
    share,
    silence,
    slug,
)
from pneumoscope.evidence.statistics.intervals import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.audit.shortcuts import Score, Shortcuts
    from pneumoscope.evidence.evaluation.results import Evaluation
    from pneumoscope.evidence.report.blocks import Block

SOURCES = (FILE, PICTURE, THUMBNAIL, ALL)


def shortcuts(evaluation: Evaluation) -> Iterator[Block]:
    """How well the labels of these films can be predicted without anatomy."""
    yield Heading("Shortcuts in the films")
    yield how_to_read(
        "How well can the label be predicted from data with little or no anatomy: the file, brightness and "
        "sharpness, a picture of 16 x 16 pixels? If that is nearly as good as the model, the model's result "
        "proves little about reading lungs, because it may use the same information."
    )
    if not evaluation.shortcuts:
        yield from silence(evaluation, None, SHORTCUTS)
        return
    for contrast in evaluation.shortcuts:
        yield from _shortcuts(evaluation, contrast)


def _shortcuts(evaluation: Evaluation, contrast: Shortcuts) -> Iterator[Block]:
    yield Heading(contrast.contrast, 2)
    if contrast.silence:
        yield Paragraph(f"Cannot be measured: {contrast.silence}.")
        return
    yield Paragraph(
        f"{counted(contrast.films, 'film')} of {known_patients(contrast.patients, evaluation.films)}, "
        f"{share(contrast.prevalence)} {contrast.positive}. Everything that is fitted was scored out of "
        "fold, with all films of a patient in one fold.",
        soft=True,
    )
    best = [contrast.best(source) for source in SOURCES]
    best_scores = [score for score in best if score is not None]
    whole = model_auc(evaluation, contrast)
    if best_scores:
        rows = [(f"{score.source}: {score.feature}", auc_of(score), False) for score in best_scores]
        rows += [
            (f"model: {name}", figure, True) for name, figure in _views_of(evaluation, contrast)
        ]
        yield Picture(
            bars(slug("shortcuts", contrast.contrast), rows, whole=whole),
            "The best score of each source alone (hatched), with 95 % intervals over patients, and the model "
            "on whole films (dashed).",
        )
    notable = sorted((s for s in contrast.scores if not s.constant), key=lambda s: -s.auc.value)
    rows_all = tuple((s.source, s.feature, str(s.auc), s.words) for s in notable)
    yield Table(
        ("source", "feature", "AUC", "values"),
        rows_all,
        words=frozenset({1, 3}),
        widths=(2, 3.4, 2.4, 4.4),
        strong=frozenset(i for i, s in enumerate(notable) if s in best_scores),
    )
    constant = [s.feature for s in contrast.scores if s.constant]
    if constant:
        yield Paragraph(
            f"Equal on all films, so without information: {', '.join(constant)}.", soft=True
        )


def model_auc(evaluation: Evaluation, contrast: Shortcuts) -> tuple[str, Figure] | None:
    """The AUC of the first bundle on the same films and groups as a contrast, with its caption."""
    bundle = evaluation.bundles[0]
    for target in bundle.targets:
        if target.name.lower() == contrast.positive.lower() or len(bundle.targets) == 1:
            auc = target.ranking.roc_auc
            same = target.positives == round(contrast.prevalence * contrast.films)
            if same and target.films == contrast.films and auc.value is not None:
                return f"{bundle.title} on whole films, {auc.value:.3f}", auc
    return None


def _views_of(evaluation: Evaluation, contrast: Shortcuts) -> list[tuple[str, Figure]]:
    """AUCs of the first bundle on films without anatomy, if they were measured."""
    anatomy = evaluation.bundles[0].anatomy
    if anatomy is None or model_auc(evaluation, contrast) is None:
        return []
    return [(view.name, view.roc_auc) for view in anatomy.views[1:]]


def auc_of(score: Score) -> Figure:
    """The AUC of a shortcut as a figure."""
    return Figure(score.auc.value, score.auc.low, score.auc.high)
