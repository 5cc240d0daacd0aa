"""The plot of a cross-validation."""

from __future__ import annotations

import drawings
from drawings import MISSING, known
from pneumoscope.evidence.report.plots.folds import folds_plot


def test_all_films_together_are_below_the_folds() -> None:
    (axes,) = drawings.axes_of(lambda: folds_plot({1: known(0.8), 2: MISSING}, known(0.7)))
    rows = sorted(
        zip(axes.get_yticks(), (t.get_text() for t in axes.get_yticklabels()), strict=True),
        reverse=True,
    )
    assert [text for _, text in rows] == ["fold 1", "fold 2", "pooled"]
    ((points, _),) = drawings.marks(axes)
    assert {y: x for x, y in points} == {rows[0][0]: 0.8, rows[2][0]: 0.7}
