"""The section on calibration of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.settings import CALIBRATION
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.calibration import reliability
from pneumoscope.evidence.report.sections.by_target import each_target
from pneumoscope.evidence.report.words import (
    Footnotes,
    how_to_read,
    plot_name,
    share,
    silence,
    titled,
)

_SMOOTHED = (
    "Line: the same without bins, by logistic regression on a spline of the log odds over the middle 98 % of the "
    "films; band: 95 % at each point, from draws of patients."
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import (
        CalibrationResult,
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Block


def calibration(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Reliability, ECE, Brier score, slope and intercept."""
    yield Heading(titled(evaluation, bundle, "Calibration"))
    yield how_to_read(
        "Of the films with a probability near 0.8, eight in ten should be positive. Points on the diagonal show "
        "well calibrated probabilities; points below it show probabilities that are too high. ECE is the mean "
        "distance from the diagonal. Chance alone makes it larger than 0, so compare it with the value that "
        "perfectly calibrated probabilities would have on such films."
    )
    if all(target.calibration is None for target in bundle.targets):
        yield from silence(evaluation, bundle, CALIBRATION)
        return
    yield from each_target(evaluation, bundle, _calibration)


def _calibration(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    result = target.calibration
    if result is None:
        yield from silence(evaluation, bundle, CALIBRATION)
        return
    notes = Footnotes()
    columns = [("before calibration", result.before), ("after calibration", result.after)]
    if result.corrected is not None:
        columns.append(("corrected for prior shift", result.corrected))
    rows: list[tuple[str, ...]] = [
        ("scale of the log odds", *(f"{figures.scale:.3f}" for _, figures in columns)),
        ("offset of the log odds", *(f"{figures.offset:+.3f}" for _, figures in columns)),
        ("ECE", *(notes.cell(figures.error.ece) for _, figures in columns)),
        ("ECE by chance alone", *(f"{figures.error.by_chance:.3f}" for _, figures in columns)),
        ("p-value of the ECE", *(f"{figures.error.p_value:.3f}" for _, figures in columns)),
    ]
    for name, key in (
        ("Brier score", "score"), ("its reliability (0 is best)", "reliability"),
        ("its resolution (higher is better)", "resolution"), ("its uncertainty", "uncertainty"),
        ("within bins", "within_bins"), ("Brier skill (1 is best)", "skill"),
    ):  # fmt: skip
        rows.append((name, *(notes.cell(getattr(figures.brier, key)) for _, figures in columns)))
    for name, key in (
        ("calibration slope (1 is best)", "slope"),
        ("calibration intercept", "intercept"),
        ("calibration in the large (0 is best)", "in_the_large"),
    ):
        rows.append(
            (name, *(notes.cell(getattr(figures.recalibration, key)) for _, figures in columns))
        )
    yield Table(("figure", *(name for name, _ in columns)), tuple(rows))
    yield from notes.blocks()
    yield Picture(
        reliability(
            plot_name(evaluation, bundle, "reliability", target),
            [
                (title, figures.reliability, figures.error.ece)
                for title, figures in (
                    ("before calibration", result.before),
                    ("after calibration", result.after),
                )
            ],
            [result.before.smooth, result.after.smooth],
        ),
        f"Reliability of P({target.name}) in bins with equal numbers of films. Whiskers: 95 % intervals. "
        f"{_SMOOTHED}",
    )
    yield from _shift(result)


def _shift(result: CalibrationResult) -> Iterator[Block]:
    if result.prior_shift is None:
        return
    notes = Footnotes()
    yield Heading("Class shares, estimated without labels", 2)
    yield Paragraph(
        "By expectation maximisation (Saerens, Latinne and Decaestecker 2002), on the assumption that only the "
        "class shares differ from the training films. This is a hint, not a measurement.",
        soft=True,
    )
    rows = tuple(
        (name, share(old), notes.cell(new))
        for name, old, new in zip(
            result.prior_names, result.prior_shift.reference, result.prior_shift.priors, strict=True
        )
    )
    yield Table(("class", "training films", "estimated for these films"), rows)
    yield from notes.blocks()
