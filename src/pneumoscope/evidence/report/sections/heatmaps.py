"""The sections of a report on heatmaps: do they depend on what the network has learned?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.settings import SANITY
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots import heatmaps as heatmap_plots
from pneumoscope.evidence.report.plots.style import saved
from pneumoscope.evidence.report.words import (
    Footnotes,
    how_to_read,
    plot_name,
    share,
    silence,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.heatmap_deletion import Perturbation
    from pneumoscope.evidence.evaluation.heatmap_sanity import Randomisation, Similarity
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.report.blocks import Block

_VERDICT = {
    True: "Passed: with all layers random, both intervals are below 0.5.",
    False: "Not passed: with all layers random, the maps still resemble the original ones.",
    None: "No verdict: there are too few patients for an interval.",
}


def sanity(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Randomised weights, deletion and insertion."""
    if not bundle.meta.heatmaps:  # the limitations say so
        return
    yield Heading(titled(evaluation, bundle, "Are the heatmaps about the network?"))
    yield how_to_read(
        "A heatmap that stays the same when the weights of the network are replaced by random ones shows the film, "
        "not the network. If a heatmap marks the regions that matter, the probability falls fast when its "
        "hottest parts are deleted, and faster than with randomly chosen parts."
    )
    result = bundle.sanity
    if result is None:
        yield from silence(evaluation, bundle, SANITY)
        return
    if result.randomisation is not None:
        yield from _randomised(evaluation, bundle, result.randomisation)
    if result.perturbation is not None:
        yield from _perturbed(evaluation, bundle, result.perturbation)


def _randomised(
    evaluation: Evaluation, bundle: BundleResult, result: Randomisation
) -> Iterator[Block]:
    notes = Footnotes()
    yield Heading("Random weights, layer by layer", 2)
    yield Paragraph(
        f"{counted(result.films, 'film')}, {counted(result.repeats, 'random network')}. {_VERDICT[result.passed]}"
    )
    yield Picture(
        saved(
            plot_name(evaluation, bundle, "randomised-weights"),
            6.4,
            3.3,
            lambda: heatmap_plots.plot_randomisation(result),
        ),
        "Similarity to the original maps by the number of random layers, counted from the output. Horizontal "
        "lines: similarity between the maps of two different films, since all chests are similar.",
    )
    rows = [
        (
            f"{depth.layers}, down to {depth.layer}",
            *_similar(notes, depth.similarity),
            share(depth.blank),
        )
        for depth in result.depths
    ]
    rows.append(("original network, two different films", *_similar(notes, result.other_films), ""))
    head = ("random layers", "rank correlation", "structural similarity", "blank maps")
    yield Table(head, tuple(rows), widths=(4, 3, 3, 1.4))
    yield from notes.blocks()


def _perturbed(
    evaluation: Evaluation, bundle: BundleResult, result: Perturbation
) -> Iterator[Block]:
    notes = Footnotes()
    yield Heading("Deletion and insertion", 2)
    left = (
        f" {counted(result.left_out, 'film')} with a blank map left out." if result.left_out else ""
    )
    yield Paragraph(f"{counted(result.films, 'film')}.{left}")
    yield Picture(
        saved(
            plot_name(evaluation, bundle, "deletion-insertion"),
            6.9,
            3.2,
            lambda: heatmap_plots.plot_perturbation(result),
        ),
        "Probability of the explained class while pixels are replaced by the mean of the film (left) or inserted "
        "into the blurred film (right), in four orders.",
    )
    rows = [
        (
            f"{what}: {curve.order}",
            notes.cell(curve.area),
            "" if curve.gain is None else notes.cell(curve.gain),
        )
        for what, curves in (("deletion", result.deletion), ("insertion", result.insertion))
        for curve in curves
    ]
    yield Table(
        ("order of the pixels", "area under the curve", "advantage of the heatmap"), tuple(rows)
    )
    yield from notes.blocks()


def agreement(evaluation: Evaluation) -> Iterator[Block]:
    """Heatmaps of several bundles on the same films."""
    result = evaluation.agreement
    if result is None:
        return
    notes = Footnotes()
    yield Heading("Do the bundles' heatmaps agree?")
    yield how_to_read(
        "Bundles that differ by chance alone should mark the same regions. If their maps are no more similar than "
        "maps of different films, do not interpret the regions that one of them marks."
    )
    yield Paragraph(f"{counted(result.films, 'film')}.")
    rows = [(name, *_similar(notes, similarity)) for name, similarity in result.pairs.items()]
    rows.append(("all pairs", *_similar(notes, result.mean)))
    rows.append(("two different films", *_similar(notes, result.other_films)))
    yield Table(("maps of", "rank correlation", "structural similarity"), tuple(rows))
    yield from notes.blocks()
    yield Picture(
        saved(
            "agreement", 6.4, 1.4 + 0.35 * len(rows), lambda: heatmap_plots.plot_agreement(result)
        ),
        "Similarity between the bundles' maps of the same film, and between maps of different films.",
    )


def _similar(notes: Footnotes, similarity: Similarity) -> tuple[str, str]:
    return notes.cell(similarity.rank), notes.cell(similarity.ssim)
