"""The section on calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.settings import CALIBRATION
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.calibration import reliability
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
        CalibrationResult,
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Block


def calibration(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Reliability, ECE, Brier score, slope and intercept."""
    yield Heading(titled(evaluation, bundle, "Calibration"))
    yield read(
        "Of the films with a probability near 0.8, eight in ten should be positive: points on the diagonal "
        "keep that promise, points below it claim too much. ECE is the mean distance; chance alone makes "
        "it larger than 0, so compare it with what perfect probabilities would show on such films."
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
    columns = [("before calibration", result.before), ("as the bundle gives them", result.after)]
    if result.corrected is not None:
        columns.append(("corrected for prior shift", result.corrected))
    rows: list[tuple[str, ...]] = [
        ("scale of the log odds", *(f"{own.scale:.3f}" for _, own in columns)),
        ("offset of the log odds", *(f"{own.offset:+.3f}" for _, own in columns)),
        ("ECE", *(notes.cell(own.error.ece) for _, own in columns)),
        ("ECE by chance alone", *(f"{own.error.by_chance:.3f}" for _, own in columns)),
        ("p of an ECE so large by chance", *(f"{own.error.p_value:.3f}" for _, own in columns)),
    ]
    for name, key in (
        ("Brier score", "score"), ("its reliability (0 is best)", "reliability"),
        ("its resolution (large is good)", "resolution"), ("its uncertainty", "uncertainty"),
        ("within bins", "within_bins"), ("Brier skill (1 is best)", "skill"),
    ):  # fmt: skip
        rows.append((name, *(notes.cell(getattr(own.brier, key)) for _, own in columns)))
    for name, key in (
        ("calibration slope (1 is best)", "slope"),
        ("calibration intercept", "intercept"),
        ("calibration in the large (0 is best)", "in_the_large"),
    ):
        rows.append((name, *(notes.cell(getattr(own.recalibration, key)) for _, own in columns)))
    yield Table(("figure", *(name for name, _ in columns)), tuple(rows))
    yield from notes.blocks()
    yield Picture(
        reliability(plot_name(evaluation, bundle, "reliability", target), result),
        f"Reliability of P({target.name}) over bins with as many films each. Whiskers: 95 % intervals.",
    )
    yield from _shift(result)


def _shift(result: CalibrationResult) -> Iterator[Block]:
    if result.prior_shift is None:
        return
    notes = Footnotes()
    yield Heading("Shares of the classes, estimated without labels", 2)
    yield Paragraph(
        "By expectation maximisation (Saerens, Latinne and Decaestecker 2002), if nothing but the shares "
        "differs from the training films. A hint on what to expect elsewhere, not a measurement.",
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
