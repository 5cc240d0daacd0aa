"""Figures of several classes, where each film is assigned its most probable class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.statistics.confusion import confusion, kappa, mcc, tables
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import check_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.confusion import Confusion


@dataclass(frozen=True, slots=True)
class MostProbable:
    """Figures of several classes, each film assigned its most probable one.

    Attributes:
        balanced_accuracy: Mean sensitivity over classes.
        macro_f1: Mean F1 over classes.
        mcc: Matthews' correlation for several classes (Gorodkin 2004).
        kappa: Cohen's kappa, unweighted.
    """

    accuracy: Figure
    balanced_accuracy: Figure
    macro_f1: Figure
    mcc: Figure
    kappa: Figure
    confusion: Confusion


def most_probable(
    truth: NDArray[np.intp], p: NDArray[np.floating], labels: Sequence[str], boot: Bootstrap
) -> MostProbable:
    """Figures of several classes, each film assigned its most probable one.

    Args as in `ranking.one_against_rest`.
    """
    check_classes(truth, p, labels, boot)
    called, number = np.asarray(p.argmax(axis=1)), len(labels)
    table = tables(truth, called, number, boot)
    diagonal = np.einsum("dii->di", table)
    rows, columns = table.sum(axis=2), table.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = diagonal / rows
        f1 = 2 * diagonal / (rows + columns)
    absent = ", ".join(labels[k] for k in range(number) if rows[0, k] == 0)
    reason = f"no film of class {absent}"
    alike = "all films are of one class, or all are called alike"
    right = diagonal.sum(axis=1) / rows.sum(axis=1)
    fewest = min(boot.patients_with(truth == k) for k in np.unique(truth))
    return MostProbable(
        accuracy=figure_of(right, boot, "unit", trials=boot.patients),
        balanced_accuracy=figure_of(recall.mean(axis=1), boot, "unit", reason, patients=fewest),
        macro_f1=figure_of(f1.mean(axis=1), boot, "unit", reason, patients=fewest),
        mcc=figure_of(mcc(table), boot, "correlation", alike, patients=fewest),
        kappa=figure_of(kappa(table), boot, "correlation", alike, patients=fewest),
        confusion=confusion(truth, called, labels, boot),
    )
