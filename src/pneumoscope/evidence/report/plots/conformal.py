"""Plots of conformal coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.evidence.report.plots.style import DARK, LIGHT, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.report.blocks import Plot
    from pneumoscope.evidence.statistics.coverage import ConformalCoverage


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
