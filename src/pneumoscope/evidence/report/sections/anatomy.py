"""The section on films without lungs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.evidence.evaluation.settings import ANATOMY
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.forest import forest
from pneumoscope.evidence.report.words import (
    Footnotes,
    counted,
    known_patients,
    plot_name,
    read,
    share,
    silence,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.report.blocks import Block


def anatomy(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Films with and without their lungs; where the heat lies."""
    yield Heading(titled(evaluation, bundle, "Films without lungs"))
    yield read(
        "The model reads the same films with their lungs painted over: what it still tells then, it does not "
        "tell from lungs. The other way round proves less: it may fail on films of lungs alone because it "
        "never saw such films."
    )
    result = bundle.anatomy
    if result is None:
        yield from silence(evaluation, bundle, ANATOMY)
        return
    yield Paragraph(
        f"{bundle.anatomy_of}: {counted(result.films, 'film')} of {known_patients(result.patients, evaluation.films)}; "
        f"the lung field is found by a classical method, which doubts itself on {result.doubted:,} of them."
    )
    notes = Footnotes()
    rows = tuple(
        (
            view.name,
            notes.cell(view.roc_auc),
            "" if view.lost is None else notes.cell(view.lost),
            "" if view.needs_anatomy is None else notes.cell(view.needs_anatomy),
        )
        for view in result.views
    )
    alone = (
        ("outlines of the lungs alone, without the model", result.outline_auc),
        ("edges of the lungs' box alone, without the model", result.box_auc),
    )
    yield Table(
        ("films", "AUC", "lost", "share that needs anatomy"),
        (*rows, *((name, notes.cell(auc), "", "") for name, auc in alone)),
        widths=(4, 3, 3, 3),
    )
    yield from notes.blocks()
    yield Paragraph(
        "Share that needs anatomy: of what the model's AUC has above chance (0.5), the part that is gone "
        "without the lungs; above 1 the films without lungs are ranked the wrong way round. Outlines and edges "
        "alone: how much the masks themselves give away. All films' lungs: one mask for all, which hides "
        f"{share(result.hidden_by_places)} of the lung field and {share(result.area_of_places)} of the film.",
        soft=True,
    )
    drawn = [(view.name, view.roc_auc) for view in result.views]
    yield Picture(
        forest(
            plot_name(evaluation, bundle, "anatomy"),
            [*drawn, ("outlines alone", result.outline_auc), ("box alone", result.box_auc)],
            label="AUC",
            zero=0.5,
        ),
        "AUC of the model on changed films, with 95 % intervals of patients. Dashed: chance.",
    )
    yield from _heat(result)


def _heat(result: Any) -> Iterator[Block]:
    notes = Footnotes()
    rows = tuple(
        (
            label,
            f"{heat.films:,}",
            f"{notes.cell(heat.in_lungs)} of {share(heat.area_of_lungs)}",
            f"{notes.cell(heat.in_box)} of {share(heat.area_of_box)}",
            f"{notes.cell(heat.outside_body)} of {share(heat.area_outside_body)}",
        )
        for label, heat in result.heat.items()
    )
    if not rows:
        return
    yield Heading("Where the heat lies", 2)
    yield Paragraph(
        "Share of the heat inside a region, and after it the share of the film that the region takes: heat "
        "spread evenly would have as much.",
        soft=True,
    )
    head = ("heat of", "films", "lungs", "box of the lungs", "outside the body")
    yield Table(head, rows, widths=(2, 1, 4, 4, 4))
    yield from notes.blocks()
