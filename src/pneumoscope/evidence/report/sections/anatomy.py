"""The section on films without lungs of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.settings import ANATOMY
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.forest import forest
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

    from pneumoscope.evidence.evaluation.anatomy import Anatomy
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
    films = (
        f"{bundle.anatomy_of}: {counted(result.films, 'film')} of "
        f"{known_patients(result.patients, evaluation.films)}; "
    )
    yield Paragraph(films + _finder(result))
    yield from _views(result)
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
            [*drawn, (_shape(result), result.outline_auc), ("box alone", result.box_auc)],
            label="AUC",
            zero=0.5,
        ),
        "AUC of the model on changed films, with 95 % intervals over patients. Dashed: chance.",
    )
    yield from _heat(result)


def _finder(result: Anatomy) -> str:
    """Who found the lungs, in words."""
    doubts = f"which reports doubts on {result.doubted:,} of them"
    if result.check is None:
        return f"the lung field is found by a classical method, {doubts}."
    all_films, sure = result.check.dice, result.check.dice_without_doubts
    without = "" if sure.value is None else f", {sure} where it has no doubts"
    return (
        "the lung field is that of the bundle's network. As an independent check, a classical "
        f"method finds the lungs too, {doubts}. Agreement of both fields (mean Dice coefficient): "
        f"{all_films}{without}."
    )


def _shape(result: Anatomy) -> str:
    """What describes the lungs' shape in the regression without the model."""
    return "outlines alone" if result.check is None else "lung field alone"


def _views(result: Anatomy) -> Iterator[Block]:
    """The AUC of every view, beside that with the classical lung field, if there are both."""
    notes, check = Footnotes(), result.check
    rows = []
    for view in result.views:
        row = [view.name, notes.cell(view.roc_auc)]
        if check is not None:
            classical = check.roc_auc.get(view.name)
            row.append("" if classical is None else notes.cell(classical))
        for figure in (view.lost, view.needs_anatomy):
            row.append("" if figure is None else notes.cell(figure))
        rows.append(tuple(row))
    shape = "outlines of the lungs" if check is None else "cells of the lung field"
    alone = (
        (f"{shape} alone, without the model", result.outline_auc),
        ("edges of the lungs' box alone, without the model", result.box_auc),
    )
    beside = () if check is None else ("AUC, classical field",)
    blank = ("",) * (2 + len(beside))
    yield Table(
        ("films", "AUC", *beside, "lost", "share that needs anatomy"),
        (*rows, *((name, notes.cell(auc), *blank) for name, auc in alone)),
        widths=(4, 3, *(3 for _ in beside), 3, 3),
    )
    yield from notes.blocks()


def _heat(result: Anatomy) -> Iterator[Block]:
    notes, check = Footnotes(), result.check
    beside = () if check is None else ("lungs, classical field",)
    rows = tuple(
        (
            label,
            f"{heat.films:,}",
            f"{notes.cell(heat.in_lungs)} of {share(heat.area_of_lungs)}",
            *(
                f"{notes.cell(other.in_lungs)} of {share(other.area_of_lungs)}"
                for other in (() if check is None else (check.heat[label],))
            ),
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
    head = ("heat of", "films", "lungs", *beside, "box of the lungs", "outside the body")
    yield Table(head, rows, widths=(2, 1, 4, *(4 for _ in beside), 4, 4))
    yield from notes.blocks()
