"""Plots of perturbed films."""

from __future__ import annotations

from dataclasses import replace

import drawings
from drawings import MISSING
from pneumoscope.evidence.evaluation.section_results import Condition, Robustness
from pneumoscope.evidence.report.plots.robustness import robustness
from pneumoscope.evidence.statistics.intervals import Figure
from reported import robustness as result_of


def test_each_kind_has_a_panel_that_begins_with_the_unchanged_films() -> None:
    result = result_of(several=False)
    panels = drawings.axes_of(lambda: robustness("r", result))
    assert [axes.get_title(loc="left") for axes in panels] == ["jpeg", "crop"]
    for axes, worse in zip(panels, (0.0, 0.01), strict=True):
        for points, _ in drawings.marks(axes):
            # The record: 0.9, then 0.05 less with each severity, crop 0.01 less still.
            assert points == [
                (0, 0.9), *((k, round(0.9 - 0.05 * k - worse, 4)) for k in range(1, 6)),
            ]  # fmt: skip


def test_only_balanced_accuracy_has_whiskers() -> None:
    (axes, _) = drawings.axes_of(lambda: robustness("r", result_of(several=False)))
    lengths = [
        {round(abs(end[1][1] - end[0][1]), 4) for end in ends} for _, ends in drawings.marks(axes)
    ]
    assert lengths == [{0}, {0}, {0}, {0.15}]  # -0.1, +0.05


def test_findings_have_two_lines() -> None:
    (axes, _) = drawings.axes_of(lambda: robustness("r", result_of(several=True)))
    labels, _ = axes.get_legend_handles_labels()[::-1]
    assert labels == ["AUC", "balanced accuracy"]


def test_the_axis_reaches_down_to_the_lowest_figure_and_its_interval() -> None:
    (axes, _) = drawings.axes_of(lambda: robustness("r", result_of(several=False)))
    low, high = axes.get_ylim()
    assert low <= 0.64 - 0.1  # crop at severity 5, lower end
    assert high >= 1


def test_a_figure_that_does_not_exist_is_left_out() -> None:
    result: Robustness = result_of(several=True)
    first: Condition = result.conditions[0]
    bare = replace(first, figures={"roc_auc": MISSING, "balanced_accuracy": Figure(0.7)})
    result = replace(result, conditions=(bare, *result.conditions[1:]))
    (axes, _) = drawings.axes_of(lambda: robustness("r", result))
    auc, _ = drawings.marks(axes)
    assert [x for x, _ in auc[0]] == [0, 2, 3, 4, 5]


def test_seven_kinds_fill_two_rows_and_hide_the_rest() -> None:
    result = result_of(several=True)
    conditions = tuple(
        replace(result.conditions[0], kind=f"kind {i}", severity=1) for i in range(7)
    )
    drawing = drawings.drawing_of(lambda: robustness("r", replace(result, conditions=conditions)))
    assert [axes.get_visible() for axes in drawing.axes] == [True] * 7 + [False] * 3
    assert drawing.get_size_inches()[1] > 4
