"""The plot of a cross-validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.plots.forest import forest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.evidence.report.blocks import Plot
    from pneumoscope.evidence.statistics.intervals import Figure

NAME = "folds"


def folds_plot(by_fold: Mapping[int, Figure], pooled: Figure) -> Plot:
    """The AUC of each fold, and below them that of all films together.

    Args:
        by_fold: Number of a fold to the AUC on its films.
        pooled: AUC on the films of all folds.
    """
    rows = [(f"fold {number}", auc) for number, auc in by_fold.items()]
    return forest(NAME, [*rows, ("pooled", pooled)], label="AUC", zero=0.5)
