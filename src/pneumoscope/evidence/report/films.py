"""The sections of a report on films: which, in what groups, the mistakes; and on pairs of bundles."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation import results as ev
from pneumoscope.evidence.report import plots_tables
from pneumoscope.evidence.report.blocks import (
    Film,
    Gallery,
    Heading,
    Note,
    Paragraph,
    Picture,
    Points,
    Table,
)
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    counted,
    plot_name,
    read,
    sentence,
    silence,
    slug,
    titled,
)
from pneumoscope.render import heatmap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.results import (
        BundleResult,
        Evaluation,
        GalleryFilm,
        Pair,
        Subgroup,
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Block

_MOST_BROKEN = 20
_SIDE = 224


def films(evaluation: Evaluation) -> Iterator[Block]:
    """Which films, from where, and what they can't tell."""
    own = evaluation.films
    yield Heading("Films and bundles")
    labels: dict[str, int] = {}
    for film in own.films:
        labels[film.label] = labels.get(film.label, 0) + 1
    rows = [
        ("source", sentence(own.source)),
        ("folder", own.name),
        ("layout", own.layout),
        ("films taken", own.split),
        ("why these", sentence(own.chosen)),
        ("films read", f"{len(own.films):,}"),
        ("films that could not be read", f"{len(own.broken):,}"),
        ("patients", f"{own.patients:,}" if own.keyed else "not known; each film counts as one"),
        ("films with a patient's key", f"{own.keyed:,}"),
        ("labels", ", ".join(f"{name or 'without'} {n:,}" for name, n in labels.items())),
        ("SHA-256 of the list of films", own.sha256),
    ]
    yield Table(("films", ""), tuple(rows), words=frozenset({1}), widths=(1, 3))
    if own.warnings:
        yield Points(tuple(sentence(text) for text in own.warnings))
    if own.broken:
        shown = own.broken[:_MOST_BROKEN]
        yield Paragraph(f"{counted(len(own.broken), 'film')} could not be read and count nowhere:")
        rest = len(own.broken) - len(shown)
        more = (f"and {rest:,} more",) if rest else ()
        yield Points((*(broken.message for broken in shown), *more))
    for bundle in evaluation.bundles:
        yield from _bundle(bundle)


def _bundle(bundle: BundleResult) -> Iterator[Block]:
    meta = bundle.meta
    yield Heading(f"Bundle {bundle.title}", 2)
    network = meta.recipe.get("network") or "not recorded"
    rows = [
        ("intended use", meta.intended_use),
        ("training population", meta.population.text),
        ("training films", str(meta.data.get("source") or "not recorded")),
        ("network", f"{network}, {meta.size} x {meta.size} pixels"),
        ("classes" if meta.negative is not None else "findings", ", ".join(meta.labels)),
        ("SHA-256 of bundle.json", bundle.sha256),
        ("overlap with training films", sentence(bundle.overlap.words)),
        ("speed", f"{bundle.seconds_per_thousand:.1f} s for 1,000 films, from file to prediction"),
    ]
    yield Table(("bundle", ""), tuple(rows), words=frozenset({1}), widths=(1, 3))
    if bundle.warnings:
        yield Points(tuple(sentence(text) for text in bundle.warnings))


def subgroups(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Figures by the values of columns."""
    yield Heading(titled(evaluation, bundle, "Subgroups"))
    yield read(
        "A group with a lower figure may be served worse, if the interval of its difference to the other films "
        "leaves out 0. In small groups intervals are wide: that no difference is found there proves nothing. "
        "Nothing corrects for many groups: of twenty differences that are none, one leaves out 0 by chance."
    )
    if not any(target.subgroups for target in bundle.targets):
        yield from silence(evaluation, bundle, ev.SUBGROUPS)
        return
    for target in bundle.targets:
        if target.subgroups:
            if len(bundle.targets) > 1:
                yield Heading(target.name, 2)
            yield from _subgroups(evaluation, bundle, target)


def _subgroups(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    notes = Footnotes()
    keys = [
        key
        for key in ("roc_auc", "sensitivity", "specificity")
        if key in target.subgroups[0].figures
    ]
    rows = [
        (
            f"{group.column}: {group.value}",
            f"{group.films:,} of {group.patients:,}",
            f"{group.positives:,}",
            *(notes.cell(group.figures.get(key)) for key in keys),
        )
        for group in target.subgroups
    ]
    head = ("group", "films of patients", "positive", *(NAMES[key] for key in keys))
    yield Table(head, tuple(rows), widths=(2.6, 2, 1.2, *([3] * len(keys))))
    yield from notes.blocks()
    if any(group.column == "class" for group in target.subgroups):
        yield Paragraph(
            "A class stands against all negative films, so its specificity is theirs.", soft=True
        )
    for key in ("roc_auc", "sensitivity"):
        drawn = [
            (f"{g.column}: {g.value}", g.figures[key]) for g in target.subgroups if key in g.figures
        ]
        if drawn:
            yield Picture(
                plots_tables.forest(
                    f"{plot_name(evaluation, bundle, 'subgroups', target)}-{slug(NAMES[key])}",
                    drawn,
                    label=NAMES[key],
                    zero=_whole(target, key),
                ),
                f"{sentence(NAMES[key])} Groups with 95 % intervals of patients; dashed: all films.",
            )
    yield from _against_rest(target.subgroups)


def _whole(target: TargetResult, key: str) -> float | None:
    if key == "roc_auc":
        return target.ranking.roc_auc.value
    return target.default.figures.sensitivity.value


def _against_rest(groups: Sequence[Subgroup]) -> Iterator[Block]:
    notes = Footnotes()
    rows = [
        (
            f"{group.column}: {group.value}",
            NAMES.get(key, key),
            notes.cell(found.difference),
            found.verdict.replace("first model's figure", "group's figure").replace(
                "second model's figure", "other films' figure"
            ),
        )
        for group in groups
        for key, found in group.against_rest.items()
    ]
    if rows:
        yield Heading("Groups against all other films", 2)
        yield Table(
            ("group", "figure", "difference", "in words"),
            tuple(rows),
            words=frozenset({1, 3}),
            widths=(2.2, 2, 3, 5),
        )
        yield from notes.blocks()


def gallery(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Mistakes and doubts, with heatmaps and nearest training films."""
    yield Heading(titled(evaluation, bundle, "Films to look at"))
    yield read(
        "The mistakes that the model was surest of, and the films nearest its threshold: whoever signs for "
        "this model should have looked at each. The colour shows which regions raised the score of the "
        "named class; it is not an outline of disease."
    )
    found = bundle.gallery
    if found is None:
        yield from silence(evaluation, bundle, ev.GALLERY)
        return
    tally = ", ".join(counted(n, kind) for kind, n in found.mistakes.items())
    yield Paragraph(f"{sentence(found.words)} In all: {tally or 'no mistakes'}.")
    yield Note(
        "Confidential.", "These pictures are films: treat this report as you treat them.", "mind"
    )
    for kind in dict.fromkeys(film.kind for film in found.films):
        own = [film for film in found.films if film.kind == kind]
        yield Heading(sentence(kind).rstrip("."), 2)
        yield _grid(own)
    if found.training_films:
        yield Paragraph(
            f"Beside each film its nearest of {counted(found.training_films, 'training film')}, by the cosine "
            "of the network's embeddings: of the same label and of another.",
            soft=True,
        )
    if not found.training_films:
        yield Paragraph("No training films were at hand to look for like ones.", soft=True)


def _film(film: GalleryFilm) -> Film:
    grey = film.pixels.astype(np.float32) / np.float32(255)
    return Film(
        jpeg(heatmap.overlay(grey, film.heatmap)),
        (
            f"{film.label}, called {film.called}",
            f"P({film.target}) {film.p:.3f}, threshold {film.threshold:.3f}",
            f"heat of {film.heatmap_class}",
            film.path,
        ),
    )


def _grid(films: Sequence[GalleryFilm]) -> Gallery:
    """Films, each with its nearest training films beside it."""
    width = 1 + max(len(film.neighbours) for film in films)
    if width == 1:
        return Gallery(tuple(_film(film) for film in films))
    cells: list[Film | None] = []
    for film in films:
        near = [
            Film(
                jpeg(own.pixels),
                (
                    f"training film: {own.label}",
                    f"likeness {own.similarity:.3f}",
                    own.path,
                ),
            )
            for own in film.neighbours
        ]
        cells += [_film(film), *near, *([None] * (width - 1 - len(near)))]
    return Gallery(tuple(cells), columns=width * max(1, 6 // width))


def jpeg(pixels: NDArray[np.uint8], quality: int = 88) -> bytes:
    """A picture, grey or RGB, as JPEG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def pairs(evaluation: Evaluation) -> Iterator[Block]:
    """Every two bundles on the same films."""
    if len(evaluation.bundles) < 2:
        return
    yield Heading("Bundles compared")
    yield read(
        "The bundles read the same films, so their differences are measured in pairs: if an interval holds 0, "
        "these films do not show which bundle is better. Each verdict says how large a difference would have "
        "had to be to be found."
    )
    if not evaluation.pairs:
        yield from silence(evaluation, None, ev.PAIRS)
    for pair in evaluation.pairs:
        yield from _pair(pair)


def _pair(pair: Pair) -> Iterator[Block]:
    notes = Footnotes()
    yield Heading(f"{pair.first} and {pair.second}: {pair.target}", 2)
    yield Paragraph(
        f"{counted(pair.films, 'film')} of {counted(pair.patients, 'patient')}; calls at {pair.points[0]} and "
        f"{pair.points[1]}. Difference: {pair.first} less {pair.second}, 95 % intervals from paired draws of "
        "patients."
    )
    rows = tuple(
        (
            NAMES.get(key, key),
            notes.number(own.first, why="does not exist on these films"),
            notes.number(own.second, why="does not exist on these films"),
            notes.cell(own.difference),
            own.verdict,
        )
        for key, own in pair.differences.items()
    )
    head = ("figure", "first", "second", "difference", "in words")
    yield Table(head, rows, words=frozenset({4}), widths=(2, 1.1, 1.1, 2.9, 5))
    yield from notes.blocks()
    drawn = [
        (NAMES.get(key, key), own.difference)
        for key, own in pair.differences.items()
        if not key.startswith("lr_")  # ratios, on another scale
    ]
    yield Picture(
        plots_tables.forest(
            slug("pair", pair.first, pair.second, pair.target), drawn, label="difference", zero=0.0
        ),
        f"Differences, {pair.first} less {pair.second}, with 95 % intervals of patients.",
    )
    yield from _tests(pair)


def _tests(pair: Pair) -> Iterator[Block]:
    notes = Footnotes()
    delong = pair.delong
    why = delong.difference.note or "not defined"
    rows = [("DeLong, AUC", notes.cell(delong.difference), notes.number(delong.p_value, why=why))]
    rows += [
        (
            f"McNemar, {name}",
            f"{test.only_first:,} against {test.only_second:,} films",
            f"{test.p_mid:.3f}",
        )
        for name, test in pair.mcnemar.items()
    ]
    yield Paragraph(
        "Tests that readers expect; both take films as independent, so with several films of a patient they "
        "find differences too easily. McNemar: films that only one of the two calls rightly, mid-p.",
        soft=True,
    )
    yield Table(("test", "difference", "p"), tuple(rows), widths=(2, 3, 1))
    yield from notes.blocks()
