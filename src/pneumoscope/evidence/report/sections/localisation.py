"""The section on drawn lungs and boxes of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.settings import LOCALISATION
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.localisation import heat_in_regions
from pneumoscope.evidence.report.words import (
    Footnotes,
    how_to_read,
    known_patients,
    plot_name,
    share,
    silence,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.localisation_results import Localisation
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.report.blocks import Block


def localisation(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Where the heat lies by drawn lungs and boxes, and the model on films without the drawn lungs."""
    if not bundle.meta.heatmaps:  # the limitations say so
        return
    yield Heading(titled(evaluation, bundle, "Heat in drawn lungs and boxes"))
    yield how_to_read(
        "People outlined the lungs, or drew boxes around findings. A heatmap that points at the finding has much more of "
        "its heat inside than the region's share of the film, and its hottest cell is inside. Which half is ill is known "
        "where all boxes of a film are in one half: there, chance is 0.5."
    )
    result = bundle.localisation
    if result is None:
        yield from silence(evaluation, bundle, LOCALISATION)
        return
    yield Paragraph(
        f"{counted(result.masked, 'film')} with a lung mask, {counted(result.boxed, 'film')} with boxes, "
        f"{result.one_sided:,} of them with boxes in one half only."
    )
    yield from _regions(evaluation, bundle, result)
    yield from _views(evaluation, result)


def _regions(evaluation: Evaluation, bundle: BundleResult, result: Localisation) -> Iterator[Block]:
    notes = Footnotes()
    rows = tuple(
        (
            r.region,
            r.heat_of,
            f"{r.films:,} of {r.patients:,}",
            f"{r.blank:,}",
            notes.cell(r.share),
            "" if r.area is None else f"{r.area:.3f}",
            notes.cell(r.peak),
        )
        for r in result.regions
    )
    if not rows:
        return
    head = ("region", "heat of", "films of patients", "blank", "heat inside", "area", "peak inside")
    yield Table(head, rows, words=frozenset({1}), widths=(1.5, 2, 2, 1, 3, 1, 3))
    yield from notes.blocks()
    yield Paragraph(
        "Heat inside: mean share of a film's heat inside the region. Area: the region's share of the film, which evenly "
        "spread heat would have. Peak inside: share of the films whose hottest cell has its centre in the region. Blank "
        "maps count in no figure.",
        soft=True,
    )
    yield Picture(
        heat_in_regions(plot_name(evaluation, bundle, "localisation"), result.regions),
        "Heat and peak inside each region with 95 % intervals over patients. Bars: the region's share of the film.",
    )


def _views(evaluation: Evaluation, result: Localisation) -> Iterator[Block]:
    yield Heading("Without the drawn lungs", 2)
    if not result.views:
        yield Paragraph(f"Not measured: {result.note}.")
        return
    notes = Footnotes()
    rows = tuple(
        (v.name, notes.cell(v.roc_auc), "" if v.lost is None else notes.cell(v.lost))
        for v in result.views
    )
    yield Paragraph(
        f"{result.view_of}: {counted(result.view_films, 'film')} of "
        f"{known_patients(result.view_patients, evaluation.films)}, painted with the mean grey of the rest."
    )
    yield Table(("films", "AUC", "lost"), rows, widths=(4, 3, 3))
    yield from notes.blocks()
    if result.hidden is not None and result.area_own is not None and result.area_fixed is not None:
        yield Paragraph(
            "The outline of a film's own mask may itself give the label away; the fixed mask is the same on every film. "
            f"It covers {share(result.hidden)} of the lungs and {share(result.area_fixed)} of the film; own masks, with "
            f"a margin, cover {share(result.area_own)} of the film.",
            soft=True,
        )
