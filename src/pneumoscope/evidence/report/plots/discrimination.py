"""Plots of how well scores rank films: ROC, precision and recall, scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.report.plots.style import (
    BAND,
    DARK,
    GREY,
    INK,
    LIGHT,
    drawn,
    unit_axes,
)
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.metrics import threshold_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Drawing
    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.target_results import (
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Plot

    Array = NDArray[np.float64]

BAND_DRAWS = 500
_GRID = np.linspace(0.0, 1.0, 201)
_SHAPES = "osD^vP*X"


def roc_band(
    positive: NDArray[np.bool_], p: Array, patients: Sequence[str], draws: int = BAND_DRAWS
) -> tuple[Array, Array, Array]:
    """Pointwise 95 % band of sensitivity over the false positive rate, from draws of patients.

    Args:
        positive: bool (films,), with both classes.
        p: float (films,).
        patients: Key of each film's patient.
        draws: Number of draws of patients.

    Returns:
        False positive rates and the lower and upper ends of the band there, (201,) each.
    """
    boot = Bootstrap.of(patients, draws)
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(p[order]) != 0, True])

    def curves(weights: Array) -> Array:
        ordered = weights[:, order]
        hits = np.cumsum(np.where(positive[order], ordered, 0.0), axis=1)
        false = np.cumsum(np.where(positive[order], 0.0, ordered), axis=1)
        rows = []
        for hit, miss in zip(hits, false, strict=True):
            if hit[-1] == 0 or miss[-1] == 0:
                continue  # a draw without one of the classes has no curve
            x, y = miss[ends] / miss[-1], hit[ends] / hit[-1]
            rows.append(np.interp(_GRID, np.r_[0.0, x], np.r_[0.0, y]))
        return np.reshape(rows, (-1, len(_GRID)))

    low, high = np.percentile(boot.over(curves)[1:], [2.5, 97.5], axis=0)
    return _GRID, low, high


def roc(name: str, target: TargetResult, patients: Sequence[str]) -> Plot:
    """ROC curve with its band and the operating points: the whole curve and its upper left corner."""
    assert target.roc is not None  # noqa: S101 - only called where there is a curve
    curve = target.roc
    grid, low, high = roc_band(target.positive, target.p, patients)

    def draw(figure: Drawing) -> None:
        whole, corner = figure.subplots(1, 2)
        for axes in (whole, corner):
            axes.fill_between(grid, low, high, color=BAND, linewidth=0, label="95 % band")
            axes.plot(curve.x, curve.y, color=DARK, label="ROC curve")
            for shape, point in zip(_SHAPES, target.points, strict=False):
                sens, spec = point.figures.sensitivity.value, point.figures.specificity.value
                if sens is not None and spec is not None:
                    style = {"color": LIGHT, "edgecolor": INK, "s": 42, "zorder": 5}
                    axes.scatter(1 - spec, sens, marker=shape, label=point.name, **style)
        whole.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="chance")
        unit_axes(whole, "1 - specificity", "sensitivity")
        whole.legend(loc="lower right")
        whole.set_title(f"AUC {short_text(target.ranking.roc_auc)}")
        corner.set(xlim=(-0.005, 0.305), ylim=(0.695, 1.005), xlabel="1 - specificity")
        corner.set_aspect("equal")
        corner.set_title("upper left corner")

    return drawn(name, 6.9, 3.5, draw)


def precision_recall(name: str, target: TargetResult) -> Plot:
    """Precision and recall, with the share of positive films as the chance level."""
    assert target.precision_recall is not None  # noqa: S101 - as `roc`
    curve = target.precision_recall
    share = target.positives / target.films

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        # Up to each recall the precision of the threshold that reaches it: the area below these
        # steps is the average precision.
        recall, precision = (0.0, *curve.x), (curve.y[0], *curve.y)
        axes.step(recall, precision, where="pre", color=DARK, label="precision")
        axes.axhline(share, color=GREY, linestyle=":", linewidth=1.2, label=f"chance, {share:.2f}")
        unit_axes(axes, "recall (sensitivity)", "precision (PPV)")
        axes.legend(loc="lower left")
        axes.set_title(f"Average precision {short_text(target.ranking.average_precision)}")

    return drawn(name, 3.9, 3.7, draw)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The scores of one class of films.

    Attributes:
        name: Name of the class.
        p: P(positive), (films,).
    """

    name: str
    p: Array


def scores(
    name: str,
    positive: Scores,
    negative: Scores,
    thresholds: Sequence[tuple[str, float]],
    *,
    question: str,
) -> Plot:
    """Histogram of the scores of both classes, with the operating points.

    Args:
        name: File name without extension.
        positive: Scores of the positive films.
        negative: Scores of the negative films.
        thresholds: Name and threshold of the operating points.
        question: What P(positive) is called, such as ``"PNEUMONIA"``.
    """
    bins = [k / 40 for k in range(41)]

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        for films, colour, hatch in ((positive, LIGHT, ""), (negative, DARK, "///")):
            axes.hist(
                films.p, bins, histtype="stepfilled", facecolor=(colour, 0.5), hatch=hatch,
                edgecolor=colour, linewidth=1.2, label=f"{films.name} ({len(films.p)})",
            )  # fmt: skip
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:.0f}")
        strokes = ("-", "--", ":", "-.")
        for i, (point, threshold) in enumerate(thresholds):
            axes.axvline(
                threshold, color=INK, linewidth=1.3, linestyle=strokes[i % 4],
                label=f"{point}, {threshold_text(threshold)}",
            )  # fmt: skip
        axes.set(xlim=(0, 1), xlabel=f"P({question})", ylabel="films (logarithmic)")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return drawn(name, 6.9, 2.9, draw)


def short_text(figure: object) -> str:
    """A figure for a title, without the note on what is missing."""
    return str(figure).split(" (no interval")[0].split(":")[0]
