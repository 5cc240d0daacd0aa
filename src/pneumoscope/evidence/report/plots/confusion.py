"""Confusion matrices as plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.report.plots.style import INK, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.report.blocks import Plot
    from pneumoscope.evidence.statistics.confusion import Confusion


def confusion(name: str, table: Confusion) -> Plot:
    """Counts and shares of each true class as two matrices."""
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
