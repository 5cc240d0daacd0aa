"""Plots of `heatmap_sanity` and `heatmap_deletion`; each function returns a Matplotlib figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure as Canvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.evidence.evaluation.heatmap_deletion import Curve, Perturbation
    from pneumoscope.evidence.evaluation.heatmap_sanity import Agreement, Randomisation, Similarity

_MEASURES = (("rank", "rank correlation"), ("ssim", "structural similarity"))


def plot_randomisation(result: Randomisation) -> Any:
    """Similarity to the original maps by the number of random layers."""
    canvas = Canvas(figsize=(6, 3.6), layout="constrained")
    axes = canvas.subplots()
    layers = [0, *(depth.layers for depth in result.depths)]
    for k, (measure, label) in enumerate(_MEASURES):
        figures: list[Any] = [getattr(depth.similarity, measure) for depth in result.depths]
        axes.plot(layers, [1.0, *(f.value for f in figures)], "o-", color=f"C{k}", label=label)
        for x, figure in zip(layers[1:], figures, strict=True):
            if figure.low is not None:
                axes.plot([x, x], [figure.low, figure.high], color=f"C{k}", linewidth=1)
        other: Any = getattr(result.other_films, measure)
        if other.value is not None:
            axes.axhline(other.value, color=f"C{k}", linestyle=":", label=f"{label}, other film")
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.set_xlabel("random layers, counted from the output")
    axes.set_ylabel("similarity to the original map")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return canvas


def plot_perturbation(result: Perturbation) -> Any:
    """Probability of the explained class while pixels are deleted (left) or inserted (right)."""
    canvas = Canvas(figsize=(10, 3.6), layout="constrained")
    panels = canvas.subplots(1, 2, sharey=True)
    curves: tuple[tuple[str, Sequence[Curve]], ...] = (
        ("deleted", result.deletion),
        ("inserted", result.insertion),
    )
    for axes, (what, orders) in zip(panels, curves, strict=True):
        for curve in orders:
            area = curve.area.value
            label = f"{curve.order}: {'not defined' if area is None else f'{area:.3f}'}"
            axes.plot(result.fractions, curve.probability, label=label)
        axes.set_xlabel(f"share of the pixels {what}")
        axes.legend(frameon=False, fontsize=8, title="area under the curve", title_fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("probability of the explained class")
    return canvas


def plot_agreement(result: Agreement) -> Any:
    """Similarity between the maps of two bundles for every pair, and between maps of different films."""
    rows: list[tuple[str, Similarity]] = [
        *result.pairs.items(),
        ("all pairs", result.mean),
        ("different films", result.other_films),
    ]
    canvas = Canvas(figsize=(8, 1.2 + 0.35 * len(rows)), layout="constrained")
    axes = canvas.subplots()
    for k, (measure, label) in enumerate(_MEASURES):
        for y, (_, similarity) in enumerate(reversed(rows)):
            figure: Any = getattr(similarity, measure)
            at = y + 0.1 - 0.2 * k
            # NaN where a figure does not exist: no mark, but a line in the legend.
            value = float("nan") if figure.value is None else figure.value
            axes.plot(value, at, "o", color=f"C{k}", label=label if y == 0 else None)
            if figure.low is not None:
                axes.plot([figure.low, figure.high], [at, at], color=f"C{k}")
    axes.set_yticks(range(len(rows)), [name for name, _ in reversed(rows)])
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.set_xlabel("similarity, 95 % interval")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return canvas
