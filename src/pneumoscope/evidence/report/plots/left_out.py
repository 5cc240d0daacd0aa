"""The plot of trainings that left a source out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.plots.forest import forest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.evidence.evaluation.left_out import LeftOut
    from pneumoscope.evidence.report.blocks import Plot

NAME = "leave-out"


def left_out_plot(results: Sequence[LeftOut]) -> Plot:
    """For each training the AUC on the films left out, and below it that on its validation films."""
    rows = [
        row
        for result in results
        for row in (
            (f"{result.name}, left out", result.whole.roc_auc),
            ("validation films of the others", result.validation_auc),
        )
    ]
    return forest(NAME, rows, label="AUC", zero=0.5)
