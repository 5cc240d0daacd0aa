"""Plots of many figures, one below the other."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from pneumoscope.evidence.report.plots.style import DARK, GREY, INK, LIGHT, drawn, marks
from pneumoscope.evidence.statistics.intervals import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.report.blocks import Plot

_WIDTH, _LINES = 36, 2
"""Characters in a line of a row's name, and lines: more would leave no room for the figures."""


def forest(
    name: str,
    rows: Sequence[tuple[str, Figure]],
    *,
    label: str,
    zero: float | None = None,
) -> Plot:
    """Figures with intervals, one below the other.

    Args:
        name: File name without extension.
        rows: Name and figure, from top to bottom.
        label: Label of the axis.
        zero: Position of a vertical line for comparison; None for none.
    """

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        at = list(range(len(rows)))[::-1]
        marks(axes, at, [f for _, f in rows], sideways=True)
        axes.set_yticks(at, [_wrapped(text) for text, _ in rows])
        for place, (_, row) in zip(at, rows, strict=True):
            text = "not defined" if row.value is None else _numbers(row)
            axes.annotate(
                text, (1, place), (9, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                fontsize=8, va="center",
            )  # fmt: skip
        if zero is not None:
            axes.axvline(zero, color=GREY, linestyle="--", linewidth=1.2)
        axes.set(xlabel=label, ylim=(-0.6, len(rows) - 0.4))
        axes.grid(visible=False, axis="y")

    row = 0.27 if all(len(text) <= _WIDTH for text, _ in rows) else 0.36
    return drawn(name, 6.9, 0.9 + row * max(len(rows), 2), draw)


def _wrapped(text: str) -> str:
    """A row's name in at most two lines; of a longer one the end is kept, in which groups often differ."""
    lines = wrap(text, _WIDTH)
    if len(lines) <= _LINES:
        return "\n".join(lines)
    return f"{lines[0]}\n... {text[4 - _WIDTH :]}"


def _numbers(figure: Figure) -> str:
    assert figure.value is not None  # noqa: S101 - only called for figures that exist
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f} (no interval)"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def bars(
    name: str, rows: Sequence[tuple[str, Figure, bool]], *, whole: tuple[str, Figure] | None
) -> Plot:
    """AUCs as bars that start at 0.5; those of other classifiers than the model are hatched.

    Args:
        name: File name without extension.
        rows: Name, AUC, and whether it is the model's (else that of a classifier fitted for it).
        whole: Name and AUC of the model on whole films, drawn as a line; None for no line.
    """

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        at = list(range(len(rows)))[::-1]
        for place, (_, auc, model) in zip(at, rows, strict=True):
            if auc.value is not None:
                axes.barh(
                    place, auc.value - 0.5, left=0.5, height=0.62, color=DARK if model else LIGHT,
                    alpha=0.85, hatch="" if model else "///", edgecolor="white",
                )  # fmt: skip
        marks(axes, at, [f for _, f, _ in rows], colour=INK, shape="|", sideways=True)
        axes.set_yticks(at, [text for text, _, _ in rows])
        for place, (_, auc, _) in zip(at, rows, strict=True):
            text = "not measured" if auc.value is None else _numbers(auc)
            axes.annotate(
                text, (1.02, place), xycoords=("axes fraction", "data"), fontsize=8, va="center"
            )
        if whole is not None and whole[1].value is not None:
            axes.axvline(whole[1].value, color=INK, linestyle="--", linewidth=1.3, label=whole[0])
            # To the left from above the figures: names of bundles are long.
            axes.legend(loc="lower right", bbox_to_anchor=(1.4, 1.0))
        axes.set(xlim=(0.5, 1.005), ylim=(-0.6, len(rows) - 0.4))
        axes.set(xlabel="AUC (0.5: no information, 1: perfect)")
        axes.grid(visible=False, axis="y")

    return drawn(name, 6.9, 1.2 + 0.34 * max(len(rows), 2), draw)
