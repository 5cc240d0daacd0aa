"""The section on pairs of bundles of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.evaluation.settings import PAIRS
from pneumoscope.evidence.report.blocks import (
    Heading,
    Paragraph,
    Picture,
    Table,
)
from pneumoscope.evidence.report.plots.forest import forest
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    how_to_read,
    silence,
    slug,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import Evaluation, Pair
    from pneumoscope.evidence.report.blocks import Block


def pairs(evaluation: Evaluation) -> Iterator[Block]:
    """Every pair of bundles on the same films."""
    if len(evaluation.bundles) < 2:
        return
    yield Heading("Bundles compared")
    yield how_to_read(
        "The bundles read the same films, so their differences are paired. If an interval includes 0, these films "
        "do not show which bundle is better. Each statement gives the smallest difference that could have been "
        "detected."
    )
    if not evaluation.pairs:
        yield from silence(evaluation, None, PAIRS)
    for pair in evaluation.pairs:
        yield from _pair(pair)


def _pair(pair: Pair) -> Iterator[Block]:
    notes = Footnotes()
    yield Heading(f"{pair.first} and {pair.second}: {pair.target}", 2)
    yield Paragraph(
        f"{counted(pair.films, 'film')} of {counted(pair.patients, 'patient')}; calls at {pair.points[0]} and "
        f"{pair.points[1]}. Difference: {pair.first} minus {pair.second}, 95 % intervals from paired draws "
        "of patients."
    )
    rows = tuple(
        (
            NAMES.get(key, key),
            notes.number(comparison.first, why="does not exist on these films"),
            notes.number(comparison.second, why="does not exist on these films"),
            notes.cell(comparison.difference),
            comparison.verdict,
        )
        for key, comparison in pair.differences.items()
    )
    head = ("figure", "first", "second", "difference", "in words")
    yield Table(head, rows, words=frozenset({4}), widths=(2, 1.1, 1.1, 2.9, 5))
    yield from notes.blocks()
    drawn = [
        (NAMES.get(key, key), comparison.difference)
        for key, comparison in pair.differences.items()
        if not key.startswith("lr_")  # ratios, on a different scale
    ]
    yield Picture(
        forest(
            slug("pair", pair.first, pair.second, pair.target), drawn, label="difference", zero=0.0
        ),
        f"Differences, {pair.first} minus {pair.second}, with 95 % intervals over patients.",
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
            f"{test.only_first:,} and {test.only_second:,} films",
            f"{test.p_mid:.3f}",
        )
        for name, test in pair.mcnemar.items()
    ]
    yield Paragraph(
        "Tests that readers expect. Both assume independent films, so with several films per patient their "
        "p-values are too small. McNemar: films that only one of the two bundles calls correctly, mid-p.",
        soft=True,
    )
    yield Table(("test", "difference", "p"), tuple(rows), widths=(2, 3, 1))
    yield from notes.blocks()
