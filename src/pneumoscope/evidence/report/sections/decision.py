"""The section on decisions of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.settings import DECISION
from pneumoscope.evidence.report.blocks import Heading, Picture, Table
from pneumoscope.evidence.report.plots import decision as decision_plots
from pneumoscope.evidence.report.sections.by_target import each_target
from pneumoscope.evidence.report.words import (
    Footnotes,
    how_to_read,
    plot_name,
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
    """Net benefit, and errors by the share of films kept."""
    yield Heading(titled(evaluation, bundle, "Decisions"))
    yield how_to_read(
        "Net benefit is the share of cases found minus the weighted share of false alarms. The threshold sets the "
        "weight: acting from a probability of 0.2 means accepting four unnecessary actions for one necessary "
        'action. The model is useful at a threshold where its line lies above both "treat all" and "treat none".'
    )
    if all(target.decision is None for target in bundle.targets):
        yield from silence(evaluation, bundle, DECISION)
    else:
        yield from each_target(evaluation, bundle, _decision)


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
            "Wrong calls at the default operating point if the films with the lowest confidence are left to a "
            "reader. Where the line coincides with the dashed one, the model's confidence carries no information.",
        )
        yield Table(
            ("figure", "value [95 % interval]"),
            (
                ("wrong calls if all films are kept", notes.cell(curve.full)),
                ("mean over all coverages (AURC)", notes.cell(curve.aurc)),
            ),
            words=frozenset({1}),
        )
        yield from notes.blocks()
