"""The section on films to look at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation.settings import GALLERY
from pneumoscope.evidence.report.blocks import (
    Film,
    Gallery,
    Heading,
    Note,
    Paragraph,
)
from pneumoscope.evidence.report.words import (
    counted,
    read,
    sentence,
    silence,
    titled,
)
from pneumoscope.render import heatmap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.section_results import GalleryFilm
    from pneumoscope.evidence.report.blocks import Block


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
        yield from silence(evaluation, bundle, GALLERY)
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
