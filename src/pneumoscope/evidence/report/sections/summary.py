"""The first page of a report: what was evaluated, the main figures, and the limitations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.robustness import REALISTIC, worst_of
from pneumoscope.evidence.report.blocks import Heading, Note, Paragraph, Points, Table
from pneumoscope.evidence.report.sections.shortcut_words import verdicts
from pneumoscope.evidence.report.words import NAMES, Footnotes, not_read, sentence
from pneumoscope.metrics import threshold_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.evaluated_films import Films
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import TargetResult
    from pneumoscope.evidence.report.blocks import Block

_LEADING = (
    "sensitivity", "specificity", "balanced_accuracy", "accuracy", "ppv", "npv", "f1",
)  # fmt: skip


def summary(evaluation: Evaluation) -> Iterator[Block]:
    """All blocks of the first page."""
    yield from _what(evaluation)
    yield Heading("In figures", 2)
    for bundle in evaluation.bundles:
        yield from _headline(evaluation, bundle)
        yield Paragraph(verdicts_in_words(bundle))
    worst = [text for bundle in evaluation.bundles if (text := worst_case(bundle))]
    yield Heading("Worst case and shortcuts", 2)
    yield Points(
        (*(worst or ["Worst case: perturbed films were not measured."]), *verdicts(evaluation))
    )
    yield Heading("Limitations", 2)
    yield Points(tuple(limitations_of(evaluation)))


def _what(evaluation: Evaluation) -> Iterator[Block]:
    films = evaluation.films
    titles = " and ".join(bundle.title for bundle in evaluation.bundles)
    verb = "was" if len(evaluation.bundles) == 1 else "were"
    yield Paragraph(
        f"{titles} {verb} evaluated on {counted(len(films.films), 'film')} {_patients(films)} from "
        f"{films.source}. {sentence(films.chosen)}"
    )
    if films.broken:
        yield Paragraph(f"{not_read(len(films.broken))}.")
    for bundle in evaluation.bundles:
        if bundle.overlap.doubtful:
            yield Note(f"{bundle.title}:", sentence(bundle.overlap.words), kind="mind")


def _patients(films: Films) -> str:
    if not films.keyed:
        return "(whose patients are not known; each film counts as one)"
    return f"of {counted(films.patients, 'patient')}"


def _headline(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    if len(bundle.targets) == 1:
        yield from _single_question(evaluation, bundle, bundle.targets[0])
        return
    notes = Footnotes()
    rows = tuple(
        (
            target.name,
            f"{target.positives:,} of {target.films:,}",
            notes.cell(target.ranking.roc_auc),
            notes.cell(target.default.figures.sensitivity),
            notes.cell(target.default.figures.specificity),
        )
        for target in bundle.targets
    )
    name = bundle.targets[0].default.name
    yield Paragraph(
        f"{bundle.title}, at the operating point {name}; 95 % intervals from draws of patients."
    )
    yield Table(("finding", "positive films", "AUC", "sensitivity", "specificity"), rows)
    yield from notes.blocks()


def _single_question(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    notes, point = Footnotes(), target.default
    rob = bundle.robustness
    figures = {"roc_auc": target.ranking.roc_auc} | {
        key: getattr(point.figures, key) for key in _LEADING
    }
    rows = []
    for key, figure in figures.items():
        worst = ""
        condition = None if rob is None else worst_of(rob, key)
        if condition is not None:
            worst = f"{notes.cell(condition.figures[key])} ({condition.words})"
        rows.append((NAMES[key], notes.cell(figure), worst))
    if bundle.classes is not None and len(bundle.meta.labels) > 2:
        figure = bundle.classes.most_probable.accuracy
        rows.append((f"{len(bundle.meta.labels)}-class accuracy", notes.cell(figure), ""))
    if target.calibration is not None:
        after = target.calibration.after
        rows.append(("ECE (0 is best)", notes.cell(after.error.ece), ""))
        rows.append(("Brier score (0 is best)", notes.cell(after.brier.score), ""))
    yield Paragraph(
        f"{bundle.title}: {target.name} ({target.positives:,} films) against {target.negative} "
        f"({target.films - target.positives:,}) at the operating point {point.name}, threshold "
        f"{threshold_text(point.figures.threshold)}. Brackets: 95 % intervals from "
        f"{evaluation.settings.draws:,} draws of patients."
    )
    if rob is None:
        yield Table(("figure", "these films"), tuple(row[:2] for row in rows), words=frozenset({1}))
    else:
        head = f"under the worst of {len(rob.conditions)} perturbations"
        yield Table(("figure", "these films", head), tuple(rows), widths=(2, 2.2, 4))
    yield from notes.blocks()


def verdicts_in_words(bundle: BundleResult) -> str:
    """The labels that readers see and the errors among them, in two sentences."""
    result = bundle.verdicts
    cell = Footnotes().cell
    shares = ", ".join(f"{label.label} {cell(label.share)}" for label in result.labels)
    error = result.shown.error
    wrong = error.note if error.value is None else cell(error)
    return (
        f"Verdicts of {bundle.title} as shown, share of {counted(result.films, 'film')}: {shares}. Wrong among the "
        f"{result.shown.films:,} films with a verdict: {wrong}."
    )


def worst_case(bundle: BundleResult) -> str:
    """A sentence that names the worst perturbation; empty if none was measured."""
    rob = bundle.robustness
    if rob is None or "balanced_accuracy" not in rob.worst:
        return ""
    parts = []
    for realistic in (False, True):
        condition = worst_of(rob, "balanced_accuracy", realistic=realistic)
        if condition is not None:
            figure = condition.figures["balanced_accuracy"]
            value = "is not defined" if figure.value is None else f"is {Footnotes().cell(figure)}"
            parts.append(
                f"{condition.words} ({condition.kind}, severity {condition.severity}): balanced accuracy {value}"
            )
    text = f"Worst case of {bundle.title}, of {len(rob.conditions)} perturbations: {parts[0]}"
    if len(parts) > 1 and parts[1] != parts[0]:
        text += f". Among severities 1 to {REALISTIC}: {parts[1]}"
    return f"{text}."


def limitations_of(evaluation: Evaluation) -> Iterator[str]:
    """The limitations of films and bundles, in sentences."""
    limitations: list[str] = [*evaluation.films.limits]
    for bundle in evaluation.bundles:
        limitations += bundle.warnings
        limitations.append(
            f"Training films of {bundle.title}: {bundle.meta.population.text}; figures measured here "
            "are valid only for films like the evaluated ones"
        )
    limitations += [f"Section {section}: {why}" for section, why in evaluation.silences.items()]
    limitations += [
        f"Section {section} of {bundle.title}: {why}"
        for bundle in evaluation.bundles
        for section, why in bundle.silences.items()
    ]
    limitations.append(
        "No reader, no patient outcome and no clinical use is part of this evaluation"
    )
    yield from dict.fromkeys(sentence(text) for text in limitations)
