"""The section of a report that shows films to look at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.settings import GALLERY
from pneumoscope.evidence.report.blocks import (
    Film,
    Gallery,
    Heading,
    Note,
    Paragraph,
)
from pneumoscope.evidence.report.words import (
    how_to_read,
    sentence,
    silence,
    titled,
)
from pneumoscope.metrics import threshold_text
from pneumoscope.render import heatmap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.section_results import GalleryFilm
    from pneumoscope.evidence.report.blocks import Block


def gallery(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Mistakes and uncertain films, with heatmaps and the nearest training films."""
    yield Heading(titled(evaluation, bundle, "Films to look at"))
    yield how_to_read(
        "The most confident mistakes, and the films nearest the threshold. Anyone who approves this model should "
        "have looked at each of them."
        + (
            " The colour shows which regions raised the score of the named class; it is not an outline of disease."
            if bundle.meta.heatmaps
            else ""
        )
    )
    shown = bundle.gallery
    if shown is None:
        yield from silence(evaluation, bundle, GALLERY)
        return
    tally = ", ".join(counted(n, kind) for kind, n in shown.mistakes.items())
    yield Paragraph(f"{sentence(shown.words)} In all: {tally or 'no mistakes'}.")
    yield Note(
        "Confidential.",
        "These pictures are films: protect this report as you protect them.",
        "mind",
    )
    for kind in dict.fromkeys(film.kind for film in shown.films):
        films = [film for film in shown.films if film.kind == kind]
        yield Heading(sentence(kind).rstrip("."), 2)
        yield _grid(films)
    if shown.training_films:
        yield Paragraph(
            f"Beside each film its nearest of {counted(shown.training_films, 'training film')}, by the cosine "
            "similarity of the network's embeddings, with the same label and with another.",
            soft=True,
        )
    if not shown.training_films:
        yield Paragraph("No training films were available to search for similar ones.", soft=True)


def _film(film: GalleryFilm) -> Film:
    picture, caption = film.pixels, []
    if film.heatmap is not None:
        picture, caption = _overlay(film, film.heatmap), [f"heatmap of {film.heatmap_class}"]
    return Film(
        jpeg(picture),
        (
            f"{film.label}, called {film.called}",
            f"P({film.target}) {film.p:.3f}, threshold {threshold_text(film.threshold)}",
            *caption,
            film.path,
        ),
    )


def _overlay(film: GalleryFilm, heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = film.pixels.astype(np.float32) / np.float32(255)
    # Of several findings, the map of an absent one still is that of the finding.
    healthy = film.target not in (film.called, film.heatmap_class)
    return heatmap.overlay(grey, heat, healthy=healthy)


def _grid(films: Sequence[GalleryFilm]) -> Gallery:
    """A grid of films with their nearest training films beside them."""
    width = 1 + max(len(film.neighbours) for film in films)
    if width == 1:
        return Gallery(tuple(_film(film) for film in films))
    cells: list[Film | None] = []
    for film in films:
        near = [
            Film(
                jpeg(neighbour.pixels),
                (
                    f"training film: {neighbour.label}",
                    f"similarity {neighbour.similarity:.3f}",
                    neighbour.path,
                ),
            )
            for neighbour in film.neighbours
        ]
        cells += [_film(film), *near, *([None] * (width - 1 - len(near)))]
    return Gallery(tuple(cells), columns=width * max(1, 6 // width))


def jpeg(pixels: NDArray[np.uint8], quality: int = 88) -> bytes:
    """A picture, uint8 (rows, columns) or (rows, columns, 3), as JPEG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return stream.getvalue()
