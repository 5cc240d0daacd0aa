"""The section on operating points of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import Heading, Picture, Table
from pneumoscope.evidence.report.plots import confusion, discrimination
from pneumoscope.evidence.report.plots.decision import predictive_values
from pneumoscope.evidence.report.sections.by_target import each_target
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    how_to_read,
    plot_name,
    share,
    titled,
)
from pneumoscope.metrics import threshold_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import (
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Block

_AT_THRESHOLD = (
    "sensitivity", "specificity", "ppv", "npv", "accuracy", "balanced_accuracy", "f1", "mcc", "kappa",
    "lr_positive", "lr_negative", "prevalence",
)  # fmt: skip


def points(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Figures at the bundle's operating points."""
    yield Heading(titled(evaluation, bundle, "Operating points"))
    yield how_to_read(
        "Sensitivity is the share of positive films that are called positive, specificity the share of negative "
        "films that are called negative. Both belong to one threshold, which is part of the bundle and was not "
        "tuned on these films. PPV and NPV state how often a call is right. They depend on how common the "
        "disease is: read them at the prevalence of your own patients."
    )
    yield from each_target(evaluation, bundle, _points)


def _points(evaluation: Evaluation, bundle: BundleResult, target: TargetResult) -> Iterator[Block]:
    notes = Footnotes()
    yield Table(
        ("name", "threshold", "chosen for"),
        tuple(
            (
                f"{point.name}{' (default)' if point.default else ''}",
                threshold_text(point.figures.threshold),
                point.rule,
            )
            for point in target.points
        ),
        words=frozenset({2}),
        widths=(2, 1, 6),
    )
    rows = tuple(
        (NAMES[key], *(notes.cell(getattr(point.figures, key)) for point in target.points))
        for key in _AT_THRESHOLD
    )
    yield Table(("figure", *(point.name for point in target.points)), rows)
    yield from notes.blocks()
    yield Picture(
        discrimination.scores(
            plot_name(evaluation, bundle, "scores", target),
            discrimination.Scores(target.name, target.p[target.positive]),
            discrimination.Scores(target.negative, target.p[~target.positive]),
            [(point.name, point.figures.threshold) for point in target.points],
            question=target.name,
        ),
        f"P({target.name}) of the films by label, with the thresholds of the operating points.",
    )
    yield from _confusions(evaluation, bundle, target)
    yield from _prevalences(evaluation, bundle, target)


def _confusions(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    shown = target.points if len(bundle.targets) == 1 else (target.default,)
    for point in shown:
        name = f"{plot_name(evaluation, bundle, 'confusion', target)}-{point.name}"
        yield Picture(
            confusion.confusion(name, point.confusion),
            f"At {point.name}: films by label (rows) and by call (columns), counts and shares of each row.",
        )


def _prevalences(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    notes = Footnotes()
    rows = [
        (point.name, share(at.prevalence), notes.cell(at.ppv), notes.cell(at.npv))
        for point in target.points
        for at in point.at_prevalence
    ]
    if rows:
        yield Heading("At other prevalences", 2)
        yield Table(("operating point", "prevalence", "PPV", "NPV"), tuple(rows))
        yield from notes.blocks()
    yield Picture(
        predictive_values(plot_name(evaluation, bundle, "prevalence", target), target),
        "PPV and NPV by prevalence, from sensitivity and specificity by Bayes' rule, on the assumption that both "
        "are the same elsewhere. Marks: the prevalences in the table. Dotted: the prevalence of these films.",
    )
