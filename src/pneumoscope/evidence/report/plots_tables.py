"""Plots of many figures beside each other: confusion, robustness, forests, shortcuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.evidence.report.plots import DARK, GREY, INK, LIGHT, drawn, marks
from pneumoscope.evidence.statistics.intervals import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.evaluation.results import Robustness
    from pneumoscope.evidence.report.blocks import Plot
    from pneumoscope.evidence.statistics.calls import Confusion
    from pneumoscope.evidence.statistics.coverage import ConformalCoverage

_COLUMNS = 5


def confusion(name: str, table: Confusion) -> Plot:
    """Counts, and shares of each true class, as two matrices."""
    number = len(table.labels)
    counts = np.array(table.counts, float)
    shares = np.array([[np.nan if f.value is None else f.value for f in row] for row in table.rows])
    words = [
        [[f"{int(n)}" for n in row] for row in counts],
        [["none" if np.isnan(s) else f"{s:.3f}" for s in row] for row in shares],
    ]
    height = 1.5 + 0.55 * number

    def draw(figure: Drawing) -> None:
        sides = figure.subplots(1, 2)
        for axes, cells, title in zip(sides, words, ("films", "share of the row"), strict=True):
            axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
            for i in range(number):
                for j in range(number):
                    colour = "white" if shares[i, j] > 0.75 else INK
                    axes.text(j, i, cells[i][j], ha="center", va="center", color=colour, size=10)
            axes.set_xticks(range(number), table.labels)
            axes.set_yticks(range(number), table.labels)
            axes.set(xlabel="called", title=title)
            axes.grid(visible=False)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        sides[0].set_ylabel("labelled")

    return drawn(name, 6.9, height, draw)


def robustness(name: str, result: Robustness) -> Plot:
    """Small multiples: one for each kind of perturbation, figures by severity."""
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
    # Intervals of one figure only: four would hide each other. The table has them all.
    told = [result.plain, *(c.figures for c in result.conditions)]
    ends = [f.value for own in told for f in own.values() if f.value is not None]
    ends += [f.low for own in told if (f := own["balanced_accuracy"]).low is not None]
    lowest = min(ends, default=0.0)
    rows = -(-len(kinds) // _COLUMNS)
    columns = min(_COLUMNS, len(kinds))

    def draw(figure: Drawing) -> None:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.flat[len(kinds) :]:
            axes.set_visible(False)
        for axes, kind in zip(grid.flat, kinds, strict=False):
            own = [c for c in result.conditions if c.kind == kind]
            at = [c.severity for c in own]
            for key, label, colour, shape, line in shown:
                places = [0.0, *at]
                figures = [result.plain[key], *(c.figures[key] for c in own)]
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


def forest(
    name: str,
    rows: Sequence[tuple[str, Figure]],
    *,
    label: str,
    zero: float | None = None,
) -> Plot:
    """Figures with intervals under each other.

    Args:
        name: Of the files.
        rows: Name and figure, from the top down.
        label: Of the axis.
        zero: Where a line stands for comparison.
    """

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        at = list(range(len(rows)))[::-1]
        marks(axes, at, [f for _, f in rows], sideways=True)
        axes.set_yticks(at, [text for text, _ in rows])
        for place, (_, own) in zip(at, rows, strict=True):
            text = "not defined" if own.value is None else _numbers(own)
            axes.annotate(
                text, (1.02, place), xycoords=("axes fraction", "data"), fontsize=8, va="center"
            )
        if zero is not None:
            axes.axvline(zero, color=GREY, linestyle="--", linewidth=1.2)
        axes.set(xlabel=label, ylim=(-0.6, len(rows) - 0.4))
        axes.grid(visible=False, axis="y")

    return drawn(name, 6.9, 0.9 + 0.27 * max(len(rows), 2), draw)


def _numbers(figure: Figure) -> str:
    assert figure.value is not None  # noqa: S101 - asked for figures that exist
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f} (no interval)"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def bars(
    name: str, rows: Sequence[tuple[str, Figure, bool]], *, whole: tuple[str, Figure] | None
) -> Plot:
    """AUCs as bars from 0.5 on, those of the model hatched.

    Args:
        name: Of the files.
        rows: What is known, its AUC, and whether the model saw it (else a classifier made for it).
        whole: Name and AUC of the model on whole films, as a line.
    """

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        at = list(range(len(rows)))[::-1]
        for place, (_, own, model) in zip(at, rows, strict=True):
            if own.value is not None:
                axes.barh(
                    place, own.value - 0.5, left=0.5, height=0.62, color=DARK if model else LIGHT,
                    alpha=0.85, hatch="" if model else "///", edgecolor="white",
                )  # fmt: skip
        marks(axes, at, [f for _, f, _ in rows], colour=INK, shape="|", sideways=True)
        axes.set_yticks(at, [text for text, _, _ in rows])
        for place, (_, own, _) in zip(at, rows, strict=True):
            text = "not measured" if own.value is None else _numbers(own)
            axes.annotate(
                text, (1.02, place), xycoords=("axes fraction", "data"), fontsize=8, va="center"
            )
        if whole is not None and whole[1].value is not None:
            axes.axvline(whole[1].value, color=INK, linestyle="--", linewidth=1.3, label=whole[0])
            axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0))
        axes.set(xlim=(0.5, 1.005), ylim=(-0.6, len(rows) - 0.4))
        axes.set(xlabel="AUC (0.5 tells nothing, 1 tells all)")
        axes.grid(visible=False, axis="y")

    return drawn(name, 6.9, 1.2 + 0.34 * max(len(rows), 2), draw)


def conformal(name: str, result: ConformalCoverage) -> Plot:
    """Share of films whose set holds their class: mean and range over the splits."""
    names = list(result.by_class)

    def draw(figure: Drawing) -> None:
        axes: Any = figure.subplots()
        at = list(range(len(names)))[::-1]
        for place, own in zip(at, result.by_class.values(), strict=True):
            if own.mean is None or own.lowest is None or own.highest is None:
                continue
            axes.plot(
                [own.lowest, own.highest],
                [place, place],
                color=DARK,
                linestyle="-",
                linewidth=3,
                alpha=0.4,
            )
            axes.plot(own.mean, place, "o", color=DARK)
            text = f"{own.mean:.3f} ({own.lowest:.3f} to {own.highest:.3f})"
            axes.annotate(
                text, (1.02, place), xycoords=("axes fraction", "data"), fontsize=8, va="center"
            )
        promise = 1 - result.alpha
        axes.axvline(promise, color=LIGHT, linestyle="--", label=f"promised, {promise:.2f}")
        axes.set_yticks(at, names)
        axes.set(xlabel="coverage on patients not calibrated on", ylim=(-0.6, len(names) - 0.4))
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0))
        axes.grid(visible=False, axis="y")

    return drawn(name, 6.9, 1.2 + 0.3 * max(len(names), 2), draw)
