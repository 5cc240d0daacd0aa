"""The section on films without lungs of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.evidence.evaluation.settings import ANATOMY
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.forest import forest
from pneumoscope.evidence.report.words import (
    Footnotes,
    counted,
    how_to_read,
    known_patients,
    plot_name,
    share,
    silence,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.report.blocks import Block


def anatomy(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Figures on films with and without their lungs, and the location of the heat."""
    yield Heading(titled(evaluation, bundle, "Films without lungs"))
    yield how_to_read(
        "The model reads the same films with their lungs painted over. What it can still distinguish then, it does "
        "not distinguish by the lungs. The reverse proves less: the model may fail on films that show only the "
        "lungs because it has never seen such films."
    )
    result = bundle.anatomy
    if result is None:
        yield from silence(evaluation, bundle, ANATOMY)
        return
    yield Paragraph(
        f"{bundle.anatomy_of}: {counted(result.films, 'film')} of {known_patients(result.patients, evaluation.films)}; "
        f"the lung field is found by a classical method, which reports doubts on {result.doubted:,} of them."
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
        "Share that needs anatomy: the part of the model's AUC above chance (0.5) that is lost without the lungs; "
        "above 1 the films without lungs are ranked in reverse order. Outlines and edges alone: how much "
        "information the masks themselves contain. All films' lungs: one mask for all films, which hides "
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
        "AUC of the model on changed films, with 95 % intervals over patients. Dashed: chance.",
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
    yield Heading("Location of the heat", 2)
    yield Paragraph(
        "Share of the heat inside a region, followed by the region's share of the film, which evenly spread heat "
        "would have.",
        soft=True,
    )
    head = ("heat of", "films", "lungs", "box of the lungs", "outside the body")
    yield Table(head, rows, widths=(2, 1, 4, 4, 4))
    yield from notes.blocks()
