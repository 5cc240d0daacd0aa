"""The plot of `pneumoscope.evidence.evaluation.anatomy`, a Matplotlib figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure as Canvas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.evidence.evaluation.anatomy import Anatomy
    from pneumoscope.evidence.evaluation.heat_shares import HeatShare
    from pneumoscope.evidence.statistics.intervals import Figure


def plot_anatomy(anatomy: Anatomy) -> Any:
    """Two panels: AUC of every view, and location of the heat of every class."""
    canvas = Canvas(figsize=(11, 4.2), layout="constrained")
    left, right = canvas.subplots(1, 2, width_ratios=(3, 2))
    rows = [(view.name, view.roc_auc) for view in anatomy.views]
    shape = "outlines" if anatomy.check is None else "lung field"
    rows.append((f"{shape} alone (separate regression)", anatomy.outline_auc))
    rows.append(("edges of the box alone (separate regression)", anatomy.box_auc))
    for y, (_, auc) in enumerate(reversed(rows)):
        if auc.value is not None:
            if auc.low is not None:
                left.plot([auc.low, auc.high], [y, y], color="C0", linewidth=2)
            left.plot(auc.value, y, "o", color="C0")
            left.annotate(f"{auc.value:.3f}", (auc.value, y), (0, 5), textcoords="offset points",
                          ha="center", fontsize=8)  # fmt: skip
    left.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
    left.set_ylim(-0.5, len(rows) - 0.2)
    left.axvline(0.5, color="grey", linestyle=":", linewidth=1)
    left.set_xlabel("ROC AUC, 95 % interval; 0.5 is chance")
    _plot_heat(right, anatomy.heat)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return canvas


def _plot_heat(axes: Any, heat: Mapping[str, HeatShare]) -> None:
    regions = (
        ("lungs", "in_lungs", "area_of_lungs"),
        ("box", "in_box", "area_of_box"),
        ("outside the body", "outside_body", "area_outside_body"),
    )
    width = 0.8 / max(len(heat), 1)
    for k, (label, share) in enumerate(heat.items()):
        for x, (_, inside, area) in enumerate(regions):
            at = x - 0.4 + (k + 0.5) * width
            figure: Figure = getattr(share, inside)
            if figure.value is None:
                continue
            name = label if x == 0 else None
            axes.bar(at, figure.value, 0.9 * width, color=f"C{k}", label=name)
            if figure.low is not None and figure.high is not None:
                axes.plot([at, at], [figure.low, figure.high], color="black", linewidth=1)
            axes.plot([at - width / 2, at + width / 2], [getattr(share, area)] * 2, color="black",
                      linestyle=":")  # fmt: skip
    axes.set_xticks(range(len(regions)), [name for name, *_ in regions])
    axes.set_ylabel("share of the heat (dotted: share of the film)")
    if heat:
        axes.legend(frameon=False)
