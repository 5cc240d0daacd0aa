"""Plots of perturbed films."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.plots.style import DARK, GREY, INK, LIGHT, drawn, marks
from pneumoscope.evidence.statistics.intervals import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.evaluation.section_results import Robustness
    from pneumoscope.evidence.report.blocks import Plot

_COLUMNS = 5


def robustness(name: str, result: Robustness) -> Plot:
    """Small multiples, one for each kind of perturbation: figures by severity."""
    kinds = list(dict.fromkeys(c.kind for c in result.conditions))
    shown = [
        (key, label, colour, shape, line)
        for key, label, colour, shape, line in (
            ("sensitivity", "sensitivity", LIGHT, "s", "--"),
            ("specificity", "specificity", GREY, "^", ":"),
            ("roc_auc", "AUC", INK, "D", "-."),
            ("balanced_accuracy", "balanced accuracy", DARK, "o", "-"),
        )
        if key in result.plain
    ]
    # Intervals of one figure only: four would hide one another. The table contains them all.
    shown_figures = [result.plain, *(c.figures for c in result.conditions)]
    ends = [f.value for figures in shown_figures for f in figures.values() if f.value is not None]
    ends += [
        f.low for figures in shown_figures if (f := figures["balanced_accuracy"]).low is not None
    ]
    lowest = min(ends, default=0.0)
    rows = -(-len(kinds) // _COLUMNS)
    columns = min(_COLUMNS, len(kinds))

    def draw(figure: Drawing) -> None:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.flat[len(kinds) :]:
            axes.set_visible(False)
        for axes, kind in zip(grid.flat, kinds, strict=False):
            conditions = [c for c in result.conditions if c.kind == kind]
            at = [c.severity for c in conditions]
            for key, label, colour, shape, line in shown:
                places = [0.0, *at]
                figures = [result.plain[key], *(c.figures[key] for c in conditions)]
                if key != "balanced_accuracy":
                    figures = [Figure(f.value) for f in figures]
                marks(axes, places, figures, colour=colour, shape=shape, label=label, line=line)
            axes.set(title=kind, ylim=(max(-0.02, lowest - 0.04), 1.02))
            axes.set_xticks(range(6), ["0", "1", "2", "3", "4", "5"])
            axes.tick_params(labelbottom=True)
        for axes in grid[-1]:
            axes.set_xlabel("severity")
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(shown))

    return drawn(name, 7.4, 0.6 + 1.75 * rows, draw)
