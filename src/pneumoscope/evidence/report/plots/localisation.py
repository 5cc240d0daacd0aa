"""The plot of heat inside drawn regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.plots.style import BAND, DARK, LIGHT, drawn, marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.evaluation.localisation_results import RegionHeat
    from pneumoscope.evidence.report.blocks import Plot


def heat_in_regions(name: str, regions: Sequence[RegionHeat]) -> Plot:
    """Share of the heat and of the peaks inside each region, over the region's share of the film.

    Args:
        name: File name without extension.
        regions: From top to bottom.
    """

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        at = list(range(len(regions)))[::-1]
        areas = [0.0 if region.area is None else region.area for region in regions]
        axes.barh(at, areas, height=0.62, color=BAND, label="share of the film")
        above, below = [place + 0.14 for place in at], [place - 0.14 for place in at]
        marks(axes, above, [r.share for r in regions], colour=DARK, label="heat", sideways=True)
        marks(
            axes,
            below,
            [r.peak for r in regions],
            colour=LIGHT,
            shape="D",
            label="peak",
            sideways=True,
        )
        axes.set_yticks(at, [f"{r.region}: {r.heat_of}" for r in regions])
        axes.set(xlim=(0, 1.02), ylim=(-0.6, len(regions) - 0.4), xlabel="share inside the region")
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
        axes.grid(visible=False, axis="y")

    return drawn(name, 6.9, 1.2 + 0.4 * max(len(regions), 2), draw)
