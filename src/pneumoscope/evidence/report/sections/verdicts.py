"""The section of a report on the verdicts that readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.verdicts import verdicts as verdicts_plot
from pneumoscope.evidence.report.words import (
    Footnotes,
    how_to_read,
    known_patients,
    plot_name,
    share,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.verdict_results import VerdictResult
    from pneumoscope.evidence.report.blocks import Block


def verdicts(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Labels, errors, coverage and reasons of the gate, by class and by subgroup."""
    result = bundle.verdicts
    yield Heading(titled(evaluation, bundle, "Verdicts as shown"))
    yield how_to_read(
        "This section counts what readers see: NORMAL or the positive verdict, UNDETERMINED where the conformal "
        "set is not a single class, and REFUSED where the gate rejects the film. The other sections use the "
        "probabilities of all films that could be read, including those without a verdict."
    )
    promise = "The bundle has no limits for conformal sets, so no film is UNDETERMINED."
    if result.error is not None:
        promise = f"Conformal sets at error {share(result.error)}."
    yield Paragraph(
        f"{counted(result.films, 'film')} of {known_patients(result.patients, evaluation.films)}; the class of "
        f"{result.known:,} is known. Operating point {result.operating_point}. {promise}"
    )
    yield from _labels(evaluation, bundle, result)
    yield from _shown(result)
    yield from _coverage(result)
    yield from _gate(result)
    yield from _groups(result)


def _labels(evaluation: Evaluation, bundle: BundleResult, result: VerdictResult) -> Iterator[Block]:
    notes = Footnotes()
    rows = tuple(
        (
            label.label,
            f"{label.films:,}",
            notes.cell(label.share),
            *(notes.cell(label.by_class[side]) for side in result.classes),
            notes.cell(label.error),
        )
        for label in result.labels
    )
    head = (
        "label", "films", "share of all", *(f"share of {side} films" for side in result.classes),
        "wrong calls",
    )  # fmt: skip
    yield Table(head, rows, widths=(2, 1, 3, 3, 3, 3))
    yield from notes.blocks()
    yield Paragraph(
        "Wrong calls: among the films with the label whose class is known. UNDETERMINED and REFUSED films have a "
        "call too, which readers do not see: its errors show what withholding the verdict avoids.",
        soft=True,
    )
    yield Picture(
        verdicts_plot(plot_name(evaluation, bundle, "verdicts"), result),
        "Labels by true class, and among all films.",
    )


def _shown(result: VerdictResult) -> Iterator[Block]:
    notes, shown = Footnotes(), result.shown
    negative, positive = result.classes
    yield Heading("Films with a verdict", 2)
    yield Table(
        ("figure", "value [95 % interval]"),
        (
            (f"share of films with a verdict ({shown.films:,} films)", notes.cell(shown.share)),
            ("wrong verdicts", notes.cell(shown.error)),
            (f"sensitivity ({positive})", notes.cell(shown.sensitivity)),
            (f"specificity ({negative})", notes.cell(shown.specificity)),
        ),
        words=frozenset({1}),
    )
    yield from notes.blocks()


def _coverage(result: VerdictResult) -> Iterator[Block]:
    if result.coverage and result.error is not None:
        notes = Footnotes()
        yield Heading("Coverage of the shipped limits", 2)
        yield Paragraph(
            f"Share of films whose conformal set contains their class, refused films left out; promised: "
            f"{share(1 - result.error)} of each class."
        )
        yield Table(
            ("class", "coverage [95 % interval]"),
            tuple((name, notes.cell(figure)) for name, figure in result.coverage.items()),
            words=frozenset({1}),
        )
        yield from notes.blocks()
    if result.kinds:
        notes = Footnotes()
        yield Heading("Kinds", 2)
        yield Paragraph(
            f"Films of each kind with the verdict {result.classes[1]}. A kind is named only if it is the only one "
            "in the set of kinds.",
            soft=True,
        )
        rows = tuple(
            (
                kind.kind,
                f"{kind.films:,}",
                notes.cell(kind.covered),
                notes.cell(kind.named),
                notes.cell(kind.misnamed),
            )
            for kind in result.kinds
        )
        yield Table(("kind", "films", "in the set", "named", "other kind named"), rows)
        yield from notes.blocks()


def _gate(result: VerdictResult) -> Iterator[Block]:
    yield Heading("Reasons of the gate", 2)
    if not result.gate:
        yield Paragraph("The gate has no objection to any film.")
        return
    notes = Footnotes()
    rows = tuple(
        (
            reason.code,
            f"{reason.refused:,}",
            notes.cell(reason.share),
            *(f"{reason.by_class[side]:,}" for side in result.classes),
            f"{reason.noted:,}",
        )
        for reason in result.gate
    )
    head = (
        "reason", "refused", "share of all", *(f"refused {side}" for side in result.classes), "noted",
    )  # fmt: skip
    yield Table(head, rows, widths=(2.4, 1, 3, 1.3, 1.5, 1))
    yield from notes.blocks()
    yield Paragraph(
        "A film may have several reasons. A noted film gets a verdict with a remark.", soft=True
    )


def _groups(result: VerdictResult) -> Iterator[Block]:
    if not result.groups:
        return
    notes = Footnotes()
    yield Heading("Verdicts by subgroup", 2)
    names = [label.label for label in result.labels]
    rows = tuple(
        (
            f"{group.column}: {group.value}",
            f"{group.films:,} of {group.patients:,}",
            *(notes.cell(group.labels[name]) for name in names),
        )
        for group in result.groups
    )
    head = ("group", "films of patients", *names)
    yield Table(head, rows, widths=(2.2, 1.6, *([2.6] * len(names))))
    yield from notes.blocks()
    notes = Footnotes()
    covered = result.classes if any(group.coverage for group in result.groups) else ()
    rows = tuple(
        (
            f"{group.column}: {group.value}",
            notes.cell(group.shown_error),
            *(notes.cell(group.coverage.get(side)) for side in covered),
        )
        for group in result.groups
    )
    yield Table(("group", "wrong verdicts", *(f"coverage of {side}" for side in covered)), rows)
    yield from notes.blocks()
