"""The section on decisions and conformal sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.settings import CONFORMAL, DECISION
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots import conformal
from pneumoscope.evidence.report.plots import decision as decision_plots
from pneumoscope.evidence.report.sections.by_target import each_target
from pneumoscope.evidence.report.words import (
    Footnotes,
    plot_name,
    read,
    share,
    silence,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import (
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Block


def decision(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Net benefit, risk by coverage, conformal sets."""
    yield Heading(titled(evaluation, bundle, "Decisions and doubt"))
    yield read(
        "Net benefit counts cases found less false alarms, these weighted by the threshold: who acts from "
        "0.2 on takes four needless actions for a needed one. The model helps at a threshold where its "
        "line lies above both acting on all and acting on none."
    )
    if all(target.decision is None for target in bundle.targets):
        yield from silence(evaluation, bundle, DECISION)
    else:
        yield from each_target(evaluation, bundle, _decision)
    yield from _conformal(evaluation, bundle)


def _decision(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    if target.decision is not None:
        named = [(point.name, point.figures.threshold) for point in target.points]
        name = plot_name(evaluation, bundle, "decision", target)
        yield Picture(
            decision_plots.decision(name, target.decision, named),
            f"Decision curve of {target.name} at the prevalence of these films. Band: 95 % intervals.",
        )
    if target.risk_coverage is not None:
        curve, notes = target.risk_coverage, Footnotes()
        name = plot_name(evaluation, bundle, "risk-coverage", target)
        yield Picture(
            decision_plots.risk_coverage(name, curve),
            "Wrong calls at the default operating point if the films that the model is least sure of go "
            "to a reader. Where the line lies on the dashed one, the model's sureness is worth nothing.",
        )
        yield Table(
            ("figure", "value [95 % interval]"),
            (
                ("wrong calls, all films kept", notes.cell(curve.full)),
                ("mean over all shares kept (AURC)", notes.cell(curve.aurc)),
            ),
            words=frozenset({1}),
        )
        yield from notes.blocks()


def _conformal(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    result = bundle.classes.conformal if bundle.classes is not None else None
    yield Heading("Conformal sets", 2)
    if result is None:
        yield from silence(evaluation, bundle, CONFORMAL)
        return
    yield read(
        "A conformal set names every class that cannot be ruled out, and should hold the true class on the "
        'promised share of films of each class. A set with several classes is an honest "don\'t know".'
    )
    notes = Footnotes()
    rows = [(f"coverage of {name}", own) for name, own in result.by_class.items()]
    rows += [
        ("films with several classes", result.undetermined),
        ("films with no class", result.empty),
        ("films with exactly one class", result.single),
        ("errors among these", result.error_of_single),
    ]
    cells = []
    for name, own in rows:
        mean = notes.number(own.mean, why=own.note or "not defined")
        if own.mean is not None and own.note:
            mean += f" {notes.mark(own.note)}"
        cells.append(
            (
                name,
                mean,
                notes.number(own.lowest, why=own.note),
                notes.number(own.highest, why=own.note),
            )
        )
    yield Paragraph(
        f"Calibrated on half of the patients and measured on the others, {result.splits} times; promised: "
        f"{share(1 - result.alpha)} of each class."
    )
    yield Table(("share of films", "mean", "lowest split", "highest split"), tuple(cells))
    yield from notes.blocks()
    yield Picture(
        conformal.conformal(plot_name(evaluation, bundle, "conformal"), result),
        "Coverage of conformal sets: mean (mark) and range over the splits.",
    )
