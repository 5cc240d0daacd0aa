"""Reliability plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.evidence.report.plots.discrimination import short_text
from pneumoscope.evidence.report.plots.style import (
    GREY,
    drawn,
    marks,
    unit_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.evaluation.target_results import (
        Calibration,
        CalibrationResult,
    )
    from pneumoscope.evidence.report.blocks import Plot


def reliability(name: str, result: CalibrationResult) -> Plot:
    """Reliability before and after calibration, with intervals of the observed share."""

    def draw(figure: Drawing) -> None:
        sides = figure.subplots(1, 2)
        titles = ("before calibration", "after calibration")
        for axes, own, title in zip(sides, (result.before, result.after), titles, strict=True):
            _reliability(axes, own)
            axes.set_title(f"{title}\nECE {short_text(own.error.ece)}", fontsize=9)

    return drawn(name, 6.9, 3.7, draw)


def _reliability(axes: Any, result: Calibration) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1.2, label="perfect")
    at = [point.predicted for point in result.reliability]
    marks(axes, at, [point.observed for point in result.reliability], label="films, in bins")
    unit_axes(axes, "mean probability", "observed share")
    axes.legend(loc="upper left")
