"""Plots of decisions: net benefit, risk by coverage, predictive values by prevalence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.report.plots.style import (
    DARK,
    GREY,
    INK,
    LIGHT,
    band,
    drawn,
    marks,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Drawing
    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.target_results import (
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Plot
    from pneumoscope.evidence.statistics.decision_curve import DecisionCurve, RiskCoverage

    Array = NDArray[np.float64]


def decision(name: str, curve: DecisionCurve, thresholds: Sequence[tuple[str, float]]) -> Plot:
    """Net benefit of the model, of treating all and of treating none.

    Args:
        name: File name without extension.
        curve: What to draw.
        thresholds: Name and threshold of the operating points.
    """

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        band(axes, curve.thresholds, curve.model, DARK)
        axes.plot(curve.thresholds, values(curve.model), color=DARK, label="act on the model")
        axes.plot(
            curve.thresholds,
            values(curve.treat_all),
            color=LIGHT,
            linestyle="--",
            label="treat all",
        )
        axes.axhline(0, color=GREY, linestyle=":", linewidth=1.5, label="treat none")
        top = max((v for v in values(curve.model) if np.isfinite(v)), default=1.0)
        axes.set(xlim=(0, 1), ylim=(-0.15 * max(top, 0.1), 1.12 * max(top, 0.1)))
        axes.set(xlabel="threshold probability", ylabel="net benefit for each film")
        for i, (point, threshold) in enumerate(thresholds):
            axes.axvline(threshold, color=INK, linewidth=0.8, linestyle=(0, (1, 2 + i)))
            axes.annotate(
                point, (threshold, axes.get_ylim()[0]), (2, 3 + 9 * (i % 3)), fontsize=7,
                textcoords="offset points",
            )  # fmt: skip
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return drawn(name, 6.9, 3.1, draw)


def risk_coverage(name: str, curve: RiskCoverage) -> Plot:
    """Share of wrong calls by the share of films kept."""

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        band(axes, curve.coverages, curve.risks, DARK)
        axes.plot(
            curve.coverages, values(curve.risks), color=DARK, marker="o", markersize=3.5,
            label="most confident films kept",
        )  # fmt: skip
        if curve.full.value is not None:
            axes.axhline(
                curve.full.value, color=LIGHT, linestyle="--", label="films deferred at random"
            )
        axes.set(xlim=(0, 1.01), xlabel="share of films kept", ylabel="wrong calls among them")
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return drawn(name, 6.9, 2.8, draw)


def predictive_values(name: str, target: TargetResult) -> Plot:
    """PPV and NPV by prevalence, at each operating point.

    Lines follow from sensitivity and specificity by Bayes' rule. Marks are the recorded figures at the
    requested prevalences; the dotted line is the prevalence of the films.
    """
    shares = np.linspace(0.005, 0.995, 199)

    def draw(figure: Drawing) -> None:
        sides = np.atleast_1d(figure.subplots(1, len(target.points), sharey=True))
        for axes, point in zip(sides, target.points, strict=True):
            sens, spec = point.figures.sensitivity.value, point.figures.specificity.value
            if sens is not None and spec is not None:
                hits, false = sens * shares, (1 - spec) * (1 - shares)
                right, misses = spec * (1 - shares), (1 - sens) * shares
                axes.plot(shares, _part(hits, false), color=DARK, label="PPV")
                axes.plot(shares, _part(right, misses), color=LIGHT, linestyle="--", label="NPV")
            figures = point.at_prevalence
            at = [figure.prevalence for figure in figures]
            marks(axes, at, [figure.ppv for figure in figures], colour=DARK)
            marks(axes, at, [figure.npv for figure in figures], colour=LIGHT, shape="s")
            prevalence = point.figures.prevalence.value
            if prevalence is not None:
                axes.axvline(
                    prevalence, color=GREY, linestyle=":", linewidth=1.2, label="these films"
                )
            axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="prevalence", title=point.name)
        sides[0].set_ylabel("predictive value")
        if sides[0].get_legend_handles_labels()[0]:
            sides[0].legend(loc="lower center")

    return drawn(name, 6.9, 2.7, draw)


def _part(correct: Array, wrong: Array) -> Array:
    """correct / (correct + wrong); NaN where both are 0."""
    total = correct + wrong
    return np.divide(correct, total, out=np.full_like(total, np.nan), where=total > 0)
