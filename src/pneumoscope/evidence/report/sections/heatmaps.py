"""The sections of a report on heatmaps: do they depend on what the network learned?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.settings import SANITY
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots import heatmaps as heatmap_plots
from pneumoscope.evidence.report.plots.style import saved
from pneumoscope.evidence.report.words import (
    Footnotes,
    counted,
    plot_name,
    read,
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
    True: "Passed: with all layers random, both intervals lie below 0.5.",
    False: "Not passed: with all layers random, the maps still resemble the untouched ones.",
    None: "No verdict: there is no interval for so few patients.",
}


def sanity(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Randomised weights, deletion and insertion."""
    yield Heading(titled(evaluation, bundle, "Are the heatmaps about the network?"))
    yield read(
        "A heatmap that stays the same when the network's weights are replaced by random ones shows the film, "
        "not the network. A heatmap that points at what matters makes the probability fall fast when its "
        "hottest parts are deleted, faster than parts chosen at random."
    )
    found = bundle.sanity
    if found is None:
        yield from silence(evaluation, bundle, SANITY)
        return
    if found.randomisation is not None:
        yield from _randomised(evaluation, bundle, found.randomisation)
    if found.perturbation is not None:
        yield from _perturbed(evaluation, bundle, found.perturbation)


def _randomised(
    evaluation: Evaluation, bundle: BundleResult, found: Randomisation
) -> Iterator[Block]:
    notes = Footnotes()
    yield Heading("Random weights, layer by layer", 2)
    yield Paragraph(
        f"{counted(found.films, 'film')}, {counted(found.repeats, 'random network')}. {_VERDICT[found.passed]}"
    )
    yield Picture(
        saved(
            plot_name(evaluation, bundle, "randomised-weights"),
            6.4,
            3.3,
            lambda: heatmap_plots.plot_randomisation(found),
        ),
        "Similarity to the untouched maps by the number of random layers, from the output down. Level lines: "
        "how alike the maps of two different films are, since chests are alike.",
    )
    rows = [
        (
            f"{depth.layers}, down to {depth.layer}",
            *_similar(notes, depth.similarity),
            share(depth.blank),
        )
        for depth in found.depths
    ]
    rows.append(("untouched, two different films", *_similar(notes, found.other_films), ""))
    head = ("random layers", "rank correlation", "structural similarity", "blank maps")
    yield Table(head, tuple(rows), widths=(4, 3, 3, 1.4))
    yield from notes.blocks()


def _perturbed(
    evaluation: Evaluation, bundle: BundleResult, found: Perturbation
) -> Iterator[Block]:
    notes = Footnotes()
    yield Heading("Deletion and insertion", 2)
    left = (
        f" {counted(found.left_out, 'film')} with a blank map left out." if found.left_out else ""
    )
    yield Paragraph(f"{counted(found.films, 'film')}.{left}")
    yield Picture(
        saved(
            plot_name(evaluation, bundle, "deletion-insertion"),
            6.9,
            3.2,
            lambda: heatmap_plots.plot_perturbation(found),
        ),
        "Probability of the explained class while pixels are replaced by the film's mean (left) or put into the "
        "blurred film (right), in four orders.",
    )
    rows = [
        (
            f"{what}: {curve.order}",
            notes.cell(curve.area),
            "" if curve.gain is None else notes.cell(curve.gain),
        )
        for what, curves in (("deletion", found.deletion), ("insertion", found.insertion))
        for curve in curves
    ]
    yield Table(
        ("order of the pixels", "area under the curve", "heatmap is better by"), tuple(rows)
    )
    yield from notes.blocks()


def agreement(evaluation: Evaluation) -> Iterator[Block]:
    """Heatmaps of several bundles on the same films."""
    found = evaluation.agreement
    if found is None:
        return
    notes = Footnotes()
    yield Heading("Do the bundles' heatmaps agree?")
    yield read(
        "Bundles that differ by chance alone should point at the same places. If their maps are no more alike "
        "than maps of different films, do not read anything into where one of them points."
    )
    yield Paragraph(f"{counted(found.films, 'film')}.")
    rows = [(name, *_similar(notes, own)) for name, own in found.pairs.items()]
    rows.append(("all pairs", *_similar(notes, found.mean)))
    rows.append(("two different films", *_similar(notes, found.other_films)))
    yield Table(("maps of", "rank correlation", "structural similarity"), tuple(rows))
    yield from notes.blocks()
    yield Picture(
        saved(
            "agreement", 6.4, 1.4 + 0.35 * len(rows), lambda: heatmap_plots.plot_agreement(found)
        ),
        "Similarity of the bundles' maps of one film, and of different films.",
    )


def _similar(notes: Footnotes, similarity: Similarity) -> tuple[str, str]:
    return notes.cell(similarity.rank), notes.cell(similarity.ssim)
