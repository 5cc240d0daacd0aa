"""The section on hospitals and collections of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.forest import forest
from pneumoscope.evidence.report.sections.by_target import each_target
from pneumoscope.evidence.report.words import (
    Footnotes,
    how_to_read,
    plot_name,
    share,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import TargetResult
    from pneumoscope.evidence.report.blocks import Block


def sources(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Figures by source, and how much of the pooled AUC is the source; nothing for a single source."""
    if not any(target.sources for target in bundle.targets):
        return
    yield Heading(titled(evaluation, bundle, "Sources"))
    yield how_to_read(
        "If some hospitals send more ill patients than others, a model that recognises the hospital ranks the films "
        "of all hospitals together, without looking at a lung. The AUC within sources compares ill and healthy films "
        "of the same source only. A source with one class has no AUC."
    )
    yield from each_target(evaluation, bundle, _sources)


def _sources(evaluation: Evaluation, bundle: BundleResult, target: TargetResult) -> Iterator[Block]:
    result = target.sources
    if result is None:
        return
    notes = Footnotes()
    rows = tuple(
        (
            s.source,
            f"{s.films:,} of {s.patients:,}",
            f"{s.positives:,}",
            notes.cell(s.roc_auc),
            notes.cell(s.sensitivity),
            notes.cell(s.specificity),
        )
        for s in result.sources
    )
    head = ("source", "films of patients", "positive", "AUC", "sensitivity", "specificity")
    yield Table(head, rows, widths=(2, 2, 1.2, 3, 3, 3))
    yield from notes.blocks()
    yield Paragraph(result.words)
    pooled = (
        ("pooled, all sources", target.ranking.roc_auc),
        ("source alone, without the film", result.source_alone),
        ("pairs of one source", result.within),
        ("pairs of two sources", result.between),
    )
    marks = Footnotes()
    part = result.pairs_within
    shares = ("", "", *(("", "") if part is None else (share(part), share(1 - part))))
    yield Table(
        ("AUC over all films", "AUC", "share of the pairs"),
        tuple(
            (name, marks.cell(auc), part) for (name, auc), part in zip(pooled, shares, strict=True)
        ),
        widths=(4, 3, 2),
    )
    yield from marks.blocks()
    drawn = [(s.source, s.roc_auc) for s in result.sources if s.roc_auc.value is not None]
    yield Picture(
        forest(
            plot_name(evaluation, bundle, "sources", target),
            [*pooled, *drawn],
            label="AUC",
            zero=0.5,
        ),
        "AUC of all films, within sources, and of each source with both classes, with 95 % intervals over "
        "patients. Dashed: chance.",
    )
