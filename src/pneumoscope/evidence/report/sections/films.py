"""The section on films and bundles of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import (
    Heading,
    Paragraph,
    Points,
    Table,
)
from pneumoscope.evidence.report.words import not_read, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.report.blocks import Block

_MOST_BROKEN = 20


def films_and_bundles(evaluation: Evaluation) -> Iterator[Block]:
    """The films, their source and their limitations, and the bundles."""
    films = evaluation.films
    yield Heading("Films and bundles")
    labels: dict[str, int] = {}
    for film in films.films:
        labels[film.label] = labels.get(film.label, 0) + 1
    rows = [
        ("source", sentence(films.source)),
        ("folder", films.name),
        ("layout", films.layout),
        ("split", films.split),
        ("why these films", sentence(films.chosen)),
        ("films read", f"{len(films.films):,}"),
        ("films that could not be read", f"{len(films.broken):,}"),
        (
            "patients",
            f"{films.patients:,}" if films.keyed else "not known; each film counts as one",
        ),
        ("films with a patient key", f"{films.keyed:,}"),
        ("labels", ", ".join(f"{name or 'without'} {n:,}" for name, n in labels.items())),
        ("SHA-256 of the list of films", films.sha256),
    ]
    yield Table(("films", ""), tuple(rows), words=frozenset({1}), widths=(1, 3))
    if films.warnings:
        yield Points(tuple(sentence(text) for text in films.warnings))
    if films.broken:
        shown = films.broken[:_MOST_BROKEN]
        yield Paragraph(f"{not_read(len(films.broken))}:")
        rest = len(films.broken) - len(shown)
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
