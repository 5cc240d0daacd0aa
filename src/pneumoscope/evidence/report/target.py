"""The sections of a report on one bundle's verdicts and probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation import results as ev
from pneumoscope.evidence.report import plots_tables, plots_target
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    counted,
    known_patients,
    plot_name,
    read,
    share,
    silence,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumoscope.evidence.evaluation.results import (
        BundleResult,
        CalibrationResult,
        ClassResult,
        Evaluation,
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Block
    from pneumoscope.evidence.statistics.ranking import ByClass

    Part = Callable[[Evaluation, BundleResult, TargetResult], Iterator[Block]]

_AT_THRESHOLD = (
    "sensitivity", "specificity", "ppv", "npv", "accuracy", "balanced_accuracy", "f1", "mcc", "kappa",
    "lr_positive", "lr_negative", "prevalence",
)  # fmt: skip


def discrimination(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """AUC, ROC, precision and recall; several classes."""
    yield Heading(titled(evaluation, bundle, "Discrimination"))
    yield read(
        "AUC is the chance that a positive film scores higher than a negative one: 0.5 is chance, 1 a "
        "perfect order. It says nothing of thresholds and probabilities; the next sections do."
    )
    if bundle.findings is not None:
        yield from _by_class(bundle.findings, "finding")
    yield from _each(evaluation, bundle, _discrimination)
    if bundle.classes is not None:
        yield from _classes(evaluation, bundle, bundle.classes)


def _discrimination(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    notes, own = Footnotes(), target.ranking
    yield Paragraph(
        f"{target.name} against {target.negative}: {counted(target.films, 'film')} of "
        f"{known_patients(target.patients, evaluation.films)}, {target.positives:,} of the films positive."
    )
    yield Table(
        ("figure", "value [95 % interval]"),
        (
            ("AUC", notes.cell(own.roc_auc)),
            ("average precision", notes.cell(own.average_precision)),
        ),
        words=frozenset({1}),
    )
    yield from notes.blocks()
    if target.roc is not None:
        patients = [evaluation.films.films[i].patient for i in target.rows]
        name = plot_name(evaluation, bundle, "roc", target)
        yield Picture(
            plots_target.roc(name, target, patients),
            f"ROC curve of {target.name}, left as a whole, right its upper left corner. Band: 95 % at "
            f"each point, from {plots_target.BAND_DRAWS} draws of patients. Marks: operating points.",
        )
    if target.precision_recall is not None:
        name = plot_name(evaluation, bundle, "precision-recall", target)
        yield Picture(
            plots_target.precision_recall(name, target),
            f"Precision and recall of {target.name}. Dotted: the share of positive films, which is "
            "what chance gives.",
        )


def _classes(evaluation: Evaluation, bundle: BundleResult, result: ClassResult) -> Iterator[Block]:
    notes, own = Footnotes(), result.most_probable
    yield Heading("Several classes", 2)
    yield Paragraph(
        f"Each of {counted(result.films, 'film')} called its most probable class, without any threshold."
    )
    keys = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "kappa")
    rows = tuple((NAMES[key], notes.cell(getattr(own, key))) for key in keys)
    yield Table(("figure", "value [95 % interval]"), rows, words=frozenset({1}))
    yield from notes.blocks()
    yield from _by_class(result.ranking, "class against the others")
    yield Picture(
        plots_tables.confusion(plot_name(evaluation, bundle, "confusion-classes"), own.confusion),
        "Films by label (rows) and by what they were called (columns): counts, and shares of each row.",
    )


def _by_class(result: ByClass, name: str) -> Iterator[Block]:
    notes = Footnotes()
    rows = [
        (
            label,
            "-" if own.films is None else f"{own.films:,}",
            "-" if own.positives is None else f"{own.positives:,}",
            notes.cell(own.roc_auc),
            notes.cell(own.average_precision),
        )
        for label, own in [*result.classes.items(), ("mean over all", result.macro)]
    ]
    head = (name, "films", "positive", "AUC", "average precision")
    yield Table(head, tuple(rows), strong=frozenset({len(rows) - 1}))
    yield from notes.blocks()


def points(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Figures at the bundle's operating points."""
    yield Heading(titled(evaluation, bundle, "Operating points"))
    yield read(
        "Sensitivity is the share of positive films that are called so, specificity the share of "
        "negative films that are not; both belong to one threshold, which comes with the bundle and was "
        "not tuned here. PPV and NPV tell what a call means and change with how common the disease is: "
        "read them at the prevalence of your own patients."
    )
    yield from _each(evaluation, bundle, _points)


def _points(evaluation: Evaluation, bundle: BundleResult, target: TargetResult) -> Iterator[Block]:
    notes = Footnotes()
    yield Table(
        ("name", "threshold", "chosen for"),
        tuple(
            (
                f"{point.name}{' (default)' if point.default else ''}",
                f"{point.figures.threshold:.3f}",
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
        plots_target.scores(plot_name(evaluation, bundle, "scores", target), target),
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
            plots_tables.confusion(name, point.confusion),
            f"At {point.name}: films by label (rows) and by what they were called (columns), counts and "
            "shares of each row.",
        )


def _prevalences(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    notes = Footnotes()
    rows = [
        (point.name, share(own.prevalence), notes.cell(own.ppv), notes.cell(own.npv))
        for point in target.points
        for own in point.at_prevalence
    ]
    if rows:
        yield Heading("At other prevalences", 2)
        yield Table(("operating point", "prevalence", "PPV", "NPV"), tuple(rows))
        yield from notes.blocks()
    yield Picture(
        plots_target.predictive_values(plot_name(evaluation, bundle, "prevalence", target), target),
        "PPV and NPV by prevalence, by Bayes' rule from sensitivity and specificity, if these stay what "
        "they are on these films. Marks: the prevalences in the table. Dotted: these films.",
    )


def calibration(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Reliability, ECE, Brier score, slope and intercept."""
    yield Heading(titled(evaluation, bundle, "Calibration"))
    yield read(
        "Of the films with a probability near 0.8, eight in ten should be positive: points on the diagonal "
        "keep that promise, points below it claim too much. ECE is the mean distance; chance alone makes "
        "it larger than 0, so compare it with what perfect probabilities would show on such films."
    )
    if all(target.calibration is None for target in bundle.targets):
        yield from silence(evaluation, bundle, ev.CALIBRATION)
        return
    yield from _each(evaluation, bundle, _calibration)


def _calibration(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    result = target.calibration
    if result is None:
        yield from silence(evaluation, bundle, ev.CALIBRATION)
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
        plots_target.reliability(plot_name(evaluation, bundle, "reliability", target), result),
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


def decision(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Net benefit, risk by coverage, conformal sets."""
    yield Heading(titled(evaluation, bundle, "Decisions and doubt"))
    yield read(
        "Net benefit counts cases found less false alarms, these weighted by the threshold: who acts from "
        "0.2 on takes four needless actions for a needed one. The model helps at a threshold where its "
        "line lies above both acting on all and acting on none."
    )
    if all(target.decision is None for target in bundle.targets):
        yield from silence(evaluation, bundle, ev.DECISION)
    else:
        yield from _each(evaluation, bundle, _decision)
    yield from _conformal(evaluation, bundle)


def _decision(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    if target.decision is not None:
        named = [(point.name, point.figures.threshold) for point in target.points]
        name = plot_name(evaluation, bundle, "decision", target)
        yield Picture(
            plots_target.decision(name, target.decision, named),
            f"Decision curve of {target.name} at the prevalence of these films. Band: 95 % intervals.",
        )
    if target.risk_coverage is not None:
        curve, notes = target.risk_coverage, Footnotes()
        name = plot_name(evaluation, bundle, "risk-coverage", target)
        yield Picture(
            plots_target.risk_coverage(name, curve),
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
        yield from silence(evaluation, bundle, ev.CONFORMAL)
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
        plots_tables.conformal(plot_name(evaluation, bundle, "conformal"), result),
        "Coverage of conformal sets: mean (mark) and range over the splits.",
    )


def _each(evaluation: Evaluation, bundle: BundleResult, part: Part) -> Iterator[Block]:
    """A part of a section for every question, under its name if there are several."""
    for target in bundle.targets:
        if len(bundle.targets) > 1:
            yield Heading(target.name, 2)
        yield from part(evaluation, bundle, target)
