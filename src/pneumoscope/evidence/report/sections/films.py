"""The section on the films and the bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import (
    Heading,
    Paragraph,
    Points,
    Table,
)
from pneumoscope.evidence.report.words import (
    counted,
    sentence,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
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
