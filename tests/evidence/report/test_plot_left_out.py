"""The plot of trainings that left a source out."""

from __future__ import annotations

import drawings
from drawings import MISSING, known
from left_out_results import left_out
from pneumoscope.evidence.report.plots.left_out import left_out_plot


def test_each_source_lies_above_the_validation_films_of_its_training() -> None:
    results = [left_out("north", known(0.8), known(0.9)), left_out("east", MISSING, known(0.7))]
    (axes,) = drawings.axes_of(lambda: left_out_plot(results))
    rows = sorted(
        zip(axes.get_yticks(), (t.get_text() for t in axes.get_yticklabels()), strict=True),
        reverse=True,
    )
    assert [text for _, text in rows] == [
        "north, left out", "validation films of the others",
        "east, left out", "validation films of the others",
    ]  # fmt: skip
    ((points, _),) = drawings.marks(axes)
    assert {y: x for x, y in points} == {rows[0][0]: 0.8, rows[1][0]: 0.9, rows[3][0]: 0.7}
    assert drawings.texts(axes)[2] == "not defined"
