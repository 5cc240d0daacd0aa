"""The plot of films without lungs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import drawings
from drawings import MISSING, known
from pneumoscope.evidence.evaluation.heat_shares import HeatShare
from pneumoscope.evidence.report.plots.anatomy import plot_anatomy
from pneumoscope.evidence.statistics.intervals import Figure
from reported import anatomy

HEAT = HeatShare(
    films=40, blank=0, in_lungs=Figure(0.6, 0.5, 0.7), area_of_lungs=0.3, in_box=Figure(0.8),
    area_of_box=0.5, outside_body=MISSING, area_outside_body=0.1,
)  # fmt: skip


def test_every_view_and_both_regressions_have_a_row() -> None:
    left, _ = plot_anatomy(anatomy()).axes
    names = [text.get_text() for text in left.get_yticklabels()][::-1]
    assert names == [
        "as they are",
        "without lungs (mean)",
        "outlines alone (separate regression)",
        "edges of the box alone (separate regression)",
    ]
    marks = {names[3 - int(y)]: x for item in left.lines if item.get_marker() == "o"
             for x, y in drawings.points(item)}  # fmt: skip
    assert marks == dict(zip(names, (0.9, 0.7, 0.55, 0.5), strict=True))
    assert drawings.texts(left) == ["0.500", "0.550", "0.700", "0.900"]
    assert [(0.6, 2), (0.8, 2)] in [drawings.points(item) for item in left.lines]


def test_a_view_that_was_not_measured_has_no_mark() -> None:
    left, _ = plot_anatomy(replace(anatomy(), outline_auc=MISSING, box_auc=MISSING)).axes
    assert drawings.texts(left) == ["0.700", "0.900"]
    assert len(left.get_yticklabels()) == 4


def test_bars_of_the_heat_stand_beside_the_area_that_even_heat_would_have() -> None:
    _, right = plot_anatomy(replace(anatomy(), heat={"bacterial": HEAT})).axes
    heights = [round(bar.get_height(), 6) for bar in right.patches]
    assert heights == [0.6, 0.8]  # outside the body nothing was measured
    dotted = [item.get_ydata()[0] for item in right.lines if item.get_linestyle() == ":"]
    assert dotted == [0.3, 0.5]
    assert drawings.legend(right) == ["bacterial"]


def test_bars_of_two_classes_do_not_overlap() -> None:
    other = replace(HEAT, in_lungs=known(0.4))
    _, right = plot_anatomy(replace(anatomy(), heat={"bacterial": HEAT, "viral": other})).axes
    spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in right.patches)
    assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(spans))
    _, right = plot_anatomy(replace(anatomy(), heat={})).axes
    assert right.get_legend() is None
