"""Reliability plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.plots.discrimination import short_text
from pneumoscope.evidence.report.plots.style import GREY, LIGHT, drawn, marks, unit_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.report.blocks import Plot
    from pneumoscope.evidence.statistics.intervals import Figure
    from pneumoscope.evidence.statistics.reliability import Bin
    from pneumoscope.evidence.statistics.smooth_calibration import SmoothCurve


def reliability(
    name: str,
    panels: Sequence[tuple[str, Sequence[Bin], Figure]],
    curves: Sequence[SmoothCurve | None] = (),
) -> Plot:
    """Reliability of several kinds of probabilities side by side.

    Args:
        name: File name without extension.
        panels: Title, bins and expected calibration error of each panel.
        curves: Smoothed curve of each panel; none if empty.
    """
    lines = curves or [None] * len(panels)

    def draw(figure: Drawing) -> None:
        for axes, (title, bins, error), curve in zip(
            figure.subplots(1, len(panels)), panels, lines, strict=True
        ):
            if curve is not None:
                axes.fill_between(
                    curve.predicted, curve.low, curve.high, color=LIGHT, alpha=0.3, linewidth=0
                )
                axes.plot(
                    curve.predicted, curve.observed, color=LIGHT, linestyle="-", label="smoothed"
                )
            axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1.2, label="perfect")
            predicted = [point.predicted for point in bins]
            marks(axes, predicted, [point.observed for point in bins], label="films, in bins")
            unit_axes(axes, "mean probability", "observed share")
            axes.legend(loc="upper left")
            axes.set_title(f"{title}\nECE {short_text(error)}", fontsize=9)

    return drawn(name, 6.9, 3.7, draw)
