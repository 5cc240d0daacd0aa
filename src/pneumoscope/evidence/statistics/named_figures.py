"""Figures by their names, from functions of weights: for the model card and the comparison of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.statistics.calls import SHARES, patients_behind
from pneumoscope.evidence.statistics.intervals import Figure, figure_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Bootstrap
    from pneumoscope.metrics import Weighted

AUC = "auc"
EXACT_AT_1 = {AUC, *SHARES, "class_accuracy"}
"""Figures that are 1 only if so many patients are all called, or ranked, correctly."""


def named_figure(
    name: str, measure: Weighted, positive: NDArray[np.bool_], boot: Bootstrap
) -> Figure:
    """A figure with the interval that `pneumoscope evaluate` gives it.

    Args:
        name: ``"auc"``, ``"f1"``, ``"class_accuracy"`` or a figure of `calls.AtThreshold`.
        measure: Takes weights (draws, films), returns the figure (draws,).
        positive: bool (films,).
        boot: Draws of the films' patients.
    """
    patients = patients_behind(name, positive, boot)
    return figure_of(
        boot.over(measure),
        boot,
        trials=patients if name in EXACT_AT_1 else 0,
        patients=patients,
        bias="log odds" if name == AUC else "none",
    )
