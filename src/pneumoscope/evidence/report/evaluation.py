"""An evaluation as a report: ``report.html``, ``report.pdf`` and a folder of plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report import html_page, pdf
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Points, Report, Table
from pneumoscope.evidence.report.checklists import section as checklists
from pneumoscope.evidence.report.sections import (
    anatomy,
    calibration,
    conformal,
    decision,
    discrimination,
    films,
    gallery,
    localisation,
    pairs,
    participants,
    points,
    robustness,
    seeds,
    shortcuts,
    sources,
    subgroups,
    summary,
    verdicts,
)
from pneumoscope.evidence.report.sections.heatmaps import agreement, sanity
from pneumoscope.evidence.report.words import sentence
from pneumoscope.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pneumoscope.evidence.evaluation.results import Evaluation
    from pneumoscope.evidence.report.blocks import Block, Plot

HTML, PDF, PLOTS = "report.html", "report.pdf", "plots"
_PER_BUNDLE = (
    verdicts.verdicts,
    discrimination.discrimination,
    points.points,
    calibration.calibration,
    decision.decision,
    conformal.conformal,
    robustness.robustness,
    anatomy.anatomy,
    localisation.localisation,
    sanity,
    sources.sources,
    subgroups.subgroups,
    gallery.gallery,
)


def report_of(evaluation: Evaluation) -> Report:
    """The whole report as blocks.

    Its pictures are films, so the report is as confidential as they are.
    """
    titles = ", ".join(bundle.title for bundle in evaluation.bundles)
    hashes = ", ".join(f"{bundle.title} {bundle.sha256[:12]}" for bundle in evaluation.bundles)
    texts = (bundle.meta.population.text for bundle in evaluation.bundles)
    populations = [sentence(text) for text in texts if text]
    return Report(
        title=f"Evaluation of {titles}",
        subtitle=f"{evaluation.films.name} · {counted(len(evaluation.films.films), 'film')} · pneumoscope "
        f"{evaluation.version} · {evaluation.created[:10]} · bundle SHA-256: "
        + ", ".join(bundle.sha256 for bundle in evaluation.bundles),
        mark=hashes,
        blocks=tuple(_blocks(evaluation)),
        facts=tuple(("Made for", text) for text in dict.fromkeys(populations)),
    )


def plots_of(report: Report) -> list[Plot]:
    """Every plot of a report, in order."""
    return [block.plot for block in report.blocks if isinstance(block, Picture)]


def write(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Writes ``report.html``, ``report.pdf`` and ``plots/*.png`` and ``*.svg``.

    Args:
        evaluation: What to report.
        folder: Created if it does not exist; existing files with these names are replaced.

    Returns:
        The page, the PDF and the folder of plots.
    """
    report = report_of(evaluation)
    plots = folder / PLOTS
    plots.mkdir(parents=True, exist_ok=True)
    files = {folder / HTML: html_page.html(report).encode(), folder / PDF: pdf.pdf(report)}
    for plot in plots_of(report):
        files[plots / f"{plot.name}.png"] = plot.png
        files[plots / f"{plot.name}.svg"] = plot.svg
    for path, content in files.items():
        with replacing(path) as stream:
            stream.write(content)
    return [folder / HTML, folder / PDF, plots]


def _blocks(evaluation: Evaluation) -> Iterator[Block]:
    yield from summary.summary(evaluation)
    yield from films.films_and_bundles(evaluation)
    yield from participants.participants(evaluation)
    yield from pairs.pairs(evaluation)
    yield from seeds.seeds(evaluation)
    yield from agreement(evaluation)
    for bundle in evaluation.bundles:
        for section in _PER_BUNDLE:
            yield from section(evaluation, bundle)
    yield from shortcuts.shortcuts(evaluation)
    yield from checklists.sections(evaluation)
    yield from _method(evaluation)


def _method(evaluation: Evaluation) -> Iterator[Block]:
    settings = evaluation.settings
    yield Heading("How this was measured")
    yield Points(
        (
            f"Intervals (95 %): {settings.draws:,} draws of patients with all their films, seed "
            f"{settings.seed}; value and standard error on an unbounded scale (logit for shares), Student's t "
            "with (patients - 1) degrees of freedom, of the patients that the figure rests on (sensitivity: the ill ones). "
            "Where all draws agree: the exact interval of Clopper and "
            "Pearson. Where there is no interval, a note gives the reason.",
            "AUC and average precision over all thresholds; ties count half. ECE over bins with equal numbers "
            "of films. Brier score after Murphy (1973), slope and intercept after Cox (1958).",
            "Decision curves after Vickers and Elkin (2006), risk and coverage after Geifman and El-Yaniv "
            "(2017). Conformal sets by the rule of the product: with the limits of the bundle, and with limits "
            "from halves of the patients.",
            "No interval is corrected for the number of figures: of 20 differences, one is expected to exclude "
            "0 by chance.",
        )
    )
    rows = [
        ("sections requested", ", ".join(settings.sections)),
        ("split requested", settings.split),
        ("prevalences", ", ".join(f"{p:g}" for p in settings.prevalences) or "none"),
        ("columns for subgroups", ", ".join(settings.by) or "none"),
        ("pneumoscope", evaluation.version),
        *((name, version) for name, version in evaluation.packages.items()),
        *((f"seconds: {step}", f"{spent:.1f}") for step, spent in evaluation.seconds.items()),
        ("created (UTC)", evaluation.created),
    ]
    yield Table(("record", ""), tuple(rows), words=frozenset({1}), widths=(1, 2))
    yield Paragraph(
        "metrics.json contains every figure of this report, predictions.parquet the probabilities and the verdict "
        "of every film. The folder plots contains every plot as PNG and SVG.",
        soft=True,
    )
