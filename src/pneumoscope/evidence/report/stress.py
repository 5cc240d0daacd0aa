"""The sections of a report on what a result rests on: perturbations, shortcuts, anatomy, heatmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.evidence.audit.shortcuts import ALL, FILE, PICTURE, THUMBNAIL
from pneumoscope.evidence.evaluation import results as ev
from pneumoscope.evidence.evaluation.robustness import REALISTIC, worst_of
from pneumoscope.evidence.report import plots_tables
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
    slug,
    titled,
)
from pneumoscope.evidence.statistics.intervals import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.audit.shortcuts import Score, Shortcuts
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation, Robustness
    from pneumoscope.evidence.report.blocks import Block

SOURCES = (FILE, PICTURE, THUMBNAIL, ALL)
_ORDER = ("balanced_accuracy", "sensitivity", "specificity", "roc_auc")


def robustness(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Perturbed films at the fixed operating point."""
    yield Heading(titled(evaluation, bundle, "Robustness"))
    yield read(
        "Each panel changes the films in one way, in five steps (0: as they are), and leaves the threshold "
        "alone. A line that falls tells which films need more care; how often such films occur in your "
        "department, only you can tell."
    )
    result = bundle.robustness
    if result is None:
        yield from silence(evaluation, bundle, ev.ROBUSTNESS)
        return
    yield from _worst(result)
    yield Picture(
        plots_tables.robustness(plot_name(evaluation, bundle, "robustness"), result),
        f"Figures by severity at {result.point}, whose threshold stays what it is. Whiskers: 95 % intervals of "
        "balanced accuracy; the table has those of all figures.",
    )
    notes = Footnotes()
    keys = [key for key in _ORDER if key in result.plain]
    rows = [("as they are", "0", *(notes.cell(result.plain[key]) for key in keys))]
    rows += [
        (c.words, str(c.severity), *(notes.cell(c.figures[key]) for key in keys))
        for c in result.conditions
    ]
    bad = {result.worst[key] for key in keys if key in result.worst}
    strong = frozenset(i for i, c in enumerate(result.conditions, 1) if (c.kind, c.severity) in bad)
    yield Heading("Every perturbation", 2)
    yield Table(
        ("films", "step", *(NAMES[key] for key in keys)),
        tuple(rows),
        strong=strong,
        widths=(3.4, 1.1, *([3.4] * len(keys))),
    )
    yield from notes.blocks()


def _worst(result: Robustness) -> Iterator[Block]:
    notes = Footnotes()
    rows = []
    for key in (key for key in _ORDER if key in result.plain):
        for name, realistic in (("any severity", False), (f"severity 1 to {REALISTIC}", True)):
            found = worst_of(result, key, realistic=realistic)
            if found is None:
                continue
            change = found.change.get(key)
            rows.append(
                (
                    f"{NAMES[key]}, {name}",
                    f"{found.words} ({found.severity})",
                    notes.cell(result.plain[key]),
                    notes.cell(found.figures[key]),
                    notes.cell(change.difference if change is not None else None),
                )
            )
    if rows:
        head = ("worst case of", "films", "as they are", "worst", "change")
        yield Table(head, tuple(rows), words=frozenset({1}), widths=(3.6, 3.2, 3, 3, 3.2))
        yield from notes.blocks()


def shortcuts(evaluation: Evaluation) -> Iterator[Block]:
    """What tells the labels of these films apart without anatomy."""
    yield Heading("Shortcuts in the films")
    yield read(
        "How well can the label be told from what holds little or no anatomy: the file, brightness and sharpness, a "
        "picture of 16 x 16 pixels? Where that does nearly as well as the model, the model's result proves "
        "little about reading lungs, because nobody knows which of the two it reads."
    )
    if not evaluation.shortcuts:
        yield from silence(evaluation, None, ev.SHORTCUTS)
        return
    for contrast in evaluation.shortcuts:
        yield from _shortcuts(evaluation, contrast)


def _shortcuts(evaluation: Evaluation, contrast: Shortcuts) -> Iterator[Block]:
    yield Heading(contrast.contrast, 2)
    if contrast.silence:
        yield Paragraph(f"Can't say: {contrast.silence}.")
        return
    yield Paragraph(
        f"{counted(contrast.films, 'film')} of {known_patients(contrast.patients, evaluation.films)}, "
        f"{share(contrast.prevalence)} {contrast.positive}. Everything that needs fitting was scored out of "
        "fold, with all films of a patient in one fold.",
        soft=True,
    )
    best = [contrast.best(source) for source in SOURCES]
    found = [score for score in best if score is not None]
    whole = model_auc(evaluation, contrast)
    if found:
        rows = [(f"{score.source}: {score.feature}", auc_of(score), False) for score in found]
        rows += [
            (f"model: {name}", figure, True) for name, figure in _views_of(evaluation, contrast)
        ]
        yield Picture(
            plots_tables.bars(slug("shortcuts", contrast.contrast), rows, whole=whole),
            "The best that each source tells on its own (hatched), with 95 % intervals of patients, and "
            "the model on whole films (dashed).",
        )
    notable = sorted((s for s in contrast.scores if not s.constant), key=lambda s: -s.auc.value)
    rows_all = tuple(
        (s.source, s.feature, f"{s.auc.value:.3f} [{s.auc.low:.3f}, {s.auc.high:.3f}]", s.words)
        for s in notable
    )
    yield Table(
        ("source", "what is known", "AUC", "what the films have"),
        rows_all,
        words=frozenset({1, 3}),
        widths=(2, 3.4, 2.4, 4.4),
        strong=frozenset(i for i, s in enumerate(notable) if s in found),
    )
    constant = [s.feature for s in contrast.scores if s.constant]
    if constant:
        yield Paragraph(
            f"The same for all films, so they tell nothing: {', '.join(constant)}.", soft=True
        )


def model_auc(evaluation: Evaluation, contrast: Shortcuts) -> tuple[str, Figure] | None:
    """The first bundle's AUC on the question that a contrast asks, with words for it."""
    bundle = evaluation.bundles[0]
    for target in bundle.targets:
        if target.name.lower() == contrast.positive.lower() or len(bundle.targets) == 1:
            auc = target.ranking.roc_auc
            same = target.positives == round(contrast.prevalence * contrast.films)
            if same and target.films == contrast.films and auc.value is not None:
                return f"{bundle.title} on whole films, {auc.value:.3f}", auc
    return None


def _views_of(evaluation: Evaluation, contrast: Shortcuts) -> list[tuple[str, Figure]]:
    """What the first bundle tells from changed films, if that was measured."""
    anatomy = evaluation.bundles[0].anatomy
    if anatomy is None or model_auc(evaluation, contrast) is None:
        return []
    return [(view.name, view.roc_auc) for view in anatomy.views[1:]]


def auc_of(score: Score) -> Figure:
    """A shortcut's AUC as a figure."""
    return Figure(score.auc.value, score.auc.low, score.auc.high)


def anatomy(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Films with and without their lungs; where the heat lies."""
    yield Heading(titled(evaluation, bundle, "Films without lungs"))
    yield read(
        "The model reads the same films with their lungs painted over: what it still tells then, it does not "
        "tell from lungs. The other way round proves less: it may fail on films of lungs alone because it "
        "never saw such films."
    )
    result = bundle.anatomy
    if result is None:
        yield from silence(evaluation, bundle, ev.ANATOMY)
        return
    yield Paragraph(
        f"{bundle.anatomy_of}: {counted(result.films, 'film')} of {known_patients(result.patients, evaluation.films)}; "
        f"the lung field is found by a classical method, which doubts itself on {result.doubted:,} of them."
    )
    notes = Footnotes()
    rows = tuple(
        (
            view.name,
            notes.cell(view.roc_auc),
            "" if view.lost is None else notes.cell(view.lost),
            "" if view.needs_anatomy is None else notes.cell(view.needs_anatomy),
        )
        for view in result.views
    )
    alone = (
        ("outlines of the lungs alone, without the model", result.outline_auc),
        ("edges of the lungs' box alone, without the model", result.box_auc),
    )
    yield Table(
        ("films", "AUC", "lost", "share that needs anatomy"),
        (*rows, *((name, notes.cell(auc), "", "") for name, auc in alone)),
        widths=(4, 3, 3, 3),
    )
    yield from notes.blocks()
    yield Paragraph(
        "Share that needs anatomy: of what the model's AUC has above chance (0.5), the part that is gone "
        "without the lungs; above 1 the films without lungs are ranked the wrong way round. Outlines and edges "
        "alone: how much the masks themselves give away. All films' lungs: one mask for all, which hides "
        f"{share(result.hidden_by_places)} of the lung field and {share(result.area_of_places)} of the film.",
        soft=True,
    )
    drawn = [(view.name, view.roc_auc) for view in result.views]
    yield Picture(
        plots_tables.forest(
            plot_name(evaluation, bundle, "anatomy"),
            [*drawn, ("outlines alone", result.outline_auc), ("box alone", result.box_auc)],
            label="AUC",
            zero=0.5,
        ),
        "AUC of the model on changed films, with 95 % intervals of patients. Dashed: chance.",
    )
    yield from _heat(result)


def _heat(result: Any) -> Iterator[Block]:
    notes = Footnotes()
    rows = tuple(
        (
            label,
            f"{heat.films:,}",
            f"{notes.cell(heat.in_lungs)} of {share(heat.area_of_lungs)}",
            f"{notes.cell(heat.in_box)} of {share(heat.area_of_box)}",
            f"{notes.cell(heat.outside_body)} of {share(heat.area_outside_body)}",
        )
        for label, heat in result.heat.items()
    )
    if not rows:
        return
    yield Heading("Where the heat lies", 2)
    yield Paragraph(
        "Share of the heat inside a region, and after it the share of the film that the region takes: heat "
        "spread evenly would have as much.",
        soft=True,
    )
    head = ("heat of", "films", "lungs", "box of the lungs", "outside the body")
    yield Table(head, rows, widths=(2, 1, 4, 4, 4))
    yield from notes.blocks()
