"""Plots of the coverage of conformal sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.plots.style import DARK, LIGHT, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.report.blocks import Plot
    from pneumoscope.evidence.statistics.coverage import RecalibratedCoverage


def conformal(name: str, result: RecalibratedCoverage) -> Plot:
    """Share of films whose set contains their class: mean and range over the splits."""
    names = list(result.by_class)

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        at = list(range(len(names)))[::-1]
        for place, share in zip(at, result.by_class.values(), strict=True):
            if share.mean is None or share.lowest is None or share.highest is None:
                continue
            axes.plot(
                [share.lowest, share.highest], [place, place], color=DARK, linestyle="-",
                linewidth=3, alpha=0.4,
            )  # fmt: skip
            axes.plot(share.mean, place, "o", color=DARK)
            text = f"{share.mean:.3f} ({share.lowest:.3f} to {share.highest:.3f})"
            axes.annotate(
                text, (1.02, place), xycoords=("axes fraction", "data"), fontsize=8, va="center"
            )
        promise = 1 - result.error
        axes.axvline(promise, color=LIGHT, linestyle="--", label=f"promised, {promise:.2f}")
        axes.set_yticks(at, names)
        axes.set(xlabel="coverage on patients not used for limits", ylim=(-0.6, len(names) - 0.4))
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0))
        axes.grid(visible=False, axis="y")

    return drawn(name, 6.9, 1.2 + 0.3 * max(len(names), 2), draw)
