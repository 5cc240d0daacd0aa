"""Plots of the verdicts that readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report.plots.style import DARK, GREY, INK, LIGHT, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.evaluation.verdict_results import VerdictResult
    from pneumoscope.evidence.report.blocks import Plot

_COLOURS, _HATCHES = (DARK, LIGHT, GREY, "white"), ("", "", "///", "...")
_LEAST = 0.06
"""Shares below this one are not written into their bar."""


def verdicts(name: str, result: VerdictResult) -> Plot:
    """Stacked bars: the shares of the labels among the films of each true class, and among all."""
    bars = [
        (
            f"{side}\n{counted(sum(label.counts[side] for label in result.labels), 'film')}",
            [label.by_class[side].value for label in result.labels],
        )
        for side in result.classes
    ]
    bars.append(
        (f"all\n{counted(result.films, 'film')}", [label.share.value for label in result.labels])
    )

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        at = list(range(len(bars)))[::-1]
        for place, (_, shares) in zip(at, bars, strict=True):
            left = 0.0
            for k, share in enumerate(shares):
                width = share or 0.0
                axes.barh(
                    place, width, left=left, height=0.62, color=_COLOURS[k], hatch=_HATCHES[k],
                    edgecolor=INK, linewidth=0.6,
                    label=result.labels[k].label if place == at[0] else None,
                )  # fmt: skip
                if width >= _LEAST:
                    axes.text(
                        left + width / 2, place, f"{width:.1%}", ha="center", va="center",
                        fontsize=8, color="white" if k == 0 else INK,
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1} if k > 1 else None,
                    )  # fmt: skip
                left += width
        axes.set_yticks(at, [text for text, _ in bars])
        axes.set(xlim=(0, 1), xlabel="share of the films", ylim=(-0.6, len(bars) - 0.4))
        axes.grid(visible=False, axis="y")
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(result.labels))

    return drawn(name, 6.9, 2.6, draw)
