"""The section on conformal sets of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.settings import CONFORMAL
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.conformal import conformal as conformal_plot
from pneumoscope.evidence.report.sections.by_target import each_target
from pneumoscope.evidence.report.words import (
    Footnotes,
    how_to_read,
    known_patients,
    plot_name,
    share,
    silence,
    titled,
)
from pneumoscope.metrics import threshold_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import TargetResult
    from pneumoscope.evidence.report.blocks import Block
    from pneumoscope.evidence.statistics.coverage import RecalibratedCoverage, SetCoverage


def conformal(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Coverage of the shipped limits, and of limits from half of these patients."""
    yield Heading(titled(evaluation, bundle, "Conformal sets"))
    yield how_to_read(
        "A conformal set contains every class that cannot be ruled out. It should contain the true class on the "
        "promised share of the films of each class. A film is UNDETERMINED if its set is not exactly the class "
        "that is called. If coverage is clearly below the promise, the limits of the bundle do not suit these "
        "films."
    )
    if all(target.conformal is None for target in bundle.targets) or CONFORMAL in bundle.silences:
        yield from silence(evaluation, bundle, CONFORMAL)
        return
    yield from each_target(evaluation, bundle, _target)


def _target(evaluation: Evaluation, bundle: BundleResult, target: TargetResult) -> Iterator[Block]:
    result = target.conformal
    if result is None:
        yield from silence(evaluation, bundle, CONFORMAL)
        return
    if result.shipped is None:
        yield Paragraph("The bundle has no limits for this question, so nothing is undetermined.")
    else:
        yield from _shipped(evaluation, result.shipped)
    if result.recalibrated is not None:
        yield from _recalibrated(evaluation, bundle, target, result.recalibrated)


def _shipped(evaluation: Evaluation, result: SetCoverage) -> Iterator[Block]:
    notes = Footnotes()
    negative, positive = result.limits
    yield Paragraph(
        f"Limits as shipped, on {counted(result.films, 'film')} of "
        f"{known_patients(result.patients, evaluation.films)} that the gate lets pass. Promised: "
        f"{share(1 - result.error)} of each class. The negative class is in the set from a probability of "
        f"{threshold_text(negative)} on, the positive class from {threshold_text(positive)} on."
    )
    yield Table(
        ("share of films", "value [95 % interval]"),
        tuple((name, notes.cell(figure)) for name, figure in _named_shares(result)),
        words=frozenset({1}),
    )
    yield from notes.blocks()


def _named_shares(result: SetCoverage | RecalibratedCoverage) -> list[tuple[str, Any]]:
    """The coverage of each class, and how many films are undetermined, with their names."""
    return [
        *((f"coverage of {name}", figure) for name, figure in result.by_class.items()),
        ("films with both classes in the set", result.undetermined),
        ("films with neither", result.empty),
        ("films with exactly one", result.single),
        ("errors among these", result.error_of_single),
    ]


def _recalibrated(
    evaluation: Evaluation,
    bundle: BundleResult,
    target: TargetResult,
    result: RecalibratedCoverage,
) -> Iterator[Block]:
    notes = Footnotes()
    yield Paragraph(
        f"Limits from half of these patients, by the same rule, measured on the others, {result.splits} times: "
        "what the method would do after calibration on films like these."
    )
    cells = []
    for name, over in _named_shares(result):
        mean = notes.number(over.mean, why=over.note or "not defined")
        if over.mean is not None and over.note:
            mean += f" {notes.mark(over.note)}"
        lowest, highest = (notes.number(x, why=over.note) for x in (over.lowest, over.highest))
        cells.append((name, mean, lowest, highest))
    yield Table(("share of films", "mean", "lowest split", "highest split"), tuple(cells))
    yield from notes.blocks()
    yield Picture(
        conformal_plot(plot_name(evaluation, bundle, "conformal", target), result),
        "Coverage of recalibrated sets: mean (mark) and range over the splits.",
    )
